"""The service is killed, at every boundary and at random moments, and the ledger still balances."""

import asyncio
import contextlib
import os
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bot.delivery.messages import Lane, OutStatus
from bot.recovery.people import Role
from tests.faults.ledger import Books, Ledger
from tests.faults.service import LENA, MAYA, NORA, RUTH, SAM, THEO, Known, Practice, opened, until

# A lease of a sender that died runs for a minute, one of a turn for half of that.
SETTLES_WITHIN = 150.0
ENGINE_WITHIN = 60.0
MOST_UNREAD = 60
NEVER = 0
EVERY_BOUNDARY = os.environ.get("HANDRAIL_FAULTS") == "all"
BOUNDARIES = 8
KILLS = int(os.environ.get("HANDRAIL_KILLS", "300"))
PAGE = "Reply {number}a to take it"


async def settled(ledger: Ledger, *, answered: bool) -> Books:
    """Wait until nothing waits any more: to be read, to be answered, to be sent, to be asked for."""
    practice = ledger.practice
    books, left = Books(), ""

    async def nothing_waits() -> bool:
        nonlocal books, left
        unread = len(practice.bot.pending) + len(practice.staff_bot.pending)
        books = await ledger.books()
        doubts = [row for row in books.outbound if row.channel == "sms" and row.status is OutStatus.UNKNOWN]
        unanswered = books.pending if answered else 0
        left = (
            f"{unread} unread, {unanswered} unanswered, {len(books.unsettled)} of {len(books.outbound)} unsent "
            f"{books.unsettled[:2]}, {len(doubts)} in doubt {doubts[:2]}; it said: {practice.told[-2000:]}"
        )
        return not (unread or unanswered or books.unsettled or doubts)

    began = time.monotonic()
    try:
        await until(nothing_waits, within=SETTLES_WITHIN, what="everything to settle", every=1.0)
    except AssertionError as error:
        raise AssertionError(f"{error}: {left}") from None
    print(f"settled in {time.monotonic() - began:.0f} s, {len(books.outbound)} messages out")
    return books


# Kills at boundaries


class Crew:
    """The people of one exchange: nobody's earlier trouble stands in their way."""

    def __init__(self, practice: Practice, n: int) -> None:
        self.craves = Known(f"craves-{n}", Role.CLIENT, (("telegram", f"{600_000 + n}"),), "ruth")
        self.suffers = Known(f"suffers-{n}", Role.CLIENT, (("telegram", f"{700_000 + n}"),), "ruth")
        self.drinks = Known(f"drinks-{n}", Role.CLIENT, (("sms", f"+1503556{n:04}"),), "ruth")
        self.despairs = Known(f"despairs-{n}", Role.CLIENT, (("sms", f"+1503557{n:04}"),), "sam")
        self.practice = practice
        self.number = n

    @property
    def everybody(self) -> tuple[Known, ...]:
        return (self.craves, self.suffers, self.drinks, self.despairs)


class Exchange:
    """What a crew writes while the service runs, is killed, and comes back."""

    def __init__(self, ledger: Ledger, crew: Crew) -> None:
        self.ledger = ledger
        self.crew = crew
        self.practice = ledger.practice

    async def play(self) -> None:
        practice, ledger, n = self.practice, self.ledger, self.crew.number
        ruth, craves = practice.chat(RUTH), practice.chat(self.crew.craves)
        pages = len(ruth.texts)
        ledger.wrote("telegram", craves.writes(f"im craving so bad right now {n}"))
        ledger.texted(await practice.phone(self.crew.drinks).texts(f"i really want to drink tonight {n}"))
        ledger.wrote("telegram", practice.chat(self.crew.suffers).writes(f"i want to kill myself {n}"), danger=True)
        ledger.texted(await practice.phone(self.crew.despairs).texts(f"i want to end my life {n}"), danger=True)
        await self._while_it_runs(lambda: len(ruth.texts) > pages)
        if len(ruth.texts) > pages:
            ledger.wrote("telegram-staff", ruth.taps("Take it"))
        await self._while_it_runs(lambda: any("8" in row for seen in craves.received for row in seen.buttons))
        with contextlib.suppress(LookupError):
            ledger.wrote("telegram", craves.taps("8"))
        await self._while_it_runs(lambda: craves.texts[-1:] and "tonight" in craves.texts[-1], within=1.0)
        ledger.texted(await practice.phone(self.crew.drinks).texts(f"it is an 8 {n}"))

    async def _while_it_runs(self, true: Callable[[], object], within: float = 4.0) -> None:
        give_up = time.monotonic() + within
        while self.practice.runs and not true() and time.monotonic() < give_up:
            await asyncio.sleep(0.02)


