"""A craving, from the first words to what changed."""

import pytest

from tests.behaviour.world import World


@pytest.mark.mission("M1", "M2", "M4")
async def test_a_craving_at_eight_is_gone_through_with_a_skill_from_the_plan(world: World) -> None:
    await world.client.says("craving is like an 8 right now")
    world.client.hears("8", "set it off|just before")
    world.client.is_offered("Arguing with my mother on the phone")

    await world.client.says("my mom called and it turned into a fight again, i hung up on her")
    world.client.hears("urge surfing")
    world.client.is_offered("Let's try", "Another one", "Stop")

    await world.client.says("ok lets do it")
    world.client.hears("steady as you can")
    for _ in range(5):
        await world.client.says("next")
    await world.client.says("done")
    world.client.hears("how strong|where is it")

    await world.client.says("4")
    world.client.hears("what changed|what made")
    await world.client.says("just sitting still and watching it. my jaw let go")
    world.client.hears("8", "4")

    (episode,) = await world.episodes(world.client)
    assert (episode.level_before, episode.level_after, episode.skill) == (8, 4, "urge_surfing")
    assert episode.completed
    assert episode.steps_done == 6
    assert await world.opened(episode, "change_sealed") == "just sitting still and watching it. my jaw let go"
    assert (await world.state(world.client))[0] is None
    world.staff.hears_nothing()
