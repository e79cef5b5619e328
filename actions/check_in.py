"""The daily check-in: four short questions, answered in digits or words, corrected at any time."""

import re
from dataclasses import replace
from typing import Any, ClassVar

from rasa_sdk.events import FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker

from actions.base import Domain, Event, HandrailAction, offer, say, team, text_of
from actions.craving import need_number, tells_of_pull
from actions.forms import SKIPPED, SURE, FormStep, Heard, ended
from bot.care.check_in import Answers, RecordCheckIn, Snooze, done_today, given_today, slots_of
from bot.care.turn import Turn
from bot.recovery import scales
from bot.recovery.check_in import spoken_time
from bot.recovery.people import Role
from bot.recovery.rhythm import read_snooze

CRAVING_HIGH = 7
# In place of the number of unread answers: the client wants to be asked later.
SNOOZED = "snoozed"
MOOD_LOW = 2
_HELLOS = "ok okay k sure yes yeah yep hi hello hey morning good go ready fine alright yo sup here"
_BEGINS = frozenset(
    (
        *_HELLOS.split(),
        "good morning",
        "ok sure",
        "i'm here",
        "im here",
        "go ahead",
        "go on",
        "ok go",
        "sure thing",
        "hi there",
    )
)
_WHY = re.compile(
    r"\b(?:why|what for|what'?s the (?:point|use)|whats the (?:point|use)|what is th(?:e|is) (?:point|for))\b", re.I
)
_SLIPPED = re.compile(
    r"\b(?:i|we) (?:just |really |actually )?"
    r"(?:slipped|relapsed|drank|used (?:again|last|yesterday|today|this)|gambled|got (?:drunk|high|wasted))\b"
    r"|^\W*(?:relapsed|slipped|got (?:drunk|high|wasted))\b|\bfell off the wagon\b|\boff the wagon\b",
    re.I,
)
_SLOT_OF = {"craving": "check_craving", "mood": "check_mood", "sleep": "check_sleep", "used": "check_used"}


def answers_of(slots: dict[str, Any]) -> Answers:
    """The answers that stand in the form's slots."""

    def level(name: str) -> int | None:
        value = slots.get(name)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    sleep = slots.get("check_sleep")
    slept = sleep if isinstance(sleep, dict) else {}
    used = slots.get("check_used")
    return Answers(
        craving=level("check_craving"),
        mood=level("check_mood"),
        sleep_quality=slept.get("quality"),
        sleep_hours=slept.get("hours"),
        used=used if isinstance(used, bool) else None,
    )


def summary(answers: Answers) -> str:
    """The answers in a few words, for the person to check."""
    parts = []
    if answers.craving is not None:
        parts.append(f"craving {answers.craving}")
    if answers.mood is not None:
        parts.append(f"mood {answers.mood}")
    if answers.sleep_hours is not None:
        parts.append(f"{answers.sleep_hours:g} hours of sleep")
    elif answers.sleep_quality is not None:
        parts.append(f"sleep {answers.sleep_quality}")
    if answers.used is not None:
        parts.append("a slip" if answers.used else "no slip")
    return ", ".join(parts) or "that you were here"


def read_slot(slot: str, heard: Heard) -> Any:
    """The value of one of the four answers in a text."""
    if slot == "check_craving":
        # "ok" to the first question says that it may begin, not how strong the craving is.
        return None if heard.bare in _BEGINS else scales.read_craving(heard.text)
    if slot == "check_mood":
        return scales.read_mood(heard.text)
    if slot == "check_sleep":
        sleep = scales.read_sleep(heard.text)
        return None if sleep is None else {"quality": sleep.quality, "hours": sleep.hours}
    plain = scales.read_used(heard.text)
    if plain is not None:
        return plain
    if heard.means("affirm", "deny"):
        return heard.means("affirm")
    return True if heard.means("report_lapse") else None


def _tells_of_lapse(heard: Heard) -> bool:
    """Whether a message tells of a slip and of nothing else that the check-in asks for."""
    if set(_values(heard.text)) - {"check_used"} or scales.read_used(heard.text) is False or "?" in heard.text:
        return False
    return bool(_SLIPPED.search(heard.text)) or (heard.means("report_lapse") and heard.confidence >= SURE)


def _values(text: str) -> dict[str, Any]:
    """The form's slots that a text with several answers in it fills ("craving 2, mood 6, slept 7h, didn't use")."""
    found: dict[str, Any] = dict(scales.read_several(text))
    sleep = found.get("sleep")
    if isinstance(sleep, scales.Sleep):
        found["sleep"] = {"quality": sleep.quality, "hours": sleep.hours}
    return {_SLOT_OF[name]: value for name, value in found.items()}


