"""What someone writes to keep their phone from others: a PIN, neutral messages, a word that drops the subject. Pure."""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from bot.recovery.opting_out import wish
from bot.recovery.scales import fold

OPEN_FOR = timedelta(minutes=10)
MOST_WRONG = 5
LOCKED_FOR = timedelta(minutes=15)
# So long nothing is sent by itself to someone who has dropped the subject, unless they write.
QUIET_FOR = timedelta(hours=12)


class Order(StrEnum):
    """What is ordered."""

    PIN_HOW = "pin_how"
    PIN_SET = "pin_set"
    PIN_OFF = "pin_off"
    DISCREET_ON = "discreet_on"
    DISCREET_OFF = "discreet_off"
    EXIT_WORD = "exit_word"
    EXIT_WORD_OFF = "exit_word_off"


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order, and the PIN or the word that goes with it."""

    order: Order
    value: str = ""


_PIN = re.compile(r"/?(?:set (?:a |my )?|mi )?(?:pin|clave)(?:\s*(?:is|to|=|:|es))?\s+(?P<value>\d{1,12})")
_EXIT = re.compile(
    r"(?:my |mi )?(?:exit word|quick exit word|palabra de salida)(?:\s*(?:is|=|:|es))?\s+(?P<value>\S.{1,30})"
)
_WORDS = {
    Order.PIN_HOW: ("pin", "/pin", "set a pin", "set pin", "i want a pin", "new pin", "poner pin"),
    Order.PIN_OFF: ("pin off", "/pin off", "no pin", "remove pin", "remove my pin", "quitar pin"),
    Order.DISCREET_ON: ("discreet on", "/discreet on", "be discreet", "modo discreto"),
    Order.DISCREET_OFF: ("discreet off", "/discreet off", "modo normal"),
    Order.EXIT_WORD_OFF: (
        "exit word off",
        "no exit word",
        "remove exit word",
        "remove my exit word",
        "sin palabra de salida",
        "quitar palabra de salida",
        "quitar mi palabra de salida",
    ),
}
_BY_WORDS = {word: order for order, words in _WORDS.items() for word in words}


def ordered(text: str) -> Ordered | None:
    """What a text orders, where it orders any of this and nothing else."""
    plain = fold(text).strip(" .!")
    order = _BY_WORDS.get(plain)
    if order is not None:
        return Ordered(order)
    found = _PIN.fullmatch(plain)
    if found:
        return Ordered(Order.PIN_SET, found["value"])
    found = _EXIT.fullmatch(plain)
    return Ordered(Order.EXIT_WORD, found["value"].strip()) if found else None


def good_pin(value: str) -> bool:
    """Whether digits make a PIN: four to eight, and not all the same."""
    return value.isdecimal() and 4 <= len(value) <= 8 and len(set(value)) > 1


# Words that mean something else too often to drop the subject.
_TAKEN_WORDS = (
    "yes no ok okay skip next enough more details datos craving plan person hi hello thanks bye uno dos si on off"
)
_TAKEN = frozenset(_TAKEN_WORDS.split())


def good_word(value: str) -> bool:
    """Whether a word can be an exit word: nothing that carriers, forms or safety questions take for something else."""
    plain = fold(value).strip(" .!")
    return len(plain) >= 3 and not plain.isdecimal() and plain not in _TAKEN and wish(plain, keywords=True) is None


def is_word(text: str, word: str) -> bool:
    """Whether a text is somebody's exit word."""
    return bool(word) and fold(text).strip(" .!") == fold(word).strip(" .!")


def is_secret(text: str, *, has_pin: bool) -> bool:
    """Whether a text is a PIN, right or wrong, or sets a PIN or an exit word."""
    asked = ordered(text)
    if asked is not None and asked.value:
        return True
    return has_pin and good_pin(text.strip())
