"""The outbox: what is to be sent, leased by channel and lane, moved forward only."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import aliased

from bot.delivery.messages import CLOCK_WENT_BACK, Lane, Outbound, OutStatus, Receipt, Report
from bot.store.database import Unit, new_id
from bot.store.tables import ContactPointRow, ConversationRow, OutboundRow
from bot.store.vault import VaultError

LEASE = timedelta(seconds=60)
# With its pauses that is a good half hour: a provider is rarely away for longer.
GIVE_UP_AFTER = 10
# A page that does not go out within half a minute is the next step's business.
PAGE_GIVES_UP_AFTER = 3
REPEATABLE = (Lane.CRISIS, Lane.ALERT)
_URGENT = [int(lane) for lane in REPEATABLE]
_WAITS = (OutStatus.QUEUED, OutStatus.SENDING)
# When the provider is asked what became of a message, where it has not told by itself.
ASKED_AFTER = {lane: timedelta(minutes=1 if lane in REPEATABLE else 10) for lane in Lane}
ASKED_FOR = timedelta(hours=4)
# How soon it is asked again whether a message in doubt went out at all: until then it is neither sent nor given up.
DOUBT_ASKED_AGAIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Leased:
    """A message that this sender may send until the lease runs out; ``fault`` says why it cannot be sent at all."""

    id: str
    person_id: str
    contact_id: str
    channel: str
    address: str
    message: Outbound
    lane: Lane
    repeat: bool
    attempts: int
    alert_id: str | None
    created_at: datetime
    opted_out_at: datetime | None
    doubted: bool
    until: datetime
    status: OutStatus
    provider_id: str | None = None
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one attempt.

    ``doubt`` says that it may have been sent all the same: only safety replies and alerts are then tried again. ``wait``
    is the time before the next attempt, where the provider has named a longer one; a quarter of an hour at the most.
    """

    id: str
    provider_id: str | None = None
    failure: str | None = None
    retry: bool = False
    doubt: bool = False
    wait: timedelta | None = None


async def enqueue(
    unit: Unit,
    conversation: ConversationRow,
    messages: Sequence[Outbound],
    lane: Lane,
    now: datetime,
    *,
    alert_id: str | None = None,
    not_before: datetime | None = None,
) -> list[str]:
    """Queue messages into a conversation, in order, to go out now or later; returns their ids."""
    ids = []
    for message in messages:
        row_id = new_id()
        unit.session.add(
            OutboundRow(
                id=row_id,
                person_id=conversation.person_id,
                contact_point_id=conversation.contact_point_id,
                channel=conversation.contact.channel,
                lane=int(lane),
                body_sealed=unit.seal(OutboundRow, "body_sealed", row_id, message.dump()),
                alert_id=alert_id,
                status=OutStatus.QUEUED,
                not_before=not_before or now,
                created_at=now,
            )
        )
        # One by one: the order of writing is the order of sending.
        await unit.session.flush()
        ids.append(row_id)
    return ids


@dataclass(frozen=True, slots=True)
class Addressed:
    """A message and where it goes; ``channel`` where it is another one than the address is known for, and not before when."""

    contact: ContactPointRow
    message: Outbound
    channel: str | None = None
    not_before: datetime | None = None


async def enqueue_each(
    unit: Unit, messages: Sequence[Addressed], lane: Lane, now: datetime, *, alert_id: str | None = None
) -> None:
    """Queue many messages for many people in one statement: between people there is no order."""
    rows = []
    for each in messages:
        row_id = new_id()
        rows.append(
            {
                "id": row_id,
                "person_id": each.contact.person_id,
                "contact_point_id": each.contact.id,
                "channel": each.channel or each.contact.channel,
                "lane": int(lane),
                "body_sealed": unit.seal(OutboundRow, "body_sealed", row_id, each.message.dump()),
                "alert_id": alert_id,
                "status": OutStatus.QUEUED,
                "attempts": 0,
                "repeat": False,
                "not_before": each.not_before or now,
                "created_at": now,
                "receipt": 0,
            }
        )
    await unit.insert_many(OutboundRow, rows)


def of_channel(name: str) -> ColumnElement[bool]:
    """The messages of one channel."""
    return OutboundRow.channel == name


