"""A lapse: no blame, safety first, what the body can no longer take, and the plan's steps for after."""

import re
from dataclasses import replace
from typing import Any, ClassVar

from rasa_sdk.events import FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker

from actions.base import Domain, Event, HandrailAction, begun, confidence_of, lines, offer, say, team, text_of
from actions.forms import PATIENCE, SKIPPED, FormStep, Heard
from actions.plan import spoken_people
from bot.care.check_in import RecordCheckIn, done_today
from bot.care.human import FoundDanger
from bot.care.lapse import RecordLapse, TellOfLapse
from bot.care.turn import Turn
from bot.recovery import scales
from bot.recovery.lapse import substance_group
from bot.safety.findings import Finding, Kind, Level, Net
from bot.safety.protocol import Meaning, meaning

KEPT = 1_000
_DANGER = {"lapse_body": Kind.MEDICAL, "lapse_thoughts": Kind.SUICIDE}
_NOTHING = frozenset(["no", "nope", "nah", "no thanks", "not now", "i don't want to", "rather not", "n"])
_HEDGED = re.compile(r"\b(?:maybe|perhaps|might|kind ?of|sort ?of|a (?:bit|little)|not sure|i guess|possibly)\b", re.I)
_ALONE = re.compile(r"\b(?:alone|by myself|on my own|just me|nobody|no one|only me)\b", re.I)
_WITH = re.compile(
    r"\bwith (?:my|me|a|him|her|them|us|some)\b|\b(?:is|are|'s|'re) (?:here|home|next to me|with me)\b"
    r"|^(?:my|me and) (?:wife|husband|partner|mom|mum|dad|mother|father|sister|brother|friend|roommate|girlfriend|boyfriend"
    r"|son|daughter|kids|dog)\b",
    re.I,
)


class LapseStep(FormStep):
    form: ClassVar[str] = "lapse_form"
    slots: ClassVar[tuple[str, ...]] = ("lapse_body", "lapse_thoughts", "lapse_company", "lapse_what")

    def opened_by(self) -> frozenset[str]:
        return frozenset({"report_lapse"})

    def free(self, slot: str) -> bool:
        return slot == "lapse_what"

    def patience(self, slot: str) -> int:
        # Whether someone thinks of dying is not asked three times: the protocol asks, and a human looks.
        return PATIENCE - 1 if slot == "lapse_thoughts" else PATIENCE

    async def begin(
        self, dispatcher: CollectingDispatcher, heard: Heard, turn: Turn, tracker: Tracker
    ) -> dict[str, Any]:
        told = str(tracker.get_slot("lapse_told") or heard.text)[:KEPT]
        told_already = any(isinstance(effect, TellOfLapse) for effect in turn.effects)
        if told_already:
            return {}
        turn.stage(TellOfLapse(turn.id))
        await self._mend_check_in(turn, heard.text)
        say(dispatcher, "utter_lapse_heard", who=await team(turn))
        begun: dict[str, Any] = {"lapse_told": told, "episode": turn.id}
        if substance_group((), told) == "gambling":
            # A bet harms no body; thoughts of dying are asked about all the same.
            begun["lapse_body"] = False
        return begun

    @staticmethod
    async def _mend_check_in(turn: Turn, text: str) -> None:
        """Today's check-in said no, and now "actually, I did": the answer of the day is changed too."""
        done = await done_today(turn)
        if done is not None and done.used is False and scales.is_correction(text):
            turn.stage(RecordCheckIn(replace(done, used=True), complete=True))

    async def read(self, slot: str, heard: Heard, turn: Turn, tracker: Tracker) -> Any:
        if slot == "lapse_what":
            return SKIPPED if heard.bare in _NOTHING or (heard.means("deny") and not heard.text) else None
        if slot == "lapse_company" and (_ALONE.search(heard.text) or _WITH.search(heard.text)):
            return not _ALONE.search(heard.text)
        plain = scales.read_yes_no(heard.text)
        if slot in _DANGER and heard.text and plain is not True:
            # Only a no that says nothing else is one: "not more than usual" and "not yet" are no answer to these.
            return False if meaning(heard.text, Meaning.DANGER) is Meaning.SAFE else None
        if plain is not None:
            return plain
        return heard.means("affirm") if heard.means("affirm", "deny") and heard.confidence > SURE_OF_ANSWER else None

    async def accepted(
        self, dispatcher: CollectingDispatcher, slot: str, value: Any, turn: Turn, tracker: Tracker
    ) -> dict[str, Any] | None:
        if slot == "lapse_thoughts" and value == SKIPPED:
            # Who would rather not say is asked by the protocol, kindly and with the lines to call.
            self._found(turn, slot, Level.POSSIBLE)
            return None
        if slot in _DANGER and value is True:
            said = text_of(tracker)
            hedged = slot == "lapse_body" and _HEDGED.search(said)
            # The number of a choice tells staff nothing: here a 2 is a yes.
            self._found(turn, slot, Level.POSSIBLE if hedged else Level.DEFINITE, said or "Yes")
            return None
        return {}

    async def corrected(self, slot: str, heard: Heard, turn: Turn, tracker: Tracker) -> tuple[str, Any] | None:
        if slot != "lapse_what" or not scales.is_correction(heard.text):
            return None
        found = _ALONE.search(heard.text), _WITH.search(heard.text)
        return ("lapse_company", not found[0]) if any(found) else None

    @staticmethod
    def _found(turn: Turn, slot: str, level: Level, said: str = "") -> None:
        said = said or turn.text
        turn.stage(FoundDanger(Finding(_DANGER[slot], level, Net.FORM, slot, said[:200]), said))

    def not_read(self, dispatcher: CollectingDispatcher, slot: str, heard: Heard, misses: int) -> None:
        if slot == "lapse_what":
            say(dispatcher, "utter_return_lapse_what")
        else:
            say(dispatcher, f"utter_unclear_{slot}" if misses == 1 else "utter_need_yes_no_again")

    def stopped(self, slot: str, tracker: Tracker) -> Any:
        return SKIPPED if slot == "lapse_thoughts" else None

    def gave_up(self, dispatcher: CollectingDispatcher, slot: str, turn: Turn) -> bool:
        if slot in _DANGER:
            # Doubt about a body or a wish to die is for the protocol and a human, never for going on.
            self._found(turn, slot, Level.POSSIBLE)
            return False
        return super().gave_up(dispatcher, slot, turn)


