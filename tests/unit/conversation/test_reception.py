"""The reception: whatever is broken, a message is kept somewhere, and one that breaks us stands in nobody's way."""

from pathlib import Path
from typing import Any, cast

import pytest

from bot.channels import console
from bot.conversation import reception
from bot.conversation.reception import Kept, Reception
from bot.delivery.messages import Inbound
from bot.delivery.spool import Spool
from bot.store.tables import InboundRow, SetAsideRow
from tests.doubles.house import House


def reception_of(house: House, folder: Path) -> Reception:
    spool = Spool(folder / "spool", house.store.vault)
    return Reception(house.store, house.app.intake, spool, {}, house.clock.now)


async def test_a_message_that_breaks_us_each_time_is_set_aside_and_the_next_is_taken(
    each_house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = reception_of(each_house, tmp_path)
    broken = Inbound(console.NAME, "maya", "odd", cast("Any", 5))
    assert await desk.take(broken) is Kept.SPOOL
    await desk.take(console.heard("maya", "i want to kill myself"))
    await desk.drain()
    assert len(await each_house.rows(InboundRow)) == 1, "it goes past the one that breaks"
    assert await desk.take(console.heard("maya", "hello")) is Kept.DATABASE, "and nobody thinks the database away"
    monkeypatch.setattr(reception, "ODD_FOR", 0.0)
    await desk.drain()
    assert len(await each_house.rows(SetAsideRow)) == 1
    assert len(await each_house.rows(InboundRow)) == 2
    await each_house.app.settle()
    each_house.staff.is_alerted(danger="suicide")


async def test_what_was_spooled_is_drained_once_and_in_order(each_house: House, tmp_path: Path) -> None:
    desk = reception_of(each_house, tmp_path)
    for text in ("first", "second", "third"):
        desk._spool.put(console.heard("maya", text))
    assert await desk.drain() == 3
    assert await desk.drain() == 0
    rows = sorted(await each_house.rows(InboundRow), key=lambda row: row.sequence)
    assert [await each_house.opened(row, "text_sealed") for row in rows] == ["first", "second", "third"]
