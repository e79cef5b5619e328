"""The conversation's state: what the engine needs to go on, and until when an open form counts."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import structlog
from sqlalchemy import ColumnElement, case, select
from sqlalchemy.orm import aliased, lazyload

from bot.recovery.people import NOT_JOINED, Role
from bot.store.database import Unit
from bot.store.tables import ContactPointRow, ConversationRow, HandOverRow, QuestionRow

log = structlog.get_logger()


class Owner(StrEnum):
    """Who answers the next message.

    ``HUMAN``: someone on staff has taken over the chat, and what is written goes to them.
    ``NOBODY``: a stranger, or someone who wants no messages; they get public help.
    """

    BOT = "bot"
    PROTOCOL = "protocol"
    JOINING = "joining"
    HUMAN = "human"
    NOBODY = "nobody"


@dataclass(slots=True)
class State:
    """What travels with every turn: the engine's slots, and the form that is open."""

    slots: dict[str, Any] = field(default_factory=dict)
    form: str | None = None

    def close_form(self) -> None:
        """Forget the open form and what it asked; what lasts beyond a form stays."""
        self._keep(WORDINGS | SUBJECT)

    def begin_anew(self) -> None:
        """Forget what was talked about, as after hours of silence; not which wordings were used last."""
        self._keep(WORDINGS)

    def _keep(self, names: frozenset[str]) -> None:
        self.form = None
        self.slots = {name: value for name, value in self.slots.items() if name in names}


# So long after the last message an open form and a subject still count.
FRESH_FOR = timedelta(hours=2)
WORDINGS = frozenset({"said", "spoken"})
SUBJECT = frozenset({"previous_intent", "topic"})


def load_state(unit: Unit, row: ConversationRow, now: datetime) -> State:
    """The state of a conversation; what was talked about too long ago is left behind.

    A state that cannot be read is logged and begun anew: no message may wait behind it, least of all one of danger.
    """
    body = unit.open_or(row, "state_sealed", "")
    try:
        state = State(**json.loads(body)) if body else State()
    except (ValueError, TypeError):
        log.error("a conversation's state cannot be read", conversation=row.id)  # noqa: TRY400
        state = State()
    if row.state_until is not None and row.state_until <= now:
        state.begin_anew()
    return state


def save_state(unit: Unit, row: ConversationRow, state: State, until: datetime) -> None:
    """Seal the state into the conversation; ``until`` is when an open form, or a subject, no longer counts."""
    row.state_sealed = _sealed(unit, row, state)
    row.state_until = until


def _sealed(unit: Unit, row: ConversationRow, state: State) -> bytes:
    body = json.dumps({"slots": state.slots, "form": state.form})
    return unit.seal(ConversationRow, "state_sealed", row.id, body)


async def owner(unit: Unit, row: ConversationRow, *, whatever_is_asked: bool = False) -> Owner:
    """Who answers in a conversation: it follows from what is open there, and is written nowhere.

    A safety question goes before everything, whoever was asked.

    Args:
        whatever_is_asked: who would answer if no safety question were open.
    """
    anywhere = aliased(ConversationRow)
    asked = (
        select(QuestionRow.id)
        .join(anywhere, anywhere.id == QuestionRow.conversation_id)
        .where(anywhere.person_id == row.person_id, QuestionRow.outcome.is_(None))
        .exists()
        .label("asked")
    )
    taken_over = (
        select(HandOverRow.id)
        .where(HandOverRow.person_id == row.person_id, HandOverRow.ended_at.is_(None))
        .exists()
        .label("taken_over")
    )
    query = select(ContactPointRow.opted_out_at, asked, taken_over).where(ContactPointRow.id == row.contact_point_id)
    opted_out_at, is_asked, with_a_human = (await unit.session.execute(query)).one()
    if is_asked and not whatever_is_asked:
        return Owner.PROTOCOL
    if opted_out_at is not None or row.person.role == Role.STRANGER or row.person.joining in NOT_JOINED:
        return Owner.NOBODY
    if row.person.joining:
        return Owner.JOINING
    return Owner.HUMAN if with_a_human else Owner.BOT


