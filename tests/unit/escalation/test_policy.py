"""Policies as values."""

from datetime import timedelta

import pytest

from bot.escalation.policy import AlertKind, Policy, Step, Who, policy_for


@pytest.mark.parametrize("kind", AlertKind)
@pytest.mark.parametrize("page", [True, False])
def test_every_kind_has_a_policy_that_pages_at_once_and_never_ends(kind: AlertKind, page: bool) -> None:
    policy = policy_for(kind, page=page)
    assert policy.moment(0) == timedelta(0)
    moments = [policy.moment(step) for step in range(30)]
    assert moments == sorted(set(moments)), "each step is later than the one before"
    assert policy.who(1000) is Who.EVERYONE


def test_a_frozen_policy_thaws_to_the_same() -> None:
    policy = Policy((Step(0, Who.INTERVENTIONIST), Step(5, Who.ON_CALL)), 7)
    assert Policy.thaw(policy.freeze()) == policy


def test_a_definite_danger_reaches_everyone_within_a_quarter_of_an_hour() -> None:
    policy = policy_for(AlertKind.DANGER, page=True)
    assert [(step.minutes, step.who) for step in policy.steps] == [
        (0, Who.INTERVENTIONIST),
        (5, Who.ON_CALL),
        (15, Who.EVERYONE),
    ]
