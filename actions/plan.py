"""The relapse prevention plan speaks: the part that was asked for, in the client's own words."""

import re
from typing import ClassVar

from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker

from actions.base import Domain, Event, HandrailAction, back_to_form, begun, intent_of, offer, open_form, say, text_of
from bot.care.turn import Turn
from bot.recovery.people import Role
from bot.recovery.plan import Plan
from bot.recovery.skill import choose, find_trigger

SHOWN = 3
LONGEST = 300
ROOM = 280  # for the people, beside the words before and after them
MORE = {"title": "More", "payload": "/next_step"}
_NAMES_SOMETHING = re.compile(
    r"\b(?:about|when|if|for|against)\s+(?!me\b|now\b|tonight\b|today\b|this\b|that\b|it\b)\w+", re.I
)


def spoken_people(plan: Plan, most: int = 4) -> str:
    """The plan's people with their numbers, one a line; notes as long as there is room."""
    bare = [f"{p.name} ({p.relation}){f' {p.phone}' if p.phone else ''}" for p in plan.people[:most]]
    noted = [f"{line}, {p.note}" if p.note else line for line, p in zip(bare, plan.people, strict=False)]
    lines = list(bare)
    for i, line in enumerate(noted):
        if len("\n".join([*lines[:i], line, *lines[i + 1 :]])) <= ROOM:
            lines[i] = line
    return "\n".join(lines)


def parts_of(plan: Plan, part: str) -> tuple[str, ...]:
    """What of a plan is told piece by piece: its reasons or its steps for after a slip."""
    return {"reasons": plan.reasons, "after_lapse": plan.after_lapse}.get(part, ())


def _listed(items: tuple[str, ...] | list[str], most: int = SHOWN) -> str:
    said: list[str] = []
    for item in items[:most]:
        if len("; ".join([*said, item])) > LONGEST:
            break
        said.append(item.rstrip("."))
    return "; ".join(said) + "."


def _overview_of(plan: Plan, turn: Turn) -> dict[str, str]:
    """What pulls and what is done then, for a response's placeholders."""
    known = choose(plan, turn.skills(), "")
    return {
        "triggers": _listed([trigger.name for trigger in plan.triggers]),
        "skills": "; ".join(skill.name for skill in known[:SHOWN]),
    }


class TellPlan(HandrailAction):
    """Answers ask_plan, ask_people, ask_reasons, ask_triggers and ask_after_lapse."""

    title: ClassVar[str] = "action_tell_plan"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        if turn.person.role is not Role.CLIENT:
            say(dispatcher, "utter_not_for_family")
            return back_to_form(tracker)
        plan = await turn.plan()
        if plan is None:
            say(dispatcher, "utter_no_plan")
            return back_to_form(tracker)
        if await turn.plan_is_locked():
            # Last in the turn, because the answer to it is a bare number.
            dispatcher.utter_message(text=await turn.pin_words())
            return []
        text = text_of(tracker)
        if open_form(tracker):
            # In the middle of something else "next" belongs to that: one piece, and back.
            self._tell_in_between(dispatcher, intent_of(tracker), plan, turn)
            return back_to_form(tracker)
        return self._tell(dispatcher, intent_of(tracker), text, plan, turn)

    def _tell_in_between(self, dispatcher: CollectingDispatcher, intent: str, plan: Plan, turn: Turn) -> None:
        if intent == "ask_after_lapse":
            say(dispatcher, "utter_plan_after_lapse_short", steps=_listed(plan.after_lapse, 2))
        elif intent == "ask_people":
            say(dispatcher, "utter_plan_people", people=spoken_people(plan))
        elif intent == "ask_reasons":
            say(dispatcher, "utter_plan_reasons_short", reason=plan.reasons[0])
        elif intent == "ask_plan":
            say(dispatcher, "utter_plan_overview_short", **_overview_of(plan, turn))
        else:
            say(dispatcher, "utter_plan_triggers", triggers=_listed([t.name for t in plan.triggers], 5))

    def _tell(self, dispatcher: CollectingDispatcher, intent: str, text: str, plan: Plan, turn: Turn) -> list[Event]:
        if intent == "ask_people":
            say(dispatcher, "utter_plan_people", people=spoken_people(plan))
        elif intent == "ask_reasons":
            further = {"buttons": [MORE]} if len(plan.reasons) > 1 else {}
            say(dispatcher, "utter_plan_reasons", reason=plan.reasons[0], **further)
            return begun(turn, plan="reasons", next=1)
        elif intent == "ask_triggers":
            say(dispatcher, "utter_plan_triggers", triggers=_listed([t.name for t in plan.triggers], 5))
            if plan.warning_signs:
                say(dispatcher, "utter_plan_warning_signs", signs=_listed(plan.warning_signs))
        elif intent == "ask_after_lapse":
            say(dispatcher, "utter_plan_after_lapse", step=plan.after_lapse[0])
            return begun(turn, plan="after_lapse", next=1)
        else:
            return self._overview(dispatcher, text, plan, turn)
        return []

    @staticmethod
    def _overview(dispatcher: CollectingDispatcher, text: str, plan: Plan, turn: Turn) -> list[Event]:
        trigger = find_trigger(plan, text) if text else None
        if trigger:
            skills = choose(plan, turn.skills(), trigger.name)[: max(1, len(trigger.skills))]
            names = ", then ".join(skill.name for skill in skills)
            say(dispatcher, "utter_plan_for_trigger", trigger=trigger.name, skills=names)
            return [SlotSet("offer", offer(turn, "skill", trigger=trigger.name))]
        triggers = _listed([t.name for t in plan.triggers])
        if _NAMES_SOMETHING.search(text):
            say(dispatcher, "utter_plan_not_in_it", triggers=triggers)
            return [SlotSet("offer", offer(turn, "skill"))]
        say(dispatcher, "utter_plan_overview", **_overview_of(plan, turn))
        return []
