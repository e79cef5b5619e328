"""What staff read in the morning: how many alerts came and went since the day before, and which are still open."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from bot.delivery import outbox
from bot.delivery.messages import Lane, Outbound
from bot.escalation import alerts
from bot.escalation.policy import AlertStatus
from bot.recovery.joining import has_agreed
from bot.recovery.people import Role
from bot.store import audit, conversations, people
from bot.store.database import Unit
from bot.store.tables import AlertRow, AuditRow, PersonRow

MORNING = time(8, 0)
DAY = timedelta(hours=24)
LISTED = 8
_TOLD = "morning summary"


async def tell(unit: Unit, now: datetime) -> int:
    """Send everyone on staff their summary, once a day from eight in the morning where they are.

    A night in which nothing happened, with nothing left open, needs no message.
    """
    told = 0
    for row in await unit.session.scalars(select(PersonRow).where(PersonRow.role == Role.STAFF)):
        morning = datetime.combine(now.astimezone(ZoneInfo(row.time_zone)), MORNING, ZoneInfo(row.time_zone))
        since = morning.astimezone(UTC)
        if now < since or not has_agreed(row.joining) or await _told(unit, row, since):
            continue
        text = await _words(unit, now)
        # Not locked: they may be writing at this moment.
        conversation = await conversations.of_person(unit, row.id, lock=False, usable=True)
        if text and conversation is not None:
            await outbox.enqueue(unit, conversation, [Outbound(text)], Lane.NOTICE, now)
            told += 1
        await audit.write(unit, "handrail", _TOLD, row.id, now)
    return told


async def _told(unit: Unit, row: PersonRow, since: datetime) -> bool:
    query = select(AuditRow.id).where(AuditRow.what == _TOLD, AuditRow.subject == row.id, AuditRow.at >= since)
    return await unit.session.scalar(query.limit(1)) is not None


async def _words(unit: Unit, now: datetime) -> str:
    raised = await unit.session.scalar(select(func.count(AlertRow.id)).where(AlertRow.raised_at > now - DAY)) or 0
    closed = await unit.session.scalar(select(func.count(AlertRow.id)).where(AlertRow.closed_at > now - DAY)) or 0
    still = await alerts.open_alerts(unit)
    if not (raised or closed or still):
        return ""
    lines = [f"Good morning. In the last 24 hours: {_count(raised)} raised, {closed} closed."]
    for alert in still[-LISTED:]:
        who = "nobody has it"
        if alert.status == AlertStatus.ACKNOWLEDGED and alert.acknowledged_by:
            who = f"{(await people.get(unit, alert.acknowledged_by)).first_name} has it"
        lines.append(f"Open: {alert.number}, {alerts.title(alert)}; {who}.")
    if len(still) > LISTED:
        lines.append(f"And {len(still) - LISTED} older ones.")
    return "\n".join(lines if still else [*lines, "None is open."])


def _count(number: int) -> str:
    return "1 alert" if number == 1 else f"{number} alerts"
