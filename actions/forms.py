"""How an open form reads a message: as an answer, a correction, a skip, a stop, or something else in between."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from rasa_sdk.events import ActionExecutionRejected, ActiveLoop, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker

from actions.base import Domain, Event, HandrailAction, confidence_of, found_danger, intent_of, say, text_of
from bot.care.turn import Turn
from bot.recovery import scales

SKIPPED = "skipped"

# What people bring up in the middle of a form, and the engine answers before the form goes on.
DIGRESSIONS = frozenset(
    {
        "ask_help", "ask_bot", "ask_privacy", "request_human", "ask_plan", "ask_people", "ask_reasons", "ask_triggers",
        "ask_after_lapse", "complain", "small_talk", "greet", "out_of_scope", "goodbye", "family_overdose",
        "family_help", "family_what_to_say", "family_boundaries",
    }
)  # fmt: skip
# What is more important than the form that is open: it is left for this.
INTERRUPTIONS = frozenset({"report_craving", "report_risky_situation", "report_lapse", "ask_skill"})
SURE = 0.45
SURE_ENOUGH_TO_LEAVE = 0.5

_STOP = frozenset(["stop", "quit", "cancel", "enough", "end", "exit"])


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as a form sees it."""

    text: str
    intent: str
    confidence: float
    in_danger: bool = False

    @property
    def bare(self) -> str:
        return scales.fold(self.text).strip(" .!?,")

    def means(self, *intents: str) -> bool:
        return self.intent in intents


class FormStep(HandrailAction):
    """The validation action of a form. Subclasses say how a slot is read and what goes before the first question."""

    form: ClassVar[str]
    slots: ClassVar[tuple[str, ...]]

    def name(self) -> str:
        return f"validate_{self.form}"

    @abstractmethod
    async def read(self, slot: str, heard: Heard, turn: Turn, tracker: Tracker) -> Any:
        """The value that a message gives a slot, or ``None`` where it gives none."""

    async def begin(
        self, dispatcher: CollectingDispatcher, heard: Heard, turn: Turn, tracker: Tracker
    ) -> dict[str, Any]:
        """What the message that opened the form already answers."""
        return {}

    async def accepted(
        self, dispatcher: CollectingDispatcher, slot: str, value: Any, turn: Turn, tracker: Tracker
    ) -> dict[str, Any] | None:
        """Called when a slot got its value: further slots to set, or ``None`` to end the form."""
        return {}

    def not_read(self, dispatcher: CollectingDispatcher, slot: str, heard: Heard, misses: int) -> None:
        """Say why the answer could not be read; the form then asks again."""

    def free(self, slot: str) -> bool:
        """Whether any words are an answer to this slot."""
        return False

    def stopped(self, slot: str) -> Any:
        """The value by which "stop" ends only this slot; ``None`` where it ends the form."""
        return None

    async def corrected(self, slot: str, heard: Heard, turn: Turn, tracker: Tracker) -> tuple[str, Any] | None:
        """The earlier slot that a message takes back, and its new value."""
        return None

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        heard = Heard(text_of(tracker), intent_of(tracker), confidence_of(tracker), found_danger(tracker))
        slot = tracker.get_slot("requested_slot")
        if slot not in self.slots:
            filled = await self.begin(dispatcher, heard, turn, tracker)
            return [SlotSet(name, value) for name, value in filled.items()]
        if self._comes_back(tracker):
            # Back from something said in between: the form asks its question again, and nothing is an answer to it.
            return []
        return await self._answer(dispatcher, slot, heard, turn, tracker)

    def _comes_back(self, tracker: Tracker) -> bool:
        """Whether something else was said since the person's message."""
        for event in reversed(tracker.events):
            if event.get("event") == "user":
                return False
            if event.get("event") == "action" and event.get("name") not in (self.form, "action_extract_slots"):
                return True
        return False

    async def _answer(
        self, dispatcher: CollectingDispatcher, slot: str, heard: Heard, turn: Turn, tracker: Tracker
    ) -> list[Event]:
        if heard.in_danger:
            return [ActionExecutionRejected(self.form)]
        if self._stops(heard):
            instead = self.stopped(slot)
            if instead is None:
                return [ActiveLoop(None), SlotSet("requested_slot", None)]
            return [SlotSet(slot, instead), SlotSet("misses", None)]
        takes_back = await self.corrected(slot, heard, turn, tracker) if scales.is_correction(heard.text) else None
        if takes_back:
            earlier, value = takes_back
            say(dispatcher, "utter_corrected", value=_spoken(value))
            await self.accepted(dispatcher, earlier, value, turn, tracker)
            return [SlotSet(earlier, value), SlotSet("misses", None)]
        if self._leads_away(heard, slot):
            return [ActionExecutionRejected(self.form)]
        value = await self.read(slot, heard, turn, tracker)
        if value is None and (heard.means("skip") or heard.bare in ("skip", "pass", "skip it")):
            value = SKIPPED
        if value is None and self._digresses(heard, slot):
            return [ActionExecutionRejected(self.form)]
        if value is None and self.free(slot) and heard.text.strip():
            value = heard.text.strip()
        if value is None:
            misses = int(tracker.get_slot("misses") or 0) + 1
            self.not_read(dispatcher, slot, heard, misses)
            return [SlotSet(slot, None), SlotSet("misses", misses)]
        more = await self.accepted(dispatcher, slot, value, turn, tracker)
        if more is None:
            return [SlotSet(slot, value), ActiveLoop(None), SlotSet("requested_slot", None)]
        return [SlotSet(slot, value), SlotSet("misses", None), *(SlotSet(k, v) for k, v in more.items())]

    def _stops(self, heard: Heard) -> bool:
        return heard.bare in _STOP or (heard.means("stop") and heard.confidence >= SURE)

    def _leads_away(self, heard: Heard, slot: str) -> bool:
        """Whether something more important has come up than the form."""
        return heard.means(*(INTERRUPTIONS - self.opened_by())) and heard.confidence >= SURE_ENOUGH_TO_LEAVE

    def opened_by(self) -> frozenset[str]:
        """The intents that open this form: said again inside it, they are no reason to leave."""
        return frozenset()

    def _digresses(self, heard: Heard, slot: str) -> bool:
        if not heard.means(*DIGRESSIONS):
            return False
        asks = "?" in heard.text or heard.text == ""
        # Free words are rather an answer than a change of subject, unless they are a clear question.
        return heard.confidence >= (SURE if not self.free(slot) or asks else 0.75)


def _spoken(value: Any) -> str:
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
