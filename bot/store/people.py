"""People and their contact points: adding, finding, opening what is sealed."""

from datetime import datetime

import structlog
from sqlalchemy import func, select

from bot.recovery.check_in import Rhythm
from bot.recovery.people import Person, Role
from bot.store.database import Unit, new_id
from bot.store.tables import ContactPointRow, ConversationRow, PersonRow

log = structlog.get_logger()

FIRST_CASE = 1001
LANGUAGES = ("en", "es")


def person_of(unit: Unit, row: PersonRow) -> Person:
    """The value of a person's row, with the name opened."""
    return Person(
        id=row.id,
        role=Role(row.role),
        name=unit.open_or(row, "name_sealed", ""),
        language=row.language,
        time_zone=row.time_zone,
        country=row.country,
        interventionist_id=row.interventionist_id,
        rhythm=rhythm_of(row),
    )


def rhythm_of(row: PersonRow) -> Rhythm | None:
    """When a client is asked; nothing for whoever is not asked. What cannot be read is the usual one, rather than none."""
    if row.rhythm is None:
        return None
    try:
        return Rhythm.parse(row.rhythm)
    except ValueError:
        log.error("a rhythm cannot be read", person=row.id)  # noqa: TRY400
        return Rhythm()


def key_of(unit: Unit, row: PersonRow) -> str:
    """The practice's short name for a person: often their first name, and therefore sealed like it."""
    return unit.open_or(row, "key_sealed", "")


async def add(
    unit: Unit,
    *,
    key: str,
    role: Role,
    name: str,
    time_zone: str,
    country: str,
    now: datetime,
    language: str = "en",
    interventionist_id: str | None = None,
    rhythm: Rhythm | None = None,
    next_check_in: datetime | None = None,
    on_call: bool = False,
) -> PersonRow:
    """Add a person with the next free case number."""
    highest: int | None = await unit.session.scalar(select(func.max(PersonRow.case_number)))
    row_id = new_id()
    row = PersonRow(
        id=row_id,
        key_sealed=unit.seal(PersonRow, "key_sealed", row_id, key),
        key_hash=unit.vault.digest(key),
        role=role,
        language=language,
        time_zone=time_zone,
        country=country,
        name_sealed=unit.seal(PersonRow, "name_sealed", row_id, name),
        case_number=(highest or FIRST_CASE - 1) + 1,
        interventionist_id=interventionist_id,
        rhythm=str(rhythm) if rhythm else None,
        next_check_in=next_check_in,
        on_call=on_call,
        next_look=now if role in (Role.CLIENT, Role.STAFF) else None,
        created_at=now,
    )
    unit.session.add(row)
    await unit.session.flush()
    return row


async def add_contact(unit: Unit, person_id: str, channel: str, address: str) -> ContactPointRow:
    """Give a person an address on a channel, and the conversation that is held there."""
    row_id = new_id()
    contact = ContactPointRow(
        id=row_id,
        person_id=person_id,
        channel=channel,
        address_sealed=unit.seal(ContactPointRow, "address_sealed", row_id, address),
        address_hash=unit.vault.digest(address),
    )
    unit.session.add(contact)
    await unit.session.flush()
    unit.session.add(ConversationRow(id=new_id(), contact_point_id=row_id, person_id=person_id))
    await unit.session.flush()
    return contact


async def add_stranger(unit: Unit, channel: str, address: str, language: str, now: datetime) -> ConversationRow:
    """Give someone whom nobody knows a place to be heard from; nothing is known of where they are."""
    row = await add(
        unit, key=f"stranger-{new_id()}", role=Role.STRANGER, name="", time_zone="UTC", country="", now=now,
        language=language if language in LANGUAGES else "en",
    )  # fmt: skip
    contact = await add_contact(unit, row.id, channel, address)
    query = select(ConversationRow).where(ConversationRow.contact_point_id == contact.id)
    return (await unit.session.scalars(query)).one()


async def by_key(unit: Unit, key: str) -> PersonRow | None:
    """The person whom the practice calls by this short name."""
    found: PersonRow | None = (
        await unit.session.scalars(select(PersonRow).where(PersonRow.key_hash.in_(unit.vault.digests(key))))
    ).first()
    return found


async def staff_by_key(unit: Unit) -> list[tuple[str, PersonRow]]:
    """Everybody on staff with the practice's short name for them, in the order in which they came."""
    query = select(PersonRow).where(PersonRow.role == Role.STAFF).order_by(PersonRow.case_number)
    return [(key_of(unit, row), row) for row in await unit.session.scalars(query)]


async def by_address(
    unit: Unit, channel: str, address: str
) -> tuple[ContactPointRow, ConversationRow, PersonRow] | None:
    """Whom an address belongs to; looked up by keyed hash, under every key of the ring."""
    query = (
        select(ContactPointRow, ConversationRow, PersonRow)
        .join(ConversationRow, ConversationRow.contact_point_id == ContactPointRow.id)
        .join(PersonRow, PersonRow.id == ContactPointRow.person_id)
        .where(ContactPointRow.channel == channel, ContactPointRow.address_hash.in_(unit.vault.digests(address)))
    )
    found = (await unit.session.execute(query)).first()
    if found is None:
        # A rotation may have begun elsewhere: then the address stands under a key that this ring does not know yet.
        return await by_address(unit, channel, address) if unit.vault.refresh() else None
    return found[0], found[1], found[2]


async def number_of(unit: Unit, row: PersonRow) -> str:
    """The number on which a person can be called: the one they gave, else the one they text from; empty where none is known."""
    told = unit.open_or(row, "number_sealed", "")
    if told:
        return told
    # One that may be somebody else's by now comes last, and is told as such: it may be all there is to find them by.
    query = select(ContactPointRow).where(ContactPointRow.person_id == row.id)
    contacts = sorted(await unit.session.scalars(query), key=lambda contact: contact.doubted_at is not None)
    for contact in contacts:
        address = unit.open_or(contact, "address_sealed", "")
        if address.startswith("+"):
            return f"{address} ({'may be somebody else by now' if contact.doubted_at else 'they text from it'})"
    return ""


async def get(unit: Unit, person_id: str) -> Person:
    """A person by id; raises ``NoResultFound`` when there is none."""
    return person_of(unit, await unit.session.get_one(PersonRow, person_id))
