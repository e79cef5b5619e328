"""The double of Twilio answers Twilio's own client as the real one does, and signs what it posts."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.base.exceptions import TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from tests.doubles.telegram import listening
from tests.doubles.twilio import Account, TwilioDouble, segments, sign, twilio_double

# Twilio's own asynchronous client builds on what aiohttp calls outdated.
pytestmark = [
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]

SID, TOKEN = "AC" + "a" * 32, "auth token"
SERVICE = "MG" + "b" * 32
NUMBER, MAYA = "+15550009999", "+15550100"
PUBLIC = "https://handrail.example/care/twilio"


@dataclass
class Site:
    """What the application would be."""

    came: list[tuple[str, dict[str, str], bool]] = field(default_factory=list)
    answers: list[Response] = field(default_factory=list)

    async def take(self, request: Request) -> Response:
        params = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        path = request.url.path
        right = RequestValidator(TOKEN).validate(
            PUBLIC + path.removeprefix("/twilio"), params, request.headers.get("X-Twilio-Signature", "")
        )
        self.came.append((path, params, right))
        return self.answers.pop(0) if self.answers else Response(status_code=204)


@dataclass
class Line:
    api: TwilioDouble
    account: Account
    client: Any
    site: Site

    async def send(self, body: str, to: str = MAYA, **more: Any) -> Any:
        if "messaging_service_sid" not in more:
            more.setdefault("from_", NUMBER)
        return await self.client.messages.create_async(to=to, body=body, **more)


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    site = Site()
    app = Starlette(routes=[Route("/twilio/{kind}", site.take, methods=["POST"])])
    async with listening(app, asyncio.Event()) as base, twilio_double() as api:
        account = api.account(SID, TOKEN, number=NUMBER, service=SERVICE)
        api.webhook(public_url=f"{PUBLIC}/in", post_to=f"{base}/twilio/in", fallback=f"{PUBLIC}/spare")
        async with AsyncTwilioHttpClient() as http:
            yield Line(api, account, api.point(Client(SID, TOKEN, http_client=http)), site)


async def refused(sending: Any) -> tuple[int, int | None]:
    with pytest.raises(TwilioRestException) as caught:
        await sending
    return caught.value.status, caught.value.code


async def test_sending(line: Line) -> None:
    sent = await line.send("Hello")
    assert (sent.status, sent.num_segments, sent.from_, sent.date_sent) == ("queued", "1", NUMBER, None)
    assert sent.date_created.tzinfo is not None
    pooled = await line.send("Olé €", messaging_service_sid=SERVICE)
    assert (pooled.status, pooled.from_, pooled.num_segments) == ("accepted", None, "0")
    later = await pooled.fetch_async()
    assert (later.status, later.from_, later.num_segments) == ("delivered", NUMBER, "1")
    phone = line.account.phone(MAYA)
    assert [(m.sid, m.body, m.status) for m in phone.received] == [
        (sent.sid, "Hello", "delivered"),
        (pooled.sid, "Olé €", "delivered"),
    ]
    await sent.delete_async()
    with pytest.raises(TwilioRestException):
        await sent.fetch_async()


async def test_the_blocking_client_and_an_api_key(line: Line) -> None:
    line.account.api_key("SK" + "c" * 32, "secret")
    client = line.api.point(Client("SK" + "c" * 32, "secret", SID))

    def send() -> Any:
        try:
            return client.messages.create(to=MAYA, from_=NUMBER, body="x"), client.api.accounts(SID).fetch()
        finally:
            client.http_client.session.close()

    sent, account = await asyncio.to_thread(send)
    assert sent.status == "queued"
    assert account.status == "active"


async def test_refusals(line: Line) -> None:
    assert await refused(line.send("x", to="555")) == (400, 21211)
    assert await refused(line.send("x", from_="+15550001111")) == (400, 21606)
    assert await refused(line.send("")) == (400, 21602)
    assert await refused(line.send("x" * 1601)) == (400, 21617)
    line.account.fail(status=429, retry_after=3)
    assert await refused(line.send("x")) == (429, 20429)
    line.account.fail(times=2)
    assert await refused(line.send("x")) == (500, 20500)
    assert await refused(line.send("x")) == (500, 20500)
    line.client.auth = (SID, "wrong")
    assert await refused(line.send("x")) == (401, 20003)
    assert line.account.messages == []


async def test_a_lost_answer(line: Line) -> None:
    line.account.fail(after_accept=True)
    with pytest.raises(aiohttp.ClientError):
        await line.send("came through")
    line.account.fail(status=0)
    with pytest.raises(aiohttp.ClientError):
        await line.send("did not")
    line.account.fail(status=200, slow=5)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await line.send("late")
    assert line.account.phone(MAYA).screen == ["came through", "late"]
    assert [kind for kind, _ in line.api.log].count("message") == 2


async def test_the_log_is_paged_and_filtered(line: Line) -> None:
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    now = start
    line.api.clock = lambda: now
    for day in range(5):
        now = start + timedelta(days=day)
        await line.send(f"day {day}")
    await line.account.phone(MAYA).texts("hi")
    listed = await line.client.messages.list_async(to=MAYA, page_size=2)
    assert [m.body for m in listed] == ["day 4", "day 3", "day 2", "day 1", "day 0"]
    (inbound,) = await line.client.messages.list_async(from_=MAYA)
    assert (inbound.direction, inbound.status, inbound.to) == ("inbound", "received", NUMBER)
    at = line.client.messages
    assert [m.body for m in await at.list_async(to=MAYA, date_sent=date(2026, 3, 2))] == ["day 1"]
    since = await at.list_async(to=MAYA, date_sent_after=start + timedelta(days=3))
    assert [m.body for m in since] == ["day 4", "day 3"]
    assert len(await at.list_async(date_sent_before=start + timedelta(days=1, seconds=-1))) == 1


async def test_inbound(line: Line) -> None:
    phone = line.account.phone(MAYA)
    answer = await phone.texts("Hi & hello é", media=1)
    assert (answer.status, answer.sid[:2]) == (204, "MM")
    (path, params, right) = line.site.came[0]
    assert (path, right, params["Body"], params["MediaContentType0"]) == (
        "/twilio/in",
        True,
        "Hi & hello é",
        "image/jpeg",
    )
    line.site.answers = [Response(status_code=500)]
    assert (await phone.texts("again")).status == 204
    assert [(path, right) for path, _, right in line.site.came[1:]] == [("/twilio/in", True), ("/twilio/spare", True)]
    assert (await phone.texts_again(answer)).sid == answer.sid
    line.api.fallback = None
    line.site.answers = [Response(status_code=500)]
    assert (await phone.texts("lost")).status == 500
    xml = "<Response><Message>One</Message><Message><Body>Two</Body></Message></Response>"
    line.site.answers = [Response(xml, media_type="application/xml")]
    await phone.texts("xml")
    assert phone.screen == ["One", "Two"]
    status, _ = await line.api.post(f"{PUBLIC}/in", params, sign(f"{PUBLIC}/in", params, "another token"))
    assert status == 204
    assert not line.site.came[-1][2]
    assert await line.api.post("https://elsewhere.example/", {}) == (0, None)


async def test_opting_out(line: Line) -> None:
    phone = line.account.phone(MAYA)
    line.account.advanced_opt_out = True
    assert (await phone.texts(" stop ")).params["OptOutType"] == "STOP"
    assert await refused(line.send("x")) == (400, 21610)
    assert await refused(line.send("x", messaging_service_sid=SERVICE)) == (400, 21610)
    await phone.texts("please stop")
    await phone.texts("help")
    await phone.texts("Start")
    assert len(phone.provider_replies) == 3
    await line.send("back")
    assert phone.screen == ["back"]
    assert len(line.site.came) == 4


async def test_status_callbacks(line: Line) -> None:
    def told() -> list[tuple[str, str | None]]:
        told = [(params["MessageStatus"], params.get("ErrorCode")) for _, params, right in line.site.came if right]
        line.site.came.clear()
        return told

    await line.send("x", status_callback=f"{PUBLIC}/status")
    await line.api.settled()
    assert told() == [("sent", None), ("delivered", None)]
    line.account.callbacks = "withheld"
    sent = await line.send("x", status_callback=f"{PUBLIC}/status")
    assert told() == []
    assert await line.account.deliver_callbacks("reversed", times=2) == [204] * 4
    assert told() == [("delivered", None), ("sent", None)] * 2
    assert await line.account.callback(sent.sid, "undelivered", 30003) == 204
    assert told() == [("undelivered", "30003")]
    assert (await sent.fetch_async()).error_code == 30003
    phone = line.account.phone(MAYA)
    phone.ends, phone.error_code = "undelivered", 30007
    await line.send("x", status_callback=f"{PUBLIC}/status")
    await line.account.deliver_callbacks("shuffled", seed=1)
    assert sorted(told()) == [("sent", None), ("undelivered", "30007")]
    assert phone.received[-1].status == "undelivered"


@pytest.mark.parametrize(
    ("body", "count"),
    [("", 1), ("x" * 160, 1), ("x" * 161, 2), ("€" * 80, 1), ("€" * 81, 2), ("’" * 70, 1), ("’" * 71, 2), ("😀" * 35, 1),
     ("😀" * 36, 2), ("😀" * 67, 3), ("x" * 307, 3)],
)  # fmt: skip
def test_segments(body: str, count: int) -> None:
    assert segments(body) == count
