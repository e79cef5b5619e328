"""The outbox and its sender: lanes, order, retries, crashes, and what becomes of doubt."""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from bot.care.undelivered import Undelivered
from bot.channels.console import Console
from bot.delivery import outbox, sender
from bot.delivery.messages import (
    Abilities,
    Delivery,
    Fault,
    Lane,
    Outbound,
    OutStatus,
    Receipt,
    Report,
    SendError,
)
from bot.escalation.policy import AlertKind
from bot.store import conversations, people
from bot.store.tables import AlertRow, ContactPointRow, OutboundRow
from tests.behaviour.world import Someone
from tests.doubles.house import House


class Line(Console):
    """A channel that does what the story says: ``faults`` are raised one after the other, then it delivers."""

    def __init__(self, *faults: Exception) -> None:
        self.faults = list(faults)
        self.delivered: list[Delivery] = []

    async def send(self, delivery: Delivery) -> str:
        if self.faults:
            raise self.faults.pop(0)
        self.delivered.append(delivery)
        return f"id-{len(self.delivered)}"

    @property
    def texts(self) -> list[str]:
        return [delivery.message.text for delivery in self.delivered]


def sender_on(house: House, channel: Any) -> sender.Sender:
    """The house's own sender with another channel."""
    own = house.app.senders["console"]
    return sender.Sender(house.store, channel, house.clock.now, own._checks, own._follow_up)


async def queue(house: House, someone: Someone, text: str, lane: Lane) -> str:
    async with house.store.write() as unit:
        person = await people.by_key(unit, someone.key)
        assert person
        conversation = await conversations.of_person(unit, person.id)
        assert conversation
        (message_id,) = await outbox.enqueue(unit, conversation, [Outbound(text)], lane, house.clock.now())
        return message_id


async def status(house: House, message_id: str) -> OutboundRow:
    async with house.store.read() as unit:
        return (await unit.session.scalars(select(OutboundRow).where(OutboundRow.id == message_id))).one()


async def opt_out(house: House, someone: Someone) -> None:
    async with house.store.write() as unit:
        person = await people.by_key(unit, someone.key)
        assert person
        for contact in await unit.session.scalars(
            select(ContactPointRow).where(ContactPointRow.person_id == person.id)
        ):
            contact.opted_out_at = house.clock.now()


async def test_a_safety_reply_goes_before_two_hundred_check_ins(each_house: House) -> None:
    house = each_house
    for number in range(100):
        await queue(house, house.client, f"check-in {number}", Lane.CHECK_IN)
        await queue(house, house.theo, f"check-in {number}", Lane.CHECK_IN)
    await queue(house, house.family, "a page", Lane.ALERT)
    await queue(house, house.client, "call 911", Lane.CRISIS)
    channel = Line()
    await sender_on(house, channel).run_once()
    assert channel.texts[:2] == ["call 911", "a page"]


async def test_a_safety_reply_does_not_wait_for_a_slow_check_in(house: House) -> None:
    held = asyncio.Event()

    class Slow(Line):
        async def send(self, delivery: Delivery) -> str:
            if delivery.lane is Lane.CHECK_IN:
                await held.wait()
            return await super().send(delivery)

    channel = Slow()
    both = sender_on(house, channel)
    await queue(house, house.theo, "check-in", Lane.CHECK_IN)
    everything = asyncio.create_task(both.run_once())
    await asyncio.sleep(0)
    await queue(house, house.client, "call 911", Lane.CRISIS)
    await both.run_once(Lane.ALERT)
    assert channel.texts == ["call 911"]
    held.set()
    await everything


async def test_what_a_person_gets_stays_in_order_over_a_retry(each_house: House) -> None:
    house = each_house
    for text in ("first", "second", "third"):
        await queue(house, house.client, text, Lane.REPLY)
    await queue(house, house.theo, "for someone else", Lane.REPLY)
    channel = Line(SendError(Fault.BUSY))
    own = sender_on(house, channel)
    for _ in range(4):
        await own.run_once()
    assert channel.texts == ["for someone else"], "the second and third wait for the first"
    house.move(seconds=11)
    for _ in range(4):
        await own.run_once()
    assert channel.texts == ["for someone else", "first", "second", "third"]


async def test_an_alert_waits_for_no_earlier_one(house: House) -> None:
    await queue(house, house.staff, "first page", Lane.ALERT)
    await queue(house, house.staff, "second page", Lane.ALERT)
    channel = Line(SendError(Fault.BUSY))
    await sender_on(house, channel).run_once()
    assert channel.texts == ["second page"]


