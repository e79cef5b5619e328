"""Reading answers as people write them: levels, hours, yes and no, corrections."""

import re
from dataclasses import dataclass

LOWEST, HIGHEST = 0, 10
# A level told in words stands in a sentence of at most so many.
ANSWER_WORDS = 12

_NUMBERS = {
    "zero": 0, "none": 0, "nil": 0, "nada": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6,
    "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip
_ASKS = re.compile(
    r"(?:will|can|could|would|should|do|does|did|is|are|what|why|when|how|who|where) (?:i|you|it|we|that|this|the)\b"
)
# Steps, not verdicts: whoever writes a word instead of a number gets the middle of what it usually means, and every
# level can be corrected. "Worst first" because "not bad at all" must be found before "bad".
_CRAVING = (
    (r"(not|no) (at all|craving\w*|urge\w*)|nothing|none|all good|not craving|don'?t have (one|any)", 0),
    (r"(unbearable|overwhelming|off the charts|max(ed)?( out)?|worst|through the roof|as bad as it gets)", 10),
    (r"(really|very|super|so|extremely|insanely|pretty damn) (bad|strong|high|hard|rough|intense|awful)", 8),
    (r"(not|isn'?t|wasn'?t) (too|so|that|very)? ?(bad|strong|high)|barely|a tiny bit|hardly|low|mild|small|slight", 2),
    (r"a (whole )?lot|lots|so much|tons|loads", 8),
    (r"pretty (bad|strong|high|rough|intense)|bad|strong|high|rough|intense|awful|terrible|horrible", 7),
    (r"a little|a bit|some|kind ?of|sort ?of|manageable|better", 3),
    (r"medium|middle|moderate|so[ -]?so|meh|half|ok(ay)?|average|middling", 5),
)
_GOODNESS = (
    (r"up and down|ups and downs|mixed", 5),
    (r"(not|isn'?t|wasn'?t|nothing) (too|so|that|very|really)? ?(bad|awful|terrible)|decent|fine|alright|all right", 6),
    (r"(not|isn'?t|wasn'?t) (too|so|that|very|really|doing)? ?(good|great|well|ok(ay)?)", 3),
    (r"(not at all|zero sleep|no sleep|didn'?t sleep|couldn'?t sleep|haven'?t slept|up all night|all[ -]?nighter)", 0),
    (r"worst|horrible|awful|terrible|like (shit|crap|hell)|miserable|unbearable|rock bottom|garbage|wretched", 1),
    (r"(really|very|super|so|pretty) (bad|low|down|rough|sad|tired|shitty|crappy|poor|poorly|badly)", 2),
    (r"bad(ly)?|low|down|rough|sad|shitty|crappy|poor(ly)?|barely|tossed|restless|broken|anxious|depressed|lonely", 3),
    (r"(really|very|super|so|pretty) (good|great|well|happy)|great|amazing|wonderful|fantastic|excellent|awesome"
     r"|like a (baby|log|rock)", 9),
    (r"good|well|happy|solid|nice(ly)?|better|calm", 7),
    (r"ok(ay)?|so[ -]?so|meh|average|middling|neutral|alright|normal", 5),
)  # fmt: skip

_LEVEL = re.compile(
    r"(?<![\d.:/$-])(?P<digits>\d{1,3})(?:\s*[.,](?P<half>\d))?\s*(?:/|out of|von|of)?\s*(?:10\b|ten\b)?(?![\d:])"
)
_RANGE = re.compile(r"\b(\d{1,2})\s*(?:-|–|to|or|maybe)\s*(\d{1,2})\b(?!\s*(?:am|pm|days|weeks))")
_UNITS = re.compile(
    r"\s*(?:am|pm|o'?clock|days?|weeks?|months?|years?|yrs?|min(?:ute)?s?|hours?|hrs?|h\b|beers?|drinks?|pills?|mg|ml"
    r"|bucks|dollars|times?|people|guys|missed)\b"
)
# "Not that one" and "the first one" name a thing, and "at 10" an hour: none is a level.
_ONE_OF = re.compile(r"\b(?:this|that|first|second|last|next|other|another|different|which|any|no|every|each|the)\W*$")
_AN_HOUR = re.compile(r"\b(?:at|by|until|till|before|after|around) $")
_APPOINTED = re.compile(r"\b(?:send|move|remind|text|message|ask|call|wake|meet(?:ing)?|work|shift|instead|tomorrow)\b")
_YES = re.compile(
    r"^\W*(?:y|ye|yes+|yea|yeah+|yep|yup|ya|sure|ok(?:ay)?|k|of course|absolutely|definitely|i do|i did|i am|i have"
    r"|i think so|afraid so|unfortunately|please|yes please|a (?:bit|little)|kind ?of|sort ?of|s[ií]|claro)\b",
    re.IGNORECASE,
)
_NO = re.compile(
    r"^\W*(?:n|no+|nope|nah|naw|not? (?:really|yet|at all|today|now|thanks|thank you)|never|none|nothing|i don'?t"
    r"|i didn'?t|i haven'?t|i'?m not|not|negative|no one|nobody)\b",
    re.IGNORECASE,
)
_CORRECTION = re.compile(
    r"\b(?:sorry|oops|whoops|wait|i mean|i meant|meant|actually|correction|typo|scratch that|make (?:it|that)|change"
    r"|should (?:be|have been)|wrong|fix|not a)\b|\*",
    re.IGNORECASE,
)
_HOURS = re.compile(
    r"(?<!\d)(?P<hours>\d{1,2})(?:[.,:](?P<part>\d{1,2}))?\s*(?P<half>and a half)?\s*(?:hours?|hrs?|h)\b"
    r"(?P<after>\s+and a half)?",
    re.IGNORECASE,
)
_HALF_WORDS = re.compile(
    r"\b(?P<word>one|two|three|four|five|six|seven|eight|nine|ten)(?P<half> and a half)? (?:hours?|hrs?)\b"
)


@dataclass(frozen=True, slots=True)
class Sleep:
    """How someone slept: a quality from 0 to 10, or hours where hours are what they gave."""

    quality: int | None = None
    hours: float | None = None


def fold(text: str) -> str:
    """Lower case, straight apostrophes, single blanks."""
    return " ".join(text.replace("\u2019", "'").lower().split())


def read_number(text: str) -> int | None:
    """A level from 0 to 10 written as digits or a number word; nothing where there is none or it is out of range."""
    folded = fold(text)
    span = _RANGE.search(folded)
    if span and max(int(span[1]), int(span[2])) <= HIGHEST and not _CORRECTION.search(folded):
        # "7 or 8": the higher one, because help should not come a step late.
        return max(int(span[1]), int(span[2]))
    appointed = _APPOINTED.search(folded)
    found = [
        (match.start(), int(match["digits"]) + (1 if int(match["half"] or 0) >= 5 else 0))
        for match in _LEVEL.finditer(folded)
        if not _UNITS.match(folded, match.end("digits"))
        and not (appointed and _AN_HOUR.search(folded[: match.start()]))
    ]
    found += [
        (match.start(), _NUMBERS[match[0]])
        for match in re.finditer(
            r"\b(?:" + "|".join(w for w in _NUMBERS if w not in ("none", "nil", "nada")) + r")\b", folded
        )
        if not _UNITS.match(folded, match.end())
        and not (
            match[0] == "one"
            and (_ONE_OF.search(folded[: match.start()]) or (len(folded) > 12 and "a one" not in folded))
        )
    ]
    found = [(at, level) for at, level in sorted(found) if LOWEST <= level <= HIGHEST]
    if not found:
        return None
    # In "6, no 4" and "sorry, I meant 4 not 6" the corrected one counts.
    negated = {int(n) for n in re.findall(r"\bnot (?:an? )?(\d{1,2})\b", folded)}
    kept = [level for _, level in found if level not in negated] or [level for _, level in found]
    return kept[-1] if _CORRECTION.search(folded) or re.search(r"\bno\b", folded) else kept[0]


def out_of_range(text: str) -> bool:
    """Whether the text gives a number, and only numbers that no scale from 0 to 10 has."""
    numbers = [int(n) for n in re.findall(r"-?\d{1,9}", text)]
    return bool(numbers) and all(not LOWEST <= n <= HIGHEST for n in numbers)


def _by_words(text: str, table: tuple[tuple[str, int], ...]) -> int | None:
    """The level that words stand for: in an answer, which is short, and not in a question or a tale."""
    folded = fold(text)
    if len(folded.split()) > ANSWER_WORDS or folded.endswith("?") or _ASKS.match(folded):
        return None
    for pattern, level in table:
        if re.search(rf"\b(?:{pattern})\b", folded):
            return level
    return None


def read_craving(text: str) -> int | None:
    """A craving level, 0 (none) to 10 (as strong as it gets), from digits or words."""
    number = read_number(text)
    if number is not None:
        return number
    if fold(text).strip(" .!") in ("no", "nope", "nah", "none", "nada", "nil"):
        return 0
    return _by_words(text, _CRAVING)


def read_mood(text: str) -> int | None:
    """A mood, 0 (as low as it gets) to 10 (very good), from digits or words."""
    number = read_number(text)
    return number if number is not None else _by_words(text, _GOODNESS)


def read_sleep(text: str) -> Sleep | None:
    """Sleep as a quality from 0 (not at all) to 10 (very well), or as hours where the person says hours."""
    folded = fold(text)
    hours = _HOURS.search(folded)
    if hours and int(hours["hours"]) <= 24:
        part = hours["part"]
        extra = 0.5 if hours["half"] or hours["after"] else (float(f"0.{part}") if part else 0.0)
        return Sleep(hours=int(hours["hours"]) + extra)
    word = _HALF_WORDS.search(folded)
    if word:
        return Sleep(hours=_NUMBERS[word["word"]] + (0.5 if word["half"] else 0.0))
    quality = read_mood(text)
    return None if quality is None else Sleep(quality=quality)


def read_yes_no(text: str) -> bool | None:
    """Yes, no, or nothing where the answer settles neither. "1" is yes and "2" is no."""
    stripped = text.strip().strip(".!,").strip()
    if stripped in ("1", "2"):
        return stripped == "1"
    no, yes = _NO.match(fold(text)), _YES.match(fold(text))
    if no:
        return False
    return True if yes else None


_UNDECIDED = re.compile(
    r"^\W*(?:idk|i don'?t know|dunno|not sure|i'?m not sure|maybe|perhaps|dont know|unsure|hmm+)\b", re.IGNORECASE
)


def undecided(text: str) -> bool:
    """Whether someone neither takes nor declines what was offered ("idk")."""
    return bool(_UNDECIDED.match(fold(text)))


_SOMEONE = r"(?:person|human|someone|somebody|counsel?lor|interventionist|staff|team)"
_PERSON = re.compile(
    rf"\b(?:talk|speak|write|chat) (?:to|with) (?:\w+ ){{0,3}}{_SOMEONE}\b"
    r"|\b(?:can|could) (?:someone|somebody|anyone|a person) (?:call|phone|write|help|talk)\b|\b(?:call|phone) me\b"
    rf"|\b(?:need|want) (?:an? )?(?:real |actual |live )?{_SOMEONE}\b"
    rf"|\b(?:can|could|may) i (?:get|have|reach|see|speak) (?:an? |the )?(?:real |actual |live )?{_SOMEONE}\b"
    r"|\bhablar con (?:una persona|alguien|un humano|el equipo|mi consejer[oa])\b"
    rf"|^\W{{0,9}}(?:person|human|persona|humano)\W*$|^\W{{0,9}}(?:anyone|someone|anybody) there\b"
)


def asks_for_person(text: str) -> bool:
    """Whether someone asks for a human in plain words; for when there is no engine to understand more."""
    return bool(_PERSON.search(fold(text)))


_CLEAN = re.compile(
    r"\b(?:clean|sober|stayed (?:clean|sober|strong)|(?:didn'?t|did not|haven'?t|have not|not) (?:use|used|drink|drank|drunk|"
    r"touch\w*|smoke\w*|gambl\w*|slip\w*)|nothing)\b"
)
_USED = re.compile(
    r"\b(?:used|drank|drunk|slipped|relapsed|gambled|smoked|had (?:a|one|two|some|a few)|gave in|messed up)\b"
)


_ABOUT_WORDS = re.compile(r"\b(?:define|meaning of|what do you mean|what counts|does .* count|what is)\b")
# What was only nearly done; with it taken out, the rest says whether it was done after all.
_NEARLY = re.compile(
    r"\b(?:almost|nearly|close to|wanted to) (?:really |just |have |had |a )?"
    r"(?:us(?:e|ed|ing)|dr[aiu]nk|drinking|slip(?:ped)?|relapsed?|gambled?|smoked?|gave in|caved)\b"
    r"|\bpoured (?:\w+ ){0,3}(?:out|away|down)\b"
)


def read_used(text: str) -> bool | None:
    """Whether someone says that they drank, used or gambled: yes, no, or nothing where it settles neither."""
    folded = fold(text)
    if folded.endswith("?") or _ABOUT_WORDS.search(folded):
        return None
    if _CLEAN.search(folded):
        return False
    if _USED.search(_NEARLY.sub(" ", folded)):
        return True
    if _NEARLY.search(folded):
        return False
    return read_yes_no(text)


def is_correction(text: str) -> bool:
    """Whether the words take back something said before ("sorry, I meant 4")."""
    return bool(_CORRECTION.search(text))


_TOPIC = re.compile(
    r"\b(?:(?P<craving>crav\w*|urges?)|(?P<mood>mood)|(?P<sleep>sleep|slept)|(?P<used>(?:no |not |didn'?t |did not |haven'?t )?"
    r"(?:used?|using|drank|drink|drinking|gambled?|clean|sober|slips?)))\b"
)


def read_several(text: str) -> dict[str, int | Sleep | bool]:
    """The answers of a check-in given in one message, by name: craving, mood, sleep, used; empty where it is only one.

    Either each is named ("craving 2, mood 6, slept 7h, didn't use"), or three or four stand in the order of asking
    ("2 6 7 no").
    """
    folded = fold(text)
    topics = list(_TOPIC.finditer(folded))
    if len({match.lastgroup for match in topics}) > 1:
        return _named(folded, topics)
    parts = [part for part in re.split(r"[\s,;/]+", folded) if part]
    levels = [int(part) for part in parts[:3] if re.fullmatch(r"10|\d", part)]
    if len(levels) < len(parts[:3]) or len(parts) not in (3, 4):
        return {}
    found: dict[str, int | Sleep | bool] = {"craving": levels[0], "mood": levels[1], "sleep": Sleep(quality=levels[2])}
    used = read_yes_no(parts[3]) if len(parts) > 3 and not parts[3].isdigit() else None
    return found if used is None else found | {"used": used}


def _named(folded: str, topics: list[re.Match[str]]) -> dict[str, int | Sleep | bool]:
    found: dict[str, int | Sleep | bool] = {}
    ends = [match.start() for match in topics[1:]] + [len(folded)]
    for match, end in zip(topics, ends, strict=True):
        clause = folded[match.start() : end]
        name = str(match.lastgroup)
        readers = {"craving": read_craving, "mood": read_mood, "sleep": read_sleep, "used": read_used}
        value = readers[name](clause)
        if value is not None and name not in found:
            found[name] = value
    return found


_ABOUT = (
    ("craving", r"crav\w*|urge\w*|wanting|want to use|want to drink"),
    ("mood", r"mood|feel\w*|felt"),
    ("sleep", r"sle[ep]\w*|slept|night|hours?"),
    ("used", r"used?|using|drank|drink|drunk|gambled|smoked|clean|sober"),
)


def about(text: str) -> str | None:
    """Which of craving, mood, sleep, used the words name, where they name one."""
    folded = fold(text)
    named = [name for name, pattern in _ABOUT if re.search(rf"\b(?:{pattern})\b", folded)]
    return named[0] if len(named) == 1 else None
