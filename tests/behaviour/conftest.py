"""A fresh world for each story: own database, own clock, the shared engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import demo
from bot.app import EngineHost
from bot.content import Content
from bot.safety.screen import Screen
from tests.behaviour.world import World


@pytest.fixture
async def world(home: Path, tmp_path: Path, content: Content, screen: Screen, host: EngineHost) -> AsyncIterator[World]:
    lines: list[demo.Line] = []
    async with demo.opened(home, tmp_path, content, screen, host, lines.append) as opened:
        yield World(opened, lines)
        if not host.process.pid or not host.client.ready:
            await host.process.start()
            await host.process.wait_ready()
