"""Who is on call: shifts that come again every week in the practice's own time, and days that differ.

A rota is written in YAML with the keys of staff (`handrail rota check rota.yml`); what is kept and asked here holds their
ids. Times are wall-clock times, so a night shift stays a night shift when the clocks change.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bot.recovery.check_in import DAYS, Day, parse_time
from bot.recovery.times import LocalTime, Zone

_FIRST_YEAR, _LAST_YEAR = 2000, 2100
LOOKS_AHEAD = timedelta(days=14)


class RotaError(Exception):
    """A rota that cannot be used. ``faults`` holds one line a fault, with its place."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class Shift(BaseModel):
    """The same hours on some days of every week; one that ends at or before its beginning ends on the next day."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    who: str
    days: tuple[Day, ...] = Field(default=DAYS, min_length=1)
    starts: LocalTime = Field(alias="from")
    ends: LocalTime = Field(alias="until")


class Override(BaseModel):
    """A stretch of time in which only these people are on call, whatever the shifts say."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    who: str
    starts: datetime = Field(alias="from")
    ends: datetime = Field(alias="until")

    @model_validator(mode="after")
    def _has_a_length(self) -> "Override":
        if self.starts.tzinfo or self.ends.tzinfo:
            raise ValueError("write the times of the rota's own zone, without an offset")
        if self.ends <= self.starts:
            raise ValueError("it ends before it begins")
        if not _FIRST_YEAR <= self.starts.year <= self.ends.year <= _LAST_YEAR:
            raise ValueError(f"its years are between {_FIRST_YEAR} and {_LAST_YEAR}")
        return self


class Rota(BaseModel):
    """Shifts and overrides in one time zone, and who a step for the supervisor pages.

    ``outside`` says what becomes of an alert that is no danger while nobody is on call: everyone is asked, or it waits
    for the next shift, as in a practice with published hours. A danger never waits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    time_zone: Zone
    shifts: tuple[Shift, ...] = Field(min_length=1)
    overrides: tuple[Override, ...] = ()
    supervisors: tuple[str, ...] = ()
    outside: Literal["everyone", "wait"] = "everyone"

    def named(self) -> Iterator[tuple[str, str]]:
        """Everybody who is named, with the place."""
        for at, shift in enumerate(self.shifts, 1):
            yield f"shift {at}", shift.who
        for at, override in enumerate(self.overrides, 1):
            yield f"override {at}", override.who
        for name in self.supervisors:
            yield "supervisors", name


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time (UTC) and who is on call in it; empty where nobody is."""

    starts: datetime
    ends: datetime
    who: tuple[str, ...]


def read_rota(data: Any, ids: Mapping[str, str]) -> Rota:
    """Check a rota as it was written, and put the ids of staff in place of their keys.

    Raises:
        RotaError: with every fault at once.
    """
    try:
        rota = Rota.model_validate(data)
    except ValidationError as error:
        raise RotaError([_told(item) for item in error.errors()]) from error
    unknown = [f"{place}: nobody on staff has the key {key}" for place, key in rota.named() if key not in ids]
    if unknown:
        raise RotaError(unknown)
    return rename(rota, ids)


def rename(rota: Rota, names: Mapping[str, str]) -> Rota:
    """The same rota with other names for its people; who has none keeps theirs."""
    return rota.model_copy(
        update={
            "shifts": tuple(s.model_copy(update={"who": names.get(s.who, s.who)}) for s in rota.shifts),
            "overrides": tuple(o.model_copy(update={"who": names.get(o.who, o.who)}) for o in rota.overrides),
            "supervisors": tuple(names.get(name, name) for name in rota.supervisors),
        }
    )


def _told(item: Any) -> str:
    place = " ".join(f"{part + 1}" if isinstance(part, int) else str(part) for part in item["loc"]) or "rota"
    singular = place.replace("shifts ", "shift ").replace("overrides ", "override ")
    return f"{singular}: {item['msg'].removeprefix('Value error, ')}"


def on_call(rota: Rota, moment: datetime) -> tuple[str, ...]:
    """Who is on call at a moment."""
    (span,) = spans(rota, moment, moment + timedelta(microseconds=1))
    return span.who


def closed_until(rota: Rota, moment: datetime) -> datetime | None:
    """When the next shift begins, where nobody is on call and what is no danger waits for that; nothing otherwise."""
    if rota.outside != "wait":
        return None
    now, *_ = spans(rota, moment, moment + LOOKS_AHEAD)
    return None if now.who else now.ends


def spans(rota: Rota, starts: datetime, ends: datetime) -> list[Span]:
    """Who is on call from one moment to another, without a hole: neighbouring spans differ."""
    usual, other = list(_shifts(rota, starts, ends)), list(_overrides(rota))
    edges = sorted({starts, ends, *(edge for a, b, _ in (*usual, *other) for edge in (a, b) if starts < edge < ends)})
    found: list[Span] = []
    for begin, end in pairwise(edges):
        who = _names(other, begin) or _names(usual, begin)
        if found and found[-1].who == who:
            found[-1] = Span(found[-1].starts, end, who)
        else:
            found.append(Span(begin, end, who))
    return found


def gaps(rota: Rota, starts: datetime, within: timedelta = LOOKS_AHEAD) -> list[Span]:
    """The stretches of time to come in which nobody is on call."""
    return [span for span in spans(rota, starts, starts + within) if not span.who]


def doubled(rota: Rota, starts: datetime, within: timedelta = LOOKS_AHEAD) -> list[Span]:
    """The stretches of time to come in which several people are on call at once."""
    return [span for span in spans(rota, starts, starts + within) if len(span.who) > 1]


def _names(some: Iterable[tuple[datetime, datetime, str]], moment: datetime) -> tuple[str, ...]:
    return tuple(dict.fromkeys(who for starts, ends, who in some if starts <= moment < ends))


def _shifts(rota: Rota, starts: datetime, ends: datetime) -> Iterator[tuple[datetime, datetime, str]]:
    zone = ZoneInfo(rota.time_zone)
    day = starts.astimezone(zone).date() - timedelta(days=1)
    while day <= ends.astimezone(zone).date():
        for shift in rota.shifts:
            if DAYS[day.weekday()] in shift.days:
                begin, end = parse_time(shift.starts), parse_time(shift.ends)
                last = day if end > begin else day + timedelta(days=1)
                yield _moment(day, begin, zone), _moment(last, end, zone), shift.who
        day += timedelta(days=1)


def _overrides(rota: Rota) -> Iterator[tuple[datetime, datetime, str]]:
    zone = ZoneInfo(rota.time_zone)
    for override in rota.overrides:
        yield (
            _moment(override.starts.date(), override.starts.time(), zone),
            _moment(override.ends.date(), override.ends.time(), zone),
            override.who,
        )


def _moment(day: date, clock: time, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)
