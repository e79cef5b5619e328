"""A coping skill on request: offered, walked through, changed, left."""

from datetime import timedelta

import pytest

from bot.channels.segments import fit
from bot.store import people
from bot.store.database import new_id
from bot.store.tables import CravingEpisodeRow
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


# Chosen by where someone is, and by what helped them before


async def lived_through(world: World, skill: str, before: int, after: int, times: int) -> None:
    """Cravings of the weeks before, each with a skill."""
    now = world.demo.clock.now()
    async with world.store.write() as unit:
        person = await people.by_key(unit, world.client.key)
        assert person
        for number in range(times):
            unit.session.add(
                CravingEpisodeRow(
                    id=new_id(),
                    client_id=person.id,
                    level_before=before,
                    level_after=after,
                    skill=skill,
                    steps_done=4,
                    completed=True,
                    at=now - timedelta(days=number + 2),
                )
            )


@pytest.mark.mission("M2")
@pytest.mark.channels("console", "telegram", "sms")
async def test_on_the_bus_something_is_offered_that_nobody_notices(world: World) -> None:
    await world.client.says("craving 6, i'm on the bus home")
    await world.client.says("bored out of my mind, nothing to do")
    heard = world.client.hears("nobody around you|people around").text
    for _ in range(5):
        await world.client.says("another one")
        world.client.does_not_hear("call someone", "walk it off", "march", "cold water")
        heard += world.client.answer
    assert "Window seat" in heard
    await world.client.says("yes")
    world.client.is_offered("Next")


@pytest.mark.mission("M2")
@pytest.mark.channels("console")
async def test_what_cannot_be_done_there_gives_way_to_something_that_can(world: World) -> None:
    await world.client.says("craving 7, it's sunday and lucia is at her dad's")
    world.client.hears("call someone")
    await world.client.says("my coworkers are here, i can't call anyone")
    world.client.is_offered("Let's try")
    world.client.does_not_hear("call someone", "take your time", "here when you want it")


@pytest.mark.mission("M2", "M37")
@pytest.mark.channels("console", "telegram", "sms")
async def test_what_lowered_their_own_cravings_comes_first_with_its_figures(world: World) -> None:
    await lived_through(world, "halt", 8, 2, times=8)
    await lived_through(world, "urge_surfing", 8, 7, times=8)
    await lived_through(world, "paced_breathing", 8, 7, times=8)
    await world.client.says("craving 7")
    await world.client.says("chef was screaming through the whole rush")
    world.client.hears("HALT.*8 (times|tries) it took.* 6.*1", "your plan|written down")
    world.client.does_not_hear("walk-in")


@pytest.mark.mission("M2", "M37")
@pytest.mark.channels("console")
async def test_below_five_uses_nothing_is_said_of_a_skill(world: World) -> None:
    await lived_through(world, "halt", 8, 2, times=4)
    await lived_through(world, "urge_surfing", 8, 7, times=8)
    await world.client.says("craving 7")
    await world.client.says("chef was screaming through the whole rush")
    world.client.does_not_hear("times it took", "tries it took", "on average")
    await world.client.says("enough")
    await world.client.says("which skills help me")
    world.client.hears("five")


@pytest.mark.mission("M2", "M37")
@pytest.mark.channels("console", "sms")
@pytest.mark.parametrize("question", ["what works for me", "which skills help me", "what has helped me before?"])
async def test_asked_what_works_it_tells_the_figures_and_offers_the_best(world: World, question: str) -> None:
    await lived_through(world, "halt", 8, 2, times=8)
    await lived_through(world, "urge_surfing", 8, 7, times=8)
    await world.client.says(question)
    world.client.hears("HALT.*8 (times|tries).* 6 .*1", r"HALT.*minutes")
    await world.client.says("yes")
    world.client.hears("hungry")


@pytest.mark.mission("M2", "M37")
@pytest.mark.channels("console")
async def test_a_skill_that_made_it_worse_again_and_again_is_offered_no_more(world: World) -> None:
    await lived_through(world, "urge_surfing", 6, 8, times=3)
    await world.client.says("craving 6, mom called and we argued")
    for _ in range(5):
        world.client.does_not_hear("urge surfing")
        await world.client.says("another")


@pytest.mark.mission("M2")
@pytest.mark.channels("sms")
async def test_by_text_message_the_steps_are_short(world: World) -> None:
    await world.client.says("can we do the breathing one")
    await world.client.says("1")
    while (step := world.client.new[-1].text).endswith("3 Enough"):
        assert fit(step).segments == 1, step
        await world.client.says("1")
    world.client.hears("edge off")