class CheckInStep(FormStep):
    form: ClassVar[str] = "check_in_form"
    slots: ClassVar[tuple[str, ...]] = ("check_craving", "check_mood", "check_sleep", "check_used")

    def opened_by(self) -> frozenset[str]:
        return frozenset({"start_check_in"})

    def _leads_away(self, heard: Heard, slot: str) -> bool:
        # "the craving is at 7" and "yes, I drank" are answers here; a craving that is none comes first.
        if heard.means("report_lapse"):
            return False
        answers = slot == "check_craving" and scales.read_craving(heard.text) is not None
        return super()._leads_away(heard, slot) and not answers

    def _digresses(self, heard: Heard, slot: str) -> bool:
        # Why it is asked is answered by the form itself.
        return super()._digresses(heard, slot) and not _WHY.search(heard.text)

    async def read(self, slot: str, heard: Heard, turn: Turn, tracker: Tracker) -> Any:
        return read_slot(slot, heard)

    async def _answer(
        self, dispatcher: CollectingDispatcher, slot: str, heard: Heard, turn: Turn, tracker: Tracker
    ) -> list[Event]:
        if slot != "check_used" and not heard.in_danger and _tells_of_lapse(heard):
            # Whoever says that they slipped is not asked for numbers first.
            self._keep(turn, tracker, {"check_used": True})
            return [SlotSet("check_used", True), *ended()]
        if slot == "check_craving" and not heard.in_danger and tells_of_pull(heard.text):
            # And whoever says that it pulls them now is not asked for their mood.
            value = read_slot(slot, heard)
            self._keep(turn, tracker, {slot: value})
            return [SlotSet(slot, value), *ended()]
        # "At work" may be where they drank.
        plainly = slot == "check_used"
        until = None if heard.in_danger else read_snooze(heard.text, turn.now, turn.person.zone, plainly=plainly)
        if until is not None:
            turn.stage(Snooze(until))
            at = until.astimezone(turn.person.zone).time()
            words = turn.words("talk.check_in_snoozed", time=spoken_time(at, turn.person.language))
            dispatcher.utter_message(text=words)
            return ended(SNOOZED)
        return await super()._answer(dispatcher, slot, heard, turn, tracker)

    async def accepted(
        self, dispatcher: CollectingDispatcher, slot: str, value: Any, turn: Turn, tracker: Tracker
    ) -> dict[str, Any] | None:
        more = {
            name: found
            for name, found in _values(text_of(tracker)).items()
            if name != slot and found is not None and tracker.get_slot(name) is None
        }
        self._keep(turn, tracker, {slot: value, **more})
        return more

    async def changed(self, slot: str, value: Any, turn: Turn, tracker: Tracker) -> dict[str, Any]:
        self._keep(turn, tracker, {slot: value})
        return {}

    def _keep(self, turn: Turn, tracker: Tracker, new: dict[str, Any]) -> None:
        # Kept at every answer: a check-in that is never finished is worth having too.
        slots = {name: tracker.get_slot(name) for name in self.slots} | new
        turn.stage(RecordCheckIn(answers_of(slots), complete=False))

    async def corrected(self, slot: str, heard: Heard, turn: Turn, tracker: Tracker) -> tuple[str, Any] | None:
        about = scales.about(heard.text)
        named = _SLOT_OF.get(about or "")
        if not scales.is_correction(heard.text):
            # "7 hours", said when the next question is already there, adds to the answer before.
            added = slot == "check_used" and named == "check_sleep" and tracker.get_slot("check_sleep") is not None
            value = scales.read_sleep(heard.text) if added else None
            return None if value is None else ("check_sleep", {"quality": value.quality, "hours": value.hours})
        earlier = named or self._before(slot)
        if earlier is None or earlier == slot or tracker.get_slot(earlier) is None:
            return None
        if earlier != "check_used" and scales.read_number(heard.text) is None and not about:
            return None
        value = read_slot(earlier, heard)
        return None if value is None else (earlier, value)

    def spoken(self, slot: str, value: Any) -> str:
        if slot == "check_used":
            return "a slip" if value else "no slip"
        if slot == "check_sleep":
            hours = value["hours"]
            return f"{value['quality']}" if hours is None else f"{hours:g} hours"
        return str(value)

    def _before(self, slot: str) -> str | None:
        index = self.slots.index(slot)
        return self.slots[index - 1] if index else None

    def patience(self, slot: str) -> int:
        # Over a check-in nobody is asked four times: it ends, and what was given is kept.
        return 3

    def not_read(self, dispatcher: CollectingDispatcher, slot: str, heard: Heard, misses: int) -> None:
        if heard.bare in _BEGINS and slot == "check_craving":
            say(dispatcher, "utter_check_in_begins")
        elif _WHY.search(heard.text):
            say(dispatcher, "utter_check_in_why")
        elif slot == "check_used":
            say(dispatcher, "utter_unclear_check_used" if misses == 1 else "utter_need_yes_no_again")
        elif slot == "check_sleep" and misses == 1:
            say(dispatcher, "utter_unclear_check_sleep")
        else:
            need_number(dispatcher, heard, misses)

    def gave_up(self, dispatcher: CollectingDispatcher, slot: str, turn: Turn) -> bool:
        return False


