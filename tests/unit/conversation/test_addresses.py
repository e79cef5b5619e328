"""A number that may be somebody else's by now: nothing of whose it was is shown, and danger is heard all the same."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from bot.channels.console import NAME, Console
from bot.delivery.messages import Fault, Inbound, Lane, Receipt, Report
from bot.escalation.policy import AlertKind, AlertStatus
from bot.recovery.people import Role
from bot.store import people
from bot.store.tables import AlertRow, CheckInRow, ContactPointRow, OutboundRow, QuestionRow
from tests.doubles.house import House
from tests.unit.delivery.test_outbox import Tells, queue, sender_on


@pytest.fixture(autouse=True)
def _addresses_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the terminal were a telephone number."""
    monkeypatch.setattr(Console, "abilities", replace(Console.abilities, passed_on=True))


async def says(house: House, address: str, text: str) -> list[tuple[str, str]]:
    """Somebody writes from an address; returns what comes back there, as lane and text."""
    house.move(seconds=5)
    seen = len(house.lines)
    await house.app.intake.accept(Inbound(NAME, address, uuid4().hex, text, keywords=True))
    await house.app.settle()
    seat = house.demo.seat_name(address)
    return [(line.lane, line.text) for line in house.lines[seen:] if line.direction == "out" and line.seat == seat]


async def given_up(house: House, address: str) -> None:
    """The carrier has said that there is no such number."""
    async with house.store.write() as unit:
        known = await people.by_address(unit, NAME, address)
        assert known
        known[0].doubted_at = house.clock.now()


async def alerts(house: House, kind: AlertKind) -> list[AlertRow]:
    return [alert for alert in await house.rows(AlertRow) if alert.kind == kind]


async def test_whoever_writes_from_a_number_of_staff_that_was_given_up_reads_and_takes_nothing(house: House) -> None:
    await says(house, "maya", "i want to kill myself")
    await given_up(house, "ruth")
    assert "Maya" not in str(await says(house, "ruth", "1v"))
    assert "Alert" not in str(await says(house, "ruth", "1a"))
    (alert,) = await alerts(house, AlertKind.DANGER)
    assert alert.status == AlertStatus.OPEN


async def test_nobody_else_answers_a_persons_safety_question(house: House) -> None:
    async with house.store.write() as unit:
        maya = await people.by_key(unit, "maya")
        assert maya
        await people.add_contact(unit, maya.id, NAME, "her old number")
    await given_up(house, "her old number")
    await says(house, "maya", "they would be better off without me")
    await says(house, "her old number", "no")
    (question,) = await house.rows(QuestionRow)
    assert question.outcome is None


async def test_nobody_else_settles_a_safety_question_that_has_run_out(house: House) -> None:
    await says(house, "maya", "i want to kill myself")
    await house.demo.forward(timedelta(hours=4))
    await given_up(house, "maya")
    await says(house, "maya", "1")
    assert "safe" not in [question.outcome for question in await house.rows(QuestionRow)]


async def test_who_has_the_number_now_joins_as_themselves(house: House) -> None:
    await given_up(house, "maya")
    await says(house, "maya", "who is this")
    _, code = await house.newcomer("nadia", Role.CLIENT, "Nadia Ross")
    assert "Nadia" in str(await says(house, "maya", code))


async def test_their_code_counts_at_once(house: House) -> None:
    await given_up(house, "maya")
    _, code = await house.newcomer("nadia", Role.CLIENT, "Nadia Ross")
    heard = str(await says(house, "maya", code))
    assert "Nadia" in heard
    assert "Maya" not in heard


async def test_danger_from_there_is_answered_and_told_as_a_strangers(house: House) -> None:
    await says(house, "maya", "my exit word is pineapple")
    await says(house, "maya", "pineapple")
    await given_up(house, "maya")
    heard = await says(house, "maya", "i took all my pills, i want to die")
    assert "crisis" in [lane for lane, _ in heard], "an older owner's quiet is not theirs"
    (alert, *_) = await alerts(house, AlertKind.DANGER)
    story = str(await says(house, "ruth", f"{alert.number}v"))
    assert "may be somebody else" in story
    assert "Maya" not in story
    assert await says(house, "maya", "can a person call me please"), "and a word follows it"


async def test_an_opt_out_that_is_lifted_greets_nobody_by_another_name(house: House) -> None:
    await says(house, "maya", "please stop texting me")
    await given_up(house, "maya")
    assert "Maya" not in str(await says(house, "maya", "Yes."))


async def test_nothing_is_sent_there_not_even_a_safety_reply_and_staff_are_told(house: House) -> None:
    await given_up(house, "maya")
    row_id = await queue(house, house.client, "Are you safe right now?", Lane.CRISIS)
    seen = len(house.lines)
    await house.app.settle()
    assert not [line for line in house.lines[seen:] if line.seat == "client"]
    assert (await row_of(house, row_id)).status == "failed"
    assert await alerts(house, AlertKind.DELIVERY)


async def row_of(house: House, row_id: str) -> OutboundRow:
    (row,) = [row for row in await house.rows(OutboundRow) if row.id == row_id]
    found: OutboundRow = row
    return found


async def test_no_check_in_names_someone_at_a_number_that_was_silent_for_months(house: House) -> None:
    await says(house, "maya", "hello")
    async with house.store.write() as unit:
        known = await people.by_address(unit, NAME, "maya")
        assert known
        known[1].last_heard = house.clock.now() - timedelta(days=100)
    seen = len(house.lines)
    await house.demo.forward(timedelta(hours=14))
    assert "Maya" not in str([line.text for line in house.lines[seen:] if line.seat == "client"])


async def test_staff_whose_phone_was_off_are_paged_again(house: House) -> None:
    await house.writes(house.client, "i want to kill myself")
    line = Tells()
    own = sender_on(house, line)
    for someone in (house.staff, house.backup):
        await own.run_once()
        (page,) = [row for row in await house.rows(OutboundRow, someone) if row.lane == int(Lane.ALERT)]
        await own.told(page.id, Report("id", Receipt.FAILED, Fault.UNREACHABLE))
        await house.app.tick.run()
    before = len(line.delivered)
    house.move(minutes=20)
    await house.app.tick.run()
    await own.run_once()
    assert [delivery for delivery in line.delivered[before:] if delivery.lane is Lane.ALERT]


async def test_a_clients_phone_that_was_off_gets_the_next_days_check_in(house: House) -> None:
    row_id = await queue(house, house.client, "a reply", Lane.REPLY)
    own = sender_on(house, Tells())
    await own.run_once()
    await own.told(row_id, Report("id-1", Receipt.FAILED, Fault.UNREACHABLE))
    await house.demo.forward(timedelta(days=2))
    statuses = [row.status for row in sorted(await house.rows(CheckInRow, house.client), key=lambda r: r.local_date)]
    assert statuses[0] == "skipped"
    assert "skipped" not in statuses[1:]


async def test_a_late_receipt_of_an_older_message_says_nothing_of_a_block(house: House) -> None:
    own = sender_on(house, Tells())
    first = await queue(house, house.client, "one", Lane.REPLY)
    await own.run_once()
    second = await queue(house, house.client, "two", Lane.REPLY)
    await own.run_once()
    await own.told(second, Report("id-2", Receipt.FAILED, Fault.BLOCKED))
    await own.told(first, Report("id-1", Receipt.DELIVERED))
    (contact,) = await house.rows(ContactPointRow, house.client)
    assert contact.suspended_at
