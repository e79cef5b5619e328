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
    world.client.is_offered("Let's try", "Another one", "Enough")

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


@pytest.mark.mission("M1")
async def test_a_level_that_stays_high_brings_the_offer_of_a_human_at_once(world: World) -> None:
    await world.client.says("craving is at 9")
    await world.client.says("getting screamed at by chef all night")
    world.client.hears("two minutes in the walk-in")
    await world.client.says("ok")
    await world.client.says("9")
    world.client.hears("ruth")
    world.client.does_not_hear("what changed|what made")
    await world.client.says("idk")
    world.client.hears("ruth")
    await world.client.says("yes")
    world.staff.is_alerted(kind="human")
    (episode,) = await world.episodes(world.client)
    assert (episode.level_before, episode.level_after, episode.completed) == (9, 9, True)


@pytest.mark.mission("M1")
async def test_numbers_that_are_none_and_words_instead(world: World) -> None:
    await world.client.says("i really want a drink")
    await world.client.says("1000")
    world.client.hears("0 .*10")
    assert len(world.client.new) == 1
    await world.client.says("-3")
    world.client.hears("0 .*10")
    await world.client.says("a lot")
    world.client.hears("8", "set it off|just before")


@pytest.mark.mission("M1")
async def test_nonsense_never_becomes_a_loop_the_form_goes_on_without_a_number(world: World) -> None:
    await world.client.says("i have a craving")
    await world.client.says("blorp")
    first = world.client.hears("0 to 10").text
    await world.client.says("zzz florp")
    second = world.client.hears("skip").text
    assert first != second
    await world.client.says("grmpf")
    world.client.hears("set it off|just before")
    await world.client.says("nico's store was open")
    world.client.is_offered("Let's try")


@pytest.mark.mission("M1")
async def test_a_correction_in_the_middle_counts_and_asks_nothing_twice(world: World) -> None:
    await world.client.says("craving 7")
    await world.client.says("sorry i meant 5")
    world.client.hears("5", "set it off|just before")
    await world.client.says("my mother called")
    await world.client.says("i mean chef yelled at me")
    world.client.hears("walk-in")
    (episode,) = await world.episodes(world.client)
    assert episode.level_before == 5
    assert "chef" in await world.opened(episode, "trigger_sealed")


@pytest.mark.mission("M1", "M4")
async def test_a_question_in_the_middle_is_answered_and_the_step_comes_back(world: World) -> None:
    await world.client.says("craving 6, mom called and we argued")
    await world.client.says("ok")
    world.client.hears("steady")
    await world.client.says("who can i call?")
    world.client.hears(r"\+1 415 555 0132", "steady")
    await world.client.says("who can read this")
    world.client.hears("copper creek|team", "steady")
    await world.client.says("next")
    world.client.hears("where the craving lives")


@pytest.mark.mission("M2")
async def test_another_skill_until_none_is_left(world: World) -> None:
    await world.client.says("craving 6, mom called and we argued")
    heard = {world.client.hears("minutes").text}
    for _ in range(5):
        await world.client.says("another")
        heard.add(world.client.hears("minutes").text)
    assert len(heard) == 6
    await world.client.says("another")
    world.client.hears("all i have|end of my list", "0 to 10")
    await world.client.says("4")
    await world.client.says("skip")
    (episode,) = await world.episodes(world.client)
    assert (episode.level_after, episode.steps_done, episode.skill) == (4, 0, None)


@pytest.mark.mission("M1")
async def test_stop_before_the_first_step_ends_it_and_keeps_what_was_told(world: World) -> None:
    await world.client.says("craving 5")
    await world.client.says("enough")
    world.client.hears("kept")
    world.client.does_not_hear(r"\?")
    assert (await world.state(world.client))[0] is None
    (episode,) = await world.episodes(world.client)
    assert (episode.level_before, episode.completed) == (5, False)


@pytest.mark.mission("M1", "M10")
async def test_danger_in_the_middle_of_a_craving_goes_before_everything(world: World) -> None:
    await world.client.says("craving 8, mom called and we argued")
    await world.client.says("ok")
    await world.client.says("i want to kill myself")
    world.client.hears("988", lane="crisis")
    world.staff.is_alerted(kind="danger", danger="suicide", level="definite")
    assert (await world.state(world.client))[0] is None
    (episode,) = await world.episodes(world.client)
    assert (episode.level_before, episode.completed) == (8, False)


@pytest.mark.mission("M1", "M3")
async def test_a_human_asked_for_in_the_middle_is_called_and_the_form_waits(world: World) -> None:
    await world.client.says("craving 6, mom called and we argued")
    await world.client.says("can i talk to a real person")
    world.staff.is_alerted(kind="human")
    world.client.hears("ruth", "988")
    assert (await world.state(world.client))[0] == "craving_form"


@pytest.mark.mission("M1")
async def test_a_form_left_alone_for_three_hours_does_not_swallow_the_next_message(world: World) -> None:
    await world.client.says("craving 7")
    await world.forward(hours=3)
    await world.client.says("hey")
    world.client.does_not_hear("set it off", "just before")
    (episode,) = await world.episodes(world.client)
    assert (episode.level_before, episode.completed) == (7, False)


@pytest.mark.mission("M1", "M2")
async def test_a_step_that_does_not_help_is_not_praised_but_changed(world: World) -> None:
    await world.client.says("craving 7, everyone at this party is drinking")
    await world.client.says("k")
    await world.client.says("this is not helping")
    world.client.hears("minutes")
    world.client.is_offered("Let's try")


@pytest.mark.mission("M1")
async def test_good_evening_is_no_trigger(world: World) -> None:
    await world.client.says("Good evening. I should like to report a craving of about six.")
    world.client.hears("6", "set it off|just before")


@pytest.mark.mission("M1")
async def test_goodbye_in_the_middle_is_a_goodbye(world: World) -> None:
    await world.client.says("craving 5")
    await world.client.says("bye")
    world.client.does_not_hear(r"\?")
    assert (await world.state(world.client))[0] is None


@pytest.mark.mission("M1")
async def test_a_bare_no_is_no_level_of_zero(world: World) -> None:
    await world.client.says("i want to use")
    await world.client.says("no")
    world.client.does_not_hear("0")
    world.client.hears("set it off|just before")
