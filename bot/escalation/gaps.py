"""A hole in the rota is told to staff before it comes, once."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from bot.escalation import alerts, arranged, rota
from bot.escalation.policy import AlertKind
from bot.store import audit
from bot.store.database import Unit
from bot.store.tables import AuditRow

AHEAD = timedelta(hours=24)
_TOLD = "gap in the rota told"


async def tell_of_gaps(unit: Unit, now: datetime) -> int:
    """Raise an alert for each stretch of the next day in which nobody is on call; returns how many were told."""
    in_force = await arranged.rota(unit)
    if in_force is None:
        return 0
    told = 0
    for gap in rota.gaps(in_force, now):
        # One that has begun keeps its end, however often it is looked at.
        endless = gap.ends >= now + rota.LOOKS_AHEAD
        ends = "no end in sight" if endless else f"{gap.ends:%Y-%m-%d %H:%M}"
        query = select(AuditRow.id).where(AuditRow.what == _TOLD, AuditRow.subject == ends)
        if gap.starts >= now + AHEAD or await unit.session.scalar(query.limit(1)):
            continue
        zone = ZoneInfo(in_force.time_zone)
        starts, until = gap.starts.astimezone(zone), gap.ends.astimezone(zone)
        story = (
            f"Nobody is on call from {starts:%a %d %b %H:%M} to {until:%a %d %b %H:%M}. Until somebody is, every alert of "
            "that time goes to everyone at once. `handrail rota override` puts someone there."
        )
        await alerts.raise_alert(unit, alerts.Raising(AlertKind.TECHNICAL, story=story), now)
        await audit.write(unit, "handrail", _TOLD, ends, now)
        told += 1
    return told
