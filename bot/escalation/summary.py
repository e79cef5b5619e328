"""What staff read in the morning: how many alerts came and went since the day before, and which are still open."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from bot.delivery import outbox
from bot.delivery.messages import Lane, Outbound
from bot.escalation import alerts, paging
from bot.escalation.policy import AlertStatus
from bot.recovery.check_in import next_due
from bot.recovery.joining import has_agreed
from bot.recovery.people import Role
from bot.store import conversations, people
from bot.store.database import Unit
from bot.store.tables import AlertRow, PersonRow

MORNING = time(8, 0)
DAY = timedelta(hours=24)
LISTED = 8


async def tell(unit: Unit, now: datetime) -> int:
    """Send the summaries that are due, at eight in the morning of whoever is on staff; returns how many were looked at.

    A night in which nothing happened, with nothing left open, needs no message.
    """
    query = (
        select(PersonRow)
        .where(PersonRow.role == Role.STAFF, PersonRow.next_look <= now)
        .with_for_update(skip_locked=True, key_share=True)
    )
    due = (await unit.session.scalars(query)).all()
    for row in due:
        joined_just_now = row.next_look == row.created_at
        row.next_look = next_due(now, ZoneInfo(row.time_zone), MORNING)
        text = "" if joined_just_now or not has_agreed(row.joining) else await _words(unit, now)
        # Not locked: they may be writing at this moment.
        conversation = await conversations.of_person(unit, row.id, lock=False, usable=True)
        if text and conversation is not None:
            await outbox.enqueue(unit, conversation, [Outbound(text)], Lane.NOTICE, now)
    return len(due)


async def next_summary(unit: Unit) -> datetime | None:
    """When somebody's summary is next due."""
    found: datetime | None = await unit.session.scalar(
        select(func.min(PersonRow.next_look)).where(PersonRow.role == Role.STAFF)
    )
    return found


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
        lines.append(f"Open: {alert.number}, {paging.title(alert)}; {who}.")
    if len(still) > LISTED:
        lines.append(f"And {len(still) - LISTED} older ones.")
    return "\n".join(lines if still else [*lines, "None is open."])


def _count(number: int) -> str:
    return "1 alert" if number == 1 else f"{number} alerts"
