"""The daily check-in: pushed at the client's own time, asked again once, answered in any order, kept even when partial."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from bot.care import danger, safe_phone
from bot.care.turn import Turn
from bot.content import Content
from bot.delivery import outbox
from bot.delivery.messages import SCALE, Lane, Outbound
from bot.recovery.check_in import (
    COUNTS_FOR,
    DAILY,
    FOLLOW_UP_AFTER,
    CheckInStatus,
    local_date,
    next_due,
    parse_time,
    quiet_until,
)
from bot.recovery.joining import has_agreed
from bot.recovery.people import Person, Role
from bot.store import conversations, people
from bot.store.conversations import State
from bot.store.database import Unit, new_id
from bot.store.tables import CheckInRow, PersonRow, SafePhoneRow

FORM = "check_in_form"
FIRST_SLOT = "check_craving"
TOO_LATE = timedelta(hours=3)
WAIT = timedelta(minutes=15)
_OPEN = (CheckInStatus.ASKED, CheckInStatus.PARTIAL)


@dataclass(frozen=True, slots=True)
class Answers:
    """What a client said so far; ``None`` is not answered, or skipped."""

    craving: int | None = None
    mood: int | None = None
    sleep_quality: int | None = None
    sleep_hours: float | None = None
    used: bool | None = None


@dataclass(frozen=True, slots=True)
class RecordCheckIn:
    """Keep the answers given so far for the day of the turn; ``complete`` ends the check-in."""

    answers: Answers
    complete: bool

    async def apply(self, unit: Unit, turn: Turn) -> None:
        row = await _for_answer(unit, turn.person, turn.now)
        a = self.answers
        row.craving, row.mood, row.used = a.craving, a.mood, a.used
        row.sleep_quality, row.sleep_hours = a.sleep_quality, a.sleep_hours
        given = any(value is not None for value in (a.craving, a.mood, a.sleep_quality, a.sleep_hours, a.used))
        if self.complete or row.status == CheckInStatus.ANSWERED:
            row.status, row.due_at = CheckInStatus.ANSWERED, None
        elif given:
            row.status = CheckInStatus.PARTIAL
        row.answered_at = turn.now


async def _for_answer(unit: Unit, client: Person, now: datetime) -> CheckInRow:
    """The check-in that an answer belongs to: the one that is open, else that of the client's own day."""
    open_row = await _newest(unit, client.id)
    if open_row is not None and open_row.status in _OPEN and open_row.due_at is not None:
        return open_row
    day = local_date(now, client.zone)
    query = select(CheckInRow).where(
        CheckInRow.client_id == client.id, CheckInRow.local_date == day, CheckInRow.slot == DAILY
    )
    row = (await unit.session.scalars(query)).first()
    if row is None:
        row = CheckInRow(
            id=new_id(), client_id=client.id, local_date=day, slot=DAILY, status=CheckInStatus.PARTIAL, asked_at=now
        )
        unit.session.add(row)
        await unit.session.flush()
    return row


async def _newest(unit: Unit, client_id: str) -> CheckInRow | None:
    query = select(CheckInRow).where(CheckInRow.client_id == client_id).order_by(CheckInRow.local_date.desc())
    found: CheckInRow | None = (await unit.session.scalars(query)).first()
    return found


async def done_today(turn: Turn) -> Answers | None:
    """The answers of today's check-in, when it is finished."""
    async with turn.store.read() as unit:
        row = await _newest(unit, turn.person.id)
    if row is None or row.status != CheckInStatus.ANSWERED or row.local_date != local_date(turn.now, turn.person.zone):
        return None
    return Answers(row.craving, row.mood, row.sleep_quality, row.sleep_hours, row.used)


async def given_today(turn: Turn) -> Answers | None:
    """The answers of a check-in of today that was begun and left, so that it can be gone on with."""
    async with turn.store.read() as unit:
        row = await _newest(unit, turn.person.id)
    if row is None or row.status != CheckInStatus.PARTIAL or row.local_date != local_date(turn.now, turn.person.zone):
        return None
    return Answers(row.craving, row.mood, row.sleep_quality, row.sleep_hours, row.used)


async def push_due(unit: Unit, content: Content, now: datetime) -> int:
    """Send the check-ins whose local time has come, once a local day each; returns how many clients were looked at."""
    query = (
        select(PersonRow)
        .where(PersonRow.role == Role.CLIENT, PersonRow.next_check_in <= now)
        .order_by(PersonRow.next_check_in)
        .limit(100)
        .with_for_update(skip_locked=True, key_share=True)
    )
    due = (await unit.session.scalars(query)).all()
    for row in due:
        # A client whose row is broken keeps their time and is tried again; nobody else misses a check-in for it.
        async with unit.apart("check-in", row.id):
            await _push(unit, content, row, now)
    return len(due)


