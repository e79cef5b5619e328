"""Bringing a human in, and taking up what a plain yes or no was said to."""

from typing import Any, ClassVar

from rasa_sdk.events import FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker

from actions.base import (
    Domain,
    Event,
    HandrailAction,
    back_to_form,
    for_role,
    intent_of,
    lines,
    offer,
    say,
    team,
    text_of,
)
from actions.family import tell_more
from actions.skills import walk_for, wants_to_know
from actions.spanish import take_up_in_spanish
from bot.care.human import AskForHuman, there_again
from bot.care.turn import Turn
from bot.escalation.policy import AlertKind
from bot.recovery import scales


async def call_human(turn: Turn, dispatcher: CollectingDispatcher, why: str) -> None:
    """Have staff told, and say honestly what that means."""
    turn.stage(AskForHuman(why))
    when = await there_again(turn)
    words = "utter_human_called_for_later" if when else "utter_human_called"
    say(dispatcher, words, who=await team(turn), when=when, **lines(turn))


class RequestHuman(HandrailAction):
    """Someone asks for a person."""

    title: ClassVar[str] = "action_request_human"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        await call_human(self.turn(tracker), dispatcher, "asks for a person")
        return back_to_form(tracker)


class AnswerOffer(HandrailAction):
    """Does what a "yes" takes up, and lets go of what a "no" declines."""

    title: ClassVar[str] = "action_answer_offer"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        offered: dict[str, Any] = tracker.get_slot("offer") or {}
        cleared = SlotSet("offer", None)
        what = offered.get("what")
        if offered.get("language") == "es":
            return take_up_in_spanish(turn, dispatcher, offered, yes=intent_of(tracker) == "affirm")
        if await wants_to_know(turn, tracker):
            return [cleared, FollowupAction("skill_form")]
        if what == "human" and scales.undecided(text_of(tracker)):
            say(dispatcher, "utter_offer_stands", who=await team(turn))
            return [SlotSet("offer", {**offered, "turn": turn.id})]
        if intent_of(tracker) == "deny":
            say(dispatcher, "utter_deny")
            return [cleared]
        if what == "human":
            await call_human(turn, dispatcher, str(offered.get("why", "accepted a person")))
        elif what == "concern":
            turn.stage(AskForHuman("a relative is worried", AlertKind.CONCERN))
            say(dispatcher, "utter_concern_called", **lines(turn))
        elif what == "lapse":
            return [cleared, SlotSet("lapse_told", offered.get("told")), FollowupAction("lapse_form")]
        elif what == "skill":
            trigger, told = str(offered.get("trigger", "")), str(offered.get("told", ""))
            walk = await walk_for(turn, trigger, tried=offered.get("tried", ""), told=told)
            return [cleared, SlotSet("walk", walk.dump()), FollowupAction("skill_form")]
        elif what == "craving":
            return [cleared, SlotSet("craving_level", offered.get("level")), FollowupAction("craving_form")]
        elif what == "more":
            return [cleared, *await tell_more(turn, dispatcher, tracker)]
        else:
            say(dispatcher, for_role(turn, "utter_affirm", domain))
            return [SlotSet("offer", offer(turn, "listen"))]
        return [cleared]
