"""The daily check-in: what it asks, when it is due, how long an answer counts."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# What a check-in is kept under beside its day: the first of a day, and the second where someone wants two.
SLOTS = ("daily", "second")
DAILY, SECOND = SLOTS
FOLLOW_UP_AFTER = timedelta(hours=2)
COUNTS_FOR = timedelta(hours=12)


class CheckInStatus(StrEnum):
    """How a check-in stands. ``SNOOZED``: the client wants to be asked later on the same day."""

    ASKED = "asked"
    SNOOZED = "snoozed"
    PARTIAL = "partial"
    ANSWERED = "answered"
    MISSED = "missed"
    SKIPPED = "skipped"


def local_date(moment: datetime, zone: ZoneInfo) -> date:
    """The calendar day that a moment belongs to where the client lives."""
    return moment.astimezone(zone).date()


def next_due(after: datetime, zone: ZoneInfo, at: time) -> datetime:
    """The next moment, in UTC and later than ``after``, at which the client's clock shows ``at``.

    A time that the clock skips (summer time begins) is taken an hour later; one that it shows twice is taken the
    first time. So each local day has exactly one.
    """
    return Rhythm((at,)).next_due(after, zone)


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When a client wants to be asked, by their own clock: at one time of day or two, on all days of the week or some.

    Written as ``09:00``, ``09:00 20:30`` or ``09:00 mon tue fri``.
    """

    times: tuple[time, ...] = (time(9),)
    days: frozenset[str] = frozenset(DAYS)

    def __post_init__(self) -> None:
        if not 1 <= len(self.times) <= len(SLOTS):
            raise ValueError("give one time of day, or two")
        if len(set(self.times)) < len(self.times):
            raise ValueError("the two times are the same")
        if not self.days or not self.days <= set(DAYS):
            raise ValueError(f"the days are {', '.join(DAYS)}")
        object.__setattr__(self, "times", tuple(sorted(self.times)))

    @classmethod
    @cache
    def parse(cls, text: str) -> "Rhythm":
        """What ``str`` wrote.

        Raises:
            ValueError: it is none; says why.
        """
        words = text.lower().replace(",", " ").split()
        try:
            times = tuple(parse_time(word) for word in words if word[0].isdigit())
        except ValueError:
            raise ValueError("a time is from 00:00 to 23:59") from None
        return cls(times, frozenset(word for word in words if not word[0].isdigit()) or frozenset(DAYS))

    def __str__(self) -> str:
        days = [] if len(self.days) == len(DAYS) else [day for day in DAYS if day in self.days]
        return " ".join([*(f"{at:%H:%M}" for at in self.times), *days])

    def next_due(self, after: datetime, zone: ZoneInfo) -> datetime:
        """The next moment (UTC), later than ``after``, at which the client is to be asked."""
        day = local_date(after, zone)
        while True:
            for due, _, _ in self._of_day(day, zone):
                if due > after:
                    return due
            day += timedelta(days=1)

    def slot(self, due: datetime, zone: ZoneInfo) -> tuple[datetime, date, str]:
        """Of the check-in that was due last at this moment: when it was, its local day and its slot."""
        today = local_date(due, zone)
        # It may have waited beyond midnight, and with few days a week the one before is up to a week ago.
        for back in range(len(DAYS) + 1):
            for moment, day, slot in reversed(self._of_day(today - timedelta(days=back), zone)):
                if moment <= due:
                    return moment, day, slot
        return due, today, DAILY

    def _of_day(self, day: date, zone: ZoneInfo) -> list[tuple[datetime, date, str]]:
        """The moments of one local day, in order.

        ``fold=0`` gives the first of two, and for a skipped time the offset before the change, which lands after it, and
        perhaps after the other one: so each local day has each of its times exactly once.
        """
        if DAYS[day.weekday()] not in self.days:
            return []
        return sorted(
            (datetime.combine(day, at, tzinfo=zone).astimezone(UTC), day, slot)
            for slot, at in zip(SLOTS, self.times, strict=False)
        )


# How staff write a rhythm.
WRITTEN = "When they are asked, by their own clock: 09:00, or two times as 09:00 20:30, or with days as 09:00 mon,tue."


def read_rhythm(text: str) -> Rhythm:
    """A rhythm as staff write it: ``09:00``, ``09:00 20:30``, ``09:00 mon,tue``; by day only.

    Raises:
        ValueError: it is none, or at night; says why.
    """
    try:
        rhythm = Rhythm.parse(text)
    except ValueError as error:
        raise ValueError(
            f"{text!r}: {error}; write one time or two and perhaps days, such as 09:00 or 09:00 20:30 mon tue"
        ) from None
    if not all(DAY_BEGINS <= at <= DAY_ENDS for at in rhythm.times):
        raise ValueError(f"{text!r}: nobody is written to between 21:00 and 08:00: give times of the day")
    return rhythm


# Between these, by their own clock, people may be written to of our own accord (47 CFR 64.1200(c)(1)).
DAY_BEGINS, DAY_ENDS = time(8, 0), time(21, 0)


def quiet_until(moment: datetime, zone: ZoneInfo) -> datetime | None:
    """Until when it is night where someone lives; nothing by day."""
    if DAY_BEGINS <= moment.astimezone(zone).time() < DAY_ENDS:
        return None
    return next_due(moment, zone, DAY_BEGINS)


def spoken_time(at: time, language: str) -> str:
    """A time of day as one says it: "9 am", "8:46 pm"; in Spanish "20:46"."""
    if language == "es":
        return at.strftime("%H:%M")
    minute = f":{at.minute:02d}" if at.minute else ""
    return f"{at.hour % 12 or 12}{minute} {'am' if at.hour < 12 else 'pm'}"


def spoken_times(times: Sequence[time], language: str) -> str:
    """Times of day as one says them: "9 am and 8:30 pm"."""
    return (" y " if language == "es" else " and ").join(spoken_time(at, language) for at in times)


_DAYS_SPOKEN = dict(
    zip(DAYS, ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays"), strict=True)
)


def spoken_days(days: Collection[str]) -> str:
    """Days of the week as one says them: "every day", "on weekdays", "on Mondays and Fridays"."""
    if len(days) == len(DAYS):
        return "every day"
    if set(days) == set(DAYS[:5]):
        return "on weekdays"
    names = [_DAYS_SPOKEN[day] for day in DAYS if day in days]
    return "on " + " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def parse_time(text: str) -> time:
    """A wall-clock time such as ``09:00``.

    Raises:
        ValueError: it is not one.
    """
    hours, _, minutes = text.partition(":")
    return time(int(hours), int(minutes))
