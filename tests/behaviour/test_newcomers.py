"""What newcomers met: answers that were cold, false or confusing."""

import pytest

from bot.recovery.people import Role
from bot.store.tables import AlertRow, ContactPointRow
from tests.behaviour.world import World
from tests.doubles.phones import OnTelegram

# A number that names a choice is no level


@pytest.mark.mission("M1", "M2")
@pytest.mark.channels("sms")
async def test_the_number_of_a_choice_is_not_kept_as_a_level(world: World) -> None:
    await world.client.says("craving 9, mom called and we argued")
    await world.client.says("1")
    world.client.hears("3 Enough")
    await world.client.says("3")
    world.client.hears("how strong|where is it", "0 to 10|to 10")
    world.client.does_not_hear("9 down to 3|From 9 to 3|now it's 3")
    await world.client.says("8")
    (episode,) = await world.episodes(world.client)
    assert (episode.level_before, episode.level_after) == (9, 8)


@pytest.mark.mission("M10")
@pytest.mark.channels("sms")
async def test_staff_read_what_the_number_of_a_choice_stood_for(world: World) -> None:
    await world.client.says("i drank last night")
    await world.client.says("1")
    world.client.hears("ending your life", "2 Yes")
    await world.client.says("2")
    alert = world.staff.is_alerted(danger="suicide", level="definite").alert
    assert alert
    await world.staff.says(f"{alert['number']}v")
    world.staff.hears(": Yes")


# Commands


@pytest.mark.mission("M1", "M5")
@pytest.mark.channels("telegram")
async def test_a_command_wins_over_whatever_is_open(world: World) -> None:
    await world.client.says("craving 7")
    world.client.hears("set it off|just before")
    await world.client.says("/plan")
    world.client.hears("Your plan, in short", "set it off|just before")
    await world.client.says("/checkin")
    world.client.hears("craving.*10")
    assert (await world.state(world.client))[0] == "check_in_form"
    (episode,) = await world.episodes(world.client)
    assert (episode.level_before, episode.trigger_sealed) == (7, None)
    await world.client.says("3")
    await world.client.says("/crisis")
    world.client.hears("Call 911")
    await world.client.says("/help")
    world.client.hears("automated program")
    assert (await world.state(world.client))[0] == "check_in_form"
    await world.client.says("/checkin")
    world.client.hears("mood")


@pytest.mark.mission("M8")
@pytest.mark.channels("telegram")
@pytest.mark.parametrize("command", ["/plan", "/checkin"])
async def test_a_relative_is_told_kindly_that_a_command_is_for_clients(world: World, command: str) -> None:
    await world.family.says(command)
    world.family.hears("for clients.*For you I have")
    world.family.is_offered("How to help", "Looking after me")
    assert (await world.state(world.family))[0] is None


# A craving is a craving, wherever it is told


@pytest.mark.mission("M1", "M2")
@pytest.mark.parametrize("text", ["i want to drink so badly right now", "god i need a beer", "it's getting worse"])
@pytest.mark.channels("console")
async def test_a_craving_told_inside_a_skill_has_its_level_asked_again(world: World, text: str) -> None:
    await world.client.says("craving 8, mom called and we argued")
    await world.client.says("ok")
    await world.client.says("next")
    await world.client.says(text)
    world.client.does_not_hear("no clock", "take your time", "as long as you like")
    world.client.hears("to 10|0 to 10")
    await world.client.says("9")
    world.client.hears("ruth")
    (episode,) = await world.episodes(world.client)
    assert (episode.level_before, episode.level_after) == (8, 9)


@pytest.mark.mission("M2")
@pytest.mark.channels("console")
async def test_and_so_it_does_in_a_skill_that_was_asked_for(world: World) -> None:
    await world.client.says("can we do the breathing one")
    await world.client.says("ok")
    await world.client.says("i want to drink so badly right now")
    world.client.hears("0 to 10")
    assert (await world.state(world.client))[0] == "craving_form"


