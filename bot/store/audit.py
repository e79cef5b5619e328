"""The audit trail: append-only, each entry bound to the one before it."""

import hashlib
from datetime import UTC, datetime

from sqlalchemy import select, text

from bot.store.database import Unit, new_id, require_aware
from bot.store.tables import AuditRow

FIRST = "0" * 64
_LOCK = text("SELECT pg_advisory_xact_lock(4157201)")


def _digest(previous: str, at: datetime, actor: str, what: str, subject: str) -> str:
    moment = at.astimezone(UTC).isoformat()
    return hashlib.sha256("\x1f".join((previous, moment, actor, what, subject)).encode()).hexdigest()


async def write(unit: Unit, actor: str, what: str, subject: str, now: datetime) -> None:
    """Add an entry when the unit ends: who (an id, never a name), what, on which record."""
    require_aware(now)
    unit.at_end(lambda: _append(unit, actor, what, subject, now))


async def _append(unit: Unit, actor: str, what: str, subject: str, now: datetime) -> None:
    previous = unit.trail or await _held(unit)
    unit.trail = _digest(previous, now, actor, what, subject)
    unit.session.add(
        AuditRow(id=new_id(), at=now, actor=actor, what=what, subject=subject, previous=previous, digest=unit.trail)
    )
    await unit.session.flush()


async def _held(unit: Unit) -> str:
    """The digest of the last entry, with nobody else able to go on from it."""
    if unit.session.bind is not None and unit.session.bind.dialect.name == "postgresql":
        # Nothing else is locked after this.
        await unit.session.execute(_LOCK)
    last = select(AuditRow.digest).order_by(AuditRow.sequence.desc()).limit(1)
    return (await unit.session.scalar(last)) or FIRST


async def verify(unit: Unit) -> int | None:
    """The number of the first entry that does not follow from the one before it; nothing where all do."""
    previous = FIRST
    for row in await unit.session.scalars(select(AuditRow).order_by(AuditRow.sequence)):
        if row.previous != previous or row.digest != _digest(previous, row.at, row.actor, row.what, row.subject):
            return row.sequence
        previous = row.digest
    return None
