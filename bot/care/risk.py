"""Silence and worsening are noticed: each client is looked at every few hours, and a rise is told to staff, once."""

from datetime import datetime, timedelta

from sqlalchemy import func, select

from bot.escalation import alerts
from bot.escalation.policy import AlertKind
from bot.recovery.check_in import CheckInStatus
from bot.recovery.joining import has_agreed
from bot.recovery.people import Role
from bot.recovery.risk import Day, Picture, Risk, RiskLevel, assess
from bot.store.database import Unit, new_id
from bot.store.tables import (
    CheckInRow,
    ConversationRow,
    CravingEpisodeRow,
    InboundRow,
    LapseRow,
    PersonRow,
    RiskRow,
)

EVERY = timedelta(hours=6)
LOOKS_BACK = timedelta(days=28)
# So few at a time that no message waits long behind them on SQLite; enough for a hundred thousand in six hours.
AT_ONCE = 25
_ANSWERED = (CheckInStatus.ANSWERED, CheckInStatus.PARTIAL, CheckInStatus.SKIPPED)


async def look(unit: Unit, now: datetime) -> int:
    """Assess the clients whose turn it is; returns how many there were."""
    query = (
        select(PersonRow)
        .where(PersonRow.role == Role.CLIENT, PersonRow.next_look <= now)
        .order_by(PersonRow.next_look)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True, key_share=True)
    )
    due = (await unit.session.scalars(query)).all()
    for row in due:
        row.next_look = now + EVERY
        async with unit.apart("risk of a client", row.id):
            if has_agreed(row.joining):
                await _assess(unit, row, now)
    return len(due)


async def next_look(unit: Unit) -> datetime | None:
    """When a client is next looked at."""
    found: datetime | None = await unit.session.scalar(
        select(func.min(PersonRow.next_look)).where(PersonRow.role == Role.CLIENT)
    )
    return found


async def newest(unit: Unit, client_id: str) -> RiskRow | None:
    """The last change of a client's level."""
    query = select(RiskRow).where(RiskRow.client_id == client_id).order_by(RiskRow.at.desc()).limit(1)
    found: RiskRow | None = (await unit.session.scalars(query)).first()
    return found


async def _assess(unit: Unit, row: PersonRow, now: datetime) -> None:
    risk = assess(await picture(unit, row.id, now))
    last = await newest(unit, row.id)
    before = RiskLevel(last.level) if last else RiskLevel.STEADY
    if risk.level is before:
        return
    row_id = new_id()
    reasons = unit.seal(RiskRow, "reasons_sealed", row_id, risk.words)
    unit.session.add(RiskRow(id=row_id, client_id=row.id, level=risk.level, reasons_sealed=reasons, at=now))
    if risk.level.rank > before.rank:
        await _tell(unit, row, risk, now)


async def _tell(unit: Unit, row: PersonRow, risk: Risk, now: datetime) -> None:
    kind = AlertKind.SILENCE if risk.by_silence else AlertKind.TREND
    story = f"{now:%d %b %H:%M} UTC, risk is {risk.level}: {risk.words}."
    await alerts.raise_alert(unit, alerts.Raising(kind, row.id, story=story), now)


async def picture(unit: Unit, client_id: str, now: datetime) -> Picture:
    """What is known of a client in the last four weeks."""
    since = now - LOOKS_BACK
    check_ins = await unit.session.scalars(
        select(CheckInRow)
        .where(CheckInRow.client_id == client_id, CheckInRow.local_date >= since.date())
        .order_by(CheckInRow.local_date.desc())
    )
    days = [
        Day(row.status == CheckInStatus.MISSED, row.craving, row.mood, row.sleep_hours)
        for row in check_ins
        # One that waits for its answer tells nothing yet.
        if row.status == CheckInStatus.MISSED or row.status in _ANSWERED
    ]
    wrote = await unit.session.scalars(
        select(InboundRow.received_at)
        .join(ConversationRow, ConversationRow.id == InboundRow.conversation_id)
        .where(ConversationRow.person_id == client_id, InboundRow.received_at >= since)
        .order_by(InboundRow.received_at.desc())
        .limit(200)
    )
    cravings = await unit.session.scalars(
        select(CravingEpisodeRow.at).where(CravingEpisodeRow.client_id == client_id, CravingEpisodeRow.at >= since)
    )
    lapses = await unit.session.scalars(
        select(LapseRow.at).where(LapseRow.client_id == client_id, LapseRow.at >= since)
    )
    return Picture(now, days, list(wrote), list(cravings), list(lapses))
