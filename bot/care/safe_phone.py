"""The safe phone: a PIN for the plan, messages that show nothing, a word that drops the subject at once."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import select, update

from bot.care import protocol
from bot.care.case import Case, Voice
from bot.delivery import outbox
from bot.delivery.messages import InStatus, Lane, OutStatus
from bot.escalation import alerts
from bot.escalation.policy import AlertKind
from bot.recovery.check_in import spoken_time
from bot.recovery.people import Person
from bot.recovery.safe_phone import (
    LOCKED_FOR,
    MOST_WRONG,
    OPEN_FOR,
    QUIET_FOR,
    Order,
    Ordered,
    good_pin,
    good_word,
    is_secret,
    is_word,
    ordered,
)
from bot.store import audit, conversations, people
from bot.store.database import Unit, new_id
from bot.store.tables import ConversationRow, InboundRow, OutboundRow, SafePhoneRow

# By the OWASP Password Storage Cheat Sheet: 19 MiB, two passes.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_LEFT = "they left with their exit word"
# After these a number is a PIN; the last two say until when none is taken.
_PIN_ASKED = ("service.pin_ask", "service.pin_wrong")
_PIN_LOCKED = ("service.pin_locked", "service.pin_still_locked")


async def of(unit: Unit, person_id: str) -> SafePhoneRow | None:
    """How someone's phone is kept safe, where they have asked for anything."""
    query = select(SafePhoneRow).where(SafePhoneRow.person_id == person_id)
    found: SafePhoneRow | None = (await unit.session.scalars(query)).first()
    return found


async def hear(voice: Voice, text: str) -> bool:
    """Do what a message asks of the safe phone; returns whether that was all it was.

    Whoever writes anything but their word is back: what was held is not held any more.
    """
    case = voice.case
    row = await of(case.unit, case.person.id)
    if row is not None:
        if is_word(text, case.unit.open_or(row, "exit_word_sealed", "")):
            await _leave(voice, row)
            return True
        row.quiet_until = None
        if row.pin_hash and text.strip().isdecimal() and await _asked_for_pin(voice, row):
            await _try_pin(voice, row, text.strip())
            return True
    asked = ordered(text)
    if asked is None:
        return False
    await _do(voice, row or await _new(case), asked)
    return True


async def _new(case: Case) -> SafePhoneRow:
    row = SafePhoneRow(id=new_id(), person_id=case.person.id, wrong=0, discreet=False)
    case.unit.session.add(row)
    await case.unit.session.flush()
    return row


async def _do(voice: Voice, row: SafePhoneRow, asked: Ordered) -> None:
    case = voice.case
    unlocked = row.pin_hash is None or is_open(row, case.now)
    if asked.order in (Order.PIN_SET, Order.PIN_OFF) and not unlocked:
        # Whoever holds the phone now might not be its owner.
        if _is_locked(row, case.now):
            await _say_locked(voice, row, "service.pin_still_locked")
        else:
            await voice.say("service.pin_ask")
    elif asked.order is Order.PIN_SET and not good_pin(asked.value):
        await voice.say("service.pin_bad")
    elif asked.order is Order.PIN_SET:
        row.pin_hash, row.open_until, row.wrong = _HASHER.hash(asked.value), None, 0
        await audit.write(case.unit, case.person.id, "PIN set", case.person.id, case.now)
        await voice.say("service.pin_set")
    elif asked.order is Order.PIN_OFF:
        row.pin_hash = row.open_until = None
        await audit.write(case.unit, case.person.id, "PIN removed", case.person.id, case.now)
        await voice.say("service.pin_removed")
    elif asked.order is Order.EXIT_WORD and not good_word(asked.value):
        await voice.say("service.exit_word_bad")
    elif asked.order is Order.EXIT_WORD:
        row.exit_word_sealed = case.unit.seal(SafePhoneRow, "exit_word_sealed", row.id, asked.value)
        await voice.say("service.exit_word_set")
    elif asked.order is Order.EXIT_WORD_OFF:
        row.exit_word_sealed = None
        await voice.say("service.exit_word_off")
    else:
        if asked.order in (Order.DISCREET_ON, Order.DISCREET_OFF):
            row.discreet = asked.order is Order.DISCREET_ON
        await voice.say(f"service.{asked.order}")


def is_open(row: SafePhoneRow, now: datetime) -> bool:
    """Whether the plan may be shown now."""
    return row.open_until is not None and row.open_until > now


async def plan_is_locked(unit: Unit, person_id: str, now: datetime) -> bool:
    """Whether the plan is kept behind a PIN that has not been given."""
    row = await of(unit, person_id)
    return row is not None and row.pin_hash is not None and not is_open(row, now)


async def without_secrets(unit: Unit, person_id: str, texts: Sequence[str]) -> list[str]:
    """Of what someone wrote, what others may read: no PIN and no exit word of theirs, nor what set them."""
    row = await of(unit, person_id)
    if row is None:
        return list(texts)
    word = unit.open_or(row, "exit_word_sealed", "")
    return [text for text in texts if not (is_word(text, word) or is_secret(text, has_pin=row.pin_hash is not None))]