async def test_who_opted_out_gets_safety_replies_and_pages_and_nothing_else(each_house: House) -> None:
    house = each_house
    rows = {lane: await queue(house, house.client, lane.label, lane) for lane in Lane}
    house.move(seconds=1)
    await opt_out(house, house.client)
    await queue(house, house.client, "the one confirmation", Lane.REPLY)
    late = await queue(house, house.client, "a check-in", Lane.CHECK_IN)
    channel = Line()
    for _ in range(3):
        await sender_on(house, channel).run_once()
    assert channel.texts == ["crisis", "alert", "the one confirmation"]
    assert (await status(house, late)).status == OutStatus.DROPPED
    for lane in (Lane.REPLY, Lane.CHECK_IN, Lane.NOTICE):
        row = await status(house, rows[lane])
        assert (row.status, row.reason) == (OutStatus.DROPPED, "opted out")


async def test_retries_back_off_and_then_a_human_is_told(house: House) -> None:
    row_id = await queue(house, house.client, "your plan for tonight", Lane.REPLY)
    channel = Line(*(SendError(Fault.BUSY) for _ in range(20)))
    own = sender_on(house, channel)
    waits = []
    for _ in range(outbox.GIVE_UP_AFTER):
        await own.run_once()
        row = await status(house, row_id)
        await own.run_once()
        assert (await status(house, row_id)).attempts == row.attempts, "not again at once"
        waits.append((row.not_before - house.clock.now()).total_seconds())
        house.clock.move(max(row.not_before - house.clock.now(), timedelta(0)))
    for wait, base in zip(waits[:-1], (5, 10, 20, 40, 80, 160, 320, 640), strict=False):
        assert base <= wait <= base * 1.5, "doubled each time, and not all at the same moment"
    assert waits[-2] <= outbox.CLOCK_WENT_BACK.total_seconds()
    row = await status(house, row_id)
    assert (row.status, row.attempts) == (OutStatus.FAILED, outbox.GIVE_UP_AFTER)
    house.move(hours=1)
    await house.app.settle()
    house.staff.is_alerted(kind="delivery")


async def test_what_trying_again_cannot_help_fails_at_once(house: House) -> None:
    row_id = await queue(house, house.client, "hello", Lane.REPLY)
    await sender_on(house, Line(SendError(Fault.NO_SUCH_ADDRESS))).run_once()
    assert (await status(house, row_id)).status == OutStatus.FAILED
    (alert,) = await house.rows(AlertRow)
    assert alert.kind == AlertKind.DELIVERY
    assert "this address does not exist" in await house.opened(alert, "story_sealed")


async def test_a_provider_that_names_a_time_is_left_alone_for_as_long(house: House) -> None:
    row_id = await queue(house, house.client, "hello", Lane.REPLY)
    await sender_on(house, Line(SendError(Fault.BUSY, timedelta(seconds=90)))).run_once()
    row = await status(house, row_id)
    assert (row.status, row.reason) == (OutStatus.QUEUED, "busy")
    assert row.not_before - house.clock.now() == timedelta(seconds=90)


async def test_a_provider_that_names_hours_is_not_taken_for_a_clock_that_went_back(house: House) -> None:
    row_id = await queue(house, house.client, "hello", Lane.REPLY)
    channel = Line(SendError(Fault.BUSY, timedelta(hours=5)))
    for _ in range(5):
        await sender_on(house, channel).run_once()
    assert (await status(house, row_id)).attempts == 1


async def test_an_address_on_a_channel_that_is_not_set_up_is_told_to_staff(house: House) -> None:
    row_id = await queue(house, house.client, "hello", Lane.REPLY)
    async with house.store.write() as unit:
        (await unit.session.get_one(OutboundRow, (await status(house, row_id)).sequence)).channel = "pigeon"
    await house.app.settle()
    assert (await status(house, row_id)).status == OutStatus.FAILED
    (alert,) = await house.rows(AlertRow)
    assert "handrail doctor" in await house.opened(alert, "story_sealed")


async def test_a_page_that_does_not_go_out_is_the_backups_business_within_a_minute(house: House) -> None:
    await house.writes(house.client, "i want to kill myself")

    class RuthsPhoneIsDead(Line):
        async def send(self, delivery: Delivery) -> str:
            if delivery.address == "ruth":
                raise SendError(Fault.UNREACHABLE)
            return await super().send(delivery)

    channel = RuthsPhoneIsDead()
    own = sender_on(house, channel)
    for _ in range(12):
        await own.run_once()
        house.move(seconds=5)
        await house.app.tick.run()
    assert [d for d in channel.delivered if d.address == "sam" and d.lane is Lane.ALERT]


