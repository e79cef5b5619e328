"""Answers in Spanish: what was meant is understood, and met with a few words and a person, for the dialogue is in English."""

from typing import Any

from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker

from actions.base import Event, back_to_form, lines, offer, say
from actions.meanings import HEAVY, ranked
from bot.care.human import AskForHuman
from bot.care.turn import Turn
from bot.escalation.policy import AlertKind

_LOW = "utter_spanish_low"
_GOOD = "utter_spanish_good"
# Which words belong to what was meant; whatever is not named gets ``utter_spanish``.
_WORDS = {
    "report_craving": "utter_spanish_craving",
    "report_risky_situation": "utter_spanish_craving",
    "ask_skill": "utter_spanish_skill",
    "report_lapse": "utter_spanish_lapse",
    "ask_after_lapse": "utter_spanish_lapse",
    "report_low_mood": _LOW,
    **dict.fromkeys(HEAVY, _LOW),
    "report_good_mood": _GOOD,
    "report_milestone": _GOOD,
    "tell_change": _GOOD,
    "doubt_recovery": "utter_spanish_doubt",
    "tell_ambivalence": "utter_spanish_doubt",
    "greet": "utter_spanish_greet",
    "goodbye": "utter_spanish_goodbye",
    "thank": "utter_spanish_thank",
    "ask_bot": "utter_spanish_bot",
    "ask_privacy": "utter_spanish_privacy",
    "ask_lines": "utter_spanish_lines",
    "family_overdose": "utter_spanish_overdose",
}
_FAMILY = "utter_spanish_family"
_SURE = 0.3
_WHY = "writes in Spanish and wants a person"
# What a "sí" or a "no" is an answer to; any other offer was made in English and of something that only English has.
_OF_A_PERSON = ("human", "concern")
# After these nobody is asked whether they want a person.
_LIGHT = frozenset({"goodbye", "thank", "report_good_mood", "report_milestone", "tell_change"})


def answer_in_spanish(
    turn: Turn, dispatcher: CollectingDispatcher, tracker: Tracker, *, in_danger: bool
) -> list[Event]:
    """Speak the Spanish words for what was meant; a person is called where one is asked for, else offered."""
    meant, sure = next(iter(ranked(tracker)), ("", 0.0))
    offered = tracker.get_slot("offer") or {}
    if meant == "request_human" or (meant in ("affirm", "deny") and offered.get("what") in _OF_A_PERSON):
        return [*take_up_in_spanish(turn, dispatcher, offered, yes=meant != "deny"), *back_to_form(tracker)]
    if in_danger:
        say(dispatcher, "utter_spanish_in_danger", **_numbers(turn))
        return back_to_form(tracker)
    words = _WORDS.get(meant, _FAMILY if meant.startswith("family_") else "utter_spanish")
    say(dispatcher, words if sure >= _SURE else "utter_spanish", practice=turn.practice, **_numbers(turn))
    if meant in _LIGHT:
        return back_to_form(tracker)
    return [SlotSet("offer", offer(turn, "human", why=_WHY, language="es")), *back_to_form(tracker)]


def take_up_in_spanish(
    turn: Turn, dispatcher: CollectingDispatcher, offered: dict[str, Any], *, yes: bool
) -> list[Event]:
    """Call the person who was offered, for what they were offered for, or let the offer go."""
    if yes:
        concern = offered.get("what") == "concern"
        why = "a relative is worried; writes in Spanish" if concern else str(offered.get("why") or _WHY)
        turn.stage(AskForHuman(why, AlertKind.CONCERN if concern else AlertKind.HUMAN))
    say(dispatcher, "utter_spanish_human" if yes else "utter_spanish_no", **_numbers(turn))
    return [SlotSet("offer", None)]


def _numbers(turn: Turn) -> dict[str, str]:
    """The lines to call, without the words about them, which are English."""
    return {name: line.split(" (")[0] for name, line in lines(turn).items()}
