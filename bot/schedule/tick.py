"""The tick: claims whatever has come due. APScheduler calls it; what is due stands in the database."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.care import addresses, asking, check_back, hand_over, protocol, risk
from bot.content import Content
from bot.conversation import reader
from bot.delivery import outbox
from bot.escalation import alerts, gaps, summary
from bot.recovery.people import Practice
from bot.store.database import Store, Unit

log = structlog.get_logger()

# How often the clock looks: for what somebody in need waits for, and for all else.
URGENT_EVERY = timedelta(seconds=1)
EVERY = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Duty:
    """Something the clock does.

    Attributes:
        work: does what is due now, at most so much as ``batch``; returns how much that was.
        next_due: when it is next due.
        batch: where it did so much there may be more, and it is done again at once, in a unit of its own.
    """

    name: str
    work: Callable[[Unit, datetime], Awaitable[int]]
    next_due: Callable[[Unit], Awaitable[datetime | None]]
    batch: int | None = None


def urgent_duties(content: Content, practice: Practice) -> tuple[Duty, ...]:
    """What somebody in need waits for, the most urgent first."""
    return (
        Duty("alert without a step", alerts.audit_steps, alerts.oldest_without_step),
        Duty("alert step", alerts.step_due, alerts.next_due, alerts.BATCH),
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
    )


def other_duties(content: Content) -> tuple[Duty, ...]:
    """Everything else, in its order."""
    return (
        Duty("check-in", lambda unit, now: asking.push_due(unit, content, now), asking.next_moment, asking.BATCH),
        Duty("check-in follow-up", lambda unit, now: asking.follow_up(unit, content, now), _never, asking.BATCH),
        Duty("silence and trend", risk.look, risk.next_look),
        Duty("morning summary", summary.tell, summary.next_summary),
        Duty("gaps in the rota", gaps.tell_of_gaps, _never),
        Duty("phones to try again", addresses.try_again, _never),
    )


async def _never(_unit: Unit) -> datetime | None:
    return None


class Tick:
    """Runs duties; one that fails is logged and stops none of the others."""

    def __init__(self, store: Store, content: Content, practice: Practice, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._urgent: Sequence[Duty] = urgent_duties(content, practice)
        self._other: Sequence[Duty] = other_duties(content)

    async def run(self) -> int:
        """Do all that is due; returns how much that was."""
        return await self._do(self._urgent) + await self._do(self._other)

    async def run_urgent(self) -> None:
        """Do what somebody waits for; where nothing is due that costs a look and no lock."""
        now = self._now()
        async with self._store.read() as unit:
            due = [duty for duty in self._urgent if (moment := await duty.next_due(unit)) is not None and moment <= now]
        await self._do(due)

    async def run_other(self) -> None:
        """Do the rest, for as long as it takes: the urgent duties go on beside it."""
        await self._do(self._other)

    async def _do(self, duties: Sequence[Duty]) -> int:
        total = 0
        for duty in duties:
            more = True
            while more:
                done = 0
                try:
                    async with self._store.write() as unit:
                        done = await duty.work(unit, self._now())
                except Exception:
                    log.exception("a duty of the tick failed", duty=duty.name)
                total += done
                more = duty.batch is not None and done >= duty.batch
        return total

    async def next_due(self) -> datetime | None:
        """When there is next something to do."""
        async with self._store.read() as unit:
            moments = [await duty.next_due(unit) for duty in (*self._urgent, *self._other)]
            moments.append(await outbox.next_due(unit))
        return min((moment for moment in moments if moment), default=None)


def schedule(tick: Tick) -> AsyncIOScheduler:
    """An APScheduler that calls the tick; it keeps no state of its own and may run in several processes at once."""
    scheduler = AsyncIOScheduler(timezone="UTC")
    for work, every in ((tick.run_urgent, URGENT_EVERY), (tick.run_other, EVERY)):
        scheduler.add_job(
            work, "interval", seconds=every.total_seconds(), max_instances=1, coalesce=True, misfire_grace_time=None
        )
    return scheduler
