"""Incident review: what happened with an alert, moment by moment. What was said stands in it only for those who may read it."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.delivery.messages import Lane, OutStatus, plain
from bot.escalation import alerts, paging
from bot.store import audit, people
from bot.store.database import Unit
from bot.store.tables import (
    AlertNoteRow,
    AlertRow,
    AlertStepRow,
    AuditRow,
    FindingRow,
    InboundRow,
    OutboundRow,
    PersonRow,
    QuestionRow,
)


@dataclass(frozen=True, slots=True)
class Event:
    """One moment: when (UTC), what happened, who did it or whom it reached, and, for those who may read it, the words."""

    at: datetime
    what: str
    who: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Review:
    """The whole of it, in the order of time."""

    number: int
    title: str
    case: int | None
    status: str
    events: tuple[Event, ...]

    def as_json(self) -> dict[str, Any]:
        """A value for JSON; moments as ISO 8601."""
        return asdict(self) | {"events": [asdict(e) | {"at": e.at.isoformat()} for e in self.events]}

    def as_text(self) -> str:
        """A line a moment."""
        case = f", case {self.case}" if self.case else ""
        lines = [f"Alert {self.number}: {self.title}{case}. It is {self.status}."]
        for event in self.events:
            who = f" ({event.who})" if event.who else ""
            words = f": {event.words}" if event.words else ""
            lines.append(f"{event.at:%Y-%m-%d %H:%M:%S} UTC  {event.what}{who}{words}")
        return "\n".join(lines)


async def of_alert(unit: Unit, number: int, *, words: bool, by: str, now: datetime) -> Review | None:
    """The review of an alert, or nothing where there is none.

    Args:
        words: with what was said and noted; that it was read goes into the audit trail.
        by: who reads it.
    """
    alert = await alerts.by_number(unit, number)
    if alert is None:
        return None
    names = _Names(unit)
    events = [
        *await _found(unit, alert, words=words),
        *await _sent(unit, alert, names),
        *await _stepped(unit, alert),
        *await _asked(unit, alert),
        *await _done(unit, alert, names),
    ]
    if words:
        events += await _noted(unit, alert, names)
        await audit.write(unit, by, "alert reviewed", f"alert {number}", now)
    person = await unit.session.get(PersonRow, alert.person_id) if alert.person_id else None
    ordered = tuple(sorted(events, key=lambda event: event.at))
    return Review(number, paging.title(alert), person.case_number if person else None, str(alert.status), ordered)


class _Names:
    """First names of staff; of everybody else only what they are."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._known: dict[str, str] = {}

    async def of(self, person_id: str) -> str:
        if person_id not in self._known:
            row = await self._unit.session.get(PersonRow, person_id)
            if row is None:
                return person_id
            person = people.person_of(self._unit, row)
            self._known[person_id] = person.first_name if row.role == "staff" else str(row.role)
        return self._known[person_id]


async def _found(unit: Unit, alert: AlertRow, *, words: bool) -> list[Event]:
    events: list[Event] = []
    said: set[str] = set()
    for row in await unit.session.scalars(select(FindingRow).where(FindingRow.alert_id == alert.id)):
        if row.message_id and row.message_id not in said:
            said.add(row.message_id)
            message = (
                await unit.session.scalars(select(InboundRow).where(InboundRow.id == row.message_id))
            ).one_or_none()
            if message is not None:
                text = plain(unit.open_or(message, "text_sealed", "cannot be opened")) if words else ""
                events.append(Event(message.received_at, "said", message.channel, text))
        events.append(Event(row.at, f"found: {row.kind}, {row.level}", f"{row.net}, {row.rule}"))
    return events


async def _sent(unit: Unit, alert: AlertRow, names: _Names) -> list[Event]:
    events: list[Event] = []
    query = select(OutboundRow).where(OutboundRow.alert_id == alert.id).order_by(OutboundRow.sequence)
    for row in await unit.session.scalars(query):
        what = {Lane.CRISIS: "safety reply", Lane.ALERT: "page"}.get(Lane(row.lane), "answer")
        who = f"{await names.of(row.person_id)}, {row.channel}"
        events.append(Event(row.created_at, f"{what} queued", who))
        if row.sent_at is not None:
            outcome = "delivered" if row.status == OutStatus.DELIVERED else "sent"
            events.append(Event(row.sent_at, f"{what} {outcome}", who))
        elif row.status not in (OutStatus.QUEUED, OutStatus.SENDING):
            events.append(Event(row.created_at, f"{what} not sent: {row.reason or row.status}", who))
    return events


async def _stepped(unit: Unit, alert: AlertRow) -> list[Event]:
    rows = await unit.session.scalars(select(AlertStepRow).where(AlertStepRow.alert_id == alert.id))
    return [Event(row.at, f"step {row.step + 1}: {row.who.replace('_', ' ')}", f"{row.reached} paged") for row in rows]


async def _asked(unit: Unit, alert: AlertRow) -> list[Event]:
    events: list[Event] = []
    for row in await unit.session.scalars(select(QuestionRow).where(QuestionRow.alert_id == alert.id)):
        outcome = f"; it ended: {row.outcome}" if row.outcome else "; it waits"
        events.append(Event(row.asked_at, f"question put, answer by {row.deadline:%H:%M:%S}{outcome}"))
    return events


async def _done(unit: Unit, alert: AlertRow, names: _Names) -> list[Event]:
    query = select(AuditRow).where(AuditRow.subject == f"alert {alert.number}").order_by(AuditRow.sequence)
    return [Event(row.at, row.what, await names.of(row.actor)) for row in await unit.session.scalars(query)]


async def _noted(unit: Unit, alert: AlertRow, names: _Names) -> list[Event]:
    rows = await unit.session.scalars(select(AlertNoteRow).where(AlertNoteRow.alert_id == alert.id))
    events = [
        Event(row.at, "note", await names.of(row.staff_id), plain(unit.open_or(row, "note_sealed", "cannot be opened")))
        for row in rows
    ]
    if alert.closed_at and alert.note_sealed:
        note = plain(unit.open_or(alert, "note_sealed", "cannot be opened"))
        events.append(Event(alert.closed_at, "closing note", "", note))
    return events
