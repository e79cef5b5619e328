"""The real service as a process between the two doubles: started, killed, started again on the same data."""

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from bot.recovery.people import Role
from bot.store import people
from bot.store.database import Store, Unit
from bot.store.vault import Vault, parse_keys
from tests.doubles.telegram import BotDouble, ChatDouble, TelegramDouble, telegram_double
from tests.doubles.twilio import Account, PhoneDouble, TwilioDouble, twilio_double

HOME = Path(__file__).resolve().parent.parent.parent
HANDRAIL = HOME / ".venv" / "bin" / "handrail"
CLIENT_TOKEN, STAFF_TOKEN = "111111:client-token", "222222:staff-token"
ACCOUNT, AUTH_TOKEN, OLD_AUTH_TOKEN, NUMBER = "AC" + "a" * 32, "tok" + "b" * 29, "tok" + "c" * 29, "+15550001"
PUBLIC = "https://hr.example.org"
STARTS_WITHIN = 30.0


@dataclass(frozen=True)
class Known:
    """Someone who has joined already, with the ways to reach them."""

    key: str
    role: Role
    ways: tuple[tuple[str, str], ...]
    interventionist: str | None = None


RUTH = Known("ruth", Role.STAFF, (("telegram-staff", "9001"),))
SAM = Known("sam", Role.STAFF, (("telegram-staff", "9002"),))
MAYA = Known("maya", Role.CLIENT, (("telegram", "5001"),), "ruth")
NORA = Known("nora", Role.CLIENT, (("telegram", "5002"),), "ruth")
THEO = Known("theo", Role.CLIENT, (("sms", "+15035550144"),), "ruth")
LENA = Known("lena", Role.CLIENT, (("sms", "+15035550145"),), "ruth")
INES = Known("ines", Role.FAMILY, (("telegram", "5003"),))
EVERYBODY = (RUTH, SAM, MAYA, NORA, THEO, LENA, INES)