def of_no_channel(names: Collection[str]) -> ColumnElement[bool]:
    """The messages of channels that are not set up."""
    return OutboundRow.channel.not_in(list(names))


def _dead(now: datetime) -> ColumnElement[bool]:
    return (OutboundRow.status == OutStatus.SENDING) & (OutboundRow.lease_until < now)


def _due(now: datetime, least: Lane) -> ColumnElement[bool]:
    return (
        (OutboundRow.status == OutStatus.QUEUED)
        & (OutboundRow.lane <= int(least))
        & ((OutboundRow.not_before <= now) | (OutboundRow.not_before > now + CLOCK_WENT_BACK))
    )


async def waiting(unit: Unit, of: ColumnElement[bool], now: datetime, least: Lane = Lane.NOTICE) -> bool:
    """Whether there is anything to lease: looking costs no lock."""
    for what in (_due(now, least), _dead(now)):
        if await unit.session.scalar(select(OutboundRow.id).where(of, what).limit(1)) is not None:
            return True
    return False


async def lease(
    unit: Unit, of: ColumnElement[bool], now: datetime, limit: int = 20, least: Lane = Lane.NOTICE
) -> list[Leased]:
    """Take the next messages, most urgent lane first, in order within it, no lane beyond ``least``.

    Of ordinary messages a person gets one at a time: what comes after one that must be tried again waits for it.
    Safety replies and alerts wait for nothing.

    A lease that ran out means that a sender died between sending and recording. Safety replies and alerts are then
    sent again, marked; of anything else the outcome is recorded as unknown, because twice would be worse. Those are
    returned too, with that status, so that somebody looks after them.
    """
    lost = await _after_a_death(unit, of, now)
    before = aliased(OutboundRow)
    earlier = (
        select(before.sequence)
        .where(
            before.contact_point_id == OutboundRow.contact_point_id,
            before.lane == OutboundRow.lane,
            before.status.in_(_WAITS),
            before.sequence < OutboundRow.sequence,
            # What was never meant to go out yet stands in nobody's way; what must be tried again does.
            or_(before.attempts > 0, before.not_before <= now),
        )
        .exists()
    )
    query = (
        select(OutboundRow, ContactPointRow)
        .join(ContactPointRow, ContactPointRow.id == OutboundRow.contact_point_id)
        .where(of, _due(now, least))
        .where(or_(OutboundRow.lane.in_(_URGENT), ~earlier))
        .order_by(OutboundRow.lane, OutboundRow.sequence)
        .limit(limit)
        .with_for_update(skip_locked=True, of=OutboundRow)
    )
    taken = []
    for row, contact in (await unit.session.execute(query)).all():
        row.status, row.lease_until = OutStatus.SENDING, now + LEASE
        row.attempts += 1
        taken.append(_leased(unit, row, contact))
    return lost + taken


async def _after_a_death(unit: Unit, of: ColumnElement[bool], now: datetime) -> list[Leased]:
    """Put back what may be repeated, and give back what may not."""
    query = (
        select(OutboundRow, ContactPointRow)
        .join(ContactPointRow, ContactPointRow.id == OutboundRow.contact_point_id)
        .where(of, _dead(now))
        .with_for_update(skip_locked=True, of=OutboundRow)
    )
    unknown = []
    for row, contact in (await unit.session.execute(query)).all():
        if Lane(row.lane) in REPEATABLE:
            row.status, row.repeat = OutStatus.QUEUED, True
        else:
            row.status, row.reason = OutStatus.UNKNOWN, "the sender died before it could record the outcome"
            row.receipt_due = now
            unknown.append(_leased(unit, row, contact))
    await unit.session.flush()
    return unknown


