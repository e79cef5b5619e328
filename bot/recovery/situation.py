"""Where someone is, with whom, at what hour and with what: read from what they wrote, so that nothing more is asked."""

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from bot.recovery import scales


class Topic(StrEnum):
    """What a skill is for. ``STRONG`` and ``MILD`` speak of the craving's level, ``CRAVING`` of any."""

    CRAVING = "craving"
    STRONG = "strong"
    MILD = "mild"
    ANGER = "anger"
    STRESS = "stress"
    ANXIETY = "anxiety"
    LONELINESS = "loneliness"
    BOREDOM = "boredom"
    LOW = "low"
    MONEY = "money"
    GAMBLING = "gambling"
    CELEBRATION = "celebration"
    OFFER = "offer"
    CONTACT = "contact"
    CONFLICT = "conflict"
    PAIN = "pain"
    SLEEP = "sleep"
    THOUGHTS = "thoughts"
    SHAME = "shame"
    LAPSE = "lapse"
    GRIEF = "grief"
    DRIVING = "driving"
    CHILDREN = "children"


class Place(StrEnum):
    HOME = "home"
    BED = "bed"
    WORK = "work"
    OUTSIDE = "outside"
    TRANSIT = "transit"
    OUT = "out"


class Beside(StrEnum):
    """Who is there, where somebody is."""

    PEOPLE = "people"
    CHILDREN = "children"


class Part(StrEnum):
    """A part of the day, by the person's own clock."""

    EARLY = "early"
    DAY = "day"
    EVENING = "evening"
    NIGHT = "night"


