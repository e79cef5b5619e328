"""A made-up practice at one terminal: everyone's seat, a clock that can be moved, an engine that can be switched off."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from bot.app import EngineHost, Handrail
from bot.channels import console
from bot.content import Content
from bot.delivery.messages import Channel, Delivery
from bot.practice import Member, PracticeFile, enrol, read_practice
from bot.recovery.people import Practice
from bot.safety.screen import Screen
from bot.schedule.clock import MovedClock
from bot.store.database import Store
from bot.store.migrate import upgrade
from bot.store.vault import Vault, new_key

DATABASE = "demo.db"
START = datetime(2026, 11, 23, 4, 30, tzinfo=UTC)  # Sunday evening, half past eight, in Los Angeles
TYPING = timedelta(seconds=5)
LONGEST = timedelta(days=31)

_AMOUNT = re.compile(r"(?P<number>\d{1,4})\s*(?P<unit>d|day|days|h|hour|hours|m|min|minute|minutes|s)$", re.IGNORECASE)
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
HELP = """\
/as client, /as family, /as staff   sit on another seat (or /as NAME: {names})
/later 9h                           move the clock (30m, 9h, 2d)
/engine off, /engine on             switch the dialogue engine off and on
/help                               this list
/quit                               leave
Anything else is what the person on your seat writes."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the transcript: what went in from a seat, or came out to it."""

    at: datetime
    seat: str
    direction: str
    text: str
    lane: str | None = None
    buttons: tuple[str, ...] = ()
    alert: Mapping[str, Any] | None = None
    repeat: bool = False

    def record(self) -> dict[str, Any]:
        """The line as it stands in a transcript file."""
        row: dict[str, Any] = {
            "at": self.at.isoformat(),
            "seat": self.seat,
            "direction": self.direction,
            "lane": self.lane,
            "text": self.text,
            "buttons": list(self.buttons),
        }
        return row | ({"alert": dict(self.alert)} if self.alert else {})


def amount(text: str) -> timedelta | None:
    """A time span such as ``9h``, ``30m`` or ``2d``; nothing where it is none, or longer than a month."""
    found = _AMOUNT.match(text.strip())
    if not found:
        return None
    span = timedelta(**{_UNITS[found["unit"][0].lower()]: int(found["number"])})
    return span if timedelta(0) < span <= LONGEST else None


class Outside(Protocol):
    """Where the people of a demo sit: at one terminal, or each with a phone."""

    def channels(self, demo: "Demo") -> Mapping[str, Channel]:
        """The channels by which they are reached."""
        ...

    def address(self, member: Member) -> tuple[str, str]:
        """The channel and the address of one of them."""
        ...

    async def says(self, demo: "Demo", key: str, text: str) -> None:
        """One of them writes."""
        ...


class AtTheTerminal:
    """Everyone sits at one terminal."""

    def channels(self, demo: "Demo") -> Mapping[str, Channel]:
        return {console.NAME: console.Console(demo.deliver)}

    def address(self, member: Member) -> tuple[str, str]:
        return console.NAME, member.key

    async def says(self, demo: "Demo", key: str, text: str) -> None:
        await demo.app.intake.accept(console.heard(key, text))


