"""From a word as typed to the words the rules know: look-alikes, leetspeak, repeats, chat, misspellings."""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product

# Zero-width, bidi and filler characters, and combining marks: they stay inside a word and say nothing.
INVISIBLE = (
    "\x00-\x08\x0e-\x1d\x1f\x7f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
MARKS = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_SILENT = re.compile(f"[{INVISIBLE}{MARKS}]+")
_RUN = re.compile(r"(.)\1{2,}", re.DOTALL)
_PAIR = re.compile(r"(.)\1", re.DOTALL)
_COUNTED = re.compile(r"(\d+)([a-z]+)")
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u201a\u201b`\u00b4\u02bc\u2032\uff07", "'"))
_LOOKALIKES = str.maketrans(
    {
        **dict(zip("абвеһікмнорстухсԁѕјӏԛԝгп", "abbehikmhopctyxcdsjlqwrn", strict=True)),
        **dict(zip("αβγδεηικνορστυχω", "abydenikvopotuxw", strict=True)),
        **dict(zip("\u0131\u0251\u0261\u0269\u029f\u1d0b\u026a", "iagilki", strict=True)),
    }
)
_LEET = str.maketrans("0134578@$!|+", "oieastbasilt")
_LEET_L = str.maketrans("0134578@$!|+", "oleastbaslit")
_STAND_INS = re.compile(r"[!@$*+|]+")
_LONGEST = 64  # characters of one word that are looked at, after repeats are cut
_MOST_PAIRS = 4  # doubled letters tried both ways; 2**4 spellings at most
_REMEMBERED = 20_000  # spellings kept; then the memory starts afresh
_SHORTEST_FUZZY = 6
_SHORTEST_GLUED = 6
_LONGEST_PART = 14


@dataclass(slots=True)
class Speller:
    """Turns typed words into known words.

    `known` are the words of all patterns, `spellings` maps a written form to words, `core` are words that one
    slip of a finger must not hide, `glued` are stretches that make it worth cutting a run-together word apart.
    """

    known: Collection[str]
    spellings: Mapping[str, tuple[str, ...]]
    core: Collection[str]
    glued: tuple[str, ...]
    _memory: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _slips: dict[str, str] = field(init=False)
    _glue: re.Pattern[str] = field(init=False)
    _openings: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        words = (*self.known, *self.spellings)
        self._openings = frozenset(word[:size] for word in words for size in range(1, len(word) + 1))
        self._slips = {}
        for word in sorted(self.core):
            if len(word) >= _SHORTEST_FUZZY:
                for slip in _without_one(word):
                    self._slips.setdefault(slip, word)
        self._glue = re.compile("|".join(re.escape(part) for part in self.glued) or r"(?!)")

    def words(self, typed: str) -> tuple[str, ...]:
        """The known words a typed word stands for; an unknown word comes back lower-cased, alone."""
        found = self._memory.get(typed)
        if found is None:
            found = self._spell(typed)
            if len(typed) <= _LONGEST:
                if len(self._memory) >= _REMEMBERED:
                    self._memory.clear()
                self._memory[typed] = found
        return found

    def _spell(self, typed: str) -> tuple[str, ...]:
        word = plain(typed)
        found = self._listed(word)
        if found is not None:
            return found
        if word.isascii() and word.isdigit():
            return (word.lstrip("0")[:9] or "0",)
        counted = _COUNTED.fullmatch(word)
        if counted:
            unit = self._listed(counted[2])
            if unit is not None:
                return (counted[1][:9], *unit)
        return self._corrected(word)

    def _listed(self, word: str) -> tuple[str, ...] | None:
        if word in self.spellings:
            return self.spellings[word]
        bare = word.replace("'", "")
        if bare in self.spellings:
            return self.spellings[bare]
        if bare in self.known:
            return (bare,)
        if word.endswith("'s") and (word[:-2] in self.known or word[:-2] in self.spellings):
            return self.spellings.get(word[:-2], (word[:-2],))
        return None

    def _corrected(self, word: str) -> tuple[str, ...]:
        if word.endswith("in") and word + "g" in self.known:  # "drivin"
            return (word + "g",)
        if not word.isalpha() or _PAIR.search(word):
            for guess in self._guesses(word):
                found = self._listed(guess)
                if found is not None:
                    return found
        bare = word.replace("'", "")
        if len(bare) >= _SHORTEST_FUZZY and bare.isalpha():
            slip = self._slips.get(bare) or next(
                (self._slips[less] for less in _without_one(bare) if less in self._slips), None
            )
            if slip is not None:
                return self.spellings.get(slip, (slip,))
        if len(bare) >= _SHORTEST_GLUED and self._glue.search(bare):
            parts = self.parts(bare)
            if parts is not None:
                return parts
        pieces = _STAND_INS.split(word)
        if len(pieces) > 1:  # the sign was punctuation after all: "help!my son"
            return tuple(known for piece in pieces if piece for known in self.words(piece))
        return (bare,)

    def _guesses(self, word: str) -> Iterator[str]:
        if "*" in word:
            mask = re.compile(re.escape(word).replace(r"\*", "[a-z]"))
            yield from (known for known in self.core if mask.fullmatch(known))
        forms = [word]
        if not word.isalpha() and any(sign.isalpha() for sign in word):
            forms = [word.translate(_LEET), word.translate(_LEET_L)]
            yield from forms
        for form in forms:
            yield from _unrepeated(form)

    def parts(self, letters: str, *, skip: bool = False) -> tuple[str, ...] | None:
        """Cut run-together letters into known words, as few as can be; None where that is impossible.

        With `skip`, a letter that fits nowhere may be left out at a price.
        """
        # best[i]: cost and last word of the cheapest way to cut letters[:i]
        best: list[tuple[int, str] | None] = [(0, ""), *[None] * len(letters)]
        for start in range(len(letters)):
            before = best[start]
            if before is None:
                continue
            for end in range(start + 1, min(start + _LONGEST_PART, len(letters)) + 1):
                part = letters[start:end]
                cost: int | None = 1 if part in self.known or part in self.spellings else None
                if end == start + 1 and part not in {"i", "a", "u"}:
                    cost = 4 if skip else None  # a lone letter is a word only in "i", "a" and "u"
                held = best[end]
                if cost is not None and (held is None or before[0] + cost < held[0]):
                    best[end] = (before[0] + cost, part)
                if part not in self._openings:
                    break
        found: list[str] = []
        at = len(letters)
        while at:
            step = best[at]
            if step is None:
                return None
            found.append(step[1])
            at -= len(step[1])
        return tuple(word for part in reversed(found) for word in self.spellings.get(part, (part,)))


def plain(typed: str) -> str:
    """Lower case, Latin letters, no marks, no invisible characters, runs of three letters cut to two."""
    if typed.isascii() and typed.isprintable():
        word = typed.lower()
    else:
        # Marks go first: putting thousands of them in canonical order would take quadratic time.
        word = _RUN.sub(r"\1\1", _SILENT.sub("", typed))[:_LONGEST]
        word = unicodedata.normalize("NFKC", word).translate(_APOSTROPHES).casefold()
        word = _SILENT.sub("", unicodedata.normalize("NFD", word)).translate(_LOOKALIKES)
    if not word.isdigit():
        word = _RUN.sub(r"\1\1", word)
    return word[:_LONGEST]


def _unrepeated(word: str) -> Iterator[str]:
    """The word with each doubled letter once or twice: "diee" also as "die"."""
    pairs = [found.start() for found in _PAIR.finditer(word)][:_MOST_PAIRS]
    if not pairs:
        return
    for keep in product((True, False), repeat=len(pairs)):
        dropped = {place for place, kept in zip(pairs, keep, strict=True) if not kept}
        yield "".join(sign for place, sign in enumerate(word) if place not in dropped)


def _without_one(word: str) -> Iterator[str]:
    yield word
    for place in range(len(word)):
        yield word[:place] + word[place + 1 :]
