"""Twilio, and Twilio as the carrier of text messages: its REST API, its signed webhook calls, its error codes."""

import asyncio
import logging
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from starlette.datastructures import ImmutableMultiDict
from twilio.base.exceptions import TwilioException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from bot.channels.sms import NAME, Forged, Unreadable
from bot.delivery.messages import Ask, Fault, Inbound, InDoubt, Receipt, Report, SendError, Shape

TIMEOUT = 10.0
_ADDRESS = re.compile(r"\+?\d{3,15}$")
_SID = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}$")
# By the provider's list of error and warning codes.
_FAULTS = {
    10001: Fault.NOT_ALLOWED, 13225: Fault.NOT_ALLOWED, 13227: Fault.NOT_ALLOWED, 20003: Fault.NOT_ALLOWED,
    20005: Fault.NOT_ALLOWED, 20008: Fault.NOT_ALLOWED, 20404: Fault.NOT_ALLOWED, 21210: Fault.NOT_ALLOWED,
    21212: Fault.NOT_ALLOWED, 21215: Fault.NOT_ALLOWED, 21216: Fault.NOT_ALLOWED, 21219: Fault.NOT_ALLOWED,
    21408: Fault.NOT_ALLOWED, 21603: Fault.NOT_ALLOWED, 21606: Fault.NOT_ALLOWED, 21660: Fault.NOT_ALLOWED,
    21703: Fault.NOT_ALLOWED, 21704: Fault.NOT_ALLOWED, 30002: Fault.NOT_ALLOWED, 30010: Fault.NOT_ALLOWED,
    30032: Fault.NOT_ALLOWED, 30034: Fault.NOT_ALLOWED, 30035: Fault.NOT_ALLOWED,
    10004: Fault.BUSY, 14107: Fault.BUSY, 20429: Fault.BUSY, 21611: Fault.BUSY, 30001: Fault.BUSY, 30022: Fault.BUSY,
    63018: Fault.BUSY,
    21610: Fault.OPTED_OUT,
    13224: Fault.NO_SUCH_ADDRESS, 21211: Fault.NO_SUCH_ADDRESS, 21214: Fault.NO_SUCH_ADDRESS, 21217: Fault.NO_SUCH_ADDRESS,
    21612: Fault.NO_SUCH_ADDRESS, 21614: Fault.NO_SUCH_ADDRESS, 30005: Fault.NO_SUCH_ADDRESS, 30006: Fault.NO_SUCH_ADDRESS,
    30003: Fault.UNREACHABLE,
    30004: Fault.BLOCKED,
    30008: Fault.DOWN, 30009: Fault.DOWN, 30036: Fault.DOWN,
    21602: Fault.REFUSED, 21617: Fault.REFUSED, 30007: Fault.REFUSED, 30019: Fault.REFUSED,
}  # fmt: skip
_RECEIPTS = {
    "accepted": Receipt.ACCEPTED, "scheduled": Receipt.ACCEPTED, "queued": Receipt.ACCEPTED,
    "sending": Receipt.SENT, "sent": Receipt.SENT, "delivered": Receipt.DELIVERED, "read": Receipt.DELIVERED,
    "undelivered": Receipt.FAILED, "failed": Receipt.FAILED, "canceled": Receipt.FAILED,
}  # fmt: skip
# What the provider answers by itself, when it is the whole text.
_OWN_WORDS = "stop stopall unsubscribe cancel end quit revoke optout start yes unstop help info"
_OWN = frozenset(_OWN_WORDS.split())
_MOST_RECEIVED = 1_000
_ASKS = {"STOP": Ask.STOP, "START": Ask.START, "HELP": Ask.HELP}


