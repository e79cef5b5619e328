"""Someone on staff takes the chat: what either writes reaches the other, and the program keeps silent but for danger."""

from typing import Any

import pytest
from sqlalchemy import update
from starlette.responses import Response

from bot.conversation.turn import Done
from bot.escalation.policy import AlertStatus
from bot.store import people
from bot.store.tables import AlertRow, ContactPointRow, ConversationRow, HandOverRow, OutboundRow
from tests.doubles.house import House

DANGER = "i want to kill myself"


@pytest.fixture(autouse=True, params=["engine on", "engine off"])
def engine_on_or_off(request: pytest.FixtureRequest, house: House) -> None:
    """Nothing of this needs the engine."""
    if request.param == "engine off":
        house.engine.away()


async def taken_over(house: House) -> None:
    await house.client.says(DANGER)
    await house.client.says("1")
    await house.staff.says("1h")
    house.staff.hears("You are writing with case 1", "BACK")


async def test_what_either_writes_reaches_the_other_under_their_name(house: House) -> None:
    await taken_over(house)
    house.client.hears("Ruth from .* is here and writes with you now, a person")
    house.client.catches_up()
    await house.staff.says("Hi Maya, it's Ruth. Where are you right now?")
    house.client.hears("^Ruth: Hi Maya, it's Ruth. Where are you right now")
    house.staff.catches_up()
    await house.client.says("on the kitchen floor")
    house.staff.hears("^Case 1.*: on the kitchen floor")
    house.client.hears_nothing()


async def test_the_alert_is_theirs_and_their_words_are_the_contact(house: House) -> None:
    await taken_over(house)
    alert = next(alert for alert in await house.rows(AlertRow) if alert.person_id)
    assert alert.status == AlertStatus.ACKNOWLEDGED
    assert alert.next_at is not None, "taken, and not yet in touch"
    await house.staff.says("I'm here")
    alert = next(alert for alert in await house.rows(AlertRow) if alert.person_id)
    assert alert.next_at is None


async def test_danger_breaks_the_silence_and_reaches_staff_as_danger_and_as_words(house: House) -> None:
    await taken_over(house)
    await house.staff.says("1n talking to her")
    house.staff.catches_up()
    await house.client.says("i took all my pills just now")
    house.client.hears("911", lane="crisis")
    house.staff.is_alerted(danger="overdose", level="definite")
    house.staff.hears("^Case 1.*: i took all my pills just now")


async def test_what_staff_write_there_is_no_danger_of_their_own(house: House) -> None:
    await taken_over(house)
    before = len(await house.rows(AlertRow))
    await house.staff.says("Did you say you want to kill yourself and took all your pills?")
    house.client.hears("^Ruth: Did you say")
    assert len(await house.rows(AlertRow)) == before


async def test_staff_hand_it_back_and_both_hear_it(house: House) -> None:
    await taken_over(house)
    house.client.catches_up()
    await house.staff.says("BACK")
    house.staff.hears("the program's again")
    house.client.hears("Ruth has left the chat.*automated program, not a person")
    await house.staff.says("one more thing")
    house.staff.hears("goes to nobody")
    (row,) = await house.rows(HandOverRow)
    assert (row.ended_by, row.ended_at is not None) == ("staff", True)


async def test_an_hour_without_a_word_gives_it_back(house: House) -> None:
    await taken_over(house)
    await house.staff.says("1n spoke with her")
    await house.forward(minutes=50)
    await house.client.says("still here")
    await house.forward(minutes=50)
    (row,) = await house.rows(HandOverRow)
    assert row.ended_at is None, "each message counts"
    await house.forward(minutes=15)
    house.client.hears("left the chat")
    house.staff.hears("Nobody has written with case")


async def test_nobody_else_takes_a_chat_that_is_taken(house: House) -> None:
    await taken_over(house)
    await house.backup.says("1h")
    house.backup.hears("ruth already has alert 1")
    await house.backup.says("hello maya")
    house.backup.hears("goes to nobody")


async def test_one_chat_at_a_time_so_that_no_word_goes_to_the_wrong_person(house: House) -> None:
    await taken_over(house)
    await house.theo.says(DANGER)
    await house.staff.says("2h")
    house.staff.hears("You are writing with case 1.*BACK")
    await house.staff.says("are you safe")
    house.client.hears("^Ruth: are you safe")
    house.theo.does_not_hear("Ruth:")


