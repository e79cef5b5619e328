"""A lapse: no blame, safety first, what the body can no longer take, and the plan's steps for after."""

from typing import Any, ClassVar

from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker

from actions.base import Domain, Event, HandrailAction, lines, say, team
from actions.forms import SKIPPED, FormStep, Heard
from actions.plan import spoken_people
from bot.care.human import FoundDanger
from bot.care.lapse import RecordLapse, TellOfLapse
from bot.care.turn import Turn
from bot.recovery import scales
from bot.recovery.lapse import substance_group
from bot.safety.findings import Finding, Kind, Level, Net


class LapseStep(FormStep):
    form: ClassVar[str] = "lapse_form"
    slots: ClassVar[tuple[str, ...]] = ("lapse_body", "lapse_thoughts", "lapse_company", "lapse_what")

    def opened_by(self) -> frozenset[str]:
        return frozenset({"report_lapse"})

    def free(self, slot: str) -> bool:
        return slot == "lapse_what"

    async def begin(
        self, dispatcher: CollectingDispatcher, heard: Heard, turn: Turn, tracker: Tracker
    ) -> dict[str, Any]:
        if TellOfLapse() not in turn.effects:
            turn.stage(TellOfLapse())
            say(dispatcher, "utter_lapse_heard", who=await team(turn))
        return {}

    async def read(self, slot: str, heard: Heard, turn: Turn, tracker: Tracker) -> Any:
        if slot == "lapse_what":
            return None
        if heard.means("affirm", "deny") and heard.confidence > 0.3:
            return heard.means("affirm")
        return scales.read_yes_no(heard.text)

    async def accepted(
        self, dispatcher: CollectingDispatcher, slot: str, value: Any, turn: Turn, tracker: Tracker
    ) -> dict[str, Any] | None:
        found = {"lapse_body": Kind.MEDICAL, "lapse_thoughts": Kind.SUICIDE}.get(slot)
        if found and value is True:
            finding = Finding(found, Level.DEFINITE, Net.SCREEN, f"form.{slot}", turn.text[:200])
            turn.stage(FoundDanger(finding))
            return None
        return {}

    def not_read(self, dispatcher: CollectingDispatcher, slot: str, heard: Heard, misses: int) -> None:
        say(dispatcher, "utter_need_yes_no" if misses == 1 else "utter_need_number_again")


class FinishLapse(HandrailAction):
    """Keeps what was told, warns of lost tolerance, and begins the plan's steps for after a slip."""

    title: ClassVar[str] = "action_finish_lapse"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        told = {name: tracker.get_slot(name) for name in LapseStep.slots}
        what = told["lapse_what"] if told["lapse_what"] not in (None, SKIPPED) else None
        company = told["lapse_company"]
        turn.stage(RecordLapse(what=what, alone=not company if isinstance(company, bool) else None))
        cleared: list[Event] = [SlotSet(name, None) for name in (*LapseStep.slots, "misses")]
        if any(isinstance(effect, FoundDanger) for effect in turn.effects):
            return cleared
        plan = await turn.plan()
        who = await team(turn)
        group = substance_group(plan.substances if plan else (), " ".join((turn.text, what or "")))
        if told["lapse_company"] is None:
            say(dispatcher, "utter_lapse_stopped", who=who, **lines(turn))
            return cleared
        say(dispatcher, f"utter_lapse_tolerance_{group}", **lines(turn))
        if company is False and plan:
            say(dispatcher, "utter_lapse_alone", people=spoken_people(plan, 2))
        if plan is None:
            say(dispatcher, "utter_lapse_no_plan", who=who)
            return cleared
        say(dispatcher, "utter_lapse_steps", step=plan.after_lapse[0])
        return [*cleared, SlotSet("topic", {"plan": "after_lapse", "next": 1})]
