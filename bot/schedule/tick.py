"""The tick: claims whatever has come due. APScheduler calls it; what is due stands in the database."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.care import addresses, check_back, check_in, hand_over, protocol, risk
from bot.content import Content
from bot.conversation import reader
from bot.delivery import outbox
from bot.escalation import alerts, gaps, summary
from bot.recovery.people import Practice
from bot.store.database import Store, Unit

log = structlog.get_logger()

EVERY = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Duty:
    """Something the clock does: the work on what is due now, and when it is next due."""

    name: str
    work: Callable[[Unit, datetime], Awaitable[int]]
    next_due: Callable[[Unit], Awaitable[datetime | None]]


def duties(content: Content, practice: Practice) -> tuple[Duty, ...]:
    """All duties, the most urgent first."""
    return (
        Duty("alert without a step", alerts.audit_steps, _never),
        Duty("alert step", alerts.step_due, alerts.next_due),
        Duty(
            "safety question", lambda unit, now: protocol.expire_questions(unit, content, now), protocol.next_question
        ),
        Duty("check-back", lambda unit, now: check_back.check_back(unit, content, now), check_back.next_check_back),
        Duty("unread messages", reader.tell_of_unread, reader.next_unread),
        Duty(
            "end of a hand-over",
            lambda unit, now: hand_over.return_due(unit, content, practice, now),
            hand_over.next_return,
        ),
        Duty("silence and trend", risk.look, risk.next_look),
        Duty("morning summary", summary.tell, summary.next_summary),
        Duty("gaps in the rota", gaps.tell_of_gaps, _never),
        Duty("phones to try again", addresses.try_again, _never),
        Duty("check-in", lambda unit, now: check_in.push_due(unit, content, now), check_in.next_moment),
        Duty("check-in follow-up", lambda unit, now: check_in.follow_up(unit, content, now), _never),
    )


async def _never(_unit: Unit) -> datetime | None:
    return None


class Tick:
    """Runs every duty once; a duty that fails is logged and stops none of the others."""

    def __init__(self, store: Store, content: Content, practice: Practice, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._duties: Sequence[Duty] = duties(content, practice)

    async def run(self) -> int:
        """Do what is due; returns how much that was."""
        total = 0
        for duty in self._duties:
            try:
                async with self._store.write() as unit:
                    total += await duty.work(unit, self._now())
            except Exception:
                log.exception("a duty of the tick failed", duty=duty.name)
        return total

    async def next_due(self) -> datetime | None:
        """When there is next something to do."""
        async with self._store.read() as unit:
            moments = [await duty.next_due(unit) for duty in self._duties] + [await outbox.next_due(unit)]
        return min((moment for moment in moments if moment), default=None)


def schedule(tick: Tick) -> AsyncIOScheduler:
    """An APScheduler that calls the tick; it keeps no state of its own and may run in several processes at once."""
    scheduler = AsyncIOScheduler(timezone="UTC")
    scheduler.add_job(
        tick.run, "interval", seconds=EVERY.total_seconds(), max_instances=1, coalesce=True, misfire_grace_time=None
    )
    return scheduler
