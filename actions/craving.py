"""The craving form: level, trigger, a skill from the plan, level again, what changed."""

import re
from typing import Any, ClassVar

from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker

from actions.base import Domain, Event, HandrailAction, offer, say, say_level, team, text_of
from actions.forms import SKIPPED, AskSlot, Heard
from actions.skills import (
    ANOTHER,
    COMMANDS,
    OFFERED,
    STOPPED,
    TOLD,
    WAIT,
    Walk,
    WalkingStep,
    asked_for,
    known_skills,
    read_walk,
    walk_for,
)
from bot.care.craving import RecordEpisode
from bot.care.turn import Turn
from bot.recovery import scales
from bot.recovery.craving import HIGH, LOW, Outcome, outcome
from bot.recovery.skill import find_trigger

TRIGGER_CHOICES = 4
# The pull itself, told as it is now: neither a level nor words about the step on the screen.
_PULLS = re.compile(
    r"\b(?:crav(?:e|ing)|want|wanna|need|dying|desperate|tempted|itching|jonesing|going|gonna) "
    r"(?:(?:to|for|a|an|some|my|another|one|more|this|really|just|have|get|go|so|bad|badly) ){0,4}"
    r"(?:drink|drinks|drinking|drunk|beers?|wine|vodka|whiskey|liquor|booze|alcohol|shot|use|using|hit|fix|dope|smoke"
    r"|pills?|oxy|coke|meth|weed|high|gamble|gambling|bet)\b"
    r"|\b(?:crav\w*|urges?|pull|it)(?:'s| is| are)? (?:\w+ ){0,2}(?:stronger|worse|unbearable|too strong)\b"
)
_NO_PULL = re.compile(r"\b(?:no|not|don'?t|do not|didn'?t|never|without|stop|quit)\b|\?\s*$")
SHORT = 4
_TAKEN_BACK = re.compile(
    r"^\W*(?:(?:sorry|oops|no|wait|i mean|i meant|actually|correction|rather|it'?s|it was|more)\b\W*)+", re.I
)


def level_words(level: int) -> str:
    """The response that takes up a level."""
    return "utter_level_high" if level >= HIGH - 1 else "utter_level_middle" if level > LOW else "utter_level_low"


def tells_of_pull(text: str) -> bool:
    """Whether someone says in words, and without a number, that they want to drink, use or gamble now."""
    folded = scales.fold(text)
    return bool(_PULLS.search(folded)) and not _NO_PULL.search(folded) and scales.read_number(text) is None


