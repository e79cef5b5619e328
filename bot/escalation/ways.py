"""The ways in which someone on staff is paged: by a step's wish, else by whatever they have."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from bot.delivery.messages import OutStatus
from bot.escalation.policy import How
from bot.store import conversations
from bot.store.database import Unit
from bot.store.tables import ContactPointRow, OutboundRow

# The channels on which staff write to us, the staff's own bot first; e-mail and calls carry the name of their way.
_WRITTEN = {How.TELEGRAM: ("telegram-staff", "telegram"), How.SMS: ("sms",)}
# What is tried, in this order, where none of a step's ways leads to someone.
_INSTEAD = (How.MESSAGE, How.EMAIL, How.CALL)
# A call that has ended is no reason not to call again; one that waits, rings or is being listened to is.
_GOES_ON = (OutStatus.QUEUED, OutStatus.SENDING, OutStatus.SENT)


@dataclass(frozen=True, slots=True)
class Way:
    """An address, and the channel by which it is used: a number known from texts may be called."""

    contact: ContactPointRow
    channel: str


async def ways(unit: Unit, person_id: str, how: Sequence[How]) -> list[Way]:
    """The ways to someone that a step names, each address once; where there is none, the first other way that they have."""
    found: dict[tuple[str, str], Way] = {}
    for wish in how:
        way = await _way(unit, person_id, wish)
        if way:
            found[way.contact.id, way.channel] = way
    for instead in () if found else _INSTEAD:
        way = await _way(unit, person_id, instead)
        if way:
            return [way]
    return list(found.values())


async def _way(unit: Unit, person_id: str, how: How) -> Way | None:
    if how is How.CALL:
        return await _call(unit, person_id)
    if how is How.EMAIL:
        contact = next((point for point in await _points(unit, person_id, how) if point.usable), None)
        return Way(contact, how) if contact else None
    # Not locked: whoever is paged may be writing at this moment, and neither must wait for the other.
    held = await conversations.of_person(unit, person_id, lock=False, usable=True, on=_WRITTEN.get(how, ()))
    return Way(held.contact, held.contact.channel) if held else None


async def _call(unit: Unit, person_id: str) -> Way | None:
    """The number that was given for calls; where none was, the one they text from. One that was ruled out is not called."""
    given = await _points(unit, person_id, How.CALL)
    points = given or await _points(unit, person_id, How.SMS)
    contact = next((point for point in points if point.usable), None)
    return Way(contact, How.CALL) if contact else None


async def _points(unit: Unit, person_id: str, channel: str) -> list[ContactPointRow]:
    query = select(ContactPointRow).where(ContactPointRow.person_id == person_id, ContactPointRow.channel == channel)
    return list(await unit.session.scalars(query))


async def called_about(unit: Unit, person_id: str) -> str | None:
    """About which alert someone is being called already: a second call would only find the line busy."""
    query = select(OutboundRow.alert_id).where(
        OutboundRow.person_id == person_id,
        OutboundRow.channel == How.CALL,
        OutboundRow.status.in_(_GOES_ON),
    )
    found: str | None = await unit.session.scalar(query.limit(1))
    return found
