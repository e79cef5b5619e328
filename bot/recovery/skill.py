"""Coping skills: from the library or the client's own, chosen for trigger, situation and what helped before, in steps."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.recovery.experience import UNTRIED, Episode, estimates, made_worse, without_effect_lately
from bot.recovery.plan import Plan, Trigger
from bot.recovery.situation import ANYWHERE, Beside, Need, Part, Place, Situation, Topic


class Evidence(StrEnum):
    """What a skill rests on: tested by itself on craving or use; on something near it; or only as part of something."""

    TESTED = "tested"
    BORROWED = "borrowed"
    PRACTICE = "practice"


@dataclass(frozen=True, slots=True)
class Fit:
    """What a skill is for, and where, when and beside whom it can be done. The client's own fit any craving, anywhere.

    Attributes:
        beside: who may be there meanwhile without noticing or minding.
        suits: the parts of the day that speak for it; ``not_at`` those at which it is not offered.
        only: topics without which it is not offered unasked; empty where it always may be.
        not_for: topics with which it never is.
    """

    topics: frozenset[Topic] = frozenset()
    places: frozenset[Place] = frozenset(Place)
    beside: frozenset[Beside] = frozenset(Beside)
    quiet: bool = True
    needs: frozenset[Need] = frozenset()
    suits: frozenset[Part] = frozenset()
    not_at: frozenset[Part] = frozenset()
    only: frozenset[Topic] = frozenset()
    not_for: frozenset[Topic] = frozenset()


ANYTHING = Fit(topics=frozenset({Topic.CRAVING}))


@dataclass(frozen=True, slots=True)
class Skill:
    """A skill that can be walked through: ``key`` is its name in the library or the client's own name for it."""

    key: str
    name: str
    intro: str
    steps: tuple[str, ...]
    fit: Fit = ANYTHING
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


# By these a skill is moved forward, in the points of the scale by which a craving falls: so they can be added to what the
# client's own cravings tell. A plan's skill for this very trigger goes before anything that only fits; one that has
# helped this client clearly more may still go before it.
_IN_PLAN_FOR_THIS, _IN_PLAN = 1.8, 0.75
# A plan's order for a trigger was thought about; across triggers it only keeps things apart.
_LATER_FOR_THIS, _LATER = 0.06, 0.01
_FOR_THE_TOPIC, _FOR_ANOTHER_TOPIC, _FOR_NOTHING_ELSE, _FOR_ANY_CRAVING = 0.6, 0.15, 0.3, 0.15
_FOR_THE_LEVEL, _FOR_THE_PLACE, _FOR_THE_HOUR = 0.15, 0.3, 0.3
_LEVELS = frozenset({Topic.STRONG, Topic.MILD})


def choose(
    plan: Plan | None,
    library: Sequence[Skill],
    trigger: str,
    situation: Situation = ANYWHERE,
    past: Sequence[Episode] = (),
    now: datetime | None = None,
) -> tuple[Skill, ...]:
    """Every skill, in the order in which they are offered: by the plan, the situation, and what helped this client before.

    Args:
        plan: the client's plan; without one only the library is used.
        library: the skills of the content library.
        trigger: what set the craving off, in the person's words; may be empty.
        situation: where they are, with whom, at what hour; what cannot be done there comes last.
        past: the client's earlier cravings.
        now: the moment of asking; without it nothing counts as tried lately.
    """
    skills = {skill.key: skill for skill in (*(own_skills(plan) if plan else ()), *library)}
    planned = _planned(plan, skills, trigger)
    known = estimates(past)
    failed = without_effect_lately(past, now) if now else frozenset()
    worse = made_worse(past)
    used = frozenset(Topic(name) for name in plan.substances if name in set(Topic)) if plan else frozenset()

    def order(skill: Skill) -> tuple[int, float]:
        bad = 3 if not possible(skill, situation, used) else 2 if skill.key in worse else skill.key in failed
        # That it fits this trigger the plan has said already.
        fits = 0.0 if planned.get(skill.key, 0.0) > _IN_PLAN else _fits(skill, situation)
        return bad, -(planned.get(skill.key, 0.0) + fits + known.get(skill.key, UNTRIED).hope)

    return tuple(sorted(skills.values(), key=order))


