"""Joining: which questions are asked, in which order, and how their answers are read. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

import phonenumbers

from bot.recovery.check_in import DAY_BEGINS, DAY_ENDS
from bot.recovery.people import NOT_JOINED, Role
from bot.recovery.scales import fold


class Step(StrEnum):
    """The questions of joining. Agreement and age must be answered, the others may be refused."""

    AGREE = "agree"
    ADULT = "adult"
    COUNTRY = "country"
    TIME_ZONE = "time_zone"
    CHECK_IN_AT = "check_in_at"
    NUMBER = "number"
    PLACE = "place"
    EMERGENCY_CONTACT = "emergency_contact"
    WELFARE_CHECK = "welfare_check"

    @property
    def needed(self) -> bool:
        """Whether nothing goes on without an answer."""
        return self in (Step.AGREE, Step.ADULT)

    @property
    def yes_or_no(self) -> bool:
        return self in (Step.AGREE, Step.ADULT, Step.WELFARE_CHECK)


STEPS = {
    Role.CLIENT: tuple(Step),
    Role.FAMILY: (Step.AGREE, Step.ADULT, Step.COUNTRY, Step.TIME_ZONE, Step.NUMBER, Step.PLACE),
    Role.STAFF: (Step.AGREE, Step.COUNTRY, Step.TIME_ZONE, Step.NUMBER),
}


def has_agreed(joining: str | None) -> bool:
    """Whether joining has come so far that messages may be sent; nothing means that it has ended well."""
    return joining is None or (joining not in NOT_JOINED and not Step(joining).needed)


def next_step(role: Role, after: Step) -> Step | None:
    """The question that follows."""
    steps = STEPS.get(role, ())
    at = steps.index(after) + 1 if after in steps else len(steps)
    return steps[at] if at < len(steps) else None


_SKIP = frozenset(
    {
        "skip", "pass", "no thanks", "no thank you", "rather not", "rather not say", "prefer not to say", "i d rather not",
        "i'd rather not", "id rather not", "none", "next", "later", "not now", "no", "nope", "2 no", "saltar", "omitir",
        "paso", "no gracias", "prefiero no", "prefiero no decir", "despues", "ninguno",
        "nah", "nah skip", "n/a", "na", "no way", "nothing", "nobody", "no one", "noone", "nadie",
    }
)  # fmt: skip


_UNWILLING = re.compile(
    r"^(?:no,? )?(?:i )?(?:really )?(?:don'?t|do not|dont|won'?t|wont|would rather not|i'd rather not|id rather not|rather not|not)"
    r" (?:want|wanna|tell|telling|say|saying|give|giving|share|sharing|feel|comfortable|like)\b"
    r"|^no (?:quiero|voy a|pienso) (?:decir|dar)|^none of your|^not your business"
)


def skips(text: str) -> bool:
    """Whether someone leaves a question out."""
    plain = _plain(text)
    return plain in _SKIP or bool(_UNWILLING.search(plain))


_AGE = re.compile(r"\b(?P<age>[1-9]\d?)\b(?!\s*(?:months|weeks|days|meses|dias))")
_YOUNG = re.compile(r"\b(?:minor|underage|under age|under 18|under eighteen|teen|teenager|not yet|almost 18|menor)\b")


def is_adult(text: str) -> bool | None:
    """Whether someone is 18 or older, by their yes or no or by their age; nothing where it cannot be told.

    Any sign of being younger counts, whatever else is said.
    """
    plain = _plain(text)
    said = says_yes(text)
    if plain in ("1", "2", "1 yes", "2 no", "1 si"):
        return said
    ages = [int(found["age"]) for found in _AGE.finditer(plain)]
    if any(3 <= age < 18 for age in ages) or _YOUNG.search(plain):
        return False
    return True if any(age >= 18 for age in ages) and said is not False else said


def _plain(text: str) -> str:
    return re.sub(r"[.!,\"“”]", "", fold(text)).strip()


_WHO_READS = re.compile(
    r"\bwho(?:'s| is| else| all)?\b.*\b(?:see|sees|read|reads|reading|know|knows|look|access|watch)\w*"
    r"|\b(?:is|will) (?:this|it|that)\b.*\b(?:private|confidential|secret|anonymous)\b"
    r"|\bqui[eé]n(?:es)?\b.*\b(?:ve|ven|lee|leen|ver|leer|sabe|saben)\b|\b(?:privado|confidencial)\b"
)


def asks_who_reads(text: str) -> bool:
    """Whether someone wants to know who reads what they write, before they agree."""
    return bool(_WHO_READS.search(fold(text)))


def says_yes(text: str) -> bool | None:
    """A yes, a no, or neither, to a question of joining; only plain answers count, because consent must be plain."""
    plain = _plain(text)
    if plain in _YES:
        return True
    return False if plain in _NO else None


_YES = frozenset(
    {
        "1", "1 yes", "y", "yes", "yeah", "yep", "yup", "sure", "ok", "okay", "yes please", "i agree", "agree", "agreed",
        "i do", "i am", "yes i am", "yes i agree", "yes i do", "that's fine", "thats fine", "fine", "fine with me", "go on",
        "of course", "sounds good", "si", "1 si", "claro", "de acuerdo", "esta bien", "acepto", "vale", "dale",
    }
)  # fmt: skip
_NO = frozenset(
    {
        "2", "2 no", "n", "no", "nope", "nah", "no thanks", "no thank you", "i don't agree", "i dont agree", "i disagree",
        "disagree", "not really", "i'm not", "im not", "i am not", "no i'm not", "no im not", "i don't", "i dont",
        "rather not", "no gracias", "no acepto",
    }
)  # fmt: skip

# What people call countries beside the names in the list of the time-zone data.
_ALSO = {
    "US": "usa, u.s., u.s.a., us of a, the us, the states, states, united states of america, america, eeuu, ee uu, ee.uu.,"
    " estados unidos, los estados unidos",
    "GB": "uk, u.k., great britain, england, scotland, wales, northern ireland, united kingdom, the uk, inglaterra,"
    " reino unido",
    "MX": "mexico, méxico, mx", "ES": "spain, españa, espana", "CA": "canada, canadá", "AU": "australia, oz",
    "DO": "dominican republic, república dominicana", "PE": "peru, perú", "BR": "brasil", "NL": "holland, the netherlands",
    "DE": "deutschland, alemania", "IE": "ireland, republic of ireland", "NZ": "new zealand", "KR": "south korea",
}  # fmt: skip


def _table(name: str) -> list[list[str]]:
    text = resources.files("tzdata").joinpath("zoneinfo", name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


@cache
def _countries() -> dict[str, str]:
    """Country codes by folded name and by code."""
    found: dict[str, str] = {}
    for code, name, *_ in _table("iso3166.tab"):
        found[fold(name)] = found[code.lower()] = code
    for code, names in _ALSO.items():
        found |= {fold(name.strip()): code for name in names.split(",")}
    return found


def read_country(text: str) -> str | None:
    """A country as two letters: "US", "the states", "México".

    Two letters count where nobody means anything else by them: not "so" and "um", and not "CA", which is a state as well.
    """
    plain = _plain(text)
    for lead in ("i'm in ", "im in ", "i am in ", "i live in ", "in ", "the ", "estoy en ", "vivo en ", "en "):
        plain = plain.removeprefix(lead)
    if len(plain) == 2 and plain not in _PLAIN_CODES and (plain.upper() not in text or plain in _state_codes()):
        return None
    return _countries().get(plain)


def is_country(code: str) -> bool:
    """Whether two letters are the code of a country."""
    return len(code) == 2 and _countries().get(code.lower()) == code.upper()


_PLAIN_CODES = frozenset(("us", "uk", "gb", "mx", "es", "au"))


# The states of the US by their most common time zone; those that are named like a city are found as one.
_STATES = {
    "America/New_York": "connecticut ct, delaware de, florida fl, georgia ga, maine me, maryland md, massachusetts ma,"
    " michigan mi, new hampshire nh, new jersey nj, new york ny, north carolina nc, ohio oh, pennsylvania pa, rhode island ri,"
    " south carolina sc, vermont vt, virginia va, west virginia wv, district of columbia dc, washington dc, boston, atlanta,"
    " miami, philadelphia, philly, pittsburgh, cleveland, columbus, cincinnati, baltimore, charlotte, orlando, tampa, nyc,"
    " brooklyn, eastern, est, et",
    "America/Chicago": "alabama al, arkansas ar, illinois il, iowa ia, kansas ks, louisiana la, minnesota mn, mississippi ms,"
    " missouri mo, nebraska ne, north dakota nd, oklahoma ok, south dakota sd, tennessee tn, texas tx, wisconsin wi, kentucky ky,"
    " houston, dallas, austin, san antonio, new orleans, nashville, memphis, st louis, kansas city, minneapolis, milwaukee,"
    " central, cst",
    "America/Denver": "colorado co, montana mt, new mexico nm, utah ut, wyoming wy, albuquerque, salt lake city, el paso,"
    " mountain, mst",
    "America/Boise": "idaho id",
    "America/Phoenix": "arizona az, tucson",
    "America/Los_Angeles": "california ca, nevada nv, oregon or, washington wa, washington state, seattle, portland,"
    " san francisco, san diego, sacramento, la, sf, oakland, fresno, las vegas, pacific, pst",
    "America/Anchorage": "alaska ak", "Pacific/Honolulu": "hawaii hi",
    "America/Indiana/Indianapolis": "indiana in", "America/Puerto_Rico": "puerto rico pr, san juan",
    "America/Toronto": "ontario, quebec, ottawa, montreal", "America/Vancouver": "british columbia",
    "America/Edmonton": "alberta, calgary", "America/Winnipeg": "manitoba", "America/Regina": "saskatchewan",
    "America/Halifax": "nova scotia, new brunswick", "America/Mexico_City": "cdmx, ciudad de mexico, guadalajara, puebla",
    "Europe/Madrid": "barcelona, sevilla, valencia", "Europe/London": "manchester, birmingham, leeds, glasgow, edinburgh",
    "Australia/Sydney": "new south wales, canberra", "Australia/Melbourne": "victoria", "Australia/Brisbane": "queensland",
    "Australia/Adelaide": "south australia", "Australia/Perth": "western australia",
}  # fmt: skip


@cache
def _state_codes() -> frozenset[str]:
    """The two letters of each state of the US, and what else is short for a place."""
    words = (name.split()[-1] for names in _STATES.values() for name in names.split(","))
    return frozenset(word for word in words if len(word) == 2)


@cache
def _places() -> dict[str, str]:
    """Time zones by the folded names of cities and states."""
    found = {fold(row[2].rsplit("/", 1)[-1].replace("_", " ")): row[2] for row in _table("zone1970.tab")}
    for zone, names in _STATES.items():
        for name in names.split(","):
            full = fold(name.strip())
            found[full] = zone
            short = full.rsplit(" ", 1)
            if len(short) == 2 and len(short[1]) == 2:
                found[short[0]] = found[short[1]] = zone
    return found


# Short for a place, and words that people write for something else.
_ALSO_WORDS = frozenset(("hi", "ok", "me", "in", "or", "oh", "de", "id", "la", "pa", "ma", "al", "so", "mi", "va"))


def read_zone(text: str, country: str = "") -> str | None:
    """A time zone from a city, a state or an IANA name: "Chicago", "Boise, ID", "texas", "America/Denver".

    What is short for a state counts alone, after a comma, or in capitals: "help me" is not Maine.
    """
    plain = _plain(re.sub(r"[,/]", " , ", text) if "/" not in text else text)
    if "/" in text:
        named = {row[2].lower(): row[2] for row in _table("zone1970.tab")}
        return named.get(text.strip().lower())
    plain = re.sub(r"^(?:near|in|i'm (?:near|in)|i live (?:near|in)|cerca de|en|vivo en)\s+", "", plain)
    parts = [plain, *(part.strip() for part in re.split(r"\s{2,}|,", plain))]
    head, _, last = plain.rpartition(" ")
    if len(plain.split()) <= _MOST_WORDS:
        parts += [head] if len(last) == 2 else []
        parts += [last] if len(last) > 2 or last.upper() in text.split() else []
    for part in parts:
        word = part in _ALSO_WORDS and (part == plain and (part.upper() not in text or part in ("hi", "ok")))
        if part in _places() and not word:
            return _places()[part]
    return only_zone(country) if country and not plain else None


_MOST_WORDS = 5


def only_zone(country: str) -> str | None:
    """The time zone of a country that has only one; then nobody needs to be asked."""
    zones = {row[2] for row in _table("zone1970.tab") if country in row[0].split(",")}
    return zones.pop() if len(zones) == 1 else None


_TIME = re.compile(
    r"\b(?P<hour>\d{1,2})(?:[:.h](?P<minute>\d{2}))?(?:ish)?\s*(?P<half>am|pm|a\.m\.?|p\.m\.?|a|p)?\b"
    r"(?:\s*(?:in the|de la|por la)?\s*(?P<part>morning|afternoon|evening|night|manana|tarde|noche))?"
)
_NAMED = {"noon": time(12), "midday": time(12), "mediodia": time(12), "morning": time(9), "afternoon": time(15),
          "evening": time(19), "manana": time(9), "tarde": time(16), "noche": time(20)}  # fmt: skip


_AROUND_WORDS = (
    "at around about maybe say let's lets please ok okay sure yes yeah works good great best fine is it's its that for me us"
    " the in every each day daily are would be better i think prefer like make it how on my an hour o'clock oclock sharp ish than"
    " morning mornings afternoon evening evenings night time a an las la los el de del por cada dia dias como tipo mejor para"
    " mi esta bien si quisiera prefiero hora horas temprano tarde noche manana"
)
_AROUND_A_TIME = frozenset(_AROUND_WORDS.split())


def read_time(text: str) -> time | None:
    """A time of day that is fit for a message, from 8 in the morning to 9 at night: "9 am", "6:30 pm", "18h30", "noon".

    Nothing where more is told than a time: "i'm at a 9 right now" is no wish for nine o'clock.
    """
    plain = fold(text)
    found = _TIME.search(plain)
    said = plain[: found.start()] + plain[found.end() :] if found else plain
    words = set(re.findall(r"[a-z0-9']+", said))
    if found is None:
        named = next((name for name in _NAMED if re.search(rf"\b{name}\b", plain)), None)
        return _NAMED[named] if named and words - {named} <= _AROUND_A_TIME else None
    if not words <= _AROUND_A_TIME:
        return None
    hour, minute = int(found["hour"]), int(found["minute"] or 0)
    half, part = (found["half"] or "")[:1], found["part"] or ""
    if half == "p" or part in ("afternoon", "evening", "night", "tarde", "noche"):
        hour = hour + 12 if hour < 12 else hour
    elif half == "a" and hour == 12:
        hour = 0
    elif not half and not part and 1 <= hour <= 7 and found["minute"] is None:
        # "6" alone is the evening for most: nobody may be written to at six in the morning.
        hour += 12
    if hour > 23 or minute > 59:
        return None
    at = time(hour, minute)
    return at if DAY_BEGINS <= at <= DAY_ENDS else None


def read_number(text: str, country: str) -> str | None:
    """A phone number as +E.164; without a country code it is one of the person's country."""
    number: phonenumbers.PhoneNumber | None
    try:
        number = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException:
        found = next(iter(phonenumbers.PhoneNumberMatcher(text, country or None)), None)
        number = found.number if found else None
    if number is None or not phonenumbers.is_possible_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


