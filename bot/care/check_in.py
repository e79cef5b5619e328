"""The answers of a check-in: in any order, counted to the day they were asked for, kept even when partial."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.care.turn import Turn
from bot.recovery.check_in import (
    DAILY,
    CheckInStatus,
    local_date,
)
from bot.recovery.people import Person
from bot.store.database import Unit, new_id
from bot.store.tables import CheckInRow

FORM = "check_in_form"
FIRST_SLOT = "check_craving"
# The form's questions in their order; of those on a scale the numbers are offered.
QUESTIONS = (FIRST_SLOT, "check_mood", "check_sleep", "check_used")
ON_A_SCALE = QUESTIONS[:2]
OPEN = (CheckInStatus.ASKED, CheckInStatus.SNOOZED, CheckInStatus.PARTIAL)


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
        elif given and row.status != CheckInStatus.SNOOZED:
            row.status = CheckInStatus.PARTIAL
        row.answered_at = turn.now


async def _for_answer(unit: Unit, client: Person, now: datetime) -> CheckInRow:
    """The check-in that an answer belongs to: the one that is open, else that of the client's own day."""
    open_row = await _newest(unit, client.id)
    if open_row is not None and open_row.status in OPEN and open_row.due_at is not None:
        return open_row
    day = local_date(now, client.zone)
    row = open_row if open_row is not None and open_row.local_date == day else None
    if row is None:
        # After a flight over the date line the newest one is of another day.
        query = select(CheckInRow).where(CheckInRow.client_id == client.id, CheckInRow.local_date == day)
        row = (await unit.session.scalars(query.order_by(CheckInRow.slot.desc()))).first()
    if row is None:
        row = CheckInRow(
            id=new_id(), client_id=client.id, local_date=day, slot=DAILY, status=CheckInStatus.PARTIAL, asked_at=now
        )
        unit.session.add(row)
        await unit.session.flush()
    return row


async def _newest(unit: Unit, client_id: str) -> CheckInRow | None:
    query = (
        select(CheckInRow)
        .where(CheckInRow.client_id == client_id)
        # By name the second of a day comes after the first.
        .order_by(CheckInRow.local_date.desc(), CheckInRow.slot.desc())
        .limit(1)
    )
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


def slots_of(given: Answers | CheckInRow) -> dict[str, Any]:
    """What the form's slots hold of a check-in that was begun."""
    slept = {"quality": given.sleep_quality, "hours": given.sleep_hours}
    values = {
        FIRST_SLOT: given.craving,
        "check_mood": given.mood,
        "check_sleep": slept if any(value is not None for value in slept.values()) else None,
        "check_used": given.used,
    }
    return {name: value for name, value in values.items() if value is not None}


def next_question(given: Mapping[str, Any]) -> str:
    """Which of the form's questions comes next after what was given."""
    return next((name for name in QUESTIONS if name not in given), QUESTIONS[-1])


@dataclass(frozen=True, slots=True)
class Snooze:
    """Ask again at this moment of the same day; what was answered so far is kept."""

    until: datetime

    async def apply(self, unit: Unit, turn: Turn) -> None:
        row = await _newest(unit, turn.person.id)
        if row is not None and row.status in OPEN:
            row.status, row.due_at = CheckInStatus.SNOOZED, self.until