async def engine_answers(practice: Practice, ledger: Ledger, n: int) -> None:
    """Write something that only the engine can answer, and wait for it."""
    ledger.wrote("telegram", practice.chat(NORA).writes(f"hello there {n}"))
    sent = len(practice.chat(NORA).texts)

    async def answered() -> bool:
        texts = practice.chat(NORA).texts[sent:]
        return any("starting up again" not in text for text in texts) or not practice.runs

    await until(answered, within=ENGINE_WITHIN, what="the engine to answer")


def killer(practice: Practice, n: int, at: int) -> dict[str, str]:
    doubles = (urlsplit(practice.telegram.base).netloc, urlsplit(practice.twilio.base).netloc)
    return {
        "HANDRAIL_KILLER_FROM": str(practice.folder / f"begin-{n}"),
        "HANDRAIL_KILLER_PASSED": str(practice.folder / f"passed-{n}"),
        "HANDRAIL_KILLER_AT": str(at),
        "HANDRAIL_KILLER_PROVIDERS": ",".join(doubles),
    }


async def passed(practice: Practice, n: int) -> list[str]:
    path = practice.folder / f"passed-{n}"
    return path.read_text().splitlines() if path.exists() else []


async def played_once(practice: Practice, ledger: Ledger, n: int, at: int) -> list[str]:
    """Start, wait for the engine, let a crew write until the service kills itself; returns the boundaries it passed."""
    await practice.start(engine=True, killer=killer(practice, n, at))
    await engine_answers(practice, ledger, n)
    (practice.folder / f"begin-{n}").touch()
    await Exchange(ledger, Crew(practice, n)).play()
    if at is NEVER:
        await asyncio.sleep(2)
    else:
        with contextlib.suppress(AssertionError):
            await until(lambda: not practice.runs, within=2, what="its death")
    practice.kill()
    ledger.kills += 1
    return await passed(practice, n)


