"""Walking through a coping skill: offered first, then step by step, with next, another one and stop."""

import re
from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker

from actions.base import Domain, Event, HandrailAction, offer, open_form, say, team, text_of
from actions.forms import SKIPPED, SURE, FormStep, Heard
from bot.care.craving import RecordEpisode, past_episodes
from bot.care.turn import Turn
from bot.recovery import scales
from bot.recovery.experience import helpful, points, records
from bot.recovery.people import Role
from bot.recovery.situation import Place, Situation, read_situation
from bot.recovery.skill import Skill, choose, find_trigger, made_for, named, possible

NEXT, ANOTHER, WAIT = "next", "another", "wait"
FINISHED, STOPPED, USED_UP = "finished", "stopped", "used up"
COMMANDS = frozenset({NEXT, ANOTHER, WAIT, FINISHED, STOPPED})
OFFERED = -1
OFFERS = 6
SHORT = 6
# What is kept of the words that tell where someone is.
TOLD = 300

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
    """Where someone is: the skills in the order of offering, which one, which step, how many steps were done.

    ``told`` keeps the words from which their situation is read, since they come in more than one message.
    """

    queue: tuple[str, ...] = ()
    at: int = 0
    step: int = OFFERED
    steps_done: int = 0
    length: int = 0
    tried: str = ""
    from_plan: bool = False
    quiet: bool = False
    told: str = ""

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


async def known_skills(turn: Turn) -> tuple[Skill, ...]:
    """Every skill this person can be offered."""
    return choose(await turn.plan(), turn.skills(), "")


async def lengths_of(turn: Turn) -> dict[str, int]:
    return {skill.key: len(skill.steps) for skill in await known_skills(turn)}


def situation_of(turn: Turn, told: str, level: int | None = None) -> Situation:
    """The situation that words tell of, at this hour by the person's own clock."""
    return read_situation(told, turn.now.astimezone(turn.person.zone), level)


async def walk_for(
    turn: Turn, trigger: str, wanted: Skill | None = None, tried: str = "", told: str = "", level: int | None = None
) -> Walk:
    """A walk that begins with the best skill, or with the one that was asked for; what was tried is last.

    Args:
        turn: the turn.
        trigger: what set the craving off, in the person's words.
        wanted: the skill that was asked for.
        tried: the key of one that was tried just now.
        told: whatever else they said of where they are.
        level: how strong the craving is.
    """
    told = " ".join(dict.fromkeys(words for words in (told, trigger) if words))[:TOLD]
    plan = await turn.plan()
    past = await past_episodes(turn)
    best = choose(plan, turn.skills(), trigger, situation_of(turn, told, level), past, turn.now)
    ordered = sorted(best, key=lambda skill: skill.key == tried)
    if wanted:
        ordered = [wanted, *(skill for skill in ordered if skill.key != wanted.key)]
    match = find_trigger(plan, trigger) if plan and trigger else None
    from_plan = wanted is None and match is not None and names(match.skills, ordered[0])
    ordered = ordered[:OFFERS]
    return Walk(tuple(skill.key for skill in ordered), length=len(ordered[0].steps), from_plan=from_plan, told=told)


def names(listed: tuple[str, ...], skill: Skill) -> bool:
    """Whether a plan's list names a skill, by its key or as it is called."""
    return {skill.key.casefold(), skill.name.casefold()} & {name.casefold() for name in listed} != set()


_PLACES = {place: f"talk.skill_in_{place}" for place in Place}


async def why(turn: Turn, skill: Skill, walk: Walk) -> str:
    """Why this skill: what it did for this client before, else why it can be done where they are; often nothing."""
    past = await past_episodes(turn)
    record = next((record for record in helpful(past) if record.skill == skill.key), None)
    if record:
        fall, mostly = points(record.fall), points(record.mostly)
        return turn.words("talk.skill_why", len(past), uses=str(record.uses), fall=fall, mostly=mostly)
    situation = situation_of(turn, walk.told)
    if skill not in turn.skills() or not possible(skill, situation):
        return ""
    if situation.beside:
        return turn.words("talk.skill_unnoticed", len(past))
    if situation.place and made_for(skill, situation.place):
        return turn.words(_PLACES[situation.place])
    return ""


