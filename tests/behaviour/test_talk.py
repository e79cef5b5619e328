"""Plain talk: greeting, help, what it is, who reads along, thanks, goodbye, and what it cannot do."""

from itertools import pairwise

import pytest

from tests.behaviour.world import World

TALK = [
    ("hi", "maya|here"),
    ("what can you do", "automated program"),
    ("are you a bot", "automated program"),
    ("who can read what i write", "team"),
    ("thank you", "."),
    ("bye", "."),
    ("what's the weather tomorrow", "can't help|outside|don't know"),
    ("this is useless", "person|sorry|fair"),
    ("i'm 100 days sober today", "days|took something|feel"),
    ("help me", "911"),
]


@pytest.mark.mission("M1")
@pytest.mark.parametrize(("text", "answer"), TALK, ids=[text for text, _ in TALK])
async def test_plain_talk_gets_a_plain_answer(world: World, text: str, answer: str) -> None:
    await world.client.says(text)
    world.client.hears(answer)
    assert len(world.client.new) == 1
    assert len(world.client.answer) <= 350
    world.staff.hears_nothing()


@pytest.mark.mission("M1")
async def test_the_same_words_never_come_twice_in_a_row(world: World) -> None:
    answers = []
    for _ in range(4):
        await world.client.says("thanks")
        answers.append(world.client.answer)
    assert all(one != other for one, other in pairwise(answers))


@pytest.mark.mission("M1")
async def test_an_answer_to_its_own_question_is_heard(world: World) -> None:
    await world.client.says("hi")
    await world.client.says("well the heron was back at the railing again")
    world.client.does_not_hear("not sure i got that|not sure i did")
    world.client.hears(".")


@pytest.mark.mission("M1")
async def test_a_number_out_of_the_blue_is_asked_about(world: World) -> None:
    await world.client.says("8")
    world.client.hears("8", "craving")
    await world.client.says("yes")
    world.client.hears("set it off|just before")