def some(boundaries: list[str]) -> list[int]:
    """The numbers of a few boundaries, of each kind as many as can be, spread over the whole exchange."""
    kinds: dict[str, list[int]] = {}
    for line in boundaries:
        number, _, kind = line.partition(" ")
        kinds.setdefault(kind, []).append(int(number))
    each = BOUNDARIES // len(kinds)
    chosen = {numbers[i * len(numbers) // each] for numbers in kinds.values() for i in range(each)}
    for number in kinds["before commit"] + kinds["after commit"]:
        if len(chosen) < BOUNDARIES and number % 7 == 0:
            chosen.add(number)
    return sorted(chosen)


@pytest.mark.mission("M36")
async def test_killed_at_each_boundary_nothing_is_lost_and_nothing_doubled(tmp_path: Path, signed: Path) -> None:
    async with opened(tmp_path / "practice", signed) as practice:
        ledger = Ledger(practice)
        most = 200 if EVERY_BOUNDARY else BOUNDARIES + 1
        for n in range(most):
            await practice.add(*Crew(practice, n).everybody)
        boundaries = await played_once(practice, ledger, 0, NEVER)
        chosen = list(range(1, len(boundaries) + 1)) if EVERY_BOUNDARY else some(boundaries)
        kinds = []
        for n, at in enumerate(chosen, start=1):
            kinds += (await played_once(practice, ledger, n, at))[-1:]
            await ledger.check_inbound()
        print(f"{len(boundaries)} boundaries, killed at: {'; '.join(kinds)}")
        assert len(kinds) == len(chosen)
        await practice.start(engine=True)
        await settled(ledger, answered=True)
        await ledger.check()
        await practice.end()


# Random kills


class Traffic:
    """Everybody writes all the while, whether the service runs or not."""

    def __init__(self, ledger: Ledger, chance: random.Random) -> None:
        self.ledger = ledger
        self.practice = ledger.practice
        self.chance = chance
        self.number = 0
        self.asks_for_help = True
        self.ends = asyncio.Event()
        self.dangers: dict[str, list[str]] = {}

    async def flow(self) -> None:
        async with asyncio.TaskGroup() as group:
            for write, pause in (
                (self._nora, 0.6),
                (self._maya, 1.0),
                (self._theo, 0.9),
                (self._lena, 1.5),
                (self._ruth, 1.1),
                (self._sam, 2.0),
            ):
                group.create_task(self._again(write, pause))

    async def _again(self, write: Callable[[int], Awaitable[None]], pause: float) -> None:
        while not self.ends.is_set():
            if len(self.practice.bot.pending) + len(self.practice.staff_bot.pending) > MOST_UNREAD:
                # A service that is killed all the time falls behind: how far must not depend on the machine.
                await asyncio.sleep(0.1)
                continue
            self.number += 1
            await write(self.number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ends.wait(), pause * self.chance.uniform(0.3, 1.7))

    async def _nora(self, n: int) -> None:
        chat = self.practice.chat(NORA)
        text = "/crisis" if self.asks_for_help and n % 3 == 0 else f"good morning {n}"
        self.ledger.wrote("telegram", chat.writes(text))

    async def _maya(self, n: int) -> None:
        update = self.practice.chat(MAYA).writes(f"i want to kill myself {n}")
        self.ledger.wrote("telegram", update, danger=True)

    async def _theo(self, n: int) -> None:
        text = "HELP" if self.asks_for_help and n % 3 == 0 else f"good evening {n}"
        self.ledger.texted(await self.practice.phone(THEO).texts(text))

    async def _lena(self, n: int) -> None:
        self.ledger.texted(await self.practice.phone(LENA).texts(f"i want to end my life {n}"), danger=True)

    async def _ruth(self, n: int) -> None:
        number = self.chance.randint(1, 4)
        text = self.chance.choice((f"{number}a", f"{number}v", f"{number}c I phoned them {n}"))
        self.ledger.wrote("telegram-staff", self.practice.chat(RUTH).writes(text))

    async def _sam(self, n: int) -> None:
        self.ledger.wrote("telegram-staff", self.practice.chat(SAM).writes(f"who is on call {n}"))


async def killed_at_random(practice: Practice, ledger: Ledger, traffic: Traffic, chance: random.Random) -> None:
    """While it starts, now and then; mostly soon after it has."""
    practice.launch()
    if chance.random() < 0.35:
        await asyncio.sleep(chance.uniform(0.3, 1.5))
    else:
        await until(lambda: "Handrail is running" in practice.told, within=30, what="the service", every=0.01)
        await asyncio.sleep(chance.uniform(0.0, 0.35))
    assert practice.runs, practice.told
    practice.kill()
    ledger.kills += 1


def answers_to_staff(books: Books) -> int:
    return sum(
        row.channel == "telegram-staff" and row.lane is Lane.REPLY and "not sure my last" not in row.text
        for row in books.outbound
    )


@pytest.mark.parametrize(("database", "kills"), [("sqlite", KILLS), ("postgresql", KILLS // 6)])
@pytest.mark.mission("M36")
async def test_killed_again_and_again_under_traffic_the_ledger_balances(
    tmp_path: Path, request: pytest.FixtureRequest, database: str, kills: int
) -> None:
    seed = int(os.environ.get("HANDRAIL_SEED") or random.SystemRandom().randrange(1_000_000))
    print(f"HANDRAIL_SEED={seed}")
    chance = random.Random(seed)
    sqlite = database == "sqlite"
    signed = request.getfixturevalue("signed") if sqlite else None
    url = "" if sqlite else request.getfixturevalue("postgres_url")
    async with opened(tmp_path / "practice", signed, database_url=url) as practice:
        practice.settings["HANDRAIL_TWILIO_ANSWERS_KEYWORDS"] = "false"
        ledger = Ledger(practice)
        traffic = Traffic(ledger, random.Random(seed + 1))
        flow = asyncio.create_task(traffic.flow())
        try:
            for count in range(1, kills + 1):
                await killed_at_random(practice, ledger, traffic, chance)
                # What is doubted is asked for two minutes later: the last doubts shall be settled soon after the end.
                traffic.asks_for_help = count < kills * 0.8
                if count % 50 == 0:
                    await ledger.check_inbound()
        finally:
            traffic.ends.set()
            await flow
        await practice.start()
        await settled(ledger, answered=False)
        books = await ledger.check()
        await practice.end()
    assert answers_to_staff(books) == sum(key.startswith("telegram-staff") for key in books.inbound)
    for key in ("telegram", "sms"):
        one = next(danger for danger in ledger.dangers if danger.startswith(f"{key} "))
        counted, written = ledger.alert_counts(books, one)
        assert counted == written, "each danger is counted once in its alert"
