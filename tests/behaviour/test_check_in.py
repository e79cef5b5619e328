"""The daily check-in: on its day, in any words, corrected, interrupted, missed, stored once."""

from datetime import date

import pytest

from bot.recovery.check_in import CheckInStatus
from tests.behaviour.world import World

MONDAY = date(2026, 11, 23)


async def asked(world: World) -> None:
    """It is Monday, a few minutes after nine, where Maya lives."""
    await world.forward(hours=12, minutes=40)
    world.client.hears("0.*10", lane="check-in")


@pytest.mark.mission("M5")
async def test_it_is_answered_in_words_digits_and_with_a_question_in_between(world: World) -> None:
    await asked(world)
    await world.client.says("pretty bad, like a 7")
    world.client.hears("mood")
    await world.client.says("what's the point of these questions")
    world.client.hears("early|slide", "0 to 10")
    await world.client.says("meh")
    world.client.hears("sleep")
    await world.client.says("like 5 hours, woke up a lot")
    await world.client.says("nope")
    world.client.hears("craving 7, mood 5, 5 hours of sleep, no slip", "work on it")
    (row,) = await world.check_ins(world.client)
    assert (row.craving, row.mood, row.sleep_hours, row.used) == (7, 5, 5.0, False)
    assert (row.status, row.local_date) == (CheckInStatus.ANSWERED, MONDAY)


@pytest.mark.mission("M5")
async def test_yes_to_the_offer_goes_on_with_the_craving_at_its_level(world: World) -> None:
    await asked(world)
    await world.client.says("craving 8, mood 5, slept 6 hours, didn't use")
    world.client.hears("craving 8, mood 5, 6 hours of sleep, no slip", "work on it")
    await world.client.says("yes")
    world.client.hears("8", "set it off|just before")


@pytest.mark.mission("M5")
async def test_corrections_in_the_middle_and_after_the_end(world: World) -> None:
    await asked(world)
    await world.client.says("6")
    await world.client.says("sorry, I meant 4")
    world.client.hears("4", "mood")
    await world.client.says("3")
    await world.client.says("no wait mood is 5")
    await world.client.says("6 hours")
    await world.client.says("no")
    world.client.hears("craving 4, mood 5, 6 hours")
    await world.client.says("sorry, craving was 2")
    world.client.hears("craving 2")
    await world.client.says("sorry, I slept 7 hours")
    world.client.hears("7 hours of sleep")
    (row,) = await world.check_ins(world.client)
    assert (row.craving, row.mood, row.sleep_hours, row.used) == (2, 5, 7.0, False)


@pytest.mark.mission("M5")
async def test_skips_are_kept_as_no_answer(world: World) -> None:
    await asked(world)
    await world.client.says("skip")
    await world.client.says("6")
    await world.client.says("skip")
    await world.client.says("no")
    (row,) = await world.check_ins(world.client)
    assert (row.craving, row.mood, row.sleep_quality, row.sleep_hours, row.used) == (None, 6, None, None, False)
    assert row.status == CheckInStatus.ANSWERED


@pytest.mark.mission("M5")
async def test_stop_keeps_what_was_given_and_later_goes_on_from_there(world: World) -> None:
    await asked(world)
    await world.client.says("3")
    await world.client.says("enough")
    world.client.hears("kept")
    world.client.does_not_hear(r"\?")
    await world.client.says("let's do the check in")
    world.client.hears("mood")
    await world.client.says("6")
    await world.client.says("8")
    await world.client.says("no")
    (row,) = await world.check_ins(world.client)
    assert (row.craving, row.mood, row.sleep_quality, row.used) == (3, 6, 8, False)


@pytest.mark.mission("M5")
async def test_nonsense_ends_it_kindly_with_the_offer_of_a_human(world: World) -> None:
    await asked(world)
    await world.client.says("5")
    for text in ("purple", "blorp", "florp zzz"):
        await world.client.says(text)
    world.client.hears("ruth")
    assert (await world.state(world.client))[0] is None
    (row,) = await world.check_ins(world.client)
    assert (row.craving, row.status) == (5, CheckInStatus.PARTIAL)


@pytest.mark.mission("M5")
async def test_out_of_range_and_ok_are_no_levels(world: World) -> None:
    await asked(world)
    await world.client.says("ok")
    world.client.hears("0.*10")
    await world.client.says("15")
    world.client.hears("0.*10")
    await world.client.says("7.5")
    world.client.hears("mood")
    (row,) = await world.check_ins(world.client)
    assert row.craving == 8


@pytest.mark.mission("M5", "M10")
async def test_danger_in_the_middle_of_a_check_in(world: World) -> None:
    await asked(world)
    await world.client.says("7")
    await world.client.says("i want to kill myself")
    world.client.hears("988", lane="crisis")
    world.staff.is_alerted(kind="danger", danger="suicide", level="definite")
    assert (await world.state(world.client))[0] is None
    (row,) = await world.check_ins(world.client)
    assert (row.craving, row.status) == (7, CheckInStatus.PARTIAL)


