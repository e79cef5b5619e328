"""The made-up practice with the engine doubled at the HTTP border: fast, on either database, with time moved by hand.

Fixtures, which every test may ask for (``tests/conftest.py``).
"""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from bot import demo
from bot.channels import console
from bot.content import Content
from bot.conversation.turn import TurnWorker
from bot.demo import Line
from bot.recovery.people import Practice
from bot.safety.screen import Screen
from bot.store import conversations, people
from bot.store.tables import ConversationRow, OutboundRow
from tests.behaviour.world import Someone, World
from tests.doubles.engine import EngineDouble, engine_double

WITHOUT_STAFF = """\
practice: {name: Alder House, country: US, time_zone: America/Los_Angeles}
people:
  - {key: maya, seat: client, role: client, name: Maya Ortega}
"""


class House(World):
    """A world whose engine is a double."""

    def __init__(self, opened: demo.Demo, lines: list[Line], engine: EngineDouble) -> None:
        super().__init__(opened, lines)
        self.engine = engine
        self.app = opened.app
        self.clock = opened.clock

    def move(self, **span: float) -> None:
        """Let time pass without anything being done."""
        self.clock.move(timedelta(**span))

    async def writes(self, someone: Someone, text: str) -> str | None:
        """Someone's message is taken in; nobody works on it yet. Returns its id."""
        self.move(seconds=1)
        return (await self.app.intake.accept(console.heard(someone.key, text))).message_id

    def worker(self) -> TurnWorker:
        """One more worker, as another process would run it."""
        host = self.engine.host
        return TurnWorker(
            self.store, host.client, host.turns, self.app.content, self.clock.now, Practice("the practice")
        )

    async def conversation(self, someone: Someone) -> ConversationRow:
        (row,) = await self.rows(ConversationRow, someone)
        found: ConversationRow = row
        return found

    async def owner(self, someone: Someone) -> conversations.Owner:
        """Who answers someone's next message."""
        row = await self.conversation(someone)
        async with self.store.read() as unit:
            return await conversations.owner(unit, await unit.session.get_one(ConversationRow, row.id))

    async def sent(self, someone: Someone) -> list[OutboundRow]:
        """The outbox of one person, in order."""
        async with self.store.read() as unit:
            person = await people.by_key(unit, someone.key)
            assert person
            query = select(OutboundRow).where(OutboundRow.person_id == person.id).order_by(OutboundRow.sequence)
            return list(await unit.session.scalars(query))


@asynccontextmanager
async def opened_house(
    home: Path, data: Path, content: Content, screen: Screen, engine: EngineDouble, url: str
) -> AsyncIterator[House]:
    lines: list[Line] = []
    async with demo.opened(home, data, content, screen, engine.host, lines.append, url=url) as opened:
        yield House(opened, lines, engine)


@pytest.fixture
async def engine(home: Path) -> AsyncIterator[EngineDouble]:
    async with engine_double(home) as double:
        yield double


@pytest.fixture
async def house(
    home: Path, tmp_path: Path, content: Content, screen: Screen, engine: EngineDouble, migrated_sqlite: Path
) -> AsyncIterator[House]:
    """The practice on SQLite."""
    shutil.copyfile(migrated_sqlite, tmp_path / demo.DATABASE)
    async with opened_house(home, tmp_path, content, screen, engine, "") as opened:
        yield opened


@pytest.fixture
async def each_house(
    home: Path, tmp_path: Path, content: Content, screen: Screen, engine: EngineDouble, database_url: str
) -> AsyncIterator[House]:
    """The practice on each kind of database."""
    async with opened_house(home, tmp_path, content, screen, engine, database_url) as opened:
        yield opened


@pytest.fixture
async def empty_house(tmp_path: Path, content: Content, screen: Screen, engine: EngineDouble) -> AsyncIterator[House]:
    """A practice in which nobody is on staff."""
    home = tmp_path / "without staff"
    (home / "demo").mkdir(parents=True)
    (home / "demo" / "practice.yml").write_text(WITHOUT_STAFF)
    async with opened_house(home, home, content, screen, engine, "") as opened:
        yield opened
