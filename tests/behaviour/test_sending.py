"""No more messages, messages again, help; what comes that is no text; the safe phone."""

import pytest

from bot.store.tables import AlertRow, CheckInRow, ContactPointRow, InboundRow, OutboundRow, QuestionRow
from tests.behaviour.world import World
from tests.doubles.phones import OnTelegram


async def opted_out(world: World) -> bool:
    return any(row.opted_out_at for row in await world.rows(ContactPointRow, world.client))


@pytest.mark.mission("M7")
@pytest.mark.channels("sms")
@pytest.mark.parametrize("word", ["STOP", "stop.", "Unsubscribe", "CANCEL", "end", "quit", "opt out", "STOPALL"])
async def test_a_carriers_word_ends_the_messages_and_staff_are_told(world: World, word: str) -> None:
    await world.client.says(word)
    assert await opted_out(world)
    world.staff.is_alerted(kind="opt_out")
    await world.forward(days=3)
    world.client.hears_nothing()
    assert {row.reason for row in await world.rows(CheckInRow, world.client)} == {"no way to reach the client"}


@pytest.mark.mission("M6", "M7")
async def test_a_clear_wish_in_a_sentence_ends_the_messages_with_one_confirmation(world: World) -> None:
    await world.client.says("please stop texting me")
    world.client.hears("won't get any more messages.*START", "988")
    assert len(world.client.new) == 1
    assert await opted_out(world)
    world.staff.is_alerted(kind="opt_out")
    await world.forward(days=1)
    world.client.hears_nothing()
    await world.client.says("START")
    if world.channel != "sms":
        # There the provider says it.
        world.client.hears("Messages are on again")
    assert not await opted_out(world)
    await world.client.says("i've got a craving, 6")
    world.client.hears("6")


@pytest.mark.mission("M10")
async def test_an_opt_out_and_danger_in_one_text_are_both_honoured(world: World) -> None:
    await world.client.says("stop texting me. i took all my pills and i want to die")
    assert await opted_out(world)
    world.client.hears("911", lane="crisis")
    world.staff.is_alerted(kind="danger", level="definite")
    world.staff.is_alerted(kind="opt_out")
    await world.client.says("2")
    world.client.hears(".", lane="crisis")


@pytest.mark.mission("M10")
async def test_an_opt_out_while_an_alert_is_open_leaves_it_open_and_has_staff_phone(world: World) -> None:
    await world.client.says("they would be better off without me")
    world.staff.is_alerted(danger="suicide", level="possible")
    await world.client.says("leave me alone, stop messaging me")
    world.staff.is_alerted(danger="suicide", level="definite")
    page = world.staff.is_alerted(kind="opt_out")
    assert "phone them" in page.text
    assert ("with the story" if world.channel == "sms" else "missing") in page.text
    danger, told = sorted(await world.rows(AlertRow), key=lambda row: row.number)
    assert (danger.status, told.status) == ("open", "open")
    await world.staff.says("2v")
    world.staff.hears("A danger alert about them is open: phone them now", "Phone:", "Place: missing")


@pytest.mark.parametrize(
    "text", ["i want to end it with my ex", "help me quit", "i can't stop", "he won't stop texting me", "stop"]
)
@pytest.mark.channels("console", "telegram")
async def test_words_of_recovery_are_no_opt_out(world: World, text: str) -> None:
    await world.client.says(text)
    assert not await opted_out(world)
    world.client.hears(".")


@pytest.mark.mission("M7")
@pytest.mark.channels("sms")
async def test_one_word_of_the_carriers_is_screened_like_any_other(world: World) -> None:
    await world.client.says("HELP")
    await world.client.says("HELP i took too many pills")
    world.client.hears("911", lane="crisis")
    world.staff.is_alerted(danger="overdose")


@pytest.mark.mission("M7")
@pytest.mark.channels("sms")
async def test_a_yes_answers_a_question_and_lifts_an_opt_out_only_where_there_is_one(world: World) -> None:
    await world.client.says("check in")
    await world.client.says("3")
    await world.client.says("5")
    await world.client.says("7")
    await world.client.says("yes")
    world.client.does_not_hear("Messages are on again")
    await world.client.says("STOP")
    await world.client.says("yes")
    assert not await opted_out(world)


