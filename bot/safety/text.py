"""A message cut into words, each with its symbol and the way back to what was typed. Linear in the text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.safety.patterns import HARD, OTHER, SOFT, number_symbol
from bot.safety.spelling import INVISIBLE, MARKS, Speller, plain

MESSAGE_BORDER = "\x1e"  # between an earlier message and the next one
_ENCLOSED = "\u24b6-\u24e9\U0001f130-\U0001f149\U0001f150-\U0001f169\U0001f170-\U0001f189\U0001f1e6-\U0001f1ff"
_LETTER = f"[^\\W_]|[{INVISIBLE}{MARKS}{_ENCLOSED}]"
_APOSTROPHE = "'\u2018\u2019`\u00b4\u02bc\uff07"
# One word: letters and digits, held together by apostrophes or by signs that stand in for letters ("d!e").
# Every alternative starts with characters no other one accepts, so cutting never goes back.
_CUT = (
    rf"(?P<tag></?[a-z][^<>]{{0,20}}>)"
    rf"|(?P<number>\d+(?:[.,]\d+)+)(?![^\W_])"
    rf"|(?P<word>(?:{_LETTER})+(?:[{_APOSTROPHE}!@$*|+](?:{_LETTER})+|\*+(?:{_LETTER})+)*|[@$](?:{_LETTER})+)"
    rf"|(?P<hard>[.?!\u3002\uff01\uff0e\uff1f\u00a1\u00bf\u2026\n\r]+)"
    rf"|(?P<soft>[,;:()\[\]\"\u201c\u201d\u2013\u2014\uff0c\uff1b{MESSAGE_BORDER}]+|-{{2,}})"
)
_ONE_LETTER = 3  # characters of a letter with what may be hidden behind it
_FEWEST_SPELT = 3  # letters in a row that may be a spelt-out word ("d i e")
_MOST_SPELT = 400  # letters put together at a time
_SPELT_BETWEEN = re.compile(r"[\s.\-_*,/|]{1,4}")
# A number that is money or a share says nothing of doses: "$100", "100 dollars", "30% off 279".
_SUM_BEFORE = "$\u20ac\u00a3"
_SUM_AFTER = re.compile(
    r"\s{0,2}(?:[%\u20ac\u00a3$]|(?:percent|dollars?|bucks|cents|euros?|pesos|usd)\b)", re.IGNORECASE
)
# A face says how a sentence is meant, wherever it stands; between two words it must not tear them apart.
_FACE = "_face"
_SPELT_PAIRS = {"od": "overdose", "si": "suicidal"}


@dataclass(frozen=True, slots=True)
class Reading:
    """One text as symbols; `starts` and `ends` say for each symbol where it stands in `text` (characters)."""

    text: str
    symbols: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def typed(self, start: int, end: int) -> str:
        """The text behind symbols `start` to `end` (exclusive), as the person typed it."""
        return self.text[self.starts[start] : self.ends[end - 1]]


class Reader:
    """Reads text into symbols with one speller and one set of symbols."""

    def __init__(self, speller: Speller, symbols: Mapping[str, str], emoji: Mapping[str, tuple[str, ...]]) -> None:
        self._speller = speller
        self._symbols = symbols
        self._emoji = emoji
        # Only emoji with a meaning are cut out, and the same one many times over counts once.
        signs = "|".join(re.escape(sign) for sign in emoji)
        self._cut = re.compile(f"{_CUT}|(?P<sign>{signs})(?P=sign)*" if signs else _CUT)

    def read(self, text: str) -> Reading:
        """Cut and normalise the whole text. Never raises, whatever the text holds."""
        symbols: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        faces: list[tuple[int, int, tuple[str, ...]]] = []
        letters: list[tuple[int, int, str]] = []  # the spelt-out run: place in `symbols`, end in text, letter

        def add(symbol: str, start: int, end: int) -> None:
            symbols.append(symbol)
            starts.append(start)
            ends.append(end)

        def pause(symbol: str, start: int, end: int) -> None:
            if symbols and symbols[-1] in {HARD, SOFT}:
                if symbol == HARD:
                    symbols[-1] = HARD
            else:
                add(symbol, start, end)

        def show(sign: tuple[int, int, tuple[str, ...]]) -> None:
            for word in sign[2]:
                add(self._symbol(word), sign[0], sign[1])

        def show_faces() -> None:
            # A face torn out of its place stands where the part of the sentence ends.
            for face in faces[:1]:
                show(face)
            faces.clear()

        def gather() -> None:
            words = self._spelt("".join(letter for _, _, letter in letters))
            if words is not None:
                place, _, _ = letters[0]
                start, end = starts[place], letters[-1][1]
                # What stood after the last letter (a full stop) is kept.
                tail = symbols[-1] if symbols[-1] in {HARD, SOFT} else ""
                del symbols[place:], starts[place:], ends[place:]
                for word in words:
                    add(self._symbol(word), start, end)
                if tail:
                    add(tail, end, end)
            letters.clear()

        for found in self._cut.finditer(text):
            start, end = found.span()
            group = found.lastgroup
            if group in ("hard", "soft"):
                show_faces()
            if group == "word":
                typed = found.group()
                letter = plain(typed) if end - start <= _ONE_LETTER else ""
                alone = len(letter) == 1 and letter.isalpha()
                if letters and not (alone and len(letters) < _MOST_SPELT and _near(text, letters[-1][1], start)):
                    gather()
                if alone:
                    letters.append((len(symbols), end, letter))
                if _is_sum(text, start, end):
                    add(OTHER, start, end)
                    continue
                for word in self._speller.words(typed):
                    add(self._symbol(word), start, end)
            elif group == "tag":
                continue
            elif group == "hard":
                pause(HARD, start, end)
            elif group == "soft":
                pause(SOFT, start, end)
            elif group == "number":
                add(OTHER if _is_sum(text, start, end) else number_symbol(_value(found.group())), start, end)
            else:
                words = self._emoji[found["sign"]]
                if words[0].endswith(_FACE):
                    faces.append((start, end, words))
                else:
                    show((start, end, words))
        if letters:
            gather()
        show_faces()
        return Reading(text, "".join(symbols), tuple(starts), tuple(ends))

    def _symbol(self, word: str) -> str:
        if word.isascii() and word.isdigit():
            return number_symbol(int(word))
        return self._symbols.get(word, OTHER)

    def _spelt(self, letters: str) -> tuple[str, ...] | None:
        if letters in _SPELT_PAIRS:
            return (_SPELT_PAIRS[letters],)
        if len(letters) < _FEWEST_SPELT:
            return None
        return self._speller.parts(letters, skip=True)


def _near(text: str, end: int, start: int) -> bool:
    return _SPELT_BETWEEN.fullmatch(text, end, start) is not None


def _is_sum(text: str, start: int, end: int) -> bool:
    """Whether a number at `start` to `end` is an amount of money or a percentage."""
    sign = text[start]
    if sign == "$":
        return text[start + 1 : end].isdigit()
    if not (sign.isascii() and sign.isdigit() and text[end - 1].isdigit()):
        return False
    return (start > 0 and text[start - 1] in _SUM_BEFORE) or _SUM_AFTER.match(text, end) is not None


def _value(number: str) -> float:
    digits = number.replace(",", "") if number.count(".") <= 1 else number.replace(".", "").replace(",", "")
    return float(digits[:12].rstrip("."))
