"""The small pattern language of the rules, compiled to regular expressions over one character a word.

Every word any pattern knows gets a private character, so a message of forty words becomes a string of about
forty characters and Python's `re` does token-level matching at the speed of C. All gaps are bounded, so
matching stays linear in the text.

    i want to die          these words, one after the other
    (kill|hurt) myself     either; alternatives may be several words
    [really] want          may be missing
    $pills                 a word class from words.yml
    ..  ..9                up to four (nine) words of any sort, but no negation, no "but", no full stop
    ...  ...9              the same, and a sentence may end in between
    ~9                     up to nine words of any sort, negations and ends of sentences too
    NUM  NUM10+  YEAR      a number, one of at least ten (steps: see `BUCKETS`), a year
    MINOR                  a number that can be a child's age, 5 to 17
    <   >                  here a sentence starts, ends
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

OTHER = "\x01"  # a word no pattern knows
HARD = "."  # the end of a sentence
SOFT = ","  # a pause, or the border between two messages
YEAR = "\x10"
EMERGENCY = "\x0f"  # 911: a call for help and no amount
BUCKETS = (0, 2, 3, 5, 10, 18, 20, 50, 100, 1000)  # lower bounds; a number's symbol is its bucket
_YOUNGEST, _GROWN = 5, 18  # ages of a child who may write
_FIRST_BUCKET = 0x11
_FIRST_WORD = 0xF0000  # the first of the large private planes
_MOST_WORDS = 0xFFFFD - 0xF0000
_USUAL_GAP = 4  # words
_YEARS = range(1950, 2040)
_CALL_FOR_HELP = 911
_PIECE = re.compile(r"\s*(?:(\.{2,3}\d*|~\d+)|(YEAR|MINOR|NUM(?:\d+\+)?)|([<>()\[\]|])|(\$\w+)|([^\s<>()\[\]|$]+))")


class PatternError(ValueError):
    """A pattern that cannot be read; the message says where and why."""


def number_symbol(value: float) -> str:
    """The symbol of a number: `YEAR` for 1950 to 2039, `EMERGENCY` for 911, otherwise its bucket's."""
    if value == _CALL_FOR_HELP:
        return EMERGENCY
    if value in _YEARS:
        return YEAR
    place = sum(1 for bound in BUCKETS if value >= bound) - 1
    return chr(_FIRST_BUCKET + max(place, 0))


def numbers_from(least: int) -> str:
    """All symbols of numbers of at least `least`, which must be one of `BUCKETS`."""
    if least not in BUCKETS:
        message = f"NUM{least}+ is no step; steps are {', '.join(map(str, BUCKETS))}"
        raise PatternError(message)
    return "".join(chr(_FIRST_BUCKET + place) for place, bound in enumerate(BUCKETS) if bound >= least)


@dataclass(frozen=True)
class Pattern:
    """A pattern: what was written, its expression over symbols, and the symbols it cannot do without.

    Of each set in `also` one symbol must be there, too. The expression is compiled when a text first has them
    all: most patterns are never needed in a day, and compiling all of them would make up most of the start.
    """

    source: str
    regex: str
    needs: frozenset[str]
    also: tuple[frozenset[str], ...] = ()

    @cached_property
    def expression(self) -> re.Pattern[str]:
        """The pattern as a regular expression over symbols."""
        return re.compile(self.regex, re.DOTALL)

    @property
    def loose(self) -> bool:
        """Whether anything may stand between its parts."""
        return ".." in self.source or "~" in self.source

    def possible(self, present: frozenset[str]) -> bool:
        """Whether a text with these symbols can match at all, `needs` left aside."""
        return not any(asked.isdisjoint(present) for asked in self.also)


@dataclass(frozen=True, slots=True)
class _Item:
    """One place in a pattern: the ways to fill it, each a regex, and the symbols one of which must be there."""

    regex: str
    optional: bool
    gap: bool = False
    edge: bool = False
    needs: frozenset[str] = frozenset()
    cost: int = 0
    first: frozenset[str] = frozenset()  # the symbols it can begin with


