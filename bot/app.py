"""The one place where everything is put together."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog
import yaml
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from actions import all_actions
from bot import content
from bot.care import addresses, asking, call, danger, safe_phone
from bot.care.call import Answer
from bot.care.turn import OpenTurns
from bot.care.undelivered import Undelivered
from bot.channels.voice import Pressed
from bot.content import Content
from bot.conversation import language
from bot.conversation.engine import EngineClient
from bot.conversation.intake import Intake
from bot.conversation.model import model_path
from bot.conversation.process import EngineProcess
from bot.conversation.reader import Reader
from bot.conversation.turn import Done, TurnWorker
from bot.delivery import outbox
from bot.delivery.messages import Channel, Lane
from bot.delivery.sender import NotSetUp, Sender
from bot.escalation import auditor, numbers, paging
from bot.escalation.auditor import Late
from bot.escalation.numbers import Series
from bot.recovery.people import Practice
from bot.safety.rules import load_rules
from bot.safety.screen import Screen
from bot.schedule.clock import Clock
from bot.schedule.tick import Tick, schedule
from bot.store.database import Store
from bot.web.actions import ActionRoute

log = structlog.get_logger()

# How soon a worker that found nothing looks again: when this process has changed something, but not more often than
# so; else, for what others have changed and what has come due, after half a second.
SOONEST = 0.05
IDLE = 0.5
GRACE = 2.0
ANSWERING = 4
# Whoever has pressed a key hears nothing until it was taken, and their provider gives up after fifteen seconds.
KEY_WITHIN = 8.0


def load_domain(home: Path) -> dict[str, Any]:
    """The parts of the Rasa domain that actions ask for: the responses."""
    responses: dict[str, Any] = {}
    for path in sorted((home / "domain").rglob("*.yml")):
        responses |= yaml.safe_load(path.read_text(encoding="utf-8")).get("responses", {})
    return {"responses": responses}


def load_screen(home: Path) -> Screen:
    """Net 1 with the rules of the content folder."""
    return Screen(load_rules(home / "content" / "safety" / "rules"))


def load_content(home: Path) -> Content:
    """Every fixed word."""
    return content.load(home / "content")


@dataclass
class EngineHost:
    """The engine with all that it needs from the application: turns, action route, client, supervised process."""

    turns: OpenTurns
    route: ActionRoute
    client: EngineClient
    process: EngineProcess

    @classmethod
    @asynccontextmanager
    async def running(
        cls, home: Path, log_file: Path | None = None, model: Path | None = None, *, start: bool = True
    ) -> AsyncIterator["EngineHost"]:
        """An engine that is being started, unless it shall stay off; ``process.wait_ready()`` waits for it."""
        turns = OpenTurns()
        route = ActionRoute(all_actions(turns), load_domain(home), turns)
        await route.start()
        client = EngineClient()
        process = EngineProcess(home, model or model_path(home), client, route.url, log_file)
        try:
            if start:
                await process.start()
            yield cls(turns, route, client, process)
        finally:
            await process.stop()
            await client.close()
            await route.stop()


class Handrail:
    """The application: hears, answers, sends and watches the clock, on one store."""

    def __init__(
        self,
        store: Store,
        words: Content,
        screen: Screen,
        host: EngineHost,
        channels: Mapping[str, Channel],
        clock: Clock,
        practice: Practice | None = None,
    ) -> None:
        self.store = store
        self.content = words
        self.clock = clock
        self.host = host
        charged = frozenset(name for name, channel in channels.items() if channel.abilities.segments)
        self.practice = replace(practice or Practice(), charged=charged)
        passed_on = [name for name, channel in channels.items() if channel.abilities.passed_on]
        self.intake = Intake(
            store, screen, words, clock.now, self.practice, passed_on, net_2_reads=lambda: host.client.ready
        )
        numbering = [name for name, channel in channels.items() if not channel.abilities.buttons]
        self.turns = TurnWorker(store, host.client, host.turns, words, clock.now, self.practice, numbering)
        self.reader = Reader(store, host.client, words, clock.now)
        follow_up = Undelivered(words, passed_on)
        checks = (
            danger.check_in_unwanted,
            asking.unwanted,
            paging.page_unwanted,
            addresses.silent(passed_on),
            safe_phone.left_meanwhile,
        )
        # Each account has a sender of its own: what holds up one holds up no other, least of all that of the staff.
        self.senders = {
            name: Sender(store, channel, clock.now, checks, follow_up) for name, channel in channels.items()
        }
        self.nowhere = Sender(store, NotSetUp(), clock.now, checks, follow_up, outbox.of_no_channel(list(channels)))
        self.tick = Tick(store, words, self.practice, clock.now)

    async def settle(self) -> None:
        """Work until nothing can be done at this moment; for the demo and for tests, where time stands still."""
        while True:
            sent = sum([await sender.run_once() + await sender.ask_once() for sender in self._all_senders()])
            done = await self.turns.run_once()
            if not sent and done is Done.NOTHING and not await self.reader.run_once():
                return

    def _all_senders(self) -> tuple[Sender, ...]:
        return (*self.senders.values(), self.nowhere)

    async def serve(
        self, stop: asyncio.Event, beside: Sequence[Callable[[asyncio.Event], Awaitable[None]]] = ()
    ) -> None:
        """Run as a service until told to stop: workers in a loop, the tick by APScheduler.

        Args:
            beside: further work that runs until it is told to stop.
        """
        scheduler = schedule(self.tick)
        scheduler.start()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.to_thread(language.identifier))
                # Several, so that one message that the engine hangs on keeps nobody else from their answer.
                for worker in (*[self._answering] * ANSWERING, self._reading, *beside):
                    group.create_task(_until_stopped(worker(stop), stop))
                for sender in self._all_senders():
                    for work in (sender.run_once, partial(sender.run_once, Lane.ALERT), sender.ask_once):
                        # Safety replies and alerts have a loop of their own: no queue stands before them.
                        group.create_task(_until_stopped(every(IDLE, work, stop, self.store), stop))
        finally:
            scheduler.shutdown(wait=False)

    async def _answering(self, stop: asyncio.Event) -> None:
        async def once() -> int:
            return int(await self.turns.run_once() in (Done.ANSWERED, Done.LOST))

        await every(IDLE, once, stop, self.store)

    async def _reading(self, stop: asyncio.Event) -> None:
        await every(IDLE, self.reader.run_once, stop, self.store)

    async def pressed(self, message_id: str, key: Pressed) -> Answer | None:
        """Do what a key asks for that somebody pressed in a call; nothing where the call is none of ours."""
        async with asyncio.timeout(KEY_WITHIN):
            while True:
                try:
                    async with self.store.write() as unit:
                        return await call.pressed(
                            unit, self.content, message_id, key.provider_id, key.to, key.key, self.clock.now()
                        )
                except DBAPIError as error:
                    # They write again at the same moment: doing it again will help, and the time is limited.
                    if not self.store.taken_back(error):
                        raise

    async def healthy(self) -> bool:
        """Whether the database answers."""
        try:
            async with asyncio.timeout(2.0), self.store.read() as unit:
                await unit.session.execute(select(1))
        except (SQLAlchemyError, OSError, TimeoutError):
            return False
        return True

    async def overdue(self) -> list[Late]:
        """What is late at this moment, as the auditor finds it."""
        async with self.store.read() as unit:
            return await auditor.late(unit, self.clock.now())

    async def counted(self) -> list[Series]:
        """How much of everything there is at this moment."""
        async with self.store.read() as unit:
            return await numbers.now_there(unit)


async def _until_stopped(work: Awaitable[None], stop: asyncio.Event) -> None:
    """Let work go on until it ends or everything is told to stop, whatever it waits for then."""
    task = asyncio.ensure_future(work)
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            # A moment to finish what it has in hand.
            await asyncio.wait({task}, timeout=GRACE)
    finally:
        for one in (task, stopped):
            one.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def every(
    seconds: float, once: Callable[[], Awaitable[int]], stop: asyncio.Event, store: Store | None = None
) -> None:
    """Work while there is work, and look again after a pause; a round that fails is logged and ends nothing.

    Args:
        store: a change in it ends the pause.
    """
    while not stop.is_set():
        changed = store.changed if store else asyncio.Event()
        try:
            worked = await once()
        except Exception:
            log.exception("a worker's round failed")
            worked = 0
        if not worked:
            await _pause(seconds, changed, stop)


async def _pause(seconds: float, changed: asyncio.Event, stop: asyncio.Event) -> None:
    ends = {asyncio.ensure_future(changed.wait()), asyncio.ensure_future(stop.wait())}
    try:
        await asyncio.sleep(min(SOONEST, seconds))
        await asyncio.wait(ends, timeout=max(seconds - SOONEST, 0), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for end in ends:
            end.cancel()


async def until_done(work: Callable[[], Awaitable[object]], stop: asyncio.Event) -> None:
    """Try something until it works, later each time up to half a minute."""
    pause = 0.5
    while not stop.is_set():
        try:
            await work()
        except Exception as error:
            log.warning("not done yet", why=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)
            pause = min(pause * 2, 30.0)
        else:
            return
