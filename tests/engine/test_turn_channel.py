"""The turn channel: by token alone, nothing left behind, no failure that looks like an empty answer."""

import asyncio
import json
import os
import secrets
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.conversation.process import free_port

TOKEN = secrets.token_urlsafe(32)


class ActionsDouble:
    """The application's action route, doubled: it answers, fails, or takes its time."""

    def __init__(self) -> None:
        self.does = "answer"
        self.calls: list[dict[str, Any]] = []
        self.released = asyncio.Event()

    async def run(self, request: Request) -> Response:
        body = await request.body()
        if request.headers.get("content-encoding") == "deflate":
            import zlib

            body = zlib.decompress(body)
        self.calls.append(json.loads(body))
        if self.does == "fail":
            return JSONResponse({"error": "the action has a fault"}, status_code=500)
        if self.does == "wait":
            await self.released.wait()
        return JSONResponse({"events": [], "responses": [{"text": "an action spoke"}]})


@dataclass
class Engine:
    base: str
    http: httpx.AsyncClient
    actions: ActionsDouble

    async def post(self, what: str, call: Any, token: str | None = TOKEN) -> httpx.Response:
        headers = {"X-Handrail-Token": token} if token is not None else {}
        return await self.http.post(f"{self.base}/webhooks/turn/{what}", json=call, headers=headers)

    async def ask(self, text: str, state: dict[str, Any] | None = None, turn: str = "t") -> dict[str, Any]:
        call = {"turn": turn, "text": text, "metadata": {"role": "client"}, "state": state or {}}
        response = await self.post("ask", call)
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body


