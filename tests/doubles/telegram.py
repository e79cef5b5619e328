"""A double of Telegram's Bot API at the HTTP border: it remembers what it was told, and fails when a story says so."""

import asyncio
import json
import math
import random
import re
import socket
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any, cast
from urllib.parse import parse_qsl

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

Json = dict[str, Any]
Rows = tuple[tuple[str, ...], ...]

LONGEST_TEXT = 4096
LONGEST_CAPTION = 1024
LONGEST_DATA = 64
QUEUE_REACH = 100_000
PHRASES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
SETTINGS = {
    "mycommands": "commands",
    "mydescription": "description",
    "myshortdescription": "short_description",
    "myname": "name",
}
UNLIMITED = {"getme", "getupdates", "setwebhook", "deletewebhook", "getwebhookinfo"}

_connections: dict[tuple[Any, Any], asyncio.Transport] = {}


class Connection(H11Protocol):
    """A connection that can be found again by its ends, so that it can be dropped."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        _connections[(self.client, self.server)] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        _connections.pop((self.client, self.server), None)
        super().connection_lost(exc)


class Dropped(Response):
    """No answer at all: the connection ends before the first byte."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        _connections[(scope["client"], scope["server"])].abort()
        # Only once the server knows of the loss does it keep from answering 500 by itself.
        while (await receive())["type"] != "http.disconnect":
            pass


