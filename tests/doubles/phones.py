"""Where the people of a story sit: at one terminal, on Telegram, or with text messages.

The channels are the real ones, and so is the way in: updates are asked for and confirmed, webhook calls are signed and
answered over HTTP. Only the provider at the other end is a double. What a story sees of a message is what arrived there.
"""

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.app import load_content
from bot.channels import sms, telegram
from bot.channels.sms import Sms
from bot.channels.telegram import TelegramBot
from bot.channels.telegram_reading import Polling
from bot.channels.twilio import Twilio
from bot.connections import exempt_texts
from bot.conversation.reception import Reception
from bot.delivery.messages import Abilities, Channel, Delivery, Outbound, Report
from bot.delivery.spool import Spool
from bot.demo import AtTheTerminal, Demo, Outside
from bot.practice import Member
from bot.recovery.people import Role
from bot.web.border import Border
from bot.web.server import serving
from tests.doubles.telegram import BotDouble, ChatDouble, TelegramDouble, telegram_double
from tests.doubles.twilio import Account, PhoneDouble, TwilioDouble, twilio_double

PUBLIC = "https://handrail.example.org"
KINDS = ("console", "telegram", "sms")


class Watched:
    """A channel with somebody looking at the phone it ends at: tells the story what arrived there."""

    def __init__(self, inner: Channel, arrived: Callable[[str], str], tell: Callable[[Delivery], None]) -> None:
        self._inner = inner
        self._arrived = arrived
        self._tell = tell

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def abilities(self) -> Abilities:
        return self._inner.abilities

    def cost(self, message: Outbound) -> int:
        return self._inner.cost(message)

    async def send(self, delivery: Delivery) -> str:
        sent = await self._inner.send(delivery)
        self._tell(replace(delivery, message=replace(delivery.message, text=self._arrived(delivery.address))))
        return sent

    async def report(self, provider_id: str) -> Report | None:
        return await self._inner.report(provider_id)

    async def find(self, delivery: Delivery, since: datetime, known: Collection[str] = ()) -> Report | None:
        return await self._inner.find(delivery, since, known)


class Phones:
    """Everyone with a phone of their own; subclasses say which kind."""

    def __init__(self) -> None:
        self.addresses: dict[str, str] = {}
        self._key_of: dict[str, str] = {}
        self.demo: Demo

    def _numbered(self, member: Member, address: str) -> str:
        self.addresses[member.key] = address
        self._key_of[address] = member.key
        return address

    def _tell(self, delivery: Delivery) -> None:
        self.demo.deliver(replace(delivery, address=self._key_of.get(delivery.address, delivery.address)))


class OnTelegram(Phones):
    """Clients and families with one bot, staff with another."""

    def __init__(self, api: TelegramDouble) -> None:
        super().__init__()
        self.bots: dict[str, BotDouble] = {
            telegram.CLIENTS: api.bot("1111:clients", "handrail_bot"),
            telegram.STAFF: api.bot("2222:staff", "handrail_staff_bot"),
        }
        self.ours = {name: TelegramBot(name, double.token, api.base) for name, double in self.bots.items()}
        self._channel_of: dict[str, str] = {}
        self._polling: dict[str, Polling] = {}

    def address(self, member: Member) -> tuple[str, str]:
        channel = telegram.STAFF if member.role is Role.STAFF else telegram.CLIENTS
        self._channel_of[member.key] = channel
        address = self._numbered(member, str(5_000 + len(self.addresses)))
        # They have opened the bot: it may write to nobody who has not.
        self.chat(member.key)
        return channel, address

    def chat(self, key: str) -> ChatDouble:
        """The chat of one person."""
        return self.bots[self._channel_of[key]].chat(int(self.addresses[key]), first_name=key.title())

    def channels(self, demo: Demo) -> Mapping[str, Channel]:
        self.demo = demo
        return {name: Watched(bot, self._seen_by(self.bots[name]), self._tell) for name, bot in self.ours.items()}

    @staticmethod
    def _seen_by(bot: BotDouble) -> Callable[[str], str]:
        return lambda address: bot.chat(int(address)).received[-1].text

    async def says(self, demo: Demo, key: str, text: str) -> None:
        self.chat(key).writes(text)
        await self.read(demo)

    async def taps(self, demo: Demo, key: str, title: str) -> None:
        self.chat(key).taps(title)
        await self.read(demo)

    async def read(self, demo: Demo) -> None:
        """Have everything that waits at the bots taken in."""
        for name, bot in self.ours.items():
            if name not in self._polling:
                self._polling[name] = Polling(bot, self.reception(demo).take, demo.app.intake.set_aside, 0)
            polling = self._polling[name]
            while await polling.run_once():
                pass

    def reception(self, demo: Demo) -> Reception:
        """The reception of a service whose database is there."""
        app = demo.app
        spool = Spool(Path(str(app.store.path)).parent / "spool", app.store.vault)
        return Reception(app.store, app.intake, spool, self.channels(demo), app.clock.now)

    async def close(self) -> None:
        for bot in self.ours.values():
            await bot.__aexit__()


