"""What people write on an ordinary day, as the engine learns it: the screen stays calm."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from bot.care.joining import _new_code
from bot.safety.findings import Level
from bot.safety.screen import Screen

NLU = Path(__file__).parents[3] / "nlu"
MOST_POSSIBLE = 0.01  # of the ordinary messages, English and Spanish
_ANNOTATED = re.compile(r"\[([^\]]*)\](?:\([^)]*\)|\{[^}]*\})")


def ordinary() -> Iterator[tuple[str, str]]:
    """Each example of an intent that is no danger, with the role of those who write it.

    But for those that were written to sound as much like danger as can be: `make eval` counts such messages.
    """
    for path in sorted(NLU.glob("*.yml")):
        if path.stem.startswith("near_miss_"):
            continue
        for block in yaml.safe_load(path.read_text(encoding="utf-8")).get("nlu", []):
            intent = block.get("intent", "danger_")
            if intent.startswith("danger_"):
                continue
            role = "family" if intent.startswith("family_") else "client"
            for line in block["examples"].splitlines():
                yield _ANNOTATED.sub(r"\1", line.removeprefix("- ")), role


def heard(screen: Screen, level: Level) -> list[str]:
    """The ordinary examples in which the screen finds a danger of this level."""
    return [text for text, role in ordinary() if any(found.level is level for found in screen.read(text, role=role))]


def test_there_are_ordinary_examples_to_read() -> None:
    assert sum(1 for _ in ordinary()) > 1000


def test_nothing_ordinary_is_taken_for_certain_danger(screen: Screen) -> None:
    assert heard(screen, Level.DEFINITE) == []


def test_hardly_anything_ordinary_raises_a_question(screen: Screen) -> None:
    doubted = heard(screen, Level.POSSIBLE)
    assert len(doubted) <= MOST_POSSIBLE * sum(1 for _ in ordinary()), doubted


@pytest.mark.parametrize(
    "text",
    [
        "send $400 to my sister",
        "what is 30% off 279",
        "i owe the clinic 500 dollars",
        "who looks after my 401k",
        "how do you say goodbye in italian",
        "how do i get her into a program",
        "when should i call 911",
        "whats the point of staying sober",
        "my sourdough starter wont wake up",
        "my daughter wants to see her dad",
        "no not breathing again",
        "pretty high",
        "i'm done",
        "how do i tell her i love her but not the drinking",
    ],
)
def test_what_only_shares_words_with_danger_is_left_alone(screen: Screen, text: str) -> None:
    assert screen.read(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "how do i wake him up",
        "how do i get her to wake up",
        "i cant get him awake",
        "i can't. i'm so tired. i'm done.",
        "im just done",
        "no, he's not breathing again",
        "not breathing please help",
        "call 911",
        "my ex is coming over with a gun",
        "i dropped 80 dollars on fent and did too much, help",
        "i took 30 tylenol",
        "what's the point of staying alive",
        "my chest is tight from nerves i think",
        "gave him narcan, how do i know if its working",
        "im wasted and not going to drive slow",
        "my son wants to see his dad again in heaven",
    ],
)
def test_danger_in_the_same_words_is_still_heard(screen: Screen, text: str) -> None:
    assert screen.read(text) != ()


def test_no_code_of_an_invite_sounds_like_danger(screen: Screen) -> None:
    codes = {_new_code() for _ in range(3_000)}
    read = {code: screen.read(f"{code[:5]}-{code[5:]}") for code in codes}
    assert {code: found for code, found in read.items() if found} == {}
