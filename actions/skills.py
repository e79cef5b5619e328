"""Walking through a coping skill: offered first, then step by step, with next, another one and stop."""

import re
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker

from actions.base import Domain, Event, HandrailAction, offer, say, team, text_of
from actions.forms import SKIPPED, SURE, FormStep, Heard
from bot.care.craving import RecordEpisode
from bot.care.turn import Turn
from bot.recovery import scales
from bot.recovery.skill import Skill, choose, find_trigger, named

NEXT, ANOTHER, WAIT = "next", "another", "wait"
FINISHED, STOPPED, USED_UP = "finished", "stopped", "used up"
COMMANDS = frozenset({NEXT, ANOTHER, WAIT, FINISHED, STOPPED})
OFFERED = -1
OFFERS = 6
SHORT = 6

# Words that ask for the next step on their own, and words that may stand beside them.
_GO_WORDS = (
    "next n ok okay k kk yes y yeah yep yup sure done did go continue ready alright finished start lets try fine well "
    "proceed more then got tried please good great 1"
)
_WORDS_BESIDE = (
    "i i've ive have it that this so now and on very all right do to the one step it's its im i'm just a let us was me "
    "let's thanks thank you what whats what's is for"
)
_GO, _BESIDE = frozenset(_GO_WORDS.split()), frozenset(_WORDS_BESIDE.split())
_WAIT = re.compile(r"\b(?:wait|hold on|hang on|one sec|a sec|a minute|a moment|not yet|brb|slower|too fast)\b")
_NOT_THIS = re.compile(
    r"(?:not|n'?t|never) (?:really )?(?:help\w*|work\w*|do(?:ing)? (?:it|anything|much|shit))"
    r"|(?:this|that|it)(?:'?s| is) (?:so )?(?:dumb|stupid|silly|cringe|corny|boring|annoying|bullshit|bs|lame|useless"
    r"|pointless)|(?:hate|can'?t do|don'?t (?:want|like)) (?:this|that|it|the|any|to)|not (?:in the mood|up for)"
    r"|don'?t feel like|something (?:else|different)|(?:a )?different one|tried (?:that|this|it) (?:already|before)"
)
_NOT = re.compile(r"\b(?:no|not|don'?t|never|without|hate|anything but)\b")


@dataclass(frozen=True, slots=True)
class Walk:
    """Where someone is: the skills in the order of offering, which one, which step, how many steps were done."""

    queue: tuple[str, ...] = ()
    at: int = 0
    step: int = OFFERED
    steps_done: int = 0
    length: int = 0
    tried: str = ""
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
            # The step that was on the screen has been tried, so the skill counts as the last one that was.
            if self.step > OFFERED:
                return replace(self, step=OFFERED, steps_done=self.steps_done + 1, tried=self.key or "").moved(
                    ANOTHER, lengths
                )
            if self.at + 1 >= len(self.queue):
                return {"walk": self.dump(), "walk_done": USED_UP}
            moved = replace(self, at=self.at + 1, step=OFFERED, quiet=False, from_plan=False)
            return {"walk": replace(moved, length=lengths[moved.key or ""]).dump(), "walk_done": None}
        done = self.steps_done + (self.step > OFFERED)
        tried = self.key or ""
        if self.step + 1 >= self.length:
            return {"walk": replace(self, steps_done=done, tried=tried).dump(), "walk_done": FINISHED}
        return {
            "walk": replace(self, step=self.step + 1, steps_done=done, tried=tried, quiet=False).dump(),
            "walk_done": None,
        }


async def known_skills(turn: Turn, trigger: str = "") -> tuple[Skill, ...]:
    """Every skill this person can be offered, best first for a trigger."""
    return choose(await turn.plan(), turn.skills(), trigger)


async def lengths_of(turn: Turn) -> dict[str, int]:
    return {skill.key: len(skill.steps) for skill in await known_skills(turn)}


async def walk_for(turn: Turn, trigger: str, wanted: Skill | None = None, tried: str = "") -> Walk:
    """A walk that begins with the best skill for a trigger, or with the one that was asked for; what was tried is last."""
    ordered = sorted(await known_skills(turn, trigger), key=lambda skill: skill.key == tried)
    if wanted:
        ordered = [wanted, *(skill for skill in ordered if skill.key != wanted.key)]
    plan = await turn.plan()
    from_plan = wanted is None and plan is not None and bool(trigger) and find_trigger(plan, trigger) is not None
    ordered = ordered[:OFFERS]
    return Walk(tuple(skill.key for skill in ordered), length=len(ordered[0].steps), from_plan=from_plan)


def read_walk(heard: Heard, walk: Walk) -> str | None:
    """What a message means inside a walk; words that are no command are heard, and the step waits."""
    words = heard.bare.replace(",", " ").split()
    offered = walk.step == OFFERED
    if _WAIT.search(heard.bare) and len(words) <= SHORT:
        return WAIT
    if (heard.means("another_one") and heard.confidence >= SURE) or _NOT_THIS.search(heard.bare):
        return ANOTHER
    if heard.bare in ("no", "nope", "nah", "no thanks", "no thank you") or (
        heard.means("deny") and len(words) <= SHORT
    ):
        return ANOTHER if offered else WAIT
    if (heard.means("next_step", "affirm") and (not heard.text or len(words) <= SHORT)) or _goes_on(words):
        return NEXT
    if scales.read_yes_no(heard.text) and len(words) <= SHORT:
        return NEXT
    return None


