"""Asking the engine: one request a turn, the state goes along and comes back."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from bot.delivery.messages import Choice
from bot.safety.findings import Finding, Kind, Level, Net
from bot.store.conversations import State

# The engine reads this much of a text: more would hold up its loop, and the screen has read all of it.
READS = 4_096
TIMEOUT = 12.0
# The commands that the conversation answers, as the engine hears them: whatever is open, they are none of its answers.
COMMANDS = {"/plan": "/ask_plan", "/checkin": "/start_check_in"}
_UNREADABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]+")
_THUMBS = {"\U0001f44d": " yes ", "\U0001f44e": " no ", "\u2705": " yes ", "\u274c": " no ", "\U0001f44c": " ok "}


class EngineError(Exception):
    """The engine gave no answer. ``EngineAway``: it cannot be reached. ``EngineFailed``: it could not answer this."""


class EngineAway(EngineError):
    """The engine does not run, starts, or does not respond: the message waits for it."""


class EngineFailed(EngineError):
    """The engine answered with a failure: asked again a few times, then a human is told."""


@dataclass(frozen=True, slots=True)
class Understanding:
    """What the engine heard: the intent with its confidence, entities, and what its danger net found."""

    intent: str | None
    confidence: float
    entities: tuple[dict[str, Any], ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Reply:
    text: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The engine's answer to a turn."""

    replies: tuple[Reply, ...]
    understanding: Understanding
    state: State


def readable(text: str) -> str:
    """The part of a text that the engine reads, without what it cannot: no NUL, no lone surrogates, no commands.

    A person's leading slash is taken away: to Rasa it would be a command, and only the application gives those. Ours,
    alone in a text, are heard as what they ask for.
    """
    if (command := COMMANDS.get(text.strip().casefold())) is not None:
        return command
    for sign, word in _THUMBS.items():
        text = text.replace(sign, word)
    if len(text) > READS:
        text = text[: READS // 2] + " " + text[-READS // 2 :]
    return _UNREADABLE.sub(" ", text).lstrip("/ \t\r\n").strip()


def says_something(text: str) -> bool:
    """Whether there is anything to understand: a letter or a digit in any script."""
    return any(character.isalnum() for character in text)


class EngineClient:
    """Talks to the engine's turn channel on loopback. ``connect`` is called again whenever a new process is ready."""

    def __init__(self, timeout: float = TIMEOUT) -> None:
        self._http = httpx.AsyncClient(timeout=timeout, trust_env=False)
        self._base: str | None = None
        self._token = ""

    def connect(self, base: str, token: str) -> None:
        self._base, self._token = base, token

    def disconnect(self) -> None:
        self._base = None

    @property
    def ready(self) -> bool:
        """Whether an engine is there to be asked."""
        return self._base is not None

    async def ask(self, turn: str, text: str, role: str, state: State, language: str = "en") -> Answer:
        """Have a turn answered; ``language`` is the one the text is written in.

        Raises:
            EngineAway: no engine can be reached.
            EngineFailed: the engine could not answer.
        """
        call = {
            "turn": turn,
            "text": text,
            "metadata": {"role": role, "language": language},
            "state": {"slots": state.slots, "form": state.form},
        }
        body = await self._post("ask", call)
        with _expected_form():
            return Answer(
                tuple(
                    Reply(reply["text"], tuple(Choice(b["title"], b["payload"]) for b in reply["buttons"]))
                    for reply in body["replies"]
                ),
                _understanding(body, text),
                State(body["state"]["slots"], body["state"]["form"]),
            )

    async def read(self, turn: str, text: str, role: str) -> Understanding:
        """Have a text understood without answering it; raises like ``ask``."""
        body = await self._post("read", {"turn": turn, "text": text, "metadata": {"role": role}})
        with _expected_form():
            return _understanding(body, text)

    async def _post(self, what: str, call: dict[str, Any]) -> dict[str, Any]:
        if self._base is None:
            raise EngineAway("the engine is not running")
        try:
            response = await self._http.post(
                f"{self._base}/webhooks/turn/{what}", json=call, headers={"X-Handrail-Token": self._token}
            )
        except httpx.TimeoutException as error:
            raise EngineFailed("the engine took too long") from error
        except httpx.HTTPError as error:
            raise EngineAway(f"the engine cannot be reached ({type(error).__name__})") from error
        if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            raise EngineAway("the engine has no model loaded")
        if response.status_code != httpx.codes.OK:
            raise EngineFailed(f"the engine answered {response.status_code}")
        with _expected_form():
            body: dict[str, Any] = response.json()
        return body

    async def close(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        await self.close()


@contextmanager
def _expected_form() -> Iterator[None]:
    """An answer that cannot be read is a failure of the engine like any other, so that it is counted and told."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise EngineFailed(f"the engine's answer cannot be read ({type(error).__name__})") from error


def _understanding(body: dict[str, Any], text: str) -> Understanding:
    findings = tuple(
        Finding(Kind(f["kind"]), Level(f["level"]), Net.MODEL, f"model p={f['probability']:.2f}", text[:200])
        for f in body["findings"]
    )
    intent = body["intent"]
    return Understanding(intent["name"], intent["confidence"], tuple(body["entities"]), findings)
