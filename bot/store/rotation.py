"""Sealing everything with the current key: row by row, in short units, while the service may run."""

from typing import Any

from sqlalchemy import Table, select, update

from bot.store.columns import SealedText
from bot.store.database import Store, StoreError, Unit
from bot.store.tables import Base, ContactPointRow, PersonRow, PlanVersionRow
from bot.store.vault import Place

BATCH = 50
PASSES = 5
# Sealed columns that are also looked up, with the column of their keyed hash.
_HASHED = {
    (ContactPointRow.__tablename__, "address_sealed"): "address_hash",
    (PersonRow.__tablename__, "key_sealed"): "key_hash",
}


class OldKeyInUse(StoreError):
    """Something still seals with an older key, so that it cannot be dropped."""


async def rotate(store: Store) -> int:
    """Seal with the current key whatever another key sealed, and hash under it what is looked up; returns how many changed.

    How a key is changed (``handrail keys rotate``): put the new key *first* into the key file and keep the old ones
    after it; open a store with that ring and call this. A service that runs meanwhile needs a vault with ``reread``,
    or a new start before this is called. When this has returned, every value stands under the first key and the old
    ones may be dropped; keep them for as long as you keep older backups.

    Raises:
        VaultError: a value does not open under any key.
        OldKeyInUse: a running service goes on sealing with an old key; start it again, then call this once more.
    """
    total = 0
    for _ in range(PASSES):
        changed = 0
        for table in Base.metadata.sorted_tables:
            columns = sealed_columns(table)
            if columns:
                changed += await _rotate_table(store, table, columns)
        total += changed
        if not changed:
            # A whole pass found nothing: nobody seals with another key any more.
            return total
    raise OldKeyInUse("a running service still seals with an older key: start it again, then rotate once more")


async def unknown_keys(unit: Unit) -> set[str]:
    """The ids of keys that seal something and are not in the ring. Looks at people, addresses and plans: few rows, always there."""
    known = set(unit.vault.key_ids)
    missing: set[str] = set()
    for column in (PersonRow.key_sealed, ContactPointRow.address_sealed, PlanVersionRow.plan_sealed):
        missing |= {unit.vault.key_of(sealed) for sealed in await unit.session.scalars(select(column))} - known
    return missing


def sealed_columns(table: Table) -> list[str]:
    """The columns of a table that the vault has sealed."""
    return [column.name for column in table.columns if isinstance(column.type, SealedText)]


async def _rotate_table(store: Store, table: Table, columns: list[str]) -> int:
    total, after = 0, ""
    while True:
        async with store.write() as unit:
            query = select(table).where(table.c.id > after).order_by(table.c.id).limit(BATCH)
            rows = (await unit.session.execute(query.with_for_update(key_share=True))).mappings().all()
            for row in rows:
                fresh = _resealed(unit, table, columns, row)
                if fresh:
                    await unit.session.execute(update(table).where(table.c.id == row["id"]).values(**fresh))
                    total += len([name for name in fresh if name in columns])
        if not rows:
            return total
        after = rows[-1]["id"]


def _resealed(unit: Unit, table: Table, columns: list[str], row: Any) -> dict[str, Any]:
    """The new values of a row's columns that another key sealed."""
    fresh: dict[str, Any] = {}
    for column in columns:
        sealed = row[column]
        if sealed is None or unit.vault.key_of(sealed) == unit.vault.current:
            continue
        place = Place(table.name, column, row["id"])
        text = unit.vault.open(place, sealed)
        fresh[column] = unit.vault.seal(place, text)
        hashed = _HASHED.get((table.name, column))
        # An address that was passed on has no hash any more: it is somebody else's to be found by.
        if hashed and row[hashed] in unit.vault.digests(text):
            fresh[hashed] = unit.vault.digest(text)
    return fresh
