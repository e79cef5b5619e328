"""Hand-over: someone on staff writes with a person themselves, in the same chat; the program keeps silent but for danger.

What either writes reaches the other on whatever channel each of them uses. It goes back to the program when staff say so,
or by itself after a while without a word; both are told. A message is passed on in the unit that is done with it, so that it
is passed on once, in its place in the row, whether it came before the chat was taken or after. The person's conversation is
always locked before the hand-over is changed, so that nobody waits for each other.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from bot.care.case import Case, Voice
from bot.content import Content
from bot.delivery import outbox
from bot.delivery.messages import Lane, Outbound, plain
from bot.escalation import alerts
from bot.recovery.people import Person, Practice, Role
from bot.store import audit, conversations, people
from bot.store.database import Unit, new_id
from bot.store.tables import AlertRow, ConversationRow, HandOverRow, PersonRow

# So long without a message of either, and the program answers again.
SILENCE = timedelta(minutes=60)


@dataclass(frozen=True, slots=True)
class Refused(Exception):
    """A chat that cannot be taken over; what staff are told, which is also what they can do."""

    why: str


async def of_person(unit: Unit, person_id: str) -> HandOverRow | None:
    """The hand-over in which someone is written with now."""
    return await _running(unit, HandOverRow.person_id == person_id)


async def of_staff(unit: Unit, staff_id: str) -> HandOverRow | None:
    """The hand-over in which someone on staff writes now; there is at most one, so that no word goes to the wrong chat."""
    return await _running(unit, HandOverRow.staff_id == staff_id)


async def _running(unit: Unit, whose: object) -> HandOverRow | None:
    query = select(HandOverRow).where(HandOverRow.ended_at.is_(None), whose)  # type: ignore[arg-type]
    found: HandOverRow | None = (await unit.session.scalars(query)).first()
    return found


async def begin(unit: Unit, content: Content, practice: Practice, staff: Person, alert: AlertRow, now: datetime) -> str:
    """Staff take over the chat that an alert is about; returns what they are told.

    Raises:
        Refused: nobody can be written to, or somebody else does already.
    """
    conversation = await _reachable(unit, alert)
    case = Case(unit, content, await people.get(unit, str(alert.person_id)), conversation, now)
    row = await unit.session.get_one(PersonRow, case.person.id)
    if await case.quiet():
        raise Refused("They have asked for quiet on their phone: somebody else may read it. Phone them.")
    theirs, mine = await of_person(unit, case.person.id), await of_staff(unit, staff.id)
    if theirs is not None and theirs.staff_id != staff.id:
        raise Refused(f"{(await people.get(unit, theirs.staff_id)).first_name} is writing with case {row.case_number}.")
    if mine is not None and mine.person_id != case.person.id:
        other = await unit.session.get_one(PersonRow, mine.person_id)
        raise Refused(f"You are writing with case {other.case_number}. Write BACK to hand that chat back first.")
    if theirs is None:
        unit.session.add(
            HandOverRow(
                id=new_id(), person_id=case.person.id, staff_id=staff.id, alert_id=alert.id, began_at=now,
                ends_at=now + SILENCE,
            )
        )  # fmt: skip
        state = conversations.load_state(unit, conversation, now)
        state.begin_anew()
        conversations.save_state(unit, conversation, state, now)
        await Voice(case, practice).say("service.hand_over", staff=staff.first_name)
        await audit.write(unit, staff.id, "hand-over began", f"alert {alert.number}", now)
    return (
        f"You are writing with case {row.case_number} now: whatever you write here goes to them under your name, and what "
        "they write comes to you. The program keeps silent, but for danger. Write BACK to hand the chat back; after "
        f"{SILENCE.seconds // 60} minutes without a word it goes back by itself."
    )


async def _reachable(unit: Unit, alert: AlertRow) -> ConversationRow:
    person = await unit.session.get(PersonRow, alert.person_id) if alert.person_id else None
    if person is None or person.role not in (Role.CLIENT, Role.FAMILY):
        raise Refused(f"Alert {alert.number} is about nobody whom you can write to here.")
    conversation = await conversations.of_person(unit, person.id, usable=True)
    if conversation is None or person.joining is not None:
        number = await people.number_of(unit, person)
        raise Refused(f"No message reaches them: phone them. {plain(number) if number else 'Their number is missing.'}")
    return conversation


async def hear(case: Case, text: str) -> bool:
    """Pass on what someone wrote to whoever writes with them; returns whether somebody does."""
    row = await of_person(case.unit, case.person.id)
    if row is None:
        return False
    conversation = await conversations.of_person(case.unit, row.staff_id, lock=False, usable=True)
    if conversation is None:
        # Whoever had the chat cannot be reached any more; the person must not write into nothing.
        await _end(case.unit, row, case.now, by="unreachable")
        return False
    row.ends_at = case.now + SILENCE
    number = (await case.unit.session.get_one(PersonRow, case.person.id)).case_number
    await outbox.enqueue(
        case.unit,
        conversation,
        [Outbound(f"Case {number}: {plain(text)}")],
        Lane.REPLY,
        case.now,
        alert_id=row.alert_id,
    )
    return True


async def say(case: Case, text: str) -> bool:
    """Pass on what staff wrote to the person they write with; returns whether there is one."""
    row = await of_staff(case.unit, case.person.id)
    if row is None:
        return False
    conversation = await conversations.of_person(case.unit, row.person_id, usable=True)
    to = None
    if conversation is not None:
        to = Case(case.unit, case.content, await people.get(case.unit, row.person_id), conversation, case.now)
    if to is None or await to.quiet():
        await _end(case.unit, row, case.now, by="unreachable")
        await _tell_staff(
            case, "Not sent: they can't be written to any more. The chat is the program's again. Phone them."
        )
        return True
    row.ends_at = case.now + SILENCE
    message = Outbound(f"{case.person.first_name}: {text.strip()}")
    await outbox.enqueue(case.unit, to.conversation, [message], Lane.REPLY, case.now)
    alert = await case.unit.session.scalar(select(AlertRow).where(AlertRow.id == row.alert_id))
    if alert is not None:
        alerts.was_in_touch(alert)
    return True


async def end(case: Case, practice: Practice) -> bool:
    """Staff hand the chat back; returns whether they had one."""
    row = await of_staff(case.unit, case.person.id)
    if row is None:
        return False
    await _give_back(case.unit, case.content, practice, row, case.now, by="staff")
    await _tell_staff(
        case, "The chat is the program's again, and they know it. Their alert stays yours until you close it."
    )
    return True


async def return_due(unit: Unit, content: Content, practice: Practice, now: datetime) -> int:
    """Give back every chat in which nobody has written for a while; returns how many there were."""
    query = select(HandOverRow).where(HandOverRow.ended_at.is_(None), HandOverRow.ends_at <= now).limit(50)
    due = (await unit.session.scalars(query)).all()
    for row in due:
        async with unit.apart("end of a hand-over", row.id):
            if await _give_back(unit, content, practice, row, now, by="time"):
                await _tell_of_return(unit, row, now)
    return len(due)


async def _tell_of_return(unit: Unit, row: HandOverRow, now: datetime) -> None:
    conversation = await conversations.of_person(unit, row.staff_id, lock=False, usable=True)
    if conversation is not None:
        number = (await unit.session.get_one(PersonRow, row.person_id)).case_number
        silence = f"{SILENCE.seconds // 60} minutes"
        text = (
            f"Nobody has written with case {number} for {silence}: the chat is the program's again, and they know it."
        )
        await outbox.enqueue(unit, conversation, [Outbound(text)], Lane.REPLY, now)


async def next_return(unit: Unit) -> datetime | None:
    """When a chat next goes back by itself."""
    found: datetime | None = await unit.session.scalar(
        select(func.min(HandOverRow.ends_at)).where(HandOverRow.ended_at.is_(None))
    )
    return found


async def _give_back(
    unit: Unit, content: Content, practice: Practice, row: HandOverRow, now: datetime, *, by: str
) -> bool:
    """End it, and say so to the person; returns whether it was still running, and by the clock's measure due."""
    conversation = await conversations.of_person(unit, row.person_id)
    await unit.session.refresh(row)
    if row.ended_at is not None or (by == "time" and row.ends_at > now):
        return False
    await _end(unit, row, now, by=by)
    if conversation is not None and conversation.contact.usable:
        case = Case(unit, content, await people.get(unit, row.person_id), conversation, now)
        if not await case.quiet():
            staff = await people.get(unit, row.staff_id)
            await Voice(case, practice).say("service.handed_back", staff=staff.first_name)
    return True


async def _end(unit: Unit, row: HandOverRow, now: datetime, *, by: str) -> None:
    row.ended_at, row.ended_by = now, by
    await audit.write(unit, row.staff_id if by == "staff" else "handrail", "hand-over ended", row.id, now)


async def _tell_staff(case: Case, text: str) -> None:
    await outbox.enqueue(case.unit, case.conversation, [Outbound(text)], Lane.REPLY, case.now)
