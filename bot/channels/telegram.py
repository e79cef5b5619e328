"""Telegram: a bot for clients and families, and one of their own for staff.

The library gives the Bot API; the reading loop is ours, because the library's own confirms updates before they are
handled. Here an update is confirmed when what it carries is durable, and not before.
"""

import asyncio
import contextlib
import hmac
import json
import logging
import os
import re
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
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
    CallbackQuery,
    ChatMember,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    Message,
    Update,
)
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from bot.delivery.messages import (
    Abilities,
    Ask,
    Choice,
    Delivery,
    Fault,
    Inbound,
    InDoubt,
    NotKept,
    Outbound,
    Report,
    SendError,
    Shape,
    shortened,
)

log = structlog.get_logger()

CLIENTS, STAFF = "telegram", "telegram-staff"
LONG_POLL = 25
AT_ONCE = 100
LONGEST_CAPTION = 1_024
# An update that breaks us so often is set aside.
TRIES = 3
# Of what cannot be read so many characters are kept.
MOST_KEPT = 100_000
_OURS = re.compile(r"([0-9a-f]{32}):(\d{1,3})")
_UPDATE_ID = re.compile(r'"update_id"\s*:\s*(\d{1,18})')
# Messages a second that Telegram allows a bot.
RATE = 30.0
_WANTED = ["message", "edited_message", "callback_query", "my_chat_member"]
_A_ROW = 36  # characters of all titles of a row of buttons
_COMMANDS = {
    "en": {
        "help": "who this is, and how to reach a person",
        "plan": "your relapse prevention plan",
        "checkin": "today's check-in",
        "crisis": "numbers to call now",
        "stop": "no more messages",
    },
    "es": {
        "help": "qu\u00e9 es esto y c\u00f3mo hablar con una persona",
        "plan": "tu plan",
        "checkin": "el chequeo de hoy",
        "crisis": "n\u00fameros para llamar ahora",
        "stop": "no m\u00e1s mensajes",
    },
}
_ASKS = {"start": Ask.START, "stop": Ask.STOP, "help": Ask.HELP, "crisis": Ask.CRISIS, "details": Ask.DETAILS}
# What a command is heard as where the conversation itself answers it.
_SAID = {"plan": "my plan", "checkin": "check in", "start": "hello"}

Take = Callable[[Inbound], Awaitable[object]]
SetAside = Callable[[str, str, str], Awaitable[None]]


class Undecodable(Exception):
    """An update that is none, or that holds nothing we know how to read; says which."""


class Unparsable(Exception):
    """An answer that holds updates and cannot be taken apart; ``payload`` is all of it."""

    def __init__(self, payload: str) -> None:
        super().__init__("the answer to getUpdates cannot be read")
        self.payload = payload