class BeginCheckIn(HandrailAction):
    """Opens the check-in, unless today's is done already."""

    title: ClassVar[str] = "action_begin_check_in"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        if turn.person.role is not Role.CLIENT:
            # A relative gets here by the command alone, which the menu shows to everyone.
            say(dispatcher, "utter_not_for_family")
            return []
        done = await done_today(turn)
        if done is None:
            return [*await self._given(turn), FollowupAction("check_in_form")]
        say(dispatcher, "utter_check_in_already", summary=summary(done))
        return []

    @staticmethod
    async def _given(turn: Turn) -> list[Event]:
        """What today's check-in holds already: nobody is asked twice."""
        given = await given_today(turn)
        if given is None:
            return []
        # Whether they used is asked again: it ends the form.
        values = slots_of(replace(given, used=None))
        return [SlotSet(name, value) for name, value in values.items()]


class FinishCheckIn(HandrailAction):
    """Closes the check-in and takes up what it showed: a slip, a strong craving, a very low mood."""

    title: ClassVar[str] = "action_finish_check_in"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        slots = {name: tracker.get_slot(name) for name in CheckInStep.slots}
        if tracker.get_slot("misses") == SNOOZED:
            return [SlotSet(name, None) for name in (*CheckInStep.slots, "misses")]
        answers = answers_of(slots)
        complete = slots["check_used"] is not None
        turn.stage(RecordCheckIn(answers, complete=complete))
        cleared = [SlotSet(name, None) for name in (*CheckInStep.slots, "misses")]
        if answers.used:
            return [*cleared, FollowupAction("lapse_form")]
        if tracker.get_slot("misses"):
            say(dispatcher, "utter_check_in_left", who=await team(turn))
            return [*cleared, SlotSet("offer", offer(turn, "human", why="the check-in did not work"))]
        if not complete and slots["check_mood"] is None and tells_of_pull(text_of(tracker)):
            return [*cleared, FollowupAction("craving_form")]
        if not complete:
            say(dispatcher, "utter_check_in_stopped")
            return cleared
        say(dispatcher, "utter_check_in_done", name=turn.person.first_name, summary=summary(answers))
        if answers.craving is not None and answers.craving >= CRAVING_HIGH:
            say(dispatcher, "utter_check_in_craving_high")
            return [*cleared, SlotSet("offer", offer(turn, "craving", level=answers.craving))]
        if answers.mood is not None and answers.mood <= MOOD_LOW:
            say(dispatcher, "utter_check_in_mood_low")
            return [*cleared, SlotSet("offer", offer(turn, "human", why="a very low mood at the check-in"))]
        return cleared


class CorrectCheckIn(HandrailAction):
    """Changes an answer of today's finished check-in ("sorry, I meant 4")."""

    title: ClassVar[str] = "action_correct_check_in"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        text = text_of(tracker)
        if await correct_today(self.turn(tracker), dispatcher, text, guess=True):
            return []
        if scales.about(text) == "craving" and scales.read_number(text) is not None:
            # "craving 6, mom called": with nothing to correct it is a craving, now.
            return [FollowupAction("craving_form")]
        say(dispatcher, "utter_nothing_to_correct")
        return []


async def correct_today(turn: Turn, dispatcher: CollectingDispatcher, text: str, *, guess: bool = False) -> bool:
    """Change today's finished check-in where a text corrects it; returns whether it did.

    Without ``guess`` the text has to name what it corrects ("craving was 4").
    """
    done = await done_today(turn)
    about = scales.about(text)
    if done is None or (about is None and (not guess or scales.read_number(text) is None)):
        return False
    changed = _change(done, about or "craving", Heard(text, "correct_answer", 1.0))
    if changed is None or changed == done:
        return False
    turn.stage(RecordCheckIn(changed, complete=True))
    say(dispatcher, "utter_check_in_corrected", summary=summary(changed))
    return True


def _change(done: Answers, about: str, heard: Heard) -> Answers | None:
    value = read_slot(_SLOT_OF[about], heard)
    if value is None or value == SKIPPED:
        return None
    if about == "sleep":
        return replace(done, sleep_quality=value["quality"], sleep_hours=value["hours"])
    return replace(done, **{about: value})
