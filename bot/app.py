"""The one place where everything is put together."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
import yaml

from actions import all_actions
from bot import content
from bot.care import danger
from bot.care.turn import OpenTurns
from bot.content import Content
from bot.conversation.engine import EngineClient
from bot.conversation.intake import Intake
from bot.conversation.model import model_path
from bot.conversation.process import EngineProcess
from bot.conversation.reader import Reader
from bot.conversation.turn import Done, TurnWorker
from bot.delivery.messages import Channel, Lane
from bot.delivery.sender import Sender
from bot.escalation import alerts
from bot.safety.rules import load_rules
from bot.safety.screen import Screen
from bot.schedule.clock import Clock
from bot.schedule.tick import Tick, schedule
from bot.store.database import Store
from bot.web.actions import ActionRoute

log = structlog.get_logger()

IDLE = 0.05


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
        cls, home: Path, log_file: Path | None = None, model: Path | None = None
    ) -> AsyncIterator["EngineHost"]:
        """An engine that is being started; ``process.wait_ready()`` waits for it."""
        turns = OpenTurns()
        route = ActionRoute(all_actions(turns), load_domain(home), turns)
        await route.start()
        client = EngineClient()
        process = EngineProcess(home, model or model_path(home), client, route.url, log_file)
        try:
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
        practice: str = "your team",
    ) -> None:
        self.store = store
        self.content = words
        self.clock = clock
        self.host = host
        self.intake = Intake(store, screen, words, clock.now)
        self.turns = TurnWorker(store, host.client, host.turns, words, clock.now, practice)
        self.reader = Reader(store, host.client, words, clock.now)
        self.sender = Sender(
            store, channels, clock.now, (danger.check_in_unwanted, alerts.page_unwanted), alerts.undelivered
        )
        self.tick = Tick(store, words, clock.now)

    async def settle(self) -> None:
        """Work until nothing can be done at this moment; for the demo and for tests, where time stands still."""
        while True:
            sent = await self.sender.run_once()
            done = await self.turns.run_once()
            if not sent and done is Done.NOTHING and not await self.reader.run_once():
                return

    async def serve(self, stop: asyncio.Event) -> None:
        """Run as a service until told to stop: workers in a loop, the tick by APScheduler."""
        scheduler = schedule(self.tick)
        scheduler.start()
        try:
            async with asyncio.TaskGroup() as group:
                for worker in (self._paging, self._sending, self._answering, self._reading):
                    group.create_task(worker(stop))
        finally:
            scheduler.shutdown(wait=False)

    async def _paging(self, stop: asyncio.Event) -> None:
        """Safety replies and alerts have a loop of their own: no slow channel and no queue stands before them."""
        await self._loop(lambda: self.sender.run_once(Lane.ALERT), stop)

    async def _sending(self, stop: asyncio.Event) -> None:
        await self._loop(self.sender.run_once, stop)

    async def _answering(self, stop: asyncio.Event) -> None:
        async def once() -> int:
            return int(await self.turns.run_once() in (Done.ANSWERED, Done.LOST))

        await self._loop(once, stop)

    async def _reading(self, stop: asyncio.Event) -> None:
        await self._loop(self.reader.run_once, stop)

    @staticmethod
    async def _loop(once: Any, stop: asyncio.Event) -> None:
        """Work while there is work; a round that fails is logged and does not end the loop."""
        while not stop.is_set():
            try:
                worked = await once()
            except Exception:
                log.exception("a worker's round failed")
                worked = 0
            if not worked:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), IDLE)
