"""Somebody outside hears from us while all is well, and only then."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.service import Heartbeat
from bot.web.server import serving
from tests.doubles.house import House


@asynccontextmanager
async def watcher(calls: list[str], status: int = 200) -> AsyncIterator[str]:
    async def beat(request: Request) -> Response:
        calls.append(request.url.path)
        return PlainTextResponse("", status)

    async with serving(Starlette(routes=[Route("/beat", beat)])) as port:
        yield f"http://127.0.0.1:{port}/beat"


async def test_it_is_heard_while_all_is_well_and_silent_when_an_alert_waits(house: House) -> None:
    calls: list[str] = []
    async with watcher(calls) as url:
        heartbeat = Heartbeat(house.app, url)
        await heartbeat.run_once()
        assert calls == ["/beat"]
        await house.client.says("i want to kill myself")
        house.clock.move(timedelta(minutes=6))
        await heartbeat.run_once()
        assert calls == ["/beat"], "nobody was asked after five minutes, and the watcher notices"
        await house.app.tick.run()
        await house.app.settle()
        await heartbeat.run_once()
        assert calls == ["/beat", "/beat"]


async def test_a_watcher_that_fails_or_is_gone_stops_nothing(house: House) -> None:
    calls: list[str] = []
    async with watcher(calls, 500) as url:
        await Heartbeat(house.app, url).run_once()
    await Heartbeat(house.app, url).run_once()
    assert calls == ["/beat"]