# What someone asks who wants to know what their own cravings tell, and does not ask for something new.
_WHAT_WORKS = re.compile(
    r"\b(?:what|which)\b(?!.*\b(?:can|could|would|might|will|should)\b).*"
    r"\b(?:work(?:s|ed|ing)?|help(?:s|ed|ing)?) (?:\w+ ){0,2}?(?:for )?me\b"
)


def asks_what_works(text: str) -> bool:
    """Whether someone asks which skills have helped them ("what works for me")."""
    return bool(_WHAT_WORKS.search(scales.fold(text)))


async def wants_to_know(turn: Turn, tracker: Tracker) -> bool:
    """Whether a client asks that with nothing open: read by its words, because it has no intent of its own."""
    asks = turn.person.role is Role.CLIENT and not open_form(tracker) and asks_what_works(text_of(tracker))
    return asks and not await turn.in_danger()


async def tell_what_works(dispatcher: CollectingDispatcher, turn: Turn) -> Skill | None:
    """Say which skills have lowered this client's cravings, and by how much; returns the best where one stands out."""
    past = await past_episodes(turn)
    known = {skill.key: skill for skill in await known_skills(turn)}
    told = [record for record in records(past) if record.skill in known]
    best = next((record for record in told if record.stands_out), None)
    if best is None:
        piece = "talk.skill_no_difference" if told else "talk.skill_too_early"
        mostly = points(sum(episode.fall for episode in past) / max(1, len(past)))
        dispatcher.utter_message(text=turn.words(piece, len(past), mostly=mostly))
        return None
    said = turn.words(
        "talk.skill_best" if best.is_sure else "talk.skill_maybe",
        len(past),
        name=known[best.skill].name,
        uses=str(best.uses),
        fall=points(best.fall),
        mostly=points(best.mostly),
    )
    others = [record for record in told if record.is_sure and record is not best][:2]
    if others:
        names = ", ".join(f"{known[record.skill].name} ({points(record.fall)})" for record in others)
        said += " " + turn.words("talk.skill_next_best", names=names)
    dispatcher.utter_message(text=said)
    return known[best.skill]


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
            intro = f"{skill.intro} {await why(turn, skill, walk)}".strip()
            say(dispatcher, response, name=skill.name, intro=intro, minutes=skill.minutes)
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
        if value in (ANOTHER, WAIT):
            value, walk = await self._told_more(value, walk, turn, tracker)
        if value == ANOTHER:
            wanted = asked_for(await known_skills(turn), text_of(tracker))
            if wanted and wanted.key != walk.key:
                return {"walk": (await walk_for(turn, "", wanted, told=walk.told)).dump(), "walk_done": None}
        if value == STOPPED:
            # The step that was on the screen has been tried.
            walk = replace(walk, steps_done=walk.steps_done + (walk.step > OFFERED))
        moved = walk.moved(value, await lengths_of(turn))
        if moved.get("walk_done") == USED_UP:
            say(dispatcher, "utter_skills_used_up")
        return moved

    @staticmethod
    async def _told_more(value: str, walk: Walk, turn: Turn, tracker: Tracker) -> tuple[str, Walk]:
        """What an answer tells of the situation on the way: what is still to be offered is chosen anew by it.

        Where the skill that is offered cannot be done there ("i can't, the kids are asleep"), that asks for another one.
        """
        text = text_of(tracker)
        if not read_situation(text).is_told:
            return value, walk
        told = f"{text} {walk.told}"[:TOLD]
        offered = next((skill for skill in await known_skills(turn) if skill.key == walk.key), None)
        if value == WAIT and (walk.step != OFFERED or not offered or possible(offered, situation_of(turn, told))):
            return value, walk
        trigger, level = tracker.get_slot("craving_trigger"), tracker.get_slot("craving_level")
        again = await walk_for(
            turn,
            trigger if isinstance(trigger, str) and trigger != SKIPPED else "",
            told=told,
            level=level if isinstance(level, int) else None,
        )
        seen = walk.queue[: walk.at + 1]
        rest = [key for key in again.queue if key not in seen]
        return ANOTHER, replace(walk, queue=(*seen, *rest)[:OFFERS], told=told)


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
        if asks_what_works(heard.text):
            best = await tell_what_works(dispatcher, turn)
            return {"walk": (await walk_for(turn, "", best)).dump()}
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
            return [*cleared, SlotSet("offer", offer(turn, "skill", tried=walk.tried, told=walk.told))]
        say(dispatcher, "utter_skill_helped" if helped is True else "utter_skill_left")
        return cleared
