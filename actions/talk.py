"""Plain talk, moods, a number out of the blue, and what to do when a message is not understood."""

import re
from typing import ClassVar

from rasa_sdk.events import ActiveLoop, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker

from actions.base import (
    POURED_OUT,
    Domain,
    Event,
    HandrailAction,
    back_to_form,
    begun,
    for_role,
    found_danger,
    intent_of,
    lines,
    offer,
    open_form,
    say,
    say_level,
    says_what_it_was,
    team,
    text_of,
)
from actions.check_in import CheckInStep, correct_today
from actions.craving import CravingStep
from actions.forms import came_back
from actions.lapse import LapseStep
from actions.skills import SkillStep
from bot.care.turn import Turn
from bot.recovery import scales
from bot.recovery.people import Role

_FORM_SLOTS = tuple(
    dict.fromkeys(
        (
            *CravingStep.slots,
            *SkillStep.slots,
            *CheckInStep.slots,
            *LapseStep.slots,
            "walk",
            "misses",
            "episode",
            "lapse_told",
        )
    )
)
_SPANISH = re.compile(
    r"\b(?:que|qué|no|estoy|quiero|ayuda|ayúdame|por|favor|hola|necesito|me|siento|puedo|mi|con|para|pero|muy|como|cómo|"
    r"hablar|gracias|tengo|ganas|beber|tomar|hoy|una|el|la|los|las|de|es|solo|mal|triste|recaída|consumir)\b|[¿¡ñ]",
    re.IGNORECASE,
)
_SPANISH_ONLY = re.compile(
    r"\b(?:estoy|quiero|ayuda|ayúdame|hola|necesito|siento|puedo|pero|muy|cómo|hablar|gracias|tengo|ganas|beber|tomar|"
    r"hoy|una|los|las|mal|triste|recaída|consumir|qué)\b|[¿¡ñ]",
    re.IGNORECASE,
)
_SPANISH_HELLO = re.compile(r"\b(?:hola|buenas|buenos d[ií]as|qu[eé] tal)\b", re.IGNORECASE)
_DELETES = re.compile(
    r"\b(?:delete|erase|remove|wipe|get rid of)\b.{0,30}\b(?:data|account|profile|history|records?|info|information"
    r"|everything (?:i|you|about|that)|(?:what|all) (?:i|you) (?:wrote|said|sent|told|know|have)"
    r"|(?:my|our|these|all|the) (?:texts|messages|chats?))\b"
    r"|\b(?:data|account|records?|messages) (?:be |get )?(?:deleted|erased|removed|wiped)\b"
)
_ON_THE_PHONE = re.compile(r"\b(?:on|from|off) (?:my|the|this) (?:phone|cell)\b")
_HELP = frozenset(["help", "help me", "help please", "pls help", "please help", "please help me", "i need help", "sos"])
LISTENS = 2


class Clear(HandrailAction):
    """Puts away whatever form was open, so that the next begins clean."""

    title: ClassVar[str] = "action_clear"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        self.turn(tracker)
        return put_away()


def put_away() -> list[Event]:
    """The events that close whatever form is open and forget its answers; what was told is kept already."""
    return [ActiveLoop(None), SlotSet("requested_slot", None), *(SlotSet(name, None) for name in _FORM_SLOTS)]


# After these someone has been asked something open: what they write next is heard, whatever it is.
_OPEN = frozenset(
    {
        "greet",
        "small_talk",
        "report_good_mood",
        "report_milestone",
        "doubt_recovery",
        "skip",
        "out_of_scope",
        "complain",
    }
)


# Small talk and "that is outside what I know" have no place while staff have an open danger alert.
_LIGHT = frozenset({"out_of_scope", "small_talk", "report_milestone", "report_good_mood"})


class Say(HandrailAction):
    """Speaks ``utter_<intent>``, in the wording for the person's role where there is one."""

    title: ClassVar[str] = "action_say"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        intent = intent_of(tracker)
        if open_form(tracker) and intent in ("greet", "goodbye", "thank", "small_talk"):
            # A greeting in the middle of something: no new subject is opened.
            say(dispatcher, f"utter_{'goodbye' if intent == 'goodbye' else 'here'}", name=turn.person.first_name)
            return back_to_form(tracker) if intent != "goodbye" else put_away()
        if scales.fold(text_of(tracker)).strip(" .!?") in _HELP:
            say(dispatcher, for_role(turn, "utter_help_alone", domain), **lines(turn))
            return back_to_form(tracker)
        if asks_for_deletion(text_of(tracker)):
            return await _tell_of_deletion(turn, dispatcher, tracker)
        if intent == "greet" and _SPANISH_HELLO.search(text_of(tracker)):
            return _in_spanish(turn, dispatcher)
        if intent in _LIGHT and await turn.in_danger():
            say(dispatcher, "utter_unsure_in_danger", **lines(turn))
            return back_to_form(tracker)
        if await says_what_it_was(turn, tracker):
            return _hear_what_it_was(turn, dispatcher, tracker)
        response = for_role(turn, f"utter_{intent}", domain)
        say(dispatcher, response, name=turn.person.first_name, practice=turn.practice, **lines(turn))
        if intent == "change_check_in":
            return [SlotSet("offer", offer(turn, "human", why="wants the check-in changed")), *back_to_form(tracker)]
        if open_form(tracker):
            return back_to_form(tracker)
        return [SlotSet("offer", offer(turn, "listen"))] if intent in _OPEN else []