@asynccontextmanager
async def listening(app: Starlette, closing: asyncio.Event) -> AsyncIterator[str]:
    """Serve on loopback in this event loop; ``closing`` is set so that held answers let go."""
    ear = socket.socket()
    ear.bind(("127.0.0.1", 0))
    config = uvicorn.Config(app, http=Connection, ws="none", log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    # The test run keeps its own handling of Ctrl-C.
    server.capture_signals = nullcontext  # type: ignore[method-assign,assignment]
    serving = asyncio.create_task(server.serve(sockets=[ear]))
    while not server.started:
        if serving.done():
            await serving
        await asyncio.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{ear.getsockname()[1]}"
    finally:
        closing.set()
        server.should_exit = server.force_exit = True
        held = set(server.server_state.tasks)
        await serving
        if held:
            await asyncio.wait(held, timeout=2)
        ear.close()


class Refused(Exception):
    """A call that Telegram answers with an error."""

    def __init__(self, code: int, description: str, retry_after: int | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after

    def response(self) -> Response:
        body: Json = {"ok": False, "error_code": self.code, "description": self.description}
        if self.retry_after is not None:
            body["parameters"] = {"retry_after": self.retry_after}
        return JSONResponse(body, status_code=self.code)


def bad(reason: str) -> Refused:
    """A 400 in Telegram's words."""
    return Refused(400, f"Bad Request: {reason}")


def flooded(seconds: int) -> Refused:
    """A 429 in Telegram's words."""
    return Refused(429, f"Too Many Requests: retry after {seconds}", seconds)


def units(text: str) -> int:
    """The length of a text as Telegram counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


@dataclass(frozen=True)
class Seen:
    """A message of the bot as the person's screen shows it."""

    message_id: int
    text: str
    buttons: Rows = ()
    deleted: bool = False
    edited: bool = False
    photo: bool = False
    disable_notification: bool | None = None
    protect_content: bool | None = None


@dataclass
class Fault:
    """What goes wrong at the next calls of a method."""

    method: str
    status: int
    retry_after: int | None
    description: str | None
    times: int
    after_accept: bool
    slow: float

    def refusal(self) -> Refused:
        if self.retry_after is not None or self.status == 429:
            refusal = flooded(1 if self.retry_after is None else self.retry_after)
            return Refused(429, self.description or refusal.description, refusal.retry_after)
        return Refused(self.status, self.description or PHRASES.get(self.status, "Internal Server Error"))


@dataclass(frozen=True)
class Pending:
    """An update that waits to be fetched or pushed; the body is JSON text, as malformed as a story wants it."""

    update_id: int
    body: str
    whose: int


def _rows(markup: Json) -> Rows:
    rows = markup.get("inline_keyboard") or markup.get("keyboard") or []
    return tuple(tuple(button if isinstance(button, str) else button["text"] for button in row) for row in rows)


def _checked(markup: Any) -> Json:
    """The markup of a call, if Telegram would take it."""
    if not markup:
        return {}
    if not isinstance(markup, dict):
        raise bad("object expected as reply markup")
    for row in markup.get("inline_keyboard", ()):
        for button in row:
            if len(button) < 2 or not button.get("text"):
                raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
            if not len(button.get("callback_data", "-").encode()) <= LONGEST_DATA or button.get("callback_data") == "":
                raise bad("BUTTON_DATA_INVALID")
    return markup


class ChatDouble:
    """A private chat: the person's actions on it, and what the person has received."""

    def __init__(self, bot: "BotDouble", chat_id: int, user: Json) -> None:
        self.bot = bot
        self.id = chat_id
        self.user = user
        self.received: list[Seen] = []
        self.messages: dict[int, Json] = {}
        self.typing: list[str] = []
        self.blocked = False
        self._shown: list[tuple[int, Json]] = []
        self._keyboard: Rows = ()
        self._last_written = 0

    @property
    def json(self) -> Json:
        named: Json = {key: self.user[key] for key in ("first_name", "last_name", "username") if key in self.user}
        return {"id": self.id, "type": "private", **named}

    @property
    def texts(self) -> list[str]:
        """The texts that are on the screen now."""
        return [seen.text for seen in self.received if not seen.deleted]

    def writes(self, text: str) -> Json:
        content: Json = {"text": text}
        if text.startswith("/"):
            content["entities"] = [{"type": "bot_command", "offset": 0, "length": units(text.split()[0])}]
        return self._sends(content)

    def edits(self, message_id: int | None = None, text: str = "") -> Json:
        """Change a message of the person's own; without a number the last one."""
        message = self.messages[message_id or self._last_written]
        message |= {"text": text, "edit_date": self.bot.now()}
        return self.bot.update("edited_message", deepcopy(message), self.id)

    def taps(self, title: str, *, message_id: int | None = None, late: bool = False) -> Json:
        """Press the newest button of that title; ``late`` also finds one that was taken away since."""
        shown = self._shown if late else [(n, self.messages[n].get("reply_markup", {})) for n in self.messages]
        for number, markup in reversed(shown):
            if message_id not in (None, number):
                continue
            for row in markup.get("inline_keyboard", ()):
                for button in row:
                    if button["text"] == title and "callback_data" in button:
                        return self._taps(number, button["callback_data"])
        if any(title in row for row in self._keyboard):
            return self.writes(title)
        raise LookupError(f"no button is titled {title!r}")

    def sends_photo(self, caption: str = "") -> Json:
        size = {**_file("photo"), "width": 90, "height": 90}
        return self._sends({"photo": [size], **({"caption": caption} if caption else {})})

    def sends_voice(self) -> Json:
        return self._sends({"voice": {**_file("voice"), "duration": 3, "mime_type": "audio/ogg"}})

    def sends_sticker(self, emoji: str = "👍") -> Json:
        looks = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}
        return self._sends({"sticker": {**_file("sticker"), **looks, "emoji": emoji}})

    def sends_location(self, lat: float, lon: float) -> Json:
        return self._sends({"location": {"latitude": lat, "longitude": lon}})

    def sends_document(self, caption: str = "") -> Json:
        document = {**_file("document"), "file_name": "letter.pdf", "mime_type": "application/pdf"}
        return self._sends({"document": document, **({"caption": caption} if caption else {})})

    def sends(self, **content: Any) -> Json:
        """Send a message of any other content."""
        return self._sends(content)

    def blocks(self) -> Json:
        return self._member(blocked=True)

    def unblocks(self) -> Json:
        return self._member(blocked=False)

    def _sends(self, content: Json) -> Json:
        message = self._keep(self.user, content)
        self._last_written = message["message_id"]
        return self.bot.update("message", deepcopy(message), self.id)

    def _keep(self, sender: Json, content: Json) -> Json:
        self.bot.last_message_id += 1
        number = self.bot.last_message_id
        message = {"message_id": number, "from": sender, "chat": self.json, "date": self.bot.now(), **content}
        self.messages[number] = message
        return message

    def _taps(self, number: int, data: str) -> Json:
        # Telegram still names the message of a late tap after it was deleted, without its content.
        gone = {"message_id": number, "chat": self.json, "date": 0}
        tap: Json = {
            "id": str(self.bot.now() * 1000 + len(self.bot.taps)),
            "from": self.user,
            "message": deepcopy(self.messages.get(number, gone)),
            "chat_instance": f"-{self.id}",
            "data": data,
        }
        self.bot.taps.add(tap["id"])
        return self.bot.update("callback_query", tap, self.id)

    def _member(self, *, blocked: bool) -> Json:
        self.blocked = blocked
        free = {"user": self.bot.user, "status": "member"}
        kicked = {"user": self.bot.user, "status": "kicked", "until_date": 0}
        content = {"chat": self.json, "from": self.user, "date": self.bot.now()}
        content |= {
            "old_chat_member": free if blocked else kicked,
            "new_chat_member": kicked if blocked else free,
        }
        return self.bot.update("my_chat_member", content, self.id)

    def accept(self, content: Json, markup: Json, params: Json, *, photo: bool = False) -> Json:
        """Put a message of the bot on the screen."""
        if "inline_keyboard" in markup:
            content = {**content, "reply_markup": markup}
        elif "keyboard" in markup:
            self._keyboard = _rows(markup)
        elif "remove_keyboard" in markup:
            self._keyboard = ()
        message = self._keep(self.bot.user, content)
        number = message["message_id"]
        self._shown.append((number, markup))
        flags: Json = {key: params.get(key) for key in ("disable_notification", "protect_content")}
        text = str(content.get("text", content.get("caption", "")))
        self.received.append(Seen(number, text, _rows(markup), photo=photo, **flags))
        self.bot.api.log.append(("message", {"chat_id": self.id, "message_id": number, "text": text}))
        return message

    def change(self, message_id: Any, **content: Any) -> Json:
        """Change a message of the bot on the screen."""
        message = self.messages.get(message_id)
        if message is None:
            raise bad("message to edit not found")
        if message["from"] is not self.bot.user:
            raise bad("message can't be edited")
        markup = content.pop("reply_markup")
        new = {key: value for key, value in message.items() if key not in ("reply_markup", "edit_date")} | content
        if markup.get("inline_keyboard"):
            new["reply_markup"] = markup
            self._shown.append((message_id, markup))
        if new == {key: value for key, value in message.items() if key != "edit_date"}:
            raise bad(
                "message is not modified: specified new message content and reply markup are exactly the same"
                " as a current content and reply markup of the message"
            )
        self.messages[message_id] = new | {"edit_date": self.bot.now()}
        self._see(message_id, text=new.get("text", ""), buttons=_rows(new.get("reply_markup", {})), edited=True)
        return self.messages[message_id]

    def remove(self, message_id: Any) -> bool:
        if self.messages.pop(message_id, None) is None:
            return False
        self._see(message_id, deleted=True)
        return True

    def _see(self, message_id: int, **changes: Any) -> None:
        self.received[:] = [
            replace(seen, **changes) if seen.message_id == message_id else seen for seen in self.received
        ]


def _file(kind: str) -> Json:
    return {"file_id": f"{kind}-file", "file_unique_id": f"{kind}-unique", "file_size": 1234}


class BotDouble:
    """A bot as Telegram keeps it: its chats, its waiting updates, its webhook, and every call it made."""

    def __init__(self, api: "TelegramDouble", token: str, username: str) -> None:
        self.api = api
        self.token = token
        self.user: Json = {"id": int(token.split(":")[0]), "is_bot": True, "first_name": username, "username": username}
        self.chats: dict[int, ChatDouble] = {}
        self.calls: list[tuple[str, Json]] = []
        self.answers: list[Json] = []
        self.settings: dict[tuple[str, str], Any] = {}
        self.taps: set[str] = set()
        self.pending: list[Pending] = []
        self.last_message_id = 0
        self.webhook_url = ""
        self.secret: str | None = None
        self.post_to: str | None = None
        """Where updates are really posted when the public address of the webhook is a proxy's."""
        self.auto = True
        """Push by itself in webhook mode; otherwise only ``deliver`` does."""
        self.tries = 4
        self.pause = 0.01
        self._statuses: list[int] = []
        self._last_error: Json = {}
        self._pushing = asyncio.Lock()
        self._next_update = 1000
        self._tail = 1000
        self._duplicating = False
        self._faults: list[Fault] = []
        self._per_second: float | None = None
        self._retry_after = 1
        self._recent: deque[float] = deque()
        self._refusing_until = 0.0
        self._came = asyncio.Condition()
        self._poll = 0
        self._news = False

    def now(self) -> int:
        return int(self.api.clock().timestamp())

    def chat(
        self, chat_id: int, *, first_name: str = "Maya", language_code: str | None = "en", **more: Any
    ) -> ChatDouble:
        """A private chat that a person has opened with the bot."""
        user = {"id": chat_id, "is_bot": False, "first_name": first_name, **more}
        if language_code is not None:
            user["language_code"] = language_code
        return self.chats.setdefault(chat_id, ChatDouble(self, chat_id, user))

    def called(self, method: str) -> list[Json]:
        """The parameters of every call of a method."""
        return [params for name, params in self.calls if name.lower() == method.lower()]

    # What comes to the bot

    def update(self, kind: str, content: Any, whose: int = 0) -> Json:
        """Put a numbered update of any kind and content into the queue."""
        update = {"update_id": self._next_update, kind: content}
        self._next_update += 1
        self._queue(Pending(update["update_id"], json.dumps(update), whose))
        return update

    def raw(self, body: Any) -> None:
        """Put any body into the queue as it is; a text or bytes are taken for the JSON itself."""
        number = body.get("update_id") if isinstance(body, dict) else None
        if type(number) is not int:
            number = self._next_update
            self._next_update += 1
        if isinstance(body, bytes):
            body = body.decode()
        self._queue(Pending(number, body if isinstance(body, str) else json.dumps(body), 0))

    def next_update_id(self, number: int) -> None:
        self._next_update = number

    def duplicate_next(self) -> None:
        self._duplicating = True

    def shuffle(self, seed: int) -> None:
        random.Random(seed).shuffle(self.pending)

    def _queue(self, pending: Pending) -> None:
        self.pending += [pending] * (2 if self._duplicating else 1)
        self._duplicating = False
        self._news = True
        self._tail = pending.update_id + 1
        self.api.log.append(("update", {"update_id": pending.update_id, "body": pending.body}))
        self.api.spawn(self._wake())
        if self.webhook_url and self.auto:
            self.api.spawn(self._push_news())

    async def _wake(self) -> None:
        async with self._came:
            self._came.notify_all()

    # Webhook

    def webhook(self, url: str, secret: str | None = None, *, post_to: str | None = None) -> None:
        """Set the webhook as if the bot had called for it."""
        self.webhook_url, self.secret = url, secret
        self.post_to = post_to or self.post_to

    async def deliver(self) -> list[int]:
        """Push what waits; returns every HTTP status since the last time, 0 for no answer."""
        await self._push()
        statuses, self._statuses = self._statuses, []
        return statuses

    async def _push_news(self) -> None:
        # What an earlier push has tried in vain waits for the next update or for the story's word.
        if self._news:
            await self._push()

    async def _push(self) -> None:
        async with self._pushing:
            self._news = False
            # One person's updates stay in order: a refused one holds back only those that follow it.
            held: set[int] = set()
            for update in list(self.pending):
                if not self.webhook_url or (update.whose and update.whose in held):
                    continue
                if await self._posted(update):
                    # By identity: a duplicate is equal, and must go out as well.
                    self.pending[:] = _without_one(self.pending, update)
                else:
                    held.add(update.whose)

    async def _posted(self, update: Pending) -> bool:
        headers = {"Content-Type": "application/json"}
        if self.secret:
            headers["X-Telegram-Bot-Api-Secret-Token"] = self.secret
        for tried in range(self.tries):
            if tried:
                await asyncio.sleep(self.pause * 2**tried)
            status = await self.api.post(self.post_to or self.webhook_url, update.body.encode(), headers)
            self._statuses.append(status)
            self.api.log.append(("push", {"update_id": update.update_id, "status": status}))
            if 200 <= status < 300:
                return True
            reason = f"Wrong response from the webhook: {status}" if status else "Connection refused"
            self._last_error = {"last_error_date": self.now(), "last_error_message": reason}
        return False

    # Failing on command

    def fail(
        self,
        method: str,
        *,
        status: int = 500,
        retry_after: int | None = None,
        description: str | None = None,
        times: int = 1,
        after_accept: bool = False,
        slow: float = 0.0,
    ) -> None:
        """Make the next calls of a method fail: status 0 drops the connection, 200 only slows the answer; "*" is any."""
        self._faults.append(Fault(method.lower(), status, retry_after, description, times, after_accept, slow))

    def heal(self) -> None:
        """Take back every fault and limit."""
        self._faults.clear()
        self.limit(None)

    def limit(self, per_second: float | None, *, retry_after: int = 1) -> None:
        """Refuse what exceeds this many calls in a second, and go on refusing until the wait is over."""
        self._per_second, self._retry_after, self._refusing_until = per_second, retry_after, 0.0
        self._recent.clear()

    def _fault(self, method: str) -> Fault | None:
        for fault in self._faults:
            if fault.method in (method, "*") and fault.times > 0:
                fault.times -= 1
                return fault
        return None

    def _check_limit(self, method: str) -> None:
        if self._per_second is None or method in UNLIMITED:
            return
        now = time.monotonic()
        if now < self._refusing_until:
            raise flooded(math.ceil(self._refusing_until - now))
        while self._recent and self._recent[0] <= now - 1:
            self._recent.popleft()
        if len(self._recent) >= self._per_second:
            self._refusing_until = now + self._retry_after
            raise flooded(self._retry_after)
        self._recent.append(now)

    # What the bot calls

    async def answer(self, name: str, params: Json) -> Response:
        method = name.lower()
        self.calls.append((name, params))
        self.api.log.append(("call", {"method": name, "params": params}))
        fault = self._fault(method)
        try:
            if fault and not fault.after_accept and fault.status != 200:
                await self.api.hold(fault.slow)
                if fault.status == 0:
                    return Dropped()
                return fault.refusal().response()
            self._check_limit(method)
            done = await self._do(method, params)
        except Refused as refused:
            return refused.response()
        if fault:
            await self.api.hold(fault.slow)
            if fault.after_accept:
                return Dropped()
        return Response(f'{{"ok":true,"result":{done}}}', media_type="application/json")

    async def _do(self, method: str, params: Json) -> str:
        if method == "getupdates":
            return await self._get_updates(params)
        for prefix in ("set", "get", "delete"):
            what = SETTINGS.get(method.removeprefix(prefix))
            if method.startswith(prefix) and what:
                return json.dumps(self._setting(prefix, what, params))
        calls: dict[str, Callable[[Json], Any]] = {
            "getme": self._get_me,
            "sendmessage": self._send_message,
            "sendphoto": self._send_photo,
            "sendchataction": self._send_chat_action,
            "editmessagetext": self._edit_text,
            "editmessagereplymarkup": self._edit_markup,
            "deletemessage": self._delete_message,
            "deletemessages": self._delete_messages,
            "answercallbackquery": self._answer_tap,
            "setwebhook": self._set_webhook,
            "deletewebhook": self._delete_webhook,
            "getwebhookinfo": self._webhook_info,
            "getchat": self._get_chat,
        }
        if method not in calls:
            raise Refused(404, "Not Found")
        return json.dumps(calls[method](params))

    def _get_me(self, params: Json) -> Json:
        can = {"can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}
        return {**self.user, **can, "can_connect_to_business": False, "has_main_web_app": False}

    async def _get_updates(self, params: Json) -> str:
        if self.webhook_url:
            raise Refused(
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the"
                " webhook first",
            )
        self._poll += 1
        mine = self._poll
        async with self._came:
            self._came.notify_all()
            self._forget(int(params.get("offset") or 0))
            if not self.pending:
                try:
                    async with asyncio.timeout(float(params.get("timeout") or 0)):
                        await self._came.wait_for(
                            lambda: self.pending or self._poll != mine or self.api.closing.is_set()
                        )
                except TimeoutError:
                    pass
        if self._poll != mine:
            # Telegram ends the older of two polls.
            raise Refused(
                409,
                "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
            )
        limit = min(max(int(params.get("limit") or 100), 1), 100)
        return f"[{','.join(update.body for update in self.pending[:limit])}]"

    def _forget(self, offset: int) -> None:
        """Confirm everything below the offset."""
        if offset < 0:
            self.pending[:] = self.pending[offset:]
        # Telegram takes an offset far off its own count for a mistake, and answers from the head of the queue.
        elif self._tail - QUEUE_REACH <= offset <= self._tail + 10:
            self.pending[:] = [update for update in self.pending if update.update_id >= offset]

    def _chat(self, params: Json) -> ChatDouble:
        wanted = str(params.get("chat_id", ""))
        if not wanted:
            raise bad("chat_id is empty")
        chat = self.chats.get(int(wanted)) if re.fullmatch(r"-?\d+", wanted) else None
        if chat is None:
            raise bad("chat not found")
        return chat

    def _open_chat(self, params: Json) -> ChatDouble:
        chat = self._chat(params)
        if chat.blocked:
            raise Refused(403, "Forbidden: bot was blocked by the user")
        return chat

    def _text(self, params: Json) -> str:
        text = str(params.get("text") or "")
        if not text.strip():
            raise bad("message text is empty")
        if units(text) > LONGEST_TEXT:
            raise bad("message is too long")
        return text

    def _send_message(self, params: Json) -> Json:
        chat = self._open_chat(params)
        return chat.accept({"text": self._text(params)}, _checked(params.get("reply_markup")), params)

    def _send_photo(self, params: Json) -> Json:
        chat = self._open_chat(params)
        if not params.get("photo"):
            raise bad("there is no photo in the request")
        caption = str(params.get("caption") or "")
        if units(caption) > LONGEST_CAPTION:
            raise bad("message caption is too long")
        content = {
            "photo": [{**_file("photo"), "width": 90, "height": 90}],
            **({"caption": caption} if caption else {}),
        }
        return chat.accept(content, _checked(params.get("reply_markup")), params, photo=True)

    def _send_chat_action(self, params: Json) -> bool:
        self._open_chat(params).typing.append(str(params.get("action")))
        return True

    def _edit_text(self, params: Json) -> Json:
        chat = self._open_chat(params)
        text, markup = self._text(params), _checked(params.get("reply_markup"))
        return chat.change(params.get("message_id"), text=text, reply_markup=markup)

    def _edit_markup(self, params: Json) -> Json:
        markup = _checked(params.get("reply_markup"))
        return self._open_chat(params).change(params.get("message_id"), reply_markup=markup)

    def _delete_message(self, params: Json) -> bool:
        if not self._chat(params).remove(params.get("message_id")):
            raise bad("message to delete not found")
        return True

    def _delete_messages(self, params: Json) -> bool:
        numbers = params.get("message_ids")
        if not isinstance(numbers, list) or not 1 <= len(numbers) <= 100:
            raise bad("there are no messages to delete" if not numbers else "too many message identifiers specified")
        chat = self._chat(params)
        for number in numbers:
            chat.remove(number)
        return True

    def _answer_tap(self, params: Json) -> bool:
        if str(params.get("callback_query_id")) not in self.taps:
            raise bad("query is too old and response timeout expired or query ID is invalid")
        self.answers.append(params)
        return True

    def _setting(self, prefix: str, what: str, params: Json) -> Any:
        key = (what, str(params.get("language_code") or ""))
        if prefix == "get":
            found = self.settings.get(key, [] if what == "commands" else "")
            return found if what == "commands" else {what: found}
        if prefix == "delete":
            self.settings.pop(key, None)
            return True
        value = params.get(what, [] if what == "commands" else "")
        if what == "commands" and not all(re.fullmatch(r"[a-z0-9_]{1,32}", command["command"]) for command in value):
            raise bad("BOT_COMMAND_INVALID")
        self.settings[key] = value
        return True

    def _set_webhook(self, params: Json) -> bool:
        url = str(params.get("url") or "")
        # Loopback may go without TLS: the real one never could post there.
        if url and not url.startswith(("https://", "http://127.0.0.1")):
            raise bad("bad webhook: An HTTPS URL must be provided for webhook")
        secret = params.get("secret_token")
        if secret is not None and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", str(secret)):
            raise bad("secret token contains unallowed characters")
        if params.get("drop_pending_updates"):
            self.pending.clear()
        self.webhook_url, self.secret = url, None if secret is None else str(secret)
        if url and self.auto:
            self.api.spawn(self._push_news())
        return True

    def _delete_webhook(self, params: Json) -> bool:
        return self._set_webhook({"drop_pending_updates": params.get("drop_pending_updates")})

    def _webhook_info(self, params: Json) -> Json:
        waiting = {"url": self.webhook_url, "has_custom_certificate": False, "pending_update_count": len(self.pending)}
        return {**waiting, "max_connections": 40, **self._last_error}

    def _get_chat(self, params: Json) -> Json:
        more = {"accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": {}}
        gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
        return {**self._chat(params).json, **more, "accepted_gift_types": dict.fromkeys(gifts, True)}


def _without_one(pending: list[Pending], update: Pending) -> list[Pending]:
    # A duplicate is the same object twice, so only the first goes.
    for place, other in enumerate(pending):
        if other is update:
            return pending[:place] + pending[place + 1 :]
    return pending


class TelegramDouble:
    """Listens on loopback. ``base`` is the address a client puts its token behind; ``log`` has all that happened."""

    def __init__(self) -> None:
        self.base = ""
        self.bots: dict[str, BotDouble] = {}
        self.log: list[tuple[str, Json]] = []
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.closing = asyncio.Event()
        self._http = httpx.AsyncClient(trust_env=False, timeout=15)
        self._tasks: set[asyncio.Task[None]] = set()

    def bot(self, token: str = "123456:a-token-of-the-double", username: str = "handrail_bot") -> BotDouble:
        """Register a bot."""
        return self.bots.setdefault(token, BotDouble(self, token, username))

    async def settled(self) -> None:
        """Wait until nothing is being pushed."""
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

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """Post to a webhook, on this machine only; 0 stands for no answer."""
        if httpx.URL(url).host not in ("127.0.0.1", "localhost"):
            return 0
        try:
            return (await self._http.post(url, content=body, headers=headers)).status_code
        except httpx.HTTPError:
            return 0

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.aclose()

    async def release(self) -> None:
        """Let every long poll end."""
        self.closing.set()
        for bot in self.bots.values():
            await bot._wake()

    async def _handle(self, request: Request) -> Response:
        token, method = request.path_params["token"], request.path_params["method"]
        bot = self.bots.get(token)
        if bot is None:
            known_form = re.fullmatch(r"\d+:[\w-]+", token)
            return (Refused(401, "Unauthorized") if known_form else Refused(404, "Not Found")).response()
        return await bot.answer(method, await _params(request))


async def _params(request: Request) -> Json:
    """The parameters of a call, whichever of Telegram's ways they came."""
    params: Json = {key: _value(key, value) for key, value in request.query_params.items()}
    kind, body = request.headers.get("content-type", ""), await request.body()
    if kind.startswith("application/json"):
        given = json.loads(body or b"{}")
        return params | (given if isinstance(given, dict) else {})
    if kind.startswith("multipart/form-data"):
        form = message_from_bytes(f"Content-Type: {kind}\r\n\r\n".encode() + body, policy=policy.HTTP)
        for part in form.iter_parts():
            name = str(part.get_param("name", header="content-disposition"))
            content = cast(bytes, part.get_payload(decode=True))
            if (file_name := part.get_filename()) is not None:
                params[name] = {"file_name": file_name, "size": len(content)}
            else:
                params[name] = _value(name, content.decode())
        return params
    return params | {key: _value(key, value) for key, value in parse_qsl(body.decode(), keep_blank_values=True)}


# What a person reads is never JSON, even when it looks like it.
_WORDS = {"text", "caption", "url", "secret_token", "description", "short_description", "name", "callback_query_id"}


def _value(key: str, value: str) -> Any:
    if key in _WORDS or key == "language_code":
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


@asynccontextmanager
async def telegram_double() -> AsyncIterator[TelegramDouble]:
    """A double that listens."""
    double = TelegramDouble()
    app = Starlette(routes=[Route("/bot{token}/{method}", double._handle, methods=["GET", "POST"])])
    async with listening(app, double.closing) as base:
        double.base = f"{base}/bot"
        try:
            yield double
        finally:
            await double.release()
            await double.close()
