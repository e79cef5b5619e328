"""Bringing a database to the present schema, and back."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from bot.store.database import Store

FOLDER = Path(__file__).parent / "migrations"


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


@cache
def _newest() -> frozenset[str]:
    return frozenset(ScriptDirectory(str(FOLDER)).get_heads())


async def upgrade(store: Store, revision: str = "head") -> None:
    """Create or update the schema; one that is the present one is left alone."""
    if revision == "head" and await is_current(store):
        return
    await store.migrate(lambda connection: command.upgrade(_config(connection), revision))


async def is_current(store: Store) -> bool:
    """Whether the schema is the present one; changes nothing."""
    return await _heads(store) == _newest()


async def is_empty(store: Store) -> bool:
    """Whether nothing of Handrail's was ever made in the database; changes nothing."""
    return not await _heads(store)


async def _heads(store: Store) -> set[str]:
    heads: set[str] = set()

    def look(connection: Connection) -> None:
        heads.update(MigrationContext.configure(connection).get_current_heads())

    await store.inspect(look)
    return heads


async def downgrade(store: Store, revision: str = "base") -> None:
    """Take the schema back."""
    await store.migrate(lambda connection: command.downgrade(_config(connection), revision))
