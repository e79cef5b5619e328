"""How an open form reads a message: as an answer, a correction, a skip, a stop, or something else in between."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from rasa_sdk.events import ActionExecutionRejected, ActiveLoop, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker

from actions.base import (
    Domain,
    Event,
    HandrailAction,
    confidence_of,
    found_danger,
    intent_of,
    say,
    says_what_it_was,
    since_message,
    text_of,
)
from bot.care.turn import Turn
from bot.recovery import scales

SKIPPED = "skipped"
PATIENCE = 3

# What people bring up in the middle of a form, and the engine answers before the form goes on.
DIGRESSIONS = frozenset(
    {
        "ask_help", "ask_bot", "ask_privacy", "request_human", "ask_plan", "ask_people", "ask_reasons", "ask_triggers",
        "ask_after_lapse", "complain", "small_talk", "greet", "out_of_scope", "goodbye", "family_overdose",
        "family_help", "family_what_to_say", "family_boundaries", "change_check_in", "report_low_mood",
        "ask_meeting", "ask_medication", "ask_appointment", "ask_progress", "ask_reward", "ask_contract",
        "pause_messages", "ask_lesson", "ask_sharing", "ask_resources", "ask_lines", "ask_habit",
    }
)  # fmt: skip
# Of these, what is told and not asked: where any words are an answer, this is one; a few of them are an unclear answer.
TOLD = frozenset({"out_of_scope", "complain", "small_talk", "family_boundaries", "family_help"})
A_FEW_WORDS = 3
# What is more important than the form that is open: it is left for this.
INTERRUPTIONS = frozenset({"report_craving", "report_risky_situation", "report_lapse", "ask_skill"})
SURE = 0.45
SURE_ENOUGH_TO_LEAVE = 0.5

_STOP = frozenset(
    ["stop", "quit", "cancel", "enough", "end", "exit", "stop it", "stop this", "please stop", "i'm done"]
)
_SKIP = frozenset(
    ["skip", "pass", "skip it", "skip this", "next question", "rather not say", "rather not", "no comment"]
)


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

    async def changed(self, slot: str, value: Any, turn: Turn, tracker: Tracker) -> dict[str, Any]:
        """Called when an earlier answer was taken back: further slots to set."""
        return {}

    def not_read(self, dispatcher: CollectingDispatcher, slot: str, heard: Heard, misses: int) -> None:
        """Say why the answer could not be read and ask again, in one message."""

    def gave_up(self, dispatcher: CollectingDispatcher, slot: str, turn: Turn) -> bool:
        """Called when a slot could not be read for too long: whether the form goes on without it."""
        say(dispatcher, "utter_moving_on")
        return True

    def patience(self, slot: str) -> int:
        """At which unread answer in a row the form stops asking for a slot."""
        return PATIENCE

    def free(self, slot: str) -> bool:
        """Whether any words are an answer to this slot."""
        return False

    def stopped(self, slot: str, tracker: Tracker) -> Any:
        """The value by which "stop" ends only this slot; ``None`` where it ends the form."""
        return None

    async def corrected(self, slot: str, heard: Heard, turn: Turn, tracker: Tracker) -> tuple[str, Any] | None:
        """The earlier slot that a message takes back, and its new value."""
        return None

    def spoken(self, slot: str, value: Any) -> str:
        """A value as one would say it."""
        return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        heard = Heard(text_of(tracker), intent_of(tracker), confidence_of(tracker), found_danger(tracker))
        slot = tracker.get_slot("requested_slot")
        if slot not in self.slots:
            filled = await self.begin(dispatcher, heard, turn, tracker)
            return _set(filled)
        if came_back(tracker, self.form):
            # Back from something said in between: the form asks its question again, and nothing is an answer to it.
            return []
        return await self._answer(dispatcher, slot, heard, turn, tracker)

    async def _answer(
        self, dispatcher: CollectingDispatcher, slot: str, heard: Heard, turn: Turn, tracker: Tracker
    ) -> list[Event]:
        if heard.in_danger:
            return [ActionExecutionRejected(self.form)]
        if self._stops(heard):
            instead = self.stopped(slot, tracker)
            return ended() if instead is None else await self._take(dispatcher, slot, instead, turn, tracker)
        takes_back = await self.corrected(slot, heard, turn, tracker)
        if takes_back:
            earlier, value = takes_back
            say(dispatcher, "utter_corrected", value=self.spoken(earlier, value))
            more = await self.changed(earlier, value, turn, tracker)
            return _set({earlier: value, "misses": None, **more})
        if self._leads_away(heard, slot):
            return [ActionExecutionRejected(self.form)]
        value = await self.read(slot, heard, turn, tracker)
        if value is None and ((heard.means("skip") and heard.confidence >= SURE) or heard.bare in _SKIP):
            value = SKIPPED
        if value is None and self._digresses(heard, slot):
            return [ActionExecutionRejected(self.form)]
        if value is None and await says_what_it_was(turn, tracker):
            return [ActionExecutionRejected(self.form)]
        if value is None and self.free(slot) and heard.text.strip():
            value = heard.text.strip()
        if value is None:
            return await self._missed(dispatcher, slot, heard, turn, tracker)
        return await self._take(dispatcher, slot, value, turn, tracker)

    async def _take(
        self, dispatcher: CollectingDispatcher, slot: str, value: Any, turn: Turn, tracker: Tracker
    ) -> list[Event]:
        more = await self.accepted(dispatcher, slot, value, turn, tracker)
        if more is None:
            return [SlotSet(slot, value), *ended()]
        return _set({slot: value, "misses": None, **more})

    async def _missed(
        self, dispatcher: CollectingDispatcher, slot: str, heard: Heard, turn: Turn, tracker: Tracker
    ) -> list[Event]:
        if heard.means(*self.opened_by()):
            # What opened the form, said once more: it is open, so its question is simply put again.
            return _set({slot: None, "misses": None})
        misses = int(tracker.get_slot("misses") or 0) + 1
        if misses < self.patience(slot):
            self.not_read(dispatcher, slot, heard, misses)
            return _set({slot: None, "misses": misses})
        if not self.gave_up(dispatcher, slot, turn):
            return ended(misses)
        return await self._take(dispatcher, slot, SKIPPED, turn, tracker)

    def _stops(self, heard: Heard) -> bool:
        return heard.bare in _STOP or (heard.means("stop") and heard.confidence >= SURE)

    def _leads_away(self, heard: Heard, slot: str) -> bool:
        """Whether something more important has come up than the form."""
        if heard.means("start_check_in") and not heard.text and "start_check_in" not in self.opened_by():
            # By the command, or a button: that is no answer to anything.
            return True
        return heard.means(*(INTERRUPTIONS - self.opened_by())) and heard.confidence >= SURE_ENOUGH_TO_LEAVE

    def opened_by(self) -> frozenset[str]:
        """The intents that open this form: said again inside it, they are no reason to leave."""
        return frozenset()

    def _digresses(self, heard: Heard, slot: str) -> bool:
        if not heard.means(*DIGRESSIONS):
            return False
        if heard.means("report_low_mood"):
            return not self.free(slot) and heard.confidence >= SURE
        asks = "?" in heard.text or heard.text == "" or heard.means("request_human")
        if not asks and heard.means(*TOLD) and (self.free(slot) or len(heard.text.split()) <= A_FEW_WORDS):
            return False
        # Free words are rather an answer than a change of subject, unless they are a clear question.
        return heard.confidence >= (SURE if not self.free(slot) or asks else 0.75)


class AskSlot(HandrailAction):
    """Puts a form's question: in short after something said in between, not at all where ``not_read`` has put it."""

    slot: ClassVar[str]

    def name(self) -> str:
        return f"action_ask_{self.slot}"

    def response(self, tracker: Tracker) -> str:
        """The response that asks."""
        return f"utter_ask_{self.slot}"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        self.turn(tracker)
        since = since_message(tracker)
        if any(
            event.get("event") == "slot" and event.get("name") == "misses" and event.get("value") for event in since
        ):
            return []
        short = f"utter_return_{self.slot}"
        # The slot that was asked for last is still set here: the same one again is a question put once more.
        again = tracker.get_slot("requested_slot") == self.slot and short in domain.get("responses", {})
        say(dispatcher, short if again else self.response(tracker))
        return []


def asking(*slots: str) -> tuple[type[AskSlot], ...]:
    """The asking actions of slots."""
    return tuple(type(f"Ask_{slot}", (AskSlot,), {"slot": slot, "__doc__": f"Asks for {slot}."}) for slot in slots)


def came_back(tracker: Tracker, form: str) -> bool:
    """Whether something else was said since the person's message."""
    own = (form, "action_extract_slots", None)
    return any(event.get("event") == "action" and event.get("name") not in own for event in since_message(tracker))


def _set(values: dict[str, Any]) -> list[Event]:
    return [SlotSet(name, value) for name, value in values.items()]


def ended(misses: int | str | None = None) -> list[Event]:
    """The events that close the form; a slot among them keeps Rasa from taking the form for rejected."""
    return [SlotSet("misses", misses), ActiveLoop(None), SlotSet("requested_slot", None)]
