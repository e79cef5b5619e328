"""What staff write: taking, reading and closing alerts with a number and a letter."""

import re
from datetime import datetime

from bot.care import danger
from bot.content import Content
from bot.delivery import outbox
from bot.delivery.messages import Lane, Outbound
from bot.escalation import alerts
from bot.escalation.alerts import Change, Changed
from bot.recovery.people import Person
from bot.store import audit, people
from bot.store.database import Unit
from bot.store.tables import PersonRow

_COMMAND = re.compile(r"^\s*(?P<number>\d{1,9})\s*(?P<letter>[acv])\b[\s:,.-]*(?P<rest>.*)$", re.IGNORECASE | re.DOTALL)
_SPELT = re.compile(
    r"^\s*(?P<word>ack(?:nowledge)?|take|close|view|read|why)\s+(?:alert\s+)?#?(?P<number>\d{1,9})\b[\s:,.-]*(?P<rest>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_LETTERS = {"ack": "a", "acknowledge": "a", "take": "a", "close": "c", "view": "v", "read": "v", "why": "v"}


def command(text: str) -> tuple[int, str, str] | None:
    """The alert's number, the letter a, c or v, and the note, where the text is a command to an alert."""
    short = _COMMAND.match(text)
    if short:
        return int(short["number"]), short["letter"].lower(), short["rest"].strip()
    spelt = _SPELT.match(text)
    if spelt:
        return int(spelt["number"]), _LETTERS[spelt["word"].lower()], spelt["rest"].strip()
    return None


async def hear(case: danger.Case, text: str) -> None:
    """Do what a person on staff wrote, and answer them."""
    unit, staff, now = case.unit, case.person, case.now
    given = command(text)
    if given is None:
        await _say(case, await _list(unit))
        return
    number, letter, rest = given
    if letter == "a":
        reply = await _acknowledge(unit, case.content, staff, number, now)
    elif letter == "v":
        reply = await _story(unit, staff, number, now)
    elif not rest:
        reply = f"To close alert {number}, say what was done: {number}c and a few words."
    else:
        changed = await alerts.close(unit, number, staff.id, rest, now)
        if changed.change is Change.DONE and changed.alert is not None:
            await danger.closed(unit, changed.alert)
        reply = await _tell(unit, number, changed, f"Alert {number} is closed.")
    await _say(case, reply)


async def _acknowledge(unit: Unit, content: Content, staff: Person, number: int, now: datetime) -> str:
    changed = await alerts.acknowledge(unit, number, staff.id, now)
    if changed.change is Change.DONE and changed.alert is not None:
        await danger.acknowledged(unit, content, changed.alert, staff, now)
    done = f"Alert {number} is yours. {number}v to read why, {number}c and a note when it is done."
    return await _tell(unit, number, changed, done)


async def _tell(unit: Unit, number: int, changed: Changed, done: str) -> str:
    by = (await people.get(unit, changed.by)).first_name if changed.by else "someone"
    return {
        Change.DONE: done,
        Change.ALREADY: f"{by} already has alert {number}.",
        Change.CLOSED: f"{by} has closed alert {number}.",
        Change.UNKNOWN: f"There is no alert {number}.",
    }[changed.change]


async def _story(unit: Unit, staff: Person, number: int, now: datetime) -> str:
    found = [alert for alert in await alerts.open_alerts(unit) if alert.number == number]
    if not found:
        return f"There is no open alert {number}."
    alert = found[0]
    who = ""
    if alert.person_id:
        row = await unit.session.get_one(PersonRow, alert.person_id)
        who = f" {unit.open(row, 'name_sealed')}, case {row.case_number}."
    await audit.write(unit, staff.id, "alert read", f"alert {number}", now)
    return (
        f"Alert {number}: {alerts.title(alert)}.{who}\n{unit.open(alert, 'story_sealed') or 'Nothing more is known.'}"
    )


async def _list(unit: Unit) -> str:
    found = await alerts.open_alerts(unit)
    if not found:
        return "No alert is open. When one comes: 1a takes alert 1, 1v shows why, 1c and a note closes it."
    rows = [f"{alert.number}: {alerts.title(alert)} ({alert.status})" for alert in found[-8:]]
    return "Open alerts:\n" + "\n".join(rows) + "\nNumber and a to take one, v to read why, c and a note to close."


async def _say(case: danger.Case, text: str) -> None:
    await outbox.enqueue(case.unit, case.conversation, [Outbound(text)], Lane.REPLY, case.now)
