"""One real engine for a module of tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.app import EngineHost
from bot.conversation.model import train


@pytest.fixture(scope="module")
def model(home: Path) -> Path:
    return train(home, print)


@pytest.fixture(scope="module")
async def engine_host(home: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EngineHost]:
    """An engine of this module's own, so that it may be killed."""
    log_file = tmp_path_factory.mktemp("engine") / "engine.log"
    async with EngineHost.running(home, log_file, model) as running:
        await running.process.wait_ready()
        yield running
