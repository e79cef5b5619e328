"""Who is on call: nights, weeks, clocks that change, days that differ, and what is wrong with a rota."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from bot.escalation.rota import Rota, RotaError, doubled, gaps, on_call, read_rota, spans

STAFF = {"ruth": "r" * 32, "sam": "s" * 32}
RUTH, SAM = STAFF["ruth"], STAFF["sam"]
WEEK = """\
time_zone: America/Chicago
supervisors: [sam]
shifts:
  - {who: ruth, days: [mon, tue, wed, thu, fri], from: "08:00", until: "20:00"}
  - {who: sam, days: [mon, tue, wed, thu, fri], from: 20:00, until: "08:00"}
  - {who: ruth, days: [sat, sun], from: "08:00", until: "08:00"}
"""


def rota(text: str = WEEK) -> Rota:
    return read_rota(yaml.safe_load(text), STAFF)


def chicago(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment in the week of Monday, 23 November 2026, six hours behind UTC there."""
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC) + timedelta(hours=6)


@pytest.mark.parametrize(
    ("moment", "who"),
    [
        (chicago(23, 8), RUTH),
        (chicago(23, 19, 59), RUTH),
        (chicago(23, 20), SAM),
        (chicago(24, 2, 10), SAM),
        (chicago(28, 7, 59), SAM),  # Friday's night ends on Saturday
        (chicago(28, 8), RUTH),
        (chicago(30, 7, 59), RUTH),
    ],
)
def test_a_shift_belongs_to_whom_it_names_over_midnight_too(moment: datetime, who: str) -> None:
    assert on_call(rota(), moment) == (who,)


def test_the_holes_of_a_week_are_found_before_they_come() -> None:
    # Nobody has Monday's small hours after Sunday's day has ended, and that is all but right: it ends at eight.
    assert gaps(rota(), chicago(23, 8)) == []
    holey = rota(WEEK.replace("[sat, sun]", "[sat]"))
    (hole, second) = gaps(holey, chicago(23, 8))
    assert (hole.starts, hole.ends) == (chicago(29, 8), chicago(30, 8))
    assert second.starts - hole.starts == timedelta(days=7)


def test_two_at_once_are_told_and_both_are_on_call() -> None:
    both = rota(WEEK.replace('until: "20:00"', 'until: "21:00"'))
    assert on_call(both, chicago(23, 20, 30)) == (RUTH, SAM)
    first = doubled(both, chicago(23, 8))[0]
    assert (first.starts, first.ends, first.who) == (chicago(23, 20), chicago(23, 21), (RUTH, SAM))


def test_an_override_stands_before_the_shifts_and_only_for_its_time() -> None:
    text = WEEK + "overrides:\n  - {who: sam, from: 2026-11-26T08:00, until: 2026-11-26T20:00}\n"
    ill = rota(text.replace("2026-11-26T08:00", "'2026-11-26T08:00'").replace("2026-11-26T20:00", "'2026-11-26T20:00'"))
    assert on_call(ill, chicago(26, 7, 59)) == (SAM,)
    assert on_call(ill, chicago(26, 8)) == (SAM,)
    assert on_call(ill, chicago(26, 20)) == (SAM,)
    assert on_call(ill, chicago(27, 8)) == (RUTH,)


@pytest.mark.parametrize(
    ("zone", "night"),
    [
        ("America/Chicago", datetime(2026, 11, 1, 5, tzinfo=UTC)),  # clocks go back: the night has an hour more
        ("America/Chicago", datetime(2026, 3, 8, 5, tzinfo=UTC)),  # forward: an hour less
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 12, tzinfo=UTC)),  # by half an hour
        ("Africa/Casablanca", datetime(2026, 2, 14, 12, tzinfo=UTC)),
        ("Asia/Kathmandu", datetime(2026, 4, 4, 12, tzinfo=UTC)),
    ],
)
def test_no_hole_and_nobody_twice_when_the_clocks_change(zone: str, night: datetime) -> None:
    days = rota(WEEK.replace("America/Chicago", zone))
    found = spans(days, night, night + timedelta(days=2))
    assert all(len(span.who) == 1 for span in found)
    assert sum((span.ends - span.starts for span in found), timedelta()) == timedelta(days=2)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("America/Chicago", "America/Chicagoo"), "time_zone: there is no time zone 'America/Chicagoo'"),
        (('"08:00"', '"24:00"'), "shift 1 from: '24:00' is no time"),
        (("who: ruth", "who: ruht"), "shift 1: nobody on staff has the key ruht"),
        (("[sam]", "[pat]"), "supervisors: nobody on staff has the key pat"),
        (("mon", "monday"), "shift 1 days 1: "),
        (("until", "till"), "shift 1 till: "),
        (("shifts:", "shift:"), "shifts: Field required"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(change: tuple[str, str], told: str) -> None:
    with pytest.raises(RotaError) as error:
        rota(WEEK.replace(*change))
    assert any(fault.startswith(told) for fault in error.value.faults), error.value.faults


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(RotaError) as error:
        rota(WEEK.replace("America/Chicago", "Mars").replace('"20:00"', '"8pm"').replace("[sat, sun]", "[]"))
    assert len(error.value.faults) == 3


@pytest.mark.parametrize(
    "data", [None, [], "ruth", {"time_zone": 3}, {"shifts": [1]}, {"overrides": [{"who": "ruth"}]}]
)
def test_no_rota_at_all_is_a_clear_answer(data: Any) -> None:
    with pytest.raises(RotaError) as error:
        read_rota(data, STAFF)
    assert all(": " in fault for fault in error.value.faults)


@pytest.mark.parametrize("end", ["9999-12-31T23:59", "0001-01-01T00:00"])
def test_an_override_without_an_end_in_sight_is_refused(end: str) -> None:
    text = WEEK + f"overrides:\n  - {{who: sam, from: '0001-01-01T00:00', until: '{end}'}}\n"
    with pytest.raises(RotaError, match=r"override 1: (its years are between 2000 and 2100|it ends before)"):
        rota(text)


def test_an_override_that_ends_before_it_begins_is_refused() -> None:
    text = WEEK + "overrides:\n  - {who: sam, from: '2026-11-26T08:00', until: '2026-11-25T20:00'}\n"
    with pytest.raises(RotaError, match="override 1: it ends before it begins"):
        rota(text)
