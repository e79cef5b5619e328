"""The real service, and opening the real store: what `handrail run` and the other commands share."""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot.app import EngineHost, Handrail, every, load_content, load_screen, until_done
from bot.channels import console, sms
from bot.channels.sms import Provider
from bot.channels.telegram import Polling, TelegramBot
from bot.connections import Connections, connected, webhook_secret
from bot.content import Content, ContentError
from bot.conversation.reception import Kept, Reception
from bot.delivery import inbox
from bot.delivery.messages import Delivery, NotKept, plain, shown
from bot.delivery.spool import Spool
from bot.schedule.clock import RealClock
from bot.settings import Settings
from bot.store import audit, people, signatures
from bot.store.database import Store
from bot.store.migrate import upgrade
from bot.store.rotation import rotate, unknown_keys
from bot.store.vault import Vault, VaultError, new_key, only_one, write_keys
from bot.web.border import Border
from bot.web.server import serving

log = structlog.get_logger()

LONGEST_LINE = 8 * 1024 * 1024
CATCH_UP_EVERY = 600.0
CATCH_UP_WITHIN = 120.0
# The provider's record is read again from so long before the last message: its clock is not ours.
CATCH_UP_BACK = timedelta(hours=1)
CATCH_UP_MOST = timedelta(days=7)


class Unsigned(ContentError):
    """Safety texts stand that the practice has not signed."""


@asynccontextmanager
async def opened_store(settings: Settings, *, create: bool = False) -> AsyncIterator[Store]:
    """The practice's store with its schema up to date.

    Args:
        create: make a key file where there is none yet.

    Raises:
        SettingsError: there are no keys.
        VaultError: the keys are not those that the database was sealed with.
        StoreError: the database's address is wrong.
    """
    made = dict([new_key()]) if create and not settings.has_keys else None
    ring = made or settings.key_ring()
    if not settings.database_url:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with Store(settings.url, Vault(ring, settings.key_ring)) as store:
        await upgrade(store)
        async with store.read() as unit:
            missing = await unknown_keys(unit)
        if missing:
            raise VaultError(
                f"this database is sealed with the key{'s' if len(missing) > 1 else ''} {', '.join(sorted(missing))}, which "
                f"{settings.key_path if not settings.keys else 'HANDRAIL_KEYS'} does not hold: put the right key file there. "
                "Without it nobody who writes would be known, and nothing could be read"
            )
        if made:
            # Only now: a key that does not fit an old database must not lie there as if it were the right one.
            write_keys(settings.key_path, made)
        yield store


async def unsigned(store: Store, content: Content) -> list[str]:
    """The ids of safety texts that nobody has signed as they stand."""
    async with store.read() as unit:
        signed = await signatures.current(unit)
    return [f"{piece.id} ({piece.language})" for piece in content.must_be_signed() if piece.digest not in signed]


async def serve(settings: Settings) -> None:
    """Run until interrupted.

    Raises:
        Unsigned: a safety text is not signed.
        ServiceRunning: another service works on the same SQLite file.
    """
    content = load_content(settings.home)
    async with opened_store(settings, create=True) as store:
        store.claim_service()
        missing = await unsigned(store, content)
        if missing:
            raise Unsigned(
                f"{len(missing)} safety texts are not signed by your practice, so the service does not start: "
                f"{', '.join(missing[:3])}{' …' if len(missing) > len(missing[:3]) else ''}. "
                "Read them with `handrail content list --kind safety`, then `handrail content sign --by NAME`."
            )
        screen = load_screen(settings.home)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        async with (
            connected(settings, content) as connections,
            EngineHost.running(settings.home, settings.data / "logs" / "engine.log", start=settings.engine) as host,
        ):
            channels = {console.NAME: console.Console(_show), **connections.channels}
            app = Handrail(store, content, screen, host, channels, RealClock(), settings.named)
            spool = Spool(settings.spool, store.vault)
            reception = Reception(store, app.intake, spool, channels, app.clock.now)
            async with store.read() as unit:
                last_sms = await inbox.last_received(unit, sms.NAME)
            async with _open_border(settings, app, reception, connections):
                sys.stderr.write(_welcome(connections))
                sys.stderr.flush()
                hearing = asyncio.create_task(_hear(app, reception, stop))
                try:
                    await app.serve(stop, _work(app, reception, connections, settings, last_sms))
                finally:
                    hearing.cancel()


def _welcome(connections: Connections) -> str:
    if not connections.channels:
        return (
            "Handrail is running, and no channel is set up: `handrail doctor` says what Telegram and SMS need. "
            "Type KEY: TEXT for someone at this terminal; Ctrl-C ends it.\n"
        )
    return f"Handrail is running on {', '.join(connections.channels)}. Ctrl-C ends it.\n"


@asynccontextmanager
async def _open_border(
    settings: Settings, app: Handrail, reception: Reception, connections: Connections
) -> AsyncIterator[None]:
    """Serve the webhooks, where anything needs them."""
    bots: dict[str, tuple[TelegramBot, str]] = {}
    if settings.telegram_webhook:
        bots = {name: (bot, webhook_secret(settings, name)) for name, bot in connections.bots.items()}
    if not bots and connections.provider is None:
        yield
        return
    told = app.senders[sms.NAME].told if sms.NAME in app.senders else None
    border = Border(reception.take, app.intake.set_aside, told, connections.provider, bots, app.healthy)
    async with serving(border.app, settings.listen, settings.port) as port:
        sys.stderr.write(f"Webhooks are taken on {settings.listen}:{port}, for {settings.public_url}.\n")
        yield