class Need(StrEnum):
    """What a skill takes. ``STRENGTH`` is a body that is well enough to be moved or chilled."""

    WATER = "water"
    PHONE = "phone"
    PAPER = "paper"
    PERSON = "person"
    STRENGTH = "strength"


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known; ``None`` and empty stand for not known, which rules nothing out.

    Attributes:
        hushed: somebody must not be woken or disturbed.
    """

    topics: frozenset[Topic] = frozenset()
    place: Place | None = None
    beside: frozenset[Beside] = frozenset()
    hushed: bool = False
    part: Part | None = None
    lacking: frozenset[Need] = frozenset()

    @property
    def is_told(self) -> bool:
        """Whether anything is known that speaks for one skill or against another, beside the hour."""
        return self != Situation(part=self.part)


ANYWHERE = Situation()

# From what level on a craving is a strong one, and up to what level a mild one.
STRONG_FROM, MILD_TO = 7, 4

# One pattern a topic. What is not heard is no loss: the skill is then chosen by less. What is heard wrongly offers an odd
# one, which "another one" takes away. So patterns are plain, and none asks for grammar.
_TOPICS: dict[Topic, str] = {
    Topic.ANGER: r"angry|anger|furious|rage|raging|pissed|mad at|livid|fuming|yell\w*|scream\w*|blew up|so mad",
    Topic.STRESS: r"stress\w*|overwhelmed|pressure|deadline|swamped|rush|burn(?:ed|t) out|boss|chef|overtime|tickets",
    Topic.ANXIETY: r"anxi\w*|panic\w*|nervous|on edge|scared|afraid|jittery|heart (?:is )?(?:racing|pounding)|worried",
    Topic.LONELINESS: r"lonely|loneliness|alone|no ?one to talk|nobody to talk|isolated|empty (?:house|apartment|flat|place)",
    Topic.BOREDOM: r"bored|boredom|boring|nothing to do|restless|killing time|no work",
    Topic.LOW: r"depress\w*|feeling low|feel low|down today|empty inside|hopeless|numb|worthless|blue today|no energy",
    Topic.MONEY: r"pay ?day|pay ?check|got paid|money|cash|rent|bills?|debts?|broke|collector|bank|overdraft|owe",
    Topic.GAMBLING: r"bet(?:s|ting)?|gambl\w*|casino|slots?|parlays?|odds|spread|scratchers?|poker|roulette|bookie|wager\w*",
    Topic.CELEBRATION: r"party|parties|wedding|birthday|celebrat\w*|toast\w*|champagne|new year'?s?|reunion|barbecue|bbq"
    r"|happy hour|shift drinks?|drinks? after work|holiday dinner|thanksgiving|christmas",
    Topic.OFFER: r"offer(?:s|ed|ing)?|pour(?:s|ed|ing)? me|hand(?:s|ed|ing)? me|push(?:es|ing)? (?:me|a drink)|say no|saying no"
    r"|everyone(?:'s| is)? (?:is )?(?:drinking|using|smoking)|they want me to|peer pressure|talk(?:ing)? me into",
    Topic.CONTACT: r"dealer|plug|my guy|old friends?|using buddies|drinking buddies|old crew|ran into|bumped into"
    r"|text(?:ed)? (?:from|me)|hit me up|his number|her number|old days",
    Topic.CONFLICT: r"fight|fought|argu\w*|hung up|yelled at|broke up|break ?up|my ex|quarrel\w*",
    Topic.PAIN: r"pain|hurts?|hurting|ache\w*|aching|sore|spasms?|migraine|cramps?|flare|locked up|locking up",
    Topic.SLEEP: r"can'?t sleep|cannot sleep|awake|insomnia|sleepless|up all night|not sleeping|no sleep|tossing|nightmares?",
    Topic.THOUGHTS: r"can'?t stop thinking|keep thinking|obsess\w*|racing thoughts|thoughts|in my head|head won'?t|overthink\w*",
    Topic.SHAME: r"ashamed|shame|guilt\w*|disgusted with myself|hate myself|let (?:everyone|them|her|him) down|embarrass\w*",
    Topic.LAPSE: r"slipped|a slip|relapsed|lapse|i (?:just )?(?:drank|used|gambled)|had (?:a|one|some) (?:drink|beer|wine)"
    r"|messed up last night",
    Topic.GRIEF: r"grie\w*|died|funeral|passed away|anniversary of|miss (?:him|her|them|my (?:mom|dad|brother|sister|wife"
    r"|husband|son|daughter|dog))|missing (?:him|her|my)|widow\w*|cemetery|buried",
    Topic.DRIVING: r"i'?m driving|driving (?:home|past|by|to|right|now)|behind the wheel|at the wheel|in (?:my|the) (?:car|truck)",
    Topic.CHILDREN: r"(?:my|the|our) (?:kids?|children|baby|toddler|little ones?)|kids? (?:are|is) (?:here|home|asleep|up)"
    r"|grandkids?",
}  # fmt: skip

_PLACES: dict[Place, str] = {
    Place.BED: r"in bed|my bed|lying (?:here|down|awake)|laying (?:here|down|awake)|under the covers"
    r"|can'?t sleep|middle of the night",
    Place.TRANSIT: r"on (?:the|a|my) (?:bus|train|subway|metro|tram|ferry|plane)|(?:bus|train) (?:ride|home)|passenger"
    r"|in (?:an?|the) (?:uber|taxi|cab|lyft)|riding home|i'?m driving|behind the wheel|at the wheel|in (?:my|the) (?:car|truck)",
    Place.WORK: r"at work|on (?:my )?shift|my shift|break ?room|on (?:my )?break|the office|at my desk|on the job|job ?site"
    r"|the kitchen at work|coworkers?|co-workers?|customers?|the rush|the ward",
    Place.OUT: r"at (?:a|the|this|my \w+'?s) (?:party|wedding|bar|pub|club|restaurant|concert|game|casino|birthday|reunion|dinner"
    r"|barbecue|bbq|store|shop|mall|liquor store)|in (?:a|the|this) (?:\w+ )?(?:bar|pub|club|store|shop|restaurant|mall|casino)"
    r"|this party|this wedding|happy hour|shift drinks?",
    Place.OUTSIDE: r"outside|on the street|walking (?:home|by|past|around)|in the park|at the corner|parking lot|downtown|bus stop",
    Place.HOME: r"at home|home alone|my (?:apartment|flat|house|place|room|kitchen|couch|sofa)|on the couch|on the sofa"
    r"|empty (?:house|apartment|flat|place)|quiet house|sitting home|just got home|in the house|my living room",
}  # fmt: skip

_ALONE = (
    r"alone|by myself|on my own|nobody(?:'s| is)? (?:here|home|around)|no ?one(?:'s| is)? (?:here|home|around)"
    r"|empty (?:house|apartment|flat|place)"
)
_PEOPLE = (
    r"people (?:are )?(?:around|here|everywhere|watching|next to)|everyone (?:is |here|at )|everybody|crowd(?:ed)?"
    r"|in company"
    r"|coworkers?|co-workers?|customers?|(?:my )?(?:family|friends|guests|relatives|in-laws) (?:are )?(?:here|around|over|visiting)"
    r"|with (?:my )?(?:friends|family|people|the crew|the guys|coworkers|in-laws)|at (?:a|the|this) (?:party|wedding|reunion)"
    r"|(?:wife|husband|partner|girlfriend|boyfriend|roommate|mom|dad|mother|father|sister|brother) (?:is|'s) (?:here|home|asleep"
    r"|next to|beside|in the|right)|not alone|in (?:a )?meeting|full bus|packed (?:bus|train)"
)
_CHILDREN_HERE = (
    r"kids? (?:are |is )?(?:here|home|asleep|sleeping|up|around|next to|in the|with me|playing|watching)"
    r"|with (?:my|the|our) (?:kids?|children|son|daughter|baby|toddler|grandkids?)|in front of (?:my|the) (?:kids?|children)"
    r"|(?:baby|toddler|son|daughter) (?:is )?(?:here|asleep|sleeping|on my|next to)|(?:putting|put) the kids"
)
_HUSHED = r"asleep|sleeping|have to be quiet|can'?t make (?:a )?(?:noise|sound)|can'?t talk|quiet house|library|don'?t want to wake"
_UNWELL = (
    r"sick|ill|dizzy|faint\w*|weak|shaky|shaking|shakes|fever\w*|withdraw\w*|detox\w*|throwing up|vomit\w*|nause\w*|pregnan\w*"
    r"|(?:my|bad) (?:heart|knee|knees|hip|back|leg|legs|foot)|chest|asthma|wheelchair|crutches|surgery|eating disorder"
    r"|anorexi\w*|bulimi\w*"
)
_NOT_BEFORE = re.compile(r"\b(?:not|no|isn'?t|aren'?t|never|without|don'?t feel|nobody|no ?one)\W+(?:\w+\W+)?$")


def _pattern(words: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{words})\b")


_TOPIC_PATTERNS = {topic: _pattern(words) for topic, words in _TOPICS.items()}
_PLACE_PATTERNS = {place: _pattern(words) for place, words in _PLACES.items()}
_ALONE_PATTERN, _PEOPLE_PATTERN, _CHILDREN_PATTERN = _pattern(_ALONE), _pattern(_PEOPLE), _pattern(_CHILDREN_HERE)
_HUSHED_PATTERN, _UNWELL_PATTERN = _pattern(_HUSHED), _pattern(_UNWELL)


def part_of_day(local: datetime) -> Part:
    """Which part of the day it is by the person's own clock."""
    starts = ((4, Part.EARLY), (9, Part.DAY), (17, Part.EVENING), (22, Part.NIGHT))
    return next((part for hour, part in reversed(starts) if local.hour >= hour), Part.NIGHT)