def _leased(unit: Unit, row: OutboundRow, contact: ContactPointRow) -> Leased:
    message, address, fault = Outbound(""), "", None
    try:
        message, address = Outbound.parse(unit.open(row, "body_sealed")), unit.open(contact, "address_sealed")
    except (VaultError, ValueError, LookupError, TypeError):
        # One row that does not open must not stand in the way of all others.
        fault = "the message or its address does not open"
    return Leased(
        id=row.id,
        person_id=row.person_id,
        contact_id=contact.id,
        channel=row.channel,
        address=address,
        message=message,
        lane=Lane(row.lane),
        repeat=row.repeat,
        attempts=row.attempts,
        alert_id=row.alert_id,
        created_at=row.created_at,
        opted_out_at=contact.opted_out_at,
        doubted=contact.doubted_at is not None,
        until=row.lease_until or row.not_before,
        status=OutStatus(row.status),
        provider_id=row.provider_id,
        fault=fault,
    )


async def record(
    unit: Unit, outcomes: Sequence[Outcome], now: datetime, *, receipts: bool = False
) -> dict[str, OutStatus]:
    """Record what became of leased messages; returns where each stands now. A settled row never moves back.

    Args:
        receipts: the provider can be asked what became of a message, so that we shall.
    """
    stands: dict[str, OutStatus] = {}
    rows = await _locked(unit, [outcome.id for outcome in outcomes])
    for outcome in outcomes:
        row = rows[outcome.id]
        if row.status != OutStatus.SENDING:
            if outcome.failure is None and row.provider_id is None:
                # It was put back or given up while it was on its way: keep the id that a delivery receipt will name.
                row.provider_id = outcome.provider_id
        else:
            _settle(row, outcome, now, receipts=receipts)
        stands[row.id] = OutStatus(row.status)
    return stands


def _settle(row: OutboundRow, outcome: Outcome, now: datetime, *, receipts: bool) -> None:
    lane = Lane(row.lane)
    if outcome.failure is None:
        row.status, row.provider_id, row.sent_at = OutStatus.SENT, outcome.provider_id, now
        row.receipt_due = now + ASKED_AFTER[lane] if receipts else None
        return
    row.reason = outcome.failure[:64]
    if outcome.doubt and lane not in REPEATABLE:
        row.status = OutStatus.UNKNOWN
        row.receipt_due = now + timedelta(seconds=10) if receipts else None
    elif outcome.retry and row.attempts < (PAGE_GIVES_UP_AFTER if lane is Lane.ALERT else GIVE_UP_AFTER):
        row.status = OutStatus.QUEUED
        row.repeat = row.repeat or outcome.doubt
        row.not_before = now + min(max(_pause(row), outcome.wait or timedelta(0)), CLOCK_WENT_BACK)
    else:
        row.status = OutStatus.FAILED


def _pause(row: OutboundRow) -> timedelta:
    """5 s, doubled with each attempt, and up to half as long again, so that not all come back at once.

    As long again for everything to the same address: what was written first is to arrive first.
    """
    jitter = 1 + int(row.contact_point_id[:4], 16) / 0xFFFF / 2
    return timedelta(seconds=5 * 2 ** (row.attempts - 1) * jitter)


async def give_back(unit: Unit, message: Leased, not_before: datetime | None = None) -> None:
    """Put a leased message that was not touched back into the queue, to wait until ``not_before``."""
    row = (await _locked(unit, [message.id]))[message.id]
    if row.status == OutStatus.SENDING and row.lease_until == message.until:
        row.status, row.lease_until = OutStatus.QUEUED, None
        row.attempts -= 1
        row.not_before = not_before or row.not_before


async def _locked(unit: Unit, ids: Sequence[str]) -> dict[str, OutboundRow]:
    query = select(OutboundRow).where(OutboundRow.id.in_(ids)).order_by(OutboundRow.sequence).with_for_update()
    return {row.id: row for row in await unit.session.scalars(query)}


async def drop(unit: Unit, message_id: str, reason: str) -> None:
    """Leave a leased message unsent because it no longer makes sense."""
    row = (await _locked(unit, [message_id]))[message_id]
    row.status, row.reason = OutStatus.DROPPED, reason[:64]


async def any_unconfirmed(unit: Unit, channel: str, now: datetime) -> bool:
    """Whether there is a provider to be asked about something: looking costs no lock."""
    query = select(OutboundRow.id).where(OutboundRow.channel == channel, OutboundRow.receipt_due <= now)
    return await unit.session.scalar(query.limit(1)) is not None