class Ignored(Exception):
    """An update that is none of our business: a group, another bot, a message of our own."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """What an update carries: the message, and the tap that must be answered so that the button stops turning."""

    message: Inbound
    tap: str | None = None


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
            rows = [BotCommand(name, description) for name, description in commands.items()]
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
        """What an update carries.

        Raises:
            Undecodable: it is none, or is not readable.
            Ignored: it is none of our business.
        """
        if not isinstance(raw, dict) or not isinstance(raw.get("update_id"), int):
            raise Undecodable("not an update")
        try:
            update = Update.de_json(raw, self._bot)
        except Exception as error:
            # The library raises whatever a wrong type leads to.
            raise Undecodable(f"not an update ({type(error).__name__})") from error
        try:
            return self._decoded(update)
        except (AttributeError, TypeError, ValueError) as error:
            raise Undecodable(f"a broken update ({type(error).__name__})") from error

    def _decoded(self, update: Update) -> Arrived:
        if update.callback_query:
            return self._tap(update.update_id, update.callback_query)
        if update.my_chat_member:
            return self._membership(update)
        message = update.message or update.edited_message
        if message is None:
            raise Ignored("nothing that a person wrote")
        if message.chat.type != "private" or message.from_user is None or message.from_user.is_bot:
            raise Ignored("not a private chat with a person")
        edited = update.edited_message is not None
        # No id of the chat: it is an address. The number alone would not do, because Telegram may count anew.
        stamp = int((message.edit_date or message.date).timestamp())
        provider_id = f"{update.update_id}.{message.message_id}.{stamp}"
        language = (message.from_user.language_code or "en")[:2]
        address = str(message.chat.id)
        text, media = _text(message), _media(message)
        shape = Shape.EDIT if edited else Shape.MEDIA if media else Shape.TEXT
        ask, text = _command(text) if shape is Shape.TEXT else (None, text)
        return Arrived(Inbound(self.name, address, provider_id, text, shape, media=media, ask=ask, language=language))

    def _tap(self, update_id: int, query: CallbackQuery) -> Arrived:
        ours = _OURS.fullmatch(query.data or "")
        tapped = (ours[1], int(ours[2])) if ours else None
        if query.message is None or query.message.chat.type != "private":
            raise Ignored("a button outside a private chat")
        inbound = Inbound(
            self.name,
            str(query.message.chat.id),
            f"tap.{update_id}.{query.id}"[:128],
            "",
            Shape.TAP,
            tapped=tapped,
            language=(query.from_user.language_code or "en")[:2],
        )
        return Arrived(inbound, query.id)

    def _membership(self, update: Update) -> Arrived:
        change = update.my_chat_member
        if change is None or change.chat.type != "private":
            raise Ignored("not a private chat")
        if change.new_chat_member.status != ChatMember.BANNED:
            raise Ignored("they are back, and will write")
        stamp = int(change.date.timestamp())
        return Arrived(Inbound(self.name, str(change.chat.id), f"gone.{update.update_id}.{stamp}", "", Shape.GONE))


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


def _text(message: Message) -> str:
    # A sticker says what its emoji says.
    text = message.sticker.emoji if message.sticker else message.text or message.caption
    if message.poll:
        text = " ".join([message.poll.question, *(option.text for option in message.poll.options)])
    if text is not None and not isinstance(text, str):
        raise Undecodable("a text that is none")
    return text or ""


_MEDIA = {
    "photo": "a picture",
    "voice": "a voice message",
    "audio": "a recording",
    "video": "a video",
    "video_note": "a video",
    "animation": "a moving picture",
    "document": "a file",
    "contact": "a contact",
    "location": "a location",
    "venue": "a place",
    "story": "a story",
    "paid_media": "a picture",
    "poll": "a poll",
}


def _media(message: Message) -> str:
    """What kind of thing came that is not text; where someone is, as far as it says so."""
    for name, what in _MEDIA.items():
        if getattr(message, name, None):
            if message.location:
                return f"{what} ({message.location.latitude:.5f}, {message.location.longitude:.5f})"
            return what
    return "" if message.text or message.sticker or message.dice else "something"


def _command(text: str) -> tuple[Ask | None, str]:
    """A command of the channel, and what it is heard as; anything else is text."""
    word, _, rest = text.partition(" ")
    if not word.startswith("/"):
        return None, text
    name = word[1:].partition("@")[0].lower()
    if name == "start" and rest.strip():
        return None, rest.strip()
    if rest.strip() or name not in _ASKS | _SAID:
        return None, text
    return _ASKS.get(name), _SAID.get(name, text)


def _number(raw: Any) -> int | None:
    """The number of an update, where it has one."""
    number = raw.get("update_id") if isinstance(raw, dict) else None
    return number if isinstance(number, int) else None


class Polling:
    """Asks a bot's updates, hands them on one by one, and confirms each batch when all of it is durable."""

    def __init__(
        self,
        bot: TelegramBot,
        take: Take,
        set_aside: SetAside,
        wait: int = LONG_POLL,
        alarm: Callable[[Inbound], None] = lambda _: None,
    ) -> None:
        self._bot = bot
        # Told of what cannot be kept now and waits behind something else, so that danger in it is answered all the same.
        self._alarm = alarm
        self._take = take
        self._set_aside = set_aside
        self._wait = wait
        self._confirm: int | None = None
        self._limit = AT_ONCE
        self._broke: dict[int | None, int] = {}
        self._odd: set[str] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Read until told to stop; what fails is tried again, later each time up to half a minute."""
        pause = 0.5
        await self._prepare(stop)
        while not stop.is_set():
            try:
                await self.run_once()
                pause = 0.5
            except Conflict:
                log.error("another process reads this bot's messages, or a webhook is set", channel=self._bot.name)  # noqa: TRY400
                pause = await _sleep(stop, max(pause, 5.0))
            except RetryAfter as error:
                wait = error.retry_after
                await _sleep(stop, wait.total_seconds() if isinstance(wait, timedelta) else wait)
            except Exception as error:
                log.warning("messages could not be read yet", channel=self._bot.name, why=type(error).__name__)
                pause = await _sleep(stop, pause)

    async def _prepare(self, stop: asyncio.Event) -> None:
        pause = 0.5
        while not stop.is_set():
            try:
                await self._bot.drop_webhook()
                with contextlib.suppress(TelegramError):
                    # Nice to have: nobody waits for it.
                    await self._bot.introduce()
            except Exception as error:
                log.warning("the bot cannot be reached yet", channel=self._bot.name, why=type(error).__name__)
                pause = await _sleep(stop, pause)
            else:
                return

    async def run_once(self) -> int:
        """One round: confirm the last batch, ask for the next, have it taken; returns how many updates there were.

        The number that confirms is given once and not again: after a quiet week Telegram may count from anywhere, and a
        number that is higher than the new ones would confirm them unread.
        """
        try:
            if self._confirm is not None:
                got = await self._bot.updates(self._confirm, 0, self._limit)
                self._confirm = None
                if not got:
                    return 0
            else:
                got = await self._bot.updates(None, self._wait, self._limit)
        except Unparsable as error:
            return await self._isolate(error)
        self._limit = AT_ONCE
        left = [_number(raw) for raw in got]
        numbers = [number for number in left if number is not None]
        try:
            for raw in got:
                await self._one(raw)
                left.pop(0)
        except NotKept:
            for raw in got[len(got) - len(left) + 1 :]:
                with contextlib.suppress(Ignored, Undecodable):
                    self._alarm(self._bot.decode(raw).message)
            raise
        finally:
            # Where one could not be kept, what is older is confirmed, and it will come again.
            unkept = [number for number in left if number is not None]
            if unkept:
                self._confirm = min(unkept)
            elif numbers:
                self._confirm = max(numbers) + 1
        if not numbers:
            # Nothing here can be confirmed: it will come again, and need not at once.
            await asyncio.sleep(1)
        return len(got)

    async def _isolate(self, error: Unparsable) -> int:
        """Ask one by one, so that whatever cannot be taken apart is set aside alone and the others are read."""
        if self._limit > 1:
            self._limit = 1
            return 1
        found = _UPDATE_ID.search(error.payload)
        if found is None:
            raise error
        await self._set_aside(self._bot.name, error.payload[:MOST_KEPT], "not JSON that can be read")
        self._confirm, self._limit = int(found[1]) + 1, AT_ONCE
        return 1

    async def _one(self, raw: Any) -> None:
        number = _number(raw)
        if number is None and (known := _as_text(raw)) in self._odd:
            return
        try:
            await take(self._bot, raw, self._take, self._set_aside)
        except NotKept:
            raise
        except Exception as error:
            # Whatever breaks on it must not stand before all others for ever.
            self._broke[number] = self._broke.get(number, 0) + 1
            if self._broke[number] < TRIES:
                raise
            await self._set_aside(self._bot.name, _as_text(raw), f"taking it broke ({type(error).__name__})")
        self._broke.pop(number, None)
        if number is None:
            self._odd.add(known)

    async def close(self) -> None:
        """Confirm what was taken last."""
        if self._confirm is not None:
            with contextlib.suppress(TelegramError, Unparsable):
                await self._bot.updates(self._confirm, 0)
                self._confirm = None


async def take(bot: TelegramBot, raw: Any, take_in: Take, set_aside: SetAside) -> str:
    """Have one update kept, whatever it is; returns what became of it. Raises where nothing could keep it."""
    try:
        arrived = bot.decode(raw)
    except Ignored:
        return "ignored"
    except Undecodable as error:
        await set_aside(bot.name, _as_text(raw), str(error))
        rest = _salvaged(bot.name, raw)
        if rest is not None:
            await take_in(rest)
        return "set aside"
    await take_in(arrived.message)
    if arrived.tap:
        await bot.answer_tap(arrived.tap)
    return "taken"


def _salvaged(name: str, raw: Any) -> Inbound | None:
    """What can be read of an update that cannot be decoded: danger in it is danger, and its writer gets an answer."""
    for kind in ("message", "edited_message"):
        message = raw.get(kind) if isinstance(raw, dict) else None
        chat = message.get("chat") if isinstance(message, dict) else None
        if not isinstance(chat, dict) or chat.get("type") != "private" or not isinstance(chat.get("id"), int):
            continue
        words = [message.get(field) for field in ("text", "caption")] if isinstance(message, dict) else []
        text = " ".join(word for word in words if isinstance(word, str))
        return Inbound(
            name, str(chat["id"]), f"odd.{_number(raw)}", text, Shape.MEDIA, media="something that cannot be decoded"
        )
    return None


def _as_text(raw: Any) -> str:
    try:
        return json.dumps(raw)[:MOST_KEPT]
    except (ValueError, TypeError, RecursionError):
        return "something that cannot be written down"


def right_secret(given: str | None, secret: str) -> bool:
    """Whether a webhook call carries the secret that was agreed with Telegram; compared in constant time."""
    return hmac.compare_digest((given or "").encode(), secret.encode())


async def _sleep(stop: asyncio.Event, seconds: float) -> float:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return min(seconds * 2, 30.0)