@pytest.mark.mission("M6")
@pytest.mark.channels("telegram")
async def test_commands_are_answered_and_most_of_them_without_the_engine(world: World) -> None:
    async with world.engine_off():
        await world.client.says("/help")
        world.client.hears("automated program", "988")
        await world.client.says("/crisis")
        world.client.hears("Call 911")
    await world.client.says("/plan")
    world.client.hears("trigger|plan")
    await world.client.says("/checkin")
    world.client.hears("to 10")
    assert len(world.client.new[-1].buttons) == 11
    await world.client.says("/stop")
    assert await opted_out(world)
    await world.client.says("/start")
    assert not await opted_out(world)


@pytest.mark.mission("M5", "M6")
@pytest.mark.channels("telegram")
async def test_a_check_in_is_answered_by_tapping(world: World) -> None:
    await world.forward(hours=13)
    await world.client.taps("3")
    await world.client.taps("6")
    await world.client.taps("7")
    await world.client.taps("No")
    (row, *_) = [row for row in await world.check_ins(world.client) if row.status == "answered"]
    assert (row.craving, row.mood, row.sleep_quality, row.used) == (3, 6, 7, False)


@pytest.mark.mission("M6")
@pytest.mark.channels("telegram")
async def test_a_finger_that_taps_twice_means_one_thing(world: World) -> None:
    assert isinstance(world.outside, OnTelegram)
    await world.client.says("check in")
    chat = world.outside.chat("maya")
    question = chat.received[-1].message_id
    chat.taps("3", message_id=question)
    chat.taps("3", message_id=question)
    await world.outside.read(world.demo)
    await world.demo.app.settle()
    form, slots = await world.state(world.client)
    assert (form, slots["check_craving"], slots.get("check_mood")) == ("check_in_form", 3, None)
    chat.taps("8", message_id=question)
    await world.outside.read(world.demo)
    await world.demo.app.settle()
    world.client.hears("answered already|have your answer|earlier question")
    _, slots = await world.state(world.client)
    assert slots.get("check_mood") is None


@pytest.mark.mission("M10")
@pytest.mark.channels("telegram")
async def test_a_button_of_an_older_safety_question_does_not_answer_the_newer_one(world: World) -> None:
    assert isinstance(world.outside, OnTelegram)
    await world.client.says("they would be better off without me")
    chat = world.outside.chat("maya")
    older = next(message.message_id for message in chat.received if message.buttons)
    await world.client.says("i took a handful of my meds, i think it was too many")
    chat.taps("2 no", message_id=older)
    await world.outside.read(world.demo)
    await world.demo.app.settle()
    open_ones = [row for row in await world.rows(QuestionRow) if row.outcome is None]
    assert [row.kind for row in open_ones] == ["overdose"], "what they are asked now still waits for its answer"


@pytest.mark.mission("M10")
@pytest.mark.channels("telegram")
async def test_an_edit_that_tells_of_danger_is_heard_and_a_mended_word_is_not_answered(world: World) -> None:
    assert isinstance(world.outside, OnTelegram)
    await world.client.says("im doign fine tonight")
    world.client.catches_up()
    world.outside.chat("maya").edits(text="im doing fine tonight")
    await world.outside.read(world.demo)
    await world.demo.app.settle()
    world.client.hears_nothing()
    world.outside.chat("maya").edits(text="i'm not fine. i am going to kill myself tonight")
    await world.outside.read(world.demo)
    await world.demo.app.settle()
    world.client.hears("988", lane="crisis")
    world.staff.is_alerted(danger="suicide", level="definite")


@pytest.mark.mission("M6", "M10")
@pytest.mark.channels("telegram")
async def test_a_picture_is_answered_honestly_and_a_person_is_told(world: World) -> None:
    assert isinstance(world.outside, OnTelegram)
    chat = world.outside.chat("maya")
    chat.sends_voice()
    await world.outside.read(world.demo)
    await world.demo.app.settle()
    world.client.hears("can't see pictures or hear recordings.*Are you safe right now", "988")
    world.staff.is_alerted(kind="media")
    await world.forward(minutes=40)
    assert not [row for row in await world.rows(AlertRow) if row.kind == "danger"], "silence means nothing here"
    chat.sends_photo("")
    await world.outside.read(world.demo)
    await world.demo.app.settle()
    await world.client.taps("2 no")
    world.staff.is_alerted(kind="danger", danger="suicide", level="definite")
    await world.staff.says("2c phoned her, she is with her sister")
    chat.sends_photo("goodbye everyone, i took all my pills")
    await world.outside.read(world.demo)
    await world.demo.app.settle()
    world.staff.is_alerted(danger="overdose", level="definite")


