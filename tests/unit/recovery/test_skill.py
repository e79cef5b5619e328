"""Which skill is offered: the plan's for what sets the craving off, then the client's own, then what fits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.recovery.plan import OwnSkill, Plan, Supporter, Trigger
from bot.recovery.situation import Place, Topic
from bot.recovery.skill import Fit, Skill, choose, find_trigger, named

PLAN = Plan(
    substances=("alcohol",),
    reasons=("So that Tomas stops checking my cup.",),
    triggers=(
        Trigger(name="Someone else's good news with a bottle on the table", words=("wedding", "toast"), skills=("Tea first",)),
        Trigger(name="Night shift at the ward", words=("night shift", "ward", "handover"), skills=("slow_breath", "Tea first")),
        Trigger(name="Payday", words=("paid", "paycheck"), skills=("walk",)),
    ),
    skills=(OwnSkill(name="Tea first", steps=("Kettle on.", "Wait for the whistle.")),),
    people=(Supporter(name="Tomas", relation="son"),),
    after_lapse=("Ring Tomas.",),
)  # fmt: skip
LIBRARY = (
    Skill("walk", "Walk it off", "", ("Go.",), Fit(frozenset({Topic.ANGER}), frozenset({Place.OUTSIDE}))),
    Skill("slow_breath", "Slow breathing", "", ("In.",), Fit(frozenset({Topic.CRAVING, Topic.STRESS}))),
    Skill("cold", "Cold water", "", ("Tap.",), Fit(frozenset({Topic.ANGER}))),
)


@pytest.mark.parametrize(
    ("text", "trigger"),
    [
        ("at a wedding and everyone toasts", "Someone else's good news with a bottle on the table"),
        ("handover was hell", "Night shift at the ward"),
        ("NIGHT SHIFT again", "Night shift at the ward"),
        ("just got paid", "Payday"),
        ("payday", "Payday"),
        ("the ward was full", "Night shift at the ward"),
        ("good evening, i have a craving of about six", None),
        ("someone rang", None),
        ("rough night", None),
        ("my brother", None),
        ("", None),
    ],
)
def test_a_trigger_is_heard_by_its_phrases_or_most_of_its_name(text: str, trigger: str | None) -> None:
    found = find_trigger(PLAN, text)
    assert (found.name if found else None) == trigger


def test_the_plans_skills_for_the_trigger_come_first_in_their_order() -> None:
    keys = [skill.key for skill in choose(PLAN, LIBRARY, "night shift")]
    assert keys[:2] == ["slow_breath", "Tea first"]
    assert sorted(keys) == ["Tea first", "cold", "slow_breath", "walk"]


def test_without_a_known_trigger_the_plan_still_comes_first() -> None:
    assert [skill.key for skill in choose(PLAN, LIBRARY, "rain")][:3] == ["Tea first", "slow_breath", "walk"]


def test_without_a_plan_what_fits_a_craving_anywhere_comes_first() -> None:
    assert choose(None, LIBRARY, "")[0].key == "slow_breath"


@given(st.text(max_size=60))
def test_every_skill_is_offered_once_whatever_was_said(text: str) -> None:
    keys = [skill.key for skill in choose(PLAN, LIBRARY, text)]
    assert sorted(keys) == sorted({"Tea first", "walk", "slow_breath", "cold"})


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("can we do the breathing one", "slow_breath"),
        ("Tea first please", "Tea first"),
        ("the cold water thing", "cold"),
        ("give me something to do", None),
        ("", None),
    ],
)
def test_a_skill_is_asked_for_by_name(text: str, key: str | None) -> None:
    found = named(choose(PLAN, LIBRARY, ""), text)
    assert (found.key if found else None) == key
