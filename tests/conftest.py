"""What every test may use: the fixed words, the screen, databases, the practice with its engine doubled, and one real engine."""

import fcntl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.app import EngineHost, load_content, load_screen
from bot.content import Content
from bot.conversation.model import train
from bot.safety.screen import Screen
from tests.doubles.databases import (
    database_url,
    migrated_postgres,
    migrated_sqlite,
    postgres,
    postgres_url,
    store,
    vault,
)
from tests.doubles.house import each_house, empty_house, engine, house

__all__ = [
    "database_url",
    "each_house",
    "empty_house",
    "engine",
    "house",
    "migrated_postgres",
    "migrated_sqlite",
    "postgres",
    "postgres_url",
    "store",
    "vault",
]

HOME = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def home() -> Path:
    return HOME


@pytest.fixture(scope="session")
def content() -> Content:
    return load_content(HOME)


@pytest.fixture(scope="session")
def screen() -> Screen:
    return load_screen(HOME)


@pytest.fixture(scope="session")
async def host() -> AsyncIterator[EngineHost]:
    """The real engine, started once: it keeps nothing, so every test may ask it."""
    model = train(HOME, print)
    async with AsyncExitStack() as stack:
        # Several test processes start theirs one after the other: each start takes a whole core for a while.
        with (model.parent / ".starting").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            running = await stack.enter_async_context(EngineHost.running(HOME, model=model))
            await running.process.wait_ready()
        yield running
