"""The border: the only routes that the world may reach. What is not signed, or makes no sense, is refused and counted."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot.care.call import Answer
from bot.channels import telegram_reading
from bot.channels.sms import Forged, Provider, Unreadable
from bot.channels.telegram import TelegramBot
from bot.channels.telegram_updates import MOST_KEPT
from bot.channels.voice import Caller, Pressed, Script, Voice
from bot.delivery.messages import Inbound, NotKept, Report
from bot.escalation.auditor import Late
from bot.escalation.numbers import Series

log = structlog.get_logger()

# Far more than any provider sends; what is longer is not read.
MOST = 1024 * 1024
MOST_FIELDS = 200
FORM = "application/x-www-form-urlencoded"
XML = "text/xml"
TWIML = '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'


# Any of these says that the call has come from elsewhere.
_BY_A_PROXY = frozenset({"forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"})


class Refused(HTTPException):
    """A call that is not taken: its status, and the reason under which it is counted."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Calls:
    """What the border needs for calls.

    Attributes:
        told: takes a report about a call of ours.
        pressed: does what a key asks for, and says what is answered; nothing where the call is none of ours.
    """

    voice: Voice
    told: Callable[[str | None, Report], Awaitable[bool]]
    pressed: Callable[[str, Pressed], Awaitable[Answer | None]]


