"""Coping skills: from the library or the client's own, chosen for what sets the craving off, walked step by step."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.recovery.plan import Plan, Trigger


@dataclass(frozen=True, slots=True)
class Skill:
    """A skill that can be walked through: ``key`` is its name in the library or the client's own name for it."""

    key: str
    name: str
    intro: str
    steps: tuple[str, ...]
    fits: frozenset[str] = frozenset()
    minutes: int = 5


def own_skills(plan: Plan) -> tuple[Skill, ...]:
    """The skills that the client wrote down themselves."""
    return tuple(
        Skill(key=s.name, name=s.name, intro="This one is yours, from your plan.", steps=s.steps, minutes=s.minutes)
        for s in plan.skills
    )


def find_trigger(plan: Plan, text: str) -> Trigger | None:
    """The plan's trigger that a text speaks of: the one with most of its words in it, nothing where none is.

    One of the trigger's own phrases is enough. Of its name two words are needed, or all: "good evening" does not
    speak of "Someone else's good news".
    """
    heard = set(_words(text))
    best: tuple[int, Trigger] | None = None
    for trigger in plan.triggers:
        if trigger.name.casefold() == text.strip().casefold():
            return trigger
        name = set(_words(trigger.name)) - _SMALL
        shared = len(heard & name)
        score = 3 * shared if shared > 1 or (name and name <= heard) else 0
        for phrase in trigger.words:
            parts = set(_words(phrase)) - _SMALL
            if parts and parts <= heard:
                score += 3 * len(parts)
        if score and (best is None or score > best[0]):
            best = (score, trigger)
    return best[1] if best else None


def choose(plan: Plan | None, library: Sequence[Skill], trigger: str) -> tuple[Skill, ...]:
    """Skills in the order in which they are offered: the plan's for this trigger, the client's own, then what fits.

    Args:
        plan: the client's plan; without one only the library is used.
        library: the skills of the content library.
        trigger: what set the craving off, in the person's words; may be empty.
    """
    own = own_skills(plan) if plan else ()
    known = {skill.key.casefold(): skill for skill in (*own, *library)}
    known |= {skill.name.casefold(): skill for skill in library if skill.name.casefold() not in known}
    ordered: list[Skill] = []
    if plan:
        match = find_trigger(plan, trigger) if trigger else None
        first = [match] if match else []
        # Without a known trigger the plan still comes first: what the client likes most often elsewhere.
        for t in first or plan.triggers:
            ordered += [known[name.casefold()] for name in t.skills if name.casefold() in known]
        ordered += own
    heard = set(_words(trigger))
    ordered += sorted(library, key=lambda skill: -len(skill.fits & (heard | {"craving", "anywhere"})))
    unique: dict[str, Skill] = {}
    for skill in ordered:
        unique.setdefault(skill.key, skill)
    return tuple(unique.values())


def named(skills: Sequence[Skill], text: str) -> Skill | None:
    """The skill that a text asks for by name ("can we do the breathing one")."""
    heard = set(_words(text)) - _SMALL
    best = max(skills, key=lambda skill: len(heard & (set(_words(skill.name)) - _SMALL)), default=None)
    return best if best and heard & (set(_words(best.name)) - _SMALL) else None


_SHORT = 3
_SMALL = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "at",
        "be",
        "by",
        "do",
        "for",
        "from",
        "get",
        "go",
        "have",
        "help",
        "i",
        "in",
        "is",
        "it",
        "like",
        "me",
        "my",
        "need",
        "of",
        "off",
        "on",
        "one",
        "or",
        "out",
        "show",
        "some",
        "something",
        "that",
        "the",
        "this",
        "to",
        "up",
        "want",
        "was",
        "we",
        "what",
        "when",
        "with",
        "you",
        "can",
        "could",
        "please",
        "give",
        "skill",
        "skills",
        "how",
    ]
)


def _words(text: str) -> list[str]:
    # "Sundays" speaks of "Sunday night": a plural s makes no other word.
    found = re.findall(r"[^\W\d_]+", text.casefold())
    return [
        word[:-1] if len(word) > _SHORT and word.endswith("s") and not word.endswith("ss") else word for word in found
    ]
