"""The rules of risk, one by one: what raises it, what does not, and in which words."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.recovery.risk import Day, Picture, RiskLevel, assess

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
STEADY, WATCH, RAISED = RiskLevel


def ago(**span: float) -> datetime:
    return NOW - timedelta(**span)


def days(craving: tuple[int, ...] = (), mood: tuple[int, ...] = (), sleep: tuple[float, ...] = ()) -> list[Day]:
    """Check-ins, newest first."""
    count = max(len(craving), len(mood), len(sleep))
    return [
        Day(
            missed=False,
            craving=craving[n] if n < len(craving) else None,
            mood=mood[n] if n < len(mood) else None,
            sleep_hours=sleep[n] if n < len(sleep) else None,
        )
        for n in range(count)
    ]


def picture(some: list[Day] | None = None, **more: list[datetime]) -> Picture:
    known = {"wrote": [ago(hours=1)], "cravings": [], "lapses": []} | more
    return Picture(NOW, some or [], **known)


MISSED, ANSWERED = Day(missed=True), Day(missed=False, craving=2)
DAILY = [ago(hours=1 + 24 * n) for n in range(10)]


@pytest.mark.parametrize(
    ("seen", "level", "words"),
    [
        (picture(), STEADY, ""),
        (picture([MISSED, ANSWERED]), STEADY, ""),
        (picture([MISSED, MISSED, ANSWERED]), WATCH, "2 check-ins in a row without an answer"),
        (picture([MISSED, MISSED, MISSED]), RAISED, "3 check-ins in a row without an answer"),
        (picture([ANSWERED, MISSED, MISSED, MISSED]), STEADY, ""),
        (picture(wrote=[at - timedelta(hours=40) for at in DAILY]), STEADY, ""),
        (picture(wrote=[at - timedelta(hours=72) for at in DAILY]), WATCH, "nothing heard for 3 days, usually every 24 hours"),
        (picture(wrote=[at - timedelta(hours=120) for at in DAILY]), RAISED, "nothing heard for 5 days"),
        (picture(wrote=[ago(days=9 * n + 10) for n in range(3)]), STEADY, ""),
        (picture(wrote=[ago(days=20)]), STEADY, ""),
        (picture(days(craving=(8, 9))), RAISED, "craving at 9 and 8 of 10 on the last two days"),
        (picture(days(craving=(8, 7))), STEADY, ""),
        (picture(days(craving=(5, 6, 5, 3, 3, 3))), WATCH, "craving up from 3.0 to 5.3 of 10"),
        (picture(days(craving=(7, 7, 7, 2, 3, 2))), RAISED, "craving up from 2.3 to 7.0 of 10"),
        (picture(days(craving=(7, 7, 7, 2, 3))), STEADY, ""),
        (picture(days(craving=(2, 3, 2, 7, 7, 7))), STEADY, ""),
        (picture(days(mood=(2, 1))), RAISED, "mood at 1 and 2 of 10"),
        (picture(days(mood=(4, 5, 4, 7, 7, 7))), WATCH, "mood down from 7.0 to 4.3 of 10"),
        (picture(days(sleep=(4, 3, 4.5))), WATCH, "less than five hours of sleep"),
        (picture(days(sleep=(4, 6, 4))), STEADY, ""),
        (picture(lapses=[ago(days=3)]), WATCH, "a lapse told in the last week"),
        (picture(lapses=[ago(days=3), ago(days=10)]), RAISED, "2 lapses told in two weeks"),
        (picture(lapses=[ago(days=10)]), STEADY, ""),
        (picture(cravings=[ago(hours=10 * n) for n in range(6)]), WATCH, "6 hard moments in three days"),
        (picture(cravings=[ago(hours=14 * n) for n in range(40)]), STEADY, ""),
    ],
)  # fmt: skip
def test_each_rule_says_what_it_saw(seen: Picture, level: RiskLevel, words: str) -> None:
    risk = assess(seen)
    assert risk.level is level, risk
    assert words in risk.words


def test_three_things_to_watch_are_as_much_as_one_that_is_raised() -> None:
    some = days(craving=(5, 6, 5, 3, 3, 3), mood=(4, 5, 4, 7, 7, 7))
    assert assess(picture(some)).level is WATCH
    risk = assess(picture(some, lapses=[ago(days=2)]))
    assert risk.level is RAISED
    assert risk.words.count(";") == 2


def test_the_worst_reason_comes_first() -> None:
    risk = assess(picture([MISSED, MISSED, *days(mood=(2, 1))], lapses=[ago(days=1)]))
    assert risk.words.startswith("mood at")


def test_silence_and_worsening_are_told_apart() -> None:
    assert assess(picture([MISSED] * 3)).by_silence
    assert not assess(picture(days(mood=(2, 1)))).by_silence
