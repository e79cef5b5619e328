"""The audit trail shows a change, and its chain holds with many writers at once."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import delete, func, select, update

from bot.store import audit
from bot.store.database import Store
from bot.store.tables import AuditRow

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def _write(store: Store, count: int, actor: str = "staff") -> None:
    for number in range(count):
        async with store.write() as unit:
            await audit.write(unit, actor, "alert read", f"alert {number}", NOW)


async def _fault(store: Store) -> int | None:
    async with store.read() as unit:
        return await audit.verify(unit)


async def test_an_untouched_trail_verifies(store: Store) -> None:
    assert await _fault(store) is None
    await _write(store, 5)
    assert await _fault(store) is None


async def test_a_changed_entry_shows(store: Store) -> None:
    await _write(store, 5)
    async with store.write() as unit:
        third = (await unit.session.scalars(select(AuditRow).order_by(AuditRow.sequence).offset(2))).first()
        assert third
        await unit.session.execute(update(AuditRow).where(AuditRow.id == third.id).values(actor="nobody"))
    assert await _fault(store) == third.sequence


async def test_an_entry_that_was_taken_out_shows(store: Store) -> None:
    await _write(store, 5)
    async with store.write() as unit:
        rows = list(await unit.session.scalars(select(AuditRow).order_by(AuditRow.sequence)))
        await unit.session.execute(delete(AuditRow).where(AuditRow.id == rows[1].id))
    assert await _fault(store) == rows[2].sequence


async def test_many_writers_at_once_continue_one_chain(store: Store) -> None:
    async with asyncio.TaskGroup() as group:
        for number in range(8):
            group.create_task(_write(store, 12, f"staff {number}"))
    assert await _fault(store) is None
    async with store.read() as unit:
        assert await unit.session.scalar(select(func.count()).select_from(AuditRow)) == 96
        assert await unit.session.scalar(select(func.count(AuditRow.previous.distinct()))) == 96


async def test_a_moment_in_another_zone_verifies_too(store: Store) -> None:
    async with store.write() as unit:
        at = datetime(2026, 3, 1, 4, tzinfo=timezone(timedelta(hours=-8)))
        await audit.write(unit, "staff", "alert read", "alert 1", at)
    assert await _fault(store) is None
    with pytest.raises(TypeError, match="naive"):
        async with store.write() as unit:
            await audit.write(unit, "staff", "alert read", "alert 1", NOW.replace(tzinfo=None))


async def test_a_part_that_is_undone_leaves_no_entry(store: Store) -> None:
    async with store.write() as unit:
        async with unit.apart("a test", 1):
            await audit.write(unit, "staff", "never happened", "alert 1", NOW)
            raise RuntimeError("undone")
        await audit.write(unit, "staff", "happened", "alert 1", NOW)
    async with store.read() as unit:
        assert (await unit.session.scalars(select(AuditRow.what))).all() == ["happened"]