async def _push(unit: Unit, content: Content, row: PersonRow, now: datetime) -> None:
    client = people.person_of(unit, row)
    due_at = row.next_check_in or now
    conversation = await conversations.of_person(unit, client.id)
    contact = conversation.contact if conversation else None
    state = conversations.load_state(unit, conversation, now) if conversation else State()
    if state.form and now + WAIT < due_at + TOO_LATE:
        # Something else is being talked about: the check-in waits for it.
        row.next_check_in = now + WAIT
        return
    row.next_check_in = next_due(now, client.zone, parse_time(client.check_in_at or "09:00"))
    day = local_date(due_at, client.zone)
    known = select(CheckInRow.id).where(
        CheckInRow.client_id == client.id, CheckInRow.local_date == day, CheckInRow.slot == DAILY
    )
    if await unit.session.scalar(known):
        return
    phone = await safe_phone.of(unit, client.id)
    reason = None
    if await danger.is_open_for(unit, client.id):
        reason = "a danger alert is open"
    elif now > due_at + TOO_LATE:
        reason = "too late for its time"
    elif state.form:
        reason = "something else was being talked about"
    elif phone is not None and phone.quiet_until is not None and phone.quiet_until > now:
        reason = "they asked for quiet"
    elif conversation is None or contact is None or not contact.usable:
        reason = "no way to reach the client"
    elif not has_agreed(row.joining):
        reason = "they have not agreed yet"
    unit.session.add(
        CheckInRow(
            id=new_id(),
            client_id=client.id,
            local_date=day,
            slot=DAILY,
            status=CheckInStatus.SKIPPED if reason else CheckInStatus.ASKED,
            reason=reason,
            asked_at=None if reason else now,
            due_at=None if reason else now + FOLLOW_UP_AFTER,
        )
    )
    if reason or conversation is None:
        return
    state.form, state.slots = FORM, {**state.slots, "requested_slot": FIRST_SLOT}
    conversations.save_state(unit, conversation, state, now + COUNTS_FOR)
    discreet = phone is not None and phone.discreet
    words = content.piece("service.discreet_check_in" if discreet else "talk.check_in", client.language).texts
    text = content.fill(words[day.toordinal() % len(words)], client.country, client.language, name=client.first_name)
    await outbox.enqueue(unit, conversation, [Outbound(text, SCALE)], Lane.CHECK_IN, now)


async def unwanted(unit: Unit, messages: Sequence[outbox.Leased], now: datetime) -> Mapping[str, str | datetime]:
    """Which messages of our own accord do not go out now: at night, or long after their time.

    A check-in that is too late is left out, what can wait goes out in the morning.
    """
    proactive = [m for m in messages if m.lane in (Lane.CHECK_IN, Lane.NOTICE)]
    if not proactive:
        return {}
    query = (
        select(PersonRow.id, PersonRow.time_zone, PersonRow.check_in_at, SafePhoneRow.quiet_until)
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


def _near(now: datetime, zone: ZoneInfo, chosen: str | None) -> bool:
    """Whether it is about the time of day that a client has chosen."""
    if chosen is None:
        return False
    local, at = now.astimezone(zone), parse_time(chosen)
    minutes = (local.hour * 60 + local.minute - at.hour * 60 - at.minute) % (24 * 60)
    return minutes <= WAIT.total_seconds() / 60


async def follow_up(unit: Unit, content: Content, now: datetime) -> int:
    """Ask once more where nothing came, then record as missed; partial answers stay. Returns how many were due."""
    query = (
        select(CheckInRow)
        .where(CheckInRow.due_at <= now, CheckInRow.status.in_(_OPEN))
        .limit(100)
        .with_for_update(skip_locked=True)
    )
    due = (await unit.session.scalars(query)).all()
    for row in due:
        async with unit.apart("check-in follow-up", row.id):
            await _follow_up(unit, content, row, now)
    return len(due)


async def _follow_up(unit: Unit, content: Content, row: CheckInRow, now: datetime) -> None:
    client = await people.get(unit, row.client_id)
    asked = row.asked_at or now
    conversation = await conversations.of_person(unit, client.id)
    again = row.status == CheckInStatus.ASKED and row.follow_ups == 0 and now < asked + COUNTS_FOR
    phone = await safe_phone.of(unit, client.id)
    quiet = phone is not None and phone.quiet_until is not None and phone.quiet_until > now
    if again and conversation is not None and not quiet and not await danger.is_open_for(unit, client.id):
        row.follow_ups, row.due_at = 1, asked + COUNTS_FOR
        piece = "service.discreet_check_in" if phone and phone.discreet else "talk.check_in_again"
        text = content.say(piece, client.country, client.language)
        await outbox.enqueue(unit, conversation, [Outbound(text, SCALE)], Lane.CHECK_IN, now)
    elif now < asked + COUNTS_FOR:
        row.due_at = asked + COUNTS_FOR
    else:
        row.due_at = None
        if row.status == CheckInStatus.ASKED:
            row.status = CheckInStatus.MISSED


async def next_moment(unit: Unit) -> datetime | None:
    """When the next check-in, follow-up or end of a check-in is due."""
    pushes: datetime | None = await unit.session.scalar(
        select(func.min(PersonRow.next_check_in)).where(PersonRow.role == Role.CLIENT)
    )
    ends: datetime | None = await unit.session.scalar(
        select(func.min(CheckInRow.due_at)).where(CheckInRow.status.in_(_OPEN))
    )
    return min((moment for moment in (pushes, ends) if moment), default=None)
