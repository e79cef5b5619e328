"""The real service, and opening the real store: what `handrail run` and the other commands share."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog

from bot.app import EngineHost, Handrail, load_content, load_screen
from bot.channels import console
from bot.content import Content, ContentError
from bot.conversation.intake import UnknownSender
from bot.delivery.messages import Delivery
from bot.schedule.clock import RealClock
from bot.settings import Settings
from bot.store import audit, signatures
from bot.store.database import Store
from bot.store.migrate import upgrade
from bot.store.rotation import rotate
from bot.store.vault import Vault, new_key, write_keys

log = structlog.get_logger()


class Unsigned(ContentError):
    """Safety texts stand that the practice has not signed."""


@asynccontextmanager
async def opened_store(settings: Settings, *, create: bool = False) -> AsyncIterator[Store]:
    """The practice's store with its schema up to date.

    Args:
        create: make a key file where there is none yet.

    Raises:
        SettingsError: there are no keys.
        StoreError: the database's address is wrong.
    """
    ring = settings.key_ring(create=create)
    if not settings.database_url:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with Store(settings.url, Vault(ring, settings.key_ring)) as store:
        await upgrade(store)
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
        async with EngineHost.running(settings.home, settings.data / "logs" / "engine.log") as host:
            app = Handrail(
                store, content, screen, host, {console.NAME: console.Console(_show)}, RealClock(), settings.practice
            )
            sys.stderr.write("Handrail is running. Type KEY: TEXT for someone at this terminal; Ctrl-C ends it.\n")
            hearing = asyncio.create_task(_hear(app, stop))
            try:
                await app.serve(stop)
            finally:
                hearing.cancel()


def _show(delivery: Delivery) -> None:
    again = "(sent again) " if delivery.repeat else ""
    choices = (
        "  " + " ".join(f"[{choice.title}]" for choice in delivery.message.choices) if delivery.message.choices else ""
    )
    sys.stdout.write(f"to {delivery.address}: {again}{delivery.message.text}{choices}\n")
    sys.stdout.flush()


async def _hear(app: Handrail, stop: asyncio.Event) -> None:
    """Take ``key: text`` lines from standard input; the service goes on where there is none."""
    reader = asyncio.StreamReader(limit=8 * 1024 * 1024)
    loop = asyncio.get_running_loop()
    try:
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    except (OSError, ValueError):
        return
    while not stop.is_set():
        line = await reader.readline()
        if not line:
            return
        key, colon, text = line.decode("utf-8", "surrogateescape").rstrip("\r\n").partition(":")
        if not colon:
            sys.stderr.write("Write KEY: TEXT, such as maya: hello\n")
            continue
        try:
            await app.intake.accept(console.heard(key.strip(), text.strip()))
        except UnknownSender:
            sys.stderr.write(
                f"Nobody here has the key {key.strip()!r}: `handrail practice load FILE.yml` adds people.\n"
            )


async def rotate_keys(settings: Settings) -> int:
    """Put a new key first in the key file, then seal everything with it; returns how many values were sealed."""
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
