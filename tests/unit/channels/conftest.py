"""The lines to a person: each channel with what stands at its other end, a screen that can be read."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bot.app import load_content
from bot.channels import telegram
from bot.channels.console import Console
from bot.channels.email import Email, Security, Server
from bot.channels.sms import Sms
from bot.channels.telegram import TelegramBot
from bot.channels.twilio import Twilio
from bot.channels.twilio_calls import TwilioCalls
from bot.channels.voice import Voice
from bot.content import Content
from bot.delivery.messages import Channel, Choice, Delivery, Lane, Outbound, Receipt
from bot.settings import HOME
from bot.store.database import new_id
from tests.doubles.mail import mail_double
from tests.doubles.telegram import listening, telegram_double
from tests.doubles.twilio import twilio_double

TOKEN = "4242:a_token_that_nobody_may_see"
ACCOUNT, AUTH = "AC" + "a" * 32, "auth token that nobody may see"
NUMBER = "+15550009999"
CHAT, PHONE = 777000111222, "+15550100"
PUBLIC = "https://handrail.example/care"
MAILBOX, FROM = "ruth@practice.example", "Handrail <alerts@practice.example>"


@dataclass(frozen=True)
class Shown:
    """A message as the person sees it."""

    text: str
    buttons: tuple[str, ...] = ()


@dataclass
class Line:
    """A channel, the person at its other end, and their provider, which does what a story says."""

    channel: Channel
    address: str
    screen: Callable[[], list[Shown]]
    provider: Any = None
    person: Any = None
    then: Receipt = Receipt.DELIVERED
    """How far a message has come at once, where the provider tells."""

    def says(self, text: str, *choices: str, lane: Lane = Lane.REPLY, **more: Any) -> Delivery:
        message = Outbound(text, tuple(Choice(title, title) for title in choices), **more)
        return Delivery(new_id(), self.address, message, lane)

    async def send(self, text: str, *choices: str, **more: Any) -> str:
        return await self.channel.send(self.says(text, *choices, **more))


def twilio_at(base: str, sender: str = NUMBER, **more: Any) -> Twilio:
    return Twilio(ACCOUNT, [AUTH], sender, PUBLIC, base, **more)


@cache
def words() -> Content:
    return load_content(HOME)


def calls_at(base: str) -> Voice:
    return Voice(TwilioCalls(ACCOUNT, [AUTH], NUMBER, PUBLIC, base), words())


def mail_at(port: int) -> Email:
    return Email(Server("127.0.0.1", port, Security.NONE), FROM, words())


@asynccontextmanager
async def console_line() -> AsyncIterator[Line]:
    shown: list[Shown] = []

    def show(delivery: Delivery) -> None:
        message = delivery.message
        shown.append(Shown(message.text, tuple(choice.title for choice in message.choices)))

    yield Line(Console(show), "maya", lambda: shown)


@asynccontextmanager
async def telegram_line() -> AsyncIterator[Line]:
    async with telegram_double() as api:
        double = api.bot(TOKEN)
        chat = double.chat(CHAT)

        def screen() -> list[Shown]:
            return [Shown(seen.text, tuple(title for row in seen.buttons for title in row)) for seen in chat.received]

        async with TelegramBot(telegram.CLIENTS, TOKEN, api.base) as bot:
            yield Line(bot, str(CHAT), screen, double, chat)


@asynccontextmanager
async def sms_line() -> AsyncIterator[Line]:
    async with twilio_double() as api:
        account = api.account(ACCOUNT, AUTH, number=NUMBER)
        # What becomes of a message is asked for here; nobody listens for callbacks.
        account.callbacks = "withheld"
        phone = account.phone(PHONE)
        provider = twilio_at(api.base)
        channel = Sms(provider, rate=10)
        try:
            yield Line(channel, PHONE, lambda: [Shown(body) for body in phone.screen], account, phone)
        finally:
            await provider.close()


@asynccontextmanager
async def email_line() -> AsyncIterator[Line]:
    async with mail_double() as server:
        yield Line(
            mail_at(server.port), MAILBOX, lambda: [Shown(text) for text in server.texts(MAILBOX)], server, server
        )


@asynccontextmanager
async def call_line() -> AsyncIterator[Line]:
    async with twilio_double() as api:
        account = api.account(ACCOUNT, AUTH, number=NUMBER)
        phone, channel = account.phone(PHONE), calls_at(api.base)
        try:
            # It rings, and what would be heard is what arrives.
            yield Line(channel, PHONE, lambda: [Shown(said) for said in phone.heard], account, phone, Receipt.SENT)
        finally:
            await channel.caller.close()


LINES = {
    "console": console_line,
    "telegram": telegram_line,
    "sms": sms_line,
    "email": email_line,
    "call": call_line,
}


@pytest.fixture(params=LINES)
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    async with LINES[request.param]() as line:
        yield line


@asynccontextmanager
async def channel_at(kind: str, base: str) -> AsyncIterator[tuple[Channel, str]]:
    """The channel of a kind, its provider being whoever listens there, and an address on it."""
    if kind == "telegram":
        async with TelegramBot(telegram.CLIENTS, TOKEN, f"{base}/bot") as bot:
            yield bot, str(CHAT)
        return
    if kind == "email":
        yield mail_at(urlsplit(base).port or 0), MAILBOX
        return
    if kind == "call":
        voice = calls_at(base)
        try:
            yield voice, PHONE
        finally:
            await voice.caller.close()
        return
    provider = twilio_at(base)
    try:
        yield Sms(provider, rate=10), PHONE
    finally:
        await provider.close()


@asynccontextmanager
async def answering(status: int, body: str, kind: str = "application/json") -> AsyncIterator[str]:
    """A provider that gives one and the same answer to everything."""

    async def answer(_request: Request) -> Response:
        return Response(body, status, media_type=kind)

    app = Starlette(routes=[Route("/{anything:path}", answer, methods=["GET", "POST"])])
    async with listening(app, asyncio.Event()) as base:
        yield base


@pytest.fixture
def nobody_listens() -> str:
    """An address at which every connection is refused."""
    with socket.socket() as ear:
        ear.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{ear.getsockname()[1]}"


class Patience:
    """Lets the loop's time jump ahead, so that nobody waits for a time limit."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()

    def jump(self, seconds: float) -> None:
        # Never set back: timers of other tests may have been set by the new time.
        before = self._loop.time
        self._loop.time = lambda: before() + seconds  # type: ignore[method-assign]


@pytest.fixture
async def patience() -> Patience:
    return Patience()


async def until(holds: Callable[[], Any]) -> None:
    """Let the others go on until something is so."""
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)


def at(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, 1, hour, minute, tzinfo=UTC)
