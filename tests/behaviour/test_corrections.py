"""People think again, scroll back, mend what they wrote: a danger told late counts as much as one told at once."""

import pytest

from bot.practice import Member
from bot.recovery.people import Role
from bot.store import people
from bot.store.tables import AlertRow, ConsentRow
from tests.behaviour.world import World
from tests.doubles.phones import OnTelegram


async def levels(world: World) -> list[str]:
    return [str(row.level) for row in await world.rows(AlertRow) if row.kind == "danger"]


@pytest.mark.mission("M10")
async def test_rescue_steps_go_on_by_tapping(world: World) -> None:
    await world.family.says("hes not waking up and hes turning blue i think he took fentanyl")
    seen = set()
    for _ in range(4):
        await world.family.taps("1 next step")
        assert world.family.new, "a button of the steps is never met by silence"
        seen.add(world.family.new[0].text)
    assert len(seen) == 4


@pytest.mark.mission("M10")
async def test_safe_taken_back_is_not_safe(world: World) -> None:
    await world.client.says("i want to kill myself")
    await world.client.taps("1 yes")
    await world.staff.says("1a")
    await world.client.taps("2 no")
    world.client.hears("911|988", lane="crisis")
    world.client.does_not_hear("answered already")
    world.staff.is_alerted(number=1, status="open")


@pytest.mark.mission("M10")
@pytest.mark.channels("telegram")
async def test_not_safe_then_safe_then_not_safe_again_is_not_safe(world: World) -> None:
    assert isinstance(world.outside, OnTelegram)
    await world.client.says("i want to kill myself")
    chat = world.outside.chat("maya")
    first = next(message.message_id for message in chat.received if message.buttons)
    for title in ("2 no", "1 yes", "2 no"):
        await world.staff.says("1a")
        world.staff.catches_up()
        chat.taps(title, message_id=first)
        await world.outside.read(world.demo)
        await world.demo.app.settle()
    world.staff.is_alerted(number=1, status="open")


@pytest.mark.mission("M10")
@pytest.mark.channels("telegram")
async def test_a_safety_question_that_had_to_go_to_another_phone_is_answered_there(world: World) -> None:
    assert isinstance(world.outside, OnTelegram)
    key = "maya-tablet"
    world.outside.address(Member(key=key, role=Role.CLIENT, name="Maya"))
    async with world.store.write() as unit:
        maya = await people.by_key(unit, "maya")
        assert maya
        await people.add_contact(unit, maya.id, "telegram", world.outside.addresses[key])
    world.outside.bots["telegram"].fail("sendMessage", status=403, description="Forbidden: bot was blocked by the user")
    await world.client.says("they would be better off without me")
    copy = next(m for m in world.outside.chat(key).received if m.buttons)
    await world.staff.says("1a")
    world.staff.catches_up()
    world.outside.chat(key).taps("1 yes", message_id=copy.message_id)
    await world.outside.read(world.demo)
    await world.demo.app.settle()
    assert world.outside.chat(key).received[-1].message_id > copy.message_id, "and is no word to the bot"
    world.staff.is_alerted(number=1, status="open")


@pytest.mark.mission("M10")
@pytest.mark.channels("console", "sms")
async def test_a_digit_that_takes_it_back_is_heard_too_until_something_else_is_asked(world: World) -> None:
    await world.client.says("i want to kill myself")
    await world.client.says("1")
    await world.staff.says("1a")
    await world.client.says("2")
    world.staff.is_alerted(number=1, status="open")
    await world.staff.says("1a")
    await world.client.says("craving 7")
    await world.client.says("2")
    world.staff.is_not_alerted(number=1)


@pytest.mark.mission("M10")
@pytest.mark.channels("telegram")
async def test_an_answer_that_is_mended_and_one_below_a_picture_are_heard(world: World) -> None:
    assert isinstance(world.outside, OnTelegram)
    chat = world.outside.chat("maya")
    await world.client.says("i want to kill myself")
    await world.client.says("1")
    await world.staff.says("1a")
    chat.edits(text="2")
    await world.outside.read(world.demo)
    await world.demo.app.settle()
    world.staff.is_alerted(number=1, status="open")
    await world.staff.says("1a")
    chat.sends_photo("no i am not safe")
    await world.outside.read(world.demo)
    await world.demo.app.settle()
    world.staff.is_alerted(number=1, status="open")


@pytest.mark.channels("telegram")
async def test_an_ordinary_button_works_while_a_safety_question_waits(world: World) -> None:
    assert isinstance(world.outside, OnTelegram)
    await world.client.says("craving 7")
    await world.client.says("boredom")
    world.outside.chat("maya").sends_photo("")
    await world.outside.read(world.demo)
    await world.demo.app.settle()
    await world.client.taps("Let's try")
    assert world.client.new