def read_situation(text: str, local: datetime | None = None, level: int | None = None) -> Situation:
    """What someone's words, their clock and the level of the craving tell of their situation."""
    told = scales.fold(text)
    topics = {topic for topic, pattern in _TOPIC_PATTERNS.items() if _says(pattern, told)}
    if level is not None:
        topics |= {Topic.STRONG} if level >= STRONG_FROM else {Topic.MILD} if level <= MILD_TO else set()
    place = next((place for place, pattern in _PLACE_PATTERNS.items() if _says(pattern, told)), None)
    alone = _says(_ALONE_PATTERN, told)
    beside = set()
    if _says(_CHILDREN_PATTERN, told):
        beside.add(Beside.CHILDREN)
    # On a bus or at a party there are people, whether they are spoken of or not; at the wheel one is mostly alone.
    among = place in (Place.OUT, Place.TRANSIT) and Topic.DRIVING not in topics
    if not alone and (among or _says(_PEOPLE_PATTERN, told)):
        beside.add(Beside.PEOPLE)
    lacking = set()
    if _says(_UNWELL_PATTERN, told) or Topic.PAIN in topics:
        lacking.add(Need.STRENGTH)
    if place in (Place.TRANSIT, Place.BED):
        lacking.add(Need.WATER)
    return Situation(
        topics=frozenset(topics),
        place=place,
        beside=frozenset(beside),
        hushed=_says(_HUSHED_PATTERN, told),
        part=part_of_day(local) if local else None,
        lacking=frozenset(lacking),
    )


def _says(pattern: re.Pattern[str], told: str) -> bool:
    """Whether it is said, and not said to be otherwise ("i'm not at home")."""
    return any(not _NOT_BEFORE.search(told[: found.start()]) for found in pattern.finditer(told))
