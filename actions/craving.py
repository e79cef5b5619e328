"""The craving form: level, trigger, a skill from the plan, level again, what changed."""

from typing import Any, ClassVar

from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker

from actions.base import Domain, Event, HandrailAction, offer, say, say_level, team
from actions.forms import SKIPPED, Heard
from actions.skills import ANOTHER, FINISHED, NEXT, STOPPED, WAIT, Walk, WalkingStep, read_walk, walk_for
from bot.care.craving import RecordEpisode
from bot.care.turn import Turn
from bot.recovery import scales
from bot.recovery.craving import HIGH, LOW, Outcome, outcome
from bot.recovery.skill import find_trigger

TRIGGER_CHOICES = 4
SHORT = 4


def level_words(level: int) -> str:
    """The response that takes up a level."""
    return "utter_level_high" if level >= HIGH - 1 else "utter_level_middle" if level > LOW else "utter_level_low"


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
        found: dict[str, Any] = {}
        if level is not None:
            say_level(dispatcher, level_words(level), level)
            found["craving_level"] = level
        plan = await turn.plan()
        trigger = find_trigger(plan, heard.text) if plan and heard.text else None
        if trigger is not None:
            found["craving_trigger"] = trigger.name
            found["walk"] = (await walk_for(turn, trigger.name)).dump()
        return found

    async def read(self, slot: str, heard: Heard, turn: Turn, tracker: Tracker) -> Any:
        if slot in ("craving_level", "craving_after"):
            return scales.read_craving(heard.text)
        if slot == "walk_done":
            # A number in the middle of a skill is the level now: the skill has been enough.
            bare_number = scales.read_number(heard.text) is not None and len(heard.text.split()) <= SHORT
            return STOPPED if bare_number else read_walk(heard, Walk.parse(tracker.get_slot("walk")))
        return None

    async def accepted(
        self, dispatcher: CollectingDispatcher, slot: str, value: Any, turn: Turn, tracker: Tracker
    ) -> dict[str, Any] | None:
        if slot == "craving_level" and value != SKIPPED:
            say_level(dispatcher, level_words(value), value)
            trigger = tracker.get_slot("craving_trigger")
            if trigger:
                return {"walk": (await walk_for(turn, str(trigger))).dump()}
        if slot == "craving_trigger":
            return {"walk": (await walk_for(turn, "" if value == SKIPPED else str(value))).dump()}
        if slot == "walk_done":
            known = value in (NEXT, ANOTHER, WAIT, FINISHED, STOPPED)
            moved = await self.walked(value if known else WAIT, dispatcher, turn, tracker)
            level = scales.read_number(turn.text) if value == STOPPED else None
            return moved if level is None else {**moved, "craving_after": level}
        return {}

    async def corrected(self, slot: str, heard: Heard, turn: Turn, tracker: Tracker) -> tuple[str, Any] | None:
        earlier = {"craving_trigger": "craving_level", "walk_done": "craving_level", "craving_change": "craving_after"}
        level = scales.read_number(heard.text)
        return (earlier[slot], level) if slot in earlier and level is not None else None

    def not_read(self, dispatcher: CollectingDispatcher, slot: str, heard: Heard, misses: int) -> None:
        need_number(dispatcher, heard, misses)


def need_number(dispatcher: CollectingDispatcher, heard: Heard, misses: int) -> None:
    """Say that a number from 0 to 10 is needed, and from the second time on how to leave."""
    if misses > 1:
        say(dispatcher, "utter_need_number_again")
    elif scales.out_of_range(heard.text):
        say(dispatcher, "utter_out_of_range")
    else:
        say(dispatcher, "utter_need_number")


class AskTrigger(HandrailAction):
    """Asks what set the craving off, with the plan's triggers to pick from."""

    title: ClassVar[str] = "action_ask_craving_trigger"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        plan = await self.turn(tracker).plan()
        if plan is None:
            say(dispatcher, "utter_which_trigger_free")
            return []
        names = [trigger.name for trigger in plan.triggers[:TRIGGER_CHOICES]]
        say(dispatcher, "utter_which_trigger", buttons=[{"title": name, "payload": name} for name in names])
        return []


class FinishCraving(HandrailAction):
    """Keeps the episode and says how it went; at 8 or more that did not fall, offers a human."""

    title: ClassVar[str] = "action_finish_craving"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        slots = {name: tracker.get_slot(name) for name in CravingStep.slots}
        before, after = _level(slots["craving_level"]), _level(slots["craving_after"])
        walk = Walk.parse(tracker.get_slot("walk"))
        completed = slots["craving_after"] is not None
        turn.stage(
            RecordEpisode(
                level_before=before,
                level_after=after,
                trigger=_words(slots["craving_trigger"]),
                skill=walk.key if walk.steps_done else None,
                steps_done=walk.steps_done,
                change=_words(slots["craving_change"]),
                completed=completed,
            )
        )
        cleared = [SlotSet(name, None) for name in (*CravingStep.slots, "walk", "misses")]
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
            return [*cleared, SlotSet("offer", offer(turn, "skill"))]
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
