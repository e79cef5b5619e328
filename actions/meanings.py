"""What a message may have meant, said in a few words, where the engine wavers between two or took it wrong."""

from collections.abc import Iterable
from typing import Any

from rasa_sdk.interfaces import Tracker

from bot.care.turn import Turn
from bot.recovery.people import Role

# How an intent is named to the person in the middle of a sentence. What stands in neither is never offered.
_CLIENT = {
    "report_craving": "a craving",
    "report_risky_situation": "being somewhere risky",
    "report_lapse": "a slip",
    "ask_skill": "something to do right now",
    "ask_plan": "your plan",
    "ask_people": "who you can call",
    "ask_reasons": "your reasons",
    "ask_triggers": "your triggers",
    "ask_after_lapse": "what to do after a slip",
    "start_check_in": "a check-in",
    "change_check_in": "changing the check-in",
    "report_low_mood": "feeling low",
    "report_good_mood": "something good",
    "report_milestone": "how long you've come",
    "doubt_recovery": "doubts about all this",
    "tell_change": "something you want to change",
    "tell_ambivalence": "being of two minds",
    "report_stuck_thought": "a thought that won't let go",
    "report_stress": "stress",
    "report_anger": "being angry",
    "report_loneliness": "feeling alone",
    "report_conflict": "trouble with someone",
    "report_grief": "missing someone",
    "report_boredom": "nothing to do",
    "report_sleep": "sleep",
    "report_habit": "a habit",
    "ask_habit": "a new habit",
    "report_meeting": "a meeting you told me of",
    "ask_meeting": "finding a meeting",
    "report_medication": "medicine you took or missed",
    "ask_medication": "a question about medicine",
    "ask_appointment": "an appointment",
    "ask_progress": "how you've been doing",
    "ask_reward": "rewards",
    "ask_contract": "an agreement",
    "pause_messages": "fewer messages",
    "ask_lesson": "learning about something",
    "ask_sharing": "what is shared with whom",
    "ask_resources": "practical help",
}
_FAMILY = {
    "family_help": "how to help",
    "family_what_to_say": "what to say",
    "family_talk": "them not talking",
    "family_language": "which words to use",
    "family_boundaries": "saying no",
    "family_enabling": "helping too much",
    "family_after_lapse": "a slip",
    "family_overdose": "an overdose",
    "family_own_care": "looking after you",
    "family_treatment": "treatment",
    "family_admission": "getting into treatment",
    "family_after_treatment": "coming home from treatment",
    "family_intervention": "a planned talk",
    "family_signs": "signs you've seen",
    "family_when_to_worry": "whether to worry",
    "family_ask_client": "how someone is doing",
    "family_concern": "passing on a worry",
    "family_children": "the children",
    "family_relationship": "the two of you",
    "family_guilt": "guilt",
    "family_course": "learning step by step",
}
_BOTH = {
    "request_human": "talking to a person",
    "ask_help": "what I can do",
    "ask_bot": "what I am",
    "ask_privacy": "who reads this",
    "ask_lines": "numbers to call",
    "complain": "something I got wrong",
}
_LIKELY_TOGETHER = 0.35

# What weighs on someone: told again and again, it ends with a person, whatever it is called each time.
HEAVY = frozenset(
    {
        "report_stuck_thought", "report_stress", "report_anger", "report_loneliness", "report_conflict", "report_grief",
    }
)  # fmt: skip


def ranked(tracker: Tracker) -> list[tuple[str, float]]:
    """What the engine took the message for, the likeliest first, without the word that it is unsure."""
    rows = tracker.latest_message.get("intent_ranking") or []
    return [(str(row["name"]), float(row["confidence"])) for row in rows if row["name"] != "nlu_fallback"]


def two_likeliest(turn: Turn, tracker: Tracker) -> list[str]:
    """The two meanings that the engine wavers between, where both can be named and together are likely enough."""
    first = ranked(tracker)[:2]
    names = [name for name, _ in first]
    sure = sum(chance for _, chance in first) >= _LIKELY_TOGETHER
    return names if sure and len(nameable(turn, names)) == len(names) == 2 else []


def nameable(turn: Turn, intents: Iterable[str]) -> list[str]:
    """Those of the intents that can be offered to this person."""
    return [intent for intent in intents if _name(turn, intent)]


def choice(turn: Turn, intents: Iterable[str]) -> dict[str, Any]:
    """Two intents as the values and buttons of a response that asks which of them was meant."""
    one, other = intents
    buttons = [{"title": _title(_name(turn, intent)), "payload": f"/{intent}"} for intent in (one, other)]
    return {"one": _name(turn, one), "other": _name(turn, other), "buttons": buttons}


def _name(turn: Turn, intent: str) -> str:
    return {**(_FAMILY if turn.person.role is Role.FAMILY else _CLIENT), **_BOTH}.get(intent, "")


def _title(name: str) -> str:
    return f"{name[0].upper()}{name[1:]}"
