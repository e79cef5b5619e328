"""How much further cravings fall when skills are chosen by what helped before: simulated clients, against choosing at random.

Run as a module; it needs no engine and takes a minute. docs/decisions/0010-skills.md holds the figures and what they rest on.

What is simulated: each client has a usual craving, a pull back towards it, a fall that comes by itself, and for each skill of
the library a true effect of its own. Ratings are noisy, whole, and end at 0 and 10. Cravings come in situations that leave
only some skills possible. What is not: that a skill works better the better it fits, that it wears off, that people stop.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import mean, stdev

from bot.app import load_content
from bot.recovery.experience import UNTRIED, Episode, estimates, helpful
from bot.recovery.situation import Situation, read_situation
from bot.recovery.skill import Skill, choose, possible

HOME = Path(__file__).resolve().parent.parent
START = datetime(2026, 1, 5, tzinfo=UTC)
# What cravings are told with, and the hour.
TOLD = (
    ("at home, bored, nothing to do", 15),
    ("alone in my apartment, lonely", 21),
    ("on the bus home from work", 18),
    ("at work, the rush was awful and chef yelled", 20),
    ("at a party and everyone's drinking", 22),
    ("got paid today", 17),
    ("can't sleep, in bed, thoughts racing", 2),
    ("woke up craving, at home", 6),
    ("had a fight on the phone, so angry", 19),
    ("my back hurts, on the couch", 23),
    ("walking past the corner, my old dealer texted me", 16),
    ("kids are here and it's all too much", 17),
)
# A skill's true effect, a rating's error, the error of a fall, the fall that comes by itself and the pull to the usual.
RATING_ERROR, FALL_ERROR, BY_ITSELF, PULL = 1.0, 1.3, 1.3, 0.3

Policy = Callable[[Random, Sequence[Skill], Situation, Sequence[Episode], datetime], Skill]


def at_random(
    luck: Random, library: Sequence[Skill], situation: Situation, _: Sequence[Episode], __: datetime
) -> Skill:
    """Any skill that can be done there."""
    return luck.choice([skill for skill in library if possible(skill, situation)])


def by_fit(_: Random, library: Sequence[Skill], situation: Situation, __: Sequence[Episode], now: datetime) -> Skill:
    """By what fits alone, as if nothing were known of the client."""
    return choose(None, library, "", situation, (), now)[0]


def by_lot(luck: Random, library: Sequence[Skill], situation: Situation, past: Sequence[Episode], _: datetime) -> Skill:
    """Thompson sampling: each possible skill draws from what is known of it, and the best draw wins."""
    known = estimates(past)
    guesses = [(known.get(skill.key, UNTRIED), skill) for skill in library if possible(skill, situation)]
    return max(guesses, key=lambda guess: luck.gauss(guess[0].gain, guess[0].doubt))[1]


def ours(_: Random, library: Sequence[Skill], situation: Situation, past: Sequence[Episode], now: datetime) -> Skill:
    """As Handrail chooses."""
    return choose(None, library, "", situation, past, now)[0]


@dataclass(frozen=True, slots=True)
class Client:
    """A simulated client: the level their cravings mostly have, how far they fall by themselves, what each skill adds."""

    usual: float
    by_itself: float
    effects: dict[str, float]


def client(luck: Random, library: Sequence[Skill], spread: float) -> Client:
    """Somebody for whom skills differ by ``spread`` points (a standard deviation); with 0 all do the same."""
    return Client(luck.uniform(5, 8), luck.gauss(BY_ITSELF, 0.6), {s.key: luck.gauss(0, spread) for s in library})


def lived_through(policy: Policy, library: Sequence[Skill], seed: str, spread: float, episodes: int) -> list[Episode]:
    """One client's cravings, each with the skill that a policy chose. The same seed meets each policy with the same luck."""
    person = client(Random(seed), library, spread)
    luck = Random(f"{seed} policy")
    situations = [(read_situation(text, START.replace(hour=hour)), hour) for text, hour in TOLD]
    past: list[Episode] = []
    for number in range(episodes):
        chance = Random(f"{seed} {number}")
        situation, hour = chance.choice(situations)
        now = START + timedelta(days=number, hours=hour)
        level = chance.gauss(person.usual, 1.5)
        before = _rated(level + chance.gauss(0, RATING_ERROR), 1)
        skill = policy(luck, library, situation, past, now)
        left = level - person.by_itself - PULL * (level - person.usual) - person.effects[skill.key]
        past.append(Episode(skill.key, before, _rated(left + chance.gauss(0, FALL_ERROR), 0), now))
    return past


def _rated(level: float, lowest: int) -> int:
    return min(10, max(lowest, round(level)))


def mean_falls(policy: Policy, library: Sequence[Skill], spread: float, clients: int, episodes: int) -> list[float]:
    """How far cravings fell on average, for each of so many clients."""
    return [
        mean(e.fall for e in lived_through(policy, library, f"client {number}", spread, episodes))
        for number in range(clients)
    ]


@dataclass(frozen=True, slots=True)
class Claims:
    """What clients were told: how many were told something on the way, how many claims stood at the end and were true."""

    told: int
    standing: int
    true: int


def claims(library: Sequence[Skill], spread: float, clients: int, episodes: int) -> Claims:
    """How often it is said that a skill helps more, and how often it truly does."""
    told = standing = true = 0
    for number in range(clients):
        seed = f"client {number}"
        past = lived_through(ours, library, seed, spread, episodes)
        effects = client(Random(seed), library, spread).effects
        told += any(helpful(past[:so_far]) for so_far in range(10, episodes + 1))
        for record in helpful(past):
            standing += 1
            true += effects[record.skill] > mean(effects[e.skill] for e in past if e.skill != record.skill)
    return Claims(told, standing, true)


def main() -> None:
    library = load_content(HOME).skills("en")
    policies: dict[str, Policy] = {
        "at random": at_random, "by fit alone": by_fit, "Thompson sampling": by_lot, "Handrail": ours,
    }  # fmt: skip
    clients = 300
    sys.stdout.write(
        "| skills differ by | cravings | policy | mean fall | more than at random (95 %) |\n|---|---|---|---|---|\n"
    )
    for spread in (0.0, 0.5, 1.0):
        for episodes in (20, 60):
            chance = mean_falls(at_random, library, spread, clients, episodes)
            for name, policy in policies.items():
                falls = mean_falls(policy, library, spread, clients, episodes)
                more = [ours - theirs for ours, theirs in zip(falls, chance, strict=True)]
                error = 1.96 * stdev(more) / clients**0.5
                sys.stdout.write(
                    f"| {spread:g} | {episodes} | {name} | {mean(falls):.2f} | {mean(more):+.2f} ± {error:.2f} |\n"
                )
    sys.stdout.write(
        "\n| skills differ by | clients told within 60 cravings | claims at the end | of these true |\n|---|---|---|---|\n"
    )
    for spread in (0.0, 0.5, 1.0):
        found = claims(library, spread, clients, 60)
        sys.stdout.write(f"| {spread:g} | {found.told / clients:.0%} | {found.standing} | {found.true} |\n")


if __name__ == "__main__":
    main()
