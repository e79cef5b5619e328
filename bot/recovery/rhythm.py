"""When a client wants to be asked: "text me at 8 instead", "only weekdays", "nothing until monday", as people write it."""

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.recovery.check_in import DAY_BEGINS, DAYS, Rhythm
from bot.recovery.joining import read_time, read_zone
from bot.recovery.scales import fold

LONGEST_PAUSE = timedelta(days=60)
# Whoever wants to be asked twice and names one time or none is asked then as well.
MORNING, EVENING = time(9), time(20)
_NOON = time(14)
# "Later" without a time.
LATER = timedelta(hours=2)

_CLOCK = (
    r"(?:\d{1,2}(?:[:.h]\d{2})?\s*(?:am|pm|a\.m\.?|p\.m\.?)?|noon|midday|mediodia)"
    r"(?:\s+(?:in the|de la|por la) (?:morning|afternoon|evening|manana|tarde|noche))?"
)
_NOT_A_TIME = r"(?![\w/])(?!\s*(?:days?|weeks?|months?|hours?|min|dias?|semanas?|meses|horas?|times?|veces))"
_WANTED = re.compile(
    rf"\b(?:ask|text|write|message|ping|check|send|move|make|change|switch|set|do|preguntame|escribeme|ponlo|cambialo)\b"
    rf"[^.;!?]{{0,40}}?\b(?:at|to|around|by|about|a las?|para las)\s+{_CLOCK}",
    re.IGNORECASE,
)
# "I'm at 8 right now" is a craving.
_AT = re.compile(
    rf"(?<!i'm )(?<!im )(?<!am )\b(?:at|to|around|by|about|a las?|para las)\s+(?P<time>{_CLOCK}){_NOT_A_TIME}",
    re.IGNORECASE,
)
_AND = re.compile(rf"\s*(?:and|&|,|y)\s*(?:at|a las?)?\s*(?P<time>{_CLOCK}){_NOT_A_TIME}", re.IGNORECASE)
_NOT_THIS = re.compile(
    r"\b(?:instead of|rather than|not(?: at)?|from|en vez de(?: las?)?|en lugar de(?: las?)?)\s+\S+(?:\s*(?:am|pm))?",
    re.IGNORECASE,
)
_TWICE = re.compile(
    r"\b(?:twice a day|two times a day|2x a day|2 times a day|dos veces al dia|morning and (?:evening|night))\b"
)
_ONCE = re.compile(r"\b(?:once a day|just once|only once|one a day|una vez al dia|una sola vez)\b")
_WEEKDAYS = re.compile(
    r"\b(?:(?:only|just) (?:on )?(?:week ?days|work ?days)|(?:week ?days|work ?days) only"
    r"|(?:not|no|never|skip) (?:on |the )?weekends?"
    r"|monday (?:to|through|thru) friday|mon ?- ?fri|entre semana|de lunes a viernes)\b"
)
_EVERY_DAY = re.compile(r"\b(?:every ?day|all week|seven days|weekends? too|todos los dias)\b")
_NAMES = {
    "mon": "mon(?:days?)?|lunes", "tue": "tues?(?:days?)?|martes", "wed": "wed(?:nesdays?)?|miercoles",
    "thu": "thu(?:rs?)?(?:days?)?|jueves", "fri": "fri(?:days?)?|viernes", "sat": "sat(?:urdays?)?|sabados?",
    "sun": "sun(?:days?)?|domingos?",
}  # fmt: skip
_ANY_DAY = "|".join(_NAMES.values())
_AND_ON = r"\s*(?:,|and|or|&|y|ni|/)?\s*(?:on |los? |el )?"
_LISTED = rf"(?:(?:{_ANY_DAY})\b{_AND_ON})+"
_ONLY_DAYS = re.compile(rf"\b(?:only|just|solo|solamente)\s+(?:on |los? |el )?(?P<days>{_LISTED})")
# "Not on sundays" is a habit, "not on sunday" may be this one.
_NOT_DAYS = re.compile(
    r"\b(?:not|never|except|no|skip|menos|excepto)\s+(?:on )?(?P<days>(?:(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days"
    rf"|los (?:lunes|martes|miercoles|jueves|viernes|sabados|domingos))\b{_AND_ON})+)"
)

