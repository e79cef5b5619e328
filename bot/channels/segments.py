"""SMS arithmetic: which alphabet a text goes out in, and how many segments it costs.

GSM-7 is the default alphabet of 3GPP TS 23.038; one letter outside it turns the whole message into UCS-2, with less
than half the room. Own code, because no library on PyPI is typed, maintained and right at the segment borders.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("\f^{}\\[~]|€")  # an escape and a second character each: two units
_GSM = _BASIC | _EXTENSION
# Room of a message that stands alone, and of each part of a longer one, which also carries a header.
_GSM_ROOM = (160, 153)
_UCS_ROOM = (70, 67)

# One for one: such a text can only get shorter, so this is done even when it stays UCS-2.
_ONE_FOR_ONE = str.maketrans(
    dict.fromkeys("\u2018\u2019\u201a\u201b\u2032\u2035\u2039\u203a\u02bc`\u00b4", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u2033\u2036\u00ab\u00bb", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\ufe58\ufe63", "-")
    | dict.fromkeys("\u2022\u2023\u2219\u25aa\u25ab\u25cb\u25cf\u25e6", "-")
    | dict.fromkeys("\t\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f", " ")
    | dict.fromkeys("\u0085\u2028\u2029", "\n")
    | {"\u00d7": "x", "\u2044": "/", "\u2215": "/"}
)
# These change the length, and what is dropped may matter in other scripts: only where all becomes GSM-7 by it.
# Fractions, superscripts and the raised point are left alone: in a dose, "21/2" is not "2½".
_ANY_LENGTH = _ONE_FOR_ONE | str.maketrans(
    {"\u2026": "...", "\u2192": "->", "\u2190": "<-", "\u2194": "<->", "\u21d2": "=>", "\u21d0": "<="}
    | {"\u2264": "<=", "\u2265": ">=", "\ufb01": "fi", "\ufb02": "fl", "\u2122": "(TM)", "\u00ae": "(R)"}
    | dict.fromkeys("\u00ad\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff", "")
)
_SEPARATE_ACCENT = re.compile("[A-Za-z][\u0300-\u036f]")

Encoding = Literal["GSM-7", "UCS-2"]


@dataclass(frozen=True, slots=True)
class Fit:
    """What a text takes: ``units`` are septets in GSM-7 and 16-bit words in UCS-2."""

    encoding: Encoding
    units: int
    segments: int


def fit(text: str) -> Fit:
    """How a text goes out; an empty one still is one segment (3GPP TS 23.038 and 23.040)."""
    gsm = _GSM.issuperset(text)
    widths = [2 if (char in _EXTENSION if gsm else ord(char) > 0xFFFF) else 1 for char in text]
    alone, part = _GSM_ROOM if gsm else _UCS_ROOM
    units = sum(widths)
    return Fit("GSM-7" if gsm else "UCS-2", units, 1 if units <= alone else _parts(widths, part))


def to_gsm(text: str) -> str:
    """The same text in GSM-7 where its meaning stays; other letters are kept, and it never takes more segments."""
    plain = _composed(text.translate(_ANY_LENGTH))
    if _GSM.issuperset(plain) and fit(plain).segments <= fit(text).segments:
        return plain
    return _composed(text.translate(_ONE_FOR_ONE))


def _parts(widths: list[int], room: int) -> int:
    """Segments filled one after the other, where a character of two units goes whole into the next one."""
    parts, left = 1, room
    for width in widths:
        if width > left:
            parts, left = parts + 1, room
        left -= width
    return parts


def _composed(text: str) -> str:
    """Letters and accents that were sent apart, as some phones do, put together where that gives one character."""
    return _SEPARATE_ACCENT.sub(lambda pair: _one(pair[0]), text)


def _one(pair: str) -> str:
    whole = unicodedata.normalize("NFC", pair)
    return whole if len(whole) == 1 else pair
