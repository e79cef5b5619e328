"""The schema goes up, down and up again, and is exactly what the tables say."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect

from bot.store.database import Store
from bot.store.migrate import downgrade, upgrade
from bot.store.tables import Base
from bot.store.vault import Vault


async def test_up_down_and_up_again(database_url: str, vault: Vault) -> None:
    tables: list[set[str]] = []

    def look(connection: Connection) -> None:
        tables.append(set(inspect(connection).get_table_names()) - {"alembic_version"})

    async with Store(database_url, vault) as store:
        for step in (upgrade, downgrade, upgrade, upgrade):
            await step(store)
            await store.migrate(look)
    everything = set(Base.metadata.tables)
    assert tables == [everything, set(), everything, everything]


async def test_migrations_and_tables_say_the_same(store: Store) -> None:
    found: list[Any] = []

    def compare(connection: Connection) -> None:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found.extend(compare_metadata(context, Base.metadata))

    await store.migrate(compare)
    assert found == []
