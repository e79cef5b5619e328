"""What every action shares: the turn it works on, the words it may speak, the way back into an open form."""

import re
import zlib
from abc import abstractmethod
from typing import Any, ClassVar

from rasa_sdk.events import FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker
from rasa_sdk.types import DomainDict

from bot.care.turn import OpenTurns, Turn
from bot.delivery.messages import SCALE
from bot.recovery.people import Role

Event = dict[str, Any]
Domain = DomainDict

REMEMBERED = 24


class HandrailAction(Action):
    """An action by name, with access to the turns that wait for the engine. Subclasses write ``act``."""

    title: ClassVar[str]

    def __init__(self, turns: OpenTurns) -> None:
        self._turns = turns

    def name(self) -> str:
        return self.title

    def turn(self, tracker: Tracker) -> Turn:
        """The turn that this call belongs to."""
        return self._turns[tracker.sender_id]

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        events = await self.act(dispatcher, tracker, domain)
        return [*events, *_worded(dispatcher, tracker, domain)]

    @abstractmethod
    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        """What the action does: speak by ``say``, stage effects on the turn, return events."""


# Whatever asks for a number from 0 to 10 offers the numbers.
_ASKS_LEVEL = re.compile(r"\b0\b[^.?]{0,30}\b(?:to|a) 10\b")
_SCALE = [{"title": choice.title, "payload": choice.payload} for choice in SCALE]


def _worded(dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
    """Choose among a response's wordings in turn, so that nobody reads the same sentence twice in a row."""
    responses = domain.get("responses", {})
    used: dict[str, int] = dict(tracker.get_slot("spoken") or {})
    spoke = False
    for message in dispatcher.messages:
        name = str(message.get("response") or "")
        wordings = responses.get(name)
        if not wordings:
            continue
        at = (used.pop(name, zlib.crc32(f"{tracker.sender_id}{name}".encode()) % len(wordings)) + 1) % len(wordings)
        used[name], spoke = at, True
        wording = wordings[at]
        message["text"] = wording["text"].format_map(message)
        offered = message["buttons"] or wording.get("buttons", [])
        message["buttons"] = offered or (_SCALE if _ASKS_LEVEL.search(wording["text"]) else [])
        message["response"] = message["template"] = None
    return [SlotSet("spoken", dict(list(used.items())[-REMEMBERED:]))] if spoke else []


def open_form(tracker: Tracker) -> str | None:
    """The form that is open, where one is."""
    return tracker.active_loop.get("name") if tracker.active_loop else None


def back_to_form(tracker: Tracker) -> list[Event]:
    """After something said in between, go on with the form that is open, where one is."""
    form = open_form(tracker)
    return [FollowupAction(form)] if form else []


def since_message(tracker: Tracker) -> list[Event]:
    """What has happened in this turn since the person's message, the oldest first."""
    events: list[Event] = []
    for event in reversed(tracker.events):
        if event.get("event") == "user":
            break
        events.append(event)
    return events[::-1]


def intent_of(tracker: Tracker) -> str:
    """The intent of the message."""
    return str(tracker.latest_message.get("intent", {}).get("name") or "")


def confidence_of(tracker: Tracker) -> float:
    """How sure the engine is of the intent, 0 to 1."""
    return float(tracker.latest_message.get("intent", {}).get("confidence") or 0.0)


def found_danger(tracker: Tracker) -> bool:
    """Whether the engine's danger net has found something in the message: then the application speaks."""
    return bool(tracker.latest_message.get("findings"))


def text_of(tracker: Tracker) -> str:
    """What the person wrote; empty where they tapped a choice."""
    text = str(tracker.latest_message.get("text") or "")
    return "" if text.startswith("/") else text


# Of words like these, said right after we have asked what a picture was, nothing else is known.
_OF_A_PICTURE = frozenset({"nlu_fallback", "out_of_scope", "small_talk", "report_good_mood", "thank"})
# Whoever writes more than so many words has told something.
POURED_OUT = 12
_THANKS = 2


async def says_what_it_was(turn: Turn, tracker: Tracker) -> bool:
    """Whether a message says what a picture was, or a place, that we have just asked about ("just my dog")."""
    intent, words = intent_of(tracker), len(text_of(tracker).split())
    said = intent in _OF_A_PICTURE and (_THANKS if intent == "thank" else 0) < words < POURED_OUT
    return said and await turn.asked_what_it_was()


def offer(turn: Turn, what: str, **details: Any) -> dict[str, Any]:
    """The value of the slot ``offer``: what a "yes" in the next message takes up."""
    return {"what": what, "turn": turn.id, **details}


def begun(turn: Turn, **topic: Any) -> list[Event]:
    """The events by which "next" goes on with a text of several parts, and a "yes" too if it comes at once."""
    return [SlotSet("topic", topic), SlotSet("offer", offer(turn, "more"))]


def lines(turn: Turn) -> dict[str, str]:
    """The lines to call in the person's country, for a response's placeholders."""
    fill, person = turn.content.fill, turn.person
    names = ("emergency", "crisis", "poison", "violence")
    return {name: fill("{" + name + "}", person.country, person.language) for name in names}


async def team(turn: Turn) -> str:
    """Whom the client may expect: their interventionist by first name, or the team."""
    return await turn.interventionist() or "the team"


def for_role(turn: Turn, response: str, domain: Domain) -> str:
    """The wording of a response for the person's role, where it has one of its own."""
    own = f"{response}_{'family' if turn.person.role is Role.FAMILY else 'client'}"
    return own if own in domain.get("responses", {}) else response


def say(dispatcher: CollectingDispatcher, response: str, **values: Any) -> None:
    """Speak a response of the domain."""
    dispatcher.utter_message(response=response, **values)


def say_level(dispatcher: CollectingDispatcher, response: str, level: int) -> None:
    """Speak a response that takes up a level: ``{level}``, or ``{a_level}`` with its article."""
    say(dispatcher, response, level=level, a_level=f"{'An' if level == _EIGHT else 'A'} {level}")


_EIGHT = 8
