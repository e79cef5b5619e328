"""The world of a story: people who say and hear, a clock that is moved, a database to look into.

Nothing of ours is replaced: real engine, real actions, real database. Only the terminal is a list of lines.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from bot.care import enrolment, joining
from bot.care.enrolment import NewPerson
from bot.demo import Demo, Line, Outside
from bot.practice import Member
from bot.recovery.people import Role
from bot.store import people
from bot.store.tables import (
    AlertRow,
    CheckInRow,
    ConversationRow,
    CravingEpisodeRow,
    FindingRow,
    InboundRow,
    LapseRow,
    OutboundRow,
    PersonRow,
    QuestionRow,
)
from tests.doubles.phones import BySms, Mixed, OnTelegram


class Someone:
    """A person of the practice, as a story sees them."""

    def __init__(self, world: "World", key: str) -> None:
        self._world = world
        self.key = key
        self._seen = 0

    async def says(self, text: str) -> None:
        """They write; what they had received before is put aside, so that ``hears`` looks at the answer alone."""
        self.catches_up()
        await self._world.demo.says(text, self.key)

    async def taps(self, title: str) -> None:
        """They press a button; where there are none they type what stands there."""
        self.catches_up()
        await self._world.taps(self.key, title)

    def catches_up(self) -> None:
        """Put aside everything received so far."""
        self._seen = len(self._received())

    def _received(self) -> list[Line]:
        seat = self._world.demo.seat_name(self.key)
        return [line for line in self._world.lines if line.direction == "out" and line.seat == seat]

    @property
    def new(self) -> list[Line]:
        """What came since they last wrote or caught up."""
        return self._received()[self._seen :]

    @property
    def answer(self) -> str:
        """All new texts in one."""
        return "\n".join(line.text for line in self.new)

    def hears(self, *patterns: str, lane: str | None = None) -> Line:
        """Expect every pattern (a regular expression, any case) in the new messages; returns the first that fits."""
        lines = [line for line in self.new if lane is None or line.lane == lane]
        for pattern in patterns:
            fitting = [line for line in lines if re.search(pattern, line.text, re.IGNORECASE)]
            assert fitting, f"{self.key} did not hear /{pattern}/ ({lane or 'any lane'}); heard: {self._told()}"
        first = [line for line in lines if not patterns or re.search(patterns[0], line.text, re.IGNORECASE)]
        assert first, f"{self.key} heard nothing in {lane or 'any lane'}; heard: {self._told()}"
        return first[0]

    def does_not_hear(self, *patterns: str) -> None:
        """Expect none of the patterns in the new messages."""
        for pattern in patterns:
            found = [line.text for line in self.new if re.search(pattern, line.text, re.IGNORECASE)]
            assert not found, f"{self.key} heard /{pattern}/: {found}"

    def hears_nothing(self, lane: str | None = None) -> None:
        """Expect no new message."""
        lines = [line for line in self.new if lane is None or line.lane == lane]
        assert not lines, f"{self.key} heard: {[line.text for line in lines]}"

    def is_offered(self, *titles: str) -> None:
        """Expect these choices among the new messages."""
        offered = {title for line in self.new for title in line.buttons}
        assert set(titles) <= offered, f"{self.key} was offered {sorted(offered)}"

    def is_alerted(self, **expected: Any) -> Line:
        """Expect a new alert with these values (kind, danger, level, number …); returns its line."""
        pages = [line for line in self.new if line.alert]
        fitting = [p for p in pages if p.alert and all(p.alert.get(k) == v for k, v in expected.items())]
        assert fitting, f"{self.key} was not alerted of {expected}; pages: {[p.alert for p in pages]}"
        return fitting[0]

    def is_not_alerted(self, **expected: Any) -> None:
        """Expect no new alert with these values."""
        pages = [line.alert for line in self.new if line.alert]
        fitting = [page for page in pages if all(page.get(k) == v for k, v in expected.items())]
        assert not fitting, f"{self.key} was alerted: {fitting}"

    def _told(self) -> list[str]:
        return [f"[{line.lane}] {line.text}" for line in self.new]


class World:
    """Everyone of the made-up practice, and the time they live in."""

    def __init__(self, demo: Demo, lines: list[Line], outside: Outside | None = None) -> None:
        self.demo = demo
        self.outside = outside
        self.channel = {OnTelegram: "telegram", BySms: "sms", Mixed: "mixed"}.get(type(outside), "console")
        self.lines = lines
        self.store = demo.app.store
        self.client = Someone(self, "maya")
        self.theo = Someone(self, "theo")
        self.family = Someone(self, "ines")
        self.father = Someone(self, "walter")
        self.staff = Someone(self, "ruth")
        self.backup = Someone(self, "sam")
        self.everyone: tuple[Someone, ...] = (self.client, self.theo, self.family, self.father, self.staff, self.backup)

    async def taps(self, key: str, title: str) -> None:
        """Someone presses a button."""
        if isinstance(self.outside, OnTelegram | BySms | Mixed):
            await self.outside.taps(self.demo, key, title)
            await self.demo.app.settle()
        else:
            await self.demo.says(title, key)

    async def forward(self, **span: float) -> None:
        """Let time pass: ``hours=9``, ``minutes=30``. What everyone received before is put aside."""
        for someone in self.everyone:
            someone.catches_up()
        await self.demo.forward(timedelta(**span))

    async def newcomer(self, key: str, role: Role, name: str, **known: Any) -> tuple[Someone, str]:
        """Someone whom staff have just added, at a phone that nobody knows yet; with the code of their invite."""
        now = self.demo.clock.now()
        async with self.store.write() as unit:
            new = NewPerson(key=key, role=role, name=name, time_zone="America/New_York", country="US", **known)
            code = await joining.invite(unit, await enrolment.add(unit, new, now), now)
        return self.passer_by(key, role, name), code

    def passer_by(self, key: str, role: Role = Role.CLIENT, name: str = "Somebody") -> Someone:
        """Someone at a phone that nobody knows."""
        if self.outside:
            self.outside.address(Member(key=key, role=role, name=name))
        someone = Someone(self, key)
        self.everyone = (*self.everyone, someone)
        return someone

    @asynccontextmanager
    async def engine_off(self) -> AsyncIterator[None]:
        """The engine's process is gone while the block runs; then it is started again."""
        await self.demo.switch_engine(on=False)
        try:
            yield
        finally:
            await self.demo.switch_engine(on=True)

    async def rows(self, table: type[Any], someone: Someone | None = None) -> list[Any]:
        """The rows of a table, of one client where someone is given."""
        async with self.store.read() as unit:
            query = select(table)
            if someone:
                person = await people.by_key(unit, someone.key)
                assert person
                column = getattr(table, "client_id", None) or table.person_id
                query = query.where(column == person.id)
            return list(await unit.session.scalars(query))

    async def check_ins(self, someone: Someone) -> list[CheckInRow]:
        return sorted(await self.rows(CheckInRow, someone), key=lambda row: row.local_date)

    async def episodes(self, someone: Someone) -> list[CravingEpisodeRow]:
        return sorted(await self.rows(CravingEpisodeRow, someone), key=lambda row: row.at)

    async def opened(self, row: Any, column: str) -> str:
        """A sealed column in the clear."""
        async with self.store.read() as unit:
            return unit.open(row, column)

    async def state(self, someone: Someone) -> tuple[str | None, dict[str, Any]]:
        """The open form and the slots of someone's conversation."""
        from bot.store import conversations

        (row,) = await self.rows(ConversationRow, someone)
        async with self.store.read() as unit:
            state = conversations.load_state(unit, row, self.demo.clock.now())
        return state.form, state.slots


__all__ = [
    "AlertRow",
    "FindingRow",
    "InboundRow",
    "LapseRow",
    "OutboundRow",
    "PersonRow",
    "QuestionRow",
    "Someone",
    "World",
]
