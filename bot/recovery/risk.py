"""How much there is to worry about a client, by rules that anybody can read, with the reasons in words.

It is no prediction and no diagnosis: it says which changes somebody who looks after this client would want to know of. What
each rule rests on, and where it is blind: ``docs/risk.md``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from statistics import fmean, median


class RiskLevel(StrEnum):
    """Ascending; a rise is told to staff, once."""

    STEADY = "steady"
    WATCH = "watch"
    RAISED = "raised"

    @property
    def rank(self) -> int:
        return list(RiskLevel).index(self)


@dataclass(frozen=True, slots=True)
class Day:
    """A check-in that was asked for: what was answered, newest day first in a list; ``None`` is not answered."""

    missed: bool
    craving: int | None = None
    mood: int | None = None
    sleep_hours: float | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known of a client.

    Attributes:
        days: check-ins of the last four weeks, newest first.
        wrote: when they wrote, newest first, in the same time.
        cravings: when they went through a craving, in the same time.
        lapses: when they told of a lapse, in the same time.
    """

    now: datetime
    days: Sequence[Day]
    wrote: Sequence[datetime]
    cravings: Sequence[datetime]
    lapses: Sequence[datetime]


@dataclass(frozen=True, slots=True)
class Reason:
    """One rule that holds, in words."""

    level: RiskLevel
    words: str
    silence: bool = False


@dataclass(frozen=True, slots=True)
class Risk:
    level: RiskLevel
    reasons: tuple[Reason, ...]

    @property
    def by_silence(self) -> bool:
        """Whether what raised it is that nothing is heard of them."""
        return any(reason.silence and reason.level is self.level for reason in self.reasons)

    @property
    def words(self) -> str:
        return "; ".join(reason.words for reason in self.reasons)


# Fewer answers than this tell of no trend.
RECENT, BEFORE = 3, 7
WATCHES_THAT_RAISE = 3
SILENT_AT_LEAST = timedelta(hours=48)


def assess(picture: Picture) -> Risk:
    """The level with its reasons; three things to watch at once are as much as one that is raised."""
    reasons = [reason for rule in _RULES for reason in rule(picture)]
    watched = sum(reason.level is RiskLevel.WATCH for reason in reasons)
    raised = watched >= WATCHES_THAT_RAISE or any(reason.level is RiskLevel.RAISED for reason in reasons)
    level = RiskLevel.RAISED if raised else RiskLevel.WATCH if watched else RiskLevel.STEADY
    return Risk(level, tuple(sorted(reasons, key=lambda reason: -reason.level.rank)))


def _missed(picture: Picture) -> list[Reason]:
    count = 0
    for day in picture.days:
        if not day.missed:
            break
        count += 1
    if count < 2:
        return []
    level = RiskLevel.RAISED if count >= 3 else RiskLevel.WATCH
    return [Reason(level, f"{count} check-ins in a row without an answer", silence=True)]


def _silence(picture: Picture) -> list[Reason]:
    """Longer without a word than is usual for them; whoever writes seldom is not silent by that."""
    gaps = [a - b for a, b in pairwise(picture.wrote) if a - b > timedelta(hours=1)]
    if len(gaps) < RECENT:
        return []
    usual = timedelta(seconds=median(gap.total_seconds() for gap in gaps))
    silent = picture.now - picture.wrote[0]
    for level, times, least in ((RiskLevel.RAISED, 5, 2 * SILENT_AT_LEAST), (RiskLevel.WATCH, 3, SILENT_AT_LEAST)):
        if silent >= max(least, times * usual):
            return [Reason(level, f"nothing heard for {_span(silent)}, usually every {_span(usual)}", silence=True)]
    return []


def _craving(picture: Picture) -> list[Reason]:
    levels = [day.craving for day in picture.days if day.craving is not None]
    if len(levels) >= 2 and min(levels[:2]) >= 8:
        return [Reason(RiskLevel.RAISED, f"craving at {levels[1]} and {levels[0]} of 10 on the last two days")]
    return _trend(levels, "craving", up=True)


def _mood(picture: Picture) -> list[Reason]:
    levels = [day.mood for day in picture.days if day.mood is not None]
    if len(levels) >= 2 and max(levels[:2]) <= 2:
        return [Reason(RiskLevel.RAISED, f"mood at {levels[1]} and {levels[0]} of 10 on the last two days")]
    return _trend(levels, "mood", up=False)


def _trend(levels: Sequence[int], what: str, *, up: bool) -> list[Reason]:
    if len(levels) < RECENT + RECENT:
        return []
    recent, before = fmean(levels[:RECENT]), fmean(levels[RECENT : RECENT + BEFORE])
    worse = recent - before if up else before - recent
    if worse < 2:
        return []
    level = RiskLevel.RAISED if worse >= 4 else RiskLevel.WATCH
    words = f"{what} {'up' if up else 'down'} from {before:.1f} to {recent:.1f} of 10 over the last three answers"
    return [Reason(level, words)]


def _sleep(picture: Picture) -> list[Reason]:
    hours = [day.sleep_hours for day in picture.days if day.sleep_hours is not None][:RECENT]
    if len(hours) < RECENT or max(hours) >= 5:
        return []
    return [Reason(RiskLevel.WATCH, "less than five hours of sleep in each of the last three nights told")]


def _lapses(picture: Picture) -> list[Reason]:
    two_weeks = [at for at in picture.lapses if picture.now - at <= timedelta(days=14)]
    if len(two_weeks) >= 2:
        return [Reason(RiskLevel.RAISED, f"{len(two_weeks)} lapses told in two weeks")]
    if any(picture.now - at <= timedelta(days=7) for at in two_weeks):
        return [Reason(RiskLevel.WATCH, "a lapse told in the last week")]
    return []


def _exposure(picture: Picture) -> list[Reason]:
    recent = sum(picture.now - at <= timedelta(days=3) for at in picture.cravings)
    earlier = sum(timedelta(days=3) < picture.now - at <= timedelta(days=24) for at in picture.cravings)
    # Three weeks hold seven times three days.
    if recent < 5 or recent <= 2 * earlier / 7:
        return []
    return [Reason(RiskLevel.WATCH, f"{recent} hard moments in three days")]


_RULES = (_missed, _silence, _craving, _mood, _sleep, _lapses, _exposure)


def _span(span: timedelta) -> str:
    hours = round(span.total_seconds() / 3600)
    return f"{hours} hours" if hours < 48 else f"{round(hours / 24)} days"