@pytest.fixture(scope="session")
def signed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a data folder and its keys, every safety text signed, nobody in it yet."""
    folder = tmp_path_factory.mktemp("signed")
    sign_texts(folder)
    return folder


def sign_texts(folder: Path, **settings: str) -> None:
    done = subprocess.run(
        [str(HANDRAIL), "content", "sign", "--by", "Ann Doe", "--yes"],
        env={**_bare(), "HANDRAIL_DATA": str(folder / "data"), **settings},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _bare() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("HANDRAIL_")}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Practice:
    """A practice on a data folder of its own, the two doubles, and the service that may run on it."""

    folder: Path
    telegram: TelegramDouble
    twilio: TwilioDouble
    database_url: str = ""
    data: Path = field(init=False)
    logs: Path = field(init=False)
    settings: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    port: int = field(default_factory=_free_port)

    def __post_init__(self) -> None:
        self.data, self.logs = self.folder / "data", self.folder
        self.bot: BotDouble = self.telegram.bot(CLIENT_TOKEN, "handrail_bot")
        self.staff_bot: BotDouble = self.telegram.bot(STAFF_TOKEN, "handrail_staff_bot")
        self.account: Account = self.twilio.account(ACCOUNT, AUTH_TOKEN, number=NUMBER)
        self.twilio.webhook(public_url=f"{PUBLIC}/sms", post_to=f"{self.local}/sms")
        self.twilio.reroute(PUBLIC, self.local)
        for known in EVERYBODY:
            self._appear(known)

    @property
    def local(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _appear(self, known: Known) -> None:
        for channel, address in known.ways:
            if channel == "sms":
                self.account.phone(address)
            else:
                self._bot(channel).chat(int(address), first_name=known.key.title())

    def _bot(self, channel: str) -> BotDouble:
        return self.staff_bot if channel == "telegram-staff" else self.bot

    def chat(self, known: Known) -> ChatDouble:
        channel, address = next((c, a) for c, a in known.ways if c != "sms")
        return self._bot(channel).chat(int(address))

    def phone(self, known: Known) -> PhoneDouble:
        return self.account.phone(next(address for channel, address in known.ways if channel == "sms"))

    # What is in the database

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Store]:
        url = self.database_url or f"sqlite:///{self.data / 'handrail.db'}"
        async with Store(url, Vault(parse_keys((self.folder / "data-keys").read_text()))) as store:
            yield store

    async def add(self, *everybody: Known) -> None:
        """Put people into the database who have joined already."""
        now = datetime.now(UTC)
        async with self.store() as store, store.write() as unit:
            for known in everybody:
                self._appear(known)
                above = await people.by_key(unit, known.interventionist) if known.interventionist else None
                row = await people.add(
                    unit,
                    key=known.key,
                    role=known.role,
                    name=f"{known.key.title()} Doe",
                    time_zone="America/Los_Angeles",
                    country="US",
                    now=now,
                    interventionist_id=above.id if above else None,
                    on_call=known.role is Role.STAFF,
                )
                for channel, address in known.ways:
                    await people.add_contact(unit, row.id, channel, address)

    async def look[T](self, question: Callable[[Unit], Awaitable[T]]) -> T:
        """Ask the database something while the service runs."""
        async with self.store() as store, store.read() as unit:
            return await question(unit)

    # The process

    def environment(self, *, engine: bool, **more: str) -> dict[str, str]:
        return {
            **_bare(),
            "PYTHONPATH": str(HOME),
            "HANDRAIL_DATA": str(self.data),
            "HANDRAIL_KEY_FILE": str(self.folder / "data-keys"),
            "HANDRAIL_DATABASE_URL": self.database_url,
            "HANDRAIL_ENGINE": "true" if engine else "false",
            "HANDRAIL_TELEGRAM_TOKEN": CLIENT_TOKEN,
            "HANDRAIL_TELEGRAM_STAFF_TOKEN": STAFF_TOKEN,
            "HANDRAIL_TELEGRAM_API_URL": self.telegram.base,
            "HANDRAIL_TWILIO_ACCOUNT_SID": ACCOUNT,
            "HANDRAIL_TWILIO_AUTH_TOKEN": AUTH_TOKEN,
            "HANDRAIL_TWILIO_FROM": NUMBER,
            "HANDRAIL_TWILIO_API_URL": self.twilio.base,
            "HANDRAIL_SMS_RATE": "100",
            "HANDRAIL_PUBLIC_URL": PUBLIC,
            "HANDRAIL_PORT": str(self.port),
            "HANDRAIL_LOG_LEVEL": "info",
            "HANDRAIL_PRACTICE": "Copper Creek",
            **self.settings,
            **more,
        }

    def launch(self, *, engine: bool = False, killer: Mapping[str, str] | None = None) -> None:
        """Start the service and do not wait for it; with a killer it ends itself at a boundary."""
        assert self.process is None or self.process.poll() is not None, "one service at a time"
        self.starts += 1
        command = [str(HANDRAIL), "run"]
        if killer is not None:
            command = [sys.executable, "-c", "import tests.faults.killer; from bot.cli import main; main()", "run"]
        with self._told().open("wb") as told:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=told,
                cwd=self.folder,
                env=self.environment(engine=engine, **(killer or {})),
            )

    def _told(self) -> Path:
        return self.logs / f"told-{self.starts:04}"

    @property
    def told(self) -> str:
        """What the service has said since its last start."""
        return self._told().read_text(errors="replace")

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    async def start(self, *, engine: bool = False, killer: Mapping[str, str] | None = None) -> None:
        """Start the service and wait until it says that it runs."""
        self.launch(engine=engine, killer=killer)
        await until(
            lambda: "Handrail is running" in self.told or not self.runs, within=STARTS_WITHIN, what="the service to run"
        )
        assert self.runs, self.told

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process:
            self.process.kill()
            self.process.wait()

    async def end(self) -> None:
        """Ask it to end, as an operator would."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                await asyncio.to_thread(self.process.wait, 20)
            except subprocess.TimeoutExpired:
                self.kill()

    # What it says over HTTP

    async def refused(self) -> dict[tuple[str, str], float]:
        """How many calls it has refused, by border and reason."""
        async with httpx.AsyncClient(trust_env=False) as client:
            body = (await client.get(f"{self.local}/metrics")).text
        found = re.findall(r'handrail_refused_total\{border="([^"]*)",reason="([^"]*)"\} ([\d.e+]+)', body)
        return {(border, reason): float(count) for border, reason, count in found}


@asynccontextmanager
async def opened(folder: Path, signed: Path | None, *, database_url: str = "") -> AsyncIterator[Practice]:
    """A practice with everybody in it; whatever runs on it is ended at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    if signed is not None:
        shutil.copytree(signed, folder, dirs_exist_ok=True)
    else:
        sign_texts(folder, HANDRAIL_DATABASE_URL=database_url)
    async with telegram_double() as telegram, twilio_double() as twilio:
        practice = Practice(folder, telegram, twilio, database_url)
        await practice.add(*EVERYBODY)
        try:
            yield practice
        finally:
            practice.kill()


@pytest.fixture
async def practice(tmp_path: Path, signed: Path) -> AsyncIterator[Practice]:
    """The practice on SQLite; nothing runs yet."""
    async with opened(tmp_path / "practice", signed) as found:
        yield found


@pytest.fixture
async def running(practice: Practice) -> AsyncIterator[Practice]:
    """The practice on SQLite with the service running, without its engine."""
    await practice.start()
    yield practice
    await practice.end()


async def until(true: Callable[[], object], *, within: float, what: str, every: float = 0.05) -> None:
    """Wait for something that another process does."""
    give_up = asyncio.get_running_loop().time() + within
    while True:
        found = true()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return
        assert asyncio.get_running_loop().time() < give_up, f"waited {within:.0f} s in vain for {what}"
        await asyncio.sleep(every)


def numbered(texts: Iterator[str] | list[str], number: int) -> list[str]:
    """The texts that carry a number."""
    return [text for text in texts if re.search(rf"\b{number}\b", text)]
