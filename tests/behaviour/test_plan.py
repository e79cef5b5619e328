"""The plan speaks: in the client's own words, one piece at a time."""

import pytest

from tests.behaviour.world import World


@pytest.mark.mission("M4")
async def test_reasons_come_one_by_one(world: World) -> None:
    await world.client.says("why did i want this")
    world.client.hears("lucia")
    world.client.is_offered("More")
    await world.client.says("more")
    world.client.hears("line one day")
    await world.client.says("yes")
    world.client.hears("my hands")
    assert len(world.client.new) == 1


@pytest.mark.mission("M4")
async def test_the_whole_plan_fits_a_small_screen(world: World) -> None:
    questions = ("what does my plan say", "who can i call", "what are my triggers", "what do i do after a slip")
    for text in questions:
        await world.client.says(text)
        assert world.client.new
        assert all(len(line.text) <= 350 for line in world.client.new), world.client.answer


@pytest.mark.mission("M4")
async def test_people_with_their_numbers(world: World) -> None:
    await world.client.says("who can i call tonight")
    world.client.hears("dana", r"\+1 415 555 0132", "abara")


@pytest.mark.mission("M4")
async def test_the_plan_for_one_trigger_and_its_first_skill(world: World) -> None:
    await world.client.says("what does my plan say about sundays")
    world.client.hears("call someone")
    await world.client.says("yes")
    world.client.hears("call someone")
    world.client.is_offered("Let's try", "Another one", "Enough")


@pytest.mark.mission("M4")
async def test_what_is_not_in_the_plan_is_not_made_up(world: World) -> None:
    await world.client.says("what does my plan say about payday")
    world.client.hears("don't find that")


@pytest.mark.mission("M4")
async def test_steps_after_a_slip_to_the_last_and_no_further(world: World) -> None:
    await world.client.says("what do i do after a slip")
    world.client.hears("pour out")
    for _ in range(5):
        await world.client.says("next")
    world.client.hears("noon meeting")
    await world.client.says("next")
    world.client.hears("last part|end of that")


@pytest.mark.mission("M8")
async def test_a_relative_hears_nothing_of_a_plan(world: World) -> None:
    await world.family.says("what does her plan say")
    world.family.does_not_hear("lucia", "mother on the phone", "dana", "urge")


@pytest.mark.mission("M4")
async def test_yes_to_something_else_does_not_go_on_with_the_plan_but_next_does(world: World) -> None:
    await world.client.says("why did i want this")
    await world.client.says("hey")
    await world.client.says("yes")
    world.client.does_not_hear("line one day")
    await world.client.says("next")
    world.client.hears("line one day")
    await world.forward(hours=5)
    await world.client.says("next")
    world.client.does_not_hear("my hands")
