"""A plan file: everything that is wrong with it is told at once, with its place and what is expected there."""

from copy import deepcopy
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.recovery.plan import PlanError, read_plan

LIBRARY = frozenset({"urge_surfing", "paced_breathing"})
GOOD: dict[str, Any] = yaml.safe_load(
    """
    language: en
    substances: [alcohol]
    sober_since: 2026-02-11
    reasons: [I want to hear the birds before work, not through a headache.]
    triggers:
      - {name: The ride past the depot, words: [depot, bus], skills: [urge_surfing, Call Ama]}
    skills:
      - {name: Call Ama, minutes: 4, steps: [Sit on the back step., Ring twice.]}
    people:
      - {name: Ama, relation: aunt, phone: "+1 415 555 0190"}
    after_lapse: [Tell Ama before I sleep.]
    """
)


def faults(change: Any) -> list[str]:
    data = deepcopy(GOOD)
    change(data)
    with pytest.raises(PlanError) as error:
        read_plan(data, LIBRARY)
    return error.value.faults


def test_a_good_plan_is_read() -> None:
    plan = read_plan(GOOD, LIBRARY)
    assert plan.triggers[0].skills == ("urge_surfing", "Call Ama")
    assert plan.skills[0].minutes == 4
    assert plan.people[0].phone == "+1 415 555 0190"


def test_all_faults_are_told_at_once() -> None:
    def spoil(data: dict[str, Any]) -> None:
        del data["reasons"]
        data["substances"] = []
        data["favourite_colour"] = "green"
        data["sober_since"] = "last spring"
        data["language"] = "fr"
        data["skills"][0]["minutes"] = 0
        data["skills"][0]["steps"] = ["  "]
        data["people"][0]["phone"] = "ring me"
        data["triggers"][0]["skills"].append("Juggling")
        data["after_lapse"] = "Tell Ama."

    found = faults(spoil)
    expected = {
        "reasons": "has to be there",
        "substances": "at least 1",
        "favourite_colour": "not a known key",
        "sober_since": "a date such as",
        "language": "en or es",
        "skills[0].minutes": "1 or more",
        "skills[0].steps[0]": "found an empty one",
        "people[0].phone": "a phone number such as",
        "triggers[0].skills[2]": "no skill is called 'Juggling'",
        "after_lapse": "expected a list, found a text",
    }
    for path, says in expected.items():
        assert [line for line in found if line.startswith(f"{path}:") and says in line], (path, found)
    assert len(found) == len(expected)


@pytest.mark.parametrize("data", [None, [], "a plan", 7, True])
def test_a_file_that_holds_no_plan_says_what_was_found(data: Any) -> None:
    with pytest.raises(PlanError) as error:
        read_plan(data, LIBRARY)
    assert error.value.faults[0].startswith("the file: expected keys")


def test_a_trigger_without_a_name_and_a_person_who_is_a_text() -> None:
    def spoil(data: dict[str, Any]) -> None:
        del data["triggers"][0]["name"]
        data["people"] = ["Ama"]

    found = faults(spoil)
    assert any(line.startswith("triggers[0].name: missing") for line in found)
    assert any(line.startswith("people[0]: expected keys and values, found a text") for line in found)


def test_a_name_that_stands_twice_is_named() -> None:
    def spoil(data: dict[str, Any]) -> None:
        data["triggers"].append({"name": "the ride PAST the depot"})

    (fault,) = faults(spoil)
    assert "triggers" in fault
    assert "more than once" in fault


def test_a_skill_nobody_knows_lists_the_library() -> None:
    def spoil(data: dict[str, Any]) -> None:
        data["triggers"][0]["skills"] = ["urge_surfng"]

    (fault,) = faults(spoil)
    assert "paced_breathing, urge_surfing" in fault


def test_a_line_that_is_too_long_says_how_long() -> None:
    def spoil(data: dict[str, Any]) -> None:
        data["reasons"] = ["x" * 301]

    (fault,) = faults(spoil)
    assert fault == "reasons[0]: expected at most 300 characters, found 301"


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(GOOD)), _JSON))
def test_whatever_stands_in_the_file_it_is_read_or_refused_with_words(parts: dict[str, Any]) -> None:
    try:
        read_plan(GOOD | parts, LIBRARY)
    except PlanError as error:
        told = error.faults
    else:
        return
    assert told
    assert all(isinstance(line, str) and line for line in told)
