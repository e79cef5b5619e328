"""What this client's own cravings tell of a skill: how much further they fell with it than they mostly do.

Cravings fall by themselves, further from a higher level. So a fall says nothing of a skill until it is held against how this
client's cravings mostly fall; and a few falls say little, so that what is seen is pulled towards "no better, no worse" until
there are more (docs/decisions/0010-skills.md).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import sqrt

# How much skills differ for one person, and how much one rating differs from the next by chance: points squared.
BETWEEN_SKILLS = 1.0
BY_CHANCE = 3.5
# How much further a craving falls that began a point higher; and how many points squared of one's own count as much as this.
SLOPE, SLOPE_WEIGHT = 0.3, 40.0
# So many of a person's deviations of luck are granted to what has not been tried, so that the new gets its turn.
CURIOSITY = 0.5
# Below so many uses, and so many other cravings to hold them against, nothing is said of a skill.
USES_TO_SPEAK = 5
# From how many points on a difference is worth words, and how many times its doubt it must be before it is told as one.
# With one, most of those whom every skill helps alike would sooner or later be told that one helps them more; with two, one in ten.
WORTH_TELLING, SURE = 0.5, 2.0
# Tried without effect so lately, another one comes first.
LATELY = timedelta(hours=24)
# A skill with which the craving rose so often, and in half of its uses, comes last.
ROSE_OFTEN = 2


@dataclass(frozen=True, slots=True)
class Episode:
    """A craving that was told to its end. ``skill`` is empty where none was tried."""

    skill: str
    before: int
    after: int
    at: datetime

    @property
    def fall(self) -> int:
        return self.before - self.after


@dataclass(frozen=True, slots=True)
class Estimate:
    """How many points further than mostly a craving falls with a skill, and how sure that is (a standard deviation)."""

    gain: float
    doubt: float

    @property
    def hope(self) -> float:
        """By what skills are ordered: the gain, and a little for what is not known yet."""
        return self.gain + CURIOSITY * self.doubt


UNTRIED = Estimate(0.0, sqrt(BETWEEN_SKILLS))


@dataclass(frozen=True, slots=True)
class Record:
    """What is told of a skill: how often, how far the craving fell on average, and how far it fell with everything else."""

    skill: str
    uses: int
    fall: float
    mostly: float
    estimate: Estimate

    @property
    def stands_out(self) -> bool:
        """Whether the craving fell further than mostly, so far. The plain averages, which the person reads, must say it too."""
        return self.estimate.gain >= WORTH_TELLING and self.fall - self.mostly >= WORTH_TELLING

    @property
    def is_sure(self) -> bool:
        """Whether that is hardly chance."""
        return self.stands_out and self.estimate.gain >= SURE * self.estimate.doubt


def estimates(past: Sequence[Episode]) -> Mapping[str, Estimate]:
    """The gain of each skill that was used, shrunk towards none: after ``n`` uses by n / (n + 3.5).

    What "mostly" means is the mean over this client's skills, each of which counts by the same n / (n + 3.5): otherwise the
    skill that is used most would be held against itself.
    """
    if not past:
        return {}
    slope, usual_level = _slope(past)
    falls: dict[str, list[float]] = defaultdict(list)
    for episode in past:
        falls[episode.skill].append(episode.fall - slope * (episode.before - usual_level))
    weights = {skill: len(seen) / (len(seen) + BY_CHANCE / BETWEEN_SKILLS) for skill, seen in falls.items()}
    means = {skill: sum(seen) / len(seen) for skill, seen in falls.items()}
    mostly = sum(weights[skill] * means[skill] for skill in falls) / sum(weights.values())
    return {
        skill: Estimate(weight * (means[skill] - mostly), sqrt(BETWEEN_SKILLS * (1 - weight)))
        for skill, weight in weights.items()
        if skill
    }


def _slope(past: Sequence[Episode]) -> tuple[float, float]:
    """How much further a craving falls for each point it began higher, and the mean level it began at."""
    level = sum(episode.before for episode in past) / len(past)
    fall = sum(episode.fall for episode in past) / len(past)
    together = sum((episode.before - level) * (episode.fall - fall) for episode in past)
    spread = sum((episode.before - level) ** 2 for episode in past)
    return (together + SLOPE_WEIGHT * SLOPE) / (spread + SLOPE_WEIGHT), level


def records(past: Sequence[Episode]) -> tuple[Record, ...]:
    """The skills of which something may be said, the most helpful first: used five times, and five other cravings beside."""
    told = []
    for skill, estimate in estimates(past).items():
        own = [episode.fall for episode in past if episode.skill == skill]
        others = [episode.fall for episode in past if episode.skill != skill]
        if len(own) >= USES_TO_SPEAK and len(others) >= USES_TO_SPEAK:
            told.append(Record(skill, len(own), sum(own) / len(own), sum(others) / len(others), estimate))
    return tuple(sorted(told, key=lambda record: -record.estimate.gain))


def helpful(past: Sequence[Episode]) -> tuple[Record, ...]:
    """The skills of which it may be said that they bring this client's craving down further than most things do."""
    return tuple(record for record in records(past) if record.is_sure)


def without_effect_lately(past: Sequence[Episode], now: datetime) -> frozenset[str]:
    """The skills whose last use, within a day, brought no fall."""
    last = {episode.skill: episode for episode in sorted(past, key=lambda episode: episode.at)}
    return frozenset(skill for skill, episode in last.items() if now - episode.at <= LATELY and episode.fall <= 0)


def made_worse(past: Sequence[Episode]) -> frozenset[str]:
    """The skills with which the craving rose again and again."""
    uses: dict[str, list[int]] = defaultdict(list)
    for episode in past:
        uses[episode.skill].append(episode.fall)
    return frozenset(
        skill
        for skill, falls in uses.items()
        if (rises := sum(fall < 0 for fall in falls)) >= ROSE_OFTEN and 2 * rises >= len(falls)
    )


def points(value: float) -> str:
    """A number of points as one says it: "3", "1.5"."""
    return f"{value:.1f}".removesuffix(".0")