class Account:
    """An account at Twilio: the client of its API, the signatures of its calls, whether it can be used.

    Args:
        tokens: the auth token, and while it is being changed the other one: calls signed with either are taken.
        public_url: under which address the provider reaches us, as it is set in its console; without a slash at the end.
    """

    def __init__(self, account: str, tokens: Sequence[str], public_url: str, api_url: str = "") -> None:
        quiet = logging.getLogger("handrail.twilio")
        # The library would log the texts.
        quiet.disabled = True
        self._account = account
        self._http = AsyncTwilioHttpClient(logger=quiet)
        self._client = Client(account, tokens[0], account, http_client=self._http)
        if api_url:
            self._client.api.base_url = self._client.messaging.base_url = api_url
        self._validators = [RequestValidator(token) for token in tokens]
        self._public_url = public_url.rstrip("/")

    def check(self, path: str, form: Sequence[tuple[str, str]], headers: Mapping[str, str]) -> None:
        """Raises ``Forged`` unless the provider has signed this call to a path of ours, with its query."""
        signature = headers.get("x-twilio-signature", "")
        params = ImmutableMultiDict(list(form))
        url = f"{self._public_url}{path}"
        # All of them are tried, so that the time it takes does not tell which one was right.
        good = [validator.validate(url, params, signature) for validator in self._validators]
        if not signature or not any(good):
            raise Forged("the signature is missing or wrong")

    async def examine(self) -> str | None:
        """What is wrong with the account as it is set up, in a sentence; nothing where it can be used."""
        try:
            async with asyncio.timeout(TIMEOUT):
                account = await self._client.api.v2010.accounts(self._account).fetch_async()
                if str(account.status) != "active":
                    return f"the Twilio account is {account.status}: look at its balance and its notices"
                return await self._examine_sender()
        except TwilioException as error:
            status = _status_of(error)
            if status in (401, 403, 404):
                return (
                    "Twilio does not take HANDRAIL_TWILIO_ACCOUNT_SID with HANDRAIL_TWILIO_AUTH_TOKEN: copy both anew"
                )
            return f"Twilio answers {status}: try again later"
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return f"Twilio cannot be reached ({type(error).__name__}): look at the connection"

    async def _examine_sender(self) -> str | None:
        """What is wrong with what we send from."""
        return None

    async def _capabilities(self, number: str) -> dict[str, Any] | None:
        """What a number of the account can carry, as far as the provider says; nothing where the account has no such number."""
        # The provider looks for a part of a number, too.
        rows = await self._client.incoming_phone_numbers.list_async(phone_number=number, limit=20)
        found = next((row for row in rows if row.phone_number == number), None)
        if found is None:
            return None
        return found.capabilities if isinstance(found.capabilities, dict) else {}

    async def close(self) -> None:
        await self._http.close()


