"""A hole in the rota is told to staff before it comes, once."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.escalation import alerts, rota
from bot.escalation.policy import AlertKind
from bot.escalation.rota import Rota
from bot.store import arrangements
from bot.store.arrangements import Arrangement
from bot.store.database import Unit

AHEAD = timedelta(hours=24)


async def tell_of_gaps(unit: Unit, now: datetime) -> int:
    """Raise an alert for each stretch of the next day in which nobody is on call; returns how many were told."""
    row = await arrangements.newest(unit, Arrangement.ROTA)
    if row is None:
        return 0
    in_force, told = Rota.model_validate(row.document), 0
    if in_force.outside == "wait":
        # Hours that end are no hole.
        return 0
    for gap in rota.gaps(in_force, now):
        # One that has begun keeps its end, however often it is looked at; of one without an end in sight that is moved on.
        if gap.starts >= now + AHEAD or (row.told_until is not None and gap.ends <= row.told_until):
            continue
        zone = ZoneInfo(in_force.time_zone)
        starts, until = gap.starts.astimezone(zone), gap.ends.astimezone(zone)
        story = (
            f"Nobody is on call from {starts:%a %d %b %H:%M} to {until:%a %d %b %H:%M}. Until somebody is, every alert of "
            "that time goes to everyone at once. `handrail rota override` puts someone there."
        )
        await alerts.raise_alert(unit, alerts.Raising(AlertKind.TECHNICAL, story=story), now)
        row.told_until = gap.ends + (AHEAD if gap.ends >= now + rota.LOOKS_AHEAD else timedelta())
        told += 1
    return told
