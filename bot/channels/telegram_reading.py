"""Reading a Telegram bot's messages: each update is confirmed when what it carries is durable, and not before.

The loop is ours, because the library's own confirms updates before they are handled.
"""

import asyncio
import contextlib
import hmac
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Protocol

import structlog
from telegram.error import Conflict, RetryAfter, TelegramError

from bot.channels.telegram import LONG_POLL, TelegramBot, Unparsable
from bot.channels.telegram_updates import (
    MOST_KEPT,
    Ignored,
    Undecodable,
    as_text,
    number_of,
    salvaged,
)
from bot.delivery.messages import Inbound, NotKept

log = structlog.get_logger()

AT_ONCE = 100
# An update that breaks us so often is set aside.
TRIES = 3
_UPDATE_ID = re.compile(r'"update_id"\s*:\s*(\d{1,18})')

Take = Callable[[Inbound], Awaitable[object]]


class SetAside(Protocol):
    """Keeps what nobody can read, of a channel, with the reason and what somebody wrote in it as far as that can be told."""

    async def __call__(self, channel: str, raw: str, reason: str, text: str = "", /) -> None: ...


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
        left = [number_of(raw) for raw in got]
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
        number = number_of(raw)
        if number is None and (known := as_text(raw)) in self._odd:
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
            await self._set_aside(self._bot.name, as_text(raw), f"taking it broke ({type(error).__name__})")
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
        await set_aside(bot.name, as_text(raw), str(error))
        rest = salvaged(bot.name, raw)
        if rest is not None:
            await take_in(rest)
        return "set aside"
    await take_in(arrived.message)
    if arrived.tap:
        await bot.answer_tap(arrived.tap)
    return "taken"


def right_secret(given: str | None, secret: str) -> bool:
    """Whether a webhook call carries the secret that was agreed with Telegram; compared in constant time."""
    return hmac.compare_digest((given or "").encode(), secret.encode())


async def _sleep(stop: asyncio.Event, seconds: float) -> float:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
    return min(seconds * 2, 30.0)
