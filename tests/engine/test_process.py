"""The engine's process: it comes back by itself, and never outlives the application."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from bot.app import EngineHost
from bot.store.conversations import State

PARENT = """\
import asyncio, sys
from pathlib import Path
from bot.app import EngineHost

async def main():
    async with EngineHost.running(Path(sys.argv[1]), None, Path(sys.argv[2])) as host:
        while host.process.pid is None:
            await asyncio.sleep(0.05)
        if sys.argv[3] == "ready":
            await host.process.wait_ready()
        print(host.process.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for yet counts as ended."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def until_back(host: EngineHost, starts: int) -> None:
    async with asyncio.timeout(90):
        while host.process.starts == starts or not host.client.ready:
            await asyncio.sleep(0.1)


async def test_it_starts_understands_its_canary_and_is_ready(engine_host: EngineHost) -> None:
    assert engine_host.process.pid
    assert engine_host.client.ready
    understood = await engine_host.client.read("t", "hello", "client")
    assert understood.intent


async def test_it_listens_on_loopback_alone_and_has_no_secret_of_ours(engine_host: EngineHost) -> None:
    process = psutil.Process(engine_host.process.pid)
    listening = [c.laddr.ip for c in process.net_connections(kind="inet") if c.status == psutil.CONN_LISTEN]
    assert listening
    assert set(listening) == {"127.0.0.1"}
    ours = {name for name in process.environ() if name.startswith("HANDRAIL_")}
    assert ours == {"HANDRAIL_ENGINE_TOKEN", "HANDRAIL_ENGINE_PARENT", "HANDRAIL_ACTIONS_URL"}
    assert os.environ.get("HANDRAIL_ENGINE_TOKEN") is None
    others = {"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH"}
    allowed = others | ours | {"PYTHONUNBUFFERED", "LOG_LEVEL", "OMP_NUM_THREADS", "SANIC_WORKERS"}
    set_by_itself = {name for name in process.environ() if name.startswith("TF_")}
    assert set(process.environ()) <= allowed | set_by_itself, "no secret of anything else on this machine"
    assert not any("HANDRAIL" in part or len(part) > 300 for part in process.cmdline())


async def test_an_engine_that_is_killed_comes_back_and_answers(engine_host: EngineHost) -> None:
    starts, pid = engine_host.process.starts, engine_host.process.pid
    assert pid
    os.kill(pid, signal.SIGKILL)
    await until_back(engine_host, starts)
    assert engine_host.process.pid != pid
    assert gone(pid)
    assert (await engine_host.client.read("t", "hello", "client")).intent


async def test_an_engine_that_hangs_is_ended_and_started_again(engine_host: EngineHost) -> None:
    engine_host.process.watch_every, engine_host.process.answers_within = 0.3, 1.0
    starts = engine_host.process.starts
    # The next engine is watched closely from its start.
    os.kill(int(engine_host.process.pid or 0), signal.SIGKILL)
    await until_back(engine_host, starts)
    starts, hung = engine_host.process.starts, engine_host.process.pid
    assert hung
    os.kill(hung, signal.SIGSTOP)
    await until_back(engine_host, starts)
    assert gone(hung)
    assert (await engine_host.client.read("t", "hello", "client")).intent


async def _parent_is_killed(home: Path, model: Path, when: str) -> tuple[int, float]:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(home), str(model), when], cwd=home, stdout=subprocess.PIPE, text=True
    )
    try:
        assert parent.stdout
        engine_pid = int(await asyncio.to_thread(parent.stdout.readline))
        assert not gone(engine_pid)
    finally:
        parent.kill()
        parent.wait()
        if parent.stdout:
            parent.stdout.close()
    killed = time.monotonic()
    while not gone(engine_pid) and time.monotonic() - killed < 10:
        await asyncio.sleep(0.05)
    return engine_pid, time.monotonic() - killed


async def test_a_killed_application_leaves_no_engine_behind(home: Path, model: Path) -> None:
    engine_pid, seconds = await _parent_is_killed(home, model, "ready")
    assert gone(engine_pid)
    assert seconds < 5


async def test_not_even_one_that_is_still_starting(home: Path, model: Path) -> None:
    engine_pid, seconds = await _parent_is_killed(home, model, "at once")
    assert gone(engine_pid)
    assert seconds < 5


async def test_switching_it_off_ends_it_and_on_starts_it(engine_host: EngineHost) -> None:
    pid = engine_host.process.pid
    assert pid
    await engine_host.process.stop()
    assert gone(pid)
    assert not engine_host.client.ready
    await engine_host.process.start()
    await engine_host.process.wait_ready()
    assert (await engine_host.client.read("t", "hello", "client")).intent
    assert State().form is None
