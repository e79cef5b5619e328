"""Which questions are heard as "what works for me"; none of them has an intent of its own."""

import pytest

from actions.skills import asks_what_works


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
