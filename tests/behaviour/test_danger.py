"""Someone may be in danger: the safety reply, the alert, the question, and what follows until staff close it."""

import pytest

from tests.behaviour.world import AlertRow, FindingRow, QuestionRow, World

FORMS = {
    "craving": ("i really want a drink right now",),
    "craving walk": ("craving at 8 after arguing with my mother on the phone",),
    "skill": ("give me something to do against this urge",),
    "check-in": ("can we do my check-in now",),
    "lapse": ("i drank last night",),
}


@pytest.mark.mission("M3", "M9", "M10")
@pytest.mark.parametrize("form", FORMS)
async def test_wanting_to_die_in_the_middle_of_a_form_is_answered_at_once(world: World, form: str) -> None:
    for line in FORMS[form]:
        await world.client.says(line)
    assert (await world.state(world.client))[0], "a form is open"
    world.staff.catches_up()

    await world.client.says("I can't do this anymore, I want to die")

    reply = world.client.hears("988", "911", lane="crisis")
    assert reply.buttons == ("1 yes", "2 no")
    assert all(line.lane == "crisis" for line in world.client.new), "nothing but the safety protocol speaks"
    world.client.hears("alerted the team.*don't know when")
    page = world.staff.is_alerted(kind="danger", danger="suicide", level="definite")
    assert "die" not in page.text, "a page never carries the story"
    assert (await world.state(world.client))[0] is None, "the form is gone, and does not come back by itself"


@pytest.mark.mission("M3", "M9", "M10", "M39")
async def test_the_safety_path_needs_no_engine(world: World) -> None:
    await world.client.says("craving is a 7")
    async with world.engine_off():
        world.staff.catches_up()
        await world.client.says("i took all my pills")
        world.client.hears("911", lane="crisis")
        world.staff.is_alerted(danger="overdose", level="definite")

        await world.client.says("no")
        world.client.hears("911", lane="crisis")

        await world.family.says("my roommate wont wake up and his lips are blue")
        world.family.hears("911", "naloxone", lane="crisis")
        await world.family.says("1")
        world.family.hears("breath", lane="crisis")


@pytest.mark.mission("M9", "M10")
async def test_what_staff_do_is_told_truthfully(world: World) -> None:
    await world.client.says("i want to kill myself")
    number = world.staff.is_alerted(danger="suicide").alert["number"]  # type: ignore[index]
    world.client.hears("alerted the team")
    world.client.does_not_hear("Ruth has read", "on (the|their) way")

    await world.staff.says(f"{number}v")
    world.staff.hears("Maya", "kill myself")

    world.client.catches_up()
    await world.staff.says(f"{number}a")
    world.client.hears("Ruth has seen your alert")
    world.client.does_not_hear("minutes", "on (the|their) way")

    await world.backup.says(f"{number}a")
    world.backup.hears("Ruth already has")

    await world.staff.says(f"{number}c")
    world.staff.hears("say what was done")
    await world.staff.says(f"{number}c phoned her, she is with her sister")
    world.staff.hears("closed")


@pytest.mark.mission("M9")
async def test_an_alert_goes_on_until_a_human_acknowledges(world: World) -> None:
    await world.client.says("i want to kill myself")
    world.staff.is_alerted(danger="suicide")
    world.backup.is_not_alerted()

    await world.forward(minutes=5)
    world.backup.is_alerted(danger="suicide")
    await world.forward(minutes=10)
    world.staff.hears("STILL OPEN")
    for _ in range(3):
        await world.forward(minutes=15)
        world.staff.is_alerted(danger="suicide")
        world.backup.is_alerted(danger="suicide")

    await world.backup.says("1a")
    await world.backup.says("1n on the phone with her")
    await world.forward(hours=2)
    world.staff.is_not_alerted()
    world.backup.is_not_alerted()


@pytest.mark.mission("M10")
async def test_a_denial_closes_nothing(world: World) -> None:
    await world.client.says("i want to kill myself")
    await world.client.says("forget it i was joking, im fine really")
    await world.client.says("stop asking me that")
    await world.forward(minutes=15)
    world.staff.is_alerted(danger="suicide", status="open")


@pytest.mark.mission("M10")
async def test_a_possible_danger_is_asked_about_and_watched(world: World) -> None:
    await world.client.says("whats the point anymore")
    world.client.hears("988", r"killing yourself|ending your life|suicide", lane="crisis")
    world.staff.is_alerted(danger="suicide", level="possible")

    await world.client.says("2")
    world.client.hears(".", lane="crisis")
    world.staff.is_not_alerted(level="definite")
    (alert,) = await world.rows(AlertRow, world.client)
    assert alert.status == "open", "a no means that a human looks the same day"