SURE_OF_ANSWER = 0.4
SURE_OF_LAPSE = 0.5


class BeginLapse(HandrailAction):
    """Opens the form for a lapse, and where the words leave it open asks first: nobody is reported by mistake."""

    title: ClassVar[str] = "action_begin_lapse"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn, text = self.turn(tracker), text_of(tracker)
        used = scales.read_used(text) if text else True
        plain = used is True or substance_group((), text) != "other" or confidence_of(tracker) >= SURE_OF_LAPSE
        if plain and used is not False:
            return [FollowupAction("lapse_form")]
        say(dispatcher, "utter_lapse_sure")
        return [SlotSet("offer", offer(turn, "lapse", told=text[:KEPT]))]


class FinishLapse(HandrailAction):
    """Keeps what was told, warns of lost tolerance, and begins the plan's steps for after a slip."""

    title: ClassVar[str] = "action_finish_lapse"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        told = {name: tracker.get_slot(name) for name in LapseStep.slots}
        what = told["lapse_what"] if told["lapse_what"] not in (None, SKIPPED) else None
        company = told["lapse_company"]
        first = str(tracker.get_slot("lapse_told") or "")
        turn.stage(
            RecordLapse(
                what=" / ".join(part for part in (first, what) if part) or None,
                alone=not company if isinstance(company, bool) else None,
                key=str(tracker.get_slot("episode") or ""),
            )
        )
        cleared: list[Event] = [SlotSet(name, None) for name in (*LapseStep.slots, "misses", "episode", "lapse_told")]
        if any(isinstance(effect, FoundDanger) for effect in turn.effects):
            return cleared
        plan = await turn.plan()
        who = await team(turn)
        group = substance_group(plan.substances if plan else (), f"{first} {what or ''}")
        # However short someone keeps it, the one warning that can save a life is said.
        say(dispatcher, f"utter_lapse_tolerance_{group}", **lines(turn))
        if told["lapse_company"] is None:
            say(dispatcher, "utter_lapse_stopped", who=who, **lines(turn))
            return cleared
        if company is False and plan:
            say(dispatcher, "utter_lapse_alone", people=spoken_people(plan, 2))
        if plan is None:
            say(dispatcher, "utter_lapse_no_plan", who=who)
            return cleared
        say(dispatcher, "utter_lapse_steps", step=plan.after_lapse[0])
        return [*cleared, *begun(turn, plan="after_lapse", next=1)]