@pytest.mark.mission("M10")
@pytest.mark.channels("telegram")
async def test_danger_in_an_update_that_cannot_be_decoded_is_danger(world: World) -> None:
    assert isinstance(world.outside, OnTelegram)
    chat = world.outside.chat("maya")
    user = {"id": chat.json["id"], "is_bot": False, "first_name": "Maya"}
    message = {"message_id": 9_000, "date": 1, "chat": chat.json, "from": user, "entities": 7}
    world.outside.bots["telegram"].raw({"update_id": 70_000, "message": {**message, "text": "i took all my pills"}})
    await world.outside.read(world.demo)
    await world.demo.app.settle()
    world.staff.is_alerted(danger="overdose", level="definite")
    world.client.hears("911", lane="crisis")


@pytest.mark.mission("M9")
@pytest.mark.channels("console")
async def test_nobody_on_staff_takes_an_alert_about_themselves(world: World) -> None:
    await world.backup.says("i want to kill myself")
    await world.backup.says("1a")
    world.backup.hears("somebody else closes it, and takes it")
    (alert,) = await world.rows(AlertRow)
    assert alert.status == "open"


@pytest.mark.mission("M10")
async def test_a_stranger_in_danger_who_joins_can_be_found(world: World) -> None:
    nadia, code = await world.newcomer("nadia", Role.CLIENT, "Nadia Ross", interventionist="ruth")
    await nadia.says("i want to kill myself")
    await nadia.says(code)
    await world.staff.says("1v")
    world.staff.hears("Nadia Ross")
    await world.staff.says("1a")
    nadia.hears("Ruth has seen your alert")


@pytest.mark.channels("telegram")
async def test_stop_as_we_spell_it_stops_the_messages_and_is_confirmed_once(world: World) -> None:
    await world.client.says("STOP")
    world.client.hears("won't get any more messages")
    await world.client.says("/stop")
    world.client.hears_nothing()


@pytest.mark.channels("console")
async def test_who_writes_after_a_stop_is_told_once_a_day_that_it_holds(world: World) -> None:
    await world.client.says("please stop texting me")
    await world.client.says("hello?")
    world.client.hears("write START|START turns them on")
    await world.client.says("are you there")
    world.client.hears_nothing()


@pytest.mark.mission("M36")
@pytest.mark.channels("console")
async def test_a_second_code_makes_nobody_older(world: World) -> None:
    nadia, code = await world.newcomer("nadia", Role.CLIENT, "Nadia Ross", interventionist="ruth")
    await nadia.says(code)
    await nadia.says("1")
    await nadia.says("2")
    nadia.hears("grown-up")
    from bot.care import joining

    async with world.store.write() as unit:
        row = await people.by_key(unit, "nadia")
        assert row
        again = await joining.invite(unit, row, world.demo.clock.now())
    await nadia.says(again)
    nadia.does_not_hear("Messages are on again")
    async with world.store.read() as unit:
        row = await people.by_key(unit, "nadia")
        assert row
        assert row.joining == "minor"


@pytest.mark.mission("M36")
@pytest.mark.channels("console")
async def test_an_invite_that_was_out_already_ends_when_the_client_refuses(world: World) -> None:
    lena, code = await world.newcomer("lena", Role.FAMILY, "Lena Ortega")
    async with world.store.write() as unit:
        maya, row = await people.by_key(unit, "maya"), await people.by_key(unit, "lena")
        assert maya
        assert row
        now = world.demo.clock.now()
        unit.session.add(
            ConsentRow(
                id="c" * 32,
                person_id=maya.id,
                scope="family",
                other_id=row.id,
                how="asked",
                asked_at=now,
                refused_at=now,
            )
        )
    await lena.says(code)
    lena.does_not_hear("Hi Lena")


@pytest.mark.mission("M9", "M10")
async def test_the_team_can_read_what_is_written_while_an_alert_is_open(world: World) -> None:
    await world.client.says("pin 2580")
    await world.client.says("my exit word is pineapple")
    await world.client.says("i want to kill myself")
    await world.staff.says("1a")
    await world.client.says("2580")
    await world.client.says("you can call my number 503 555 0142")
    await world.staff.says("1v")
    told = world.staff.hears("i want to kill myself", "503 555 0142")
    assert "2580" not in told.text
    assert "pineapple" not in told.text
    assert told.text.count("i want to kill myself") == 1
    await world.staff.says("1c called her")
    await world.staff.says("1v")
    world.staff.does_not_hear("503 555 0142")
