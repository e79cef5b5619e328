"""Real processes that are killed in the middle of their work, and what the database holds afterwards."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import func, select

from bot.recovery.people import Role
from bot.store import audit, people
from bot.store.database import Store
from bot.store.migrate import upgrade
from bot.store.tables import AlertRow, FindingRow, InboundRow, OutboundRow
from bot.store.vault import Vault, format_keys, new_key

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

# Takes in numbered messages of danger, and says each number only when it was accepted: as a channel says 200.
TAKES_IN = """\
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from bot.app import load_content, load_screen
from bot.conversation.intake import Intake
from bot.delivery.messages import Inbound
from bot.store.database import Store
from bot.store.vault import Vault, parse_keys

async def main(home, url, keys, first):
    async with Store(url, Vault(parse_keys(keys))) as store:
        intake = Intake(store, load_screen(home), load_content(home), lambda: datetime.now(UTC))
        print("ready", flush=True)
        number = first
        while True:
            await intake.accept(Inbound("sms", "+15550100", f"m{number}", f"i want to kill myself {number}"))
            print(number, flush=True)
            number += 1

asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])))
"""


@pytest.fixture
async def practice(database_url: str) -> AsyncIterator[tuple[str, str, Store]]:
    ring = dict([new_key()])
    async with Store(database_url, Vault(ring)) as store:
        await upgrade(store)
        async with store.write() as unit:
            for key, role, address in (("nadia", Role.CLIENT, "+15550100"), ("ruth", Role.STAFF, "+15550101")):
                row = await people.add(
                    unit, key=key, role=role, name=key.title(), time_zone="UTC", country="US", now=NOW, on_call=True
                )
                await people.add_contact(unit, row.id, "sms", address)
        yield database_url, format_keys(ring).strip(), store


async def test_killed_again_and_again_no_message_that_was_accepted_is_lost(
    practice: tuple[str, str, Store], home: Path
) -> None:
    url, keys, store = practice
    accepted: set[int] = set()
    for round_ in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", TAKES_IN, str(home), url, keys, str(round_ * 1000)],
            cwd=home,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout
        assert (await asyncio.to_thread(process.stdout.readline)).strip() == "ready"
        for _ in range(5 + 7 * round_):
            accepted.add(int(await asyncio.to_thread(process.stdout.readline)))
        os.kill(process.pid, signal.SIGKILL)
        accepted |= {int(line) for line in process.stdout.read().split()}
        process.stdout.close()
        process.wait()

    async with store.read() as unit:
        kept = {unit.open(row, "text_sealed") for row in await unit.session.scalars(select(InboundRow))}
        assert {f"i want to kill myself {number}" for number in accepted} <= kept
        messages = await unit.session.scalar(select(func.count()).select_from(InboundRow))
        with_alert = await unit.session.scalar(select(func.count(FindingRow.message_id.distinct())))
        assert with_alert == messages, "no danger is kept without its alert"
        (alert,) = await unit.session.scalars(select(AlertRow))
        assert alert.count == messages, "and each of them is counted"
        pages = await unit.session.scalar(
            select(func.count()).select_from(OutboundRow).where(OutboundRow.alert_id == alert.id, OutboundRow.lane == 1)
        )
        assert pages, "and staff are paged"
        assert await audit.verify(unit) is None
