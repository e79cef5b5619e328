"""When a client wants to be asked: reading "text me at 8 instead" and "nothing until monday" as people write them."""

import re
from datetime import date, timedelta

from bot.recovery.joining import read_time
from bot.recovery.scales import fold

LONGEST_PAUSE = timedelta(days=60)

_CLOCK = (
    r"(?:\d{1,2}(?:[:.h]\d{2})?\s*(?:am|pm|a\.m\.?|p\.m\.?)?|noon|midday)(?:\s+in the (?:morning|afternoon|evening))?"
)
_AT = re.compile(
    rf"\b(?:at|to|around|by|about|a las)\s+(?P<time>{_CLOCK})(?![\w/])(?!\s*(?:days?|weeks?|months?|hours?|min))",
    re.IGNORECASE,
)
_NOT_THIS = re.compile(r"\b(?:instead of|rather than|not(?: at)?|from)\s+\S+(?:\s*(?:am|pm))?", re.IGNORECASE)
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_COUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "ten": 10}
_SPAN = re.compile(
    r"\bfor\s+(?:the\s+next\s+|about\s+)?(?P<count>\d{1,2}|a couple of|"
    + "|".join(_COUNTS)
    + r")\s+(?P<unit>day|week|month)s?\b"
)
_UNTIL = re.compile(r"\b(?:until|till|til|before)\s+(?:next\s+)?(?P<day>" + "|".join(_DAYS) + r")\b")
_UNTIL_MONDAY = re.compile(
    r"\b(?:(?:until|till|til) next week|this week off|(?:over|for|on) the weekend|this weekend)\b"
)
_DATE = re.compile(
    r"\b(?:until|till|til)\s+(?:the\s+)?(?:(?P<m>" + "|".join(m[:3] for m in _MONTHS) + r")[a-z]*\.?\s+(?P<d>\d{1,2})"
    r"|(?P<d2>\d{1,2})(?:st|nd|rd|th)?(?:\s+of)?\s+(?P<m2>" + "|".join(m[:3] for m in _MONTHS) + r")[a-z]*)"
)


def read_new_time(text: str) -> str | None:
    """The time of day at which someone wants to be asked from now on, as ``HH:MM``; nothing where none is told."""
    found = _AT.search(_NOT_THIS.sub(" ", text))
    at = read_time(found["time"]) if found else None
    return at.strftime("%H:%M") if at else None


def read_pause(text: str, today: date) -> date | None:
    """The day on which someone wants to be asked again; nothing where no end is told, or one too far away."""
    plain = fold(text)
    back: date | None = None
    if re.search(r"\b(?:today|tonight) (?:only|off)\b|\bnot today\b|\bskip today\b|\buntil tomorrow\b", plain):
        back = today + timedelta(days=1)
    elif span := _SPAN.search(plain):
        count = 2 if span["count"] == "a couple of" else _COUNTS.get(span["count"]) or int(span["count"])
        back = today + timedelta(days=count * {"day": 1, "week": 7, "month": 30}[span["unit"]])
    elif named := _UNTIL.search(plain):
        ahead = (_DAYS.index(named["day"]) - today.weekday() - 1) % 7 + 1
        back = today + timedelta(days=ahead)
    elif said := _DATE.search(plain):
        back = _date(said["m"] or said["m2"], int(said["d"] or said["d2"]), today)
    elif _UNTIL_MONDAY.search(plain):
        back = today + timedelta(days=7 - today.weekday())
    return back if back and today < back <= today + LONGEST_PAUSE else None


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
