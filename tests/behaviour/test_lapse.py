"""A lapse: no blame, safety first, the warning that saves lives, the plan's steps, and Ruth is told."""

import pytest

from tests.behaviour.world import LapseRow, World


@pytest.mark.mission("M4", "M9")
async def test_a_lapse_is_gone_through_without_blame(world: World) -> None:
    await world.client.says("i messed up. i drank last night")
    world.staff.is_alerted(kind="lapse")
    world.client.hears("ruth", "chest pain")
    world.client.does_not_hear("fail", "relapse", "clean", "dirty", "!")
    await world.client.says("no")
    world.client.hears("ending your life")
    await world.client.says("no")
    world.client.hears("with you")
    await world.client.says("just me")
    await world.client.says("half a bottle of wine around ten")
    world.client.hears("hits much harder", "dana", "pour out")
    world.client.is_offered("Next")
    await world.client.says("next")
    world.client.hears("don't stay alone")
    (row,) = await world.rows(LapseRow, world.client)
    assert row.alone is True
    told = await world.opened(row, "what_sealed")
    assert "i drank last night" in told
    assert "half a bottle" in told


@pytest.mark.mission("M4")
async def test_a_bet_gets_the_warning_for_a_bet_and_no_questions_about_the_body(world: World) -> None:
    await world.theo.says("i placed a bet. 400 bucks on the game")
    world.theo.hears("ending your life")
    world.theo.does_not_hear("chest pain")
    await world.theo.says("no")
    await world.theo.says("yes lorraine is here")
    await world.theo.says("no")
    world.theo.hears("win it back")
    world.theo.does_not_hear("naloxone, keep", "breathing")


@pytest.mark.mission("M4")
async def test_an_opioid_gets_the_warning_for_an_opioid(world: World) -> None:
    await world.theo.says("i used again. two percs off curtis")
    await world.theo.says("no")
    await world.theo.says("no")
    await world.theo.says("no, by myself")
    await world.theo.says("skip")
    world.theo.hears("naloxone", "lorraine")


@pytest.mark.mission("M10")
async def test_a_body_in_trouble_is_an_emergency_at_once(world: World) -> None:
    await world.client.says("i relapsed")
    await world.client.says("yes")
    world.client.hears("911", lane="crisis")
    world.staff.is_alerted(kind="danger", danger="medical", level="definite")
    assert (await world.state(world.client))[0] is None


@pytest.mark.mission("M10")
async def test_thoughts_of_dying_are_taken_up_even_half_said(world: World) -> None:
    await world.client.says("i relapsed")
    await world.client.says("no")
    await world.client.says("sort of")
    world.client.hears("988", lane="crisis")
    world.staff.is_alerted(kind="danger", danger="suicide", level="definite")


@pytest.mark.mission("M10")
async def test_answers_that_settle_nothing_are_not_passed_over(world: World) -> None:
    await world.client.says("i relapsed")
    for text in ("banana", "purple", "zzz"):
        await world.client.says(text)
    world.staff.is_alerted(kind="danger", danger="medical", level="possible")
    world.client.hears("911", lane="crisis")


@pytest.mark.mission("M10")
async def test_danger_in_the_middle_of_a_lapse_keeps_the_lapse(world: World) -> None:
    await world.client.says("i drank")
    await world.client.says("i want to kill myself")
    world.client.hears("988", lane="crisis")
    world.staff.is_alerted(kind="danger", danger="suicide")
    assert (await world.state(world.client))[0] is None
    (row,) = await world.rows(LapseRow, world.client)
    assert await world.opened(row, "what_sealed") == "i drank"


@pytest.mark.mission("M4")
async def test_stop_still_says_the_warning_and_who_is_told(world: World) -> None:
    await world.client.says("i drank")
    await world.client.says("enough")
    world.client.hears("harder", "ruth", "988", "911")
    world.client.does_not_hear("chest pain")
    assert (await world.state(world.client))[0] is None


@pytest.mark.mission("M3")
async def test_a_human_in_the_middle_of_a_lapse(world: World) -> None:
    await world.client.says("i relapsed")
    await world.client.says("i want to talk to somebody")
    world.staff.is_alerted(kind="human")
    world.client.hears("ruth", "chest pain")
    await world.client.says("who can i call")
    world.client.hears("dana", "chest pain")


@pytest.mark.mission("M9")
async def test_a_sandwich_is_no_lapse(world: World) -> None:
    await world.client.says("i ate a sandwich")
    world.staff.is_not_alerted(kind="lapse")
    assert await world.rows(LapseRow, world.client) == []


@pytest.mark.mission("M4")
async def test_nobody_is_asked_twice_after_three_hours_of_silence(world: World) -> None:
    await world.client.says("i drank")
    await world.forward(hours=3)
    await world.client.says("hi")
    world.client.does_not_hear("chest pain")
    assert len(await world.rows(LapseRow, world.client)) == 1


@pytest.mark.mission("M10")
@pytest.mark.channels("console", "telegram")
@pytest.mark.parametrize(
    "answer", ["not more than usual", "not today", "no but i wish i was", "skip", "rather not say", "stop"]
)
async def test_what_is_no_plain_no_to_thoughts_of_dying_is_asked_about(world: World, answer: str) -> None:
    await world.client.says("i relapsed")
    await world.client.says("no")
    await world.client.says(answer)
    if not world.client.new or world.client.new[0].lane != "crisis":
        await world.client.says(answer)
    world.client.hears("988", lane="crisis")
    world.staff.is_alerted(kind="danger", danger="suicide")


@pytest.mark.mission("M4")
async def test_a_bottle_poured_out_is_no_lapse(world: World) -> None:
    await world.client.says("i poured the bottle out")
    world.client.does_not_hear("a slip is")
    world.staff.hears_nothing()
