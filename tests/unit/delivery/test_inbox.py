"""The inbox: once, in order, and nobody stands in anybody's way."""

import asyncio
from datetime import timedelta

from sqlalchemy import select

from bot.channels import console
from bot.delivery import inbox
from bot.delivery.messages import Inbound, InStatus
from bot.store.tables import ConversationRow, InboundRow, OutboundRow
from tests.doubles.house import House


async def test_a_message_that_the_provider_sends_again_is_dropped(each_house: House) -> None:
    house = each_house
    message = Inbound(console.NAME, "maya", "provider-7", "good morning")
    first = await house.app.intake.accept(message)
    again = await house.app.intake.accept(message)
    assert first.message_id
    assert again.message_id is None
    assert len(await house.rows(InboundRow)) == 1


async def test_five_deliveries_at_the_same_moment_are_one_message_and_one_alert(each_house: House) -> None:
    house = each_house
    message = Inbound(console.NAME, "maya", "provider-8", "i want to kill myself")
    taken = await asyncio.gather(*(house.app.intake.accept(message) for _ in range(5)))
    assert len([one for one in taken if one.message_id]) == 1
    await house.app.settle()
    assert len([line for line in house.staff.new if line.alert]) == 1


async def test_a_sentence_in_two_texts_that_come_at_once_is_still_heard_as_one(each_house: House) -> None:
    house = each_house
    await asyncio.gather(
        house.app.intake.accept(console.heard("maya", "i want to")),
        house.app.intake.accept(console.heard("maya", "kill myself")),
    )
    await house.app.settle()
    house.staff.is_alerted(danger="suicide")


async def test_a_persons_messages_are_answered_in_order(each_house: House) -> None:
    house = each_house
    for text in ("one apple", "two pears", "three plums"):
        await house.writes(house.client, text)
    await house.app.settle()
    assert [line.text for line in house.client.new] == ["heard: one apple", "heard: two pears", "heard: three plums"]


async def test_who_writes_a_thousand_messages_stands_in_nobodys_way(house: House) -> None:
    maya = await house.conversation(house.client)
    async with house.store.write() as unit:
        for number in range(1000):
            await inbox.store(unit, Inbound("console", "maya", f"flood-{number}", "hey"), maya.id, house.clock.now())
    await house.app.turns.run_once()
    await house.writes(house.theo, "is anyone there")

    await house.app.turns.run_once()
    await house.app.senders["console"].run_once()
    house.theo.hears("heard: is anyone there")


async def test_what_must_wait_holds_up_only_its_own_conversation(house: House) -> None:
    first = await house.writes(house.client, "the first")
    await house.writes(house.client, "the second")
    await house.writes(house.theo, "someone else")
    async with house.store.write() as unit:
        row = (await unit.session.scalars(select(InboundRow).where(InboundRow.id == first))).one()
        row.not_before = house.clock.now() + timedelta(minutes=1)
    await house.app.settle()
    assert house.engine.asks == ["someone else"]
    house.move(minutes=2)
    await house.app.settle()
    assert house.engine.asks == ["someone else", "the first", "the second"]


async def test_texts_that_no_longer_open_do_not_keep_the_next_message_out(house: House) -> None:
    first = await house.writes(house.client, "a text that will be damaged")
    async with house.store.write() as unit:
        row = (await unit.session.scalars(select(InboundRow).where(InboundRow.id == first))).one()
        row.text_sealed = row.text_sealed[:-1] + bytes([row.text_sealed[-1] ^ 1])
    await house.writes(house.client, "i want to kill myself")
    await house.app.settle()
    house.staff.is_alerted(danger="suicide", level="definite")


async def test_a_damaged_message_is_set_aside_and_the_next_one_answered(house: House) -> None:
    first = await house.writes(house.client, "a text that will be damaged")
    async with house.store.write() as unit:
        row = (await unit.session.scalars(select(InboundRow).where(InboundRow.id == first))).one()
        row.text_sealed = b"\x00" * 60
    await house.writes(house.client, "and the next one")
    await house.writes(house.theo, "someone else")
    for _ in range(4):
        await house.app.settle()
        house.move(seconds=10)
    assert house.engine.asks == ["someone else", "and the next one"]
    house.staff.is_alerted(kind="technical")
    house.client.hears("something went wrong on my side", "heard: and the next one")
    rows = await house.rows(InboundRow)
    assert [row.status for row in rows] == [InStatus.SET_ASIDE, InStatus.DONE, InStatus.DONE]


async def test_a_clock_that_was_ahead_and_is_set_back_stops_nothing(each_house: House) -> None:
    house = each_house
    ahead = timedelta(hours=1)
    await house.writes(house.client, "i want to kill myself")
    await house.writes(house.theo, "good evening")
    async with house.store.write() as unit:
        for row in await unit.session.scalars(select(InboundRow)):
            row.not_before += ahead
        for row in await unit.session.scalars(select(OutboundRow)):
            row.not_before += ahead
        for conversation in await unit.session.scalars(select(ConversationRow)):
            conversation.lease_until = house.clock.now() + ahead
    await house.app.settle()
    house.client.hears("988", lane="crisis")
    house.staff.is_alerted(danger="suicide")
    house.theo.hears("heard: good evening")