@pytest.mark.parametrize("lane", [Lane.CRISIS, Lane.ALERT])
async def test_a_sender_that_dies_after_sending_sends_safety_and_pages_again_and_says_so(
    each_house: House, lane: Lane
) -> None:
    house = each_house
    row_id = await queue(house, house.staff, "important", lane)
    await _die_after_sending(house)
    channel = Line()
    own = sender_on(house, channel)
    assert await own.run_once() == 0, "nobody else may touch it before the lease ends"
    house.move(seconds=61)
    await own.run_once()
    assert [(d.message.text, d.repeat) for d in channel.delivered] == [("(sent again) important", True)]
    assert (await status(house, row_id)).status == OutStatus.SENT


@pytest.mark.parametrize("lane", [Lane.REPLY, Lane.CHECK_IN, Lane.NOTICE])
async def test_a_sender_that_dies_after_sending_sends_nothing_else_twice(each_house: House, lane: Lane) -> None:
    house = each_house
    row_id = await queue(house, house.client, "good morning", lane)
    await _die_after_sending(house)
    house.move(seconds=61)
    channel = Line()
    own = sender_on(house, channel)
    await own.run_once()
    assert channel.texts == []
    assert (await status(house, row_id)).status == OutStatus.UNKNOWN
    house.move(minutes=2)
    await own.run_once()
    unsure = ["I'm not sure my last message reached you. Write anything, and we go on from there."]
    assert channel.texts == (unsure if lane is Lane.REPLY else []), "an answer that may be missing is spoken of, once"


async def test_where_that_is_in_doubt_too_it_is_left_at_that(house: House) -> None:
    await queue(house, house.client, "a reply", Lane.REPLY)
    own = sender_on(house, Line(*(TimeoutError() for _ in range(9))))
    for _ in range(9):
        await own.run_once()
        house.move(minutes=2)
    assert [row.status for row in await house.sent(house.client)] == [OutStatus.UNKNOWN, OutStatus.UNKNOWN]


async def _die_after_sending(house: House) -> None:
    """The process ends between the channel's answer and the record of it."""

    class Dies(Line):
        async def send(self, delivery: Delivery) -> str:
            raise asyncio.CancelledError

    await sender_on(house, Dies()).run_once()


async def test_where_nobody_knows_whether_it_was_sent_only_what_matters_most_is_repeated(house: House) -> None:
    reply = await queue(house, house.client, "a reply", Lane.REPLY)
    safety = await queue(house, house.theo, "call 911", Lane.CRISIS)
    own = sender_on(house, Line(TimeoutError(), TimeoutError()))
    await own.run_once()
    assert (await status(house, reply)).status == OutStatus.UNKNOWN
    row = await status(house, safety)
    assert (row.status, row.repeat) == (OutStatus.QUEUED, True)


async def test_a_channel_that_never_answers_is_left(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "SEND_WITHIN", 0.02)
    row_id = await queue(house, house.client, "a reply", Lane.REPLY)

    class Hangs(Line):
        async def send(self, delivery: Delivery) -> str:
            await asyncio.Event().wait()
            return ""

    await sender_on(house, Hangs()).run_once()
    assert (await status(house, row_id)).status == OutStatus.UNKNOWN


async def test_a_settled_row_never_moves_back(each_house: House) -> None:
    house = each_house
    row_id = await queue(house, house.client, "hello", Lane.REPLY)
    channel = Line()
    await sender_on(house, channel).run_once()
    async with house.store.write() as unit:
        stands = await outbox.record(unit, [outbox.Outcome(row_id, failure="late", retry=True)], house.clock.now())
    assert stands[row_id] is OutStatus.SENT
    row = await status(house, row_id)
    assert (row.status, row.reason, row.provider_id) == (OutStatus.SENT, None, "id-1")


async def test_a_batch_that_took_long_is_given_back_untouched(house: House) -> None:
    rows = [await queue(house, someone, "hello", Lane.NOTICE) for someone in (house.client, house.theo, house.family)]

    class Slow(Line):
        async def send(self, delivery: Delivery) -> str:
            house.move(seconds=31)
            return await super().send(delivery)

    await sender_on(house, Slow()).run_once()
    found = [await status(house, row_id) for row_id in rows]
    assert [row.status for row in found] == [OutStatus.SENT, OutStatus.QUEUED, OutStatus.QUEUED]
    assert [row.attempts for row in found] == [1, 0, 0]


