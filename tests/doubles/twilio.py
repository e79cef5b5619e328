"""A double of Twilio at the HTTP border: its REST API for texts and calls, its webhooks, and the phones behind them."""

import asyncio
import base64
import random
import re
import uuid
import xml.etree.ElementTree as ET
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import format_datetime
from typing import Any, Literal, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator

from tests.doubles.telegram import Dropped, listening

Json = dict[str, Any]
Params = dict[str, str]

ROOT = "/2010-04-01/Accounts"
STOPS = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
STARTS = {"START", "YES", "UNSTOP"}
HELPS = {"HELP", "INFO"}
SAYS = {
    "STOP": "You have successfully been unsubscribed. You will not receive any more messages from this number."
    " Reply START to resubscribe.",
    "START": "You have successfully been re-subscribed to messages from this number. Reply HELP for help."
    " Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
    "HELP": "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
}
MESSAGES = {
    20003: "Authenticate",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    20500: "Internal Server Error",
    21602: "Message body is required.",
    21603: "A 'From' phone number is required.",
    21604: "A 'To' phone number is required.",
    21610: "Attempt to send to unsubscribed recipient",
    21617: "The concatenated message body exceeds the 1600 character limit",
}
DELIVERY_ERRORS = {
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Message filtered",
    30008: "Unknown error",
}
LONGEST_BODY = 1600
LONGEST_TWIML = 4000

# GSM 03.38: what fits into seven bits, and what takes an escape before it.
GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_ESCAPED = set("\f^{}\\[~]|€")


def segments(body: str) -> int:
    """How many segments a text takes on the air."""
    if all(sign in GSM or sign in GSM_ESCAPED for sign in body):
        sizes, whole, part = [2 if sign in GSM_ESCAPED else 1 for sign in body], 160, 153
    else:
        sizes, whole, part = [2 if ord(sign) > 0xFFFF else 1 for sign in body], 70, 67
    if sum(sizes) <= whole:
        return 1
    count, room = 1, part
    for size in sizes:
        # A sign of two places is never torn between two segments.
        if size > room:
            count, room = count + 1, part
        room -= size
    return count


def sign(url: str, params: Params, token: str) -> str:
    """The signature that Twilio gives a webhook request."""
    return str(RequestValidator(token).compute_signature(url, params))


def _sid(prefix: str) -> str:
    return prefix + uuid.uuid4().hex


class Answer(NamedTuple):
    """What the webhook answered, and what it was sent."""

    status: int
    body: str
    sid: str
    params: Params


class Received(NamedTuple):
    """A message on its way to a phone or there."""

    sid: str
    body: str
    segments: int
    status: str


