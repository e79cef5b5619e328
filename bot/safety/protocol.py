"""The safety protocol: what is asked after a finding, how an answer is read, how long one waits for it."""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from bot.safety.findings import Kind, Level


class Answer(StrEnum):
    YES = "yes"
    NO = "no"
    UNCLEAR = "unclear"


class Meaning(StrEnum):
    """What an answer says about the person it is about."""

    SAFE = "safe"
    DANGER = "danger"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True)
class Urgency:
    """One row of the urgency table: how long a question may wait, whether staff are paged at once."""

    kind: Kind
    level: Level
    page: bool
    deadline: timedelta


ASKED_AT_MOST = 2

_YES = re.compile(
    r"^\W*(?:1|y|ye|yes+|yea|yeah+|yep|yup|si|sí|i am|i'?m (?:safe|ok|okay|fine|alright)|safe|i think so"
    r"|i did|i have|i(?:'?ve)? called|i'?m calling"
    r"|they are|(?:s?he|they)(?:'s| is| are) (?:safe|ok|okay|fine)|called|calling|on the phone with)\b",
    re.IGNORECASE,
)
_NO = re.compile(
    r"^\W*(?:2|n|no+|nope|nah|not (?:really|safe|sure|yet|ok|okay)|i'?m not|never|negative)\b", re.IGNORECASE
)
_SAFE = re.compile(
    r"\b(?:i'?m|i am|we'?re|we are|(?:s?he|they)(?:'s| is| are)) (?:all |really |totally |still |now )?"
    r"(?:safe|ok|okay|fine|alright|not alone)\b",
    re.IGNORECASE,
)
_NOT_SAFE = re.compile(
    r"\b(?:not|nt|isn'?t|ain'?t|aren'?t|never|no longer) (?:\w+ )?(?:safe|ok|okay|fine|alright)\b|\bunsafe\b|\bin danger\b"
    r"|\b(?:s?he|they|it)(?:'s|'re| is| are) (?:\w+ )?(?:dead|blue|gr[ae]y|cold|dying|unconscious|gone)\b",
    re.IGNORECASE,
)
_HEDGED = re.compile(
    r"\b(?:can'?t|cannot|don'?t know|dunno|idk|not sure|scared|help me|hurry|worse|for now|for how long|maybe|kind ?of|sort ?of"
    r"|still here with (?:me|it|them))\b",
    re.IGNORECASE,
)
# "Safe" is taken from an answer that says nothing else. With any other word in it ("yes, the pills are working", "1, I
# lied") the answer settles nothing, and the question is put once more.
_SAYS_YES = "1 y ye yes yea yeah yep yup sure absolutely si s\u00ed promise"
_SAYS_NO = "2 n no nope nah not never negative"
_BESIDE = (
    "i i'm im i'am am we we're are is it's he he's hes she she's shes they they're theyre do did have has been was this that"
    " safe ok okay fine alright good better really totally all very so think just too and at in the my a an of to me us here"
    " home bed house thanks thank you ty awake talking breathing sitting mom mum mama mother dad father sister brother"
    " wife husband partner boyfriend girlfriend friend friends family roommate kids son daughter cousin aunt uncle grandma"
    " sponsor nurse doctor paramedics ambulance police with called calling call phone on them him her 911 988 coming way"
    " estoy est\u00e1 esta estamos bien a salvo gracias con mi mam\u00e1 pap\u00e1 hermana hermano amigo amiga"
)
# "I'm safe now" is safe, but "not now" and "not today" leave open what comes later.
_FOR_NOW = "now right today tonight anymore ahora"
_PLAIN_YES = frozenset(f"{_SAYS_YES} {_BESIDE} {_FOR_NOW}".split())
_PLAIN_NO = frozenset(f"{_SAYS_NO} {_BESIDE}".split())


_THUMBS = {"\U0001f44d": "yes", "\U0001f44e": "no"}


def _words(folded: str) -> set[str]:
    return set(re.findall(r"[\w'.]*[\w']", folded.lower()))


_HELP_IS_THERE = re.compile(
    r"\b(?:breathing|awake|woke|talking|conscious|ambulance|paramedics?|medics|(?:they|ems)(?:'re| are| is) here)\b",
    re.IGNORECASE,
)
_GOOD_NEWS = (
    "he he's hes she she's shes they they're theyre it's is are my son daughter mom dad brother sister husband wife friend"
    " breathing awake woke up talking conscious again now finally to me us here and with him her them the an ambulance"
    " paramedic paramedics medics ems yes ok okay good thank thanks god"
)
_GOOD_NEWS_WORDS = frozenset(_GOOD_NEWS.split())


def help_is_there(text: str) -> bool:
    """Whether the worst is over where somebody did not wake up or breathe, said plainly and with nothing beside it.

    "He is breathing" and "the ambulance is here" are; "breathing really slow" and "is he breathing?" are not, and bring
    the next step.
    """
    folded = " ".join(text.replace("\u2019", "'").split())
    return "?" not in folded and bool(_HELP_IS_THERE.search(folded)) and _words(folded) <= _GOOD_NEWS_WORDS


def _folded(text: str) -> str:
    """An answer with straight apostrophes and single blanks; a thumb alone is what it says, in any colour of skin."""
    folded = " ".join(text.replace("\u2019", "'").split())
    return _THUMBS.get(re.sub("[\U0001f3fb-\U0001f3ff\ufe0f]", "", folded), folded)


def read_answer(text: str) -> Answer:
    """Read an answer to a question that is answered with 1 (yes) or 2 (no); words count too, doubt is unclear."""
    folded = _folded(text)
    if _NO.match(folded):
        return Answer.NO
    if _YES.match(folded):
        return Answer.YES
    return Answer.UNCLEAR


def meaning(text: str, yes_means: Meaning) -> Meaning:
    """What a person's answer means, given what a "yes" means for the question that was put.

    Saying outright that one is safe, or is not, counts as that whatever the question was. A hedged answer settles
    nothing, unless it is the dangerous one; nor does a safe one that says more than that.
    """
    folded = re.sub(r"\bnot alone\b", "safe", _folded(text), flags=re.IGNORECASE)
    answer = read_answer(folded)
    opposite = Meaning.DANGER if yes_means is Meaning.SAFE else Meaning.SAFE
    said = {Answer.YES: yes_means, Answer.NO: opposite, Answer.UNCLEAR: Meaning.UNCLEAR}[answer]
    if folded.strip(" .!") in ("1", "2"):
        return said
    if _NOT_SAFE.search(folded):
        return Meaning.DANGER
    if _HEDGED.search(folded):
        return said if said is Meaning.DANGER else Meaning.UNCLEAR
    if _SAFE.search(folded) and answer is not Answer.NO:
        said = Meaning.SAFE
    if said is Meaning.SAFE and not _words(folded) <= (_PLAIN_NO if answer is Answer.NO else _PLAIN_YES):
        return Meaning.UNCLEAR
    return said
