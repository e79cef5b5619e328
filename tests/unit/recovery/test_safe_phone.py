"""What is ordered for a phone that others hold."""

import pytest

from bot.recovery.safe_phone import Order, Ordered, good_word, ordered


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pin 2580", Ordered(Order.PIN_SET, "2580")),
        ("pin off", Ordered(Order.PIN_OFF)),
        ("my exit word is pineapple", Ordered(Order.EXIT_WORD, "pineapple")),
        ("exit word off", Ordered(Order.EXIT_WORD_OFF)),
        ("Remove my exit word.", Ordered(Order.EXIT_WORD_OFF)),
        ("palabra de salida mango", Ordered(Order.EXIT_WORD, "mango")),
        ("sin palabra de salida", Ordered(Order.EXIT_WORD_OFF)),
        ("i lost my pin", None),
    ],
)
def test_an_order_is_read_and_nothing_else(text: str, expected: Ordered | None) -> None:
    assert ordered(text) == expected


@pytest.mark.parametrize("word", ["off", "on", "stop", "crisis", "help", "next", "12"])
def test_a_word_that_means_something_else_is_no_exit_word(word: str) -> None:
    assert not good_word(word)
