"""Units of work: nothing is lost, nothing is half written, no time is naive, one service works on a file."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, StatementError

from bot.recovery.people import Role
from bot.store import people
from bot.store.database import ServiceRunning, Store, StoreError, async_url, new_id
from bot.store.tables import PersonRow, SignatureRow
from bot.store.vault import Vault

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def someone(store: Store) -> str:
    async with store.write() as unit:
        row = await people.add(
            unit, key="nadia", role=Role.CLIENT, name="Nadia Voss", time_zone="America/Chicago", country="US", now=NOW
        )
        return row.id


async def test_eight_workers_that_read_then_write_lose_nothing(store: Store) -> None:
    row_id = await someone(store)

    async def work() -> None:
        for _ in range(50):
            async with store.write() as unit:
                query = select(PersonRow).where(PersonRow.id == row_id).with_for_update()
                row = (await unit.session.scalars(query)).one()
                row.case_number = row.case_number + 1

    async with asyncio.TaskGroup() as group:
        for _ in range(8):
            group.create_task(work())

    async with store.read() as unit:
        assert (await unit.session.get_one(PersonRow, row_id)).case_number == people.FIRST_CASE + 400


async def test_a_unit_that_fails_leaves_nothing_behind_and_the_next_one_works(store: Store) -> None:
    row_id = await someone(store)

    async def fails() -> None:
        async with store.write() as unit:
            (await unit.session.get_one(PersonRow, row_id)).case_number = 7
            await unit.session.flush()
            raise RuntimeError("the power is gone")

    with pytest.raises(RuntimeError):
        await fails()
    async with store.write() as unit:
        assert (await unit.session.get_one(PersonRow, row_id)).case_number == people.FIRST_CASE


async def test_a_unit_that_is_cancelled_leaves_nothing_behind_and_gives_the_lock_back(store: Store) -> None:
    row_id = await someone(store)
    inside = asyncio.Event()

    async def slow() -> None:
        async with store.write() as unit:
            (await unit.session.get_one(PersonRow, row_id)).case_number = 7
            await unit.session.flush()
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(slow())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with store.write() as unit:
        assert (await unit.session.get_one(PersonRow, row_id)).case_number == people.FIRST_CASE


async def test_a_reading_unit_changes_nothing(store: Store) -> None:
    row_id = await someone(store)
    async with store.read() as unit:
        (await unit.session.get_one(PersonRow, row_id)).case_number = 7
    async with store.read() as unit:
        assert (await unit.session.get_one(PersonRow, row_id)).case_number == people.FIRST_CASE


async def test_a_reading_unit_sees_one_state_of_the_database(store: Store) -> None:
    row_id = await someone(store)
    case = text("SELECT case_number FROM person")
    async with store.read() as reading:
        before = await reading.session.scalar(case)
        async with store.write() as unit:
            (await unit.session.get_one(PersonRow, row_id)).case_number = 7
        assert await reading.session.scalar(case) == before


async def test_one_row_that_fails_undoes_only_itself(store: Store) -> None:
    row_id = await someone(store)
    async with store.write() as unit:
        async with unit.apart("a test", 1):
            (await unit.session.get_one(PersonRow, row_id)).case_number = 7
            await unit.session.flush()
            raise RuntimeError("this row is broken")
        unit.session.add(SignatureRow(id=new_id(), piece="a", digest="b", signed_by="c", signed_at=NOW))
    async with store.read() as unit:
        assert (await unit.session.get_one(PersonRow, row_id)).case_number == people.FIRST_CASE
        assert (await unit.session.scalars(select(SignatureRow))).one().piece == "a"


async def test_naive_times_are_refused_and_aware_ones_come_back_as_the_same_moment(store: Store) -> None:
    async def sign(at: datetime) -> None:
        async with store.write() as unit:
            unit.session.add(SignatureRow(id=new_id(), piece="a", digest="b", signed_by="c", signed_at=at))

    with pytest.raises(StatementError, match="naive datetime"):
        await sign(NOW.replace(tzinfo=None))

    nepal = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=5, minutes=45)))
    await sign(nepal)
    async with store.read() as unit:
        at = await unit.session.scalar(select(SignatureRow.signed_at))
        assert at == nepal
        assert at is not None
        assert at.utcoffset() == timedelta(0)
        earlier = select(SignatureRow).where(SignatureRow.signed_at < NOW)
        assert (await unit.session.scalars(earlier)).first(), "times compare as moments, not as wall clocks"


async def test_a_sealed_column_takes_no_plain_text(store: Store) -> None:
    row_id = await someone(store)
    with pytest.raises(StatementError, match="sealed column takes bytes"):
        async with store.write() as unit:
            (await unit.session.get_one(PersonRow, row_id)).name_sealed = "Nadia Voss"  # type: ignore[assignment]


async def test_an_error_of_the_database_does_not_carry_what_stood_in_the_statement(store: Store) -> None:
    await someone(store)
    with pytest.raises(IntegrityError, match="parameters hidden") as caught:
        await someone(store)
    assert "nadia" not in str(caught.value)
    assert "America/Chicago" not in str(caught.value)


async def test_a_second_service_on_the_same_file_is_refused_with_a_sentence(tmp_path: Path, vault: Vault) -> None:
    url = f"sqlite:///{tmp_path / 'handrail.db'}"
    async with Store(url, vault) as first, Store(url, vault) as second:
        first.claim_service()
        with pytest.raises(ServiceRunning, match=r"another Handrail service works on handrail\.db: stop it first"):
            second.claim_service()

        code = (
            "import asyncio, sys\n"
            "from bot.store.database import Store, ServiceRunning\n"
            "from bot.store.vault import Vault, new_key\n"
            "store = Store(sys.argv[1], Vault(dict([new_key()])))\n"
            "try:\n    store.claim_service()\n"
            "except ServiceRunning:\n    print('refused')\n"
        )
        said = await asyncio.to_thread(subprocess.check_output, [sys.executable, "-c", code, url], text=True)
        assert said.strip() == "refused", "another process is refused too"

    async with Store(url, vault) as third:
        third.claim_service()


async def test_on_postgresql_any_number_of_services_may_run(postgres_url: str, vault: Vault) -> None:
    async with Store(postgres_url, vault) as first, Store(postgres_url, vault) as second:
        first.claim_service()
        second.claim_service()


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("sqlite:///x.db", "sqlite+aiosqlite"),
        ("postgres://u@h/n", "postgresql+psycopg"),
        ("postgresql://u@h/n", "postgresql+psycopg"),
        ("postgresql+psycopg2://u@h/n", "postgresql+psycopg"),
    ],
)
def test_every_usual_address_gets_our_driver(given: str, driver: str) -> None:
    assert async_url(given).startswith(driver + "://")


def test_another_kind_of_database_is_refused_with_a_sentence() -> None:
    with pytest.raises(StoreError, match="starts with 'mysql'"):
        async_url("mysql://u@h/n")


async def test_a_change_wakes_whoever_waits_for_one_and_looking_does_not(store: Store) -> None:
    row_id = await someone(store)
    changed = store.changed
    async with store.read() as unit:
        await unit.session.get_one(PersonRow, row_id)
    async with store.write() as unit:
        await unit.session.get_one(PersonRow, row_id, with_for_update=True)
    assert not changed.is_set(), "nothing has changed"
    async with store.write() as unit:
        (await unit.session.get_one(PersonRow, row_id)).case_number = 7
        await unit.session.flush()
        assert not changed.is_set(), "not before the commit"
    assert changed.is_set()
    assert not store.changed.is_set()