@pytest.fixture(scope="module")
async def channel(home: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engine]:
    """The real engine with a time limit of two seconds, its actions doubled."""
    credentials = tmp_path_factory.mktemp("channel") / "credentials.yml"
    credentials.write_text("engine.turn.TurnChannel:\n  seconds: 2\n")
    actions, port, actions_port = ActionsDouble(), free_port(), free_port()
    app = Starlette(routes=[Route("/actions", actions.run, methods=["POST"])])
    config = uvicorn.Config(app, port=actions_port, log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server.serve())
    environment = {
        **os.environ,
        "HANDRAIL_ENGINE_TOKEN": TOKEN,
        "HANDRAIL_ENGINE_PARENT": "1",
        "HANDRAIL_ACTIONS_URL": f"http://127.0.0.1:{actions_port}/actions",
        "OMP_NUM_THREADS": "1",
    }
    process = subprocess.Popen(
        [
            str(home / "engine/.venv/bin/python"), "-m", "engine", "run", "--model", str(model), "--interface",
            "127.0.0.1", "--port", str(port), "--credentials", str(credentials), "--endpoints", "endpoints.yml",
        ],
        cwd=home, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    async with httpx.AsyncClient(timeout=20, trust_env=False) as http:
        engine = Engine(f"http://127.0.0.1:{port}", http, actions)
        try:
            async with asyncio.timeout(90):
                while True:
                    try:
                        if (await engine.post("read", {"turn": "t", "text": "hello"})).status_code == 200:
                            break
                    except httpx.HTTPError:
                        pass
                    await asyncio.sleep(0.2)
            yield engine
        finally:
            actions.released.set()
            assert process.stdin
            process.stdin.close()
            await asyncio.to_thread(process.wait, 10)
            server.should_exit = server.force_exit = True
            await serving


@pytest.fixture(autouse=True)
def actions_answer(channel: Engine) -> None:
    channel.actions.does = "answer"
    channel.actions.calls.clear()


@pytest.mark.parametrize("what", ["ask", "read"])
@pytest.mark.parametrize(
    "token", [None, "", "wrong", TOKEN[:-1], TOKEN + "x"], ids=["none", "empty", "wrong", "short", "long"]
)
async def test_without_its_token_it_says_nothing(channel: Engine, what: str, token: str | None) -> None:
    response = await channel.post(what, {"turn": "t", "text": "hello"}, token)
    assert response.status_code == 403
    assert set(response.json()) == {"error"}


@pytest.mark.parametrize(
    "path",
    ["/webhooks/rest/webhook", "/webhooks/callback/webhook", "/conversations/t/tracker", "/model/parse", "/domain"],
)
async def test_no_other_way_in_is_open(channel: Engine, path: str) -> None:
    for method in ("GET", "POST"):
        response = await channel.http.request(method, channel.base + path, json={"sender": "t", "message": "hello"})
        assert response.status_code in (401, 403, 404, 405), path


async def test_a_turn_leaves_nothing_behind(channel: Engine) -> None:
    first = await channel.ask("i really want a drink right now")
    again = await channel.ask("i really want a drink right now")
    assert again == first, "nothing of the first turn is known to the second"
    assert all(len(call["tracker"]["events"]) < 12 for call in channel.actions.calls), "every turn begins anew"
    assert [call["next_action"] for call in channel.actions.calls if "domain" in call] == [], "the application has it"
    other = await channel.ask("what did i just say", turn="another")
    assert other["state"]["form"] is None or "drink" not in json.dumps(other)


async def test_the_state_goes_in_and_comes_out_and_does_not_grow(channel: Engine) -> None:
    state: dict[str, Any] = {}
    sizes = []
    for number in range(60):
        body = await channel.ask(("hello", "thank you", "what can you do", "ok")[number % 4], state, f"t{number}")
        state = body["state"]
        assert set(state) == {"slots", "form"}
        sizes.append(len(json.dumps(state)))
    assert max(sizes[30:]) <= max(sizes[:30])
    assert max(sizes) < 2_000
    assert "hello" not in json.dumps(state), "what was said does not travel in the state"


async def test_a_slow_action_ends_in_504_and_the_next_turn_works(channel: Engine) -> None:
    channel.actions.does = "wait"
    call = {"turn": "slow", "text": "i want to talk to a real person", "metadata": {"role": "client"}, "state": {}}
    response = await channel.post("ask", call)
    assert channel.actions.calls, "this turn runs an action"
    assert response.status_code == 504
    assert "no answer within" in response.json()["error"]
    channel.actions.does = "answer"
    assert (await channel.ask("i want to talk to a real person", turn="next"))["replies"]


async def test_a_failing_action_is_never_an_empty_answer(channel: Engine) -> None:
    channel.actions.does = "fail"
    call = {"turn": "bad", "text": "i want to talk to a real person", "metadata": {"role": "client"}, "state": {}}
    response = await channel.post("ask", call)
    assert channel.actions.calls, "this turn runs an action"
    assert response.status_code >= 500, response.text


@pytest.mark.parametrize("call", [[], {}, {"turn": "t"}, {"text": "hello"}, {"turn": "t", "text": None}, "hello", None])
async def test_a_broken_call_is_an_error_and_nothing_more(channel: Engine, call: Any) -> None:
    response = await channel.post("ask", call)
    assert 400 <= response.status_code < 600
    assert set(response.json()) == {"error"}
    assert (await channel.ask("hello"))["intent"]["name"]


async def test_an_unknown_form_or_slot_in_the_state_does_not_end_the_engine(channel: Engine) -> None:
    state = {"slots": {"no_such_slot": 1}, "form": "no_such_form"}
    await channel.post("ask", {"turn": "t", "text": "hello", "metadata": {"role": "client"}, "state": state})
    assert (await channel.ask("hello"))["intent"]["name"]


# What is understood, on the real model

ODD = st.text(max_size=300) | st.text(
    st.sampled_from("aeá ñ.,!?(){}[]\\/#@💊🔫\u200b\u202e\x00\ud800'\"0123456789\n"), max_size=3_000
)
SAID = st.sampled_from(
    ["", "i want to die", "craving 7", "took 3 pills 20 minutes ago", "mi mamá no despierta", "purple"]
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    before=ODD,
    said=SAID,
    after=ODD,
    role=st.sampled_from(["client", "family", "stranger"]),
    language=st.sampled_from(["en", "es", "other"]),
)
async def test_no_text_breaks_a_component(
    channel: Engine, before: str, said: str, after: str, role: str, language: str
) -> None:
    text = before + said + after
    call = {"turn": "t", "text": text, "metadata": {"role": role, "language": language}}
    # As the application sends it: half a character has no way over the wire.
    content = json.dumps(call).encode()
    response = await channel.http.post(
        f"{channel.base}/webhooks/turn/read", content=content, headers={"X-Handrail-Token": TOKEN}
    )
    assert response.status_code == 200, (response.text, text)
    told = response.json()
    assert 0 <= told["intent"]["confidence"] <= 1.0001
    assert all(0 <= row["start"] < row["end"] <= len(text) for row in told["entities"])


async def read(channel: Engine, text: str, **metadata: str) -> dict[str, Any]:
    response = await channel.post("read", {"turn": "t", "text": text, "metadata": {"role": "client", **metadata}})
    body: dict[str, Any] = response.json()
    return body


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("two percs off my cousin", {"amount": "two", "substance": "opioids", "person": "relative"}),
        (
            "half a bottle of vodka last night",
            {"amount": "half a bottle", "substance": "alcohol", "time since": "last night"},
        ),
        ("3 pills 20 minutes ago", {"amount": "3 pills", "time since": "20 minutes ago"}),
        ("so lonely at the liquor store", {"feeling": "lonely", "place": "bar"}),
        ("mom is away until friday", {"person": "parent", "time until": "until friday"}),
        ("hace tres días que no tomo cerveza", {"time since": "hace tres días", "substance": "alcohol"}),
        ("can i take advil with my methadone", {"painkiller": "nsaid", "substance": "opioid medicine"}),
        ("it's an 8 out of 10", {"level": "8 out of 10"}),
    ],
)
async def test_entities_are_told_with_what_they_stand_for(channel: Engine, text: str, found: dict[str, str]) -> None:
    entities = (await read(channel, text))["entities"]
    assert {row["entity"]: row["value"] for row in entities} == found
    assert all(text[row["start"] : row["end"]].strip() for row in entities)


async def test_another_language_is_not_answered_as_if_it_were_english(channel: Engine) -> None:
    text = "buenos días, dormí muy bien anoche"
    assert (await read(channel, text, language="es"))["intent"]["name"] == "nlu_fallback"
    assert (await read(channel, text))["intent"]["name"] != "nlu_fallback"


async def test_danger_in_another_language_is_still_danger(channel: Engine) -> None:
    told = await read(channel, "me tomé todas las pastillas y me estoy yendo", language="es")
    assert [row["kind"] for row in told["findings"]] == ["overdose"]
    assert told["intent"]["name"].startswith("danger_")


@pytest.mark.parametrize("text", ["glorpf", "teapot", "4471", "mnbv lkj"])
async def test_what_says_nothing_is_neither_danger_nor_taken_for_anything(channel: Engine, text: str) -> None:
    told = await read(channel, text)
    assert (told["findings"], told["intent"]["name"]) == ([], "nlu_fallback")


async def test_the_next_likeliest_meanings_are_remembered_for_a_misunderstanding(channel: Engine) -> None:
    told = await channel.ask("i'm so stressed about money, what are my reasons again")
    others = told["state"]["slots"]["runners_up"]
    assert told["intent"]["name"] not in others
    assert len(others) == len(set(others)) > 1
