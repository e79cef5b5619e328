"""When a check-in is due: once each local day, wherever someone lives and whatever their clocks do."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.recovery.check_in import local_date, next_due, parse_time

# Clocks that jump at midnight, by half an hour, or not at all, at odd offsets, and beyond the date line.
ZONES = [
    "America/Havana",
    "America/New_York",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "America/Vancouver",
    "Australia/Lord_Howe",
]
TIMES = [time(0, 0), time(0, 30), time(1, 45), time(2, 0), time(2, 30), time(7, 30), time(9, 0), time(23, 59)]
FIVE_YEARS = (datetime(2025, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("zone", [ZoneInfo(name) for name in ZONES], ids=ZONES)
@pytest.mark.parametrize("at", TIMES, ids=str)
def test_every_local_day_of_five_years_has_exactly_one(zone: ZoneInfo, at: time) -> None:
    moment, end = FIVE_YEARS
    days: list[date] = []
    while True:
        moment = next_due(moment, zone, at)
        if moment >= end:
            break
        days.append(local_date(moment, zone))
        shown = moment.astimezone(zone)
        # A skipped time is taken at most an hour later, on the same day.
        late = timedelta(hours=shown.hour, minutes=shown.minute) - timedelta(hours=at.hour, minutes=at.minute)
        assert timedelta(0) <= late <= timedelta(hours=1)
    assert days == [days[0] + timedelta(days=n) for n in range(len(days))]
    assert len(days) >= 5 * 365


@settings(deadline=None)
@given(
    st.integers(0, 7 * 365 * 24 * 60).map(lambda minutes: FIVE_YEARS[0] + timedelta(minutes=minutes)),
    st.sampled_from(ZONES),
    st.times().map(lambda t: t.replace(second=0, microsecond=0)),
)
def test_it_is_later_than_now_and_within_a_day_and_an_hour(now: datetime, zone: str, at: time) -> None:
    due = next_due(now, ZoneInfo(zone), at)
    assert now < due <= now + timedelta(hours=26)
    assert due.tzinfo is UTC
    # Asked again just before, it is the same moment; at the moment itself, the next one.
    assert next_due(due - timedelta(seconds=1), ZoneInfo(zone), at) == due
    assert next_due(due, ZoneInfo(zone), at) > due


@pytest.mark.parametrize(
    ("zone", "after", "at", "due"),
    [
        # Clocks in New York skip from two to three: half past two comes at half past three.
        ("America/New_York", "2026-03-08T05:00", time(2, 30), "2026-03-08T07:30"),
        # They show half past one twice: the first time counts.
        ("America/New_York", "2026-11-01T04:00", time(1, 30), "2026-11-01T05:30"),
        # Midnight does not exist in Havana on the day that summer time begins: the day has its moment at one.
        ("America/Havana", "2026-03-08T04:00", time(0, 0), "2026-03-08T05:00"),
        ("Asia/Kathmandu", "2026-06-01T00:00", time(9, 0), "2026-06-01T03:15"),
        ("Australia/Lord_Howe", "2026-10-03T12:00", time(2, 15), "2026-10-03T15:45"),
    ],
)
def test_the_days_on_which_clocks_change(zone: str, after: str, at: time, due: str) -> None:
    moment = next_due(datetime.fromisoformat(f"{after}+00:00"), ZoneInfo(zone), at)
    assert moment == datetime.fromisoformat(f"{due}+00:00")


@pytest.mark.parametrize(("text", "at"), [("09:00", time(9)), ("7:30", time(7, 30)), ("00:05", time(0, 5))])
def test_a_time_of_the_clock_is_read(text: str, at: time) -> None:
    assert parse_time(text) == at


@pytest.mark.parametrize("text", ["", "nine", "25:00", "9", "12:60"])
def test_what_no_clock_shows_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text)
