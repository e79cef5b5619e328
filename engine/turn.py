"""The stateless turn channel: one request carries the text and the conversation's state, the answer carries both out.

Nothing stays in memory after the answer. The state is ``{"slots": {name: value}, "form": name or null}``: rules and
forms need no more, so a conversation of years costs no more than one of two messages.
"""

import asyncio
import hmac
import os
from contextvars import ContextVar
from typing import Any, Awaitable, Callable, Dict, Iterable, List, Optional, Text

from rasa.core.agent import Agent
from rasa.core.brokers.broker import EventBroker
from rasa.core.channels.channel import CollectingOutputChannel, InputChannel, UserMessage
from rasa.core.tracker_store import FailSafeTrackerStore, TrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME, ACTION_SESSION_START_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, Event, SessionStarted, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from sanic import Blueprint, response
from sanic.request import Request
from sanic.response import HTTPResponse

PREVIOUS_INTENT = "previous_intent"
RUNNERS_UP = "runners_up"
_REMEMBERED = 4


_failed_actions: ContextVar[Optional[List[Text]]] = ContextVar("failed actions of this turn", default=None)


def note_failed_action(name: Text) -> None:
    """Remember that the turn that runs now could not run one of its actions."""
    failed = _failed_actions.get()
    if failed is not None:
        failed.append(name)


class OpenTrackers(TrackerStore):
    """The trackers of the turns that run now, as they are: nothing is written out, nothing read back."""

    def __init__(self, domain: Domain, event_broker: Optional[EventBroker] = None, **_: Any) -> None:
        super().__init__(domain, event_broker)
        self._open: Dict[Text, DialogueStateTracker] = {}

    async def save(self, tracker: DialogueStateTracker) -> None:
        self._open[tracker.sender_id] = tracker

    async def retrieve(self, sender_id: Text) -> Optional[DialogueStateTracker]:
        return self._open.get(sender_id)

    async def keys(self) -> Iterable[Text]:
        return list(self._open)

    def forget(self, sender_id: Text) -> None:
        """Let go of a turn; does nothing where there is none."""
        self._open.pop(sender_id, None)


class TurnError(Exception):
    """The turn could not be answered; the caller gets a 5xx and asks again later."""


class TurnChannel(InputChannel):
    """``POST /webhooks/turn/ask`` answers a turn, ``POST /webhooks/turn/read`` only understands a text."""

    @classmethod
    def name(cls) -> Text:
        return "turn"

    @classmethod
    def from_credentials(cls, credentials: Optional[Dict[Text, Any]]) -> "TurnChannel":
        token = os.environ.get("HANDRAIL_ENGINE_TOKEN", "")
        if len(token) < 16:
            raise ValueError("HANDRAIL_ENGINE_TOKEN must be set to at least 16 characters before the engine starts")
        return cls(token, float((credentials or {}).get("seconds", 10)))

    def __init__(self, token: Text, seconds: float) -> None:
        self._token = token.encode()
        self._seconds = seconds

    def blueprint(self, on_new_message: Callable[[UserMessage], Awaitable[Any]]) -> Blueprint:
        routes = Blueprint("turn_webhook", __name__)

        @routes.post("/ask")
        async def ask(request: Request) -> HTTPResponse:
            return await self._answer(request, self._ask)

        @routes.post("/read")
        async def read(request: Request) -> HTTPResponse:
            return await self._answer(request, self._read)

        return routes

    async def _answer(self, request: Request, work: Callable[[Agent, Dict], Awaitable[Dict]]) -> HTTPResponse:
        given = request.headers.get("X-Handrail-Token", "").encode()
        if not hmac.compare_digest(given, self._token):
            return response.json({"error": "wrong or missing token"}, status=403)
        agent: Agent = request.app.ctx.agent
        if agent is None or not agent.is_ready():
            return response.json({"error": "no model loaded"}, status=503)
        try:
            body = await asyncio.wait_for(work(agent, request.json), self._seconds)
        except asyncio.TimeoutError:
            return response.json({"error": f"no answer within {self._seconds:g} s"}, status=504)
        except Exception as error:  # the whole point: no failure may look like an empty answer
            # The type alone: a message may carry what a person wrote.
            return response.json({"error": type(error).__name__}, status=500)
        return response.json(body)

    async def _read(self, agent: Agent, call: Dict[Text, Any]) -> Dict[Text, Any]:
        parsed = await agent.processor.parse_message(
            UserMessage(_whole(call["text"]), sender_id=call["turn"], metadata=call.get("metadata"))
        )
        return _understanding(parsed)

    async def _ask(self, agent: Agent, call: Dict[Text, Any]) -> Dict[Text, Any]:
        turn, state = call["turn"], call.get("state") or {}
        failed: List[Text] = []
        _failed_actions.set(failed)
        store = agent.tracker_store
        if isinstance(store, FailSafeTrackerStore):
            store = store._tracker_store
        await store.save(DialogueStateTracker.from_events(turn, _events(state), agent.domain.slots))
        try:
            channel = CollectingOutputChannel()
            await agent.processor.handle_message(
                UserMessage(_whole(call["text"]), channel, turn, input_channel="turn", metadata=call.get("metadata"))
            )
            if failed:
                # Rasa logs such a failure and goes on without the action: its silence must not pass for an answer.
                raise TurnError("an action could not be run")
            after = await store.retrieve(turn)
            # Not `latest_message`: a form that is replayed leaves that empty, and with it what net 2 has found.
            heard = next((e for e in reversed(after.events) if isinstance(e, UserUttered)), None) if after else None
            if heard is None:
                raise TurnError("the turn left no trace")
            understanding = _understanding(heard.parse_data or {})
            return {
                "replies": [_reply(message) for message in channel.messages],
                **understanding,
                "state": _state(after, understanding["intent"]["name"], heard.parse_data or {}),
            }
        finally:
            store.forget(turn)


def _whole(text: Text) -> Text:
    """The text without half characters, which break the encoder's tokenizer."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _events(state: Dict[Text, Any]) -> List[Event]:
    """The shortest history that stands for a state."""
    events: List[Event] = [ActionExecuted(ACTION_SESSION_START_NAME), SessionStarted()]
    events += [SlotSet(name, value) for name, value in (state.get("slots") or {}).items()]
    if state.get("form"):
        events += [ActiveLoop(state["form"]), ActionExecuted(state["form"])]
    return [*events, ActionExecuted(ACTION_LISTEN_NAME)]


def _state(tracker: DialogueStateTracker, intent: Optional[Text], parsed: Dict[Text, Any]) -> Dict[Text, Any]:
    slots = {
        name: value
        for name, value in tracker.current_slot_values().items()
        if value is not None and name != "session_started_metadata"
    }
    others = [row["name"] for row in parsed.get("intent_ranking") or [] if row["name"] != intent][:_REMEMBERED]
    return {"slots": {**slots, PREVIOUS_INTENT: intent, RUNNERS_UP: others}, "form": tracker.active_loop_name}


def _understanding(parsed: Dict[Text, Any]) -> Dict[Text, Any]:
    intent = parsed.get("intent") or {}
    return {
        "intent": {"name": intent.get("name"), "confidence": float(intent.get("confidence") or 0.0)},
        "entities": [
            {key: entity.get(key) for key in ("entity", "value", "start", "end")}
            for entity in parsed.get("entities") or []
        ],
        "findings": parsed.get("findings") or [],
    }


def _reply(message: Dict[Text, Any]) -> Dict[Text, Any]:
    return {"text": message.get("text", ""), "buttons": message.get("buttons") or []}
