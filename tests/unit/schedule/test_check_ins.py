"""Asking for check-ins by the clock: at each client's own times, once each, in batches, and in nobody's way."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from bot.care import asking
from bot.care.check_in import FORM, Answers, RecordCheckIn, Snooze
from bot.care.rhythm import ChangeRhythm, MoveZone, PauseCheckIns
from bot.delivery.messages import Lane
from bot.recovery.check_in import CheckInStatus, Rhythm
from bot.recovery.people import Role
from bot.store import conversations, people
from bot.store.database import Unit
from bot.store.tables import CheckInRow, ConversationRow, OutboundRow, PersonRow
from tests.doubles.house import House

CHICAGO = ZoneInfo("America/Chicago")
# A Thursday.
MORNING = datetime(2027, 3, 4, 9, 0, tzinfo=CHICAGO)


class Asked:
    """A client of the made-up practice, and a clock that is moved to moments of their own day."""

    def __init__(self, house: House, key: str = "maya") -> None:
        self.house, self.key = house, key

    async def row(self, unit: Unit) -> PersonRow:
        found = await people.by_key(unit, self.key)
        assert found
        return found

    async def wants(self, rhythm: str, zone: str = "America/Chicago", since: datetime | None = None) -> None:
        async with self.house.store.write() as unit:
            row = await self.row(unit)
            row.rhythm, row.time_zone, row.joining = rhythm, zone, None
            row.next_check_in = Rhythm.parse(rhythm).next_due(since or MORNING - timedelta(days=1), ZoneInfo(zone))
            await unit.session.execute(
                update(PersonRow)
                .where(PersonRow.id != row.id, PersonRow.role == Role.CLIENT)
                .values(next_check_in=None)
            )

    async def at(self, moment: datetime) -> int:
        """The clock comes to this moment: how many are asked for the first time."""
        async with self.house.store.write() as unit:
            return await asking.push_due(unit, self.house.app.content, moment.astimezone(UTC))

    async def later(self, moment: datetime) -> int:
        async with self.house.store.write() as unit:
            return await asking.follow_up(unit, self.house.app.content, moment.astimezone(UTC))

    async def staged(self, *effects: object, moment: datetime) -> None:
        """What a turn of theirs stages is applied, as its commit does it."""

        class Spoken:
            now = moment.astimezone(UTC)

        async with self.house.store.write() as unit:
            Spoken.person = people.person_of(unit, await self.row(unit))  # type: ignore[attr-defined]
            for effect in effects:
                await effect.apply(unit, Spoken)  # type: ignore[attr-defined]

    async def check_ins(self) -> list[CheckInRow]:
        async with self.house.store.read() as unit:
            query = select(CheckInRow).where(CheckInRow.client_id == (await self.row(unit)).id)
            return list(await unit.session.scalars(query.order_by(CheckInRow.local_date, CheckInRow.slot)))

    async def due(self) -> datetime:
        async with self.house.store.read() as unit:
            moment = (await self.row(unit)).next_check_in
            assert moment
            return moment.astimezone(CHICAGO)

    async def state(self) -> conversations.State:
        async with self.house.store.read() as unit:
            row = await conversations.of_person(unit, (await self.row(unit)).id, lock=False)
            assert row
            return conversations.load_state(unit, row, datetime(2000, 1, 1, tzinfo=UTC))


@pytest.fixture
def maya(each_house: House) -> Asked:
    return Asked(each_house)


async def test_twice_a_day_each_has_a_slot_of_its_own(maya: Asked) -> None:
    await maya.wants("09:00 20:00", since=MORNING - timedelta(hours=1))
    assert await maya.at(MORNING) == 1
    assert await maya.at(MORNING + timedelta(minutes=1)) == 0
    assert await maya.at(MORNING + timedelta(hours=11)) == 1
    rows = await maya.check_ins()
    assert [(row.slot, row.status) for row in rows] == [("daily", "missed"), ("second", "asked")]
    assert {row.local_date for row in rows} == {MORNING.date()}
    assert await maya.due() == MORNING + timedelta(days=1)


async def test_an_answer_at_night_belongs_to_the_second_one_of_the_day(maya: Asked) -> None:
    await maya.wants("09:00 20:00", since=MORNING - timedelta(hours=1))
    await maya.at(MORNING)
    await maya.staged(
        RecordCheckIn(Answers(2, 5, 7, None, False), complete=True), moment=MORNING + timedelta(minutes=5)
    )
    await maya.at(MORNING + timedelta(hours=11))
    # Half past midnight: the next day has begun, and still it is yesterday's second one that they answer.
    await maya.staged(RecordCheckIn(Answers(6), complete=False), moment=MORNING + timedelta(hours=15, minutes=30))
    rows = await maya.check_ins()
    assert [(row.slot, row.status, row.craving) for row in rows] == [("daily", "answered", 2), ("second", "partial", 6)]


async def test_on_weekdays_nobody_is_asked_on_a_saturday(maya: Asked) -> None:
    await maya.wants("09:00 mon tue wed thu fri", since=MORNING - timedelta(hours=1))
    asked = [await maya.at(MORNING + timedelta(days=back)) for back in range(6)]
    assert asked == [1, 1, 0, 0, 1, 1]
    assert [row.local_date.strftime("%a") for row in await maya.check_ins()] == ["Thu", "Fri", "Mon", "Tue"]


async def test_whoever_flies_west_is_asked_once_a_day_by_the_clock_there(maya: Asked) -> None:
    await maya.wants("09:00", since=MORNING - timedelta(hours=1))
    await maya.at(MORNING)
    await maya.staged(MoveZone("America/Los_Angeles"), moment=MORNING + timedelta(minutes=30))
    # Nine in Los Angeles is eleven in Chicago, on a day that has had its check-in.
    await maya.at(MORNING + timedelta(hours=2))
    assert len(await maya.check_ins()) == 1
    await maya.at(MORNING + timedelta(days=1, hours=2))
    rows = await maya.check_ins()
    assert [row.local_date for row in rows] == [MORNING.date(), MORNING.date() + timedelta(days=1)]


async def test_over_the_date_line_no_day_is_asked_twice(maya: Asked) -> None:
    zone = ZoneInfo("Pacific/Auckland")
    there = datetime(2027, 3, 4, 9, 0, tzinfo=zone)
    await maya.wants("09:00", "Pacific/Auckland", since=there - timedelta(hours=1))
    await maya.at(there)
    await maya.staged(MoveZone("Pacific/Honolulu"), moment=there + timedelta(hours=9))
    for hours in range(0, 72, 1):
        await maya.at(there + timedelta(hours=10 + hours))
    days = [row.local_date.isoformat() for row in await maya.check_ins()]
    assert days == sorted(set(days))
    assert len(days) >= 3


async def test_a_pause_ends_with_the_next_day_that_is_asked_for(maya: Asked) -> None:
    await maya.wants("09:00 sat sun", since=MORNING)
    await maya.staged(PauseCheckIns(MORNING.date() + timedelta(days=3)), moment=MORNING)
    assert (await maya.due()).date() == MORNING.date() + timedelta(days=3), "a Sunday"
    await maya.staged(ChangeRhythm(Rhythm((time(10), time(18)))), moment=MORNING)
    sunday = (MORNING + timedelta(days=3)).replace(hour=10)
    assert await maya.due() == sunday, "another time of day is no end of the pause"
    await maya.staged(MoveZone("America/Denver"), moment=MORNING)
    assert await maya.due() == sunday + timedelta(hours=1), "nor is another place"
    await maya.staged(PauseCheckIns(MORNING.date() + timedelta(days=1)), moment=MORNING)
    assert (await maya.due()).date() == MORNING.date() + timedelta(days=1)


async def test_a_pause_ends_the_check_in_that_is_open(maya: Asked) -> None:
    await maya.wants("09:00", since=MORNING - timedelta(hours=1))
    await maya.at(MORNING)
    await maya.staged(PauseCheckIns(MORNING.date() + timedelta(days=3)), moment=MORNING + timedelta(minutes=5))
    assert await maya.later(MORNING + timedelta(hours=2)) == 0
    (row,) = await maya.check_ins()
    assert (row.status, row.due_at) == (CheckInStatus.SKIPPED, None)


async def test_a_snooze_of_a_check_in_of_their_own_is_kept_too(maya: Asked) -> None:
    await maya.wants("20:00", since=MORNING)
    effects = (
        RecordCheckIn(Answers(craving=3), complete=False),
        Snooze((MORNING + timedelta(hours=2)).astimezone(UTC)),
    )
    await maya.staged(*effects, moment=MORNING)
    assert await maya.later(MORNING + timedelta(hours=2)) == 1
    assert (await maya.state()).slots["requested_slot"] == "check_mood"


async def test_with_the_second_one_the_first_of_the_day_is_over(maya: Asked) -> None:
    await maya.wants("09:00 20:00", since=MORNING - timedelta(hours=1))
    await maya.at(MORNING)
    evening = MORNING + timedelta(hours=11)
    effects = (
        RecordCheckIn(Answers(craving=4), complete=False),
        Snooze((evening + timedelta(minutes=30)).astimezone(UTC)),
    )
    await maya.staged(*effects, moment=MORNING + timedelta(minutes=1))
    await maya.at(evening)
    told = RecordCheckIn(Answers(8, 3, None, 6, True), complete=True)
    await maya.staged(told, moment=evening + timedelta(minutes=5))
    assert await maya.later(evening + timedelta(minutes=30)) == 0, "nobody is asked about two at once"
    rows = await maya.check_ins()
    assert [(row.slot, row.status, row.craving, row.used) for row in rows] == [
        ("daily", "partial", 4, None), ("second", "answered", 8, True),
    ]  # fmt: skip


async def test_what_waits_until_it_is_too_late_leaves_its_reason(maya: Asked) -> None:
    await maya.wants("09:00", since=MORNING - timedelta(hours=1))
    for minutes in range(0, 5 * 60, 5):
        moment = MORNING + timedelta(minutes=minutes)
        async with maya.house.store.write() as unit:
            row = await conversations.of_person(unit, (await maya.row(unit)).id)
            assert row
            form = conversations.State({"requested_slot": "skill_step"}, "skill_form")
            conversations.save_state(unit, row, form, moment.astimezone(UTC) + timedelta(hours=2))
        await maya.at(moment)
    (row,) = await maya.check_ins()
    assert (row.status, row.reason) == ("skipped", "something else was being talked about")


async def test_after_a_flight_over_the_date_line_a_check_in_of_ones_own_is_kept(maya: Asked) -> None:
    there = datetime(2027, 3, 1, 9, 0, tzinfo=ZoneInfo("Pacific/Auckland"))
    await maya.wants("09:00", "Pacific/Auckland", since=there - timedelta(hours=1))
    for day in range(2):
        await maya.at(there + timedelta(days=day))
        await maya.later(there + timedelta(days=day, hours=13))
    await maya.staged(MoveZone("Pacific/Honolulu"), moment=there + timedelta(days=1, hours=14))
    later = there + timedelta(days=1, hours=15)
    await maya.staged(RecordCheckIn(Answers(craving=2), complete=False), moment=later)
    assert 2 in [row.craving for row in await maya.check_ins()]


async def test_snoozed_it_is_asked_again_at_their_time_and_goes_on_where_it_was(maya: Asked) -> None:
    await maya.wants("09:00", since=MORNING - timedelta(hours=1))
    await maya.at(MORNING)
    until = MORNING + timedelta(hours=6)
    effects = (RecordCheckIn(Answers(craving=4), complete=False), Snooze(until.astimezone(UTC)))
    await maya.staged(*effects, moment=MORNING + timedelta(minutes=1))
    assert await maya.later(MORNING + timedelta(hours=2)) == 0, "not before their time, and not by the usual follow-up"
    assert await maya.later(until) == 1
    state = await maya.state()
    assert (state.form, state.slots["requested_slot"], state.slots["check_craving"]) == (FORM, "check_mood", 4)
    (row,) = await maya.check_ins()
    assert (row.status, row.craving) == (CheckInStatus.PARTIAL, 4)
    assert await maya.later(until + timedelta(hours=13)) == 1
    (row,) = await maya.check_ins()
    assert (row.status, row.due_at) == (CheckInStatus.PARTIAL, None), "kept, and not asked for a third time"


async def test_snoozed_and_never_answered_it_is_missed(maya: Asked) -> None:
    await maya.wants("09:00", since=MORNING - timedelta(hours=1))
    await maya.at(MORNING)
    await maya.staged(Snooze((MORNING + timedelta(hours=3)).astimezone(UTC)), moment=MORNING + timedelta(minutes=1))
    assert await maya.later(MORNING + timedelta(hours=3)) == 1
    await maya.later(MORNING + timedelta(hours=16))
    (row,) = await maya.check_ins()
    assert row.status == CheckInStatus.MISSED


async def test_one_broken_client_costs_nobody_else_a_check_in(maya: Asked) -> None:
    await maya.wants("09:00", since=MORNING - timedelta(hours=1))
    async with maya.house.store.write() as unit:
        theo = await people.by_key(unit, "theo")
        assert theo
        theo.rhythm, theo.time_zone, theo.joining = "09:00", "Mars/Olympus", None
        theo.next_check_in = MORNING.astimezone(UTC) - timedelta(minutes=1)
    await maya.at(MORNING)
    assert [row.status for row in await maya.check_ins()] == [CheckInStatus.ASKED]
    async with maya.house.store.read() as unit:
        theo = await people.by_key(unit, "theo")
        assert theo
        assert theo.next_check_in
        assert MORNING < theo.next_check_in <= MORNING + asking.TRIED_AGAIN, (
            "tried again, and in nobody's way until then"
        )


async def test_two_clocks_at_once_ask_each_client_once(maya: Asked) -> None:
    await maya.wants("09:00", since=MORNING - timedelta(hours=1))
    async with maya.house.store.write() as unit:
        for number in range(40):
            row = await people.add(
                unit, key=f"client-{number}", role=Role.CLIENT, name="Nadia", time_zone="America/Chicago",
                country="US", now=MORNING.astimezone(UTC), rhythm=Rhythm(), next_check_in=MORNING.astimezone(UTC),
            )  # fmt: skip
            await people.add_contact(unit, row.id, "console", f"client-{number}")
    done = await asyncio.gather(*(maya.at(MORNING) for _ in range(3)))
    assert sum(done) == 41
    async with maya.house.store.read() as unit:
        rows = await unit.session.scalars(select(OutboundRow.person_id).where(OutboundRow.lane == int(Lane.CHECK_IN)))
        counted = Counter(rows)
    assert len(counted) == 41
    assert set(counted.values()) == {1}


async def test_who_is_being_answered_at_this_moment_is_asked_a_moment_later(maya: Asked) -> None:
    if maya.house.store.is_sqlite:
        pytest.skip("there is one writer at a time")
    await maya.wants("09:00", since=MORNING - timedelta(hours=1))
    async with maya.house.store.write() as turn:
        held = await conversations.of_person(turn, (await maya.row(turn)).id)
        assert held
        assert await asyncio.wait_for(maya.at(MORNING), 10) == 0, "nobody waits for the turn"
    assert await maya.at(MORNING) == 1


async def test_a_turn_that_waits_for_the_engine_does_not_write_over_what_was_begun(maya: Asked) -> None:
    await maya.wants("09:00", since=MORNING - timedelta(hours=1))
    leased = update(ConversationRow).values(lease_until=MORNING.astimezone(UTC) + timedelta(seconds=30))
    async with maya.house.store.write() as unit:
        await unit.session.execute(leased)
    assert await maya.at(MORNING) == 0, "the turn would save the state from before"
    assert await maya.at(MORNING + timedelta(seconds=31)) == 1


async def test_whose_state_cannot_be_read_is_asked_all_the_same(maya: Asked) -> None:
    await maya.wants("09:00", since=MORNING - timedelta(hours=1))
    async with maya.house.store.write() as unit:
        await unit.session.execute(update(ConversationRow).values(state_sealed=b"broken"))
    assert await maya.at(MORNING) == 1
    assert (await maya.state()).form == FORM


async def test_a_rhythm_that_cannot_be_read_is_the_usual_one(maya: Asked) -> None:
    await maya.wants("09:00", since=MORNING - timedelta(hours=1))
    async with maya.house.store.write() as unit:
        (await maya.row(unit)).rhythm = "whenever"
    assert await maya.at(MORNING) == 1
    assert await maya.due() == MORNING + timedelta(days=1)