class Demo:
    """Handrail on a moved clock with the console as its channel. ``hear`` takes one typed line."""

    def __init__(
        self, practice: PracticeFile, clock: MovedClock, show: Callable[[Line], None], outside: Outside
    ) -> None:
        self._outside = outside
        self.practice = practice
        self.clock = clock
        self._show = show
        self._seats = practice.seats()
        self._seat_of = {key: seat for seat, key in self._seats.items()}
        self._keys = {member.key for member in practice.people}
        self.names = {member.key: member.name for member in practice.people}
        self.seat = self._seats.get("client", practice.people[0].key)
        self.app: Handrail
        self.engine_on = True

    @property
    def label(self) -> str:
        """The name of the seat that is taken now."""
        return self.seat_name(self.seat)

    def seat_name(self, key: str) -> str:
        """``client``, ``family`` or ``staff`` for the people on these seats, else the person's short name."""
        return self._seat_of.get(key, key)

    def deliver(self, delivery: Delivery) -> None:
        """Show what Handrail sends."""
        self._show(
            Line(
                self.clock.now(),
                self.seat_name(delivery.address),
                "out",
                delivery.message.text,
                delivery.lane.label,
                tuple(choice.title for choice in delivery.message.choices),
                delivery.message.alert,
                delivery.repeat,
            )
        )

    async def hear(self, line: str) -> str | None:
        """Do a command, or take a text from the seat; returns a sentence for the visitor, where there is one."""
        command, _, rest = line.strip().partition(" ")
        if command == "/help":
            return HELP.format(names=", ".join(sorted(self._keys)))
        if command == "/as":
            return self._sit(rest.strip().lower())
        if command == "/later":
            span = amount(rest)
            if span is None:
                return "Say how long: /later 30m, /later 9h or /later 2d (a month at the most)."
            await self.forward(span)
            return None
        if command == "/engine" and rest.strip() in ("on", "off"):
            await self.switch_engine(on=rest.strip() == "on")
            return f"The engine is {rest.strip()}."
        await self.says(line)
        return None

    def _sit(self, name: str) -> str:
        key = self._seats.get(name, name)
        if key not in self._keys:
            return (
                f"Nobody here is called {name!r}. There are client, family, staff, and {', '.join(sorted(self._keys))}."
            )
        self.seat = key
        return f"You are now {self.names[key]} ({self.seat_name(key)})."

    async def says(self, text: str, key: str | None = None) -> None:
        """Someone writes; everything that follows at this moment is done before this returns."""
        key = key or self.seat
        self.clock.move(TYPING)
        self._show(Line(self.clock.now(), self.seat_name(key), "in", text))
        await self._outside.says(self, key, text)
        await self.app.settle()

    async def forward(self, span: timedelta) -> None:
        """Let time pass, stopping at every moment at which something is due."""
        until = self.clock.now() + span
        while True:
            due = await self.app.tick.next_due()
            if due is None or due > until:
                break
            if due > self.clock.now():
                self.clock.move(due - self.clock.now())
            else:
                # Something is due that could not be done: go on, so that time never stands still.
                self.clock.move(min(timedelta(seconds=1), until - self.clock.now()))
            await self.app.tick.run()
            await self.app.settle()
            if self.clock.now() >= until:
                break
        if until > self.clock.now():
            self.clock.move(until - self.clock.now())
        await self.app.tick.run()
        await self.app.settle()

    async def switch_engine(self, *, on: bool) -> None:
        """Stop the engine's process, or start it and have what waited answered."""
        process = self.app.host.process
        self.engine_on = on
        if not on:
            await process.stop()
            return
        await process.start()
        await process.wait_ready()
        await self.forward(timedelta(seconds=5))


@asynccontextmanager
async def opened(
    home: Path,
    data: Path,
    content: Content,
    screen: Screen,
    host: EngineHost,
    show: Callable[[Line], None],
    *,
    runs: bool = False,
    start: datetime = START,
    url: str = "",
    outside: Outside | None = None,
) -> AsyncIterator[Demo]:
    """A demo with a fresh database in a data folder, the made-up practice enrolled."""
    practice = read_practice(home / "demo" / "practice.yml")
    clock = MovedClock(start, runs=runs)
    key_id, key = new_key()
    outside = outside or AtTheTerminal()
    demo = Demo(practice, clock, show, outside)
    async with Store(url or f"sqlite:///{data / DATABASE}", Vault({key_id: key})) as store:
        await upgrade(store)
        store.claim_service()
        async with store.write() as unit:
            await enrol(unit, practice, home / "demo", content.skill_names(), outside.address, clock.now())
        named = Practice(practice.practice.name)
        demo.app = Handrail(store, content, screen, host, outside.channels(demo), clock, named)
        yield demo