_BEFORE_A_PLACE = re.compile(
    r"^(?:(?:i|we) (?:live|stay|am|are)|i'?m|we'?re|vivo|vivimos|estoy) (?:at|in|near|on|en|cerca de) "
    r"|^(?:my (?:address|place|house|apartment) is|mi direccion es) "
)
# Whoever writes one of these tells of something else, whatever was asked.
_NO_PLACE_WORDS = (
    "want wanna need feel feeling feels crave craving cravings drink drinking drank drunk using used beer beers bag"
    " bags sober clean relapsed relapse help cant"
    " can't dont don't won't wont hate die dying kill hurt hurts scared sad angry because think thinking know love sorry"
    " yes yeah yep yup ok okay sure nope si claro vale"
    " quiero necesito siento ayuda ayudame porque ganas beber tomar tome recai odio morir miedo triste no nunca never"
)
_NO_PLACE = frozenset(_NO_PLACE_WORDS.split())
_OF_ONESELF = frozenset(("i", "im", "i'm", "ive", "i've", "id", "me", "my", "you", "your", "u", "yo", "mi", "te", "tu"))


def _is_place(text: str) -> str | None:
    """An address or a town: nothing that tells of anything else, because staff may send somebody there."""
    plain = " ".join(text.split())
    rest = _BEFORE_A_PLACE.sub("", fold(plain))
    words = set(re.findall(r"[a-z']+", rest))
    numbered = any(word[0].isdigit() for word in rest.split())
    told = bool(words & _NO_PLACE) or (not numbered and bool(words & _OF_ONESELF))
    return plain if 3 <= len(plain) <= 300 and words and "?" not in plain and not told else None


def _is_contact(text: str) -> str | None:
    plain = " ".join(text.split())
    digits = sum(c.isdigit() for c in plain)
    return plain if digits >= 6 and any(c.isalpha() for c in plain) and len(plain) <= 300 else None


@dataclass(frozen=True, slots=True)
class Known:
    """What was told before and is needed to read the next answer."""

    country: str = ""


# How the answer to each question is read; nothing is what is no answer.
READ: dict[Step, Callable[[str, Known], str | None]] = {
    Step.COUNTRY: lambda text, _: read_country(text),
    Step.TIME_ZONE: lambda text, known: read_zone(text, known.country),
    Step.CHECK_IN_AT: lambda text, _: at.strftime("%H:%M") if (at := read_time(text)) else None,
    Step.NUMBER: lambda text, known: read_number(text, known.country),
    Step.PLACE: lambda text, _: _is_place(text),
    Step.EMERGENCY_CONTACT: lambda text, _: _is_contact(text),
}


def is_zone(name: str) -> bool:
    """Whether a name is a time zone that there is."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return False
    return True