_WEEK = ("monday|lunes", "tuesday|martes", "wednesday|miercoles", "thursday|jueves", "friday|viernes", "saturday|sabado",
         "sunday|domingo")  # fmt: skip
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_MONTH_NAMES = "|".join(rf"{m[:3]}(?:{m[3:]})?" if m[3:] else m for m in _MONTHS)
_COUNTS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "ten": 10, "un": 1,
    "una": 1, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5,
}  # fmt: skip
_SPAN = re.compile(
    r"\b(?:for|por)\s+(?:the\s+next\s+|about\s+)?(?P<count>\d{1,2}|a couple of|"
    + "|".join(_COUNTS)
    + r")\s+(?P<unit>day|week|month|dia|semana|mes)(?:e?s)?\b"
)
_A_FEW_WORDS, _FRIDAY = 5, 4
_PAUSING = re.compile(
    r"\b(?:pause|nothing|no|not|stop|break|hold|skip|leave me|quiet|off|dont|don't|without|pausa|nada|sin|deja|dejame|para)\b"
)
_UNITS = {"day": 1, "dia": 1, "week": 7, "semana": 7, "month": 30, "mes": 30}
_TILL = r"\b(?:until|till|til|before|hasta)\s+"
_UNTIL = re.compile(
    _TILL + r"(?:next\s+|el\s+)?(?:" + "|".join(f"(?P<d{n}>{names})" for n, names in enumerate(_WEEK)) + r")\b"
)
_UNTIL_MONDAY = re.compile(
    r"\b(?:(?:until|till|til) next week|this week off|(?:over|for|on) the weekend|this weekend"
    r"|hasta la (?:proxima semana|semana que viene)|este fin de semana)\b"
)
_TODAY = re.compile(
    r"\b(?:today|tonight) (?:only|off)\b|\bnot today\b|\bskip today\b|\b(?:until|till|til) tomorrow\b"
    r"|\bhoy no\b|\bhasta manana\b"
)
_DATE = re.compile(
    _TILL + r"(?:the\s+)?(?:(?P<m>" + "|".join(m[:3] for m in _MONTHS) + r")[a-z]*\.?\s+(?P<d>\d{1,2})"
    r"|(?P<d2>\d{1,2})(?:st|nd|rd|th)?(?:\s+of)?\s+(?P<m2>" + _MONTH_NAMES + r")\b)"
)
_PLACE = re.compile(
    r"\b(?:i'?m|i am|we'?re|be|back|live|living|stay(?:ing)?|moved?|moving|travell?ing|fly(?:ing)?|estoy|me mude|vivo|voy)\s+"
    r"(?:(?:now|here|back|out|over|ahora)\s+)*(?:in|to|en|a)\s+(?P<place>[^.;!?\n]{2,40})",
    re.IGNORECASE,
)
# "A detox center" is none of the places of that name.
_NO_PLACE = re.compile(
    r"^(?:an?|the|my|our|your|his|her|this|that|some)\b|\b(?:center|easter|troll|wake|midway|eve)$", re.I
)
_ZONE_NAMES = {
    "eastern": "America/New_York", "central": "America/Chicago", "mountain": "America/Denver",
    "pacific": "America/Los_Angeles",
}  # fmt: skip
_ZONE_NAMED = re.compile(rf"\b(?P<name>{'|'.join(_ZONE_NAMES)})(?: (?:standard|daylight))? time\b")
_IN = re.compile(
    r"\bin\s+(?:about\s+|like\s+)?(?P<count>\d{1,3}|an?|one|two|three|four|half an|a couple(?: of)?|a few)\s*"
    r"(?P<unit>h|hr|hour|m|min|minute)s?\b|\ben\s+(?P<count_es>\d{1,3}|una|dos|tres|media)\s+(?P<unit_es>hora|minuto)s?\b"
)
_PARTS = (
    (re.compile(r"\b(?:this afternoon|after lunch|esta tarde)\b"), time(15)),
    (re.compile(r"\b(?:after work|this evening|after dinner|despues del trabajo)\b"), time(18)),
    (re.compile(r"\b(?:tonight|before bed|esta noche)\b"), time(20)),
)
# A message asks for later only where nothing else is in it: "i used at work" and "strong, driving past the store" do not.
_WHY = (
    r"(?:(?:i'?m|i am|am|estoy)\s+)?(?:(?:kinda|too|so|really|still|just|muy)\s+)?"
    r"(?:busy|at work|in a meeting|in class|on shift|driving|manejando|en el trabajo|ocupad[oa])(?:\s+(?:right now|rn|now|ahora))?"
)
_LATER = (
    r"(?:not (?:right )?now|maybe later|later|in a bit|in a while|give me a (?:minute|min|sec|while|bit)|snooze"
    r"|(?:mejor )?mas tarde|ahora no|ahorita no|luego|al rato)"
)
_ASK = (
    r"(?:(?:can|could|will) you\s+)?(?:(?:ask|text|write|ping|remind|try) me|try|check (?:in|back)(?: (?:with|on) me)?|check on me"
    r"|preguntame|escribeme|avisame)(?:\s+(?:again|back|then|otra vez))?"
)
_WHEN = re.sub(
    "[?]P<[a-z_]+>",
    "?:",
    rf"(?:{_IN.pattern}|(?:at|around|about|a las?|para las)\s+{_CLOCK}|{'|'.join(words.pattern for words, _ in _PARTS)})",
)
_FILLER = r"(?:ok|okay|sorry|hey|hi|please|pls|plz|thanks|thx|perdon|por favor|gracias|maybe|and|so|but|y)"
_BETWEEN = r"[\s,.;!?-]*"
_SNOOZE = re.compile(
    rf"(?:{_FILLER}{_BETWEEN})*(?:(?P<why>{_WHY}){_BETWEEN}(?:{_FILLER}{_BETWEEN})*)*(?:(?P<later>{_LATER}){_BETWEEN})?"
    rf"(?:{_FILLER}{_BETWEEN})*(?:(?P<ask>{_ASK}){_BETWEEN}(?:later{_BETWEEN})?)?(?:(?P<when>{_WHEN}){_BETWEEN})?"
    rf"(?:{_FILLER}{_BETWEEN})*"
)
# At nine in the evening the night begins, and the clock looks a little later.
_LAST = time(20, 45)
_NO_LONGER = 120


