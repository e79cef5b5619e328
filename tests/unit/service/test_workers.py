"""How the service's workers wait: not long when something changes, and not at all when they shall stop."""

import asyncio
from collections.abc import Callable

from bot.app import every
from bot.store.database import Store
from tests.unit.store.test_units import someone


async def runs(store: Store, meanwhile: Callable[[list[int]], object]) -> list[int]:
    """The rounds of a worker that would look only once an hour, while something happens."""
    rounds: list[int] = []
    stop = asyncio.Event()

    async def once() -> int:
        rounds.append(1)
        return 0

    worker = asyncio.create_task(every(3_600.0, once, stop, store))
    async with asyncio.timeout(10):
        while not rounds:
            await asyncio.sleep(0)
        result = meanwhile(rounds)
        if asyncio.iscoroutine(result):
            await result
        stop.set()
        await worker
    return rounds


async def test_a_worker_looks_again_when_something_has_changed(store: Store) -> None:
    async def change(rounds: list[int]) -> None:
        await someone(store)
        while len(rounds) < 2:
            await asyncio.sleep(0)

    assert len(await runs(store, change)) == 2


async def test_a_worker_that_waits_an_hour_stops_when_it_is_told_to(store: Store) -> None:
    assert len(await runs(store, lambda _: None)) == 1
