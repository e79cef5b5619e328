"""How the clock copes with many: check-ins that are all due in one minute, and alerts whose steps come due meanwhile.

On PostgreSQL, with two schedulers in processes of their own, as a practice with many clients runs them.
"""

import asyncio
import multiprocessing
import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from zoneinfo import ZoneInfo

import uvloop
from sqlalchemy import func, select, text, update

from benchmarks.delivery import add_clients, add_staff, now
from benchmarks.speed import HOME, Figure, percentile
from bot.app import load_content
from bot.escalation import alerts
from bot.escalation.alerts import Raising
from bot.escalation.policy import AlertKind
from bot.recovery.check_in import Rhythm
from bot.recovery.people import Practice
from bot.schedule.clock import RealClock
from bot.schedule.tick import Tick, schedule
from bot.store.database import Store
from bot.store.migrate import upgrade
from bot.store.tables import AlertRow, AlertStepRow, CheckInRow, OutboundRow, PersonRow
from bot.store.vault import Vault, new_key
from tests.doubles.databases import server

SIZES = (1_000, 10_000, 100_000)
SCHEDULERS = 2
ALERTS = 1_000
# Over so long the alerts' steps come due, from when the check-ins do.
SPREAD = timedelta(seconds=30)
GIVE_UP = 300.0


async def _scheduler(url: str, keys: dict[str, bytes], ready: Event, stop: Event) -> None:
    async with Store(url, Vault(keys)) as store:
        jobs = schedule(Tick(store, load_content(HOME), Practice(), RealClock().now))
        jobs.start()
        ready.set()
        await asyncio.to_thread(stop.wait)
        jobs.shutdown(wait=False)


def _run_scheduler(url: str, keys: dict[str, bytes], ready: Event, stop: Event) -> None:
    uvloop.run(_scheduler(url, keys, ready, stop))


@contextmanager
def _schedulers(url: str, keys: dict[str, bytes]) -> Iterator[None]:
    """Two processes whose clocks tick on one database."""
    spawn = multiprocessing.get_context("spawn")
    stop, ready = spawn.Event(), [spawn.Event() for _ in range(SCHEDULERS)]
    running = [spawn.Process(target=_run_scheduler, args=(url, keys, event, stop), daemon=True) for event in ready]
    try:
        for process in running:
            process.start()
        if not all(event.wait(60) for event in ready):
            raise SystemExit("a scheduler did not start")
        yield
    finally:
        stop.set()
        for process in running:
            process.join(30)


async def _open_alerts(store: Store) -> None:
    """Alerts that wait for their second step, a long time from now."""
    async with store.read() as unit:
        people = list(await unit.session.scalars(select(PersonRow.id).where(PersonRow.role == "client").limit(ALERTS)))
    for start in range(0, len(people), 100):
        async with store.write() as unit:
            for person_id in people[start : start + 100]:
                await alerts.raise_alert(unit, Raising(AlertKind.HUMAN, person_id), now() - timedelta(seconds=1))
    async with store.write() as unit:
        await unit.session.execute(update(AlertRow).values(next_at=now() + timedelta(hours=1)))


async def _make_due(store: Store, begins: datetime) -> dict[str, datetime]:
    """All check-ins at one moment, the alerts' steps spread after it; returns when each step is due."""
    async with store.write() as unit:
        clients = update(PersonRow).where(PersonRow.role == "client")
        zone = await unit.session.scalar(select(PersonRow.time_zone).where(PersonRow.role == "client").limit(1))
        # They have chosen this minute: what is too late for its time is not asked.
        chosen = f"{begins.astimezone(ZoneInfo(str(zone))):%H:%M}"
        await unit.session.execute(clients.values(next_check_in=begins, rhythm=chosen))
        ids = list(await unit.session.scalars(select(AlertRow.id)))
        due = {alert_id: begins + SPREAD * at / len(ids) for at, alert_id in enumerate(ids)}
        for alert_id, moment in due.items():
            await unit.session.execute(update(AlertRow).where(AlertRow.id == alert_id).values(next_at=moment))
    return due


async def at_once(clients: int) -> list[Figure]:
    """Everybody's check-in in one minute."""
    key = dict([new_key()])
    with server() as url:
        async with Store(url, Vault(key)) as store:
            await upgrade(store)
            await add_staff(store)
            await add_clients(store, clients, rhythm=str(Rhythm()))
            await _open_alerts(store)
            async with store.write() as unit:
                await unit.session.execute(text("ANALYZE"))
            with _schedulers(url, key):
                begins = now() + timedelta(seconds=3)
                due = await _make_due(store, begins)
                taken, late = await _watch(store, begins, due)
            await _each_once(store, clients)
    return [
        Figure(
            f"{clients:,} check-ins due at once, queued by {SCHEDULERS} schedulers",
            f"{taken:.1f} s, {taken / clients * 1_000_000:.0f} us each",
            "<= 30 s for 100,000" if clients == SIZES[-1] else "",
        ),
        Figure(
            f"{len(due):,} alerts' steps coming due meanwhile: how late",
            f"p50 {statistics.median(late):.2f} s, p99 {percentile(late, 0.99):.2f} s, most {max(late):.2f} s",
            "<= 2 s",
        ),
    ]


async def _watch(store: Store, begins: datetime, due: dict[str, datetime]) -> tuple[float, list[float]]:
    """Look until all is done: after how many seconds the last check-in was queued, and how late each step was."""
    stepped: dict[str, float] = {}
    taken: float | None = None
    give_up = time.monotonic() + GIVE_UP
    looks = 0
    while taken is None or len(stepped) < len(due):
        async with store.read() as unit:
            # Of each step what is committed counts, not what it says of itself.
            done = await unit.session.scalars(select(AlertStepRow.alert_id).where(AlertStepRow.step == 1).distinct())
            seen = datetime.now(UTC)
            for alert_id in done:
                stepped.setdefault(alert_id, (seen - due[alert_id]).total_seconds())
            if taken is None and looks % 5 == 0:
                left = (
                    select(PersonRow.id).where(PersonRow.role == "client", PersonRow.next_check_in <= begins).limit(1)
                )
                if await unit.session.scalar(left) is None:
                    taken = (datetime.now(UTC) - begins).total_seconds()
        looks += 1
        if time.monotonic() > give_up:
            raise SystemExit(f"not done after {GIVE_UP:.0f} s: {len(stepped)} steps, check-ins {taken}")
        await asyncio.sleep(0.1)
    return taken, list(stepped.values())


async def _each_once(store: Store, clients: int) -> None:
    async with store.read() as unit:
        kept = await unit.session.scalar(select(func.count()).select_from(CheckInRow))
        rows = await unit.session.scalars(select(OutboundRow.person_id).where(OutboundRow.alert_id.is_(None)))
        queued = Counter(rows)
    if kept != clients or len(queued) != clients or max(queued.values()) != 1:
        raise SystemExit(
            f"{clients} clients, {kept} check-ins, {len(queued)} of them asked, {max(queued.values())} at most"
        )


async def scheduling_figures() -> list[Figure]:
    """From few clients to many."""
    return [figure for size in SIZES for figure in await at_once(size)]
