"""What the fixed words come to in each country, and what a hash of them stands for."""

import re
from dataclasses import replace

import pytest

from bot.content import ANYWHERE, Content


@pytest.mark.parametrize("country", ["US", "CA", "MX", "ES", "GB", "AU", ANYWHERE])
def test_nobody_is_sent_to_the_emergency_number_for_advice(content: Content, country: str) -> None:
    emergency = re.escape(content.fill("{emergency}", country))
    advice = re.compile(
        rf"(?:advice(?: first)?|safety first|with that|it over first|someone first|and talk|today): {emergency}"
    )
    for piece in content.pieces.values():
        if piece.kind == "family":
            said = [content.fill(text, country) for text in piece.wordings()]
            assert not [text for text in said if advice.search(text)], piece.id


def test_other_words_on_charges_are_other_words_to_agree_to(content: Content) -> None:
    asked, rates = content.piece("joining.agree"), content.piece("service.rates")
    other = replace(content, pieces={**content.pieces, ("en", rates.id): replace(rates, texts=("It is free.",))})
    assert content.version((asked.id,), "en") != other.version((asked.id,), "en")
    assert content.version(("joining.hours",), "en") == other.version(("joining.hours",), "en")
