"""How the answers to the questions of joining are read."""

import pytest

from bot.recovery.joining import READ, Known, Step

PLACE = READ[Step.PLACE]


@pytest.mark.parametrize(
    "text",
    [
        "12 Elm Street, Boise",
        "Boise",
        "i live in Nampa Idaho",
        "I'm at 4410 W Overland Rd apt 3",
        "my mom's house, 88 Ninth Ave, Gresham",
        "near the high school in Caldwell",
        "vivo en Calle 8 #214, Hialeah",
        "Ciudad Juárez",
        "trailer park off hwy 20",
        "Reno NV 89501",
    ],
)
def test_an_address_or_a_town_is_a_place(text: str) -> None:
    assert PLACE(text, Known()) == text


@pytest.mark.parametrize(
    "text",
    [
        "im craving so bad right now",
        "i want to drink",
        "honestly i dont trust you with that",
        "an 8, i need to use",
        "my head is killing me",
        "i'm so tired of this",
        "quiero tomar algo",
        "me siento muy mal",
        "no sé",
        "who reads this?",
        "42",
    ],
)
def test_what_tells_of_something_else_is_no_address(text: str) -> None:
    assert PLACE(text, Known()) is None