@pytest.mark.mission("M1", "M5")
@pytest.mark.channels("console")
async def test_a_craving_told_in_the_check_in_comes_first_and_the_check_in_is_kept(world: World) -> None:
    await world.client.says("let's do the check in")
    await world.client.says("i'm craving a drink so bad")
    world.client.does_not_hear("mood")
    world.client.hears("how strong")
    assert (await world.state(world.client))[0] == "craving_form"
    await world.client.says("8")
    world.client.hears("set it off|just before")
    await world.client.says("enough")
    await world.client.says("let's do the check in")
    world.client.hears("mood|craving")
    await world.client.says("6")
    (row,) = await world.check_ins(world.client)
    assert row.status == "partial"


@pytest.mark.mission("M5")
@pytest.mark.channels("console")
async def test_a_level_in_the_check_in_is_still_an_answer(world: World) -> None:
    await world.client.says("let's do the check in")
    await world.client.says("the craving is really bad")
    world.client.hears("mood")


# The lines to call


@pytest.mark.mission("M6", "M10")
@pytest.mark.channels("console", "sms")
async def test_the_bare_word_gets_the_lines_wherever_it_is_written(world: World) -> None:
    await world.client.says("craving 7")
    async with world.engine_off():
        for text in ("crisis", "Crisis line", "emergency numbers"):
            await world.client.says(text)
            world.client.hears("Call 911.*988", "person")
    await world.client.says("mom called and we argued")
    world.client.is_offered("Let's try")
    for text in ("crisis", "Crisis line", "emergency numbers"):
        await world.staff.says(text)
        world.staff.hears("Call 911.*automated program")
        world.staff.does_not_hear('person"')


@pytest.mark.mission("M6", "M10")
@pytest.mark.channels("console")
async def test_a_stranger_gets_the_lines_each_time_and_no_promise(world: World) -> None:
    stranger = world.passer_by("stranger")
    await stranger.says("hello?")
    await stranger.says("crisis")
    stranger.hears("emergency number.*not a person")
    stranger.does_not_hear("the team")


# Joining


@pytest.mark.mission("M36")
@pytest.mark.channels("console")
async def test_a_code_that_opens_nothing_is_named_at_the_first_message(world: World) -> None:
    stranger = world.passer_by("stranger")
    await stranger.says("ABCD2-34567")
    stranger.hears("don't know this number", "code")
    stranger.hears("don't know that code|doesn't open anything")
    assert len(stranger.new) == 2


@pytest.mark.mission("M7", "M36")
async def test_charges_are_named_where_there_are_any(world: World) -> None:
    nadia, code = await world.newcomer("nadia", Role.CLIENT, "Nadia Ross")
    await nadia.says(code)
    nadia.hears("HELP tells you who we are")
    if world.channel == "sms":
        nadia.hears("rates may apply")
    else:
        nadia.does_not_hear("rates may apply")


@pytest.mark.mission("M36")
@pytest.mark.channels("console")
async def test_before_the_age_is_known_nadia_hears_why_nothing_else_is_answered(world: World) -> None:
    nadia, code = await world.newcomer("nadia", Role.CLIENT, "Nadia Ross")
    await nadia.says(code)
    await nadia.taps("1 yes")
    await nadia.says("i have a craving")
    nadia.hears("made for adults, so I can't answer anything else", "18 or older")


@pytest.mark.channels("console")
async def test_staff_who_join_are_not_told_that_nothing_comes_at_night(world: World) -> None:
    noor, code = await world.newcomer("noor", Role.STAFF, "Noor Haddad")
    await noor.says(code)
    await noor.taps("1 yes")
    await noor.says("us")
    noor.hears("what time it is where you are")
    noor.does_not_hear("night")


# What is kept, and who keeps it


@pytest.mark.parametrize("text", ["how do i delete my data", "can you delete everything i wrote"])
@pytest.mark.channels("console")
async def test_whoever_wants_their_data_deleted_hears_whom_to_ask(world: World, text: str) -> None:
    await world.client.says(text)
    world.client.hears("ask Ruth at Copper Creek")
    await world.client.says("yes please")
    world.staff.is_alerted(kind="human")
    await world.family.says(text)
    world.family.hears("ask the team at Copper Creek")