@pytest.mark.mission("M3", "M5")
async def test_a_human_in_the_middle_of_a_check_in(world: World) -> None:
    await asked(world)
    await world.client.says("6")
    await world.client.says("can i talk to a real person please")
    world.staff.is_alerted(kind="human")
    world.client.hears("ruth", "mood")


@pytest.mark.mission("M5")
async def test_a_slip_told_in_the_check_in_goes_on_as_a_lapse(world: World) -> None:
    await asked(world)
    for text in ("5", "6", "8"):
        await world.client.says(text)
    await world.client.says("yeah i drank")
    world.staff.is_alerted(kind="lapse")
    world.client.hears("ruth", "chest pain")
    (row,) = await world.check_ins(world.client)
    assert (row.used, row.status) == (True, CheckInStatus.ANSWERED)


@pytest.mark.mission("M5")
async def test_a_very_low_mood_brings_the_offer_of_a_human(world: World) -> None:
    await asked(world)
    for text in ("2", "1", "4 hours", "no"):
        await world.client.says(text)
    world.client.hears("mood 1", "person")
    await world.client.says("yes please")
    world.staff.is_alerted(kind="human")


@pytest.mark.mission("M5")
async def test_it_waits_while_something_else_is_talked_about(world: World) -> None:
    await world.forward(hours=12, minutes=20)
    await world.client.says("i really want a drink")
    await world.forward(minutes=30)
    world.client.hears_nothing()
    await world.client.says("6")
    world.client.hears("set it off|just before")
    await world.client.says("enough")
    await world.forward(minutes=30)
    world.client.hears("0.*10", lane="check-in")


@pytest.mark.mission("M5")
async def test_one_follow_up_then_it_is_missed(world: World) -> None:
    await asked(world)
    await world.forward(hours=3)
    world.client.hears("still here|one number", lane="check-in")
    await world.forward(hours=10)
    world.client.hears_nothing()
    (row,) = await world.check_ins(world.client)
    assert (row.status, row.follow_ups, row.local_date) == (CheckInStatus.MISSED, 1, MONDAY)


@pytest.mark.mission("M5")
async def test_a_late_answer_counts_for_the_day_it_was_asked(world: World) -> None:
    await asked(world)
    await world.forward(hours=10)
    await world.client.says("3")
    world.client.hears("mood")
    (row,) = await world.check_ins(world.client)
    assert (row.craving, row.local_date) == (3, MONDAY)


@pytest.mark.mission("M5")
async def test_partial_answers_stay_and_are_not_called_missed(world: World) -> None:
    await asked(world)
    await world.client.says("3")
    await world.forward(hours=13)
    (row,) = await world.check_ins(world.client)
    assert (row.craving, row.status) == (3, CheckInStatus.PARTIAL)


@pytest.mark.mission("M5")
async def test_a_second_answer_to_a_finished_check_in_changes_nothing_unasked(world: World) -> None:
    await asked(world)
    for text in ("2", "6", "7 hours", "no"):
        await world.client.says(text)
    await world.client.says("8")
    world.client.hears("8", "craving")
    await world.client.says("no")
    await world.client.says("let's do the check in")
    world.client.hears("craving 2, mood 6")
    (row,) = await world.check_ins(world.client)
    assert (row.craving, row.mood) == (2, 6)


@pytest.mark.mission("M5")
async def test_every_day_has_its_own_and_never_two(world: World) -> None:
    await world.forward(days=3, hours=13)
    rows = await world.check_ins(world.client)
    days = [row.local_date for row in rows]
    assert days == sorted(set(days))
    assert days[0] == MONDAY
    assert len(days) == 4


@pytest.mark.mission("M5")
async def test_i_did_after_all_changes_the_answer_of_the_day(world: World) -> None:
    await asked(world)
    for text in ("4", "5", "6 hours", "no"):
        await world.client.says(text)
    await world.client.says("actually i did drink, i had two beers")
    world.staff.is_alerted(kind="lapse")
    (row,) = await world.check_ins(world.client)
    assert row.used is True


@pytest.mark.mission("M5")
@pytest.mark.parametrize("text", ["i fell off the wagon last night", "i relapsed", "got drunk yesterday"])
async def test_a_slip_told_at_the_first_question_is_heard_as_one(world: World, text: str) -> None:
    await asked(world)
    await world.client.says(text)
    world.staff.is_alerted(kind="lapse")
    world.client.hears("yes or no")
    (row,) = await world.check_ins(world.client)
    assert row.used is True


@pytest.mark.mission("M5")
async def test_questions_in_the_check_in_are_no_answers(world: World) -> None:
    await asked(world)
    await world.client.says("will i ever get better")
    await world.client.says("3")
    await world.client.says("5")
    await world.client.says("6")
    await world.client.says("define used")
    world.staff.is_not_alerted(kind="lapse")
    await world.client.says("no")
    (row,) = await world.check_ins(world.client)
    assert (row.craving, row.mood, row.sleep_quality, row.used) == (3, 5, 6, False)


