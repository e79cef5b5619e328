"""A relative asks how to help: short answers, one thought at a time, and never a word about anybody else."""

import re
from typing import ClassVar

from rasa_sdk.events import SlotSet
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Tracker

from actions.base import Domain, Event, HandrailAction, back_to_form, begun, intent_of, lines, offer, say, text_of
from actions.plan import MORE, parts_of
from bot.care.turn import Turn
from bot.content import ContentError

_YES_NO = [{"title": "Yes, please", "payload": "/affirm"}, {"title": "No", "payload": "/deny"}]

_USED = r"(?:relapse\w*|us(?:e|ed|ing)|dr[aiu]nk|drinking|slip\w*|gambl\w*|clean|sober)"
_ASKS_WHETHER = re.compile(
    r"^\W*(?:so |and |but |please |just tell me |tell me )?(?:is|was|did|has|have|does|are) \w+\b.*\?"
    rf"|\b(?:did|has|have|is) (?:he|she|they|my \w+) (?:\w+ )?{_USED}\b(?!.*\b(?:what|how) (?:do|should|can|now)\b)",
    re.IGNORECASE,
)


class AnswerFamily(HandrailAction):
    """Speaks the piece that belongs to a family intent; "more" goes on with its further parts."""

    title: ClassVar[str] = "action_family"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        turn = self.turn(tracker)
        piece_id = intent_of(tracker).replace("family_", "family.", 1)
        if piece_id in ("family.after_lapse", "family.signs") and _ASKS_WHETHER.search(text_of(tracker)):
            # Words for after a slip would sound like a yes to whoever only asks whether there was one.
            piece_id = "family.ask_client"
        if piece_id == "family.ask_client" and await turn.in_danger():
            # "Will he be ok", beside the ambulance: what may be told of whom is no answer to that.
            say(dispatcher, "utter_unsure_in_danger", **lines(turn))
            return back_to_form(tracker)
        said = int(tracker.get_slot("said") or 0)
        text = turn.words(piece_id, at=said)
        events: list[Event] = [SlotSet("said", said + 1)]
        if piece_id == "family.help":
            dispatcher.utter_message(text=text)
            say(dispatcher, "utter_family_choices")
            events += [*begun(turn, piece=piece_id, next=0), SlotSet("offer", offer(turn, "listen"))]
        elif piece_id == "family.concern":
            dispatcher.utter_message(text=text, buttons=_YES_NO)
            events.append(SlotSet("offer", offer(turn, "concern")))
        else:
            more = bool(turn.content.piece(piece_id, turn.person.language).more)
            dispatcher.utter_message(text=text, buttons=[MORE] if more else [])
            events += begun(turn, piece=piece_id, next=0)
        return [*events, *back_to_form(tracker)]


class TellMore(HandrailAction):
    """The next part of what was begun: a family answer, the client's reasons, the plan's steps for after a slip."""

    title: ClassVar[str] = "action_more"

    async def act(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: Domain) -> list[Event]:
        return await tell_more(self.turn(tracker), dispatcher, tracker)


async def tell_more(turn: Turn, dispatcher: CollectingDispatcher, tracker: Tracker) -> list[Event]:
    """Speak the next part of what was begun."""
    topic = tracker.get_slot("topic") or {}
    parts = await _parts(turn, topic)
    at = int(topic.get("next", 0))
    if at >= len(parts):
        if not topic and await turn.in_danger():
            # Nobody is told that nothing is open while staff have an open danger alert about them.
            say(dispatcher, "utter_unsure_in_danger", **lines(turn))
        else:
            say(dispatcher, "utter_end_of_it" if topic else "utter_nothing_open")
        return [SlotSet("topic", None)]
    dispatcher.utter_message(text=parts[at], buttons=[MORE] if at + 1 < len(parts) else [])
    return begun(turn, **{**topic, "next": at + 1})


async def _parts(turn: Turn, topic: dict[str, object]) -> tuple[str, ...]:
    if "plan" in topic:
        plan = await turn.plan()
        return parts_of(plan, str(topic["plan"])) if plan else ()
    try:
        piece = turn.content.piece(str(topic.get("piece")), turn.person.language)
    except ContentError:
        return ()
    return tuple(turn.content.fill(part, turn.person.country, turn.person.language) for part in piece.more)