@dataclass(frozen=True, slots=True)
class Change:
    """What a message wants of the check-ins; what it does not speak of is nothing.

    Attributes:
        rhythm: when they want to be asked from now on.
        zone: where they are now, as a time zone.
        back: no check-in before this day.
    """

    rhythm: Rhythm | None = None
    zone: str | None = None
    back: date | None = None

    def __bool__(self) -> bool:
        return self != Change()


def read_change(text: str, now: Rhythm, today: date) -> Change:
    """What a message wants of the check-ins that a client has now."""
    plain = _bare(text)
    back = read_pause(text, today)
    zone = read_travel(text)
    if back is not None and not read_new_times(text):
        return Change(back=back, zone=zone)
    rhythm = replace(now, times=_times(text, plain, now), days=_days(plain, now))
    return Change(rhythm if rhythm != now else None, zone)


def _bare(text: str) -> str:
    """Small letters without accents, as most people type."""
    return "".join(c for c in unicodedata.normalize("NFD", fold(text)) if not unicodedata.combining(c))


def read_new_times(text: str) -> tuple[time, ...]:
    """The times of day at which someone wants to be asked from now on, two at the most."""
    said = _NOT_THIS.sub(" ", _bare(text))
    wanted = _WANTED.search(said)
    # "My shift ends at 3 so ask me at 4": the time that is asked for, not the first one.
    first = _AT.search(said, wanted.start()) if wanted else _AT.search(said)
    at = read_time(first["time"]) if first else None
    if first is None or at is None:
        return ()
    second = _AND.match(said, first.end())
    also = read_time(second["time"]) if second else None
    return (at,) if also is None or also == at else (at, also)


def _times(text: str, plain: str, now: Rhythm) -> tuple[time, ...]:
    named = read_new_times(text)
    if _TWICE.search(plain) and len(named) < 2:
        first = named[0] if named else now.times[0]
        return (first, EVENING if first < _NOON else MORNING)
    if _ONCE.search(plain):
        return named[:1] or now.times[:1]
    return named or now.times


def _days(plain: str, now: Rhythm) -> frozenset[str]:
    if _WEEKDAYS.search(plain):
        return frozenset(DAYS[:5])
    if _EVERY_DAY.search(plain):
        return frozenset(DAYS)
    if only := _ONLY_DAYS.search(plain):
        return _named_days(only["days"]) or now.days
    if without := _NOT_DAYS.search(plain):
        return now.days - _named_days(without["days"]) or now.days
    return now.days


def _named_days(said: str) -> frozenset[str]:
    return frozenset(day for day, names in _NAMES.items() if re.search(rf"\b(?:{names})\b", said))


