"""The outbox: what is to be sent, leased by lane, moved forward only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from bot.delivery.messages import Lane, Outbound, OutStatus
from bot.store.database import Unit, new_id
from bot.store.tables import ContactPointRow, OutboundRow

LEASE = timedelta(seconds=60)
GIVE_UP_AFTER = 6
_REPEATABLE = (Lane.CRISIS, Lane.ALERT)


@dataclass(frozen=True, slots=True)
class Leased:
    """A message that this sender may send until the lease runs out."""

    id: str
    person_id: str
    channel: str
    address: str
    message: Outbound
    lane: Lane
    repeat: bool
    alert_id: str | None
    opted_out: bool


async def contact_of(unit: Unit, person_id: str) -> ContactPointRow | None:
    """The contact point that messages to a person go to: the one they wrote from first."""
    query = select(ContactPointRow).where(ContactPointRow.person_id == person_id).order_by(ContactPointRow.id)
    found: ContactPointRow | None = (await unit.session.scalars(query)).first()
    return found


async def enqueue(
    unit: Unit,
    contact: ContactPointRow,
    messages: Sequence[Outbound],
    lane: Lane,
    now: datetime,
    *,
    alert_id: str | None = None,
) -> list[str]:
    """Queue messages for a contact point, in order; returns their ids."""
    ids = []
    for message in messages:
        row_id = new_id()
        unit.session.add(
            OutboundRow(
                id=row_id,
                person_id=contact.person_id,
                contact_point_id=contact.id,
                lane=int(lane),
                body_sealed=unit.seal(OutboundRow, "body_sealed", row_id, message.dump()),
                alert_id=alert_id,
                status=OutStatus.QUEUED,
                not_before=now,
                created_at=now,
            )
        )
        # One by one: the order of writing is the order of sending.
        await unit.session.flush()
        ids.append(row_id)
    return ids


async def lease(unit: Unit, now: datetime, limit: int = 20) -> list[Leased]:
    """Take the next messages, most urgent lane first, in order within it.

    A lease that ran out means that a sender died between sending and recording. Safety replies and alerts are then
    sent again, marked; of anything else the outcome is recorded as unknown, because twice would be worse.
    """
    dead = (
        select(OutboundRow)
        .where(OutboundRow.status == OutStatus.SENDING, OutboundRow.lease_until < now)
        .with_for_update(skip_locked=True)
    )
    for row in await unit.session.scalars(dead):
        if Lane(row.lane) in _REPEATABLE:
            row.status, row.repeat = OutStatus.QUEUED, True
        else:
            row.status, row.reason = OutStatus.UNKNOWN, "the sender died before it could record the outcome"
    query = (
        select(OutboundRow)
        .where(OutboundRow.status == OutStatus.QUEUED, OutboundRow.not_before <= now)
        .order_by(OutboundRow.lane, OutboundRow.sequence)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    leased = []
    for row in (await unit.session.scalars(query)).all():
        contact = await unit.session.get_one(ContactPointRow, row.contact_point_id)
        row.status, row.lease_until = OutStatus.SENDING, now + LEASE
        row.attempts += 1
        leased.append(
            Leased(
                id=row.id,
                person_id=row.person_id,
                channel=contact.channel,
                address=unit.open(contact, "address_sealed"),
                message=Outbound.parse(unit.open(row, "body_sealed")),
                lane=Lane(row.lane),
                repeat=row.repeat,
                alert_id=row.alert_id,
                opted_out=contact.opted_out_at is not None,
            )
        )
    return leased


async def record(
    unit: Unit,
    message_id: str,
    now: datetime,
    *,
    provider_id: str | None = None,
    failure: str | None = None,
    retry: bool = False,
) -> OutStatus:
    """Record what became of a leased message; returns where it stands now. A settled row never moves back."""
    row = (await unit.session.scalars(select(OutboundRow).where(OutboundRow.id == message_id).with_for_update())).one()
    if row.status != OutStatus.SENDING:
        return OutStatus(row.status)
    if failure is None:
        row.status, row.provider_id, row.sent_at = OutStatus.SENT, provider_id, now
    elif retry and row.attempts < GIVE_UP_AFTER:
        row.status, row.reason = OutStatus.QUEUED, failure[:64]
        row.not_before = now + timedelta(seconds=5 * 2**row.attempts)
    else:
        row.status, row.reason = OutStatus.FAILED, failure[:64]
    return OutStatus(row.status)


async def drop(unit: Unit, message_id: str, reason: str) -> None:
    """Leave a leased message unsent because it no longer makes sense."""
    row = (await unit.session.scalars(select(OutboundRow).where(OutboundRow.id == message_id))).one()
    row.status, row.reason = OutStatus.DROPPED, reason[:64]


async def next_due(unit: Unit) -> datetime | None:
    """When the sender next has something to do."""
    query = select(func.min(OutboundRow.not_before)).where(OutboundRow.status == OutStatus.QUEUED)
    queued: datetime | None = await unit.session.scalar(query)
    dead = select(func.min(OutboundRow.lease_until)).where(OutboundRow.status == OutStatus.SENDING)
    held: datetime | None = await unit.session.scalar(dead)
    return min((moment for moment in (queued, held) if moment), default=None)


async def last_sent(unit: Unit, contact_id: str, limit: int = 3) -> tuple[Outbound, ...]:
    """The last messages to a contact point, newest first: what a tap or a typed title refers to."""
    query = (
        select(OutboundRow)
        .where(OutboundRow.contact_point_id == contact_id, OutboundRow.status != OutStatus.DROPPED)
        .order_by(OutboundRow.sequence.desc())
        .limit(limit)
    )
    return tuple(Outbound.parse(unit.open(row, "body_sealed")) for row in await unit.session.scalars(query))