def _work(
    app: Handrail,
    reception: Reception,
    connections: Connections,
    settings: Settings,
    last_sms: datetime | None,
) -> list[Callable[[asyncio.Event], Awaitable[None]]]:
    """What runs beside the application's own workers: reading, emptying the spool, remembering whom to call."""
    work: list[Callable[[asyncio.Event], Awaitable[None]]] = [
        partial(every, 1.0, reception.drain),
        partial(every, 60.0, reception.remember_staff),
    ]
    for name, bot in connections.bots.items():
        if settings.telegram_webhook:
            url = f"{settings.public_url}/telegram/{name}"
            work.append(partial(until_done, partial(bot.set_webhook, url, webhook_secret(settings, name))))
            work.append(partial(until_done, bot.introduce))
        else:
            work.append(Polling(bot, reception.take, app.intake.set_aside, alarm=reception.alarm).run)
    if connections.provider is not None:
        work.append(partial(every, CATCH_UP_EVERY, CatchUp(app, reception, connections.provider, last_sms).run_once))
    return work


class CatchUp:
    """Takes in what the provider has and no call has brought: it does not call twice, and we may have been away."""

    def __init__(self, app: Handrail, reception: Reception, provider: Provider, last: datetime | None) -> None:
        self._app = app
        self._reception = reception
        self._provider = provider
        # When the last message came in before this start: what is newer may have been missed.
        self._since = last or app.clock.now()

    async def run_once(self) -> int:
        """Read the provider's record since the last time that this worked."""
        now = self._app.clock.now()
        async with asyncio.timeout(CATCH_UP_WITHIN):
            missed = await self._provider.received(max(self._since - CATCH_UP_BACK, now - CATCH_UP_MOST))
        for message in missed:
            await self._reception.take(message)
        self._since = now
        return 0


def _show(delivery: Delivery) -> None:
    choices = f"  {shown([choice.title for choice in delivery.message.choices])}" if delivery.message.choices else ""
    # Line by line, each made plain: what a person wrote must not act on the terminal of whoever reads it.
    text = "\n  ".join(plain(line) for line in delivery.message.text.splitlines())
    sys.stdout.write(f"to {delivery.address}: {text}{choices}\n")
    sys.stdout.flush()


async def _hear(app: Handrail, reception: Reception, stop: asyncio.Event) -> None:
    """Take ``key: text`` lines from standard input, whatever it is; the service goes on where it ends or there is none."""
    lines: asyncio.Queue[bytes] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        # Not by `sys.stdin`: a thread that waits inside it would bring the process down when it ends.
        rest = b""
        with contextlib.suppress(OSError, ValueError, RuntimeError, AttributeError):
            while chunk := os.read(sys.stdin.fileno(), 65_536):
                *whole, rest = (rest + chunk).split(b"\n")
                if len(rest) > LONGEST_LINE:
                    whole, rest = [*whole, rest], b""
                for line in whole:
                    loop.call_soon_threadsafe(lines.put_nowait, line)
            loop.call_soon_threadsafe(lines.put_nowait, rest)

    # A thread that ends with the process: standard input may be a terminal, a pipe, a file or nothing at all.
    threading.Thread(target=read, daemon=True).start()
    while not stop.is_set():
        line = (await lines.get()).decode("utf-8", "surrogateescape").strip()
        key, colon, text = line.partition(":")
        if colon:
            await _take(app, reception, key.strip(), text.strip())
        elif line:
            sys.stderr.write("Write KEY: TEXT, such as maya: hello\n")


async def _take(app: Handrail, reception: Reception, key: str, text: str) -> None:
    """Have a message from the terminal taken in; a terminal has no strangers, only misspelt names."""
    try:
        async with app.store.read() as unit:
            if await people.by_address(unit, console.NAME, key) is None:
                sys.stderr.write(f"Nobody here has the key {key!r}: `handrail practice load FILE.yml` adds people.\n")
                return
    except SQLAlchemyError:
        log.warning("the database cannot be asked who writes")
    try:
        if await reception.take(console.heard(key, text)) is Kept.SPOOL:
            sys.stderr.write("The database does not answer. This message is kept on disk until it does.\n")
    except NotKept:
        sys.stderr.write("This message is NOT kept: neither the database nor the disk takes it. Write it again.\n")


async def rotate_keys(settings: Settings) -> int:
    """Put a new key first in the key file, then seal everything with it; returns how many values were sealed."""
    with only_one(settings.key_path):
        ring = settings.key_ring()
        key_id, key = new_key()
        # The new key is on disk before anything is sealed with it: a crash in between loses nothing.
        write_keys(settings.key_path, {key_id: key, **ring})
        return await reseal(settings)


async def reseal(settings: Settings) -> int:
    """Seal whatever an older key sealed with the current one; returns how many values were sealed."""
    async with opened_store(settings) as store:
        count = await rotate(store)
        async with store.write() as unit:
            await audit.write(unit, "operator", "values sealed with a new key", "vault", datetime.now(UTC))
        return count
