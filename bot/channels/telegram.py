"""Telegram: a bot for clients and families, and one of their own for staff.

The library gives the Bot API. How updates are read stands in ``telegram_reading``, what they carry in
``telegram_updates``.
"""

import contextlib
import json
import logging
import os
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Self
from urllib.parse import urlencode

import httpx
import structlog

# The library then gives times as timedelta; it reads this when it is imported.
os.environ.setdefault("PTB_TIMEDELTA", "1")
from telegram import (
    Bot,
    BotCommand,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
)
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from bot.channels.telegram_updates import Arrived, decode
from bot.delivery.messages import (
    Abilities,
    Choice,
    Delivery,
    Fault,
    InDoubt,
    Outbound,
    Report,
    SendError,
    shortened,
)

log = structlog.get_logger()

CLIENTS, STAFF = "telegram", "telegram-staff"
LONG_POLL = 25
LONGEST_CAPTION = 1_024
# Messages a second that Telegram allows a bot.
RATE = 30.0
_WANTED = ["message", "edited_message", "callback_query", "my_chat_member"]
_A_ROW = 36  # characters of all titles of a row of buttons
_COMMANDS = {
    "en": {
        "help": "who this is, and how to reach a person",
        "plan": "for clients: your relapse prevention plan",
        "checkin": "for clients: today's check-in",
        "crisis": "numbers to call now",
        "stop": "no more messages",
    },
    "es": {
        "help": "qu\u00e9 es esto y c\u00f3mo hablar con una persona",
        "plan": "para clientes: tu plan",
        "checkin": "para clientes: el chequeo de hoy",
        "crisis": "n\u00fameros para llamar ahora",
        "stop": "no m\u00e1s mensajes",
    },
}

# Staff have no plan and no check-in here.
_FOR_CLIENTS = frozenset({"plan", "checkin"})


class Unparsable(Exception):
    """An answer that holds updates and cannot be taken apart; ``payload`` is all of it."""

    def __init__(self, payload: str) -> None:
        super().__init__("the answer to getUpdates cannot be read")
        self.payload = payload


class TelegramBot:
    """One bot: sends, and decodes what its updates carry."""

    abilities = Abilities(buttons=True, pictures=True, longest=4_096, rate=RATE)

    def __init__(self, name: str, token: str, base_url: str = "https://api.telegram.org/bot") -> None:
        self.name = name
        # The library would log the answers that it cannot read, and with them what was written.
        logging.getLogger("telegram").setLevel(logging.CRITICAL + 1)
        self._requests = (_requests(64, 10.0), _requests(2, LONG_POLL + 10.0))
        self._bot = Bot(token, base_url=base_url, request=self._requests[0], get_updates_request=self._requests[1])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for request in self._requests:
            await request.shutdown()

    async def username(self) -> str:
        """The bot's name, for links.

        Raises:
            TelegramError: the token is wrong, or Telegram cannot be reached.
        """
        return (await self._bot.get_me()).username or ""

    async def examine(self, *, webhook: bool) -> str | None:
        """What is wrong with the bot as it is set up, in a sentence; nothing where it can be used."""
        try:
            await self._bot.get_me()
            info = await self._bot.get_webhook_info()
        except InvalidToken:
            return "Telegram does not know this token: copy it anew from BotFather"
        except TelegramError as error:
            return f"Telegram cannot be reached ({type(error).__name__}): look at the connection"
        if info.url and not webhook:
            return "a webhook is set elsewhere; `handrail run` takes it away and asks for messages itself"
        if webhook and info.last_error_message:
            return f"Telegram could not deliver to the webhook: {info.last_error_message[:100]}"
        return None

    async def introduce(self) -> None:
        """Register the commands that Telegram offers when someone types a slash."""
        for language, commands in _COMMANDS.items():
            left_out = _FOR_CLIENTS if self.name == STAFF else frozenset()
            rows = [BotCommand(name, told) for name, told in commands.items() if name not in left_out]
            await self._bot.set_my_commands(rows, language_code="" if language == "en" else language)

    def cost(self, _message: Outbound) -> int:
        return 1

    async def send(self, delivery: Delivery) -> str:
        text = shortened(delivery.message.text, self.abilities.longest)
        try:
            keyboard = _keyboard(delivery.id, delivery.message.choices)
            if delivery.message.picture and len(text) <= LONGEST_CAPTION:
                picture = delivery.message.picture
                sent = await self._bot.send_photo(int(delivery.address), picture, text, reply_markup=keyboard)
            else:
                sent = await self._bot.send_message(
                    int(delivery.address),
                    text,
                    reply_markup=keyboard,
                    link_preview_options=LinkPreviewOptions(is_disabled=True),
                )
        except ValueError as error:
            raise SendError(Fault.NO_SUCH_ADDRESS) from error
        except TelegramError as error:
            fault, wait = _fault(error)
            if fault is None:
                # The library's error may quote what was sent.
                raise InDoubt(type(error).__name__) from None
            raise SendError(fault, wait) from None
        return str(sent.message_id)

    async def report(self, _provider_id: str) -> Report | None:
        return None

    async def find(self, _delivery: Delivery, _since: datetime, _known: Collection[str] = ()) -> Report | None:
        return None

    async def answer_tap(self, tap: str, text: str = "") -> None:
        """Let the button stop turning; not being able to changes nothing."""
        with contextlib.suppress(TelegramError):
            await self._bot.answer_callback_query(tap, text=text or None)

    async def updates(self, offset: int | None, wait: int, limit: int = 100) -> list[Any]:
        """The updates that wait, as they came: undecoded, so that one that is broken hides no other.

        Args:
            offset: confirms everything before it.
            wait: seconds to wait for one.

        Raises:
            Unparsable: the answer is no JSON that can be read; ask for fewer at a time.
        """
        call = {"timeout": str(wait), "allowed_updates": json.dumps(_WANTED), "limit": str(limit)}
        if offset is not None:
            call["offset"] = str(offset)
        # Not by the library's own method, which gives up the whole batch where one update in it is broken.
        url = f"{self._bot.base_url}/getUpdates?{urlencode(call)}"
        payload = (await self._requests[1].retrieve(url, read_timeout=wait + 10.0)).decode("utf-8", "replace")
        try:
            got = json.loads(payload)["result"]
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise Unparsable(payload) from error
        if not isinstance(got, list):
            raise Unparsable(payload)
        return got

    async def set_webhook(self, url: str, secret: str) -> None:
        """Have updates sent to an address of ours instead of asking for them."""
        await self._bot.set_webhook(url, secret_token=secret, allowed_updates=_WANTED, max_connections=20)

    async def drop_webhook(self) -> None:
        """Have updates wait until they are asked for."""
        await self._bot.delete_webhook(drop_pending_updates=False)

    def decode(self, raw: Any) -> Arrived:
        """What an update carries; raises ``Undecodable`` and ``Ignored``."""
        return decode(self.name, raw, self._bot)


