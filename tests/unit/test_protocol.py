"""Reading the answers to safety questions."""

import pytest

from bot.safety.protocol import Meaning, help_is_there, meaning

SAFE, DANGER, UNCLEAR = Meaning.SAFE, Meaning.DANGER, Meaning.UNCLEAR


@pytest.mark.parametrize(
    ("text", "when_yes_is_safe", "when_yes_is_danger"),
    [
        ("1", SAFE, DANGER),
        ("2", DANGER, SAFE),
        (" 1. ", SAFE, DANGER),
        ("yes", SAFE, DANGER),
        ("Yeah", SAFE, DANGER),
        ("sí", SAFE, DANGER),
        ("no", DANGER, SAFE),
        ("Nope", DANGER, SAFE),
        ("i'm safe", SAFE, SAFE),
        ("im ok now really", SAFE, SAFE),
        ("I\u2019m fine", SAFE, SAFE),
        ("no i'm not safe", DANGER, DANGER),
        ("im not ok", DANGER, DANGER),
        ("not really safe no", DANGER, DANGER),
        ("she's safe", SAFE, SAFE),
        ("he is not alright", DANGER, DANGER),
        ("yes but i dont know for how long", UNCLEAR, DANGER),
        ("yes for now", UNCLEAR, DANGER),
        ("idk", UNCLEAR, UNCLEAR),
        ("maybe", UNCLEAR, UNCLEAR),
        ("why do you ask", UNCLEAR, UNCLEAR),
        ("", UNCLEAR, UNCLEAR),
        ("12", UNCLEAR, UNCLEAR),
        ("i can't", UNCLEAR, UNCLEAR),
        ("no i can't call", DANGER, UNCLEAR),
        ("yes my sister is here with me", SAFE, DANGER),
        ("yes thank you", SAFE, DANGER),
        ("I called 911", SAFE, DANGER),
        ("no she's awake and talking", DANGER, SAFE),
        ("1 i lied", UNCLEAR, DANGER),
        ("1 but not for long", UNCLEAR, DANGER),
        ("1 i mean 2", UNCLEAR, DANGER),
        ("1.5", UNCLEAR, DANGER),
        ("yes i will do it", UNCLEAR, DANGER),
        ("i'm safe now, the pills are working", UNCLEAR, UNCLEAR),
        ("i'm fine, goodbye", UNCLEAR, UNCLEAR),
        ("safe? no", UNCLEAR, DANGER),
        ("i aint safe", DANGER, DANGER),
        ("im nt safe", DANGER, DANGER),
        ("they are blue", DANGER, DANGER),
        ("no one can help", DANGER, UNCLEAR),
        ("\U0001f44d", SAFE, DANGER),
        ("\U0001f44d\U0001f3fe", SAFE, DANGER),
        ("\U0001f44e", DANGER, SAFE),
        ("\U0001f44d but for how long", UNCLEAR, UNCLEAR),
    ],
)
def test_an_answer_is_read_against_its_question(
    text: str, when_yes_is_safe: Meaning, when_yes_is_danger: Meaning
) -> None:
    assert meaning(text, SAFE) is when_yes_is_safe
    assert meaning(text, DANGER) is when_yes_is_danger


@pytest.mark.parametrize(
    "text", ["he is breathing", "hes breathing now", "she woke up", "the ambulance is here, thank god"]
)
def test_good_news_said_plainly_ends_the_steps(text: str) -> None:
    assert help_is_there(text)


@pytest.mark.parametrize(
    "text",
    [
        "he's breathing really slow", "is he breathing?", "how do i know if he is breathing", "not breathing",
        "breathing but blue", "the ambulance is coming", "awake but throwing up", "he was talking before",
    ],
)  # fmt: skip
def test_anything_beside_it_brings_the_next_step(text: str) -> None:
    assert not help_is_there(text)
