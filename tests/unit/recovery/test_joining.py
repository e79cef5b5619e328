"""How the answers to the questions of joining are read."""

import pytest

from bot.care.joining import is_code
from bot.recovery.joining import READ, Known, Step, asks_who_reads

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


@pytest.mark.parametrize(
    ("text", "zone"),
    [
        ("Boise, Idaho", "America/Boise"),
        ("Boise ID", "America/Boise"),
        ("nampa idaho", "America/Boise"),
        ("Nampa, ID", "America/Boise"),
        ("Salem OR", "America/Los_Angeles"),
        ("tx", "America/Chicago"),
        ("TX", "America/Chicago"),
        ("near Chicago", "America/Chicago"),
        ("i live in Seattle", "America/Los_Angeles"),
        ("OR", "America/Los_Angeles"),
        ("i really want to drink, help me", None),
        ("hi", None),
        ("HI", None),
        ("ok", None),
        ("Ok.", None),
        ("talk to me", None),
        ("is it this or that or", None),
    ],
)
def test_a_state_is_one_and_a_word_is_a_word(text: str, zone: str | None) -> None:
    assert READ[Step.TIME_ZONE](text, Known("US")) == zone


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("US", "US"), ("us", "US"), ("the states", "US"), ("México", "MX"), ("UK", "GB"), ("NZ", "NZ"), ("Canada", "CA"),
        ("um", None), ("so", None), ("no", None), ("CA", None), ("ca", None), ("GA", None),
    ],
)  # fmt: skip
def test_two_letters_are_a_country_only_where_they_can_be_nothing_else(text: str, country: str | None) -> None:
    assert READ[Step.COUNTRY](text, Known()) == country


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("9 am", "09:00"), ("around 8:30 in the morning please", "08:30"), ("6:30pm", "18:30"), ("noon", "12:00"),
        ("mornings are best, 10", "10:00"), ("a las 7 de la noche", "19:00"), ("maybe 9ish?", "09:00"), ("18h30", "18:30"),
        ("in the evening", "19:00"),
        ("i'm at a 9 right now", None), ("i used 2 bags last night", None), ("had 10 beers", None), ("3 days sober", None),
        ("my craving is 8", None), ("he hit me at 9", None),
    ],
)  # fmt: skip
def test_a_time_is_all_that_is_said(text: str, at: str | None) -> None:
    assert READ[Step.CHECK_IN_AT](text, Known()) == at


@pytest.mark.parametrize(
    "text", ["who can see this?", "Who reads it", "is this private", "quién lee esto", "who else will know about it"]
)
def test_who_wants_to_know_who_reads_is_heard(text: str) -> None:
    assert asks_who_reads(text)


@pytest.mark.parametrize("text", ["yes", "1", "who are you", "no thanks", "what is this"])
def test_anything_else_is_not_that(text: str) -> None:
    assert not asks_who_reads(text)


@pytest.mark.parametrize("text", ["B7JTX-92QRV", " h2nw8-ttc6x "])
def test_a_code_alone_is_one(text: str) -> None:
    assert is_code(text)


@pytest.mark.parametrize("text", ["overdose22", "pills-pills", "B7JTX-92QRV i want to die", "i am B7JTX-92QRV"])
def test_words_are_none(text: str) -> None:
    assert not is_code(text)
