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
from actions.meanings import HEAVY, choice, nameable, two_likeliest
from actions.skills import SkillStep, wants_to_know
from actions.spanish import answer_in_spanish
from bot.care import rhythm
from bot.care.check_in import FORM as CHECK_IN_FORM
from bot.care.turn import Turn
from bot.conversation.language import language_of
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
        "tell_change",
        "tell_ambivalence",
        "report_boredom",
        "report_sleep",
        "report_habit",
        "ask_habit",
        "report_meeting",
        "report_medication",
        *HEAVY,
    }
)
# What Handrail cannot do yet: a "yes" to the answer has staff told, in these words.
_FOR_STAFF = {
    "ask_meeting": "asks for a meeting or group",
    "ask_medication": "has a question about medicine",
    "ask_appointment": "asks about an appointment",
    "ask_progress": "would like to look back on how it went",
    "ask_reward": "asks about rewards",
    "ask_contract": "asks about an agreement",
    "ask_lesson": "would like to learn about something",
    "ask_sharing": "asks what is shared with whom",
    "ask_resources": "looks for practical help",
}


# A client who tells a time or a day with these has it changed at once.
_RHYTHM = frozenset({"change_check_in", "pause_messages"})
# Of two meanings like these, whoever was asked to tell more is simply heard.
_TELLING = ("report_", "tell_", "doubt_")

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
        told_beside = intent in HEAVY and turn.person.role is Role.CLIENT and not open_form(tracker)
        if told_beside and _craving_by_number(text_of(tracker)):
            # "craving 6, mom called and we argued": the craving comes first.
            return [FollowupAction("craving_form")]
        if await wants_to_know(turn, tracker):
            return [FollowupAction("skill_form")]
        if intent in _LIGHT and await turn.in_danger():
            say(dispatcher, "utter_unsure_in_danger", **lines(turn))
            return back_to_form(tracker)
        if await says_what_it_was(turn, tracker):
            return _hear_what_it_was(turn, dispatcher, tracker)
        moved = _change_of_rhythm(turn, dispatcher, tracker)
        if moved is not None:
            return moved
        low = int((tracker.get_slot("offer") or {}).get("low", 0))
        if intent in HEAVY and low >= LISTENS and not open_form(tracker):
            return await _hear_low(turn, dispatcher, tracker)
        response = for_role(turn, f"utter_{intent}", domain)
        who = await team(turn)
        say(
            dispatcher,
            response,
            name=turn.person.first_name,
            practice=turn.practice,
            who=who,
            who_first=f"{who[0].upper()}{who[1:]}",
            **lines(turn),
        )
        if intent in _FOR_STAFF:
            return [SlotSet("offer", offer(turn, "human", why=_FOR_STAFF[intent])), *back_to_form(tracker)]
        if open_form(tracker):
            return back_to_form(tracker)
        if intent in _RHYTHM and turn.person.role is Role.CLIENT:
            return [SlotSet("offer", offer(turn, "rhythm"))]
        if intent in HEAVY:
            return [SlotSet("offer", offer(turn, "listen", low=low + 1))]
        return [SlotSet("offer", offer(turn, "listen"))] if intent in _OPEN else []


