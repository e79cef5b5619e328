"""Serving an application on a port, in this process's own loop."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette

from bot.settings import SettingsError


class CannotListen(SettingsError):
    """The address or the port cannot be had; the fault says which, why, and what to set.

    ``taken`` says that something else listens there.
    """

    def __init__(self, fault: str, *, taken: bool = False) -> None:
        super().__init__([fault])
        self.taken = taken


@asynccontextmanager
async def serving(app: Starlette, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[int]:
    """Serve while the block runs; gives the port, which is a free one where none was asked for.

    Raises:
        CannotListen: the port is taken or may not be used, or the address is none of this machine.
    """
    listening = bound(host, port)
    try:
        config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", server_header=False)
        server = uvicorn.Server(config)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        task = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event for it
            await asyncio.sleep(0.01)
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            with contextlib.suppress(asyncio.CancelledError):
                await task
    finally:
        listening.close()


def bound(host: str, port: int) -> socket.socket:
    """A socket on this address and port.

    Raises:
        CannotListen: as ``serving``.
    """
    try:
        listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise CannotListen(f"HANDRAIL_LISTEN={host}: this machine has no such addresses") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except (OSError, UnicodeError) as error:
        listening.close()
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        raise CannotListen(_why(error, host, port), taken=taken) from error
    return listening


def _why(error: OSError | UnicodeError, host: str, port: int) -> str:
    reason = error.errno if isinstance(error, OSError) and not isinstance(error, socket.gaierror) else None
    if reason == errno.EADDRINUSE:
        return (
            f"HANDRAIL_PORT={port}: something else listens on {host}:{port} already, perhaps another Handrail: "
            "end it, or set another port"
        )
    if reason in (errno.EACCES, errno.EPERM):
        return f"HANDRAIL_PORT={port}: this user may not listen there: set a port of 1024 or more, such as 8080"
    return f"HANDRAIL_LISTEN={host}: is no address of this machine: set one that is, such as 127.0.0.1"
