"""Asking for check-ins: at the client's own times, once more where nothing came, later where they want it, never at night.

Many are due at the same minute, at nine above all, so they are worked on in batches: a few statements for all of them.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select, update

from bot.care import danger
from bot.care.check_in import FIRST_SLOT, FORM, ON_A_SCALE, OPEN, next_question, slots_of
from bot.content import Content
from bot.delivery import outbox
from bot.delivery.messages import SCALE, Lane, Outbound
from bot.recovery.check_in import (
    COUNTS_FOR,
    FOLLOW_UP_AFTER,
    SLOTS,
    CheckInStatus,
    Rhythm,
    quiet_until,
)
from bot.recovery.joining import has_agreed
from bot.recovery.people import Person, Role
from bot.store import conversations, people
from bot.store.conversations import Chat
from bot.store.database import Unit, new_id
from bot.store.tables import CheckInRow, PersonRow, SafePhoneRow

TOO_LATE = timedelta(hours=3)
WAIT = timedelta(minutes=15)
# One that cannot be asked is tried again after this, so that it stands in nobody's way meanwhile.
TRIED_AGAIN = timedelta(minutes=1)
BATCH = 500
_GIVEN = (
    CheckInRow.craving, CheckInRow.mood, CheckInRow.sleep_quality, CheckInRow.sleep_hours, CheckInRow.used,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of many clients at once, by the id of each.

    Attributes:
        chats: where each is written to. Whoever is being answered at this moment is in ``busy`` instead.
        alone: who is not asked now, and why.
    """

    chats: Mapping[str, Chat]
    busy: frozenset[str]
    alone: Mapping[str, str]
    phones: Mapping[str, SafePhoneRow]

    @classmethod
    async def of(cls, unit: Unit, ids: Sequence[str], now: datetime) -> "_Known":
        chats, busy = await conversations.of_people(unit, ids, now)
        phones = {
            phone.person_id: phone
            for phone in await unit.session.scalars(
                select(SafePhoneRow).where(unit.one_of(SafePhoneRow.person_id, ids))
            )
        }
        quiet = [id_ for id_, phone in phones.items() if phone.quiet_until is not None and phone.quiet_until > now]
        alone = dict.fromkeys(quiet, "they asked for quiet") | await danger.left_alone(unit, ids)
        return cls(chats, busy, alone, phones)

    def discreet(self, client_id: str) -> bool:
        return client_id in self.phones and self.phones[client_id].discreet


async def push_due(unit: Unit, content: Content, now: datetime) -> int:
    """Send the check-ins whose local time has come, each once for its day and time; returns for how many that is done.

    May be called again at once while it returns as many as ``BATCH``.
    """
    query = (
        select(PersonRow)
        .where(PersonRow.role == Role.CLIENT, PersonRow.next_check_in <= now)
        .order_by(PersonRow.next_check_in)
        .limit(BATCH)
        .with_for_update(skip_locked=True, key_share=True)
    )
    due = (await unit.session.scalars(query)).all()

    async def postpone(client_id: str) -> None:
        again = update(PersonRow).where(PersonRow.id == client_id).values(next_check_in=now + TRIED_AGAIN)
        await unit.session.execute(again)

    return await _together(unit, "check-in", PersonRow, due, lambda rows: _push(unit, content, rows, now), postpone)


