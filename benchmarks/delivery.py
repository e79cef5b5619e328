"""How fast messages go out, and how fast an alert does while everything else waits. On PostgreSQL, against doubles."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from sqlalchemy import insert

from benchmarks.speed import HOME, Figure, percentile
from bot.app import load_content, load_screen
from bot.care import asking, danger
from bot.care.undelivered import Undelivered
from bot.channels.console import Console
from bot.conversation.intake import Intake
from bot.delivery.messages import Abilities, Channel, Delivery, Inbound, Lane, Outbound, OutStatus
from bot.delivery.sender import Sender
from bot.escalation import paging
from bot.recovery.people import Role
from bot.store import people
from bot.store.database import Store, new_id
from bot.store.migrate import upgrade
from bot.store.tables import ContactPointRow, ConversationRow, OutboundRow, PersonRow
from bot.store.vault import Vault, new_key
from tests.doubles.databases import server

PEOPLE = 2_000
MESSAGES = 20_000
CHECK_INS = 100_000
DANGERS = 60
EACH = 200
ACCEPTED = (
    ("no danger", "hello there"),
    ("one danger", "i want to kill myself"),
    ("two dangers", "i took all my pills and i want to die"),
)


class Line(Console):
    """A channel whose provider takes everything at once; keeps when it was handed what."""

    def __init__(self, name: str, rate: float | None = None) -> None:
        self.name = name
        self.abilities = Abilities(buttons=True, pictures=False, longest=4_096, rate=rate)
        self.handed: list[tuple[float, Delivery]] = []

    async def send(self, delivery: Delivery) -> str:
        self.handed.append((time.perf_counter(), delivery))
        return delivery.id


def now() -> datetime:
    """Noon, so that nothing is held back for the night."""
    return datetime.now(UTC)


@asynccontextmanager
async def practice() -> AsyncIterator[tuple[Store, list[tuple[str, str]]]]:
    """A PostgreSQL database with many clients on a channel and two people on staff on another."""
    with server() as url:
        async with Store(url, Vault(dict([new_key()]))) as store:
            await upgrade(store)
            await add_staff(store)
            yield store, await add_clients(store, PEOPLE)


async def add_staff(store: Store) -> None:
    """Two people who are on call."""
    async with store.write() as unit:
        for key in ("ruth", "sam"):
            row = await people.add(
                unit, key=key, role=Role.STAFF, name=key, time_zone="UTC", country="US", now=now(), on_call=True
            )
            await people.add_contact(unit, row.id, "staff", key)


async def add_clients(store: Store, count: int, rhythm: str | None = None) -> list[tuple[str, str]]:
    """Many clients, with their contact points: (person, contact)."""
    made: list[tuple[str, str]] = []
    for start in range(0, count, 5_000):
        made += await _some_clients(store, range(start, min(start + 5_000, count)), rhythm)
    return made


async def _some_clients(store: Store, numbers: range, rhythm: str | None) -> list[tuple[str, str]]:
    made: list[tuple[str, str]] = []
    async with store.write() as unit:
        rows: dict[type, list[dict[str, object]]] = {PersonRow: [], ContactPointRow: [], ConversationRow: []}
        for number in numbers:
            person, contact = new_id(), new_id()
            key = f"client-{number}"
            rows[PersonRow].append(
                {
                    "id": person,
                    "key_sealed": unit.seal(PersonRow, "key_sealed", person, key),
                    "key_hash": unit.vault.digest(key),
                    "role": "client",
                    "language": "en",
                    # Where it is day now, so that check-ins go out.
                    "time_zone": f"Etc/GMT{(now().hour - 13):+d}",
                    "country": "US",
                    "name_sealed": unit.seal(PersonRow, "name_sealed", person, "Nadia"),
                    "case_number": 5_000 + number,
                    "on_call": False,
                    "rhythm": rhythm,
                    "created_at": now(),
                }
            )
            rows[ContactPointRow].append(
                {
                    "id": contact,
                    "person_id": person,
                    "channel": "clients",
                    "address_sealed": unit.seal(ContactPointRow, "address_sealed", contact, key),
                    "address_hash": unit.vault.digest(key),
                }
            )
            rows[ConversationRow].append({"id": new_id(), "contact_point_id": contact, "person_id": person, "fence": 0})
            made.append((person, contact))
        for table, values in rows.items():
            await unit.session.execute(insert(table), values)
    return made


async def _queue(store: Store, clients: list[tuple[str, str]], count: int, lane: Lane) -> None:
    """Put many messages into the outbox, spread over all clients."""
    for start in range(0, count, 5_000):
        async with store.write() as unit:
            rows = []
            for number in range(start, min(start + 5_000, count)):
                person, contact = clients[number % len(clients)]
                row_id = new_id()
                body = Outbound("A minute for your check-in? Any craving right now, 0 to 10?").dump()
                rows.append(
                    {
                        "id": row_id,
                        "person_id": person,
                        "contact_point_id": contact,
                        "channel": "clients",
                        "lane": int(lane),
                        "body_sealed": unit.seal(OutboundRow, "body_sealed", row_id, body),
                        "status": OutStatus.QUEUED,
                        "attempts": 0,
                        "repeat": False,
                        "not_before": now(),
                        "created_at": now(),
                        "receipt": 0,
                    }
                )
            await unit.session.execute(insert(OutboundRow), rows)


def _sender(store: Store, channel: Channel) -> Sender:
    checks = (danger.check_in_unwanted, asking.unwanted, paging.page_unwanted)
    return Sender(store, channel, now, checks, Undelivered(load_content(HOME)))


async def accepted(store: Store) -> list[Figure]:
    """How long a message takes until it is durable, with nothing else to do; each from somebody of their own."""
    intake = Intake(store, load_screen(HOME), load_content(HOME), now)
    figures = []
    for at, (what, text) in enumerate(ACCEPTED):
        taken = []
        for number in range(EACH):
            message = Inbound("clients", f"client-{at * EACH + number}", f"a{at}-{number}", text)
            begun = time.perf_counter()
            await intake.accept(message)
            taken.append((time.perf_counter() - begun) * 1_000)
        figures.append(
            Figure(
                f"inbound accepted, durable, PostgreSQL, {what}",
                f"p50 {statistics.median(taken):.1f} ms, p99 {percentile(taken, 0.99):.1f} ms",
                "p99 <= 50 ms",
            )
        )
    return figures


async def throughput(store: Store, clients: list[tuple[str, str]]) -> Figure:
    """Messages a second from the outbox to a provider without limits, by one process."""
    line = Line("clients")
    senders = [_sender(store, line) for _ in range(2)]

    async def drain(sender: Sender) -> None:
        while await sender.run_once():
            pass

    # What an earlier figure left there is not counted.
    await drain(senders[0])
    before = len(line.handed)
    await _queue(store, clients, MESSAGES, Lane.REPLY)
    begun = time.perf_counter()
    await asyncio.gather(*(drain(sender) for sender in senders))
    taken = time.perf_counter() - begun
    assert len(line.handed) - before == MESSAGES, len(line.handed) - before
    return Figure("outbox, PostgreSQL, no provider limit", f"{MESSAGES / taken:,.0f} messages/s", ">= 1,000/s")


async def alert_behind_check_ins(store: Store, clients: list[tuple[str, str]]) -> list[Figure]:
    """From a danger's arrival to its page at the provider, while 100,000 check-ins drain at the provider's pace."""
    await _queue(store, clients, CHECK_INS, Lane.CHECK_IN)
    own, staff = Line("clients", rate=30.0), Line("staff", rate=30.0)
    stop = asyncio.Event()

    async def loop(once: Callable[[], object]) -> None:
        while not stop.is_set():
            if not await once():  # type: ignore[misc]
                await asyncio.sleep(0.05)

    loops = [
        asyncio.create_task(loop(work))
        for sender in (_sender(store, own), _sender(store, staff))
        for work in (sender.run_once, lambda s=sender: s.run_once(Lane.ALERT))
    ]
    intake = Intake(store, load_screen(HOME), load_content(HOME), now)
    await asyncio.sleep(2)
    accepts, pages, replies = [], [], []
    for number in range(DANGERS):
        before, said = len(staff.handed), len(own.handed)
        begun = time.perf_counter()
        await intake.accept(
            Inbound("clients", f"client-{number}", f"m{number}", "i took all my pills and i want to die")
        )
        accepts.append((time.perf_counter() - begun) * 1_000)
        pages.append((await _until(lambda b=before: len(staff.handed) > b) - begun) * 1_000)
        crisis = lambda s=said: any(d.lane is Lane.CRISIS for _, d in own.handed[s:])  # noqa: E731
        replies.append((await _until(crisis) - begun) * 1_000)
        await asyncio.sleep(0.2)
    stop.set()
    await asyncio.gather(*loops)
    drained = sum(1 for _, d in own.handed if d.lane is Lane.CHECK_IN)
    return [
        Figure(
            f"danger -> page at the provider, {CHECK_INS:,} check-ins draining",
            f"p50 {statistics.median(pages):.0f} ms, p99 {percentile(pages, 0.99):.0f} ms",
            "p99 <= 1 s",
        ),
        Figure(
            "danger -> safety reply, on the account that drains",
            f"p50 {statistics.median(replies):.0f} ms, p99 {percentile(replies, 0.99):.0f} ms",
            f"(meanwhile {drained} check-ins went out)",
        ),
        Figure(
            "inbound accepted, durable, PostgreSQL, meanwhile",
            f"p50 {statistics.median(accepts):.1f} ms, p99 {percentile(accepts, 0.99):.1f} ms",
            "p99 <= 50 ms",
        ),
    ]


async def _until(there: Callable[[], bool]) -> float:
    give_up = time.perf_counter() + 30
    while not there():
        if time.perf_counter() > give_up:
            raise SystemExit("nothing arrived within 30 s")
        await asyncio.sleep(0.002)
    return time.perf_counter()


async def delivery_figures() -> list[Figure]:
    """All of them, on one database."""
    async with practice() as (store, clients):
        # The quiet ones first, and then what fills the queue.
        return [
            *await accepted(store),
            await throughput(store, clients),
            *await alert_behind_check_ins(store, clients),
        ]
