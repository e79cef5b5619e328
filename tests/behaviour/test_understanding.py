"""What is not clear is asked about, what was taken wrong is put right, and other languages get an honest answer."""

import pytest

from tests.behaviour.world import World

BETWEEN_CRAVINGS = [
    ("work is too much, i have three deadlines and no idea how", "tense|lot|press|small"),
    ("i'm so angry at my brother i could scream", "angry|reading"),
    ("nobody calls me, i sit here on my own every evening", "lonely|alone|nobody"),
    ("my mom died two years ago today and i miss her", "sorry|loss"),
    ("so bored, nothing to do all day", "bored|empty|nothing on"),
    ("is there an aa meeting near me tonight", "meetings?"),
    (
        "can i take ibuprofen with naltrexone",
        "pharmacist",
    ),
    ("when is my next appointment with ruth", "appointments?"),
    ("what numbers can i call at night", "911"),
    ("part of me wants to stay sober and part of me doesn't", "both|part|sides?|minds|decide"),
    ("i want to quit, for my daughter", "different|step|thought about"),
]


@pytest.mark.mission("M1")
@pytest.mark.parametrize(("text", "answer"), BETWEEN_CRAVINGS, ids=[text for text, _ in BETWEEN_CRAVINGS])
async def test_what_happens_between_cravings_is_met_with_words_of_its_own(world: World, text: str, answer: str) -> None:
    await world.client.says(text)
    world.client.hears(answer)
    world.client.does_not_hear("not sure i got that|not sure i did")
    world.staff.hears_nothing()


@pytest.mark.mission("M3")
async def test_what_cannot_be_done_yet_is_passed_to_a_person_who_is_asked_for(world: World) -> None:
    await world.client.says("when is my next appointment")
    world.client.hears("shall i ask")
    await world.client.says("yes please")
    world.staff.is_alerted(kind="human")


@pytest.mark.mission("M1")
async def test_an_answer_to_something_else_is_put_right(world: World) -> None:
    await world.client.says("thanks, and what does my plan say")
    await world.client.says("no that's not what i meant")
    world.client.hears("took that wrong|not that|my mistake")
    await world.client.says("no, neither")
    world.client.hears("other words|what did you mean")
    await world.client.says("i have a craving, it's a 6")
    world.client.hears("set it off|just before")


@pytest.mark.mission("M1")
async def test_not_what_was_meant_inside_a_form_goes_back_to_the_form(world: World) -> None:
    await world.client.says("i want a drink so bad")
    world.client.hears("0 to 10|from 0")
    await world.client.says("that's not what i meant")
    await world.client.says("stop")
    world.client.does_not_hear("not sure")


SPANISH = [
    ("tengo muchas ganas de tomar una cerveza", "ganas|respira"),
    ("me siento muy sola y triste hoy", "pesado|siento que"),
    ("ayer recaí, me tomé unas cervezas", "recaída"),
    ("llevo 30 días sin tomar", "bueno|cuenta"),
    ("gracias por escucharme", "de nada"),
    ("¿eres una persona de verdad?", "programa"),
]


@pytest.mark.mission("M1")
@pytest.mark.parametrize(("text", "answer"), SPANISH, ids=[text for text, _ in SPANISH])
async def test_spanish_is_understood_and_met_in_spanish(world: World, text: str, answer: str) -> None:
    await world.client.says(text)
    world.client.hears(answer)
    world.client.does_not_hear("how strong|0 to 10|what set it off")
    world.staff.hears_nothing()


@pytest.mark.mission("M3")
async def test_a_person_asked_for_in_spanish_is_called_in_spanish(world: World) -> None:
    await world.client.says("quiero hablar con una persona por favor")
    world.client.hears("avisé")
    world.staff.is_alerted(kind="human")


@pytest.mark.mission("M3")
async def test_a_person_offered_in_spanish_can_be_declined(world: World) -> None:
    await world.client.says("tengo ganas de fumar otra vez")
    await world.client.says("no gracias")
    world.client.hears("está bien|de nada")
    world.staff.hears_nothing()


@pytest.mark.mission("M3")
async def test_another_language_gets_an_honest_answer_and_the_lines(world: World) -> None:
    await world.client.says("bonjour, je voudrais parler à quelqu'un s'il vous plaît")
    world.client.hears("only know english", "911", "988")
    await world.client.says("yes")
    world.staff.is_alerted(kind="human")
