"""Speed and memory of the whole, as a table: `make bench`. Medians and percentiles, never asserts: machines are noisy."""

import argparse
import logging
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import structlog
import uvloop

from bot import demo
from bot.app import EngineHost, load_content, load_screen
from bot.channels import console
from bot.delivery import inbox
from bot.delivery.messages import Inbound, InStatus
from bot.store import people
from bot.store.conversations import of_person

HOME = Path(__file__).resolve().parent.parent
MESSAGE = (
    "ok so today was a lot, my boss kept me late again and then the bus never came and i walked past the store twice, "
    "i didnt go in but i really wanted to and i keep thinking about it even now at home on"
)
DENSE = (
    "i want to die i want to kill myself i took all my pills and i am going to overdose tonight help my chest hurts i "
    "cant breathe he will kill me i cut myself again and i drank a bottle of vodka and dr"
)
EARLIER = 10_000


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table: what, measured, and what is aimed at."""

    what: str
    measured: str
    target: str


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of the values lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def timed(work: Callable[[], object], rounds: int) -> list[float]:
    """Milliseconds of each round."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append((time.perf_counter() - start) * 1_000)
    return taken


async def timed_async(work: Callable[[], Awaitable[object]], rounds: int) -> list[float]:
    """Milliseconds of each round."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        await work()
        taken.append((time.perf_counter() - start) * 1_000)
    return taken


def screen_figures() -> list[Figure]:
    screen = load_screen(HOME)
    text = MESSAGE[:200].ljust(200, "x")
    timed(lambda: screen.read(text), 200)
    short = timed(lambda: screen.read(text), 2_000)
    figures = [
        Figure(
            "danger screen, 200 characters",
            f"p50 {statistics.median(short):.2f} ms, p99 {percentile(short, 0.99):.2f} ms",
            "p99 <= 1 ms",
        )
    ]
    dense = timed(lambda: screen.read(DENSE), 1_000)
    figures.append(
        Figure(
            "the same, dense with danger",
            f"p50 {statistics.median(dense):.2f} ms, p99 {percentile(dense, 0.99):.2f} ms",
            "p99 <= 1 ms",
        )
    )
    for name, unit in (("words", MESSAGE + " "), ("emoji", "\U0001f600"), ("brackets", "(")):
        half, whole = (unit * (500_000 // len(unit.encode()) + 1), unit * (1_000_000 // len(unit.encode()) + 1))
        first, second = timed(lambda t=half: screen.read(t), 1)[0], timed(lambda t=whole: screen.read(t), 1)[0]
        figures.append(
            Figure(
                f"danger screen, 1 MB of {name}",
                f"{second / 1_000:.2f} s, {second / first:.1f} x the half of it",
                "<= 2 s, about 2 x",
            )
        )
    return figures


def cold_start() -> Figure:
    """From starting Python to a screen that reads and content that answers."""
    code = (
        "from pathlib import Path; from bot.app import load_content, load_screen; h = Path('.'); "
        "load_content(h); load_screen(h).read('i want to die')"
    )
    rounds = [
        timed(lambda: subprocess.run([sys.executable, "-c", code], cwd=HOME, check=True), 1)[0] / 1_000
        for _ in range(5)
    ]
    return Figure("cold start, screen and words", f"median {statistics.median(rounds):.1f} s of 5", "<= 3 s")


async def turn_figures() -> list[Figure]:
    content, screen = load_content(HOME), load_screen(HOME)
    with tempfile.TemporaryDirectory(prefix="handrail-bench-") as folder:
        begun = time.perf_counter()
        async with EngineHost.running(HOME) as host:
            await host.process.wait_ready()
            ready = time.perf_counter() - begun
            async with demo.opened(HOME, Path(folder), content, screen, host, lambda _: None) as opened:
                accepts, turns = await _turns(opened, 200)
                await _fill(opened, EARLIER)
                _, later = await _turns(opened, 200)
            application = psutil.Process(os.getpid()).memory_info().rss / 1e6
            engine = psutil.Process(host.process.pid).memory_info().rss / 1e6
    return [
        Figure("engine ready", f"{ready:.1f} s", "<= 12 s"),
        Figure(
            "inbound accepted, durable",
            f"p50 {statistics.median(accepts):.1f} ms, p99 {percentile(accepts, 0.99):.1f} ms",
            "p99 <= 50 ms",
        ),
        Figure(
            "a turn with a custom action",
            f"p50 {statistics.median(turns):.1f} ms, p95 {percentile(turns, 0.95):.1f} ms",
            "p50 <= 25 ms, p95 <= 60 ms",
        ),
        Figure(
            f"the same after {EARLIER:,} messages of that client",
            f"p50 {statistics.median(later):.1f} ms, {statistics.median(later) / statistics.median(turns):.2f} x",
            "<= 1.1 x",
        ),
        Figure("memory, application", f"{application:.0f} MB", "<= 250 MB"),
        Figure("memory, engine", f"{engine:.0f} MB", "<= 900 MB"),
    ]


async def _turns(opened: demo.Demo, rounds: int) -> tuple[list[float], list[float]]:
    """Milliseconds to accept a message, and to answer it: claim, ask, commit."""
    accepts, turns = [], []
    for _ in range(rounds):
        opened.clock.move(demo.TYPING)
        accepts += await timed_async(
            lambda: opened.app.intake.accept(console.heard("maya", "who can i call tonight")), 1
        )
        turns += await timed_async(opened.app.turns.run_once, 1)
        await opened.app.senders["console"].run_once()
    return accepts, turns


async def _fill(opened: demo.Demo, count: int) -> None:
    """Give the client a long past."""
    now = opened.clock.now() - 30 * demo.LONGEST
    for start in range(0, count, 500):
        async with opened.app.store.write() as unit:
            person = await people.by_key(unit, "maya")
            conversation = await of_person(unit, person.id) if person else None
            if conversation is None:
                raise SystemExit("the made-up practice has no maya")
            for number in range(start, min(start + 500, count)):
                row = await inbox.store(
                    unit, Inbound("console", "maya", f"past-{number}", MESSAGE), conversation.id, now
                )
                if row is not None:
                    row.status, row.done_at, row.read_at = InStatus.DONE, now, now


def show(figures: Sequence[Figure]) -> None:
    """Print the table."""
    memory = psutil.virtual_memory().total / 1e9
    sys.stdout.write(
        f"{platform.node()}: {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB, Python "
        f"{platform.python_version()}, {platform.system()} {platform.release()}\n\n"
    )
    wide = max(len(f.what) for f in figures), max(len(f.measured) for f in figures)
    for figure in figures:
        sys.stdout.write(f"{figure.what:<{wide[0]}}  {figure.measured:<{wide[1]}}  target {figure.target}\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--screen-only", action="store_true", help="leave the engine out")
    parser.add_argument("--delivery-only", action="store_true", help="measure nothing but sending")
    parser.add_argument("--schedule-only", action="store_true", help="measure nothing but the clock")
    given = parser.parse_args()
    only_one = given.delivery_only or given.schedule_only
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    figures = [] if only_one else [*screen_figures(), cold_start()]
    if not given.screen_only and not only_one:
        figures += uvloop.run(turn_figures())
    if not given.screen_only and not given.schedule_only:
        from benchmarks.delivery import delivery_figures

        figures += uvloop.run(delivery_figures())
    if not given.screen_only and not given.delivery_only:
        from benchmarks.scheduling import scheduling_figures

        figures += uvloop.run(scheduling_figures())
    show(figures)


if __name__ == "__main__":
    main()
