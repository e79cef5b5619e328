"""A key pressed in a call: 1 takes the alert, 2 passes it on. It counts only in the very call that we made to that person."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from bot.care import staff
from bot.content import Content
from bot.delivery import outbox
from bot.delivery.messages import Lane, Outbound
from bot.escalation.alerts import Change, Changed
from bot.escalation.policy import How, Policy
from bot.recovery.people import Person
from bot.store import conversations, people
from bot.store.database import Unit
from bot.store.tables import AlertRow, ContactPointRow, OutboundRow

TAKE, PASS_ON = "1", "2"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said then, in the language of whoever was called; ``again`` where another key is awaited."""

    words: str
    language: str
    again: bool = False


async def pressed(
    unit: Unit, content: Content, message_id: str, provider_id: str, to: str, key: str, now: datetime
) -> Answer | None:
    """Do what a key asks for, and say what became of it; nothing where the call is none of ours, or has been answered.

    Args:
        message_id: the page that was called about, as we named it to the provider.
        provider_id: the provider's id of the call.
        to: the number that was called.
    """
    row = await outbox.called(unit, message_id, How.CALL, provider_id)
    if row is None or row.alert_id is None or not await _is_theirs(unit, row, to):
        return None
    person = await people.get(unit, row.person_id)
    if key not in (TAKE, PASS_ON):
        return Answer(_say(content, person, "call_wrong_key"), person.language, again=True)
    outbox.answered(row, provider_id, now)
    number = (await unit.session.scalars(select(AlertRow.number).where(AlertRow.id == row.alert_id))).one()
    if key == TAKE:
        changed, told = await staff.take(unit, content, person, number, now)
    else:
        changed, told = await staff.pass_on(unit, person, number, now)
    if changed.change is Change.DONE:
        await _text(unit, person, told, now)
    return Answer(_what_became(content, person, changed, took=key == TAKE), person.language)


async def _is_theirs(unit: Unit, row: OutboundRow, to: str) -> bool:
    contact = await unit.session.get_one(ContactPointRow, row.contact_point_id)
    return unit.open_or(contact, "address_sealed", "") == to


async def _text(unit: Unit, person: Person, told: str, now: datetime) -> None:
    """The same in writing, where they can answer: how to read why, and what is expected of them."""
    conversation = await conversations.of_person(unit, person.id, lock=False, usable=True)
    if conversation is not None:
        await outbox.enqueue(unit, conversation, [Outbound(told)], Lane.REPLY, now)


def _what_became(content: Content, person: Person, changed: Changed, *, took: bool) -> str:
    mine = changed.by == person.id
    if took and mine and changed.change in (Change.DONE, Change.ALREADY):
        lapses = changed.alert and Policy.thaw(changed.alert.policy).lapses
        until = f" {_say(content, person, 'call_within', minutes=str(lapses))}" if lapses else ""
        return f"{_say(content, person, 'call_yours')}{until}"
    piece = {
        Change.DONE: "call_passed_on",
        Change.ALONE: "call_alone",
        Change.ALREADY: "call_taken",
        Change.CLOSED: "call_closed",
    }.get(changed.change, "call_unknown")
    return _say(content, person, piece)


def _say(content: Content, person: Person, piece: str, **values: str) -> str:
    return content.say(f"service.{piece}", person.country, person.language, 0, **values)
