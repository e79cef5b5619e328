"""An independent check of all that must come on time: it asks the database what is late, and trusts no worker's word.

A queue that stands still, an alert whose next step is overdue, a check-in that should have gone out: each is told with how
much there is and since when. A service is well only while nothing is late.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select

from bot.delivery.messages import InStatus, Lane, OutStatus
from bot.escalation.policy import AlertStatus
from bot.recovery.people import Role
from bot.store.database import Unit
from bot.store.tables import AlertRow, CheckInRow, HandOverRow, InboundRow, OutboundRow, PersonRow, QuestionRow


@dataclass(frozen=True, slots=True)
class Late:
    """Something that should have been done: what, how many, the oldest's due time, and how late it may be."""

    what: str
    count: int
    since: datetime

    def told(self, now: datetime) -> str:
        seconds = int((now - self.since).total_seconds())
        span = f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"
        return f"{self.what}: {self.count}, the oldest for {span}"


@dataclass(frozen=True, slots=True)
class Promise:
    """What must be done by when: rows that wait, the column that says since when, and the longest they may."""

    what: str
    due: Any
    within: timedelta
    where: Sequence[ColumnElement[bool]]


def promises() -> tuple[Promise, ...]:
    """All that is promised, the most urgent first."""
    waiting = InboundRow.status == InStatus.PENDING
    queued = OutboundRow.status == OutStatus.QUEUED
    urgent = OutboundRow.lane.in_([int(Lane.CRISIS), int(Lane.ALERT)])
    return (
        Promise("alert steps", AlertRow.next_at, timedelta(seconds=30), [AlertRow.status != AlertStatus.CLOSED]),
        Promise(
            "open alerts without a next step",
            AlertRow.raised_at,
            timedelta(seconds=30),
            [AlertRow.status == AlertStatus.OPEN, AlertRow.next_at.is_(None)],
        ),
        Promise("safety questions", QuestionRow.deadline, timedelta(seconds=30), [QuestionRow.outcome.is_(None)]),
        Promise("check-backs", AlertRow.check_back_at, timedelta(minutes=2), [AlertRow.status != AlertStatus.CLOSED]),
        Promise("safety replies and pages", OutboundRow.not_before, timedelta(seconds=30), [queued, urgent]),
        Promise("other messages", OutboundRow.not_before, timedelta(minutes=15), [queued, ~urgent]),
        Promise("messages without an answer", InboundRow.not_before, timedelta(minutes=5), [waiting]),
        Promise(
            "messages unread by net 2", InboundRow.received_at, timedelta(minutes=5), [InboundRow.read_at.is_(None)]
        ),
        Promise("check-ins", PersonRow.next_check_in, timedelta(minutes=10), [PersonRow.role == Role.CLIENT]),
        Promise(
            "check-ins to be asked again",
            CheckInRow.due_at,
            timedelta(minutes=10),
            [CheckInRow.status.in_(("asked", "snoozed"))],
        ),
        Promise("looks at clients, and morning summaries", PersonRow.next_look, timedelta(hours=6), []),
        Promise("ends of hand-overs", HandOverRow.ends_at, timedelta(minutes=2), [HandOverRow.ended_at.is_(None)]),
    )


async def late(unit: Unit, now: datetime) -> list[Late]:
    """What is late at this moment, the most urgent first."""
    found: list[Late] = []
    for promise in promises():
        query = select(func.count(), func.min(promise.due)).where(promise.due < now - promise.within, *promise.where)
        count, since = (await unit.session.execute(query)).one()
        if count:
            found.append(Late(promise.what, count, since))
    return found