class CravingStep(WalkingStep):
    form: ClassVar[str] = "craving_form"
    slots: ClassVar[tuple[str, ...]] = (
        "craving_level", "craving_trigger", "walk_done", "craving_after", "craving_change",
    )  # fmt: skip

    def opened_by(self) -> frozenset[str]:
        return frozenset({"report_craving", "report_risky_situation"})

    def free(self, slot: str) -> bool:
        return slot in ("craving_trigger", "walk_done", "craving_change")

    async def begin(
        self, dispatcher: CollectingDispatcher, heard: Heard, turn: Turn, tracker: Tracker
    ) -> dict[str, Any]:
        offered = tracker.get_slot("craving_level")
        level = offered if offered is not None else scales.read_number(heard.text)
        found: dict[str, Any] = {"episode": turn.id}
        if level is not None:
            say_level(dispatcher, level_words(level), level)
            found["craving_level"] = level
        plan = await turn.plan()
        trigger = find_trigger(plan, heard.text) if plan and heard.text else None
        if trigger is not None:
            found["craving_trigger"] = trigger.name
            found["walk"] = (await walk_for(turn, trigger.name, told=heard.text, level=level)).dump()
        elif heard.text:
            # The first words often tell where someone is; the trigger comes in the next ones.
            found["walk"] = Walk(told=heard.text[:TOLD]).dump()
        # Kept from the first word on: a form that is never finished has been lived through all the same.
        turn.stage(RecordEpisode(level, None, found.get("craving_trigger"), None, 0, None, False, key=turn.id))
        return found

    async def read(self, slot: str, heard: Heard, turn: Turn, tracker: Tracker) -> Any:
        if slot == "craving_level" and heard.bare in ("no", "nope", "nah", "n"):
            # After "I want to use" a bare "no" declines the question; it says nothing about the craving.
            return SKIPPED
        if slot in ("craving_level", "craving_after"):
            return SKIPPED if heard.means("ask_skill") else scales.read_craving(heard.text)
        if slot == "craving_trigger":
            return SKIPPED if heard.means("ask_skill") and heard.confidence >= SURE_OF_SKILL else None
        if slot == "walk_done":
            walk = Walk.parse(tracker.get_slot("walk"))
            if _bare_number(heard) is not None and walk.step > OFFERED:
                # A number in the middle of a skill is the level now: the skill has been enough.
                return STOPPED
            if asked_for(await known_skills(turn), heard.text) and heard.means("ask_skill"):
                return ANOTHER
            if tells_of_pull(heard.text):
                # Nobody who says how it pulls is told to take their time: the level is asked again.
                return STOPPED
            return read_walk(heard, walk) or (ANOTHER if heard.means("ask_skill") else None)
        return None

    async def accepted(
        self, dispatcher: CollectingDispatcher, slot: str, value: Any, turn: Turn, tracker: Tracker
    ) -> dict[str, Any] | None:
        if slot == "craving_level":
            if value != SKIPPED:
                say_level(dispatcher, level_words(value), value)
            return await self.changed(slot, value, turn, tracker)
        if slot == "craving_trigger":
            turn.stage(_episode(tracker, {slot: value}))
            level = _level(tracker.get_slot("craving_level"))
            trigger = "" if value == SKIPPED else str(value)
            told = Walk.parse(tracker.get_slot("walk")).told
            return {"walk": (await walk_for(turn, trigger, told=told, level=level)).dump()}
        if slot == "walk_done":
            moved = await self.walked(value if value in COMMANDS else WAIT, dispatcher, turn, tracker)
            # Read from what they wrote: the 3 of "3 Enough" names a choice, and no level.
            level = scales.read_number(text_of(tracker)) if value == STOPPED else None
            if level is None:
                if tells_of_pull(text_of(tracker)):
                    say(dispatcher, "utter_craving_told_again")
                return moved
            turn.stage(_episode(tracker, {"craving_after": level}))
            return {**moved, "craving_after": level, **self._skips_change(level, tracker)}
        if slot == "craving_after":
            turn.stage(_episode(tracker, {slot: value}))
            return self._skips_change(value, tracker)
        return {}

    async def changed(self, slot: str, value: Any, turn: Turn, tracker: Tracker) -> dict[str, Any]:
        turn.stage(_episode(tracker, {slot: value}))
        trigger = tracker.get_slot("craving_trigger") if slot == "craving_level" else value
        told = Walk.parse(tracker.get_slot("walk")).told
        level = _level(value if slot == "craving_level" else tracker.get_slot("craving_level"))
        if slot == "craving_after" or trigger is None or tracker.get_slot("requested_slot") == "walk_done" != slot:
            if slot != "craving_trigger":
                return {}
            return {"walk": (await walk_for(turn, str(value), told=told, level=level)).dump()}
        return {"walk": (await walk_for(turn, str(trigger), told=told, level=level)).dump()}

    @staticmethod
    def _skips_change(after: Any, tracker: Tracker) -> dict[str, Any]:
        """Where it stays high there is no time for looking back: a human is offered at once."""
        before = _level(tracker.get_slot("craving_level"))
        high = outcome(before, _level(after)) is Outcome.HIGH or after == SKIPPED
        return {"craving_change": SKIPPED} if high else {}

    async def corrected(self, slot: str, heard: Heard, turn: Turn, tracker: Tracker) -> tuple[str, Any] | None:
        level = scales.read_number(heard.text)
        walk = Walk.parse(tracker.get_slot("walk"))
        if slot == "walk_done" and walk.step == OFFERED and not walk.steps_done and _bare_number(heard) is not None:
            return "craving_level", level
        if not scales.is_correction(heard.text):
            return None
        earlier = {"craving_trigger": "craving_level", "walk_done": "craving_level", "craving_change": "craving_after"}
        if slot in earlier and level is not None:
            return earlier[slot], level
        words = _TAKEN_BACK.sub("", heard.text.strip())
        if (
            slot == "walk_done"
            and walk.step == OFFERED
            and words
            and words != heard.text.strip()
            and not heard.means("stop")
        ):
            return ("craving_trigger", words) if read_walk(Heard(words, "", 0.0), walk) is None else None
        return None

    def not_read(self, dispatcher: CollectingDispatcher, slot: str, heard: Heard, misses: int) -> None:
        need_number(dispatcher, heard, misses)


