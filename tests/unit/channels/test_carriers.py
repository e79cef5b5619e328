"""What goes out by SMS names no drug, and still reads like something a person would write."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.channels.carriers import NAMES, TREATMENT, without_drugs


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("crave heroin", "crave it"),
        ("Do you crave HEROIN right now?", "Do you crave it right now?"),
        ("the oxy and the xanax", "it"),
        ("The oxy, the Xanax and weed are gone", "It is gone"),
        ("Heroin is loud tonight.", "It is loud tonight."),
        ("Okay. Weed can wait.", "Okay. It can wait."),
        ("heroin is loud", "it is loud"),
        ("off Percocets since May", "off it since May"),
        ("You took 2 Xanax?", "You took it?"),
        ("some weed", "it"),
        ("more fentanyl", "more of it"),
        ("no weed today", "none of it today"),
        ("a fentanyl overdose", "an overdose"),
        ("an oxy pill", "a pill"),
        ("A heroin craving", "A craving"),
        ("weed-free since May", "free of it since May"),
        ("opioid-related", "related"),
        ("opioids are strong", "it is strong"),
        ("heroin's pull", "its pull"),
        ("crystal meth", "it"),
        ("alcohol and heroin", "alcohol and it"),
        ("Ganas de heroína", "Ganas de eso"),
        ("ganas de la cocaina", "ganas de eso"),
        ("El fentanilo puede esperar.", "Eso puede esperar."),
        ("lejos del fentanilo", "lejos de eso"),
        ("más marihuana", "más de eso"),
        ("¿Quieres Xanax?", "¿Quieres eso?"),
        ("la coca y las benzos", "la coca y eso"),
        ("Take your Suboxone.", "Take your medicine."),
        ("Methadone in the morning", "Medicine in the morning"),
        ("toma tu metadona", "toma tu medicina"),
    ],
)
def test_names_give_way_to_plain_words(written: str, sent: str) -> None:
    assert without_drugs(written) == sent


@pytest.mark.parametrize(
    "text",
    [
        "speed up, ice on the rock, snow on the grass",
        "a pot of tea at the crack of dawn",
        "a coke with lunch, and the blues on the radio",
        "crystal clear",
        "pull the weeds, weed out the old ones",
        "my heroine, methodical, oxygen, canvas, kushion, oxymoron",
        "Molly has bars of chocolate",
        "beer, wine, whiskey and tequila",
        "keep naloxone (Narcan) where someone can reach it",
        "la nieve, la hierba y el cristal",
        "cerveza y tequila",
        "",
    ],
)
def test_plain_talk_is_left_alone(text: str) -> None:
    assert without_drugs(text) == text


@pytest.mark.parametrize("name", sorted(NAMES | TREATMENT))
def test_no_name_goes_out(name: str) -> None:
    for written in (name, name.upper(), name.title(), f"I want {name}.", f"({name})", f"{name}, {name}/{name}"):
        assert name not in without_drugs(written).casefold()


@given(st.text("bdgjkpvwyz .,!?\n'-", max_size=300))
def test_a_text_without_names_is_unchanged(text: str) -> None:
    # None of the names can be written with these letters.
    assert without_drugs(text) == text


@given(
    st.lists(
        st.sampled_from((*sorted(NAMES), "the", "and", "a", "no", "del", ",", ".", "-free", "are", "weeds")),
        max_size=20,
    )
)
def test_a_second_time_changes_nothing(words: list[str]) -> None:
    once = without_drugs(" ".join(words))
    assert without_drugs(once) == once


@pytest.mark.parametrize(
    "part", ["heroin and ", "the the ", "weed, ", "a", "more ", "xan", " ", "\n", "heroin-", "oxy the "]
)
def test_a_long_text_takes_its_length_in_time(part: str) -> None:
    def taken(count: int) -> float:
        text = part * count
        best = float("inf")
        for _ in range(3):
            began = time.perf_counter()
            without_drugs(text)
            best = min(best, time.perf_counter() - began)
        return best

    # Ten times the text; quadratic work would take a hundred times as long.
    assert taken(20_000) < 40 * max(taken(2_000), 0.001)
