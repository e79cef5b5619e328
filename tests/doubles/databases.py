"""Databases for tests: SQLite and PostgreSQL, each test with a fresh one of its own.

Fixtures; a folder that wants them imports them in its ``conftest.py``.
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


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    """A fresh database on the server."""
    name = f"handrail_{secrets.token_hex(6)}"
    address = make_url(async_url(postgres))
    admin = create_engine(address, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield address.set(drivername="postgresql", database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'handrail.db'}"
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