class Twilio(Account):
    """An account with a number or a Messaging Service, as the carrier of texts.

    Args:
        sender: a number as +E.164, or the id of a Messaging Service (MG…).
        answers_keywords: whether the provider answers STOP, START and HELP by itself, as it does unless it was asked not to.
    """

    def __init__(
        self,
        account: str,
        tokens: Sequence[str],
        sender: str,
        public_url: str,
        api_url: str = "",
        *,
        answers_keywords: bool = True,
    ) -> None:
        super().__init__(account, tokens, public_url, api_url)
        self._sender = {"messaging_service_sid": sender} if sender.startswith("MG") else {"from_": sender}
        self._answers_keywords = answers_keywords

    async def send(self, to: str, body: str, message_id: str) -> str:
        callback: dict[str, Any] = {}
        if self._public_url:
            callback["status_callback"] = f"{self._public_url}/sms/status?id={message_id}"
        try:
            async with asyncio.timeout(TIMEOUT):
                sent = await self._client.messages.create_async(to=to, body=body, **self._sender, **callback)
        except TwilioException as error:
            raise refusal(error) from None
        except aiohttp.ClientConnectorError as error:
            raise SendError(Fault.DOWN) from error
        if not sent.sid:
            raise InDoubt("an answer without an id")
        return str(sent.sid)

    async def report(self, provider_id: str) -> Report | None:
        return _report(await self._client.messages(provider_id).fetch_async())

    async def find(self, to: str, body: str, since: datetime, known: Collection[str] = ()) -> Report | None:
        # By the provider's clock, which is not ours.
        after = since - timedelta(minutes=1)
        # Not by the date of sending, which a message has only once it was sent; the newest come first.
        found = await self._client.messages.list_async(to=to, limit=100)
        for message in found:
            created = message.date_created or message.date_sent
            ours = str(message.direction).startswith("outbound") and message.body == body and message.sid not in known
            if ours and (created is None or created >= after.replace(microsecond=0)):
                return _report(message)
        raise SendError(Fault.DOWN)

    async def received(self, since: datetime) -> Sequence[Inbound]:
        # A service may have several numbers, and an account may have others that are not ours.
        number = self._sender.get("from_")
        to: dict[str, Any] = {"to": number} if number else {}
        found = await self._client.messages.list_async(date_sent_after=since, limit=_MOST_RECEIVED, **to)
        inbound = []
        for message in reversed(found):
            ours = number or message.messaging_service_sid == self._sender["messaging_service_sid"]
            if str(message.direction) != "inbound" or not ours:
                continue
            form = [("MessageSid", str(message.sid)), ("From", str(message.from_)), ("Body", str(message.body or ""))]
            form.append(("NumMedia", str(message.num_media or 0)))
            try:
                inbound.append(replace(self.inbound(form), written_at=message.date_created or message.date_sent))
            except Unreadable:
                continue
        return inbound

    def inbound(self, form: Sequence[tuple[str, str]]) -> Inbound:
        fields = dict(form)
        sid, address = fields.get("MessageSid") or fields.get("SmsSid") or "", fields.get("From", "")
        if not _SID.match(sid):
            raise Unreadable("no id of a message")
        if not _ADDRESS.match(address):
            raise Unreadable("no number that it came from")
        body = fields.get("Body", "")
        media = _media(fields)
        word = body.strip().lower()
        answered = bool(fields.get("OptOutType")) or (self._answers_keywords and word in _OWN)
        return Inbound(
            NAME,
            address,
            sid,
            body,
            Shape.MEDIA if media else Shape.TEXT,
            media=media,
            # The provider's own list of words may be longer than ours, and be in another language.
            ask=_ASKS.get(fields.get("OptOutType", "").upper()),
            keywords=True,
            answered=answered,
        )

    def receipt(self, form: Sequence[tuple[str, str]]) -> Report:
        fields = dict(form)
        sid = fields.get("MessageSid") or fields.get("SmsSid") or ""
        status = fields.get("MessageStatus") or fields.get("SmsStatus") or ""
        if not _SID.match(sid) or status not in _RECEIPTS:
            raise Unreadable("no message, or no status that we know")
        code = fields.get("ErrorCode", "")
        return Report(sid, _RECEIPTS[status], _fault(int(code)) if code.isdecimal() and int(code) else None)

    async def _examine_sender(self) -> str | None:
        """What is wrong with what we send from: the account must have it, and it must carry texts."""
        service, sender = self._sender.get("messaging_service_sid"), self._sender.get("from_", "")
        if service:
            try:
                await self._client.messaging.v1.services(service).fetch_async()
            except TwilioException as error:
                if _status_of(error) != 404:
                    raise
                return f"HANDRAIL_TWILIO_FROM={service}: this account has no such Messaging Service: copy its id anew"
            return None
        if not sender.startswith("+"):
            codes = self._client.api.v2010.accounts(self._account).short_codes
            found = [code.short_code for code in await codes.list_async(short_code=sender, limit=20)]
            return None if sender in found else f"HANDRAIL_TWILIO_FROM={sender}: this account has no such short code"
        capabilities = await self._capabilities(sender)
        if capabilities is None:
            return f"HANDRAIL_TWILIO_FROM={sender}: this account has no such number: look under its active numbers"
        if capabilities.get("sms") is False:
            return f"HANDRAIL_TWILIO_FROM={sender}: this number carries calls and no texts: take one that does"
        return None


def _media(fields: Mapping[str, str]) -> str:
    count = fields.get("NumMedia", "0")
    if not count.isdecimal() or int(count) == 0:
        return ""
    kind = fields.get("MediaContentType0", "").partition("/")[0]
    return {"image": "a picture", "audio": "a recording", "video": "a video"}.get(kind, "a file")


def _report(message: Any) -> Report | None:
    receipt = _RECEIPTS.get(str(message.status))
    if receipt is None:
        return None
    return Report(str(message.sid), receipt, _fault(int(message.error_code)) if message.error_code else None)


def _fault(code: int) -> Fault:
    return _FAULTS.get(code, Fault.REFUSED)


def refusal(error: TwilioException) -> Exception:
    """An error of the provider as one of ours: certainly not sent, or nobody knows."""
    fault = _fault_of(error)
    if fault is None:
        return InDoubt(type(error).__name__)
    return SendError(fault, timedelta(seconds=5) if fault is Fault.BUSY else None)


def _fault_of(error: TwilioException) -> Fault | None:
    """Why it was certainly not sent; nothing where something between us gave up waiting, so that nobody knows."""
    code, status = getattr(error, "code", None), _status_of(error)
    if code in _FAULTS:
        return _FAULTS[code]
    if status is None or status in (502, 504):
        return None
    if status == 429:
        return Fault.BUSY
    return Fault.DOWN if status >= 500 else Fault.NOT_ALLOWED if status in (401, 403) else Fault.REFUSED


def _status_of(error: TwilioException) -> int | None:
    """The HTTP status: the library has two kinds of errors, one for each form in which the provider words them."""
    found: int | None = getattr(error, "status", None) or getattr(error, "http_status_code", None)
    return found