@pytest.mark.mission("M10")
@pytest.mark.parametrize("answer", ["1", "yes", "yes i am"])
async def test_a_possible_danger_that_is_so_is_paged(world: World, answer: str) -> None:
    await world.client.says("whats the point anymore")
    world.staff.catches_up()
    await world.client.says(answer)
    world.client.hears("988|911", lane="crisis")
    world.staff.is_alerted(danger="suicide", level="definite")


@pytest.mark.mission("M10")
async def test_silence_after_a_possible_danger_makes_it_definite(world: World) -> None:
    await world.client.says("whats the point anymore")
    await world.forward(minutes=9)
    world.staff.is_not_alerted(level="definite")
    await world.forward(minutes=2)
    world.staff.is_alerted(danger="suicide", level="definite")
    world.client.hears("988|911", lane="crisis")


@pytest.mark.mission("M10")
async def test_answers_that_settle_nothing_are_asked_once_more_and_then_paged(world: World) -> None:
    await world.client.says("whats the point anymore")
    world.staff.catches_up()
    await world.client.says("the dog needs a walk")
    world.client.hears("1", "2", lane="crisis")
    world.staff.is_not_alerted(level="definite")
    await world.client.says("whatever")
    world.staff.is_alerted(danger="suicide", level="definite")


@pytest.mark.mission("M10")
async def test_several_dangers_in_one_message_each_have_their_alert(world: World) -> None:
    await world.client.says("i took all my pills because i want to die and now my chest hurts")
    kinds = {row.kind for row in await world.rows(FindingRow) if row.level == "definite"}
    assert {"overdose", "suicide"} <= kinds
    world.client.hears("911", lane="crisis")
    assert len({line.text for line in world.client.new}) == len(world.client.new)
    world.staff.is_alerted(danger="overdose")
    world.staff.is_alerted(danger="suicide")


@pytest.mark.mission("M10")
async def test_a_sentence_over_three_texts_is_heard(world: World) -> None:
    await world.client.says("i dont want to")
    await world.client.says("be alive")
    world.client.catches_up()
    await world.client.says("anymore")
    world.client.hears("988", lane="crisis")
    world.staff.is_alerted(danger="suicide")


@pytest.mark.mission("M10")
async def test_overdose_steps_come_one_by_one(world: World) -> None:
    await world.family.says("hes not waking up hes turning blue i think he took fentanyl")
    world.family.hears("911", "naloxone", lane="crisis")
    await world.family.says("1")
    world.family.hears("breath")
    await world.family.says("next")
    world.family.hears("second")
    await world.family.says("ok done")
    world.family.hears("side")
    await world.family.says("1")
    world.family.hears("stay with")
    await world.family.says("1")
    world.family.hears(".", lane="crisis")
    assert [row.outcome for row in await world.rows(QuestionRow)] == ["done"]


@pytest.mark.mission("M10")
async def test_the_person_is_asked_again_until_staff_close(world: World) -> None:
    await world.client.says("i want to kill myself")
    await world.client.says("2")
    await world.staff.says("1a")
    await world.forward(minutes=31)
    world.client.hears("how you are|how are you|checking", lane="crisis")
    await world.forward(hours=13)
    assert [line.lane for line in world.client.new] == ["crisis"], "the check-in waits, the check-back comes"
    await world.staff.says("1c she is safe, at her sister's")
    await world.forward(hours=80)
    assert not [line for line in world.client.new if line.lane == "crisis"]


@pytest.mark.mission("M10")
async def test_the_bot_still_answers_what_is_asked_while_an_alert_is_open(world: World) -> None:
    await world.client.says("i want to kill myself")
    await world.client.says("1")
    await world.client.says("who can i call")
    world.client.hears("Dana")


@pytest.mark.mission("M10")
async def test_the_same_words_are_not_said_twice_in_a_row(world: World) -> None:
    await world.client.says("i want to kill myself")
    first = world.client.answer
    await world.client.says("i mean it i want to die")
    assert world.client.new
    assert not set(first.split("\n")) & set(world.client.answer.split("\n"))


@pytest.mark.mission("M10")
@pytest.mark.parametrize(
    "text",
    [
        "this homework is killing me",
        "i'd kill for a burger",
        "my phone died",
        "i'm not suicidal, just tired",
        "my grandfather died last year and i miss him",
        "the movie where he shoots himself was sad",
        "i could die of embarrassment lol",
        "how do i recognise an overdose",
    ],
)
async def test_what_is_no_danger_alerts_nobody(world: World, text: str) -> None:
    await world.client.says(text)
    world.client.hears(".")
    world.staff.is_not_alerted(kind="danger")
    assert all(line.lane != "crisis" for line in world.client.new)


@pytest.mark.mission("M10")
@pytest.mark.channels("console")
async def test_who_cannot_any_more_is_asked_and_not_argued_with(world: World) -> None:
    await world.client.says("i just cant anymore. whats the point of any of this")
    world.client.hears("988", r"killing yourself|ending your life|suicide", lane="crisis")
