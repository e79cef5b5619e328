"""A coping skill on request: offered, walked through, changed, left."""

import pytest

from tests.behaviour.world import World


@pytest.mark.mission("M2")
async def test_a_skill_by_name_is_walked_through_and_kept(world: World) -> None:
    await world.client.says("can we do the breathing one")
    world.client.hears("slow breathing")
    await world.client.says("yes")
    world.client.hears("shoulders")
    await world.client.says("wait")
    world.client.hears("next")
    for _ in range(6):
        await world.client.says("next")
    world.client.hears("edge off")
    await world.client.says("a bit yeah")
    world.client.hears("good|glad")
    (episode,) = await world.episodes(world.client)
    assert (episode.skill, episode.steps_done, episode.completed) == ("paced_breathing", 6, True)
    assert (await world.state(world.client))[0] is None


@pytest.mark.mission("M2")
async def test_one_that_did_not_help_leads_to_a_different_one(world: World) -> None:
    await world.client.says("can we do the breathing one")
    await world.client.says("ok")
    await world.client.says("enough")
    world.client.hears("edge off")
    await world.client.says("not really")
    world.client.hears("another")
    await world.client.says("yes")
    world.client.is_offered("Let's try")
    world.client.does_not_hear("slow breathing")


@pytest.mark.mission("M2", "M3")
async def test_when_none_is_right_a_human_is_offered(world: World) -> None:
    await world.client.says("give me something to do")
    for _ in range(6):
        await world.client.says("another")
    world.client.hears("ruth")
    await world.client.says("yes please")
    world.staff.is_alerted(kind="human")
    assert await world.episodes(world.client) == []


@pytest.mark.mission("M2")
async def test_stop_at_the_offer_asks_nothing_more(world: World) -> None:
    await world.client.says("give me something to do")
    await world.client.says("enough")
    world.client.does_not_hear(r"\?")
    assert (await world.state(world.client))[0] is None


@pytest.mark.mission("M2", "M10")
async def test_danger_in_the_middle_of_a_skill(world: World) -> None:
    await world.client.says("can we do the breathing one")
    await world.client.says("ok")
    await world.client.says("i want to kill myself")
    world.client.hears("988", lane="crisis")
    world.staff.is_alerted(kind="danger", danger="suicide")
    assert (await world.state(world.client))[0] is None


@pytest.mark.mission("M2")
async def test_what_someone_does_not_want_is_not_offered(world: World) -> None:
    await world.client.says("craving 7, empty apartment, lonely")
    await world.client.says("i don't want any breathing exercises")
    world.client.is_offered("Let's try")
    world.client.does_not_hear("breathing")
