"""The inbox: every message that came in, once, in order, until it is done."""

from datetime import datetime, timedelta

from sqlalchemy import select

from bot.delivery.messages import Inbound, InStatus
from bot.store.database import Unit, new_id
from bot.store.tables import ConversationRow, InboundRow

JOINED_FOR = timedelta(minutes=10)
JOINED_MESSAGES = 10
JOINED_CHARACTERS = 2_000


async def store(unit: Unit, message: Inbound, conversation_id: str, now: datetime) -> InboundRow | None:
    """Keep a message; nothing when the channel delivered it before."""
    known = select(InboundRow.id).where(
        InboundRow.channel == message.channel, InboundRow.provider_id == message.provider_id
    )
    if await unit.session.scalar(known):
        return None
    row_id = new_id()
    row = InboundRow(
        id=row_id,
        conversation_id=conversation_id,
        channel=message.channel,
        provider_id=message.provider_id,
        text_sealed=unit.seal(InboundRow, "text_sealed", row_id, message.text),
        status=InStatus.PENDING,
        not_before=now,
        received_at=now,
    )
    unit.session.add(row)
    await unit.session.flush()
    return row


async def recent_texts(unit: Unit, conversation_id: str, now: datetime) -> tuple[str, ...]:
    """What a person wrote in the last ten minutes, oldest first: at most ten messages, 2,000 characters in all."""
    query = (
        select(InboundRow)
        .where(InboundRow.conversation_id == conversation_id, InboundRow.received_at > now - JOINED_FOR)
        .order_by(InboundRow.sequence.desc())
        .limit(JOINED_MESSAGES)
    )
    texts: list[str] = []
    left = JOINED_CHARACTERS
    for row in await unit.session.scalars(query):
        text = unit.open(row, "text_sealed")
        if len(text) > left:
            break
        left -= len(text)
        texts.append(text)
    return tuple(reversed(texts))


async def next_pending(unit: Unit, now: datetime) -> tuple[InboundRow, ConversationRow] | None:
    """The oldest message that waits in a conversation that nobody holds, locked for the caller.

    Only the first message of a conversation is looked at, so a person is answered in order.
    """
    first = (
        select(InboundRow.conversation_id, InboundRow.sequence)
        .where(InboundRow.status == InStatus.PENDING)
        .order_by(InboundRow.sequence)
        .limit(200)
    )
    seen: set[str] = set()
    for conversation_id, sequence in (await unit.session.execute(first)).all():
        if conversation_id in seen:
            continue
        seen.add(conversation_id)
        locked = (
            select(ConversationRow)
            .where(ConversationRow.id == conversation_id)
            .where((ConversationRow.lease_until.is_(None)) | (ConversationRow.lease_until < now))
            .with_for_update(skip_locked=True)
        )
        conversation = (await unit.session.scalars(locked)).first()
        if conversation is None:
            continue
        message = await unit.session.get_one(InboundRow, sequence)
        if message.status == InStatus.PENDING and message.not_before <= now:
            return message, conversation
    return None


async def unread(unit: Unit, limit: int = 10) -> list[InboundRow]:
    """Messages that are done but that the engine's danger net has not read, oldest first."""
    query = (
        select(InboundRow)
        .where(InboundRow.status == InStatus.DONE, InboundRow.read_at.is_(None))
        .order_by(InboundRow.sequence)
        .limit(limit)
    )
    return list(await unit.session.scalars(query))