async def test_a_message_that_does_not_open_stops_no_other(house: House) -> None:
    broken = await queue(house, house.client, "will be damaged", Lane.CRISIS)
    async with house.store.write() as unit:
        row = (await unit.session.scalars(select(OutboundRow).where(OutboundRow.id == broken))).one()
        row.body_sealed = row.body_sealed[:-1] + bytes([row.body_sealed[-1] ^ 1])
    await queue(house, house.theo, "fine", Lane.REPLY)
    channel = Line()
    await sender_on(house, channel).run_once()
    assert channel.texts == ["fine"]
    assert (await status(house, broken)).status == OutStatus.FAILED
    assert [alert.kind for alert in await house.rows(AlertRow)] == [AlertKind.DELIVERY]


async def test_two_senders_on_postgresql_send_each_message_once_and_in_order(
    each_house: House,
) -> None:
    house = each_house
    people_here = (house.client, house.theo, house.family, house.father)
    for number in range(15):
        for someone in people_here:
            await queue(house, someone, f"{someone.key} {number}", Lane.REPLY)
    channel = Line()
    senders = [sender_on(house, channel) for _ in range(4)]

    async def drain(own: sender.Sender) -> None:
        idle = 0
        while idle < 20:
            idle = 0 if await own.run_once() else idle + 1

    await asyncio.gather(*(drain(own) for own in senders))
    for someone in people_here:
        assert [text for text in channel.texts if text.startswith(someone.key)] == [
            f"{someone.key} {number}" for number in range(15)
        ]


class Slow(Line):
    """A channel whose line to one person hangs for a while."""

    async def send(self, delivery: Delivery) -> str:
        if delivery.address == "theo":
            await asyncio.sleep(0.5)
        return await super().send(delivery)


async def test_a_slow_line_to_one_person_keeps_nobody_else_waiting(house: House) -> None:
    channel = Slow()
    for text in ("one", "two"):
        await queue(house, house.theo, text, Lane.CRISIS)
    await queue(house, house.client, "for maya", Lane.CRISIS)
    await sender_on(house, channel).run_once()
    assert channel.texts == ["for maya", "one", "two"]


async def test_what_went_out_is_recorded_when_the_database_is_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    row_id = await queue(house, house.client, "a reply", Lane.REPLY)
    channel, record, tries = Line(), outbox.record, []

    async def breaks(*args: Any, **more: Any) -> dict[str, OutStatus]:
        tries.append(1)
        if len(tries) < 3:
            raise OperationalError("UPDATE", {}, Exception("the database went away"))
        return await record(*args, **more)

    monkeypatch.setattr(outbox, "record", breaks)
    await sender_on(house, channel).run_once()
    assert channel.texts == ["a reply"]
    assert (await status(house, row_id)).status == OutStatus.SENT


async def test_an_account_that_must_wait_sends_nothing_and_its_alerts_go_another_way(house: House) -> None:
    async with house.store.write() as unit:
        ruth = await people.by_key(unit, "ruth")
        assert ruth
        await people.add_contact(unit, ruth.id, "pager", "ruth's pager")
    channel, pager = Line(SendError(Fault.BUSY, timedelta(seconds=300))), Line()
    pager.name = "pager"
    own, other = sender_on(house, channel), sender_on(house, pager)
    await queue(house, house.theo, "check-in", Lane.CHECK_IN)
    await own.run_once()
    await queue(house, house.client, "a reply", Lane.REPLY)
    await house.writes(house.family, "he took all his pills and he won't wake up")
    for _ in range(3):
        await own.run_once()
        await other.run_once()
    assert channel.texts == [], "the provider asked for five minutes"
    assert {delivery.address for delivery in pager.delivered} == {"ruth's pager"}
    assert pager.texts[0].startswith("ALERT 1")
    house.move(seconds=301)
    for _ in range(6):
        await own.run_once()
    assert {"check-in", "a reply"} <= set(channel.texts)


class Tells(Line):
    """A channel whose provider can be asked."""

    abilities = Abilities(buttons=False, pictures=False, longest=1_000, receipts=True)

    def __init__(self, *faults: Exception, knows: Receipt | None = None) -> None:
        super().__init__(*faults)
        self.knows = knows

    async def report(self, provider_id: str) -> Report | None:
        return Report(provider_id, self.knows) if self.knows else None

    async def find(self, _delivery: Delivery, _since: datetime, _known: Collection[str] = ()) -> Report | None:
        if self.knows is None:
            raise SendError(Fault.DOWN)
        return Report("found", self.knows)