def _requests(at_once: int, within: float) -> HTTPXRequest:
    return HTTPXRequest(
        connection_pool_size=at_once, connect_timeout=5.0, read_timeout=within, write_timeout=10.0, pool_timeout=5.0
    )


def _keyboard(message_id: str, choices: tuple[Choice, ...]) -> InlineKeyboardMarkup | None:
    """Buttons that name the message and the choice, so that nobody can send us any other payload.

    Numbers in two rows; else as many in a row as can be read on a small screen.
    """
    if not choices:
        return None
    buttons = [
        InlineKeyboardButton(choice.title[:64], callback_data=f"{message_id}:{at}") for at, choice in enumerate(choices)
    ]
    if len(buttons) > 6 and all(choice.title.isdecimal() for choice in choices):
        half = (len(buttons) + 1) // 2
        return InlineKeyboardMarkup([buttons[:half], buttons[half:]])
    rows: list[list[InlineKeyboardButton]] = [[]]
    for button in buttons:
        if rows[-1] and sum(len(b.text) for b in rows[-1]) + len(button.text) > _A_ROW:
            rows.append([])
        rows[-1].append(button)
    return InlineKeyboardMarkup(rows)


# Nobody is there, or they have never opened the bot.
_NOBODY_THERE = ("chat not found", "deactivated", "peer_id", "can't initiate")


def _fault(error: TelegramError) -> tuple[Fault | None, timedelta | None]:
    """Why it was certainly not sent; nothing where nobody knows."""
    if isinstance(error, RetryAfter):
        wait = error.retry_after
        return Fault.BUSY, wait if isinstance(wait, timedelta) else timedelta(seconds=wait)
    if isinstance(error, Forbidden | BadRequest):
        if any(words in error.message.lower() for words in _NOBODY_THERE):
            return Fault.NO_SUCH_ADDRESS, None
        return Fault.BLOCKED if isinstance(error, Forbidden) else Fault.REFUSED, None
    if isinstance(error, InvalidToken):
        return Fault.NOT_ALLOWED, None
    if isinstance(error, NetworkError):
        # Never connected, or Telegram itself says that it broke: it has sent nothing. Of anything else nobody knows:
        # it broke off after the request had left, or something between us gave up waiting.
        cause = error.__cause__
        if cause is None:
            said = error.message.lower()
            if "too many requests" in said:
                return Fault.BUSY, timedelta(seconds=5)
            return (None, None) if "gateway" in said else (Fault.DOWN, None)
        never_left = isinstance(cause, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout))
        return (Fault.DOWN, None) if never_left else (None, None)
    # An answer that breaks off, for one: the message may have gone out.
    return None, None
