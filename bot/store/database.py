"""The database: engine, units of work, one writer on SQLite, one service on a file."""

import asyncio
import fcntl
import json
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Self

import structlog
from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    any_,
    bindparam,
    event,
    func,
    insert,
    literal,
    make_url,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, create_async_engine

from bot.store.vault import Place, Vault, VaultError

log = structlog.get_logger()

WRITE, CHANGED = "handrail_write", "handrail_changed"
# Connections that are kept; as many more are made where they are needed at once.
KEPT = 10
# PostgreSQL took this transaction back so that another could go on: the same work may simply be done again.
_TAKEN_BACK = frozenset({"40001", "40P01"})


class StoreError(Exception):
    """The store cannot do what it was asked; the message says what is wrong and what to do."""


class ServiceRunning(StoreError):
    """Another service already works on this database file."""


def new_id() -> str:
    """An opaque id: 128 random bits as 32 hexadecimal digits."""
    return secrets.token_hex(16)


class Unit:
    """One unit of work: a session inside one transaction, with the vault at hand. Short, and waits for nothing else."""

    def __init__(self, session: AsyncSession, vault: Vault) -> None:
        self.session = session
        self.vault = vault
        self._last: list[Callable[[], Awaitable[None]]] = []
        self._once: dict[object, Any] = {}
        # The digest of the entry of the audit trail that this unit has written last; it holds the trail since then.
        self.trail: str | None = None

    def insert(self, table: type[Any]) -> Any:
        """An insert that may say what to do where the row is there already: both databases can, each in its own words."""
        return sqlite.insert(table) if self._is_sqlite else postgresql.insert(table)

    async def insert_many(self, table: type[Any], rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert many rows with the same columns, quickly: between them there is no order."""
        if not rows:
            return
        if self._is_sqlite:
            await self.session.execute(insert(table), list(rows))
            return
        into = table.__table__
        await self.session.execute(insert(into).from_select(list(rows[0]), select(*_arrays(into, rows))))

    async def update_many(self, table: type[Any], rows: Sequence[Mapping[str, Any]]) -> None:
        """Write the same columns of many rows, which are named by ``id``, quickly; rows that are loaded do not follow."""
        if not rows:
            return
        into = table.__table__
        names = [name for name in rows[0] if name != "id"]
        if self._is_sqlite:
            query = (
                update(into)
                .where(into.c.id == bindparam("of"))
                .values({name: bindparam(f"new_{name}") for name in names})
            )
            given = [{"of": row["id"], **{f"new_{name}": row[name] for name in names}} for row in rows]
            await (await self.session.connection()).execute(query, given)
            return
        new = select(*_arrays(into, rows)).subquery()
        await self.session.execute(
            update(into).where(into.c.id == new.c.id).values({name: new.c[name] for name in names})
        )

    def one_of(self, column: Any, values: Collection[str]) -> ColumnElement[bool]:
        """Whether a column holds one of many texts: one parameter, where ``in_`` has one for each."""
        if self._is_sqlite:
            each = func.json_each(json.dumps(list(values))).table_valued("value")
            found: ColumnElement[bool] = column.in_(select(each.c.value))
        else:
            found = column == any_(literal(list(values), postgresql.ARRAY(String)))
        return found

    @property
    def _is_sqlite(self) -> bool:
        return self.session.bind is not None and self.session.bind.dialect.name == "sqlite"

    async def once[T](self, what: object, read: Callable[[], Awaitable[T]]) -> T:
        """What is the same for many rows of this unit is read for the first of them only."""
        if what not in self._once:
            self._once[what] = await read()
        found: T = self._once[what]
        return found

    def at_end(self, work: Callable[[], Awaitable[None]]) -> None:
        """Have something done as the last thing before the commit: what takes a lock that all writers share."""
        self._last.append(work)

    async def finish(self) -> None:
        """Write what is pending, then do what was kept for the end."""
        await self.session.flush()
        for work in self._last:
            await work()
        await self.session.flush()

    @asynccontextmanager
    async def apart(self, what: str, row_id: object) -> AsyncIterator[None]:
        """Work on one row of many: where it fails, only this is undone and logged, and the others go on."""
        try:
            async with self.part():
                yield
        except Exception as error:
            self.give_up_if_gone(error)
            log.exception("one row could not be worked on", what=what, row=str(row_id))

    @staticmethod
    def give_up_if_gone(error: Exception) -> None:
        """Raise an error that has cost the connection: nothing more can be done in this unit."""
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise error

    @asynccontextmanager
    async def part(self) -> AsyncIterator[None]:
        """A part of the unit that is undone as a whole where it fails; the error goes on to the caller."""
        kept = len(self._last)
        try:
            async with self.session.begin_nested():
                yield
        except BaseException:
            del self._last[kept:]
            # Rows that were read meanwhile must be read anew.
            self._once.clear()
            raise

    def seal(self, row: type[Any], column: str, row_id: str, text: str) -> bytes:
        """Encrypt a text for ``row.column`` of the row with this id."""
        return self.vault.seal(Place(row.__tablename__, column, row_id), text)

    def open(self, row: Any, column: str) -> str:
        """Decrypt a sealed column of a loaded row; an empty text where the column is null."""
        sealed = getattr(row, column)
        return "" if sealed is None else self.vault.open(Place(row.__tablename__, column, row.id), sealed)

    def open_or(self, row: Any, column: str, otherwise: str) -> str:
        """Like ``open``; a value that does not open is logged and replaced, where going on matters more."""
        try:
            return self.open(row, column)
        except VaultError:
            log.error("a sealed value does not open", table=row.__tablename__, column=column, row=row.id)  # noqa: TRY400
            return otherwise


def _arrays(table: Any, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The columns of many rows as arrays: a statement with a few large values, where PostgreSQL would read thousands."""
    return [
        func.unnest(literal([row[name] for row in rows], postgresql.ARRAY(table.c[name].type))).label(name)
        for name in rows[0]
    ]


class Store:
    """The one way to the database. ``write()`` and ``read()`` give units of work."""

    def __init__(self, url: str, vault: Vault) -> None:
        self.vault = vault
        self.url = async_url(url)
        self.is_sqlite = self.url.startswith("sqlite")
        # An error must not carry what stood in the statement.
        self._engine = create_async_engine(
            self.url,
            hide_parameters=True,
            connect_args={"timeout": 5} if self.is_sqlite else {},
            # On SQLite each connection is a thread.
            pool_size=KEPT,
            max_overflow=KEPT,
        )
        self._changed = asyncio.Event()
        self._writing = asyncio.Lock() if self.is_sqlite else None
        self._service_lock: int | None = None
        event.listen(self._engine.sync_engine, "before_cursor_execute", _note_changes)
        if self.is_sqlite:
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self._engine.sync_engine, "begin", _begin_sqlite)

    @property
    def changed(self) -> asyncio.Event:
        """Is set when this process next changes something. Taken before one looks, no change is missed."""
        return self._changed

    def _tell(self) -> None:
        told, self._changed = self._changed, asyncio.Event()
        told.set()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Unit]:
        """A unit that commits when its block ends and rolls back on any error.

        On SQLite the lock is taken before the transaction begins, so writers queue here, in order, instead of being
        refused by the database.
        """
        if self._writing is None:
            async with self._session(write=True) as unit:
                yield unit
        else:
            async with self._writing, self._session(write=True) as unit:
                yield unit

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Unit]:
        """A unit that sees one state of the database and changes nothing."""
        async with self._session(write=False) as unit:
            yield unit

    @asynccontextmanager
    async def _session(self, *, write: bool) -> AsyncIterator[Unit]:
        async with self._engine.connect() as raw:
            options = {WRITE: write} if write or self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
            connection: AsyncConnection = await raw.execution_options(**options)
            async with connection.begin() as transaction:
                session = AsyncSession(connection, expire_on_commit=False, autoflush=True)
                try:
                    unit = Unit(session, self.vault)
                    yield unit
                    await unit.finish()
                finally:
                    await session.close()
                if not write:
                    await transaction.rollback()
            if connection.info.pop(CHANGED, False) and write:
                self._tell()

    @staticmethod
    def taken_back(error: BaseException) -> bool:
        """Whether the database refused a unit only because it stood in another's way: doing it again will help."""
        return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) in _TAKEN_BACK

    async def migrate(self, work: Callable[[Connection], None]) -> None:
        """Run schema changes in one writing transaction."""
        async with self._engine.connect() as raw:
            connection: AsyncConnection = await raw.execution_options(**{WRITE: True})
            async with connection.begin():
                await connection.run_sync(work)

    async def inspect(self, work: Callable[[Connection], None]) -> None:
        """Look at the schema, and leave it as it is."""
        async with self._engine.connect() as connection:
            await connection.run_sync(work)

    def claim_service(self) -> None:
        """Become the one service of this database file; does nothing on PostgreSQL, where any number may run.

        Raises:
            ServiceRunning: another process holds the file.
        """
        path = self.path
        if path is None:
            return
        lock = path.with_name(path.name + ".service")
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise ServiceRunning(
                f"another Handrail service works on {path.name}: stop it first, or give HANDRAIL_DATABASE_URL a "
                "PostgreSQL address to run several"
            ) from error
        self._service_lock = descriptor

    @property
    def path(self) -> Path | None:
        """The SQLite file, or nothing on PostgreSQL and in memory."""
        return file_of(self.url)

    async def close(self) -> None:
        """Give back connections and the service lock."""
        await self._engine.dispose()
        if self._service_lock is not None:
            os.close(self._service_lock)
            self._service_lock = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def async_url(url: str) -> str:
    """The address with the driver that Handrail uses: aiosqlite, or psycopg 3.

    Raises:
        StoreError: the address is neither SQLite nor PostgreSQL.
    """
    parsed = make_url(url)
    drivers = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg"}
    driver = drivers.get(parsed.get_backend_name() if parsed.drivername != "postgres" else "postgres")
    if driver is None:
        raise StoreError(
            f"the address starts with {parsed.drivername!r}: give sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
        )
    return parsed.set(drivername=driver).render_as_string(hide_password=False)


def file_of(url: str) -> Path | None:
    """The SQLite file that an address names; nothing for PostgreSQL, or a database in memory."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        return None
    return Path(parsed.database)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # The driver must not begin transactions by itself: `_begin_sqlite` says how each one starts.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL", "secure_delete=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _note_changes(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
    if statement[:6] in ("INSERT", "UPDATE", "DELETE"):
        connection.info[CHANGED] = True


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(WRITE) else "BEGIN")


def require_aware(moment: datetime) -> datetime:
    """Return the moment, or refuse it when it carries no time zone.

    Raises:
        TypeError: the datetime is naive.
    """
    if moment.tzinfo is None:
        raise TypeError(f"naive datetime {moment!r}: give an aware one")
    return moment