class Refused(Exception):
    """A request that Twilio answers with an error."""

    def __init__(self, status: int, code: int, message: str = "", retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message or MESSAGES.get(code, "Internal Server Error")
        self.retry_after = retry_after

    def response(self) -> Response:
        more = f"https://www.twilio.com/docs/errors/{self.code}"
        body = {"code": self.code, "message": self.message, "more_info": more, "status": self.status}
        headers = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return JSONResponse(body, status_code=self.status, headers=headers)


@dataclass
class Fault:
    """What goes wrong at the next requests."""

    times: int
    status: int
    code: int | None
    retry_after: int | None
    after_accept: bool
    slow: float
    method: str

    def refusal(self) -> Refused:
        known = {401: 20003, 404: 20404, 429: 20429}
        return Refused(self.status, self.code or known.get(self.status, 20500), retry_after=self.retry_after)


@dataclass
class Message:
    """A message as Twilio keeps it."""

    account: "Account"
    direction: str
    to: str
    body: str
    created: datetime
    sender: str | None = None
    service: str | None = None
    status: str = "queued"
    status_callback: str | None = None
    sent: datetime | None = None
    error_code: int | None = None
    media: int = 0
    sid: str = field(default="")

    def __post_init__(self) -> None:
        self.sid = _sid("MM" if self.media else "SM")
        self.updated = self.created

    @property
    def resource(self) -> Json:
        uri = f"{ROOT}/{self.account.sid}/Messages/{self.sid}"
        return {
            "account_sid": self.account.sid,
            "api_version": "2010-04-01",
            "body": self.body,
            "date_created": format_datetime(self.created),
            "date_sent": self.sent and format_datetime(self.sent),
            "date_updated": format_datetime(self.updated),
            "direction": self.direction,
            "error_code": self.error_code,
            "error_message": self.error_code and DELIVERY_ERRORS.get(self.error_code, "Unknown error"),
            "from": self.sender,
            "messaging_service_sid": self.service,
            "num_media": str(self.media),
            # A Messaging Service counts only once it has chosen the number to send from.
            "num_segments": str(segments(self.body)) if self.sender else "0",
            "price": None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": self.to,
            "uri": f"{uri}.json",
        }

    def moves(self, status: str, error_code: int | None = None) -> None:
        self.status, self.error_code = status, error_code
        self.updated = self.account.api.now()
        if status == "sent":
            self.sent = self.updated

    def news(self, status: str, error_code: int | None = None) -> Params:
        """The parameters of a status callback."""
        params = {
            "AccountSid": self.account.sid,
            "ApiVersion": "2010-04-01",
            "From": self.sender or "",
            "MessageSid": self.sid,
            "MessageStatus": status,
            "SmsSid": self.sid,
            "SmsStatus": status,
            "To": self.to,
        }
        if self.service:
            params["MessagingServiceSid"] = self.service
        if error_code:
            params["ErrorCode"] = str(error_code)
        return params


@dataclass
class Call:
    """A call as Twilio keeps it: what it says, which key it waits for, how far it has come."""

    account: "Account"
    to: str
    sender: str
    twiml: str
    status_callback: str | None
    created: datetime
    status: str = "queued"
    said: list[str] = field(default_factory=list)
    action: str | None = None
    sid: str = field(default_factory=lambda: _sid("CA"))

    @property
    def ended(self) -> bool:
        return self.status in ("completed", "busy", "no-answer", "failed", "canceled")

    @property
    def resource(self) -> Json:
        return {
            "account_sid": self.account.sid,
            "date_created": format_datetime(self.created),
            "direction": "outbound-api",
            "from": self.sender,
            "sid": self.sid,
            "status": self.status,
            "to": self.to,
            "uri": f"{ROOT}/{self.account.sid}/Calls/{self.sid}.json",
        }

    def news(self, **more: str) -> Params:
        """The parameters of a call to a webhook."""
        return {
            "AccountSid": self.account.sid,
            "ApiVersion": "2010-04-01",
            "CallSid": self.sid,
            "CallStatus": self.status,
            "Direction": "outbound-api",
            "From": self.sender,
            "To": self.to,
            **more,
        }

    def say(self, twiml: str) -> str:
        """Do what a document says, as far as it goes by itself; returns the words that are heard now."""
        root = ET.fromstring(twiml)
        gather = root.find("Gather")
        self.action = None if gather is None else gather.attrib["action"]
        spoken = list(root if gather is None else gather)
        words = " ".join(verb.text or "" for verb in spoken if verb.tag == "Say")
        self.said.append(words)
        return words


class PhoneDouble:
    """A person's phone."""

    def __init__(self, account: "Account", number: str) -> None:
        self.account = account
        self.number = number
        self.ends = "delivered"
        """Where messages to this phone end: "sent" (switched off), "delivered", "undelivered" or "failed"."""
        self.error_code: int | None = None
        self.opted_out: set[str] = set()
        self.provider_replies: list[str] = []

    @property
    def received(self) -> list[Received]:
        """Every message that Twilio took for this phone, with where it is now."""
        sent = [m for m in self.account.messages if m.to == self.number and m.direction != "inbound"]
        return [Received(m.sid, m.body, segments(m.body), m.status) for m in sent]

    @property
    def screen(self) -> list[str]:
        """The texts that the person can read."""
        return [message.body for message in self.received if message.status in ("sent", "delivered")]

    @property
    def calls(self) -> list[Call]:
        """Every call to this phone, the oldest first."""
        return [call for call in self.account.calls if call.to == self.number]

    @property
    def heard(self) -> list[str]:
        """What would be heard of each call by whoever picks up at once."""
        return [call.said[0] if call.said else call.say(call.twiml) for call in self.calls]

    def picks_up(self) -> str:
        """Answer the call that rings; returns what is said. A mailbox does the same."""
        call = self._ringing()
        call.status = "in-progress"
        return call.say(call.twiml)

    async def presses(self, key: str) -> str:
        """Press a key in the call; returns what is said then. The call ends where no other key is awaited."""
        call = self._ringing()
        assert call.action, "no key is awaited"
        status, answered = await self.account.key(call, key)
        assert status == 200, status
        assert answered is not None
        said = call.say(answered.text)
        if call.action is None:
            await self.account.end(call, "completed")
        return said

    async def hangs_up(self) -> int:
        """End the call without a key."""
        return await self.account.end(self._ringing(), "completed")

    async def lets_it_ring(self) -> int:
        return await self.account.end(self._ringing(), "no-answer")

    async def is_busy(self) -> int:
        return await self.account.end(self._ringing(), "busy")

    def _ringing(self) -> Call:
        (call,) = [call for call in self.calls if not call.ended]
        return call

    async def texts(self, body: str, media: int = 0, *, to: str | None = None) -> Answer:
        """Send a text; Twilio keeps it, answers its own keywords, and posts it to the webhook once."""
        account = self.account
        to = to or account.numbers[0]
        service = account.service_of(to)
        message = Message(
            account, "inbound", to, body, account.api.now(), self.number, service, "received", media=media
        )
        message.sent = message.created
        account.messages.append(message)
        account.api.log.append(("inbound", message.resource))
        params = {
            "AccountSid": account.sid,
            "ApiVersion": "2010-04-01",
            "Body": body,
            "From": self.number,
            "FromCountry": "US",
            "MessageSid": message.sid,
            "NumMedia": str(media),
            "NumSegments": str(segments(body)),
            "SmsMessageSid": message.sid,
            "SmsSid": message.sid,
            "SmsStatus": "received",
            "To": to,
            "ToCountry": "US",
        }
        if service:
            params["MessagingServiceSid"] = service
        for n in range(media):
            params[f"MediaContentType{n}"] = "image/jpeg"
            params[f"MediaUrl{n}"] = (
                f"{account.api.base}{message.resource['subresource_uris']['media'][:-5]}/ME{n:032x}"
            )
        meaning = self._keyword(body, service or to)
        if meaning and account.advanced_opt_out:
            params["OptOutType"] = meaning
        status, answered = await account.api.inbound(account, params)
        for text in _twiml(answered) if 200 <= status < 300 else ():
            account.accept(self, text, sender=to, service=service, direction="outbound-reply")
        return Answer(status, answered.text if answered else "", message.sid, params)

    async def texts_again(self, answer: Answer) -> Answer:
        """The same message posted once more, with the same sid."""
        status, answered = await self.account.api.inbound(self.account, answer.params)
        return Answer(status, answered.text if answered else "", answer.sid, answer.params)

    def _keyword(self, body: str, sender: str) -> str | None:
        word = body.strip().upper()
        meaning = "STOP" if word in STOPS else "START" if word in STARTS else "HELP" if word in HELPS else None
        if meaning == "STOP":
            says = sender not in self.opted_out
            self.opted_out.add(sender)
        elif meaning == "START":
            says = sender in self.opted_out
            self.opted_out.discard(sender)
        else:
            says = meaning == "HELP"
        if meaning and says:
            self.provider_replies.append(SAYS[meaning])
            self.account.api.log.append(("provider_reply", {"to": self.number, "body": SAYS[meaning]}))
        return meaning


def _twiml(answered: httpx.Response | None) -> list[str]:
    """The messages that an answer of the webhook asks Twilio to send."""
    if answered is None or not answered.text.strip():
        return []
    kind = answered.headers.get("content-type", "")
    if kind.startswith("text/plain"):
        return [answered.text]
    if "xml" not in kind:
        return []
    try:
        root = ET.fromstring(answered.text)
    except ET.ParseError:
        return []
    return ["".join(message.itertext()).strip() for message in root.iter("Message")]


@dataclass(frozen=True)
class Callback:
    """A status callback that waits."""

    url: str
    params: Params


class Account:
    """An account as Twilio keeps it: its numbers, its message log, and its status callbacks."""

    def __init__(self, api: "TwilioDouble", sid: str, token: str, number: str) -> None:
        self.api = api
        self.sid = sid
        self.token = token
        self.numbers = [number]
        self.voice_only: set[str] = set()
        """Numbers that take calls and no texts."""
        self.text_only: set[str] = set()
        """Numbers that carry texts and no calls."""
        self.calls: list[Call] = []
        self.status = "active"
        self.services: dict[str, list[str]] = {}
        self.keys: dict[str, str] = {}
        self.phones: dict[str, PhoneDouble] = {}
        self.messages: list[Message] = []
        self.callbacks: Literal["auto", "withheld"] = "auto"
        """Whether status callbacks are posted by themselves; the message itself moves on either way."""
        self.pending: list[Callback] = []
        self.advanced_opt_out = False
        self._faults: list[Fault] = []

    def phone(self, number: str) -> PhoneDouble:
        """A person's phone, the same for the same number."""
        return self.phones.setdefault(number, PhoneDouble(self, number))

    def service(self, sid: str, *numbers: str) -> str:
        """Register a Messaging Service with its numbers, or with all of the account's."""
        self.numbers += [number for number in numbers if number not in self.numbers]
        self.services[sid] = list(numbers or self.numbers)
        return sid

    def api_key(self, sid: str, secret: str) -> None:
        self.keys[sid] = secret

    def service_of(self, number: str) -> str | None:
        return next((sid for sid, numbers in self.services.items() if number in numbers), None)

    def message(self, sid: str) -> Message:
        return next(message for message in self.messages if message.sid == sid)

    def fail(
        self,
        times: int = 1,
        status: int = 500,
        code: int | None = None,
        retry_after: int | None = None,
        *,
        after_accept: bool = False,
        slow: float = 0.0,
        method: str = "POST",
    ) -> None:
        """Make the next requests fail: status 0 drops the connection, 200 only slows the answer; method "*" is any."""
        self._faults.append(Fault(times, status, code, retry_after, after_accept, slow, method))

    def heal(self) -> None:
        self._faults.clear()

    # Status callbacks

    async def deliver_callbacks(
        self, order: Literal["reversed", "shuffled"] | None = None, times: int = 1, *, seed: int = 0
    ) -> list[int]:
        """Post the callbacks that were withheld; returns the HTTP statuses, 0 for no answer."""
        waiting, self.pending = self.pending, []
        if order == "reversed":
            waiting.reverse()
        waiting *= times
        if order == "shuffled":
            random.Random(seed).shuffle(waiting)
        return [await self._post(callback) for callback in waiting]

    async def callback(self, sid: str, status: str, error_code: int | None = None, *, url: str | None = None) -> int:
        """Move a message on and post that at once; returns the HTTP status."""
        message = self.message(sid)
        message.moves(status, error_code)
        where = url or message.status_callback
        if where is None:
            raise LookupError(f"{sid} was sent without a StatusCallback")
        return await self._post(Callback(where, message.news(status, error_code)))

    async def _post(self, callback: Callback) -> int:
        signature = sign(callback.url, callback.params, self.token)
        status, _ = await self.api.post(callback.url, callback.params, signature)
        self.api.log.append(("callback", {**callback.params, "status": status}))
        return status

    async def _post_all(self, callbacks: Iterable[Callback]) -> None:
        for callback in callbacks:
            await self._post(callback)

    # Calls

    def call(self, form: Params) -> Json:
        """Calls.create, with the checks that Twilio makes; it rings until the story says what becomes of it."""
        to, sender, twiml = form.get("To", ""), form.get("From", ""), form.get("Twiml", "")
        if not re.fullmatch(r"\+[1-9]\d{6,14}", to):
            raise Refused(400, 21211, f"Invalid 'To' Phone Number: {to}")
        if sender not in self.numbers or sender in self.text_only:
            raise Refused(400, 21210, f"The source phone number provided, {sender}, is not yet verified")
        if not twiml or len(twiml) > LONGEST_TWIML:
            raise Refused(400, 21205, "Url parameter is required, or the Twiml is too long")
        call = Call(self, to, sender, twiml, form.get("StatusCallback"), self.api.now())
        self.calls.append(call)
        taken = call.resource
        call.status = "ringing"
        self.api.log.append(("call", taken))
        return taken

    async def key(self, call: Call, key: str, **more: str) -> tuple[int, httpx.Response | None]:
        """Post that a key was pressed in a call."""
        assert call.action
        params = call.news(Digits=key, **more)
        return await self.api.post(call.action, params, sign(call.action, params, self.token))

    async def end(self, call: Call, status: str) -> int:
        """End a call; returns what the status callback was answered, 0 where none was sent."""
        call.status = status
        if not call.status_callback:
            return 0
        callback = Callback(call.status_callback, call.news(CallDuration="7"))
        if self.callbacks == "withheld":
            self.pending.append(callback)
            return 0
        return await self._post(callback)

    # Sending

    def accept(
        self,
        phone: PhoneDouble,
        body: str,
        *,
        sender: str | None = None,
        service: str | None = None,
        direction: str = "outbound-api",
        status_callback: str | None = None,
        media: int = 0,
    ) -> Json:
        """Take a message and let it go its way; returns the resource as it was when it was taken."""
        status = "queued" if sender else "accepted"
        now = self.api.now()
        message = Message(
            self, direction, phone.number, body, now, sender, service, status, status_callback, media=media
        )
        self.messages.append(message)
        taken = message.resource
        self.api.log.append(("message", taken))
        if service and not sender:
            message.sender = self.services[service][0]
        steps: list[tuple[str, int | None]]
        steps = [("failed", phone.error_code)] if phone.ends == "failed" else [("sent", None)]
        if phone.ends in ("delivered", "undelivered"):
            steps.append((phone.ends, phone.error_code if phone.ends == "undelivered" else None))
        for step, error_code in steps:
            message.moves(step, error_code)
        if status_callback:
            news = [Callback(status_callback, message.news(*step)) for step in steps]
            if self.callbacks == "auto":
                self.api.spawn(self._post_all(news))
            else:
                self.pending += news
        return taken

    def create(self, form: Params) -> Json:
        """Messages.create, with the checks that Twilio makes."""
        to, sender, service = form.get("To", ""), form.get("From"), form.get("MessagingServiceSid")
        body, media = form.get("Body", ""), 1 if form.get("MediaUrl") else 0
        if not to:
            raise Refused(400, 21604)
        if not re.fullmatch(r"\+[1-9]\d{6,14}", to):
            raise Refused(400, 21211, f"Invalid 'To' Phone Number: {to}")
        if not sender and not service:
            raise Refused(400, 21603)
        if not body and not media:
            raise Refused(400, 21602)
        if len(body) > LONGEST_BODY:
            raise Refused(400, 21617)
        if service and service not in self.services:
            raise Refused(400, 21701, "The Messaging Service does not exist")
        if sender and sender not in self.numbers:
            text = "is not a valid, SMS-capable inbound phone number or short code for your account."
            raise Refused(400, 21606, f"The 'From' phone number provided ({sender}) {text}")
        if sender == to:
            raise Refused(400, 21266, f"'To' and 'From' number cannot be the same: {to}")
        phone = self.phone(to)
        if (service or (sender and self.service_of(sender)) or sender) in phone.opted_out:
            raise Refused(400, 21610)
        callback = form.get("StatusCallback")
        return self.accept(phone, body, sender=sender, service=service, status_callback=callback, media=media)

    def listing(self, query: Params) -> Json:
        """Messages.list: one page, newest first."""
        found = [message for message in reversed(self.messages) if _matches(message, query)]
        size = min(max(int(query.get("PageSize") or 50), 1), 1000)
        page = int(query.get("Page") or 0)
        start = page * size
        if token := query.get("PageToken"):
            # The token names the last message seen, so that newer ones do not shift the pages.
            start = next((n + 1 for n, message in enumerate(found) if message.sid == token[2:]), len(found))
        shown = found[start : start + size]
        kept = {key: value for key, value in query.items() if key not in ("Page", "PageToken", "PageSize")}
        path = f"{ROOT}/{self.sid}/Messages.json"

        def uri(number: int, **more: str) -> str:
            return f"{path}?{urlencode({**kept, 'PageSize': size, 'Page': number, **more})}"

        more_follow = start + size < len(found)
        return {
            "end": page * size + max(len(shown) - 1, 0),
            "first_page_uri": uri(0),
            "messages": [message.resource for message in shown],
            "next_page_uri": uri(page + 1, PageToken="PA" + shown[-1].sid) if more_follow else None,
            "page": page,
            "page_size": size,
            "previous_page_uri": uri(page - 1) if page else None,
            "start": page * size,
            "uri": uri(page),
        }

    def numbers_like(self, part: str) -> Json:
        """IncomingPhoneNumbers.list: a part of a number is enough."""
        found = [n for n in self.numbers if n.startswith("+") and part in n]
        rows = [
            {
                "account_sid": self.sid,
                "capabilities": {
                    "voice": n not in self.text_only,
                    "sms": n not in self.voice_only,
                    "mms": n not in self.voice_only,
                },
                "phone_number": n,
                "sid": f"PN{index:032x}",
            }
            for index, n in enumerate(found)
        ]
        return _page("incoming_phone_numbers", rows, f"{ROOT}/{self.sid}/IncomingPhoneNumbers.json")

    def short_codes(self, wanted: str) -> Json:
        """ShortCodes.list."""
        rows = [
            {"account_sid": self.sid, "short_code": n, "sid": f"SC{index:032x}"}
            for index, n in enumerate(n for n in self.numbers if not n.startswith("+") and wanted in ("", n))
        ]
        return _page("short_codes", rows, f"{ROOT}/{self.sid}/SMS/ShortCodes.json")

    # REST

    async def answer(self, request: Request, form: Params, sid: str | None) -> Response:
        fault = self._fault(request.method)
        try:
            if fault and not fault.after_accept and fault.status != 200:
                await self.api.hold(fault.slow)
                return Dropped() if fault.status == 0 else fault.refusal().response()
            response = self._do(request, form, sid)
        except Refused as refused:
            return refused.response()
        if fault:
            await self.api.hold(fault.slow)
            if fault.after_accept:
                return Dropped()
        return response

    def _fault(self, method: str) -> Fault | None:
        for fault in self._faults:
            if fault.times > 0 and fault.method in (method, "*"):
                fault.times -= 1
                return fault
        return None

    def _do(self, request: Request, form: Params, sid: str | None) -> Response:
        if request.scope["route"].name == "calls":
            return JSONResponse(self.call(form), status_code=201)
        if request.scope["route"].name == "call":
            found = [call for call in self.calls if call.sid == request.path_params["call"]]
            if not found:
                raise Refused(404, 20404, f"The requested resource {request.url.path} was not found")
            return JSONResponse(found[0].resource)
        if sid is None:
            if request.method == "POST":
                return JSONResponse(self.create(form), status_code=201)
            return JSONResponse(self.listing(dict(request.query_params)))
        message = next((message for message in self.messages if message.sid == sid), None)
        if message is None:
            raise Refused(404, 20404, f"The requested resource {request.url.path} was not found")
        if request.method == "DELETE":
            self.messages.remove(message)
            return Response(status_code=204)
        if request.method == "POST" and form.get("Body") == "":
            message.body = ""
        return JSONResponse(message.resource)


def _page(name: str, rows: list[Json], path: str) -> Json:
    """A list that fits on one page."""
    more: Json = {"end": max(len(rows) - 1, 0), "page": 0, "page_size": 50, "start": 0, "uri": path}
    return {name: rows, "first_page_uri": path, "next_page_uri": None, "previous_page_uri": None, **more}


def _matches(message: Message, query: Params) -> bool:
    if query.get("To") not in (None, "", message.to) or query.get("From") not in (None, "", message.sender):
        return False
    for key, holds in _DATES.items():
        if value := query.get(key):
            if message.sent is None:
                return False
            # "On" is a whole day even with a time, for the client library makes times of dates; bounds are exact.
            whole_day = "T" not in value or key == "DateSent"
            bound: date = date.fromisoformat(value[:10]) if whole_day else datetime.fromisoformat(value)
            mine: date = message.sent.replace(microsecond=0) if isinstance(bound, datetime) else message.sent.date()
            if not holds(mine, bound):
                return False
    return True


# "DateSent>=x" in an address is the name "DateSent>" with the value x.
_DATES: dict[str, Callable[[date, date], bool]] = {
    "DateSent": lambda mine, bound: mine == bound,
    "DateSent>": lambda mine, bound: mine >= bound,
    "DateSent<": lambda mine, bound: mine <= bound,
}


class TwilioDouble:
    """Listens on loopback; ``log`` has all that happened."""

    def __init__(self) -> None:
        self.base = ""
        self.accounts: dict[str, Account] = {}
        self.log: list[tuple[str, Json]] = []
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.closing = asyncio.Event()
        self.public_url = ""
        self.fallback: str | None = None
        self._routes: list[tuple[str, str]] = []
        self._http = httpx.AsyncClient(trust_env=False, timeout=15)
        self._tasks: set[asyncio.Task[None]] = set()

    def now(self) -> datetime:
        return self.clock().astimezone(UTC)

    def account(
        self,
        sid: str = "AC" + "0" * 31 + "1",
        token: str = "the token of the double",
        *,
        number: str = "+15005550006",
        service: str | None = None,
    ) -> Account:
        """Register an account with its number and, if wanted, a Messaging Service that sends from it."""
        account = self.accounts.setdefault(sid, Account(self, sid, token, number))
        if service:
            account.service(service)
        return account

    def point(self, client: Any) -> Any:
        """Have a twilio.rest.Client speak to this double; returns it."""
        client.api.base_url = client.messaging.base_url = self.base
        return client

    def webhook(
        self, *, public_url: str, post_to: str, fallback: str | None = None, fallback_to: str | None = None
    ) -> None:
        """Where inbound messages go: the address that is signed, and the one behind the proxy that is posted to."""
        self.public_url, self.fallback = public_url, fallback
        self.reroute(public_url, post_to)
        if fallback and fallback_to:
            self._routes.insert(0, (fallback, fallback_to))

    def reroute(self, public_url: str, post_to: str) -> None:
        """Teach the way behind the proxy: addresses that differ only in what the two end alike follow it too."""
        public, local = public_url, post_to
        while public and local and public[-1] == local[-1] and urlsplit(public).path.strip("/"):
            public, local = public[:-1], local[:-1]
        self._routes.append((public, local))

    async def inbound(self, account: Account, params: Params) -> tuple[int, httpx.Response | None]:
        """Post an inbound message to the webhook, and to the fallback if that fails."""
        status, answered = await self.post(self.public_url, params, sign(self.public_url, params, account.token))
        self.log.append(("webhook", {"url": self.public_url, "sid": params["MessageSid"], "status": status}))
        if self.fallback and not 200 <= status < 400:
            params = {**params, "ErrorCode": "11200", "ErrorUrl": self.public_url}
            status, answered = await self.post(self.fallback, params, sign(self.fallback, params, account.token))
            self.log.append(("fallback", {"url": self.fallback, "sid": params["MessageSid"], "status": status}))
        return status, answered

    async def post(
        self, url: str, params: Params, signature: str | None = None, *, headers: dict[str, str] | None = None
    ) -> tuple[int, httpx.Response | None]:
        """Post anything, rightly signed or not, to where a public address leads; 0 stands for no answer."""
        target = next((to + url[len(public) :] for public, to in self._routes if url.startswith(public)), url)
        sent = {"I-Twilio-Idempotency-Token": str(uuid.uuid4()), "User-Agent": "TwilioProxy/1.1", **(headers or {})}
        if signature is not None:
            sent["X-Twilio-Signature"] = signature
        # Nothing leaves this machine, whatever address a story was given.
        if urlsplit(target).hostname not in ("127.0.0.1", "localhost"):
            self.log.append(("unreachable", {"url": url}))
            return 0, None
        try:
            answered = await self._http.post(target, data=params, headers=sent)
        except httpx.HTTPError:
            return 0, None
        return answered.status_code, answered

    async def settled(self) -> None:
        """Wait until no callback is on its way."""
        while waiting := self._tasks - {asyncio.current_task()}:
            await asyncio.wait(waiting)

    def spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def hold(self, seconds: float) -> None:
        """Hold an answer back, but not past the end of the story."""
        if seconds:
            try:
                async with asyncio.timeout(seconds):
                    await self.closing.wait()
            except TimeoutError:
                pass

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()

    async def _handle(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        self.log.append(("request", {"method": request.method, "path": request.url.path, "form": form}))
        account = self._who(request)
        if account is None:
            return Refused(401, 20003).response()
        match request.scope["route"].name:
            case "account":
                known = {"sid": account.sid, "friendly_name": "Handrail", "status": account.status, "type": "Full"}
                return JSONResponse(known | {"uri": f"{ROOT}/{account.sid}.json"})
            case "numbers":
                return JSONResponse(account.numbers_like(request.query_params.get("PhoneNumber", "")))
            case "short codes":
                return JSONResponse(account.short_codes(request.query_params.get("ShortCode", "")))
            case "service":
                sid = request.path_params["service"]
                if sid not in account.services:
                    text = f"The requested resource /Services/{sid} was not found"
                    return Refused(404, 20404, text).response()
                return JSONResponse({"account_sid": account.sid, "sid": sid, "friendly_name": "Handrail"})
        return await account.answer(request, form, request.path_params.get("message"))

    def _who(self, request: Request) -> Account | None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        try:
            name, _, secret = base64.b64decode(given).decode().partition(":")
        except ValueError:
            return None
        # The addresses of Messaging Services do not name the account.
        account = self.accounts.get(request.path_params.get("sid", name))
        if account is None or scheme.lower() != "basic":
            return None
        return account if {account.sid: account.token, **account.keys}.get(name) == secret else None


@asynccontextmanager
async def twilio_double() -> AsyncIterator[TwilioDouble]:
    """A double that listens."""
    double = TwilioDouble()
    app = Starlette(
        routes=[
            Route(ROOT + "/{sid}/Messages.json", double._handle, methods=["GET", "POST"]),
            Route(ROOT + "/{sid}/Messages/{message}.json", double._handle, methods=["GET", "POST", "DELETE"]),
            Route(ROOT + "/{sid}/Calls.json", double._handle, methods=["POST"], name="calls"),
            Route(ROOT + "/{sid}/Calls/{call}.json", double._handle, methods=["GET"], name="call"),
            Route(ROOT + "/{sid}.json", double._handle, methods=["GET"], name="account"),
            Route(ROOT + "/{sid}/IncomingPhoneNumbers.json", double._handle, methods=["GET"], name="numbers"),
            Route(ROOT + "/{sid}/SMS/ShortCodes.json", double._handle, methods=["GET"], name="short codes"),
            Route("/v1/Services/{service}", double._handle, methods=["GET"], name="service"),
        ]
    )
    async with listening(app, double.closing) as base:
        double.base = base
        try:
            yield double
        finally:
            await double.close()