async def unconfirmed(unit: Unit, channel: str, now: datetime, limit: int = 20) -> list[Leased]:
    """Messages whose provider is to be asked now what became of them; each is then left alone for a while.

    For how long grows with the message's age, but for one in doubt, which waits to be sent; after four hours nobody asks
    any more.
    """
    query = (
        select(OutboundRow, ContactPointRow)
        .join(ContactPointRow, ContactPointRow.id == OutboundRow.contact_point_id)
        .where(OutboundRow.channel == channel, OutboundRow.receipt_due <= now)
        .order_by(OutboundRow.lane, OutboundRow.receipt_due)
        .limit(limit)
        .with_for_update(skip_locked=True, of=OutboundRow)
    )
    taken = []
    for row, contact in (await unit.session.execute(query)).all():
        age = now - (row.sent_at or row.created_at)
        pause = DOUBT_ASKED_AGAIN if row.status == OutStatus.UNKNOWN else max(age, timedelta(minutes=1))
        row.receipt_due = now + pause if age < ASKED_FOR else None
        taken.append(_leased(unit, row, contact))
    return taken


async def by_report(unit: Unit, channel: str, message_id: str | None, provider_id: str) -> str | None:
    """The id of the message that a provider's report is about: named by us, or by the provider."""
    if message_id:
        query = select(OutboundRow.id).where(OutboundRow.id == message_id, OutboundRow.channel == channel)
    else:
        query = select(OutboundRow.id).where(OutboundRow.provider_id == provider_id, OutboundRow.channel == channel)
    found: str | None = await unit.session.scalar(query.limit(1))
    return found


async def forward(unit: Unit, message_id: str, report: Report, now: datetime) -> Leased | None:
    """Move a message as far as its provider says; never back. Returns it where it has just failed."""
    row = (await _locked(unit, [message_id]))[message_id]
    if report.receipt <= row.receipt or row.receipt >= Receipt.DELIVERED or _of_another(row, report):
        return None
    row.receipt = int(report.receipt)
    row.provider_id = row.provider_id or report.provider_id
    if row.status in (OutStatus.SENDING, OutStatus.UNKNOWN, OutStatus.QUEUED):
        # The report is faster than our own record of having sent it, or settles a doubt.
        row.status, row.sent_at = OutStatus.SENT, row.sent_at or now
        row.receipt_due = row.receipt_due or now + ASKED_AFTER[Lane(row.lane)]
    if report.receipt is Receipt.DELIVERED:
        row.status, row.receipt_due = OutStatus.DELIVERED, None
        contact = await unit.session.get_one(ContactPointRow, row.contact_point_id)
        same = row.channel == contact.channel
        if same and contact.suspended_at and row.sent_at and row.sent_at > contact.suspended_at:
            contact.suspended_at = contact.suspended_until = None
    if report.receipt is not Receipt.FAILED:
        return None
    row.status, row.receipt_due = OutStatus.FAILED, None
    row.reason = (report.fault.name.lower() if report.fault else "undelivered")[:64]
    contact = await unit.session.get_one(ContactPointRow, row.contact_point_id)
    return _leased(unit, row, contact)


def _of_another(row: OutboundRow, report: Report) -> bool:
    """Whether a report is about an earlier attempt, which ends without taking anything away from the later one."""
    return report.receipt is Receipt.FAILED and row.repeat and row.provider_id not in (None, report.provider_id)


async def called(unit: Unit, message_id: str, channel: str, provider_id: str) -> OutboundRow | None:
    """A message of a channel that its provider now tells of as being answered; nothing where it was another, or was answered.

    Of one that may have gone out twice only one id is known, and either may be answered.
    """
    query = select(OutboundRow).where(OutboundRow.id == message_id, OutboundRow.channel == channel).with_for_update()
    row = (await unit.session.scalars(query)).first()
    if row is None or row.receipt == Receipt.DELIVERED:
        return None
    return row if row.repeat or row.provider_id in (None, provider_id) else None


def answered(row: OutboundRow, provider_id: str, now: datetime) -> None:
    """Whoever was called has answered: it arrived, even where the provider had given the call up for ended before."""
    row.status, row.receipt, row.receipt_due = OutStatus.DELIVERED, int(Receipt.DELIVERED), None
    row.provider_id, row.sent_at = provider_id, row.sent_at or now


