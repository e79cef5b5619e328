"""The relapse prevention plan speaks: the part that was asked for, in the client's own words."""

from typing import ClassVar

from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker

from actions.base import Domain, Event, HandrailAction, back_to_form, intent_of, offer, say, text_of
from bot.care.turn import Turn
from bot.recovery.people import Role
from bot.recovery.plan import Plan
from bot.recovery.skill import choose, find_trigger

SHOWN = 3


def spoken_people(plan: Plan, most: int = 4) -> str:
    """The plan's people with their numbers, as one would say them."""
    parts = []
    for person in plan.people[:most]:
        note = f", {person.note}" if person.note and most > SHOWN - 1 else ""
        phone = f" {person.phone}" if person.phone else ""
        parts.append(f"{person.name} ({person.relation}{note}){phone}")
    return "; ".join(parts)


def _listed(items: tuple[str, ...] | list[str], most: int = SHOWN) -> str:
    return "; ".join(item.rstrip(".") for item in items[:most]) + "."


class TellPlan(HandrailAction):
    """Answers ask_plan, ask_people, ask_reasons, ask_triggers and ask_after_lapse."""

    title: ClassVar[str] = "action_tell_plan"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        if turn.person.role is not Role.CLIENT:
            say(dispatcher, "utter_plan_not_for_family")
            return back_to_form(tracker)
        plan = await turn.plan()
        if plan is None:
            say(dispatcher, "utter_no_plan")
            return back_to_form(tracker)
        set_slots = self._tell(dispatcher, intent_of(tracker), text_of(tracker), plan, turn)
        return [*set_slots, *back_to_form(tracker)]

    def _tell(self, dispatcher: CollectingDispatcher, intent: str, text: str, plan: Plan, turn: Turn) -> list[Event]:
        if intent == "ask_people":
            say(dispatcher, "utter_plan_people", people=spoken_people(plan))
            say(dispatcher, "utter_plan_call_now")
        elif intent == "ask_reasons":
            say(dispatcher, "utter_plan_reasons", reasons=_listed(plan.reasons))
        elif intent == "ask_triggers":
            say(dispatcher, "utter_plan_triggers", triggers=_listed([t.name for t in plan.triggers], 5))
            if plan.warning_signs:
                say(dispatcher, "utter_plan_warning_signs", signs=_listed(plan.warning_signs))
        elif intent == "ask_after_lapse":
            say(dispatcher, "utter_plan_after_lapse", step=plan.after_lapse[0])
            return [SlotSet("topic", {"plan": "after_lapse", "next": 1})]
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
        known = choose(plan, turn.skills(), "")
        say(
            dispatcher,
            "utter_plan_overview",
            triggers=", ".join(t.name for t in plan.triggers[:SHOWN]),
            skills=", ".join(skill.name for skill in known[:SHOWN]),
        )
        return []