def read_travel(text: str) -> str | None:
    """The time zone of the place where someone says that they are now, or of which they name the time."""
    plain = _bare(text)
    if named := _ZONE_NAMED.search(plain):
        return _ZONE_NAMES[named["name"]]
    for found in _PLACE.finditer(text):
        # "Denver now so 9 is too early": the place ends before the next thought.
        words = re.split(
            r"\b(?:now|so|and|for|until|till|til|this|next|the|but|where|hasta|ahora|y|asi)\b|,",
            found["place"],
            flags=re.I,
        )
        place = words[0].strip()
        if _NO_PLACE.search(place):
            continue
        zone = read_zone(place) if len(place) > 2 else None
        if zone:
            return zone
    return None


def _may_pause(plain: str, at: int) -> bool:
    """Whether "for 3 days" is a wish: alone, or beside a word for it, and no count of the days behind someone."""
    before = plain[:at].rstrip()
    behind = re.search(r"\b(?:been|have|had|sober|clean|off it|without|now|asked|llevo)(?:\s+\w+){0,2}$", before)
    return not behind and (len(plain.split()) <= _A_FEW_WORDS or bool(_PAUSING.search(plain)))


def read_pause(text: str, today: date) -> date | None:
    """The day on which someone wants to be asked again; nothing where no end is told, or one too far away."""
    plain = _bare(text)
    back: date | None = None
    if _TODAY.search(plain):
        back = today + timedelta(days=1)
    elif (span := _SPAN.search(plain)) and _may_pause(plain, span.start()):
        count = 2 if span["count"] == "a couple of" else _COUNTS.get(span["count"]) or int(span["count"])
        back = today + timedelta(days=count * _UNITS[span["unit"]])
    elif named := _UNTIL.search(plain):
        day = next(n for n in range(len(_WEEK)) if named[f"d{n}"])
        back = today + timedelta(days=(day - today.weekday() - 1) % 7 + 1)
    elif said := _DATE.search(plain):
        back = _date(said["m"] or said["m2"], int(said["d"] or said["d2"]), today)
    elif (until := _UNTIL_MONDAY.search(plain)) and (today.weekday() >= _FRIDAY or "weekend" not in until[0]):
        # Of a weekend to come the week before is not meant.
        back = None if read_new_times(text) else today + timedelta(days=7 - today.weekday())
    return back if back and today < back <= today + LONGEST_PAUSE else None


def read_snooze(text: str, now: datetime, zone: ZoneInfo, *, plainly: bool = False) -> datetime | None:
    """Until when (UTC) someone who is asked now wants to be left alone on the same day; nothing where they want no such thing.

    Args:
        plainly: "at work" and "tonight" alone are not enough, because they may be an answer.
    """
    plain, local = _bare(text).strip(), now.astimezone(zone)
    # Nobody needs more words for that; and a pattern of so many parts must not be given a long text.
    said = _SNOOZE.fullmatch(plain) if len(plain) <= _NO_LONGER else None
    if said is None or not any(said[part] for part in (("later", "ask") if plainly else ("why", "later", "when"))):
        return None
    when = said["when"] or ""
    times = read_new_times(when)
    part = next((at for words, at in _PARTS if words.search(when)), None)
    if span := _IN.search(when):
        until = local + _length(span)
    elif times or part:
        at = times[0] if times else part or time()
        until = local.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    elif when:
        return None
    else:
        until = local + LATER
    # Nobody is asked at night, nor on the next day what belongs to this one.
    if until <= local or until.date() != local.date() or not DAY_BEGINS <= until.time() <= _LAST:
        return None
    return until.astimezone(UTC)


def _length(span: re.Match[str]) -> timedelta:
    said, unit = span["count"] or span["count_es"], span["unit"] or span["unit_es"]
    if said in ("half an", "media"):
        return timedelta(minutes=30)
    few = {"a couple": 2, "a couple of": 2, "a few": 3, **_COUNTS}
    count = few.get(said) or int(said)
    return timedelta(hours=count) if unit.startswith("h") else timedelta(minutes=count)


def _date(month: str, day: int, today: date) -> date | None:
    number = next(at for at, name in enumerate(_MONTHS, 1) if name.startswith(month))
    for year in (today.year, today.year + 1):
        try:
            found = date(year, number, day)
        except ValueError:
            return None
        if found > today:
            return found
    return None