def _planned(plan: Plan | None, skills: Mapping[str, Skill], trigger: str) -> dict[str, float]:
    """By how much the plan moves its skills forward: those for this trigger most, in their order; else all of them."""
    if plan is None:
        return {}
    match = find_trigger(plan, trigger) if trigger else None
    names: dict[str, str] = {}
    for name, key in [(key, key) for key in skills] + [(skill.name, key) for key, skill in skills.items()]:
        names.setdefault(name.casefold(), key)
    found: dict[str, float] = {}
    # Without a known trigger the plan still comes first: what the client likes most often elsewhere.
    for base, later, listed in (
        (_IN_PLAN_FOR_THIS, _LATER_FOR_THIS, match.skills if match else ()),
        (_IN_PLAN, _LATER, () if match else [name for t in plan.triggers for name in t.skills]),
        (_IN_PLAN, _LATER, [own.name for own in plan.skills]),
    ):
        for name in listed:
            if name.casefold() in names:
                found.setdefault(names[name.casefold()], base - later * len(found))
    return found


def possible(skill: Skill, situation: Situation, used: frozenset[Topic] = frozenset()) -> bool:
    """Whether a skill can be done there, beside those people, at that hour, and is meant for somebody like this.

    Args:
        skill: the skill.
        situation: what is known; what is not known rules nothing out.
        used: topics that the plan tells of, such as gambling.
    """
    fit, topics = skill.fit, situation.topics
    return (
        (situation.place is None or situation.place in fit.places)
        and situation.beside <= fit.beside
        and (fit.quiet or not situation.hushed)
        and not (fit.needs & situation.lacking)
        and situation.part not in fit.not_at
        and (not fit.only or bool(fit.only & (topics | used)))
        and not (fit.not_for & (topics | used))
    )


_FEW_PLACES = 2


def made_for(skill: Skill, place: Place | None) -> bool:
    """Whether a skill is one for this very place."""
    return place in skill.fit.places and len(skill.fit.places) <= _FEW_PLACES


def _fits(skill: Skill, situation: Situation) -> float:
    """By how many points a skill is moved forward for what it is for, the place and the hour."""
    fit = skill.fit
    told = fit.topics & (situation.topics - _LEVELS)
    points = _FOR_ANY_CRAVING * (Topic.CRAVING in fit.topics)
    points += _FOR_THE_TOPIC * bool(told) + _FOR_ANOTHER_TOPIC * max(0, len(told) - 1)
    points += _FOR_NOTHING_ELSE * bool(fit.only & told)
    points += _FOR_THE_LEVEL * bool(fit.topics & situation.topics & _LEVELS)
    # What can be done in most places is made for none.
    points += _FOR_THE_PLACE * made_for(skill, situation.place)
    return points + _FOR_THE_HOUR * (situation.part in fit.suits)


def named(skills: Sequence[Skill], text: str) -> Skill | None:
    """The skill that a text asks for: by its whole name, or by words of it that say no more than the name ("the grounding one")."""
    words = _words(text)
    spoken = " ".join(words)
    whole = [skill for skill in skills if len(_words(skill.name)) > 1 and " ".join(_words(skill.name)) in spoken]
    if whole:
        return max(whole, key=lambda skill: len(skill.name))
    heard = set(words) - _SMALL - _IN_NAMES
    best = max(skills, key=lambda skill: len(heard & set(_words(skill.name))), default=None)
    return best if best and heard & set(_words(best.name)) else None


# Words of skills' names that people also use for anything else: alone they ask for none.
_NAME_WORDS = (
    "coming counting d day down first friend good hello hour if job keep know let ll m minute name next no over place plan"
    " pull put re reach right s sit small someone start t tell ten thank then three tomorrow turn until ve way your"
)
_IN_NAMES = frozenset(_NAME_WORDS.split())


_SHORT = 3
_SMALL_WORDS = (
    "a an and are at be by do for from get go have help i in is it like me my need of off on one or out show some"
    " something that the this to up want was we what when with you can could please give skill skills how thi"
)
_SMALL = frozenset(_SMALL_WORDS.split())


def _words(text: str) -> list[str]:
    # "Sundays" speaks of "Sunday night": a plural s makes no other word.
    found = re.findall(r"[^\W\d_]+", text.casefold())
    return [
        word[:-1] if len(word) > _SHORT and word.endswith("s") and not word.endswith("ss") else word for word in found
    ]
