"""Asking again how someone in danger is, until staff close the alert."""

from datetime import datetime, timedelta

from sqlalchemy import func, select

from bot.care import danger, protocol
from bot.care.case import Case
from bot.content import Content
from bot.escalation.policy import AlertStatus, Policy
from bot.recovery.check_in import next_due as next_local
from bot.recovery.check_in import parse_time
from bot.safety.findings import Finding, Kind, Level, Net
from bot.safety.protocol import ASKED_AT_MOST
from bot.store import conversations, people
from bot.store.database import Unit
from bot.store.tables import AlertRow, PersonRow


async def check_back(unit: Unit, content: Content, now: datetime) -> int:
    """Ask again how someone is, soon, the next morning and days later as the policy has it, until staff close the alert."""
    query = (
        select(AlertRow)
        .where(AlertRow.status != AlertStatus.CLOSED, AlertRow.check_back_at <= now)
        .order_by(AlertRow.check_back_at)
        .limit(50)
        .with_for_update(skip_locked=True)
    )
    due = (await unit.session.scalars(query)).all()
    for alert in due:
        async with unit.apart("check-back", alert.number):
            await _check_back(unit, content, alert, now)
    return len(due)


async def _check_back(unit: Unit, content: Content, alert: AlertRow, now: datetime) -> None:
    row = await unit.session.get_one(PersonRow, alert.person_id)
    person = people.person_of(unit, row)
    conversation = await conversations.of_person(unit, person.id)
    if conversation is None:
        # Nobody can be asked; whoever has the alert must not be kept behind it.
        alert.check_back_at = None
        return
    case = Case(unit, content, person, conversation, now)
    kind, subject = Kind(str(alert.danger)), await danger.subject_of(unit, alert)
    # Whoever is being asked already, about this or another danger, is not asked twice at once.
    if await protocol.open_question(unit, person.id) is None:
        if alert.check_backs == 0 and alert.status == AlertStatus.OPEN:
            await case.say(case.words(kind, "unread", subject), alert)
        asked = Finding(kind, Level.DEFINITE, Net.FORM, "check-back", "", subject)
        await protocol.put(case, alert, asked, "check_back", at=alert.check_backs, attempts=ASKED_AT_MOST)
    alert.check_backs += 1
    arranged = Policy.thaw(alert.policy).check_backs
    morning, last = parse_time(arranged.morning), alert.last_at + timedelta(hours=arranged.last)
    if alert.check_backs == 1:
        alert.check_back_at = next_local(now, person.zone, morning)
    elif now < last:
        alert.check_back_at = last
    else:
        alert.check_back_at = next_local(now + timedelta(hours=12), person.zone, morning)


async def next_check_back(unit: Unit) -> datetime | None:
    """When someone is next asked how they are."""
    found: datetime | None = await unit.session.scalar(
        select(func.min(AlertRow.check_back_at)).where(AlertRow.status != AlertStatus.CLOSED)
    )
    return found
