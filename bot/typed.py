"""What is typed at the terminal in which the service runs, and what it shows there."""

import asyncio
import contextlib
import os
import sys
import threading

import structlog
from sqlalchemy.exc import SQLAlchemyError

from bot.app import Handrail
from bot.channels import console
from bot.conversation.reception import Kept, Reception
from bot.delivery.messages import Delivery, NotKept, plain, shown
from bot.store import people

log = structlog.get_logger()

LONGEST_LINE = 8 * 1024 * 1024


def show(delivery: Delivery) -> None:
    choices = f"  {shown([choice.title for choice in delivery.message.choices])}" if delivery.message.choices else ""
    # Line by line, each made plain: what a person wrote must not act on the terminal of whoever reads it.
    text = "\n  ".join(plain(line) for line in delivery.message.text.splitlines())
    sys.stdout.write(f"to {delivery.address}: {text}{choices}\n")
    sys.stdout.flush()


async def hear(app: Handrail, reception: Reception, stop: asyncio.Event) -> None:
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
