"""What staff write: taking, passing on, reading, noting and closing alerts with a number and a letter."""

import re
from datetime import datetime

from bot.care import addresses, danger, hand_over, protocol, safe_phone
from bot.care.case import Case, Voice
from bot.content import Content
from bot.delivery import inbox, outbox
from bot.delivery.messages import Lane, Outbound, plain
from bot.escalation import alerts, paging
from bot.escalation.alerts import Change, Changed
from bot.escalation.policy import AlertKind, AlertStatus, Policy
from bot.recovery.people import Person, Role
from bot.store import audit, people
from bot.store.database import Unit
from bot.store.tables import AlertRow, PersonRow

_SHORT = re.compile(r"\s*(?P<number>\d{1,9})(?P<letter>[acehnv])\b[\s:,.-]*(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_ANOTHER = re.compile(r"\b\d{1,9}[acehnv]\b", re.IGNORECASE)
_APART = re.compile(r"\s*(?P<number>\d{1,9})\s+(?P<letter>[acehnv])(?P<rest>)\s*", re.IGNORECASE)
_SPELT = re.compile(
    r"\s*(?P<word>ack(?:nowledge)?|take|escalate|view|read|why)\s+(?:alert\s+)?#?(?P<number>\d{1,9})(?P<rest>)[\s.!?]*"
    r"|\s*(?P<noting>close|note)\s+(?:alert\s+)?#?(?P<number_>\d{1,9})\b[\s:,.-]*(?P<note>.*)",
    re.IGNORECASE | re.DOTALL,
)
# Of these, what someone wrote around them is part of the story.
_SPOKEN = frozenset({AlertKind.DANGER, AlertKind.HUMAN, AlertKind.LAPSE, AlertKind.CONCERN, AlertKind.MEDIA})
_LETTERS = {
    "ack": "a", "acknowledge": "a", "take": "a", "escalate": "e", "view": "v", "read": "v", "why": "v",
    "close": "c", "note": "n",
}  # fmt: skip
# After these the words are a note of what was done.
_NOTED = "cn"


_HOW = "1a to take it, 1e if you can't, 1v to read why, 1h to write with them, 1n and what you did, 1c and a note to close it."
_BACK = frozenset({"back", "hand back", "end"})
NOT_SENT = "What you write here goes to nobody."


def command(text: str) -> tuple[int, str, str] | None:
    """The alert's number, the letter a, c, e, h, n or v, and the note, where the text is a command to an alert.

    Only the short form takes further words ("1a on my way"), and not those of a second command. "Take 30 pills" is none,
    and neither is "3 a day was not enough".
    """
    short = _SHORT.fullmatch(text) or _APART.fullmatch(text)
    if short and (short["letter"].lower() in _NOTED or not _ANOTHER.search(short["rest"])):
        return int(short["number"]), short["letter"].lower(), short["rest"].strip()
    spelt = _SPELT.fullmatch(text)
    if spelt and spelt["noting"]:
        return int(spelt["number_"]), _LETTERS[spelt["noting"].lower()], spelt["note"].strip()
    if spelt:
        return int(spelt["number"]), _LETTERS[spelt["word"].lower()], ""
    return None


async def is_command(unit: Unit, text: str, staff_id: str) -> bool:
    """Whether a text is all command, to an alert that there is: what a note says is of a danger that is known already.

    Not where the alert is about whoever writes: a note on themselves is read like any message.
    """
    given = command(text)
    if given is None or (given[1] not in _NOTED and given[2]):
        return False
    alert = await alerts.by_number(unit, given[0])
    return alert is not None and alert.person_id != staff_id


async def hear(voice: Voice, text: str, written_at: datetime) -> None:
    """Do what a person on staff wrote, and answer them; what is no command goes to whomever they write with."""
    case = voice.case
    unit, staff, now = case.unit, case.person, case.now
    given = command(text)
    if given and given[2] and given[1] not in _NOTED and await hand_over.of_staff(unit, staff.id) is not None:
        # "2h from now i call you" is said to the person they write with.
        given = None
    if text.strip(" .!/").casefold() in _BACK and await hand_over.end(case, voice.practice):
        return
    if given is None and await hand_over.say(case, text):
        return
    if given is None:
        await _say(case, f"{NOT_SENT} {await _list(unit)}")
        return
    number, letter, rest = given
    alert_id: str | None = None
    if letter == "a":
        _, reply = await take(unit, case.content, staff, number, now)
    elif letter == "v":
        reply, alert_id = await _story(unit, staff, number, now)
    elif letter == "h":
        reply = await _take_over(voice, number)
    elif letter == "e":
        _, reply = await pass_on(unit, staff, number, now)
    elif not rest:
        reply = f"Say what was done: {number}{letter} and a few words."
    elif letter == "n":
        changed = await alerts.note(unit, number, staff.id, rest, now)
        reply = await _tell(unit, staff, number, changed, f"Noted for alert {number}. {number}c and a note closes it.")
    else:
        changed = await alerts.close(unit, number, staff.id, rest, now, written_at)
        if changed.change is Change.DONE and changed.alert is not None:
            await protocol.closed(unit, changed.alert)
        reply = await _tell(unit, staff, number, changed, f"Alert {number} is closed.")
    await _say(case, reply, alert_id)


async def pass_on(unit: Unit, staff: Person, number: int, now: datetime) -> tuple[Changed, str]:
    """Someone can't take an alert; returns what became of it, and what they are told."""
    changed = await alerts.escalate(unit, number, staff.id, now)
    return changed, await _tell(unit, staff, number, changed, f"Alert {number} goes on to the next people now.")


async def take(unit: Unit, content: Content, staff: Person, number: int, now: datetime) -> tuple[Changed, str]:
    """Someone takes an alert, and the person in danger is told; returns what became of it, and what they are told."""
    changed = await alerts.acknowledge(unit, number, staff.id, now)
    if changed.change is Change.DONE and changed.alert is not None:
        await danger.acknowledged(unit, content, changed.alert, staff, now)
    more = ""
    if changed.alert is not None and changed.alert.count > 1:
        more = f" {changed.alert.count} messages by now, the last at {changed.alert.last_at:%H:%M} UTC."
    lapses = changed.alert and Policy.thaw(changed.alert.policy).lapses
    until = f" Write {number}n and what you did within {lapses} minutes, or others are asked again." if lapses else ""
    done = (
        f"Alert {number} is yours.{more} {number}v to read why, {number}h to write with them yourself.{until} "
        f"{number}c and a note when it is done."
    )
    return changed, await _tell(unit, staff, number, changed, done)


async def _take_over(voice: Voice, number: int) -> str:
    """The chat is theirs, and with it the alert: who writes with someone has taken what they wrote for."""
    case = voice.case
    alert = await alerts.by_number(case.unit, number)
    if alert is None:
        return f"There is no alert {number}."
    if alert.status == AlertStatus.CLOSED:
        return f"Alert {number} is closed. A chat is taken over for an alert that is open."
    changed = await alerts.acknowledge(case.unit, number, case.person.id, case.now)
    if changed.change is Change.OWN or (changed.change is Change.ALREADY and changed.by != case.person.id):
        return await _tell(case.unit, case.person, number, changed, "")
    try:
        told = await hand_over.begin(case.unit, case.content, voice.practice, case.person, alert, case.now)
    except hand_over.Refused as error:
        mine = f"Alert {number} is yours. " if changed.change is Change.DONE else ""
        return mine + error.why
    return told


async def _tell(unit: Unit, staff: Person, number: int, changed: Changed, done: str) -> str:
    mine = changed.by == staff.id
    by = (await people.get(unit, changed.by)).first_name if changed.by else "someone"
    closed = changed.alert is not None and changed.alert.status == AlertStatus.CLOSED
    unseen = (
        f"Not closed: more came in for alert {number} since you last looked. {number}v to read it, then close again."
    )
    return {
        Change.DONE: done,
        Change.UNSEEN: unseen,
        Change.ALREADY: f"{'You' if mine else by} already {'closed' if closed else 'have' if mine else 'has'} alert {number}.",
        Change.CLOSED: f"{'You have' if mine else f'{by} has'} closed alert {number}.",
        Change.OWN: (
            f"Alert {number} is about you, so somebody else closes it, and takes it. "
            "If you are in danger, call now; don't wait for us."
        ),
        Change.ALONE: f"There is nobody else to ask about alert {number}. It stays open, and you are asked again.",
        Change.UNKNOWN: f"There is no alert {number}.",
    }[changed.change]


async def _story(unit: Unit, staff: Person, number: int, now: datetime) -> tuple[str, str | None]:
    """What an alert is about, with its id: whoever was sent this knows what came in until now."""
    alert = await alerts.by_number(unit, number)
    if alert is None:
        return f"There is no alert {number}.", None
    story = unit.open_or(alert, "story_sealed", "What was written cannot be opened any more.")
    who, rest = "", ""
    if alert.person_id:
        row = await unit.session.get_one(PersonRow, alert.person_id)
        name = unit.open_or(row, "name_sealed", "Name cannot be opened") or "Nobody we know"
        who = f" {name}, case {row.case_number}."
        if addresses.was_somebodys(row):
            who += " They write from a number that was a client's or relative's, and may be somebody else."
        if row.role != Role.STAFF:
            rest = f"{await _written(unit, alert, story)}\n{await _reach(unit, row)}"
    await audit.write(unit, staff.id, "alert read", f"alert {number}", now)
    return f"Alert {number}: {paging.title(alert)}.{who}\n{story or 'Nothing more is known.'}{rest}", alert.id


async def _written(unit: Unit, alert: AlertRow, story: str) -> str:
    """What someone wrote shortly before their alert and since, for as long as it is open, where the story has it not.

    They are told that the team can read it: a number to call, or that the pills are gone.
    """
    if alert.person_id is None or alert.kind not in _SPOKEN or alert.status == AlertStatus.CLOSED:
        return ""
    texts = await inbox.recent_texts(unit, alert.person_id, alert.raised_at)
    lines = [plain(text) for text in await safe_phone.without_secrets(unit, alert.person_id, texts)]
    told = story.splitlines()
    more = [line for line in lines if line and not any(known.endswith(f": {line}") for known in told)]
    return "".join(["\nAround then and since, they wrote:", *(f"\n- {line}" for line in more)]) if more else ""


async def _reach(unit: Unit, row: PersonRow) -> str:
    """How a person can be found when they do not answer: what they told us, or that it is missing."""
    number = await people.number_of(unit, row)
    told = {
        "Phone": number,
        "Place": unit.open_or(row, "place_sealed", ""),
        "Emergency contact": unit.open_or(row, "emergency_contact_sealed", ""),
    }
    parts = [f"{what}: {plain(value) if value else 'missing'}." for what, value in told.items()]
    agreed = {None: "not said", True: "agreed", False: "refused"}[row.welfare_check]
    return " ".join([*parts, f"Welfare check: {agreed}."])


async def _list(unit: Unit) -> str:
    found = await alerts.open_alerts(unit)
    if not found:
        return f"No alert is open. When one comes, write for alert 1: {_HOW}"
    rows = [f"{alert.number}: {paging.title(alert)} ({alert.status})" for alert in found[-8:]]
    return "Open alerts:\n" + "\n".join(rows) + f"\nFor alert 1: {_HOW}"


async def _say(case: Case, text: str, alert_id: str | None = None) -> None:
    await outbox.enqueue(case.unit, case.conversation, [Outbound(text)], Lane.REPLY, case.now, alert_id=alert_id)
