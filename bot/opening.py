"""Opening the practice's store: its keys, its schema, what its texts lack; and sealing it with a new key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from bot.content import Content
from bot.settings import Settings
from bot.store import audit, signatures
from bot.store.database import Store, StoreError
from bot.store.migrate import is_current, upgrade
from bot.store.rotation import rotate, unknown_keys
from bot.store.vault import Vault, VaultError, new_key, only_one, write_keys


class NotThere(StoreError):
    """There is no database yet, or its schema is older than this program; says so."""


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
        if store.path is not None and not store.path.exists():
            raise NotThere("there is none yet: `handrail content sign`, or the first person who is added, makes it")
        if not await is_current(store):
            raise NotThere(
                "its schema is not the present one: the next command that changes something, or `make run`, updates it"
            )
        await _right_keys(settings, store)
        yield store


@asynccontextmanager
async def opened_store(settings: Settings, *, create: bool = False) -> AsyncIterator[Store]:
    """The practice's store with its schema up to date.

    Args:
        create: make a key file where there is none yet.

    Raises:
        SettingsError: there are no keys.
        VaultError: the keys are not those that the database was sealed with.
        StoreError: the database's address is wrong.
    """
    made = dict([new_key()]) if create and not settings.has_keys else None
    ring = made or settings.key_ring()
    if not settings.database_url:
        settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    async with Store(settings.url, Vault(ring, settings.key_ring)) as store:
        await upgrade(store)
        await _right_keys(settings, store)
        if made:
            # Only now: a key that does not fit an old database must not lie there as if it were the right one.
            write_keys(settings.key_path, made)
        yield store


async def _right_keys(settings: Settings, store: Store) -> None:
    async with store.read() as unit:
        missing = await unknown_keys(unit)
    if missing:
        raise VaultError(
            f"this database is sealed with the key{'s' if len(missing) > 1 else ''} {', '.join(sorted(missing))}, which "
            f"{settings.key_path if not settings.keys else 'HANDRAIL_KEYS'} does not hold: put the right key file there. "
            "Without it nobody who writes would be known, and nothing could be read"
        )


async def unsigned(store: Store, content: Content) -> list[str]:
    """The ids of safety texts that nobody has signed as they stand."""
    async with store.read() as unit:
        signed = await signatures.current(unit)
    return [f"{piece.id} ({piece.language})" for piece in content.must_be_signed() if piece.digest not in signed]


async def rotate_keys(settings: Settings) -> int:
    """Put a new key first in the key file, then seal everything with it; returns how many values were sealed."""
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
