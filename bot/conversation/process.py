"""The engine's process: start, wait for a canary sentence, restart with back-off, leave no orphan."""

import asyncio
import contextlib
import os
import secrets
import socket
from pathlib import Path

import structlog

from bot.conversation.engine import EngineClient, EngineError

log = structlog.get_logger()

CANARY = "hello"
# A busy machine takes a minute; one that is given up too early would never come up.
START_WITHIN = 120.0
ASK_EVERY = 0.25
BACK_OFF = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
# An engine that ran this long had started well: the next restart begins at the shortest wait again.
RAN_WELL = 60.0
# All that the engine is given of our environment: no settings, and no secrets of anything else on this machine.
_GIVEN = frozenset({"PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "SYSTEMROOT", "LD_LIBRARY_PATH"})
# A running engine is asked this often; one that stays silent this many times in a row hangs and is ended.
WATCH_EVERY = 5.0
ANSWERS_WITHIN = 10.0
SILENT_TIMES = 2


class EngineStartError(Exception):
    """The engine cannot be started; the message says what is missing."""


def free_port() -> int:
    """A port on loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class EngineProcess:
    """Supervises one engine. The child leaves when its standard input ends, so it cannot outlive this process."""

    def __init__(
        self,
        home: Path,
        model: Path,
        client: EngineClient,
        actions_url: str,
        log_file: Path | None = None,
    ) -> None:
        self._home = home
        self._model = model
        self._client = client
        self._actions_url = actions_url
        self._log_file = log_file
        self._process: asyncio.subprocess.Process | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self.starts = 0
        self.watch_every = WATCH_EVERY
        self.answers_within = ANSWERS_WITHIN

    @property
    def pid(self) -> int | None:
        """The process id of the running engine."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def start(self) -> None:
        """Begin to supervise; returns at once.

        Raises:
            EngineStartError: the engine's environment or its model is missing.
        """
        python = self._home / "engine" / ".venv" / "bin" / "python"
        if not python.exists():
            raise EngineStartError(f"{python} is missing: run `make setup`")
        if not self._model.exists():
            raise EngineStartError(f"the model {self._model.name} is missing: run `make train`")
        if self._supervisor is None:
            self._supervisor = asyncio.create_task(self._supervise(python))

    async def wait_ready(self, seconds: float = START_WITHIN) -> None:
        """Wait until the engine answers.

        Raises:
            TimeoutError: it did not within this many seconds.
        """
        async with asyncio.timeout(seconds):
            await self._ready.wait()

    async def stop(self) -> None:
        """End the engine and the supervising."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor:
            supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await supervisor
        await self._end()

    async def _supervise(self, python: Path) -> None:
        failures = 0
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await self._run(python)
            except Exception as error:
                # Whatever it was: the supervisor goes on, for without it no engine would ever come back.
                log.warning("engine did not start or was ended", error=type(error).__name__)
            finally:
                self._ready.clear()
                self._client.disconnect()
                await self._end()
            failures = 0 if asyncio.get_running_loop().time() - started > RAN_WELL else failures + 1
            wait = BACK_OFF[min(failures, len(BACK_OFF) - 1)]
            log.warning("engine ended, starting again", seconds=wait)
            await asyncio.sleep(wait)

    async def _run(self, python: Path) -> None:
        port, token = free_port(), secrets.token_urlsafe(32)
        environment = {name: value for name, value in os.environ.items() if name in _GIVEN}
        environment |= {
            "HANDRAIL_ENGINE_TOKEN": token,
            "HANDRAIL_ENGINE_PARENT": "1",
            "HANDRAIL_ACTIONS_URL": self._actions_url,
            "PYTHONUNBUFFERED": "1",
            # Below this level Rasa logs what people write.
            "LOG_LEVEL": "WARNING",
            "OMP_NUM_THREADS": "1",
            "TF_NUM_INTRAOP_THREADS": "2",
            # Its repacked copy of the weights takes 75 MB and makes one message no faster (measured by `make bench`).
            "TF_ENABLE_ONEDNN_OPTS": "0",
            "SANIC_WORKERS": "1",
        }
        arguments = [
            str(python), "-m", "engine", "run", "--model", str(self._model), "--interface", "127.0.0.1",
            "--port", str(port), "--credentials", "credentials.yml", "--endpoints", "endpoints.yml",
        ]  # fmt: skip
        output = self._open_log()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *arguments,
                cwd=self._home,
                env=environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        finally:
            os.close(output)
        self.starts += 1
        ended = asyncio.create_task(self._process.wait())
        try:
            await self._await_canary(port, token, ended)
            await self._watch(port, token, ended)
        finally:
            ended.cancel()

    async def _await_canary(self, port: int, token: str, ended: "asyncio.Task[int]") -> None:
        """Ask until a sentence is understood; only then is the engine ready."""
        async with EngineClient() as canary:
            canary.connect(f"http://127.0.0.1:{port}", token)
            give_up = asyncio.get_running_loop().time() + START_WITHIN
            while not ended.done() and asyncio.get_running_loop().time() < give_up:
                try:
                    understood = await canary.read("canary", CANARY, "client")
                except EngineError:
                    await asyncio.sleep(ASK_EVERY)
                    continue
                if understood.intent:
                    self._client.connect(f"http://127.0.0.1:{port}", token)
                    self._ready.set()
                    return
        if not ended.done():
            raise EngineStartError("the engine did not understand its canary sentence in time")

    async def _watch(self, port: int, token: str, ended: "asyncio.Task[int]") -> None:
        """Return when the engine has ended, or when it hangs: alive, but silent.

        Raises:
            EngineStartError: it hangs.
        """
        silent = 0
        async with EngineClient(self.answers_within) as canary:
            canary.connect(f"http://127.0.0.1:{port}", token)
            while True:
                done, _ = await asyncio.wait({ended}, timeout=self.watch_every)
                if done:
                    return
                try:
                    await canary.read("canary", CANARY, "client")
                except EngineError:
                    silent += 1
                else:
                    silent = 0
                if silent >= SILENT_TIMES and not ended.done():
                    raise EngineStartError("the engine runs but does not answer")

    def _open_log(self) -> int:
        if self._log_file is None:
            return os.open(os.devnull, os.O_WRONLY)
        self._log_file.parent.mkdir(parents=True, exist_ok=True)
        return os.open(self._log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        if process.stdin:
            process.stdin.close()
        try:
            async with asyncio.timeout(3):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