@pytest.mark.mission("M5")
@pytest.mark.channels("console")
async def test_the_time_of_the_check_in_is_changed_in_the_chat(world: World) -> None:
    await world.client.says("can you ask me at 10:30 instead of 9")
    world.client.hears("From now on I ask every day at 10:30 am")
    await world.forward(hours=13)
    world.client.hears_nothing(lane="check-in")
    await world.forward(hours=1, minutes=5)
    world.client.hears("craving", lane="check-in")


@pytest.mark.mission("M5")
@pytest.mark.channels("console")
async def test_check_ins_pause_until_a_day(world: World) -> None:
    # It is Sunday evening.
    await world.client.says("please pause the check ins until wednesday")
    world.client.hears("No check-ins until Wednesday, 25 November.*again at 9 am")
    await world.forward(days=2)
    world.client.hears_nothing(lane="check-in")
    await world.forward(days=1)
    world.client.hears("craving", lane="check-in")
    await world.client.says("3")
    world.client.hears("mood")


@pytest.mark.mission("M5")
@pytest.mark.channels("console")
@pytest.mark.parametrize(
    ("asked", "answer", "heard"),
    [
        ("i want a different time for the check in", "10 am", "I ask every day at 10 am"),
        ("i want a different time for the check in", "7", "I ask every day at 7 pm"),
        ("i need a break from these messages", "monday", "No check-ins until Monday, 30 November|Monday, 23 November"),
        ("i need a break from these messages", "for a week", "No check-ins until"),
    ],
)
async def test_without_a_time_it_is_asked_for(world: World, asked: str, answer: str, heard: str) -> None:
    await world.client.says(asked)
    world.client.hears("between 8 am and 9 pm|until (when|which day)")
    await world.client.says(answer)
    world.client.hears(heard)


@pytest.mark.mission("M5")
@pytest.mark.channels("console")
async def test_twice_a_day_on_weekdays_is_arranged_in_the_chat(world: World) -> None:
    # It is Sunday evening.
    await world.client.says("could you ask me twice a day, at 9 am and 7 pm")
    world.client.hears("every day at 9 am and 7 pm")
    await world.client.says("only on weekdays please")
    world.client.hears("on weekdays at 9 am and 7 pm")
    await world.forward(hours=13)
    world.client.hears("craving", lane="check-in")
    await world.client.says("2, mood 6, slept 7 hours, no slip")
    await world.forward(hours=10)
    world.client.hears("craving", lane="check-in")
    await world.client.says("3")
    world.client.hears("mood")


@pytest.mark.mission("M5")
@pytest.mark.channels("console")
async def test_in_another_place_it_goes_by_the_clock_there(world: World) -> None:
    await world.client.says("i'm in New York this week so the check ins come too late")
    world.client.hears("clock in New York.*every day at 9 am")


@pytest.mark.mission("M5")
@pytest.mark.channels("console")
async def test_at_a_bad_moment_it_comes_later_and_goes_on_where_it_was(world: World) -> None:
    await world.forward(hours=14)
    world.client.hears("craving", lane="check-in")
    await world.client.says("4")
    world.client.hears("mood")
    await world.client.says("busy at work, can you ask me at 6 pm")
    world.client.hears("I ask again at 6 pm")
    await world.forward(hours=4)
    world.client.hears_nothing(lane="check-in")
    await world.forward(hours=5)
    world.client.hears("Back to your check-in.*mood", lane="check-in")
    await world.client.says("5")
    world.client.hears("sleep")
    await world.client.says("7 hours")
    await world.client.says("no")
    (row,) = await world.check_ins(world.client)
    assert (row.status, row.craving, row.mood, row.sleep_hours, row.used) == ("answered", 4, 5, 7.0, False)


@pytest.mark.mission("M5")
@pytest.mark.channels("console")
async def test_danger_in_place_of_later_is_danger(world: World) -> None:
    await world.forward(hours=14)
    world.client.hears("craving", lane="check-in")
    await world.client.says("later. i took all my pills, let me sleep")
    world.client.hears("911|Poison|988")
    world.staff.is_alerted(kind="danger")


@pytest.mark.mission("M5")
@pytest.mark.channels("console")
async def test_an_answer_with_a_busy_day_in_it_is_an_answer(world: World) -> None:
    await world.forward(hours=14)
    world.client.hears("craving", lane="check-in")
    await world.client.says("2, busy at work")
    world.client.hears("mood")
    await world.client.says("6 busy but fine")
    world.client.hears("sleep")
    await world.client.says("7")
    await world.client.says("i drank tonight")
    (row,) = await world.check_ins(world.client)
    assert (row.craving, row.mood, row.used) == (2, 6, True)
