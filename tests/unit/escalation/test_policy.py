"""Policies as values."""

import json
from datetime import timedelta

import pytest

from bot.escalation.policy import (
    DEFAULT,
    LAPSES,
    AlertKind,
    CheckBacks,
    How,
    Policy,
    PolicyError,
    Step,
    Who,
    name_of,
    read_policies,
)


@pytest.mark.parametrize("kind", AlertKind)
@pytest.mark.parametrize("page", [True, False])
def test_every_kind_has_a_policy_that_pages_at_once_and_never_ends(kind: AlertKind, page: bool) -> None:
    policy = DEFAULT[name_of(kind, page=page)]
    assert policy.moment(0) == timedelta(0)
    moments = [policy.moment(step) for step in range(30)]
    assert moments == sorted(set(moments)), "each step is later than the one before"
    assert policy.who(1000) is Who.EVERYONE


def test_a_frozen_policy_thaws_to_the_same() -> None:
    policy = Policy((Step(0, Who.INTERVENTIONIST), Step(5, Who.ON_CALL, (How.CALL, How.EMAIL))), 7)
    frozen = policy.freeze()
    assert Policy.thaw(json.loads(json.dumps(frozen))) == policy


def test_what_was_frozen_before_steps_could_choose_goes_by_message() -> None:
    policy = Policy.thaw([{"minutes": 0, "who": "on_call"}, {"repeat": 7}])
    assert policy == Policy((Step(0, Who.ON_CALL, (How.MESSAGE,)),), 7, LAPSES)


def test_a_definite_danger_rings_and_writes_from_its_first_step_and_nothing_else_rings() -> None:
    for name, policy in DEFAULT.items():
        for step in range(6):
            expected = (How.MESSAGE, How.CALL) if name == AlertKind.DANGER else (How.MESSAGE,)
            assert policy.how(step) == expected


def test_the_repeats_go_the_ways_of_the_last_step() -> None:
    policy = Policy((Step(0, Who.ON_CALL), Step(5, Who.EVERYONE, (How.SMS, How.CALL))), 7)
    assert [policy.how(step) for step in (0, 1, 2, 99)] == [(How.MESSAGE,), *[(How.SMS, How.CALL)] * 3]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (["message", "call"], (How.MESSAGE, How.CALL)),
        ("email", (How.EMAIL,)),
        (["sms", "sms", "telegram"], (How.SMS, How.TELEGRAM)),
    ],
)
def test_a_step_names_its_ways(written: object, read: tuple[How, ...]) -> None:
    policies = read_policies({"lapse": {"steps": [{"after": 0, "who": "on_call", "how": written}], "repeat": 9}})
    assert policies["lapse"].policy(DEFAULT["lapse"]).how(0) == read


def test_a_definite_danger_reaches_everyone_within_a_quarter_of_an_hour() -> None:
    policy = DEFAULT[name_of(AlertKind.DANGER, page=True)]
    assert [(step.minutes, step.who) for step in policy.steps] == [
        (0, Who.INTERVENTIONIST),
        (5, Who.ON_CALL),
        (15, Who.EVERYONE),
    ]


STEPS = [{"after": 0, "who": "on_call"}, {"after": 10, "who": "supervisor"}, {"after": 20, "who": "everyone"}]


def test_a_practice_writes_its_own() -> None:
    (name, written), *others = read_policies({"danger": {"steps": STEPS, "repeat": 10}}).items()
    assert (name, others) == (AlertKind.DANGER, [])
    policy = written.policy(DEFAULT[AlertKind.DANGER])
    assert [policy.who(step) for step in range(4)] == [Who.ON_CALL, Who.SUPERVISOR, Who.EVERYONE, Who.EVERYONE]
    assert policy.moment(3) == timedelta(minutes=30)
    assert Policy.thaw(policy.freeze()) == policy


def test_what_a_policy_leaves_out_is_as_usual_for_its_kind() -> None:
    bare = {"steps": STEPS, "repeat": 10}
    written = read_policies(dict.fromkeys(("danger", "human", "lapse"), bare))
    lapses = {name: body.policy(DEFAULT[name]).lapses for name, body in written.items()}
    assert lapses == {"danger": 30, "human": 30, "lapse": None}
    assert written["danger"].policy(DEFAULT["danger"]).check_backs == CheckBacks(30, "09:00", 72)


def test_when_an_acknowledgement_lapses_and_when_they_are_asked_again_is_the_practices_own() -> None:
    own = {"lapses": 20, "check_backs": {"first": 15, "morning": "10:30", "last": 48}}
    written = read_policies({"danger": {"steps": STEPS, "repeat": 10, **own}})
    policy = written["danger"].policy(DEFAULT["danger"])
    assert (policy.lapses, policy.check_backs) == (20, CheckBacks(15, "10:30", 48))
    assert Policy.thaw(json.loads(json.dumps(policy.freeze()))) == policy


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (None, "policies: give at least one"),
        ([], "policies: give at least one"),
        ({"dangr": {}}, "dangr: there is no such policy; the names are danger, watch"),
        ({"danger": {"steps": STEPS}}, "danger repeat: Field required"),
        ({"danger": {"steps": [], "repeat": 5}}, "danger steps: "),
        ({"danger": {"steps": STEPS, "repeat": 0}}, "danger repeat: "),
        ({"danger": {"steps": STEPS, "repeat": 90}}, "danger repeat: at most 60 minutes"),
        (
            {"danger": {"steps": [STEPS[0], {"after": 1440, "who": "everyone"}], "repeat": 60}},
            "danger steps: at most 60",
        ),
        ({"danger": {"steps": STEPS, "repeat": 5, "lapses": 90}}, "danger lapses: at most 60 minutes"),
        ({"danger": {"steps": STEPS, "repeat": 5, "check_backs": {"last": 2}}}, "danger check_backs last: "),
        (
            {"danger": {"steps": STEPS, "repeat": 5, "check_backs": {"morning": "25:00"}}},
            "danger check_backs morning: ",
        ),
        ({"lapse": {"steps": STEPS[1:], "repeat": 5}}, "lapse: the first step comes after 0 minutes"),
        ({"lapse": {"steps": [*STEPS, STEPS[1]], "repeat": 5}}, "lapse: each step comes later"),
        ({"lapse": {"steps": [{"after": 0, "who": "nobody"}], "repeat": 5}}, "lapse step 1 who: "),
        ({"lapse": {"steps": [{"after": 0, "who": "on_call", "how": ["fax"]}], "repeat": 5}}, "lapse step 1 how 1: "),
        ({"lapse": {"steps": [{"after": 0, "who": "on_call", "how": []}], "repeat": 5}}, "lapse step 1 how: "),
    ],
)
def test_what_is_wrong_with_a_policy_is_told_with_its_place(data: object, told: str) -> None:
    with pytest.raises(PolicyError) as error:
        read_policies(data)
    assert any(fault.startswith(told) for fault in error.value.faults), error.value.faults


def test_all_faults_of_all_policies_are_told_at_once() -> None:
    with pytest.raises(PolicyError) as error:
        read_policies({"danger": {}, "lapse": {"steps": STEPS, "repeat": "often"}, "x": 1})
    assert len(error.value.faults) == 4
