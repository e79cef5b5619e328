"""What a client's own cravings tell of a skill, and when it is too early to say anything."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.recovery.experience import (
    Episode,
    estimates,
    helpful,
    made_worse,
    points,
    records,
    without_effect_lately,
)

NOW = datetime(2026, 11, 26, 20, tzinfo=UTC)


def told(skill: str, *levels: tuple[int, int], hours_ago: float = 48) -> list[Episode]:
    """Cravings with a skill, each as before and after."""
    at = NOW - timedelta(hours=hours_ago)
    return [Episode(skill, before, after, at - timedelta(days=n)) for n, (before, after) in enumerate(levels)]


def test_nothing_is_known_before_anything_was_tried() -> None:
    assert estimates(()) == {}
    assert helpful(()) == ()
    assert made_worse(()) == frozenset()


def test_a_skill_is_held_against_what_mostly_happens_and_not_against_zero() -> None:
    every = [*told("surf", *[(7, 5)] * 6), *told("walk", *[(7, 5)] * 6)]
    assert all(abs(estimate.gain) < 0.01 for estimate in estimates(every).values())
    assert helpful(every) == ()


def test_below_five_uses_nothing_is_said_however_far_the_craving_fell() -> None:
    others = told("walk", *[(7, 6)] * 10)
    assert helpful([*told("surf", *[(7, 0)] * 4), *others]) == ()
    (record,) = helpful([*told("surf", *[(7, 2)] * 5), *others])
    assert (record.skill, record.uses, record.fall, record.mostly) == ("surf", 5, 5, 1)


def test_without_other_cravings_to_hold_it_against_nothing_is_said() -> None:
    assert records([*told("surf", *[(8, 2)] * 9), *told("walk", *[(8, 7)] * 4)]) == ()


def test_a_small_difference_in_few_uses_is_no_claim_and_is_one_when_it_lasts() -> None:
    def past(times: int) -> list[Episode]:
        others = [episode for name in ("walk", "call", "tea") for episode in told(name, *[(7, 5), (7, 6)] * 4)]
        return [*told("surf", *[(7, 4)] * times), *others]

    assert records(past(6))[0].stands_out
    assert helpful(past(6)) == ()
    assert [record.skill for record in helpful(past(20))] == ["surf"]


def test_a_few_uses_count_for_less_than_many() -> None:
    past = [*told("once", (8, 2)), *told("often", *[(8, 3)] * 10), *told("else", *[(8, 7)] * 10)]
    gains = estimates(past)
    assert gains["often"].gain > gains["once"].gain > 0 > gains["else"].gain
    assert gains["once"].doubt > gains["often"].doubt


def test_a_skill_that_is_used_when_it_is_worst_is_not_praised_for_the_height() -> None:
    # From ten every craving of this client falls by four, from five by one: both skills do nothing of their own.
    past = [*told("at the worst", *[(10, 6)] * 8), *told("else", *[(10, 6)] * 8, *[(5, 4)] * 16)]
    assert abs(estimates(past)["at the worst"].gain) < 0.5
    assert helpful(past) == ()


def test_the_one_that_is_used_most_is_not_held_against_itself() -> None:
    past = [*told("favourite", *[(8, 3)] * 40), *told("a", *[(8, 7)] * 3), *told("b", *[(8, 7)] * 3)]
    assert estimates(past)["favourite"].gain > 1


def test_what_rose_again_and_again_is_known_and_once_is_not_again() -> None:
    past = [*told("worse", (5, 7), (6, 8), (6, 5)), *told("once", (5, 6)), *told("mixed", *[(5, 6)] * 2, *[(6, 3)] * 5)]
    assert made_worse(past) == {"worse"}


@pytest.mark.parametrize(("hours", "after", "failed"), [(2, 7, True), (2, 8, True), (2, 6, False), (30, 7, False)])
def test_tried_without_effect_within_a_day(hours: float, after: int, failed: bool) -> None:
    assert without_effect_lately(told("surf", (7, after), hours_ago=hours), NOW) == ({"surf"} if failed else set())


def test_the_last_use_counts_and_not_an_earlier_one() -> None:
    past = [*told("surf", (7, 7), hours_ago=5), *told("surf", (7, 4), hours_ago=1)]
    assert without_effect_lately(past, NOW) == frozenset()


@pytest.mark.parametrize(("value", "said"), [(3.0, "3"), (1.52, "1.5"), (0.0, "0"), (-0.5, "-0.5")])
def test_points_as_one_says_them(value: float, said: str) -> None:
    assert points(value) == said
