"""Twilio as the carrier of calls: TwiML, the keys that were pressed, what became of a call."""

import asyncio
import re
from collections.abc import Sequence

import aiohttp
from twilio.base.exceptions import TwilioException
from twilio.twiml.voice_response import Gather, VoiceResponse

from bot.channels.sms import Unreadable
from bot.channels.twilio import TIMEOUT, Account, refusal
from bot.channels.voice import Pressed, Script
from bot.delivery.messages import Fault, InDoubt, Receipt, Report, SendError

_SID = re.compile(r"CA[0-9a-fA-F]{32}$")
# In seconds: how long it rings, how long a key is awaited, and how long a call may last at all.
RINGS_FOR, KEY_WITHIN, LASTS = 25, 10, 180
_VOICES = {"en": "Polly.Joanna", "es": "Polly.Lupe"}
# However a call has ended: who has taken the alert with a key was recorded when they pressed it.
_RECEIPTS = {
    "queued": Receipt.ACCEPTED, "initiated": Receipt.ACCEPTED, "ringing": Receipt.SENT, "in-progress": Receipt.SENT,
    "completed": Receipt.FAILED, "busy": Receipt.FAILED, "no-answer": Receipt.FAILED,
    "failed": Receipt.FAILED, "canceled": Receipt.FAILED,
}  # fmt: skip


class TwilioCalls(Account):
    """An account with a number that can call.

    Args:
        sender: the number, as +E.164.
    """

    def __init__(self, account: str, tokens: Sequence[str], sender: str, public_url: str, api_url: str = "") -> None:
        super().__init__(account, tokens, public_url, api_url)
        self._sender = sender

    async def ring(self, to: str, script: Script, message_id: str) -> str:
        try:
            async with asyncio.timeout(TIMEOUT):
                call = await self._client.calls.create_async(
                    to=to,
                    from_=self._sender,
                    twiml=self.answer(script),
                    timeout=RINGS_FOR,
                    time_limit=LASTS,
                    status_callback=f"{self._public_url}/voice/status?id={message_id}",
                    status_callback_method="POST",
                )
        except TwilioException as error:
            raise refusal(error) from None
        except aiohttp.ClientConnectorError as error:
            raise SendError(Fault.DOWN) from error
        if not call.sid:
            raise InDoubt("an answer without an id")
        return str(call.sid)

    async def report(self, provider_id: str) -> Report | None:
        call = await self._client.calls(provider_id).fetch_async()
        return _report(str(call.sid), str(call.status))

    def pressed(self, form: Sequence[tuple[str, str]]) -> Pressed:
        fields = dict(form)
        sid, key = fields.get("CallSid", ""), fields.get("Digits", "")
        if not _SID.match(sid):
            raise Unreadable("no id of a call")
        return Pressed(sid, fields.get("To", ""), key)

    def receipt(self, form: Sequence[tuple[str, str]]) -> Report:
        fields = dict(form)
        sid = fields.get("CallSid", "")
        report = _report(sid, fields.get("CallStatus", ""))
        if not _SID.match(sid) or report is None:
            raise Unreadable("no call, or no status that we know")
        return report

    def answer(self, script: Script) -> str:
        voice = _VOICES.get(script.language, _VOICES["en"])
        response = VoiceResponse()
        if script.answers:
            action = f"{self._public_url}/voice/key?id={script.answers}"
            gather = Gather(input="dtmf", num_digits=1, timeout=KEY_WITHIN, action=action, method="POST")
            gather.say(script.words, voice=voice, loop=script.times)
            response.append(gather)
            if script.silence:
                response.say(script.silence, voice=voice)
        else:
            response.say(script.words, voice=voice, loop=script.times)
        response.hangup()
        return str(response)

    async def _examine_sender(self) -> str | None:
        """The account must have the number, and it must carry calls."""
        capabilities, setting = await self._capabilities(self._sender), f"HANDRAIL_TWILIO_CALL_FROM={self._sender}"
        if capabilities is None:
            return f"{setting}: this account has no such number: look under its active numbers"
        if capabilities.get("voice") is False:
            return f"{setting}: this number carries texts and no calls: take one that does"
        return None


def _report(sid: str, status: str) -> Report | None:
    receipt = _RECEIPTS.get(status)
    if receipt is None:
        return None
    return Report(sid, receipt, Fault.UNANSWERED if receipt is Receipt.FAILED else None)
