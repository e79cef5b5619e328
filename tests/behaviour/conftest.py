"""A fresh world for each story: own database, own clock, the shared engine; on each of the channels."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from zlib import crc32

import pytest

from bot import demo
from bot.app import EngineHost
from bot.content import Content
from bot.delivery.spool import Spool
from bot.safety.screen import Screen
from tests.behaviour.world import World
from tests.doubles.phones import KINDS, BySms, Mixed, phones

ALL = os.environ.get("HANDRAIL_CHANNELS") == "all"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every story is told on every channel, unless it says on which (``@pytest.mark.channels``).

    Those that leave it open are told at the terminal and, by turns, on Telegram or by SMS: a story takes seconds, and each
    channel has its own tests. All three with ``HANDRAIL_CHANNELS=all``.
    """
    if "channel" not in metafunc.fixturenames:
        return
    said = metafunc.definition.get_closest_marker("channels")
    console, *phones = KINDS
    turn = crc32(metafunc.function.__name__.encode()) % len(phones)
    metafunc.parametrize("channel", said.args if said else KINDS if ALL else (console, phones[turn]))


@pytest.fixture
async def world(
    home: Path, tmp_path: Path, content: Content, screen: Screen, host: EngineHost, channel: str, migrated_sqlite: Path
) -> AsyncIterator[World]:
    lines: list[demo.Line] = []
    shutil.copyfile(migrated_sqlite, tmp_path / demo.DATABASE)
    async with AsyncExitStack() as stack:
        outside = await stack.enter_async_context(phones(channel, home))
        opening = demo.opened(home, tmp_path, content, screen, host, lines.append, outside=outside)
        opened = await stack.enter_async_context(opening)
        if isinstance(outside, BySms | Mixed):
            spool = Spool(tmp_path / "spool", opened.app.store.vault)
            await stack.enter_async_context(outside.border(opened, spool))
        yield World(opened, lines, outside)
        if not host.process.pid or not host.client.ready:
            await host.process.start()
            await host.process.wait_ready()