async def follow_up(unit: Unit, content: Content, now: datetime) -> int:
    """Ask once more where nothing came, and whoever wanted it later; then record as missed. Partial answers stay.

    Returns for how many that is done; may be called again at once while that is as many as ``BATCH``.
    """
    query = (
        select(CheckInRow)
        .where(CheckInRow.due_at <= now, CheckInRow.status.in_(OPEN))
        .order_by(CheckInRow.due_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    due = (await unit.session.scalars(query)).all()

    async def postpone(row_id: str) -> None:
        again = update(CheckInRow).where(CheckInRow.id == row_id).values(due_at=now + TRIED_AGAIN)
        await unit.session.execute(again)

    work = lambda rows: _follow_up(unit, content, rows, now)  # noqa: E731
    return await _together(unit, "check-in follow-up", CheckInRow, due, work, postpone)


async def _together[Row: (PersonRow, CheckInRow)](
    unit: Unit,
    what: str,
    table: type[Row],
    rows: Sequence[Row],
    work: Callable[[Sequence[Row]], Awaitable[int]],
    postpone: Callable[[str], Awaitable[None]],
) -> int:
    """Work on all rows at once; where one is broken on each by itself, so that nobody else misses a check-in for it."""
    ids = [row.id for row in rows]
    if not ids:
        return 0
    try:
        async with unit.part():
            return await work(rows)
    except Exception as error:
        unit.give_up_if_gone(error)
    done = 0
    for row_id in ids:
        went = False
        async with unit.apart(what, row_id):
            done += await work([await unit.session.get_one(table, row_id, populate_existing=True)])
            went = True
        if not went:
            await postpone(row_id)
            done += 1
    return done


async def _push(unit: Unit, content: Content, rows: Sequence[PersonRow], now: datetime) -> int:
    known = await _Known.of(unit, [row.id for row in rows], now)
    asked: list[dict[str, object]] = []
    following: defaultdict[datetime, list[str]] = defaultdict(list)
    begun: list[Chat] = []
    messages: list[outbox.Addressed] = []
    free = [row for row in rows if row.id not in known.busy]
    clients = [(row, people.person_of(unit, row)) for row in free]
    slots = {row.id: _due(row, client, now) for row, client in clients}
    there = await _there(unit, slots)
    for row, client in clients:
        due_at, day, slot = slots[row.id]
        chat = known.chats.get(row.id)
        talking = chat is not None and _talks_of_something_else(chat, now)
        if talking and now + WAIT < due_at + TOO_LATE:
            # Something else is being talked about: the check-in waits for it.
            following[now + WAIT].append(row.id)
            continue
        following[(client.rhythm or Rhythm()).next_due(now, client.zone)].append(row.id)
        if (row.id, day, slot) in there:
            continue
        reason = None
        if row.id in known.alone:
            reason = known.alone[row.id]
        elif now > due_at + TOO_LATE:
            reason = "too late for its time"
        elif quiet_until(now, client.zone) and not _near(now, client.zone, row.rhythm):
            reason = "it is night there"
        elif talking:
            reason = "something else was being talked about"
        elif chat is None or not chat.row.contact.usable:
            reason = "no way to reach the client"
        elif not has_agreed(row.joining):
            reason = "they have not agreed yet"
        asked.append(
            {
                "id": new_id(),
                "client_id": client.id,
                "local_date": day,
                "slot": slot,
                "status": CheckInStatus.SKIPPED if reason else CheckInStatus.ASKED,
                "reason": reason,
                "asked_at": None if reason else now,
                "due_at": None if reason else now + FOLLOW_UP_AFTER,
                "follow_ups": 0,
            }
        )
        if reason or chat is None:
            continue
        chat.state.close_form()
        chat.state.form, chat.state.slots = FORM, {**chat.state.slots, "requested_slot": FIRST_SLOT}
        begun.append(chat)
        piece = "service.discreet_check_in" if known.discreet(row.id) else "talk.check_in"
        words = content.piece(piece, client.language).texts
        text = words[(day.toordinal() + SLOTS.index(slot)) % len(words)]
        filled = content.fill(text, client.country, client.language, name=client.first_name)
        messages.append(outbox.Addressed(chat.row.contact, Outbound(filled, SCALE)))
    # Most of those who are asked at the same time are next asked at the same time.
    for moment, ids in following.items():
        await unit.session.execute(
            update(PersonRow).where(unit.one_of(PersonRow.id, ids)).values(next_check_in=moment),
            execution_options={"synchronize_session": False},
        )
    await _end_earlier(unit, [str(each["client_id"]) for each in asked])
    await unit.insert_many(CheckInRow, asked)
    await conversations.save_states(unit, begun, now + COUNTS_FOR)
    await outbox.enqueue_each(unit, messages, Lane.CHECK_IN, now)
    return len(free)


async def _end_earlier(unit: Unit, client_ids: Sequence[str]) -> None:
    """Nobody is asked for two check-ins at once: with the next one the one before is over, as far as it was answered."""
    of_them = (unit.one_of(CheckInRow.client_id, client_ids), CheckInRow.due_at.is_not(None))
    given = or_(*(column.is_not(None) for column in _GIVEN))
    for status, where in ((CheckInStatus.PARTIAL, given), (CheckInStatus.MISSED, ~given)):
        query = update(CheckInRow).where(*of_them, CheckInRow.status.in_(OPEN), where)
        await unit.session.execute(
            query.values(status=status, due_at=None), execution_options={"synchronize_session": False}
        )


def _talks_of_something_else(chat: Chat, now: datetime) -> bool:
    """Whether a form is open that is not to be disturbed; a check-in that was left is none."""
    if chat.state.form == FORM:
        return chat.row.last_heard is not None and chat.row.last_heard > now - WAIT
    return chat.state.form is not None


def _due(row: PersonRow, client: Person, now: datetime) -> tuple[datetime, date, str]:
    """Since when a client's check-in is due, and which it is: its local day and slot."""
    # By its own time, whatever it has waited for since.
    return (client.rhythm or Rhythm()).slot(row.next_check_in or now, client.zone)


async def _there(unit: Unit, slots: Mapping[str, tuple[datetime, date, str]]) -> frozenset[tuple[str, date, str]]:
    """Which of these check-ins there are already."""
    days = {day for _, day, _ in slots.values()}
    query = select(CheckInRow.client_id, CheckInRow.local_date, CheckInRow.slot).where(
        unit.one_of(CheckInRow.client_id, slots), CheckInRow.local_date.in_(days)
    )
    return frozenset((client, day, slot) for client, day, slot in await unit.session.execute(query))


async def unwanted(unit: Unit, messages: Sequence[outbox.Leased], now: datetime) -> Mapping[str, str | datetime]:
    """Which messages of our own accord do not go out now: at night, or long after their time.

    A check-in that is too late is left out, what can wait goes out in the morning.
    """
    proactive = [m for m in messages if m.lane in (Lane.CHECK_IN, Lane.NOTICE)]
    if not proactive:
        return {}
    query = (
        select(PersonRow.id, PersonRow.time_zone, PersonRow.rhythm, SafePhoneRow.quiet_until)
        .outerjoin(SafePhoneRow, SafePhoneRow.person_id == PersonRow.id)
        .where(PersonRow.id.in_({m.person_id for m in proactive}))
    )
    known = {row[0]: row[1:] for row in await unit.session.execute(query)}
    reasons: dict[str, str | datetime] = {}
    for message in proactive:
        zone, chosen, quiet = known[message.person_id]
        morning = quiet_until(now, ZoneInfo(zone))
        if message.lane is Lane.NOTICE:
            held = max(filter(None, (morning, quiet if quiet and quiet > now else None)), default=None)
            if held:
                reasons[message.id] = held
        elif now > message.created_at + TOO_LATE:
            reasons[message.id] = "too late for its time"
        elif morning and not _near(now, ZoneInfo(zone), chosen):
            # A time of their own choice is kept, whatever it is.
            reasons[message.id] = "it is night there"
    return reasons


def _near(now: datetime, zone: ZoneInfo, rhythm: str | None) -> bool:
    """Whether it is about a time of day that a client has chosen."""
    if rhythm is None:
        return False
    local = now.astimezone(zone)
    since = (
        (local.hour * 60 + local.minute - at.hour * 60 - at.minute) % (24 * 60) for at in Rhythm.parse(rhythm).times
    )
    return min(since) <= WAIT.total_seconds() / 60


async def _follow_up(unit: Unit, content: Content, rows: Sequence[CheckInRow], now: datetime) -> int:
    ids = [row.client_id for row in rows]
    known = await _Known.of(unit, ids, now)
    query = select(PersonRow).where(unit.one_of(PersonRow.id, ids))
    clients = {row.id: people.person_of(unit, row) for row in await unit.session.scalars(query)}
    messages: list[outbox.Addressed] = []
    free = [row for row in rows if row.client_id not in known.busy]
    for row in free:
        chat, client = known.chats.get(row.client_id), clients[row.client_id]
        ends = (row.asked_at or now) + COUNTS_FOR
        snoozed = row.status == CheckInStatus.SNOOZED
        again = snoozed or (row.status == CheckInStatus.ASKED and row.follow_ups == 0 and now < ends)
        if snoozed:
            # They have chosen the time: it counts from now.
            ends = now + COUNTS_FOR
            row.asked_at, row.status = now, CheckInStatus.ASKED
        if again and chat is not None and row.client_id not in known.alone:
            if _talks_of_something_else(chat, now) and now + WAIT < ends:
                row.due_at, row.status = now + WAIT, CheckInStatus.SNOOZED if snoozed else row.status
                continue
            row.follow_ups, row.due_at = 1, ends
            given = slots_of(row)
            question = next_question(given)
            chat.state.form, chat.state.slots = FORM, {**chat.state.slots, **given, "requested_slot": question}
            conversations.save_state(unit, chat.row, chat.state, ends)
            piece = f"talk.check_in_later.{question}" if snoozed else "talk.check_in_again"
            piece = "service.discreet_check_in" if known.discreet(client.id) else piece
            text = content.say(piece, client.country, client.language, name=client.first_name)
            choices = SCALE if question in ON_A_SCALE else ()
            messages.append(outbox.Addressed(chat.row.contact, Outbound(text, choices)))
        elif now < ends:
            row.due_at = ends
        else:
            row.due_at = None
            if row.status == CheckInStatus.ASKED:
                row.status = CheckInStatus.MISSED
        if row.status == CheckInStatus.ASKED and slots_of(row):
            row.status = CheckInStatus.PARTIAL
    await outbox.enqueue_each(unit, messages, Lane.CHECK_IN, now)
    return len(free)


async def next_moment(unit: Unit) -> datetime | None:
    """When the next check-in, follow-up or end of a check-in is due."""
    pushes: datetime | None = await unit.session.scalar(
        select(func.min(PersonRow.next_check_in)).where(PersonRow.role == Role.CLIENT)
    )
    ends: datetime | None = await unit.session.scalar(
        select(func.min(CheckInRow.due_at)).where(CheckInRow.status.in_(OPEN))
    )
    return min((moment for moment in (pushes, ends) if moment), default=None)
