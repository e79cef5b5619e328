"""The real service, and opening the real store: what `handrail run` and the other commands share."""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog

from bot.app import EngineHost, Handrail, load_content, load_screen
from bot.channels import console
from bot.content import Content, ContentError
from bot.conversation.intake import LAST_WORDS, UnknownSender
from bot.delivery.messages import Delivery, plain
from bot.schedule.clock import RealClock
from bot.settings import Settings
from bot.store import audit, signatures
from bot.store.database import Store
from bot.store.migrate import upgrade
from bot.store.rotation import rotate, unknown_keys
from bot.store.vault import Vault, VaultError, new_key, only_one, write_keys

log = structlog.get_logger()

LONGEST_LINE = 8 * 1024 * 1024


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
    # Line by line, each made plain: what a person wrote must not act on the terminal of whoever reads it.
    text = "\n  ".join(plain(line) for line in delivery.message.text.splitlines())
    sys.stdout.write(f"to {delivery.address}: {again}{text}{choices}\n")
    sys.stdout.flush()


async def _hear(app: Handrail, stop: asyncio.Event) -> None:
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
            await _take(app, stop, key.strip(), text.strip())
        elif line:
            sys.stderr.write("Write KEY: TEXT, such as maya: hello\n")


async def _take(app: Handrail, stop: asyncio.Event, key: str, text: str) -> None:
    """Have a message taken in. Where the database cannot, the message is kept here and offered again until it can.

    Nothing that was written is passed over: what follows waits, in order, where it came from.
    """
    message, wait, told = console.heard(key, text), 0.5, False
    while True:
        try:
            await app.intake.accept(message)
        except UnknownSender:
            sys.stderr.write(f"Nobody here has the key {key!r}: `handrail practice load FILE.yml` adds people.\n")
        except Exception:
            log.exception("a message could not be kept yet")
            sys.stderr.write("This message is not kept yet: the database does not answer. It is tried again.\n")
            if not told and app.intake.alarming(text):
                sys.stdout.write(f"to {key}: {LAST_WORDS}\n")
                sys.stdout.flush()
            told = True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait)
            wait = min(wait * 2, 5.0)
            if not stop.is_set():
                continue
        return


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