@pytest.mark.channels("telegram")
async def test_a_sticker_says_what_its_emoji_says(world: World) -> None:
    assert isinstance(world.outside, OnTelegram)
    world.outside.chat("maya").sends_sticker("\U0001f44d")
    await world.outside.read(world.demo)
    await world.demo.app.settle()
    assert not [row for row in await world.rows(AlertRow) if row.kind == "media"]


@pytest.mark.mission("M6")
@pytest.mark.channels("telegram")
async def test_who_blocks_the_bot_is_written_to_no_more_and_staff_are_told(world: World) -> None:
    assert isinstance(world.outside, OnTelegram)
    world.outside.chat("maya").blocks()
    await world.outside.read(world.demo)
    await world.demo.app.settle()
    (contact,) = await world.rows(ContactPointRow, world.client)
    assert contact.suspended_at
    world.staff.is_alerted(kind="opt_out")
    await world.forward(days=1)
    assert not [row for row in await world.rows(OutboundRow, world.client) if row.status == "failed"]
    world.outside.chat("maya").unblocks()
    await world.client.says("hi again")
    (contact,) = await world.rows(ContactPointRow, world.client)
    assert contact.suspended_at is None
    world.client.hears(".")


@pytest.mark.mission("M7")
@pytest.mark.channels("sms")
async def test_choices_are_answered_by_their_numbers(world: World) -> None:
    await world.client.says("craving 7")
    await world.client.says("boredom")
    line = world.client.hears("1 Let's try", "2 Another one", "3 Enough")
    assert "[" not in line.text
    await world.client.says("1")
    world.client.hears("1 Next")


async def test_a_pin_keeps_the_plan_from_whoever_holds_the_phone(world: World) -> None:
    await world.client.says("pin 2580")
    world.client.hears("PIN is set")
    await world.client.says("what is my plan")
    world.client.hears("PIN protects your plan")
    world.client.does_not_hear("trigger")
    for wrong in ("0000", "1111", "2222", "3333", "4444"):
        await world.client.says(wrong)
    world.client.hears("Too many tries")
    world.staff.is_alerted(kind="human")
    await world.client.says("2580")
    world.client.does_not_hear("That's right")
    await world.client.says("i have a craving, 8")
    world.client.hears("8")
    world.client.does_not_hear("mother", "Lucia")
    await world.client.says("enough")
    await world.forward(minutes=16)
    await world.client.says("show me my plan")
    world.client.hears("PIN protects")
    await world.client.says("2580")
    world.client.hears("open for ten minutes")
    await world.client.says("show me my plan")
    world.client.does_not_hear("PIN")
    await world.forward(minutes=11)
    await world.client.says("who are my people")
    world.client.hears("PIN protects")
    await world.client.says("pin off")
    world.client.hears("PIN protects")


async def test_a_discreet_phone_shows_nothing_of_recovery(world: World) -> None:
    await world.client.says("discreet on")
    world.client.hears("asks for a number and nothing else")
    await world.forward(hours=16)
    line = world.client.hears("number.*0 to 10")
    assert not [word for word in ("craving", "recovery", "Maya", "use", "check") if word in line.text]
    await world.client.says("4")
    world.client.hears("mood")


async def test_after_the_exit_word_no_check_in_is_asked_again(world: World) -> None:
    await world.client.says("my exit word is pineapple")
    await world.forward(hours=12, minutes=45)
    world.client.hears("0 to 10|0 .none. to 10", lane="check-in")
    await world.client.says("pineapple")
    await world.forward(hours=4)
    world.client.hears_nothing()


async def test_the_exit_word_drops_the_subject_and_staff_know_not_to_write(world: World) -> None:
    await world.client.says("my exit word is pineapple")
    world.client.hears("Your word is set")
    await world.client.says("he hit me again and he is downstairs, i am scared he will kill me")
    world.staff.is_alerted(danger="violence")
    await world.client.says("Pineapple")
    (line,) = world.client.new
    assert len(line.text) < 25
    await world.staff.says("1v")
    world.staff.hears("exit word.*Do not write")
    await world.forward(hours=11)
    world.client.hears_nothing()
    await world.client.says("he is gone now")
    world.client.hears(".")
    assert all(row.status == "done" for row in await world.rows(InboundRow, None))