class Border:
    """Webhooks of the providers, and whether the service is well.

    Args:
        take: keeps a message; has it durable when it returns, raises ``NotKept`` where nothing keeps it.
        told: takes a report about a message of ours.
        bots: Telegram bots whose updates are sent to us, by channel name, each with its secret.
    """

    def __init__(
        self,
        take: Callable[[Inbound], Awaitable[object]],
        set_aside: telegram_reading.SetAside,
        told: Callable[[str | None, Report], Awaitable[bool]] | None = None,
        provider: Provider | None = None,
        bots: Mapping[str, tuple[TelegramBot, str]] | None = None,
        healthy: Callable[[], Awaitable[bool]] | None = None,
        overdue: Callable[[], Awaitable[list[Late]]] | None = None,
        counted: Callable[[], Awaitable[list[Series]]] | None = None,
        calls: Calls | None = None,
    ) -> None:
        self._calls = calls
        self._take = take
        self._set_aside = set_aside
        self._told = told
        self._provider = provider
        self._bots = dict(bots or {})
        self._healthy = healthy
        self._overdue = overdue
        self._counted = counted
        self._numbers: dict[str, Gauge] = {}
        self.registry = CollectorRegistry()
        self._taken = Counter("handrail_taken", "Calls that were taken", ["border"], registry=self.registry)
        self._refused = Counter(
            "handrail_refused", "Calls that were refused", ["border", "reason"], registry=self.registry
        )
        self._late = Gauge("handrail_late", "What should have been done by now", ["what"], registry=self.registry)
        self.app = Starlette(
            routes=[
                Route("/telegram/{name}", self._guarded(self._telegram), methods=["POST"]),
                Route("/sms", self._guarded(self._sms), methods=["POST"]),
                Route("/sms/status", self._guarded(self._status), methods=["POST"]),
                Route("/voice/key", self._guarded(self._key), methods=["POST"]),
                Route("/voice/status", self._guarded(self._call_status), methods=["POST"]),
                Route("/health", self._health, methods=["GET"]),
                Route("/health/ready", self._ready, methods=["GET"]),
                Route("/metrics", self._metrics, methods=["GET"]),
            ],
            exception_handlers={HTTPException: self._refuse},
        )
        # A path is ours or it is not.
        self.app.router.redirect_slashes = False

    def count(self, border: str, reason: str) -> float:
        """How many calls were refused for a reason."""
        return self.registry.get_sample_value("handrail_refused_total", {"border": border, "reason": reason}) or 0.0

    async def _refuse(self, request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        reason = error.reason if isinstance(error, Refused) else {404: "no such path", 405: "wrong method"}.get(
            status, "refused"
        )  # fmt: skip
        self._refused.labels(_border(request), reason).inc()
        log.warning("a call was refused", border=_border(request), why=reason, status=status)
        return PlainTextResponse(reason, status)

    @staticmethod
    def _guarded(work: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
        """Whatever breaks is refused here: further out somebody would log it, with what a person wrote."""

        async def guarded(request: Request) -> Response:
            try:
                return await work(request)
            except HTTPException:
                raise
            except NotKept:
                pass
            except Exception as error:
                log.error("a call broke", border=_border(request), why=type(error).__name__)  # noqa: TRY400
            raise Refused(503, "not kept")

        return guarded

    async def _telegram(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._bots:
            raise Refused(404, "no such bot")
        bot, secret = self._bots[name]
        if not telegram_reading.right_secret(request.headers.get("x-telegram-bot-api-secret-token"), secret):
            raise Refused(403, "wrong secret")
        body = await _body(request)
        try:
            raw = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise Refused(400, "not JSON") from error
        what = await telegram_reading.take(bot, raw, self._take, self._set_aside)
        if what != "taken":
            self._refused.labels("telegram", str(what)).inc()
        self._taken.labels("telegram").inc()
        return PlainTextResponse("")

    async def _sms(self, request: Request) -> Response:
        provider, form = await self._signed(request, self._provider)
        try:
            message = provider.inbound(form)
        except Unreadable as error:
            body = dict(form).get("Body", "")
            if not body:
                raise Refused(400, str(error)) from error
            # The provider has signed it, and somebody wrote: from no telephone, perhaps, but nothing of that may be lost.
            await self._set_aside("sms", json.dumps(form)[:MOST_KEPT], str(error), body)
            self._refused.labels("sms", "set aside").inc()
            return Response(TWIML, media_type=XML)
        await self._take(message)
        self._taken.labels("sms").inc()
        return Response(TWIML, media_type=XML)

    async def _status(self, request: Request) -> Response:
        provider, form = await self._signed(request, self._provider)
        try:
            report = provider.receipt(form)
        except Unreadable as error:
            raise Refused(400, str(error)) from error
        if self._told and not await self._told(request.query_params.get("id"), report):
            raise Refused(404, "no such message")
        self._taken.labels("sms").inc()
        return Response(status_code=204)

    async def _key(self, request: Request) -> Response:
        """A key that somebody pressed in a call. They hear what became of it, whatever went wrong."""
        if self._calls is None:
            raise Refused(404, "not set up")
        voice = self._calls.voice
        caller, form = await self._signed(request, voice.caller)
        message_id = request.query_params.get("id", "")
        try:
            answer = await self._calls.pressed(message_id, caller.pressed(form))
        except Unreadable as error:
            raise Refused(400, str(error)) from error
        except Exception as error:
            # Refused, the provider would say that an application has failed, and nothing of how to answer now.
            log.error("a key could not be taken", why=type(error).__name__)  # noqa: TRY400
            self._refused.labels("voice", "not kept").inc()
            return Response(voice.says("call_not_kept"), media_type=XML)
        if answer is None:
            self._refused.labels("voice", "no such call").inc()
            log.warning("a key of a call that is none of ours, or was answered before")
            return Response(voice.says("call_unknown"), media_type=XML)
        self._taken.labels("voice").inc()
        script = Script(answer.words, answer.language, answers=message_id if answer.again else None)
        return Response(caller.answer(script), media_type=XML)

    async def _call_status(self, request: Request) -> Response:
        if self._calls is None:
            raise Refused(404, "not set up")
        caller, form = await self._signed(request, self._calls.voice.caller)
        try:
            report = caller.receipt(form)
        except Unreadable as error:
            raise Refused(400, str(error)) from error
        if not await self._calls.told(request.query_params.get("id"), report):
            raise Refused(404, "no such message")
        self._taken.labels("voice").inc()
        return Response(status_code=204)

    @staticmethod
    async def _signed[P: (Provider, Caller)](request: Request, provider: P | None) -> tuple[P, list[tuple[str, str]]]:
        """The provider and the fields of a call that it has signed."""
        if provider is None:
            raise Refused(404, "not set up")
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != FORM:
            raise Refused(415, "not a form")
        body = await _body(request)
        try:
            form = parse_qsl(
                body.decode("utf-8"), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=MOST_FIELDS
            )
        except ValueError as error:
            raise Refused(400, "not a form") from error
        query = f"?{request.url.query}" if request.url.query else ""
        try:
            provider.check(f"{request.url.path}{query}", form, request.headers)
        except Forged as error:
            raise Refused(403, "wrong signature") from error
        return provider, form

    async def _health(self, _request: Request) -> Response:
        well = self._healthy is None or await self._healthy()
        return PlainTextResponse("well" if well else "not well", 200 if well else 503)

    async def _ready(self, _request: Request) -> Response:
        """Whether everything is on time; what is late is told by its name and number, never by whose it is."""
        if self._healthy is not None and not await self._healthy():
            return PlainTextResponse("the database does not answer", 503)
        late = await self._measure()
        return PlainTextResponse("\n".join(each.what for each in late) or "all is on time", 503 if late else 200)

    async def _measure(self) -> list[Late]:
        late = [] if self._overdue is None else await self._overdue()
        self._late.clear()
        for each in late:
            self._late.labels(each.what).set(each.count)
        return late

    async def _metrics(self, request: Request) -> Response:
        # Numbers only; still nobody's business but the machine's own.
        if request.client is None or request.client.host not in ("127.0.0.1", "::1"):
            raise Refused(404, "no such path")
        if not _BY_A_PROXY.isdisjoint(request.headers.keys()):
            raise Refused(404, "no such path")
        await self._measure()
        for series in [] if self._counted is None else await self._counted():
            gauge = self._numbers.get(series.name)
            if gauge is None:
                gauge = Gauge(f"handrail_{series.name}", series.help, series.labels, registry=self.registry)
                self._numbers[series.name] = gauge
            if series.labels:
                # What is gone is no zero that stays for ever.
                gauge.clear()
            for labels, value in series.values:
                (gauge.labels(*labels) if labels else gauge).set(value)
        return PlainTextResponse(generate_latest(self.registry).decode())


def _border(request: Request) -> str:
    first = request.url.path.strip("/").partition("/")[0]
    return first if first in ("telegram", "sms", "voice", "health", "metrics") else "other"


async def _body(request: Request) -> bytes:
    """The body of a call, as far as it may be long."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > MOST:
        raise Refused(413, "too long")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST:
                raise Refused(413, "too long")
    except ClientDisconnect as error:
        raise Refused(400, "broken off") from error
    return bytes(body)
