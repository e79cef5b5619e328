"""The daily check-in: what it asks, when it is due, how long an answer counts."""

from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

DAILY = "daily"
FOLLOW_UP_AFTER = timedelta(hours=2)
COUNTS_FOR = timedelta(hours=12)


class CheckInStatus(StrEnum):
    ASKED = "asked"
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
    day = local_date(after, zone)
    while True:
        # fold=0 gives the first of two, and for a skipped time the offset before the change, which lands after it.
        due = datetime.combine(day, at, tzinfo=zone).astimezone(UTC)
        if due > after:
            return due
        day += timedelta(days=1)


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


def parse_time(text: str) -> time:
    """A wall-clock time such as ``09:00``.

    Raises:
        ValueError: it is not one.
    """
    hours, _, minutes = text.partition(":")
    return time(int(hours), int(minutes))
