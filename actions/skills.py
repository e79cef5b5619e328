"""Walking through a coping skill: offered first, then step by step, with next, another one and stop."""

from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker

from actions.base import Domain, Event, HandrailAction, offer, say
from actions.forms import FormStep, Heard
from bot.care.craving import RecordEpisode
from bot.care.turn import Turn
from bot.recovery import scales
from bot.recovery.skill import Skill, choose, find_trigger, named

NEXT, ANOTHER, WAIT, DIFFERENT = "next", "another", "wait", "different"
FINISHED, STOPPED, USED_UP = "finished", "stopped", "used up"
OFFERED = -1
OFFERS = 6

_NEXT_WORDS = frozenset(
    [
        "next",
        "n",
        "ok",
        "okay",
        "k",
        "yes",
        "y",
        "yeah",
        "yep",
        "sure",
        "done",
        "did",
        "it",
        "go",
        "on",
        "continue",
        "ready",
        "alright",
        "finished",
        "start",
        "lets",
        "go",
        "do",
        "more",
        "then",
        "and",
        "now",
        "1",
    ]
)


@dataclass(frozen=True, slots=True)
class Walk:
    """Where someone is: the skills in the order of offering, which one, which step, how many steps were done."""

    queue: tuple[str, ...] = ()
    at: int = 0
    step: int = OFFERED
    steps_done: int = 0
    length: int = 0
    from_plan: bool = False
    quiet: bool = False

    @property
    def key(self) -> str | None:
        return self.queue[self.at] if self.at < len(self.queue) else None

    def dump(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def parse(cls, value: dict[str, Any] | None) -> "Walk":
        return cls(**{**value, "queue": tuple(value["queue"])}) if value else cls()

    def moved(self, command: str, lengths: dict[str, int]) -> dict[str, Any]:
        """The slots after a command: the walk goes on, or the slot ``walk_done`` gets its value."""
        if command in (FINISHED, STOPPED):
            return {"walk": self.dump()}
        if command == WAIT:
            return {"walk": replace(self, quiet=True).dump(), "walk_done": None}
        if command == ANOTHER:
            if self.at + 1 >= len(self.queue):
                return {"walk": self.dump(), "walk_done": USED_UP}
            moved = replace(self, at=self.at + 1, step=OFFERED, quiet=False, from_plan=False)
            return {"walk": replace(moved, length=lengths[moved.key or ""]).dump(), "walk_done": None}
        done = self.steps_done + (self.step > OFFERED)
        if self.step + 1 >= self.length:
            return {"walk": replace(self, steps_done=done).dump(), "walk_done": FINISHED}
        return {"walk": replace(self, step=self.step + 1, steps_done=done, quiet=False).dump(), "walk_done": None}


async def known_skills(turn: Turn, trigger: str = "") -> tuple[Skill, ...]:
    """Every skill this person can be offered, best first for a trigger."""
    return choose(await turn.plan(), turn.skills(), trigger)


async def lengths_of(turn: Turn) -> dict[str, int]:
    return {skill.key: len(skill.steps) for skill in await known_skills(turn)}


async def walk_for(turn: Turn, trigger: str, wanted: Skill | None = None) -> Walk:
    """A walk that begins with the best skill for a trigger, or with the one that was asked for."""
    ordered = list(await known_skills(turn, trigger))
    if wanted:
        ordered = [wanted, *(skill for skill in ordered if skill.key != wanted.key)]
    plan = await turn.plan()
    from_plan = wanted is None and plan is not None and bool(trigger) and find_trigger(plan, trigger) is not None
    ordered = ordered[:OFFERS]
    return Walk(tuple(skill.key for skill in ordered), length=len(ordered[0].steps), from_plan=from_plan)


def read_walk(heard: Heard, walk: Walk) -> str | None:
    """What a message means inside a walk; words that are no command are heard, and the step waits."""
    words = heard.bare.replace("'", "").split()
    if heard.means("another_one"):
        return ANOTHER
    if heard.means("deny") or heard.bare in ("no", "nope", "nah"):
        return ANOTHER if walk.step == OFFERED else WAIT
    if heard.means("next_step", "affirm") or (words and len(words) <= 4 and set(words) <= _NEXT_WORDS):
        return NEXT
    if scales.read_yes_no(heard.text) and len(words) <= 5:
        return NEXT
    return None


class AskWalk(HandrailAction):
    """Speaks where the walk is: the offer, a step, or that there is no hurry."""

    title: ClassVar[str] = "action_ask_walk_done"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        walk = Walk.parse(tracker.get_slot("walk"))
        skill = next((s for s in await known_skills(turn) if s.key == walk.key), None)
        if skill is None:
            walk = await walk_for(turn, "")
            skill = next(s for s in await known_skills(turn) if s.key == walk.key)
        if walk.quiet:
            say(dispatcher, "utter_skill_wait")
        elif walk.step == OFFERED:
            if walk.from_plan:
                say(dispatcher, "utter_skill_from_plan")
            say(dispatcher, "utter_offer_skill", name=skill.name, intro=skill.intro, minutes=skill.minutes)
        else:
            say(dispatcher, "utter_skill_step", step=skill.steps[walk.step])
        return [SlotSet("walk", replace(walk, quiet=False).dump())]


class WalkingStep(FormStep):
    """A form that has a walk in it."""

    def stopped(self, slot: str) -> Any:
        # Inside the walk "stop" ends the skill, not the form.
        return STOPPED if slot == "walk_done" else None

    async def walked(
        self, value: str, dispatcher: CollectingDispatcher, turn: Turn, tracker: Tracker
    ) -> dict[str, Any]:
        """The slots after a command inside the walk."""
        moved = Walk.parse(tracker.get_slot("walk")).moved(value, await lengths_of(turn))
        if moved.get("walk_done") == USED_UP:
            say(dispatcher, "utter_skills_used_up")
        return moved


class SkillStep(WalkingStep):
    form: ClassVar[str] = "skill_form"
    slots: ClassVar[tuple[str, ...]] = ("walk_done", "skill_helped")

    def opened_by(self) -> frozenset[str]:
        return frozenset({"ask_skill"})

    async def begin(
        self, dispatcher: CollectingDispatcher, heard: Heard, turn: Turn, tracker: Tracker
    ) -> dict[str, Any]:
        wanted = named(await known_skills(turn), heard.text) if heard.text else None
        return {"walk": (await walk_for(turn, heard.text, wanted)).dump()}

    async def read(self, slot: str, heard: Heard, turn: Turn, tracker: Tracker) -> Any:
        if slot == "walk_done":
            if heard.means("ask_skill") and heard.text:
                return ANOTHER
            return read_walk(heard, Walk.parse(tracker.get_slot("walk")))
        if heard.means("affirm", "deny"):
            return heard.means("affirm")
        return scales.read_yes_no(heard.text)

    def free(self, slot: str) -> bool:
        return True

    async def accepted(
        self, dispatcher: CollectingDispatcher, slot: str, value: Any, turn: Turn, tracker: Tracker
    ) -> dict[str, Any] | None:
        if slot != "walk_done":
            return {}
        known = value in (NEXT, ANOTHER, WAIT, FINISHED, STOPPED)
        return await self.walked(value if known else WAIT, dispatcher, turn, tracker)


class FinishSkill(HandrailAction):
    """Keeps that the skill was walked through, and offers another one where it did not help."""

    title: ClassVar[str] = "action_finish_skill"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        walk = Walk.parse(tracker.get_slot("walk"))
        helped = tracker.get_slot("skill_helped")
        if walk.steps_done:
            turn.stage(
                RecordEpisode(
                    None, None, None, walk.key, walk.steps_done, None, tracker.get_slot("walk_done") == FINISHED
                )
            )
        cleared = [SlotSet(name, None) for name in (*SkillStep.slots, "walk", "misses")]
        if helped is False:
            say(dispatcher, "utter_skill_not_helped")
            return [*cleared, SlotSet("offer", offer(turn, "skill"))]
        say(dispatcher, "utter_skill_helped" if helped else "utter_craving_stopped")
        return cleared