@dataclass(slots=True)
class Lexicon:
    """Words and their symbols, word classes, and the words a gap may not swallow. Grows while rules load."""

    classes: Mapping[str, tuple[str, ...]]
    split: Callable[[str], tuple[str, ...]]  # a written word to its standard words: "i'm" to "i", "am"
    stoppers: frozenset[str]
    common: frozenset[str]
    symbols: dict[str, str] = field(default_factory=dict)
    _class_items: dict[str, _Item] = field(default_factory=dict)
    _barred: frozenset[str] = frozenset()

    def symbol(self, word: str) -> str:
        """The symbol of a word, made on first use."""
        if word.isdigit():
            return number_symbol(int(word))
        known = self.symbols.get(word)
        if known is None:
            if len(self.symbols) >= _MOST_WORDS:
                message = f"more than {_MOST_WORDS} different words in patterns"
                raise PatternError(message)
            known = self.symbols[word] = chr(_FIRST_WORD + len(self.symbols))
        return known

    def words(self, name: str) -> tuple[str, ...]:
        """The members of a word class; raises PatternError when there is none of that name."""
        if name not in self.classes:
            message = f"no word class ${name}"
            raise PatternError(message)
        return self.classes[name]

    def compile(self, source: str, *, barred: frozenset[str] = frozenset()) -> Pattern:
        """Compile one pattern, its gaps not swallowing `barred` either; raises PatternError."""
        pieces = _pieces(source)
        self._barred = barred
        try:
            items, rest = self._sequence(pieces, 0)
        except PatternError as fault:
            message = f"{fault} (in {source!r})"
            raise PatternError(message) from fault
        if rest != len(pieces):
            message = f"stray {pieces[rest]!r} in {source!r}"
            raise PatternError(message)
        musts = [item for item in items if item.needs and not item.optional]
        if not musts:
            message = f"{source!r} has nothing that must be there"
            raise PatternError(message)
        best, *others = sorted(musts, key=lambda item: item.cost)
        # Looking at the first symbol before anything else makes the search about twice as fast.
        opening = "".join(sorted(_first(items)))
        also = tuple(item.needs for item in others)
        return Pattern(source, f"(?=[{opening}]){_joined(items, source)}", best.needs, also)

    def _sequence(self, pieces: list[str], at: int) -> tuple[list[_Item], int]:
        items: list[_Item] = []
        while at < len(pieces) and pieces[at] not in {"|", ")", "]"}:
            piece = pieces[at]
            if piece in {"(", "["}:
                item, at = self._group(pieces, at + 1, optional=piece == "[")
                items.append(item)
                continue
            at += 1
            items.extend(self._single(piece))
        return items, at

    def _single(self, piece: str) -> list[_Item]:
        if piece.startswith("~"):
            return [_Item(f"(?:[.,]?[^.,]){{0,{piece[1:]}}}", optional=True, gap=True)]
        if piece.startswith(".."):
            stop = "".join(re.escape(self.symbol(word)) for word in sorted(self.stoppers | self._barred))
            pause, most = ("[.,]", piece[3:]) if piece.startswith("...") else (",", piece[2:])
            return [_Item(f"(?:{pause}?[^.,{stop}]){{0,{most or _USUAL_GAP}}}", optional=True, gap=True)]
        if piece == "YEAR":
            return [_Item(YEAR, optional=False, needs=frozenset(YEAR), cost=1, first=frozenset(YEAR))]
        if piece == "MINOR":
            young = frozenset(numbers_from(_YOUNGEST)) - frozenset(numbers_from(_GROWN))
            return [_Item(f"[{''.join(sorted(young))}]", optional=False, needs=young, cost=20, first=young)]
        if piece.startswith("NUM"):
            kinds = numbers_from(int(piece[3:-1] or 0) if piece != "NUM" else 0)
            return [_Item(f"[{kinds}]", optional=False, needs=frozenset(kinds), cost=20, first=frozenset(kinds))]
        if piece == "<":
            return [_Item(r"(?<![^.])", optional=False, edge=True)]
        if piece == ">":
            return [_Item(r"(?![^.])", optional=False, edge=True)]
        if piece.startswith("$"):
            return [self._class(piece[1:])]
        return [self._word(word) for word in self.split(piece)]

    def _word(self, word: str) -> _Item:
        symbol = self.symbol(word)
        cost = 100 if word in self.common else 1
        only = frozenset(symbol)
        return _Item(re.escape(symbol), optional=False, needs=only, cost=cost, first=only)

    def _class(self, name: str) -> _Item:
        if name not in self._class_items:
            ways = [self._sequence(_pieces(member), 0)[0] for member in self.words(name)]
            self._class_items[name] = _either(ways, optional=False)
        return self._class_items[name]

    def _group(self, pieces: list[str], at: int, *, optional: bool) -> tuple[_Item, int]:
        close = "]" if optional else ")"
        ways: list[list[_Item]] = []
        while True:
            way, at = self._sequence(pieces, at)
            ways.append(way)
            if at >= len(pieces):
                message = f"missing {close!r} in {' '.join(pieces)!r}"
                raise PatternError(message)
            at += 1
            if pieces[at - 1] == close:
                return _either(ways, optional=optional), at
            if pieces[at - 1] != "|":
                message = f"{pieces[at - 1]!r} closes nothing in {' '.join(pieces)!r}"
                raise PatternError(message)


