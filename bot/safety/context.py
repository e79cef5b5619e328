"""What stands around a match and changes what it means: denial, the past, a story, a question, another person."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.safety.findings import Subject
from bot.safety.patterns import HARD, SOFT, Pattern

FAR = 40  # symbols either side that are looked at, so that a text without full stops stays linear
_REACH = 5  # symbols before a match in which a denial still means the match

_NOUN_REACH = 3  # words after "my" among which the noun is ("my little boy")


class Effect(StrEnum):
    """What a context does to a match."""

    CANCEL = "cancel"  # no danger
    LOWER = "lower"  # definite becomes possible
    OTHER = "other"  # it is about the person who is quoted
    KEEP = "keep"  # nothing


class Place(StrEnum):
    """Where the words of a context must stand to count for a match."""

    JUST_BEFORE = "just_before"  # in the same clause, at most `_REACH` words before
    JUST_AFTER = "just_after"  # in the same clause, right behind
    BEFORE = "before"  # anywhere before, in the same sentence
    CLAUSE = "clause"
    SENTENCE = "sentence"
    WITHIN = "within"  # sharing a word with the match


@dataclass(frozen=True, slots=True)
class Context:
    """A named circumstance: the words that show it, where they must stand, and words that disprove it.

    Disproof is looked for in the whole sentence, or where `narrow` only in the clause of the match: in "I
    overdosed in 2019 and am glad to be here today" the "today" must not bring the danger back.
    """

    name: str
    place: Place
    patterns: tuple[Pattern, ...]
    absent: tuple[Pattern, ...]
    narrow: bool = False


@dataclass(frozen=True, slots=True)
class People:
    """The symbols of the persons a sentence can be about, and the words that open a new clause."""

    first: frozenset[str]
    third: frozenset[str]
    own: frozenset[str]  # "my": the writer, unless a third person follows ("my son")
    openers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The bounds of the sentence and the clause a match stands in, as places in the symbols."""

    sentence: tuple[int, int]
    clause: tuple[int, int]


def surroundings(symbols: str, start: int, end: int, people: People) -> Surroundings:
    """Find the sentence and clause around symbols `start` to `end`, looking at most `FAR` symbols away."""
    first = left = max(0, start - FAR)
    for place in range(start - 1, first - 1, -1):
        if symbols[place] == HARD:
            left = place + 1
            break
    last = right = min(len(symbols), end + FAR)
    for place in range(end, last):
        if symbols[place] == HARD:
            right = place
            break
    near = left
    for place in range(start - 1, left - 1, -1):
        if symbols[place] == SOFT or symbols[place] in people.openers:
            near = place + 1
            break
    far = right
    for place in range(end, right):
        if symbols[place] == SOFT or symbols[place] in people.openers:
            far = place
            break
    return Surroundings((left, right), (near, far))


def holds(
    context: Context, shown_by: Sequence[Pattern], symbols: str, start: int, end: int, around: Surroundings
) -> bool:
    """Whether the context holds for the match at symbols `start` to `end`.

    `shown_by` are those of its patterns that the text can match at all.
    """
    low, high = around.sentence
    match context.place:
        case Place.JUST_BEFORE:
            low, high = max(around.clause[0], start - _REACH), start
        case Place.JUST_AFTER:
            low, high = end, min(around.clause[1], end + _REACH)
        case Place.BEFORE:
            high = start
            # A pause or an opening quotation mark may stand before the match: she wrote, "i want to die".
            while high > low and symbols[high - 1] == SOFT:
                high -= 1
        case Place.CLAUSE:
            low, high = around.clause
        case Place.WITHIN | Place.SENTENCE:
            pass
    if context.place is Place.WITHIN:
        shown = any(
            found.start() < end and found.end() > start
            for pattern in shown_by
            for found in pattern.expression.finditer(symbols, low, high)
        )
    else:
        shown = any(pattern.expression.search(symbols, low, high) for pattern in shown_by)
    bounds = around.clause if context.narrow else around.sentence
    return shown and not any(pattern.expression.search(symbols, *bounds) for pattern in context.absent)


def subject_of(symbols: str, start: int, end: int, around: Surroundings, people: People) -> Subject | None:
    """The person the match is about: named in it, else the nearest before it, else after it, else None."""
    # Inside the match and behind it the first one named counts, before it the last one.
    orders: Sequence[range] = (
        range(start, end),
        range(start - 1, around.sentence[0] - 1, -1),
        range(end, around.sentence[1]),
    )
    for places in orders:
        for place in places:
            if symbols[place] in people.third:
                return Subject.OTHER
            if symbols[place] in people.own:
                following = symbols[place + 1 : place + 1 + _NOUN_REACH]
                return Subject.SELF if people.third.isdisjoint(following) else Subject.OTHER
            if symbols[place] in people.first:
                return Subject.SELF
    return None