async def of_person(
    unit: Unit,
    person_id: str,
    *,
    lock: bool = True,
    usable: bool = False,
    besides: str | None = None,
    on: Collection[str] = (),
) -> ConversationRow | None:
    """Where a person is written to when nothing they wrote is answered: where they wrote last, of what still reaches them.

    Args:
        lock: hold the conversation for the caller's unit.
        usable: nothing, rather than an address that is opted out, suspended or doubted.
        besides: the id of a contact point that is not meant.
        on: the channels that are meant; all of them where none is named.
    """
    reaches = _reaches()
    query = (
        select(ConversationRow)
        .join(ContactPointRow, ContactPointRow.id == ConversationRow.contact_point_id)
        .where(ConversationRow.person_id == person_id)
        .order_by(case((reaches, 0), else_=1), ConversationRow.last_heard.desc().nulls_last(), ConversationRow.id)
        .limit(1)
    )
    if usable:
        query = query.where(reaches)
    if besides:
        query = query.where(ContactPointRow.id != besides)
    if on:
        query = query.where(ContactPointRow.channel.in_(on))
    if lock:
        query = query.with_for_update(key_share=True, of=ConversationRow)
    found: ConversationRow | None = (await unit.session.scalars(query)).first()
    return found


@dataclass(frozen=True, slots=True)
class Chat:
    """A conversation that is held for the caller's unit, with its state."""

    row: ConversationRow
    state: State


async def of_people(unit: Unit, person_ids: Collection[str], now: datetime) -> tuple[dict[str, Chat], frozenset[str]]:
    """Where each of many people is written to, as ``of_person`` has it, and who is being answered at this moment.

    Those are left alone: nobody waits for a turn, and no turn for us.
    """
    query = (
        select(ConversationRow.id, ConversationRow.person_id)
        .join(ContactPointRow, ContactPointRow.id == ConversationRow.contact_point_id)
        .where(unit.one_of(ConversationRow.person_id, person_ids))
        .order_by(case((_reaches(), 0), else_=1), ConversationRow.last_heard.desc().nulls_last(), ConversationRow.id)
    )
    chosen: dict[str, str] = {}
    for conversation_id, person_id in await unit.session.execute(query):
        chosen.setdefault(person_id, conversation_id)
    held = (
        select(ConversationRow)
        .where(unit.one_of(ConversationRow.id, chosen.values()))
        .options(lazyload(ConversationRow.person))
        .with_for_update(skip_locked=True, key_share=True, of=ConversationRow)
        .execution_options(populate_existing=True)
    )
    # Whoever has a lease on one writes its state when it is done.
    free = [row for row in await unit.session.scalars(held) if row.lease_until is None or row.lease_until <= now]
    chats = {row.person_id: Chat(row, load_state(unit, row, now)) for row in free}
    return chats, frozenset(chosen) - frozenset(chats)


async def save_states(unit: Unit, chats: Sequence[Chat], until: datetime) -> None:
    """Like ``save_state``, for many at once: the rows themselves are not to be used any more."""
    rows = [
        {"id": chat.row.id, "state_sealed": _sealed(unit, chat.row, chat.state), "state_until": until} for chat in chats
    ]
    await unit.update_many(ConversationRow, rows)


def _reaches() -> ColumnElement[bool]:
    return (
        ContactPointRow.opted_out_at.is_(None)
        & ContactPointRow.suspended_at.is_(None)
        & ContactPointRow.doubted_at.is_(None)
    )


async def get(unit: Unit, conversation_id: str) -> ConversationRow:
    """A conversation by id, locked; rows that belong to it may still be written meanwhile."""
    query = select(ConversationRow).where(ConversationRow.id == conversation_id)
    # As it is now that we hold it, not as it was read before.
    query = query.with_for_update(key_share=True, of=ConversationRow).execution_options(populate_existing=True)
    return (await unit.session.scalars(query)).one()
