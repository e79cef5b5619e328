"""Changing the key while the service runs: afterwards the old one opens nothing that is still needed."""

import asyncio
from datetime import UTC, datetime

from sqlalchemy import select

from bot.care import addresses
from bot.delivery import inbox
from bot.delivery.messages import Inbound
from bot.recovery.people import Role
from bot.store import people
from bot.store.database import Store
from bot.store.migrate import upgrade
from bot.store.rotation import rotate, sealed_columns, unknown_keys
from bot.store.tables import Base, ContactPointRow, InboundRow, PersonRow
from bot.store.vault import Vault, new_key

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def _fill(store: Store, count: int) -> None:
    async with store.write() as unit:
        for number in range(count):
            row = await people.add(
                unit,
                key=f"p{number}",
                role=Role.CLIENT,
                name=f"Nadia {number}",
                time_zone="UTC",
                country="US",
                now=NOW,
            )
            await people.add_contact(unit, row.id, "sms", f"+1555010{number:04}")


def test_every_sealed_column_is_found() -> None:
    found = {f"{table.name}.{column}" for table in Base.metadata.tables.values() for column in sealed_columns(table)}
    by_name = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.name.endswith("_sealed")
    }
    assert found == by_name


async def test_after_a_rotation_the_old_key_can_be_dropped(database_url: str) -> None:
    old, fresh = new_key(), new_key()
    async with Store(database_url, Vault(dict([old]))) as store:
        await upgrade(store)
        await _fill(store, 120)
    async with Store(database_url, Vault(dict([fresh, old]))) as store:
        assert await rotate(store) == 360
        assert await rotate(store) == 0, "a second time there is nothing to do"
    async with Store(database_url, Vault(dict([fresh]))) as store, store.read() as unit:
        for row in await unit.session.scalars(select(PersonRow)):
            assert unit.open(row, "name_sealed").startswith("Nadia ")
        known = await people.by_address(unit, "sms", "+15550100077")
        assert known
        assert unit.open(known[0], "address_sealed") == "+15550100077"
        person = await people.by_key(unit, "p77")
        assert person
        assert person.id == known[2].id


async def test_a_number_that_was_passed_on_stays_with_who_has_it_now(database_url: str) -> None:
    old, fresh = new_key(), new_key()
    number = "+15550100000"
    async with Store(database_url, Vault(dict([old]))) as store:
        await upgrade(store)
        await _fill(store, 1)
        async with store.write() as unit:
            known = await people.by_address(unit, "sms", number)
            assert known
            await addresses.pass_on(unit, known[0], known[2], Inbound("sms", number, "m1", "who is this"), NOW)
    async with Store(database_url, Vault(dict([fresh, old]))) as store:
        await rotate(store)
    async with Store(database_url, Vault(dict([fresh]))) as store, store.read() as unit:
        found = await people.by_address(unit, "sms", number)
        assert found
        assert found[2].role == Role.STRANGER
        former = await people.by_key(unit, "p0")
        assert former
        assert unit.open(former, "name_sealed") == "Nadia 0"


async def test_a_service_that_runs_meanwhile_loses_no_message(database_url: str) -> None:
    old, fresh = new_key(), new_key()
    ring = dict([old])
    stop = asyncio.Event()
    taken: list[str] = []

    async with Store(database_url, Vault(ring, lambda: ring)) as service:
        await upgrade(service)
        await _fill(service, 60)

        async def serve() -> None:
            number = 0
            while not stop.is_set():
                async with service.write() as unit:
                    known = await people.by_address(unit, "sms", f"+1555010{number % 60:04}")
                    assert known, "an address that is being hashed anew is found all the same"
                    message = Inbound("sms", "", f"m{number}", f"text {number}")
                    await inbox.store(unit, message, known[1].id, NOW)
                taken.append(message.text)
                number += 1
                await asyncio.sleep(0)

        serving = asyncio.create_task(serve())
        while len(taken) < 20:
            await asyncio.sleep(0)
        ring = dict([fresh, old])
        async with Store(database_url, Vault(ring)) as command:
            await rotate(command)
        stop.set()
        await serving

    async with Store(database_url, Vault(dict([fresh]))) as store, store.read() as unit:
        rows = await unit.session.scalars(select(InboundRow).order_by(InboundRow.sequence))
        assert [unit.open(row, "text_sealed") for row in rows] == taken
        for contact in await unit.session.scalars(select(ContactPointRow)):
            assert contact.address_hash == unit.vault.digest(unit.open(contact, "address_sealed"))


async def test_a_database_knows_which_keys_it_needs(database_url: str) -> None:
    old, other = new_key(), new_key()
    async with Store(database_url, Vault(dict([old]))) as store:
        await upgrade(store)
        async with store.read() as unit:
            assert await unknown_keys(unit) == set()
        await _fill(store, 2)
        async with store.read() as unit:
            assert await unknown_keys(unit) == set()
    async with Store(database_url, Vault(dict([other]))) as store, store.read() as unit:
        assert await unknown_keys(unit) == {old[0]}