class BySms(Phones):
    """Everyone with a number."""

    def __init__(self, api: TwilioDouble, home: Path) -> None:
        super().__init__()
        self.api = api
        self.account: Account = api.account("AC" + "a" * 32, "b" * 32, number="+15035550100")
        self.ours = Twilio(self.account.sid, ["b" * 32], "+15035550100", PUBLIC, api.base)
        self._channel = Sms(self.ours, 10_000.0, exempt_texts(load_content(home)))

    def address(self, member: Member) -> tuple[str, str]:
        return sms.NAME, self._numbered(member, f"+1503555{200 + len(self.addresses):04d}")

    def phone(self, key: str) -> PhoneDouble:
        """The phone of one person."""
        return self.account.phone(self.addresses[key])

    def channels(self, demo: Demo) -> Mapping[str, Channel]:
        self.demo = demo
        return {
            sms.NAME: Watched(self._channel, lambda number: self.account.phone(number).received[-1].body, self._tell)
        }

    @asynccontextmanager
    async def border(self, demo: Demo, spool: Spool) -> AsyncIterator[Border]:
        """The webhooks, served as the service serves them."""
        app = demo.app
        reception = Reception(app.store, app.intake, spool, self.channels(demo), app.clock.now)
        border = Border(reception.take, app.intake.set_aside, app.senders[sms.NAME].told, self.ours)
        async with serving(border.app) as port:
            local = f"http://127.0.0.1:{port}"
            self.api.webhook(public_url=f"{PUBLIC}/sms", post_to=f"{local}/sms")
            self.api.reroute(PUBLIC, local)
            yield border

    async def says(self, _demo: Demo, key: str, text: str) -> None:
        # No phone can send half a character.
        answer = await self.phone(key).texts(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
        assert answer.status == 200, answer

    async def taps(self, demo: Demo, key: str, title: str) -> None:
        """Without buttons one types what stands there."""
        await self.says(demo, key, title)

    async def close(self) -> None:
        await self.ours.close()


class Mixed:
    """Clients and families text by SMS; staff have the bot on Telegram."""

    def __init__(self, sms_side: BySms, telegram_side: OnTelegram) -> None:
        self.sms = sms_side
        self.telegram = telegram_side

    def _side(self, key: str) -> BySms | OnTelegram:
        return self.telegram if key in self.telegram.addresses else self.sms

    def address(self, member: Member) -> tuple[str, str]:
        side = self.telegram if member.role is Role.STAFF else self.sms
        return side.address(member)

    def channels(self, demo: Demo) -> Mapping[str, Channel]:
        return {**self.sms.channels(demo), **self.telegram.channels(demo)}

    async def says(self, demo: Demo, key: str, text: str) -> None:
        await self._side(key).says(demo, key, text)

    async def taps(self, demo: Demo, key: str, title: str) -> None:
        await self._side(key).taps(demo, key, title)

    @property
    def border(self) -> Callable[[Demo, Spool], Any]:
        return self.sms.border

    async def close(self) -> None:
        await self.sms.close()
        await self.telegram.close()


@asynccontextmanager
async def phones(kind: str, home: Path) -> AsyncIterator[Outside]:
    """Where everyone sits, by the name of the channel."""
    async with AsyncExitStack() as stack:
        if kind == "console":
            yield AtTheTerminal()
            return
        outside: OnTelegram | BySms | Mixed
        if kind == "telegram":
            outside = OnTelegram(await stack.enter_async_context(telegram_double()))
        elif kind == "sms":
            outside = BySms(await stack.enter_async_context(twilio_double()), home)
        else:
            texting = BySms(await stack.enter_async_context(twilio_double()), home)
            outside = Mixed(texting, OnTelegram(await stack.enter_async_context(telegram_double())))
        stack.push_async_callback(outside.close)
        yield outside
