"""A double of the engine at the HTTP border: answers a turn as the story tells it to."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.app import EngineHost
from bot.care.turn import OpenTurns
from bot.conversation.engine import EngineClient
from bot.conversation.process import EngineProcess
from bot.web.actions import ActionRoute

TOKEN = "a token that only this double knows"
Call = dict[str, Any]
Answers = Callable[[Call], Awaitable[Response]]


class Breaks(Action):
    """An action that raises, as one with a fault in it would."""

    def name(self) -> str:
        return "action_breaks"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[Any]:
        raise RuntimeError("this action has a fault")


def answer(
    text: str,
    *,
    intent: str = "chitchat",
    findings: tuple[dict[str, Any], ...] = (),
    state: dict[str, Any] | None = None,
) -> JSONResponse:
    """What the engine gives back for a turn."""
    return JSONResponse(
        {
            "replies": [{"text": text, "buttons": []}],
            "intent": {"name": intent, "confidence": 0.9},
            "entities": [],
            "findings": list(findings),
            "state": state or {"slots": {}, "form": None},
        }
    )


def found(kind: str, level: str = "definite") -> dict[str, Any]:
    """A finding of the engine's danger net."""
    return {"kind": kind, "level": level, "probability": 0.97}


class EngineDouble:
    """Listens on loopback. ``asks`` and ``reads`` are the texts it was given; ``answers`` may be replaced."""

    def __init__(self) -> None:
        self.asks: list[str] = []
        self.reads: list[str] = []
        self.finds: dict[str, dict[str, Any]] = {}
        self.base = ""
        self.host: EngineHost
        self.answers: Answers = self._echo

    async def _echo(self, call: Call) -> Response:
        found_here = self.finds.get(call["text"])
        return answer(f"heard: {call['text']}", findings=(found_here,) if found_here else ())

    async def run_action(self, call: Call, action: str) -> None:
        """Have the application run a custom action, as Rasa would in the middle of a turn."""
        body = {
            "next_action": action,
            "sender_id": call["turn"],
            "tracker": {"sender_id": call["turn"], "slots": {}, "latest_message": {"text": call["text"]}, "events": []},
        }
        async with httpx.AsyncClient(trust_env=False) as http:
            await http.post(self.host.route.url, json=body)

    def away(self) -> None:
        """No engine can be reached."""
        self.host.client.disconnect()

    def back(self) -> None:
        self.host.client.connect(self.base, TOKEN)

    async def _ask(self, request: Request) -> Response:
        call: Call = await request.json()
        self.asks.append(call["text"])
        return await self.answers(call)

    async def _read(self, request: Request) -> Response:
        call: Call = await request.json()
        self.reads.append(call["text"])
        found_here = self.finds.get(call["text"])
        return answer("", findings=(found_here,) if found_here else ())


@asynccontextmanager
async def engine_double(home: Path) -> AsyncIterator[EngineDouble]:
    """A double that listens, with a host that asks it."""
    double = EngineDouble()
    app = Starlette(
        routes=[
            Route("/webhooks/turn/ask", double._ask, methods=["POST"]),
            Route("/webhooks/turn/read", double._read, methods=["POST"]),
        ]
    )
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    double.base = f"http://127.0.0.1:{listening.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, lifespan="off"))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.005)
    turns = OpenTurns()
    route = ActionRoute([Breaks()], {"responses": {}}, turns)
    await route.start()
    client = EngineClient()
    double.host = EngineHost(turns, route, client, EngineProcess(home, home / "no model", client, route.url))
    double.back()
    try:
        yield double
    finally:
        await client.close()
        await route.stop()
        # An answer that a story still holds back must not hold up its end.
        server.should_exit = server.force_exit = True
        await serving
        listening.close()