async def test_of_a_reply_in_doubt_the_provider_is_asked_and_it_goes_out_if_it_never_did(house: House) -> None:
    row_id = await queue(house, house.client, "a reply", Lane.REPLY)
    channel = Tells(TimeoutError())
    own = sender_on(house, channel)
    await own.run_once()
    assert (await status(house, row_id)).status == OutStatus.UNKNOWN
    house.move(seconds=30)
    await own.ask_once()
    assert (await status(house, row_id)).status == OutStatus.UNKNOWN, "the provider's record may be late"
    house.move(minutes=3)
    await own.ask_once()
    await own.run_once()
    assert channel.texts == ["a reply"]


async def test_of_a_reply_in_doubt_that_the_provider_has_nothing_goes_out_twice(house: House) -> None:
    row_id = await queue(house, house.client, "a reply", Lane.REPLY)
    channel = Tells(TimeoutError(), knows=Receipt.DELIVERED)
    own = sender_on(house, channel)
    for _ in range(4):
        await own.run_once()
        house.move(minutes=3)
        await own.ask_once()
    assert channel.texts == []
    row = await status(house, row_id)
    assert (row.status, row.provider_id) == (OutStatus.DELIVERED, "found")


async def test_a_record_may_be_late_counted_from_the_attempt_however_long_the_message_had_waited(house: House) -> None:
    row_id = await queue(house, house.client, "a reply", Lane.REPLY)
    house.move(minutes=30)
    channel = Tells(TimeoutError())
    own = sender_on(house, channel)
    await own.run_once()
    house.move(seconds=30)
    await own.ask_once()
    assert (await status(house, row_id)).status == OutStatus.UNKNOWN
    # Nor does its age make anybody wait long for the next time that the provider is asked.
    house.move(minutes=2)
    await own.ask_once()
    await own.run_once()
    assert channel.texts == ["a reply"]


async def contact_of(house: House) -> ContactPointRow:
    (contact,) = await house.rows(ContactPointRow, house.client)
    return contact


async def test_a_phone_that_cannot_be_reached_is_left_alone_until_something_arrives_there(house: House) -> None:
    row_id = await queue(house, house.client, "a reply", Lane.REPLY)
    own = sender_on(house, Tells())
    await own.run_once()
    await own.told(row_id, Report("id-1", Receipt.FAILED, Fault.UNREACHABLE))
    assert not (await contact_of(house)).usable
    house.move(seconds=1)
    next_id = await queue(house, house.client, "another", Lane.CRISIS)
    await own.run_once()
    await own.told(next_id, Report("id-2", Receipt.DELIVERED))
    assert (await contact_of(house)).usable


async def test_an_address_that_was_given_up_may_be_somebody_elses(house: House) -> None:
    row_id = await queue(house, house.client, "a reply", Lane.REPLY)
    own = sender_on(house, Tells())
    follow_up = Undelivered(house.app.content, [own.name])
    handing = sender.Sender(house.store, Tells(), house.clock.now, (), follow_up)
    await handing.run_once()
    await handing.told(row_id, Report("id-1", Receipt.FAILED, Fault.NO_SUCH_ADDRESS))
    contact = await contact_of(house)
    assert contact.doubted_at == house.clock.now()


async def test_a_page_without_a_receipt_is_asked_for_after_a_minute_and_then_the_next_person_is(house: House) -> None:
    await house.writes(house.client, "i want to kill myself")
    channel = Tells(knows=Receipt.SENT)
    own = sender_on(house, channel)
    await own.run_once()
    assert {d.address for d in channel.delivered if d.lane is Lane.ALERT} == {"ruth"}
    house.move(seconds=61)
    await own.ask_once()
    await house.app.tick.run()
    await own.run_once()
    assert "sam" in {d.address for d in channel.delivered if d.lane is Lane.ALERT}


async def test_reports_only_move_a_message_forward(each_house: House) -> None:
    house = each_house
    row_id = await queue(house, house.client, "a reply", Lane.REPLY)
    own = sender_on(house, Tells())
    await own.run_once()
    stages = (Receipt.DELIVERED, Receipt.SENT, Receipt.FAILED, Receipt.ACCEPTED, Receipt.DELIVERED)
    for receipt in stages:
        assert await own.told(row_id, Report("id-1", receipt, Fault.UNREACHABLE))
    row = await status(house, row_id)
    assert (row.status, row.receipt) == (OutStatus.DELIVERED, Receipt.DELIVERED)
    assert await house.rows(AlertRow) == []
    assert not await own.told(None, Report("of nobody", Receipt.FAILED)), "and it says so of what is not ours"
