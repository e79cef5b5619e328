"""How skills are asked for: by name, and by "what works for me", which has no intent of its own."""

import pytest
import yaml

from actions.skills import asked_for, asks_what_works
from bot.content import Content
from tests.conftest import HOME

# Of the training examples that ask for something to do, those that name a skill.
NAMED = 30


def test_each_is_found_by_its_name(content: Content) -> None:
    library = content.skills("en")
    for skill in library:
        found = asked_for(library, f"can we do {skill.name.lower()}")
        assert found == skill, (skill.name, found and found.name)


@pytest.mark.parametrize(
    "text",
    [
        "help me get through this",
        "give me something to do right now",
        "keep me busy",
        "hello, can we do a skill",
        "i need a friend",
    ],
)
def test_a_wish_for_anything_names_none(text: str, content: Content) -> None:
    assert asked_for(content.skills("en"), text) is None


def test_few_of_the_ways_to_ask_for_something_are_taken_for_a_name(content: Content) -> None:
    blocks = yaml.safe_load((HOME / "nlu" / "skills.yml").read_text(encoding="utf-8"))["nlu"]
    texts = [line.strip()[2:] for block in blocks for line in block["examples"].splitlines()]
    named = [(text, found.name) for text in texts if (found := asked_for(content.skills("en"), text))]
    assert len(named) <= NAMED, named


@pytest.mark.parametrize(
    "text",
    [
        "what works for me",
        "which skills help me",
        "What has helped me before?",
        "what helps me most",
        "which of these worked best for me",
        "what usually helps me with cravings",
    ],
)
def test_a_question_for_ones_own_figures(text: str) -> None:
    assert asks_what_works(text)


@pytest.mark.parametrize(
    "text",
    [
        "what could help me",
        "what can help me calm down",
        "can you help me",
        "nothing works for me",
        "help me",
        "it helped me",
        "",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    assert not asks_what_works(text)