def _change_of_rhythm(turn: Turn, dispatcher: CollectingDispatcher, tracker: Tracker) -> list[Event] | None:
    """A client tells when they want to be asked, by themselves or because they were asked for it: done at once."""
    asked = (tracker.get_slot("offer") or {}).get("what") == "rhythm"
    if turn.person.role is not Role.CLIENT or not (asked or intent_of(tracker) in _RHYTHM):
        return None
    text = text_of(tracker)
    # As an answer the bare time or day is enough.
    for said in (text, *((f"at {text}", f"until {text}") if asked else ())):
        changed = rhythm.change(turn, said)
        if changed is not None:
            dispatcher.utter_message(text=changed.words)
            goes_on = not (changed.pauses and open_form(tracker) == CHECK_IN_FORM)
            return [SlotSet("offer", None), *(back_to_form(tracker) if goes_on else put_away())]
    return None


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
        moved = _change_of_rhythm(turn, dispatcher, tracker)
        if moved is not None:
            return moved
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
    language = language_of(text, turn.person.language)
    in_danger = await turn.in_danger()
    if language == "es":
        return answer_in_spanish(turn, dispatcher, tracker, in_danger=in_danger)
    if in_danger:
        # While staff have an open danger alert nobody is offered a menu.
        say(dispatcher, "utter_unsure_in_danger", **lines(turn))
        return back_to_form(tracker)
    if language != "en":
        say(dispatcher, "utter_other_language", **lines(turn))
        return [SlotSet("offer", offer(turn, "human", why="writes in another language")), *back_to_form(tracker)]
    if asks_for_deletion(text):
        return await _tell_of_deletion(turn, dispatcher, tracker)
    if await says_what_it_was(turn, tracker):
        return _hear_what_it_was(turn, dispatcher, tracker)
    if open_form(tracker):
        return back_to_form(tracker)
    moved = _change_of_rhythm(turn, dispatcher, tracker)
    if moved is not None:
        return moved
    if scales.fold(text).strip(" .!?") in _HELP:
        say(dispatcher, for_role(turn, "utter_help_alone", domain), **lines(turn))
        return []
    if client and await correct_today(turn, dispatcher, text):
        return []
    if client and _craving_by_number(text):
        return [FollowupAction("craving_form")]
    if await wants_to_know(turn, tracker):
        return [FollowupAction("skill_form")]
    if offered.get("what") == "human" and scales.undecided(text):
        say(dispatcher, "utter_offer_stands", who=await team(turn))
        return [SlotSet("offer", {**offered, "turn": turn.id})]
    if offered.get("low"):
        return await _hear_low(turn, dispatcher, tracker)
    words = len(text.split())
    listening = offered.get("what") == "listen" and words > 1
    wavers = two_likeliest(turn, tracker) if words < POURED_OUT else []
    if wavers and not (listening and all(intent.startswith(_TELLING) for intent in wavers)):
        say(dispatcher, "utter_which_of_two", **choice(turn, wavers))
        return []
    if listening or words >= POURED_OUT:
        # Whoever writes that much has told something, and is not told that it was not understood.
        say(dispatcher, for_role(turn, "utter_heard", domain))
        return []
    if tracker.get_slot("previous_intent") == "nlu_fallback":
        say(dispatcher, "utter_unsure_again", **lines(turn))
        return [SlotSet("offer", offer(turn, "human", why="was not understood"))]
    say(dispatcher, for_role(turn, "utter_unsure", domain))
    return []


def _craving_by_number(text: str) -> bool:
    return scales.about(text) == "craving" and scales.read_number(text) is not None


class Misunderstood(HandrailAction):
    """What was answered is not what was meant: the next likeliest two are offered, then other words are asked for."""

    title: ClassVar[str] = "action_misunderstood"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        if await turn.in_danger():
            say(dispatcher, "utter_unsure_in_danger", **lines(turn))
            return back_to_form(tracker)
        others = nameable(turn, tracker.get_slot("runners_up") or [])[:2]
        again = tracker.get_slot("previous_intent") in (intent_of(tracker), "nlu_fallback")
        if again or len(others) < 2 or open_form(tracker):
            say(dispatcher, "utter_misunderstood_once_more")
        else:
            say(dispatcher, "utter_misunderstood", **choice(turn, others))
        return [SlotSet("offer", offer(turn, "listen")), *back_to_form(tracker)]


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


class MakeRoom(Unsure):
    """Says nothing where the danger net has found something, for then the application speaks; else it asks."""

    title: ClassVar[str] = "action_make_room"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        return [] if found_danger(tracker) else await super().act(dispatcher, tracker, domain)
