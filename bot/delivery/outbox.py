"""The outbox: what is to be sent, leased by lane, moved forward only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import aliased

from bot.delivery.messages import CLOCK_WENT_BACK, Lane, Outbound, OutStatus
from bot.store.database import Unit, new_id
from bot.store.tables import ContactPointRow, ConversationRow, OutboundRow
from bot.store.vault import VaultError

LEASE = timedelta(seconds=60)
GIVE_UP_AFTER = 6
# A page that does not go out within half a minute is the next step's business.
PAGE_GIVES_UP_AFTER = 3
REPEATABLE = (Lane.CRISIS, Lane.ALERT)
_WAITS = (OutStatus.QUEUED, OutStatus.SENDING)


@dataclass(frozen=True, slots=True)
class Leased:
    """A message that this sender may send until the lease runs out; ``fault`` says why it cannot be sent at all."""

    id: str
    person_id: str
    channel: str
    address: str
    message: Outbound
    lane: Lane
    repeat: bool
    alert_id: str | None
    opted_out: bool
    until: datetime
    fault: str | None = None
    unknown: bool = False


async def enqueue(
    unit: Unit,
    conversation: ConversationRow,
    messages: Sequence[Outbound],
    lane: Lane,
    now: datetime,
    *,
    alert_id: str | None = None,
) -> list[str]:
    """Queue messages into a conversation, in order; returns their ids."""
    ids = []
    for message in messages:
        row_id = new_id()
        unit.session.add(
            OutboundRow(
                id=row_id,
                person_id=conversation.person_id,
                contact_point_id=conversation.contact_point_id,
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


async def lease(unit: Unit, now: datetime, limit: int = 20, least: Lane = Lane.NOTICE) -> list[Leased]:
    """Take the next messages, most urgent lane first, in order within it, no lane beyond ``least``.

    Of ordinary messages a person gets one at a time: what comes after one that must be tried again waits for it.
    Safety replies and alerts wait for nothing.

    A lease that ran out means that a sender died between sending and recording. Safety replies and alerts are then
    sent again, marked; of anything else the outcome is recorded as unknown, because twice would be worse. Those are
    returned too, with ``unknown`` set, so that somebody looks after them.
    """
    lost = await _after_a_death(unit, now)
    before = aliased(OutboundRow)
    earlier = (
        select(before.sequence)
        .where(
            before.contact_point_id == OutboundRow.contact_point_id,
            before.lane == OutboundRow.lane,
            before.status.in_(_WAITS),
            before.sequence < OutboundRow.sequence,
        )
        .exists()
    )
    query = (
        select(OutboundRow)
        .where(OutboundRow.status == OutStatus.QUEUED, OutboundRow.lane <= int(least))
        .where((OutboundRow.not_before <= now) | (OutboundRow.not_before > now + CLOCK_WENT_BACK))
        .where(or_(OutboundRow.lane.in_([int(lane) for lane in REPEATABLE]), ~earlier))
        .order_by(OutboundRow.lane, OutboundRow.sequence)
        .limit(limit)
        .with_for_update(skip_locked=True, of=OutboundRow)
    )
    for row in (await unit.session.scalars(query)).all():
        row.status, row.lease_until = OutStatus.SENDING, now + LEASE
        row.attempts += 1
        lost.append(await _leased(unit, row))
    return lost


async def _after_a_death(unit: Unit, now: datetime) -> list[Leased]:
    """Put back what may be repeated, and give back what may not."""
    dead = (
        select(OutboundRow)
        .where(OutboundRow.status == OutStatus.SENDING, OutboundRow.lease_until < now)
        .with_for_update(skip_locked=True)
    )
    unknown = []
    for row in (await unit.session.scalars(dead)).all():
        if Lane(row.lane) in REPEATABLE:
            row.status, row.repeat = OutStatus.QUEUED, True
        else:
            row.status, row.reason = OutStatus.UNKNOWN, "the sender died before it could record the outcome"
            unknown.append(await _leased(unit, row, unknown=True))
    await unit.session.flush()
    return unknown


async def _leased(unit: Unit, row: OutboundRow, *, unknown: bool = False) -> Leased:
    contact = await unit.session.get_one(ContactPointRow, row.contact_point_id)
    message, address, fault = Outbound(""), "", None
    try:
        message, address = Outbound.parse(unit.open(row, "body_sealed")), unit.open(contact, "address_sealed")
    except (VaultError, ValueError, LookupError, TypeError):
        # One row that does not open must not stand in the way of all others.
        fault = "the message or its address does not open"
    return Leased(
        id=row.id,
        person_id=row.person_id,
        channel=contact.channel,
        address=address,
        message=message,
        lane=Lane(row.lane),
        repeat=row.repeat,
        alert_id=row.alert_id,
        opted_out=contact.opted_out_at is not None,
        until=row.lease_until or row.not_before,
        fault=fault,
        unknown=unknown,
    )


async def record(
    unit: Unit,
    message_id: str,
    now: datetime,
    *,
    provider_id: str | None = None,
    failure: str | None = None,
    retry: bool = False,
    doubt: bool = False,
    wait: timedelta | None = None,
) -> OutStatus:
    """Record what became of a leased message; returns where it stands now. A settled row never moves back.

    ``doubt`` says that it may have been sent all the same: only safety replies and alerts are then tried again. ``wait``
    is the time before the next attempt, where the provider has named a longer one; a quarter of an hour at the most.
    """
    row = await _locked(unit, message_id)
    if row.status != OutStatus.SENDING:
        if failure is None and row.provider_id is None:
            # It was put back or given up while it was on its way: keep the id that a delivery receipt will name.
            row.provider_id = provider_id
        return OutStatus(row.status)
    if failure is None:
        row.status, row.provider_id, row.sent_at = OutStatus.SENT, provider_id, now
    elif doubt and Lane(row.lane) not in REPEATABLE:
        row.status, row.reason = OutStatus.UNKNOWN, failure[:64]
    elif retry and row.attempts < (PAGE_GIVES_UP_AFTER if row.lane == Lane.ALERT else GIVE_UP_AFTER):
        row.status, row.reason = OutStatus.QUEUED, failure[:64]
        row.repeat = row.repeat or doubt
        pause = max(timedelta(seconds=5 * 2**row.attempts), wait or timedelta(0))
        row.not_before = now + min(pause, CLOCK_WENT_BACK)
    else:
        row.status, row.reason = OutStatus.FAILED, failure[:64]
    return OutStatus(row.status)


async def give_back(unit: Unit, message: Leased) -> None:
    """Put a leased message that was not touched back into the queue."""
    row = await _locked(unit, message.id)
    if row.status == OutStatus.SENDING and row.lease_until == message.until:
        row.status, row.lease_until = OutStatus.QUEUED, None
        row.attempts -= 1


async def _locked(unit: Unit, message_id: str) -> OutboundRow:
    query = select(OutboundRow).where(OutboundRow.id == message_id).with_for_update()
    return (await unit.session.scalars(query)).one()


async def drop(unit: Unit, message_id: str, reason: str) -> None:
    """Leave a leased message unsent because it no longer makes sense."""
    row = await _locked(unit, message_id)
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
    bodies = [unit.open_or(row, "body_sealed", "") for row in await unit.session.scalars(query)]
    return tuple(Outbound.parse(body) for body in bodies if body)