def _pieces(source: str) -> list[str]:
    pieces = [found.group().strip() for found in _PIECE.finditer(source)]
    if "".join(pieces) != re.sub(r"\s", "", source):
        message = f"cannot read {source!r}"
        raise PatternError(message)
    return pieces


def _either(ways: Iterable[list[_Item]], *, optional: bool) -> _Item:
    ways = list(ways)
    first = frozenset[str]().union(*(_first(way) for way in ways))
    singles: list[str] = []
    longer: list[str] = []
    needs: set[str] = set()
    cost = 0
    bare = False  # an alternative that needs no word ("|>"): then no word can be asked for
    for way in ways:
        musts = [item for item in way if item.needs and not item.optional]
        if musts:
            best = min(musts, key=lambda item: item.cost)
            needs |= best.needs
            cost += best.cost
        elif way and all(item.edge for item in way):
            bare = True
        else:
            message = "an alternative has nothing that must be there"
            raise PatternError(message)
        if len(way) == 1 and not way[0].optional and len(way[0].regex) == 1:
            singles.append(way[0].regex)
        else:
            longer.append(_joined(way, ""))
    # Longer ways first: "my son in law" must not stop at "my son".
    branches = sorted(longer, key=len, reverse=True)
    if singles:
        branches.append(singles[0] if len(singles) == 1 else f"[{''.join(singles)}]")
    regex = branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"
    asked = frozenset[str]() if bare else frozenset(needs)
    return _Item(regex, optional=optional, needs=asked, cost=cost, first=first)


def _first(items: Iterable[_Item]) -> frozenset[str]:
    """The symbols a row of items can begin with."""
    found: frozenset[str] = frozenset()
    for item in items:
        found |= item.first
        if not item.optional and not item.edge:
            break
    return found


def _joined(items: list[_Item], source: str) -> str:
    """Put items in a row. A pause or full stop may stand between two of them ("i. want. to. die.")."""
    out: list[str] = []
    started = False
    for item in items:
        if item.edge:
            out.append(item.regex)
        elif item.gap:
            if not started:
                message = f"a gap cannot come first in {source!r}"
                raise PatternError(message)
            out.append(item.regex)
        elif not started:
            # Until something must be there, an optional item brings its own separator behind it.
            out.append(f"(?:{item.regex}[.,]?)?" if item.optional else item.regex)
            started = not item.optional
        else:
            out.append(f"(?:[.,]?{item.regex})?" if item.optional else f"[.,]?{item.regex}")
    return "".join(out)