@pytest.mark.channels("console", "sms")
async def test_wanting_to_quit_this_program_is_a_wish_to_stop(world: World) -> None:
    await world.client.says("i want to quit this program")
    world.client.hears("won't get any more messages")
    assert any(row.opted_out_at for row in await world.rows(ContactPointRow, world.client))
    world.staff.is_alerted(kind="opt_out")


async def test_staff_hear_in_one_line_who_this_is(world: World) -> None:
    await world.staff.says("help")
    if world.channel != "sms":
        # There the provider says it.
        world.staff.hears("Copper Creek.*automated program.*1a takes")
        assert len(world.staff.new) == 1


# What comes without words


@pytest.mark.mission("M6")
@pytest.mark.channels("telegram")
@pytest.mark.parametrize("text", ["just my dog", "a picture of my dog", "oh that was just my cat"])
@pytest.mark.parametrize("answered", [True, False])
async def test_what_a_picture_was_is_taken_as_that(world: World, text: str, *, answered: bool) -> None:
    assert isinstance(world.outside, OnTelegram)
    world.outside.chat("maya").sends_photo("")
    await world.outside.read(world.demo)
    await world.demo.app.settle()
    if answered:
        await world.client.taps("1 yes")
        world.client.hears("What was it about")
    await world.client.says(text)
    world.client.hears("telling me what it was|good to know|that helps")
    await world.client.says("yes")
    world.client.does_not_hear("what it was")


@pytest.mark.mission("M10")
@pytest.mark.channels("telegram")
async def test_a_place_is_passed_on_and_is_no_picture(world: World) -> None:
    assert isinstance(world.outside, OnTelegram)
    world.outside.chat("maya").sends_location(45.5, -122.6)
    await world.outside.read(world.demo)
    await world.demo.app.settle()
    world.client.hears("passed the place you sent on to the team.*Are you safe right now")
    world.client.does_not_hear("pictures")
    world.staff.is_alerted(kind="media")
    await world.staff.says("1v")
    world.staff.hears("45.50000, -122.60000", "what is there")
    await world.client.taps("2 no")
    world.staff.is_alerted(danger="suicide", level="definite")


@pytest.mark.mission("M10")
@pytest.mark.channels("console")
@pytest.mark.parametrize(("thumb", "said"), [("\U0001f44d\U0001f3fd", "glad you're safe"), ("\U0001f44e", "911")])
async def test_a_thumb_answers_the_question_whether_they_are_safe(world: World, thumb: str, said: str) -> None:
    await world.client.says("i want to kill myself")
    await world.client.says(thumb)
    world.client.hears(said, lane="crisis")
    world.client.does_not_hear("couldn't tell", "want to be sure I understood")


# Who has read it


@pytest.mark.mission("M9", "M10")
@pytest.mark.channels("telegram")
async def test_nobody_is_told_to_wait_for_a_call_where_no_number_is_known(world: World) -> None:
    stranger = world.passer_by("stranger")
    await stranger.says("i want to kill myself")
    (alert,) = await world.rows(AlertRow)
    await world.staff.says(f"{alert.number}a")
    stranger.hears("Ruth has seen your alert.*no number of yours.*If you send me one, they can read it.*don't wait")
    stranger.does_not_hear("get back to you")


# The safe phone


@pytest.mark.channels("console")
async def test_a_locked_plan_says_until_when(world: World) -> None:
    await world.client.says("pin 2580")
    await world.client.says("what is my plan")
    for wrong in ("0000", "1111", "2222", "3333", "4444"):
        await world.client.says(wrong)
    until = world.client.hears(r"locked until \d+:\d\d pm").text.split("until ")[1].split(".")[0]
    await world.client.says("2580")
    world.client.hears(f"locked until {until}")
    await world.client.says("pin off")
    world.client.hears(f"locked until {until}")
    await world.client.says("what is my plan")
    world.client.hears(f"locked until {until}")
    await world.forward(minutes=16)
    await world.client.says("2580")
    world.client.hears("open for ten minutes")


@pytest.mark.channels("console")
async def test_the_exit_word_can_be_taken_away(world: World) -> None:
    await world.client.says("my exit word is pineapple")
    world.client.hears("exit word off")
    await world.client.says("exit word off")
    world.client.hears("nothing special now")
    await world.client.says("pineapple")
    assert len(world.client.answer) > 25
