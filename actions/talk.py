"""Plain talk, moods, a number out of the blue, and what to do when a message is not understood."""

import re
from typing import ClassVar

from rasa_sdk.events import ActiveLoop, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker

from actions.base import (
    Domain,
    Event,
    HandrailAction,
    back_to_form,
    for_role,
    found_danger,
    intent_of,
    lines,
    offer,
    say,
    say_level,
    text_of,
)
from actions.check_in import CheckInStep
from actions.craving import CravingStep
from actions.lapse import LapseStep
from actions.skills import SkillStep
from bot.recovery import scales
from bot.recovery.people import Role

_FORM_SLOTS = tuple(
    dict.fromkeys((*CravingStep.slots, *SkillStep.slots, *CheckInStep.slots, *LapseStep.slots, "walk", "misses"))
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


class Clear(HandrailAction):
    """Puts away whatever form was open, so that the next begins clean."""

    title: ClassVar[str] = "action_clear"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        self.turn(tracker)
        return [ActiveLoop(None), SlotSet("requested_slot", None), *(SlotSet(name, None) for name in _FORM_SLOTS)]


class Say(HandrailAction):
    """Speaks ``utter_<intent>``, in the wording for the person's role where there is one."""

    title: ClassVar[str] = "action_say"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        intent = intent_of(tracker)
        response = for_role(turn, f"utter_{intent}", domain)
        say(dispatcher, response, name=turn.person.first_name, practice=turn.practice, **lines(turn))
        if intent == "change_check_in":
            return [SlotSet("offer", offer(turn, "human", why="wants the check-in changed")), *back_to_form(tracker)]
        return back_to_form(tracker)


class Mood(HandrailAction):
    """A low mood: heard first, then something small or a person. A relative gets words about their own load."""

    title: ClassVar[str] = "action_mood"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        if turn.person.role is Role.FAMILY:
            dispatcher.utter_message(text=turn.words("family.own_care"))
            return [SlotSet("topic", {"piece": "family.own_care", "next": 0})]
        say(dispatcher, "utter_low_mood")
        return back_to_form(tracker)


class TakeLevel(HandrailAction):
    """A number with nothing open: asks whether it is a craving."""

    title: ClassVar[str] = "action_take_level"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        level = scales.read_number(text_of(tracker))
        if level is None:
            say(dispatcher, for_role(turn, "utter_unsure", domain))
            return []
        say_level(dispatcher, "utter_level_alone", level)
        return [SlotSet("offer", offer(turn, "craving", level=level))]


class Unsure(HandrailAction):
    """Not understood: first a few choices, then, the second time in a row, a human."""

    title: ClassVar[str] = "action_unsure"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        text = text_of(tracker)
        human = SlotSet("offer", offer(turn, "human", why="was not understood"))
        if is_spanish(text):
            say(dispatcher, "utter_spanish", **lines(turn))
            return [human, *back_to_form(tracker)]
        if turn.in_danger:
            # While staff have an open danger alert nobody is offered a menu.
            say(dispatcher, "utter_unsure_in_danger", **lines(turn))
            return back_to_form(tracker)
        if tracker.get_slot("previous_intent") == "nlu_fallback":
            say(dispatcher, "utter_unsure_again", **lines(turn))
            return [human]
        say(dispatcher, for_role(turn, "utter_unsure", domain))
        return []


def is_spanish(text: str) -> bool:
    """Whether a text is rather Spanish: at least two Spanish words, one of them no English one."""
    return len(_SPANISH.findall(text)) >= 2 and bool(_SPANISH_ONLY.search(text))


class MakeRoom(Unsure):
    """Says nothing where the danger net has found something, for then the application speaks; else it asks."""

    title: ClassVar[str] = "action_make_room"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        return [] if found_danger(tracker) else await super().run(dispatcher, tracker, domain)