def _goes_on(words: list[str]) -> bool:
    return bool(words) and len(words) <= SHORT and bool(_GO & set(words)) and set(words) <= _GO | _BESIDE


def asked_for(skills: tuple[Skill, ...], text: str) -> Skill | None:
    """The skill that a text asks for by name; nothing where it says which one it does not want."""
    return None if _NOT.search(scales.fold(text)) else named(skills, text)


class AskWalk(HandrailAction):
    """Speaks where the walk is: the offer, a step, or that there is no hurry."""

    title: ClassVar[str] = "action_ask_walk_done"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        walk = Walk.parse(tracker.get_slot("walk"))
        known = {skill.key: skill for skill in await known_skills(turn)}
        if walk.key not in known:
            walk = await walk_for(turn, "")
        skill = known[walk.key or ""]
        if walk.quiet:
            say(dispatcher, "utter_offer_wait" if walk.step == OFFERED else "utter_skill_wait", name=skill.name)
        elif walk.step == OFFERED:
            response = "utter_offer_skill_from_plan" if walk.from_plan else "utter_offer_skill"
            say(dispatcher, response, name=skill.name, intro=skill.intro, minutes=skill.minutes)
        else:
            say(dispatcher, "utter_skill_step", step=skill.steps[walk.step])
        return [SlotSet("walk", replace(walk, quiet=False, from_plan=False).dump())]


class WalkingStep(FormStep):
    """A form that has a walk in it."""

    def stopped(self, slot: str, tracker: Tracker) -> Any:
        # Inside a skill "stop" ends the skill, not the form; before its first step there is nothing else to end.
        walk = Walk.parse(tracker.get_slot("walk"))
        return STOPPED if slot == "walk_done" and (walk.steps_done or walk.step > OFFERED) else None

    def _leads_away(self, heard: Heard, slot: str) -> bool:
        # A skill that is asked for is what the form is about.
        return super()._leads_away(heard, slot) and not heard.means("ask_skill")

    async def walked(
        self, value: str, dispatcher: CollectingDispatcher, turn: Turn, tracker: Tracker
    ) -> dict[str, Any]:
        """The slots after a command inside the walk."""
        walk = Walk.parse(tracker.get_slot("walk"))
        if value == ANOTHER:
            wanted = asked_for(await known_skills(turn), text_of(tracker))
            if wanted and wanted.key != walk.key:
                return {"walk": (await walk_for(turn, "", wanted)).dump(), "walk_done": None}
        if value == STOPPED:
            # The step that was on the screen has been tried.
            walk = replace(walk, steps_done=walk.steps_done + (walk.step > OFFERED))
        moved = walk.moved(value, await lengths_of(turn))
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
        if tracker.get_slot("walk"):
            return {}
        wanted = asked_for(await known_skills(turn), heard.text) if heard.text else None
        return {"walk": (await walk_for(turn, heard.text, wanted)).dump()}

    async def read(self, slot: str, heard: Heard, turn: Turn, tracker: Tracker) -> Any:
        if slot == "walk_done":
            if heard.means("ask_skill") and heard.text:
                return ANOTHER
            return read_walk(heard, Walk.parse(tracker.get_slot("walk")))
        if heard.means("affirm", "deny"):
            return heard.means("affirm")
        return read_helped(heard.text)

    def free(self, slot: str) -> bool:
        return True

    async def accepted(
        self, dispatcher: CollectingDispatcher, slot: str, value: Any, turn: Turn, tracker: Tracker
    ) -> dict[str, Any] | None:
        if slot != "walk_done":
            return {}
        moved = await self.walked(value if value in COMMANDS else WAIT, dispatcher, turn, tracker)
        if moved.get("walk_done") == USED_UP and not moved["walk"]["steps_done"]:
            # Nothing was tried, so there is nothing to ask about.
            return {**moved, "skill_helped": SKIPPED}
        return moved


_WORSE = re.compile(
    r"\b(?:worse|still (?:bad|there|strong|high)|same|no change|didn'?t|doesn'?t|not (?:at all|much|really))\b"
)
_BETTER = re.compile(
    r"\b(?:better|helped|calmer|calm|less|lower|good|nice|relaxed|easier|some|little|bit|worked|works)\b"
)


def read_helped(text: str) -> bool | None:
    """Whether someone says that a skill helped: yes, no, or nothing where it settles neither."""
    folded = scales.fold(text)
    if _WORSE.search(folded):
        return False
    return True if _BETTER.search(folded) else scales.read_yes_no(text)


class FinishSkill(HandrailAction):
    """Keeps that the skill was walked through, and offers another one where it did not help."""

    title: ClassVar[str] = "action_finish_skill"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        walk = Walk.parse(tracker.get_slot("walk"))
        done, helped = tracker.get_slot("walk_done"), tracker.get_slot("skill_helped")
        if walk.steps_done:
            turn.stage(
                RecordEpisode(
                    None, None, None, walk.tried or walk.key, walk.steps_done, None, completed=done == FINISHED
                )
            )
        cleared = [SlotSet(name, None) for name in (*SkillStep.slots, "walk", "misses")]
        if done == USED_UP and not walk.steps_done:
            say(dispatcher, "utter_none_left", who=await team(turn))
            return [*cleared, SlotSet("offer", offer(turn, "human", why="none of the skills was right"))]
        if helped is False:
            say(dispatcher, "utter_skill_not_helped")
            return [*cleared, SlotSet("offer", offer(turn, "skill", tried=walk.tried))]
        say(dispatcher, "utter_skill_helped" if helped is True else "utter_skill_left")
        return cleared
