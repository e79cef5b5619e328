"""Opening the practice's store: its keys, its schema, what its texts lack; and sealing it with a new key."""

import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from bot.content import Content
from bot.settings import Settings, SettingsError
from bot.store import audit, signatures
from bot.store.database import Store, StoreError
from bot.store.migrate import is_current, is_empty, upgrade
from bot.store.rotation import rotate, unknown_keys
from bot.store.tables import AuditRow
from bot.store.vault import Vault, VaultError, new_key, only_one, write_keys

_NONE_YET = "there is none yet: `handrail content sign`, or the first person who is added, makes it"


class NotThere(StoreError):
    """There is no database yet, or its schema is older than this program; says so."""


class Older(NotThere):
    """There is a database, and its schema is not the present one."""


@asynccontextmanager
async def looked_at(settings: Settings) -> AsyncIterator[Store]:
    """The practice's store as it stands: nothing is made, and nothing brought up to date.

    Raises:
        NotThere: there is none yet, or only an older one.
        SettingsError, VaultError, StoreError: as ``opened_store``.
    """
    # Without a key file no key fits: which one is missing is said all the same.
    ring = settings.key_ring() if settings.has_keys else dict([new_key()])
    async with Store(settings.url, Vault(ring, settings.key_ring)) as store:
        with _usable(settings):
            if store.path is not None and not store.path.exists():
                _has_folder(settings, store)
                raise NotThere(_NONE_YET)
            if await is_empty(store):
                raise NotThere(_NONE_YET)
            if not await is_current(store):
                raise Older(
                    "its schema is not the present one: the next command that changes something, or `make run`, updates it"
                )
            await _right_keys(settings, store)
        yield store


async def may_have_a_new_key(settings: Settings) -> None:
    """Refuse to make a key where one is missing for what there is already.

    Raises:
        VaultError: the database was made with a key that is not here.
        StoreError: the database cannot be looked at.
    """
    try:
        async with looked_at(settings) as store, store.read() as unit:
            used = await unit.session.scalar(select(AuditRow.id).limit(1)) is not None
    except Older:
        used = True
    except NotThere:
        used = False
    if used:
        raise VaultError(
            f"{settings.url_name} is there already: put the key file there with which it was made ({settings.key_path})"
        )


@asynccontextmanager
async def opened_store(settings: Settings, *, create: bool = False) -> AsyncIterator[Store]:
    """The practice's store with its schema up to date.

    Args:
        create: make a key file where there is none yet.

    Raises:
        SettingsError: there are no keys.
        VaultError: the keys are not those that the database was sealed with.
        StoreError: the database's address is wrong, or it does not answer.
    """
    made = None
    if not settings.has_keys:
        await may_have_a_new_key(settings)
        made = dict([new_key()]) if create else None
    ring = made or settings.key_ring()
    if not settings.database_url:
        make_data_folder(settings)
    async with Store(settings.url, Vault(ring, settings.key_ring)) as store:
        with _usable(settings):
            _has_folder(settings, store)
            await upgrade(store)
            await _right_keys(settings, store)
        if made:
            # Only now: a key that does not fit an old database must not lie there as if it were the right one.
            write_keys(settings.key_path, made)
            sys.stderr.write(f"{new_key_line(settings)}\n")
        yield store


def new_key_line(settings: Settings) -> str:
    """What whoever runs the service has to know of a key that was made for them."""
    return f"{settings.key_path} holds a new key. Keep a copy apart from the database: without it nothing opens."


def make_data_folder(settings: Settings) -> None:
    """Make the data folder, open to its owner alone, where there is none.

    Raises:
        SettingsError: it cannot be made.
    """
    try:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        fault = f"HANDRAIL_DATA: the folder {settings.data} cannot be made: {error.strerror}"
        raise SettingsError([fault]) from error


def _has_folder(settings: Settings, store: Store) -> None:
    """Only the data folder is made: another one that is missing is rather a wrong address."""
    if settings.database_url and store.path is not None and not store.path.parent.is_dir():
        raise StoreError(f"HANDRAIL_DATABASE_URL: there is no folder {store.path.parent}: make it, or mend the address")


@contextmanager
def _usable(settings: Settings) -> Iterator[None]:
    """Say in a sentence that the database does not answer as it should."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        # What the database itself said, without the library's words around it.
        reason = str(getattr(error, "orig", None) or error).strip().partition("\n")[0][:200]
        raise StoreError(f"{settings.url_name} cannot be used: {reason}") from error


async def _right_keys(settings: Settings, store: Store) -> None:
    async with store.read() as unit:
        missing = await unknown_keys(unit)
    if missing:
        raise VaultError(
            f"this database is sealed with the key{'s' if len(missing) > 1 else ''} {', '.join(sorted(missing))}, which "
            f"{settings.key_path if not settings.keys else 'HANDRAIL_KEYS'} does not hold: put the right "
            f"key{'s' if settings.keys else ' file'} there. "
            "Without it nobody who writes would be known, and nothing could be read"
        )


async def unsigned(store: Store, content: Content) -> list[str]:
    """The ids of safety texts that nobody has signed as they stand."""
    async with store.read() as unit:
        signed = await signatures.current(unit)
    return [f"{piece.id} ({piece.language})" for piece in content.must_be_signed() if piece.digest not in signed]


async def rotate_keys(settings: Settings) -> int:
    """Put a new key first in the key file, then seal everything with it; returns how many values were sealed."""
    settings.key_ring()
    with only_one(settings.key_path):
        ring = settings.key_ring()
        key_id, key = new_key()
        # The new key is on disk before anything is sealed with it: a crash in between loses nothing.
        write_keys(settings.key_path, {key_id: key, **ring})
        return await reseal(settings)


async def reseal(settings: Settings) -> int:
    """Seal whatever an older key sealed with the current one; returns how many values were sealed."""
    async with opened_store(settings) as store:
        count = await rotate(store)
        async with store.write() as unit:
            await audit.write(unit, "operator", "values sealed with a new key", "vault", datetime.now(UTC))
        return count
