"""How someone on staff is paged beside the chat in which they write: an e-mail address, a number to be called, or no calls."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from bot.care.enrolment import EnrolmentError
from bot.escalation.policy import How
from bot.recovery.people import Role
from bot.store import audit, people
from bot.store.database import Unit, new_id
from bot.store.tables import ContactPointRow, ConversationRow, PersonRow

_NAMES = {How.EMAIL: "e-mail address", How.CALL: "number to be called"}


@dataclass(frozen=True, slots=True)
class Reached:
    """One way to someone: the channel, the address where it is one to be shown, and whether anything goes there."""

    channel: str
    address: str
    state: str


async def staff(unit: Unit, key: str) -> PersonRow:
    """Who on staff has this short name.

    Raises:
        EnrolmentError: nobody has.
    """
    row = await people.by_key(unit, key)
    if row is None or row.role != Role.STAFF:
        raise EnrolmentError(f"nobody on staff is called {key}: `handrail staff show` lists them")
    return row


async def set_address(unit: Unit, person: PersonRow, how: How, address: str, now: datetime) -> None:
    """Give someone on staff an e-mail address or a number; one that nothing reached, or that was ruled out, counts again.

    Raises:
        EnrolmentError: it is somebody else's.
    """
    owner = select(ContactPointRow).where(
        ContactPointRow.channel == how, ContactPointRow.address_hash.in_(unit.vault.digests(address))
    )
    known = (await unit.session.scalars(owner)).first()
    if known is not None and known.person_id != person.id:
        other = people.key_of(unit, await unit.session.get_one(PersonRow, known.person_id))
        raise EnrolmentError(f"{address} is {other}'s {_NAMES[how]} already: one belongs to one person")
    contact = await _point(unit, person, how)
    contact.address_sealed = unit.seal(ContactPointRow, "address_sealed", contact.id, address)
    contact.address_hash = unit.vault.digest(address)
    contact.opted_out_at = contact.suspended_at = contact.suspended_until = contact.doubted_at = None
    await audit.write(unit, "operator", f"{_NAMES[how]} set", person.id, now)


async def rule_out(unit: Unit, person: PersonRow, how: How, now: datetime) -> None:
    """Nothing goes to someone in this way any more; without a number of their own they are not called on another one either."""
    contact = await _point(unit, person, how)
    contact.opted_out_at = contact.opted_out_at or now
    await audit.write(unit, "operator", f"{_NAMES[how]} ruled out", person.id, now)


async def _point(unit: Unit, person: PersonRow, how: How) -> ContactPointRow:
    """Someone's contact point for this way; a new one has no address yet, and its own id stands for it."""
    query = select(ContactPointRow).where(ContactPointRow.person_id == person.id, ContactPointRow.channel == how)
    found: ContactPointRow | None = (await unit.session.scalars(query)).first()
    if found is not None:
        return found
    row_id = new_id()
    contact = ContactPointRow(
        id=row_id,
        person_id=person.id,
        channel=how,
        address_sealed=unit.seal(ContactPointRow, "address_sealed", row_id, row_id),
        address_hash=unit.vault.digest(row_id),
    )
    unit.session.add(contact)
    await unit.session.flush()
    return contact


async def shown(unit: Unit, person: PersonRow) -> list[Reached]:
    """All ways to someone on staff, as whoever runs the service may read them."""
    query = (
        select(ContactPointRow, ConversationRow.id)
        .outerjoin(ConversationRow, ConversationRow.contact_point_id == ContactPointRow.id)
        .where(ContactPointRow.person_id == person.id)
        .order_by(ContactPointRow.channel)
    )
    found = []
    for contact, conversation in (await unit.session.execute(query)).all():
        address = unit.open_or(contact, "address_sealed", "")
        # The numbers of chats mean nothing to anybody.
        read = address if conversation is None or contact.channel == How.SMS else ""
        found.append(Reached(contact.channel, "" if read == contact.id else read, _state(contact)))
    if How.CALL not in {way.channel for way in found}:
        found += [
            Reached(How.CALL, way.address, "the number they text from") for way in found if way.channel == How.SMS
        ]
    return found


def _state(contact: ContactPointRow) -> str:
    if contact.opted_out_at is not None:
        return "never" if contact.channel in _NAMES else "opted out"
    if contact.suspended_at is not None or contact.doubted_at is not None:
        return "does not arrive: give another, or the same again once it is mended"
    return ""