SURE_OF_SKILL = 0.6


def _bare_number(heard: Heard) -> int | None:
    return scales.read_number(heard.text) if len(heard.text.split()) <= SHORT else None


def need_number(dispatcher: CollectingDispatcher, heard: Heard, misses: int) -> None:
    """Ask once more for a number from 0 to 10, and from the second time on say how to leave."""
    if scales.out_of_range(heard.text):
        say(dispatcher, "utter_out_of_range")
    else:
        say(dispatcher, "utter_need_number_again" if misses > 1 else "utter_need_number")


def _episode(tracker: Tracker, new: dict[str, Any], *, completed: bool = False) -> RecordEpisode:
    """The episode as far as it is known."""
    slots = {name: tracker.get_slot(name) for name in CravingStep.slots} | new
    walk = Walk.parse(tracker.get_slot("walk"))
    return RecordEpisode(
        level_before=_level(slots["craving_level"]),
        level_after=_level(slots["craving_after"]),
        trigger=_words(slots["craving_trigger"]),
        skill=(walk.tried or walk.key) if walk.steps_done else None,
        steps_done=walk.steps_done,
        change=_words(slots["craving_change"]),
        completed=completed,
        key=str(tracker.get_slot("episode") or ""),
    )


class AskTrigger(HandrailAction):
    """Asks what set the craving off, with the plan's triggers to pick from."""

    title: ClassVar[str] = "action_ask_craving_trigger"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        # Behind a PIN the plan's triggers are nobody's to read, and the question is put all the same.
        plan = None if await turn.plan_is_locked() else await turn.plan()
        if plan is None:
            say(dispatcher, "utter_which_trigger_free")
            return []
        if tracker.get_slot("requested_slot") == "craving_trigger":
            say(dispatcher, "utter_return_craving_trigger")
            return []
        names = [trigger.name for trigger in plan.triggers[:TRIGGER_CHOICES]]
        say(dispatcher, "utter_which_trigger", buttons=[{"title": name, "payload": name} for name in names])
        return []


class AskChange(AskSlot):
    """Asks what changed, or, where nothing did, what holds it up."""

    slot: ClassVar[str] = "craving_change"

    def response(self, tracker: Tracker) -> str:
        came_to = outcome(_level(tracker.get_slot("craving_level")), _level(tracker.get_slot("craving_after")))
        return "utter_ask_craving_change" if came_to in (Outcome.FELL, Outcome.LOW) else "utter_ask_craving_unchanged"


class FinishCraving(HandrailAction):
    """Keeps the episode and says how it went; at 8 or more that did not fall, offers a human."""

    title: ClassVar[str] = "action_finish_craving"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        before, after = _level(tracker.get_slot("craving_level")), _level(tracker.get_slot("craving_after"))
        walk, trigger = Walk.parse(tracker.get_slot("walk")), _words(tracker.get_slot("craving_trigger"))
        completed = tracker.get_slot("craving_after") is not None
        turn.stage(_episode(tracker, {}, completed=completed))
        cleared = [SlotSet(name, None) for name in (*CravingStep.slots, "walk", "misses", "episode")]
        came_to = outcome(before, after)
        if came_to is Outcome.HIGH:
            worst = after if after is not None else before
            say(dispatcher, "utter_craving_high", after=worst, who=await team(turn))
            return [*cleared, SlotSet("offer", offer(turn, "human", why="the craving stays high"))]
        if not completed or after is None:
            say(dispatcher, "utter_craving_stopped")
            return cleared
        if came_to is Outcome.HELD:
            say(dispatcher, "utter_craving_held", after=after)
            return [
                *cleared,
                SlotSet("offer", offer(turn, "skill", trigger=trigger or "", tried=walk.tried, told=walk.told)),
            ]
        say(
            dispatcher,
            "utter_craving_fell" if came_to is Outcome.FELL else "utter_craving_low",
            before=before,
            after=after,
        )
        return cleared


def _level(value: Any) -> int | None:
    return value if isinstance(value, int) else None


def _words(value: Any) -> str | None:
    return value if isinstance(value, str) and value != SKIPPED else None
