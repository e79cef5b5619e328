"""A person is asked for, offered, or declined."""

import pytest

from tests.behaviour.world import World


@pytest.mark.mission("M3", "M9")
@pytest.mark.parametrize("text", ["can i talk to a person", "i want a human", "get me ruth please", "person"])
async def test_whoever_asks_for_a_person_gets_one_told(world: World, text: str) -> None:
    await world.client.says(text)
    world.staff.is_alerted(kind="human")
    # What it says is true: told, not when, and where to turn meanwhile.
    world.client.hears("ruth", "988", "911")
    world.client.does_not_hear("on (the|their) way", "soon as possible")


@pytest.mark.mission("M3")
async def test_two_messages_not_understood_end_with_the_offer_of_a_human(world: World) -> None:
    await world.client.says("florble")
    world.client.is_offered("A person")
    await world.client.says("zonk")
    world.client.hears("person", "988")
    await world.client.says("yes")
    world.staff.is_alerted(kind="human")


@pytest.mark.mission("M3")
async def test_no_is_taken_for_a_no(world: World) -> None:
    await world.client.says("florble")
    await world.client.says("zonk")
    await world.client.says("no")
    world.staff.is_not_alerted(kind="human")
    await world.client.says("yes")
    world.staff.is_not_alerted(kind="human")


@pytest.mark.mission("M3")
async def test_spanish_is_met_in_spanish_with_the_offer_of_a_human(world: World) -> None:
    await world.client.says("hola")
    world.client.hears("persona", "988")
    world.client.does_not_hear("call or text")
    await world.client.says("sí")
    world.staff.is_alerted(kind="human")


@pytest.mark.mission("M3")
async def test_a_mood_that_stays_low_ends_with_a_human_not_with_the_same_menu(world: World) -> None:
    said = []
    for text in ("i'm so sad today", "i just miss my mom", "everything feels grey and heavy"):
        await world.client.says(text)
        said.append(world.client.answer)
    assert len(set(said)) == 3
    world.client.hears("ruth")
    await world.client.says("yes please")
    world.staff.is_alerted(kind="human")