async def never_sent(unit: Unit, message_id: str, now: datetime) -> None:
    """A doubt is settled: the provider never got the message, so that it may be sent after all."""
    row = (await _locked(unit, [message_id]))[message_id]
    if row.status == OutStatus.UNKNOWN:
        row.status, row.receipt_due, row.not_before = OutStatus.QUEUED, None, now


async def next_due(unit: Unit) -> datetime | None:
    """When the sender next has something to do."""
    query = select(func.min(OutboundRow.not_before)).where(OutboundRow.status == OutStatus.QUEUED)
    queued: datetime | None = await unit.session.scalar(query)
    dead = select(func.min(OutboundRow.lease_until)).where(OutboundRow.status == OutStatus.SENDING)
    held: datetime | None = await unit.session.scalar(dead)
    asked: datetime | None = await unit.session.scalar(select(func.min(OutboundRow.receipt_due)))
    return min((moment for moment in (queued, held, asked) if moment), default=None)


async def by_id(unit: Unit, message_id: str, contact_id: str) -> Outbound | None:
    """A message to a contact point, by its id; nothing where it went to someone else or does not open."""
    query = select(OutboundRow).where(OutboundRow.id == message_id, OutboundRow.contact_point_id == contact_id)
    row = (await unit.session.scalars(query)).first()
    body = unit.open_or(row, "body_sealed", "") if row else ""
    return Outbound.parse(body) if body else None


async def last_sent(unit: Unit, contact_id: str, limit: int = 3) -> tuple[Outbound, ...]:
    """The last messages to a contact point, newest first: what a typed title refers to."""
    query = (
        select(OutboundRow)
        # What has not gone out yet, nobody can have answered.
        .where(OutboundRow.contact_point_id == contact_id)
        .where(OutboundRow.status.not_in((OutStatus.DROPPED, OutStatus.QUEUED)))
        .order_by(OutboundRow.sequence.desc())
        .limit(limit)
    )
    bodies = [unit.open_or(row, "body_sealed", "") for row in await unit.session.scalars(query)]
    return tuple(Outbound.parse(body) for body in bodies if body)


async def still_queued(unit: Unit, contact_id: str) -> tuple[Outbound, ...]:
    """The messages to a contact point that have not gone out yet, oldest first."""
    query = (
        select(OutboundRow)
        .where(OutboundRow.contact_point_id == contact_id, OutboundRow.status == OutStatus.QUEUED)
        .order_by(OutboundRow.sequence)
    )
    bodies = [unit.open_or(row, "body_sealed", "") for row in await unit.session.scalars(query)]
    return tuple(Outbound.parse(body) for body in bodies if body)


async def asked_since(unit: Unit, contact_id: str, moment: datetime) -> bool:
    """Whether anything but safety replies went to a contact point since a moment."""
    query = select(OutboundRow.id).where(
        OutboundRow.contact_point_id == contact_id,
        OutboundRow.created_at > moment,
        OutboundRow.lane != int(Lane.CRISIS),
        OutboundRow.status != OutStatus.DROPPED,
    )
    return await unit.session.scalar(query.limit(1)) is not None


async def provider_ids(unit: Unit, contact_id: str, since: datetime) -> frozenset[str]:
    """The provider's ids of what was sent to a contact point since a moment."""
    query = select(OutboundRow.provider_id).where(
        OutboundRow.contact_point_id == contact_id,
        OutboundRow.provider_id.is_not(None),
        OutboundRow.created_at >= since,
    )
    return frozenset(filter(None, await unit.session.scalars(query)))


async def written_since(unit: Unit, contact_id: str, moment: datetime) -> bool:
    """Whether anything but safety replies was queued for a contact point since a moment."""
    query = select(OutboundRow.id).where(
        OutboundRow.contact_point_id == contact_id,
        OutboundRow.created_at >= moment,
        OutboundRow.lane != int(Lane.CRISIS),
    )
    return await unit.session.scalar(query.limit(1)) is not None


def again(message: Outbound) -> Outbound:
    """A message as it goes out when it may have gone out before."""
    return replace(message, text=f"(sent again) {message.text}")
