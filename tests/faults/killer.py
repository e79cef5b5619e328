"""Ends its own process by SIGKILL at the n-th boundary: importing it before the service starts is all.

A boundary is a place where a crash leaves the two sides of something in different states: before and after a commit that
changes anything, before a request to a provider leaves and after its answer came, after a file of the spool was renamed.
They are counted from the moment on at which the file ``HANDRAIL_KILLER_FROM`` is there, so that starting up does not count,
and written down one a line in ``HANDRAIL_KILLER_PASSED``.
"""

import os
import signal
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
from sqlalchemy import Engine, event
from sqlalchemy.engine.default import DefaultDialect

BEGIN = os.environ["HANDRAIL_KILLER_FROM"]
PASSED = os.environ["HANDRAIL_KILLER_PASSED"]
AT = int(os.environ["HANDRAIL_KILLER_AT"])
PROVIDERS = frozenset(os.environ["HANDRAIL_KILLER_PROVIDERS"].split(","))

_count = 0
_changed: set[int] = set()


def boundary(what: str) -> None:
    """Pass a boundary; nothing comes back from the one at which this process ends."""
    global _count
    if not os.path.exists(BEGIN):  # noqa: PTH110
        return
    _count += 1
    descriptor = os.open(PASSED, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, f"{_count} {what}\n".encode())
    os.close(descriptor)
    if _count == AT:
        os.kill(os.getpid(), signal.SIGKILL)


def _commits() -> None:
    @event.listens_for(Engine, "before_cursor_execute")
    def _changes(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.lstrip()[:6].upper() in ("INSERT", "UPDATE", "DELETE"):
            _changed.add(id(connection.connection.dbapi_connection))

    @event.listens_for(Engine, "rollback")
    def _undone(connection: Any) -> None:
        _changed.discard(id(connection.connection.dbapi_connection))

    commit = DefaultDialect.do_commit

    @wraps(commit)
    def counted(self: DefaultDialect, dbapi_connection: Any) -> None:
        this = id(getattr(dbapi_connection, "dbapi_connection", dbapi_connection))
        if this not in _changed:
            commit(self, dbapi_connection)
            return
        _changed.discard(this)
        boundary("before commit")
        commit(self, dbapi_connection)
        boundary("after commit")

    DefaultDialect.do_commit = counted  # type: ignore[method-assign]


def _requests() -> None:
    send = httpx.AsyncClient.send

    @wraps(send)
    async def sent(self: httpx.AsyncClient, request: httpx.Request, **options: Any) -> httpx.Response:
        if f"{request.url.host}:{request.url.port}" not in PROVIDERS:
            return await send(self, request, **options)
        method = request.url.path.rpartition("/")[2]
        boundary(f"before {method}")
        answered = await send(self, request, **options)
        boundary(f"after {method}")
        return answered

    httpx.AsyncClient.send = sent  # type: ignore[method-assign]
    ask = aiohttp.ClientSession._request

    @wraps(ask)
    async def asked(self: aiohttp.ClientSession, method: str, address: Any, **options: Any) -> aiohttp.ClientResponse:
        if urlsplit(str(address)).netloc not in PROVIDERS:
            return await ask(self, method, address, **options)
        boundary(f"before {method} by SMS")
        answered = await ask(self, method, address, **options)
        boundary(f"after {method} by SMS")
        return answered

    aiohttp.ClientSession._request = asked  # type: ignore[method-assign]


def _files() -> None:
    rename = os.rename

    @wraps(rename)
    def renamed(source: Any, target: Any, **options: Any) -> None:
        rename(source, target, **options)
        if str(target).endswith(".msg"):
            boundary("after a file of the spool was renamed")

    os.rename = renamed


_commits()
_requests()
_files()
