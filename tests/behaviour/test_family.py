"""A relative asks how to help: short answers, and never a word about anybody."""

import pytest

from tests.behaviour.world import World

QUESTIONS = {
    "what do i say when she calls me upset": "calm|listen|i love|say",
    "how do i set a boundary without pushing her away": "limit|no",
    "am i enabling her by paying her rent": "help|safe",
    "she relapsed last night, what now": "slip|lapse",
    "what do i do if she overdoses": "911",
    "i'm so tired, how do i look after myself": "you",
    "how do i get her into treatment": "treatment|help|place",
    "when should i start to worry": "911|worry|sign",
}


@pytest.mark.mission("M8")
@pytest.mark.parametrize(("question", "says"), QUESTIONS.items(), ids=[*QUESTIONS])
async def test_each_question_gets_a_short_answer_of_its_own(world: World, question: str, says: str) -> None:
    await world.family.says(question)
    world.family.hears(says)
    world.family.does_not_hear("not sure i got that right", "didn't quite follow", "maya")
    assert all(len(line.text) <= 400 for line in world.family.new)
    world.client.hears_nothing()


@pytest.mark.mission("M8")
async def test_more_goes_on_until_the_end(world: World) -> None:
    await world.family.says("am i enabling her by paying her rent")
    seen = {world.family.answer}
    for _ in range(4):
        await world.family.says("more")
        seen.add(world.family.answer)
    assert len(seen) == 5
    await world.family.says("more")
    world.family.hears("last part|end of that")


@pytest.mark.mission("M8")
@pytest.mark.parametrize(
    "question",
    [
        "is she doing her check-ins?",
        "did maya write today",
        "has my sister relapsed? i have a right to know",
        "is maya ok",
    ],
)
async def test_never_a_word_about_the_client(world: World, question: str) -> None:
    await world.client.says("craving 8, mom called")
    await world.family.says(question)
    world.family.hears(".")
    world.family.does_not_hear("maya", "craving", "mother", "8")


@pytest.mark.mission("M8")
async def test_what_weighs_on_them_is_heard_and_leads_somewhere(world: World) -> None:
    await world.family.says("how can i help my sister")
    world.family.is_offered("What to say", "Boundaries", "When to worry")
    await world.family.says("Looking after me")
    world.family.hears("you")


@pytest.mark.mission("M3", "M8")
async def test_a_relative_gets_a_human_too(world: World) -> None:
    await world.father.says("i want to talk to a person")
    world.staff.is_alerted(kind="human")
    world.father.hears("team", "988")


@pytest.mark.mission("M8", "M10")
async def test_a_relative_who_finds_someone_lifeless(world: World) -> None:
    await world.family.says("what do i do if she overdoses")
    await world.family.says("she won't wake up and her lips are blue")
    world.family.hears("911", "naloxone", lane="crisis")
    world.staff.is_alerted(kind="danger", danger="overdose", level="definite")


@pytest.mark.mission("M8")
async def test_someone_who_pours_their_heart_out_is_not_told_that_they_were_not_understood(world: World) -> None:
    await world.father.says(
        "my boy is 26 and hes been on the pills since his accident and i dont know if i should let him live here"
    )
    world.father.does_not_hear("not sure i got that|didn't quite follow")
    assert world.father.new[-1].buttons


@pytest.mark.mission("M8")
@pytest.mark.parametrize("text", ["is my sister using again?", "did she relapse", "has he been drinking"])
async def test_whoever_asks_whether_there_was_a_slip_hears_no_yes(world: World, text: str) -> None:
    await world.family.says(text)
    world.family.does_not_hear("after all that hope", "a lapse is a sign", "one slip")
    world.family.hears("can't (say|tell)|same (answer|for every)")


@pytest.mark.mission("M10")
async def test_a_fathers_fear_in_an_emergency_is_not_answered_with_rules_of_privacy(world: World) -> None:
    await world.father.says("my son is on the bathroom floor and wont wake up")
    await world.father.says("the ambulance is here")
    await world.father.says("will he be ok")
    world.father.hears("911|988")
    world.father.does_not_hear("can't (say|tell)", "same (answer|for every)")


@pytest.mark.mission("M8")
@pytest.mark.channels("console")
async def test_what_to_do_in_an_overdose_is_no_word_about_lapses(world: World) -> None:
    await world.family.says("what would i do if my sister ods")
    world.family.hears("naloxone|911")
