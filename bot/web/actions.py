"""The loopback route by which the engine has custom actions run."""

import hmac
import json
import secrets
import zlib
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import structlog
from rasa_sdk.executor import ActionExecutor
from rasa_sdk.interfaces import Action, ActionExecutionRejection
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.care.turn import OpenTurns, UnknownTurn
from bot.web.server import serving

log = structlog.get_logger()

MOST = 4 * 1024 * 1024


class ActionRoute:
    """Runs the actions that the engine asks for, on loopback, under a secret path.

    An action that raises marks its turn as failed: the turn then answers with a safe sentence and tells staff,
    instead of the silence that Rasa would make of it.
    """

    def __init__(self, actions: Sequence[Action], domain: dict[str, Any], turns: OpenTurns) -> None:
        self._executor = ActionExecutor()
        for action in actions:
            self._executor.register_action(action)
        self._domain = domain
        self._turns = turns
        self._secret = secrets.token_urlsafe(24)
        self._port = 0
        self._stack = AsyncExitStack()

    @property
    def url(self) -> str:
        """Where the engine finds the route; known once it was started."""
        if not self._port:
            raise RuntimeError("the action route has not been started")
        return f"http://127.0.0.1:{self._port}/{self._secret}"

    async def start(self) -> None:
        """Listen on a free port of the loopback interface."""
        app = Starlette(routes=[Route("/{secret}", self._run, methods=["POST"])])
        self._port = await self._stack.enter_async_context(serving(app))

    async def stop(self) -> None:
        """Stop listening."""
        await self._stack.aclose()

    async def _run(self, request: Request) -> Response:
        if not hmac.compare_digest(request.path_params["secret"].encode(), self._secret.encode()):
            return JSONResponse({"error": "not found"}, status_code=404)
        body = await request.body()
        if request.headers.get("content-encoding") == "deflate":
            body = zlib.decompressobj().decompress(body, MOST)
        call = json.loads(body)
        call["domain"] = self._domain
        name = call.get("next_action")
        try:
            turn = self._turns[call["sender_id"]]
        except UnknownTurn:
            return JSONResponse({"error": "this turn is not open"}, status_code=410)
        try:
            result = await self._executor.run(call)
        except ActionExecutionRejection as error:
            return JSONResponse({"error": error.message, "action_name": error.action_name}, status_code=400)
        except Exception:
            log.exception("an action raised", action=name, turn=turn.id)
            turn.failed_action = str(name)
            return JSONResponse({"events": [], "responses": []})
        return JSONResponse(result.model_dump() if result else {"events": [], "responses": []})