def _is_locked(row: SafePhoneRow, now: datetime) -> bool:
    """Whether no PIN is taken now, because too many were wrong."""
    return row.locked_until is not None and row.locked_until > now


async def locked_until(unit: Unit, person_id: str, now: datetime) -> datetime | None:
    """Until when someone's plan takes no PIN; nothing where it does."""
    row = await of(unit, person_id)
    return row.locked_until if row is not None and _is_locked(row, now) else None


def clock(at: datetime, person: Person) -> str:
    """The first full minute from a moment on, by the person's own clock."""
    return spoken_time((at + timedelta(seconds=59)).astimezone(person.zone).time(), person.language)


async def _say_locked(voice: Voice, row: SafePhoneRow, piece: str) -> None:
    await voice.say(piece, 0, **await _values(voice, row))


async def _values(voice: Voice, row: SafePhoneRow) -> dict[str, str]:
    until = clock(row.locked_until, voice.case.person) if row.locked_until else ""
    return {"staff": await _staff_name(voice), "time": until}


async def _asked_for_pin(voice: Voice, row: SafePhoneRow) -> bool:
    """Whether the last thing we said was about the PIN: otherwise a number is an answer to something else."""
    case = voice.case
    last = await outbox.last_sent(case.unit, case.conversation.contact_point_id, 1)
    values = await _values(voice, row)
    asks = {
        voice.text(piece, at, **values)
        for piece in (*_PIN_ASKED, *_PIN_LOCKED)
        for at in range(len(case.content.piece(piece, case.person.language).texts))
    }
    return bool(last) and last[0].text in asks


async def _staff_name(voice: Voice) -> str:
    person = voice.case.person
    if person.interventionist_id is None:
        return voice.practice.name
    return (await people.get(voice.case.unit, person.interventionist_id)).first_name


async def _try_pin(voice: Voice, row: SafePhoneRow, pin: str) -> None:
    case, staff = voice.case, await _staff_name(voice)
    if _is_locked(row, case.now):
        await _say_locked(voice, row, "service.pin_still_locked")
        return
    try:
        _HASHER.verify(str(row.pin_hash), pin)
    except VerificationError:
        row.wrong += 1
        if row.wrong < MOST_WRONG:
            await voice.say("service.pin_wrong", row.wrong, staff=staff)
            return
        row.wrong, row.locked_until = 0, case.now + LOCKED_FOR
        story = f"{case.now:%d %b %H:%M} UTC. Five wrong PINs for their plan: somebody else may hold their phone."
        await alerts.raise_alert(case.unit, alerts.Raising(AlertKind.HUMAN, case.person.id, story=story), case.now)
        await _say_locked(voice, row, "service.pin_locked")
        return
    row.wrong, row.open_until = 0, case.now + OPEN_FOR
    await audit.write(case.unit, case.person.id, "plan opened by PIN", case.person.id, case.now)
    await voice.say("service.pin_open")


async def left_meanwhile(unit: Unit, messages: Sequence[outbox.Leased], now: datetime) -> Mapping[str, str | datetime]:
    """Which messages are not sent any more: what was written to someone before they left with their word."""
    people_written = {m.person_id for m in messages if m.lane is not Lane.ALERT}
    if not people_written:
        return {}
    query = select(SafePhoneRow.person_id, SafePhoneRow.quiet_until).where(
        SafePhoneRow.person_id.in_(people_written), SafePhoneRow.quiet_until > now
    )
    left = {person_id: until - QUIET_FOR for person_id, until in await unit.session.execute(query) if until is not None}
    return {m.id: _LEFT for m in messages if m.person_id in left and m.created_at < left[m.person_id]}


async def _take_back(case: Case) -> None:
    """What was on its way to the phone, and what waits to be answered, would show what it was about."""
    await case.unit.session.execute(
        update(OutboundRow)
        .where(OutboundRow.person_id == case.person.id)
        .where(OutboundRow.status.in_((OutStatus.QUEUED, OutStatus.UNKNOWN)))
        .values(status=OutStatus.DROPPED, reason=_LEFT, receipt_due=None)
    )
    mine = select(ConversationRow.id).where(ConversationRow.person_id == case.person.id)
    await case.unit.session.execute(
        update(InboundRow)
        .where(InboundRow.conversation_id.in_(mine), InboundRow.status == InStatus.PENDING)
        .values(status=InStatus.DONE, done_at=case.now)
    )
    # And what is being answered at this moment is refused.
    await case.unit.session.execute(
        update(ConversationRow)
        .where(ConversationRow.person_id == case.person.id)
        .values(fence=ConversationRow.fence + 1, lease_until=None)
    )


async def _leave(voice: Voice, row: SafePhoneRow) -> None:
    """Drop the subject: a dull answer, an empty conversation, and nothing by itself for half a day.

    Where danger is open, staff are told that they had to leave, and how not to make it worse.
    """
    case = voice.case
    row.quiet_until, row.open_until = case.now + QUIET_FOR, None
    state = conversations.load_state(case.unit, case.conversation, case.now)
    state.begin_anew()
    conversations.save_state(case.unit, case.conversation, state, case.now + conversations.FRESH_FOR)
    await _take_back(case)
    await protocol.left(case)
    await voice.say("service.quick_exit", case.now.minute)
