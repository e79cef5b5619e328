"""Databases for tests: SQLite and PostgreSQL, each test with a fresh one of its own.

Fixtures, which every test may ask for (``tests/conftest.py``).
"""

import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from bot.store.database import Store, async_url
from bot.store.migrate import upgrade
from bot.store.vault import Vault, new_key

GIVEN = "HANDRAIL_TEST_POSTGRES_URL"


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server for the whole run."""
    with server() as url:
        yield url


@contextmanager
def server() -> Iterator[str]:
    """The address of a PostgreSQL server: the one that was given, or one of our own in a temporary folder."""
    given = os.environ.get(GIVEN)
    if given:
        yield given
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pgserver

        # A folder of its own: the server makes every folder above its data readable to all.
        folder = Path(tempfile.mkdtemp(prefix="handrail-pg-"))
        server = pgserver.get_server(folder / "data")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database(server: str, template: str = "template1") -> Iterator[str]:
    """The address of a fresh database on the server, made after another."""
    name = f"handrail_{secrets.token_hex(6)}"
    address = make_url(async_url(server))
    admin = create_engine(address, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template}"))
    try:
        yield address.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


async def migrated(url: str) -> None:
    async with Store(url, Vault(dict([new_key()]))) as store:
        await upgrade(store)


@pytest.fixture(scope="session")
async def migrated_postgres(postgres: str) -> AsyncIterator[str]:
    """The name of an empty database with the schema: copying it is quicker than making the schema each time."""
    with database(postgres) as url:
        await migrated(url)
        yield str(make_url(url).database)


@pytest.fixture(scope="session")
async def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with the schema, as a file to copy."""
    path = tmp_path_factory.mktemp("schema") / "handrail.db"
    await migrated(f"sqlite:///{path}")
    return path


@pytest.fixture
def postgres_url(postgres: str, migrated_postgres: str) -> Iterator[str]:
    """A fresh database on the server, with the schema and nothing in it."""
    with database(postgres, migrated_postgres) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, migrated_sqlite: Path) -> str:
    """A fresh database of each kind, with the schema and nothing in it."""
    if request.param == "sqlite":
        return f"sqlite:///{shutil.copyfile(migrated_sqlite, tmp_path / 'handrail.db')}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def vault() -> Vault:
    return Vault(dict([new_key()]))


@pytest.fixture
async def store(database_url: str, vault: Vault) -> AsyncIterator[Store]:
    """An empty store with its schema, on each kind of database."""
    async with Store(database_url, vault) as opened:
        await upgrade(opened)
        yield opened