class Mood(HandrailAction):
    """A low mood: heard first, then something small or a person. A relative gets words about their own load."""

    title: ClassVar[str] = "action_mood"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        if turn.person.role is Role.FAMILY:
            dispatcher.utter_message(text=turn.words("family.own_care"))
            return begun(turn, piece="family.own_care", next=0)
        if open_form(tracker):
            say(dispatcher, "utter_low_mood_in_between")
            return back_to_form(tracker)
        return await _hear_low(turn, dispatcher, tracker)


async def _hear_low(turn: Turn, dispatcher: CollectingDispatcher, tracker: Tracker) -> list[Event]:
    """The first time with choices, then listening, and from the third time on a person is offered."""
    before = int((tracker.get_slot("offer") or {}).get("low", 0))
    if before >= LISTENS:
        say(dispatcher, "utter_low_mood_human", who=await team(turn))
        return [SlotSet("offer", offer(turn, "human", why="a low mood that stays", low=before + 1))]
    say(dispatcher, "utter_low_mood_more" if before else "utter_low_mood")
    return [SlotSet("offer", offer(turn, "listen", low=before + 1))]


class TakeLevel(HandrailAction):
    """A number with nothing open: asks whether it is a craving."""

    title: ClassVar[str] = "action_take_level"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn, text = self.turn(tracker), text_of(tracker)
        level = scales.read_number(text)
        if await correct_today(turn, dispatcher, text):
            return []
        if level is None and scales.out_of_range(text):
            say(dispatcher, "utter_out_of_range")
            return []
        if level is None:
            return await _unsure(turn, dispatcher, tracker, domain)
        say_level(dispatcher, "utter_level_alone", level)
        return [SlotSet("offer", offer(turn, "craving", level=level))]


class Unsure(HandrailAction):
    """Not understood: what the moment makes of it; else first a few choices, then, the second time in a row, a human."""

    title: ClassVar[str] = "action_unsure"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        if came_back(tracker, ""):
            # Something was said already in this turn: this is only the end of it.
            return [FollowupAction("action_listen")]
        return await _unsure(turn, dispatcher, tracker, domain)


async def _unsure(turn: Turn, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
    text = text_of(tracker)
    offered = tracker.get_slot("offer") or {}
    client = turn.person.role is Role.CLIENT
    if is_spanish(text):
        return [*_in_spanish(turn, dispatcher), *back_to_form(tracker)]
    if await turn.in_danger():
        # While staff have an open danger alert nobody is offered a menu.
        say(dispatcher, "utter_unsure_in_danger", **lines(turn))
        return back_to_form(tracker)
    if asks_for_deletion(text):
        return await _tell_of_deletion(turn, dispatcher, tracker)
    if await says_what_it_was(turn, tracker):
        return _hear_what_it_was(turn, dispatcher, tracker)
    if open_form(tracker):
        return back_to_form(tracker)
    if scales.fold(text).strip(" .!?") in _HELP:
        say(dispatcher, for_role(turn, "utter_help_alone", domain), **lines(turn))
        return []
    if client and await correct_today(turn, dispatcher, text):
        return []
    if client and scales.about(text) == "craving" and scales.read_number(text) is not None:
        return [FollowupAction("craving_form")]
    if offered.get("what") == "human" and scales.undecided(text):
        say(dispatcher, "utter_offer_stands", who=await team(turn))
        return [SlotSet("offer", {**offered, "turn": turn.id})]
    if offered.get("low"):
        return await _hear_low(turn, dispatcher, tracker)
    words = len(text.split())
    if (offered.get("what") == "listen" and words > 1) or words >= POURED_OUT:
        # Whoever writes that much has told something, and is not told that it was not understood.
        say(dispatcher, for_role(turn, "utter_heard", domain))
        return []
    if tracker.get_slot("previous_intent") == "nlu_fallback":
        say(dispatcher, "utter_unsure_again", **lines(turn))
        return [SlotSet("offer", offer(turn, "human", why="was not understood"))]
    say(dispatcher, for_role(turn, "utter_unsure", domain))
    return []


def asks_for_deletion(text: str) -> bool:
    """Whether someone wants what is kept of them deleted, and not what stands on their own phone."""
    folded = scales.fold(text)
    return bool(_DELETES.search(folded)) and not _ON_THE_PHONE.search(folded)


async def _tell_of_deletion(turn: Turn, dispatcher: CollectingDispatcher, tracker: Tracker) -> list[Event]:
    say(dispatcher, "utter_delete_data", who=await team(turn), practice=turn.practice)
    return [SlotSet("offer", offer(turn, "human", why="wants their data deleted")), *back_to_form(tracker)]


def _hear_what_it_was(turn: Turn, dispatcher: CollectingDispatcher, tracker: Tracker) -> list[Event]:
    say(dispatcher, "utter_picture_heard")
    return back_to_form(tracker) if open_form(tracker) else [SlotSet("offer", offer(turn, "listen"))]


def _in_spanish(turn: Turn, dispatcher: CollectingDispatcher) -> list[Event]:
    numbers = {name: line.split(" (")[0] for name, line in lines(turn).items()}
    say(dispatcher, "utter_spanish", **numbers)
    return [SlotSet("offer", offer(turn, "human", why="writes in Spanish"))]


def is_spanish(text: str) -> bool:
    """Whether a text is rather Spanish: at least two Spanish words, one of them no English one."""
    return len(_SPANISH.findall(text)) >= 2 and bool(_SPANISH_ONLY.search(text))


class MakeRoom(Unsure):
    """Says nothing where the danger net has found something, for then the application speaks; else it asks."""

    title: ClassVar[str] = "action_make_room"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        return [] if found_danger(tracker) else await super().act(dispatcher, tracker, domain)