@pytest.mark.parametrize("text", ["9h", "take 30h"])
async def test_a_chat_of_no_alert_is_not_taken(house: House, text: str) -> None:
    await house.staff.says(text)
    house.staff.hears("no alert 9|goes to nobody")
    assert not await house.rows(HandOverRow)


async def test_who_gets_no_messages_is_phoned(house: House) -> None:
    await house.client.says(DANGER)
    await house.client.says("STOP")
    await house.staff.says("1h")
    house.staff.hears("phone them")
    assert not await house.rows(HandOverRow)


async def test_who_stops_messages_while_staff_write_is_phoned_too(house: House) -> None:
    await taken_over(house)
    await house.client.says("STOP")
    await house.staff.says("are you there")
    house.staff.hears("Not sent.*Phone them")
    texts = [row for row in await house.rows(OutboundRow) if row.lane == 2]
    bodies = [await house.opened(row, "body_sealed") for row in texts]
    assert not any("are you there" in body for body in bodies)


async def test_no_form_is_open_when_the_program_is_back(house: House) -> None:
    await taken_over(house)
    await house.staff.says("BACK")
    async with house.store.read() as unit:
        maya = await people.by_key(unit, "maya")
        assert maya
    assert (await house.state(house.client))[0] is None
    assert await house.rows(ConversationRow)


def passed_on(house: House, words: str) -> list[str]:
    """What Ruth was passed on of what was written, from the beginning."""
    seat = house.demo.seat_name("ruth")
    return [
        line.text for line in house.lines if line.seat == seat and line.text.startswith("Case") and words in line.text
    ]


async def test_what_waited_for_the_engine_when_the_chat_was_taken_is_passed_on_once(house: House) -> None:
    await house.client.says(DANGER)
    await house.client.says("1")
    house.engine.away()
    await house.client.says("are you there, it is so quiet here")
    await house.staff.says("1h")
    await house.forward(minutes=2)
    assert len(passed_on(house, "so quiet here")) == 1
    house.engine.back()
    await house.forward(minutes=2)
    assert len(passed_on(house, "so quiet here")) == 1


async def test_what_the_engine_was_reading_when_the_chat_was_taken_is_passed_on_and_not_answered(house: House) -> None:
    house.engine.back()
    await house.client.says(DANGER)
    await house.client.says("1")
    echo = house.engine.answers

    async def slow(call: dict[str, Any]) -> Response:
        if "quiet" in call["text"]:
            house.engine.answers = echo
            await house.writes(house.staff, "1h")
            while await house.worker().run_once() is not Done.NOTHING:
                pass
        return await echo(call)

    house.engine.answers = slow
    await house.client.says("it is so quiet here")
    assert len(passed_on(house, "so quiet here")) == 1
    house.client.does_not_hear("heard: it is so quiet")


async def test_an_answer_to_the_safety_question_counts_and_is_read_by_both(house: House) -> None:
    await house.client.says(DANGER)
    await house.staff.says("1h")
    await house.client.says("2")
    assert len(passed_on(house, ": 2")) == 1
    await house.client.says("2 i mean i do not know")
    assert len(passed_on(house, "i do not know")) == 1


async def test_a_bare_two_after_the_chat_was_taken_is_read_by_the_human(house: House) -> None:
    await taken_over(house)
    await house.client.says("2")
    assert len(passed_on(house, ": 2")) == 1


@pytest.mark.parametrize(
    "text", ["2h from now i call you", "1a and 1b are both fine, you choose", "3 a day was not enough?"]
)
async def test_a_sentence_that_begins_like_a_command_is_said_to_the_person(house: House, text: str) -> None:
    await taken_over(house)
    house.client.catches_up()
    await house.staff.says(text)
    assert f"Ruth: {text}" in house.client.answer


async def test_who_had_the_chat_and_cannot_be_reached_leaves_nobody_without_an_answer(house: House) -> None:
    house.engine.back()
    await taken_over(house)
    async with house.store.write() as unit:
        ruth = await people.by_key(unit, "ruth")
        assert ruth
        await unit.session.execute(
            update(ContactPointRow).where(ContactPointRow.person_id == ruth.id).values(suspended_at=house.clock.now())
        )
    await house.client.says("hello, are you still there")
    house.client.hears("heard: hello, are you still there")
    (row,) = await house.rows(HandOverRow)
    assert row.ended_by == "unreachable"
