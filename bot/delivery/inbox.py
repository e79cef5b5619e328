"""The inbox: every message that came in, once, in order, until it is done."""

from datetime import datetime, timedelta

from sqlalchemy import func, select

from bot.delivery.messages import CLOCK_WENT_BACK, Inbound, InStatus
from bot.safety.screen import LONGEST_EARLIER, MOST_EARLIER
from bot.store.database import Unit, new_id
from bot.store.tables import ConversationRow, InboundRow

JOINED_FOR = timedelta(minutes=10)
LATE = timedelta(minutes=1)


def written(message: Inbound, now: datetime) -> datetime:
    """When a message was written: a provider's word only where it came late, for clocks differ, and that one has no fractions."""
    if message.spooled_at is not None:
        return message.spooled_at
    late = message.written_at is not None and now - message.written_at > LATE
    return message.written_at if late and message.written_at else now


async def store(unit: Unit, message: Inbound, conversation_id: str, now: datetime) -> InboundRow | None:
    """Keep a message; nothing when the channel delivered it before."""
    row_id = new_id()
    # Whoever else stores the same message at the same moment: one of the two finds it there.
    insert = unit.insert(InboundRow).values(
        id=row_id,
        conversation_id=conversation_id,
        channel=message.channel,
        provider_id=message.provider_id,
        text_sealed=unit.seal(InboundRow, "text_sealed", row_id, message.text),
        shape=message.shape,
        answers_id=message.tapped[0] if message.tapped else None,
        status=InStatus.PENDING,
        not_before=now,
        received_at=now,
        written_at=written(message, now),
    )
    once = insert.on_conflict_do_nothing(index_elements=["channel", "provider_id"]).returning(InboundRow)
    found: InboundRow | None = (await unit.session.scalars(once)).one_or_none()
    return found


async def recent_texts(unit: Unit, person_id: str, before: datetime) -> tuple[str, ...]:
    """What a person wrote in the ten minutes before a moment and since, on whatever phone, oldest first.

    At most ten messages, 2,000 characters in all.
    """
    query = (
        select(InboundRow)
        .join(ConversationRow, ConversationRow.id == InboundRow.conversation_id)
        .where(ConversationRow.person_id == person_id, InboundRow.written_at > before - JOINED_FOR)
        .order_by(InboundRow.sequence.desc())
        .limit(MOST_EARLIER)
    )
    texts: list[str] = []
    left = LONGEST_EARLIER
    for row in await unit.session.scalars(query):
        text = unit.open_or(row, "text_sealed", "")
        if len(text) > left:
            break
        left -= len(text)
        texts.append(text)
    return tuple(reversed(texts))


async def next_pending(unit: Unit, now: datetime) -> tuple[InboundRow, ConversationRow] | None:
    """The first message that waits in a conversation that nobody holds; the conversation is locked for the caller.

    Only the first message of a conversation counts, so a person is answered in order; and a person with a thousand
    messages, or with one that must wait, stands in nobody's way: whoever was served longest ago comes first.
    """
    heads = (
        select(InboundRow.conversation_id, func.min(InboundRow.sequence).label("head"))
        .where(InboundRow.status == InStatus.PENDING)
        .group_by(InboundRow.conversation_id)
        .subquery()
    )
    waiting = (
        select(ConversationRow)
        .join(heads, heads.c.conversation_id == ConversationRow.id)
        .join(InboundRow, InboundRow.sequence == heads.c.head)
        .where((InboundRow.not_before <= now) | (InboundRow.not_before > now + CLOCK_WENT_BACK))
        .where(
            ConversationRow.lease_until.is_(None)
            | (ConversationRow.lease_until < now)
            | (ConversationRow.lease_until > now + CLOCK_WENT_BACK)
        )
        .order_by(ConversationRow.served_at.nulls_first(), heads.c.head)
        .limit(1)
        .with_for_update(skip_locked=True, key_share=True, of=ConversationRow)
    )
    conversation = (await unit.session.scalars(waiting)).first()
    if conversation is None:
        return None
    # Read under the lock: another worker may have answered what was the head a moment ago.
    first = (
        select(InboundRow)
        .where(InboundRow.conversation_id == conversation.id, InboundRow.status == InStatus.PENDING)
        .order_by(InboundRow.sequence)
        .limit(1)
    )
    message = (await unit.session.scalars(first)).first()
    if message is None or now < message.not_before <= now + CLOCK_WENT_BACK:
        return None
    return message, conversation


async def last_received(unit: Unit, channel: str) -> datetime | None:
    """When the last message of a channel came in."""
    found: datetime | None = await unit.session.scalar(
        select(func.max(InboundRow.received_at)).where(InboundRow.channel == channel)
    )
    return found


async def unread_since(unit: Unit) -> tuple[datetime, int] | None:
    """When the oldest message came in that the engine's danger net has not read, and how many there are."""
    query = select(func.min(InboundRow.received_at), func.count()).where(InboundRow.read_at.is_(None))
    oldest, count = (await unit.session.execute(query)).one()
    return (oldest, count) if count else None


async def unread(unit: Unit, limit: int = 10) -> list[InboundRow]:
    """Messages that are done with but that the engine's danger net has not read, oldest first."""
    query = (
        select(InboundRow)
        .where(InboundRow.status.in_((InStatus.DONE, InStatus.SET_ASIDE)), InboundRow.read_at.is_(None))
        .order_by(InboundRow.sequence)
        .limit(limit)
    )
    return list(await unit.session.scalars(query))
