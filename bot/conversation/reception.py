"""The reception: what every channel hands its messages to. Kept in the database, or in the spool while it is away."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

import structlog
from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from bot.conversation.intake import LAST_WORDS, Intake
from bot.delivery.messages import Channel, Delivery, Inbound, Lane, NotKept, Outbound
from bot.delivery.spool import Spool
from bot.recovery.joining import Step
from bot.recovery.people import NOT_JOINED, Role
from bot.store.database import Store, new_id
from bot.store.tables import ContactPointRow, PersonRow

log = structlog.get_logger()

# A database that has not kept a message by then counts as away: providers wait about ten seconds for us.
WITHIN = 6.0
# A message that goes on breaking for so long, in seconds, while others go past it, is set aside for a person to read.
ODD_FOR = 60.0
# What says that the database is away, and not that it does not like this message.
AWAY = (OperationalError, InterfaceError, InternalError, PoolTimeout, OSError, TimeoutError)
# After that it is not asked again for a few seconds.
AWAY_FOR = 3.0
# The last words are said to one person no more often than this, in seconds: they may write many times meanwhile.
AGAIN_AFTER = 300.0
WARNING = (
    "Handrail cannot reach its database. Someone has written what may be danger. It is kept on disk and will be an alert "
    "when the database is back. They were given the emergency numbers. Look at the service now."
)


class Kept(StrEnum):
    """Where a message is now."""

    DATABASE = "database"
    SPOOL = "spool"


class Reception:
    """Keeps messages, whatever is broken.

    While the database is away, what the rules find alarming is answered with the lines to call, and staff whose addresses
    are known from before are told: all that can be done without it.
    """

    def __init__(
        self, store: Store, intake: Intake, spool: Spool, channels: Mapping[str, Channel], now: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._intake = intake
        self._spool = spool
        self._channels = channels
        self._now = now
        self._staff: list[tuple[str, str]] = []
        self._told: dict[tuple[str, str], datetime] = {}
        self._draining = asyncio.Lock()
        self._away_until = 0.0
        self._broken = 0
        self._odd: dict[str, float] = {}
        self._saying: set[asyncio.Task[None]] = set()

    async def take(self, message: Inbound) -> Kept:
        """Keep a message; when this has returned it is durable, and danger in it is answered.

        Raises:
            NotKept: nothing could keep it.
        """
        try:
            waits = self._others_wait and (self._away or not await self._drained())
        except OSError:
            log.exception("the spool cannot be read")
            waits = False
        if waits:
            # What came first is answered first; and nobody waits again for a database that was away a moment ago.
            return await self._spooled(message)
        try:
            async with asyncio.timeout(WITHIN):
                await self._intake.accept(message)
        except AWAY as error:
            log.warning("the database has not kept a message", why=type(error).__name__)
            self._away_until = time.monotonic() + AWAY_FOR
            return await self._spooled(message)
        except Exception as error:
            # Perhaps the database's trouble, perhaps this message's: the spool finds out.
            log.exception("a message could not be taken", why=type(error).__name__)
            return await self._spooled(message)
        return Kept.DATABASE

    async def _put_aside(self, message: Inbound, error: Exception) -> bool:
        """A message on which something breaks each time stands in nobody's way: a person reads it.

        Returns whether it is kept there; where it is not, the trouble is the database's and not this message's.
        """
        log.exception("a message could not be taken", why=type(error).__name__)
        try:
            await self._intake.set_aside(message.channel, message.dump(), f"taking it broke ({type(error).__name__})")
        except Exception:
            log.exception("nor could it be set aside")
            self._away_until = time.monotonic() + AWAY_FOR
            return False
        return True

    async def _spooled(self, message: Inbound) -> Kept:
        try:
            self.alarm(message)
        except Exception:
            log.exception("the danger screen failed")
        try:
            kept = replace(message, spooled_at=self._now())
            await asyncio.to_thread(self._spool.put, kept)
        except OSError as error:
            log.exception("the spool has not kept a message")
            raise NotKept("neither the database nor the disk keeps messages") from error
        return Kept.SPOOL

    def alarm(self, message: Inbound) -> None:
        """Answer what sounds like danger with the numbers to call, and warn staff, where nothing more can be done."""
        if self._intake.alarming(message.text):
            task = asyncio.create_task(self._say_last_words(message))
            self._saying.add(task)
            task.add_done_callback(self._saying.discard)

    async def drain(self) -> int:
        """Hand what the spool holds to the database; returns how many messages that were.

        A crash between the two leaves the file: the message then comes again and is known.
        """
        count = 0
        async with self._draining:
            for path, message in self._spool.waiting():
                try:
                    async with asyncio.timeout(WITHIN):
                        await self._intake.accept(message)
                except AWAY:
                    self._away_until = time.monotonic() + AWAY_FOR
                    break
                except Exception as error:
                    since = self._odd.setdefault(path.name, time.monotonic())
                    if time.monotonic() - since < ODD_FOR:
                        continue
                    if not await self._put_aside(message, error):
                        break
                self._odd.pop(path.name, None)
                self._spool.done(path)
                count += 1
            broken = self._spool.broken()
            if broken > self._broken and time.monotonic() >= self._away_until:
                self._broken = broken
                await self._intake.set_aside(
                    "spool", "", "a message in the spool does not open; its file ends in .broken"
                )
        return count

    @property
    def _away(self) -> bool:
        return self._draining.locked() or time.monotonic() < self._away_until

    async def _drained(self) -> bool:
        await self.drain()
        return not self._others_wait

    @property
    def _others_wait(self) -> bool:
        """Whether the spool holds anything but messages that break us, which stand in nobody's way."""
        return not self._spool.names() <= self._odd.keys()

    async def remember_staff(self) -> int:
        """Keep in mind where staff can be reached, for the time when the database cannot be asked."""
        async with self._store.read() as unit:
            query = (
                select(ContactPointRow)
                .join(PersonRow, PersonRow.id == ContactPointRow.person_id)
                .where(PersonRow.role == Role.STAFF, ContactPointRow.opted_out_at.is_(None))
                .where(PersonRow.joining.is_(None) | PersonRow.joining.not_in([*NOT_JOINED, Step.AGREE]))
                .where(ContactPointRow.suspended_at.is_(None), ContactPointRow.doubted_at.is_(None))
            )
            rows = await unit.session.scalars(query)
            self._staff = [(row.channel, unit.open_or(row, "address_sealed", "")) for row in rows]
        return 0

    async def _say_last_words(self, message: Inbound) -> None:
        now = self._now()
        await self._once(message.channel, message.address, LAST_WORDS, now)
        for channel, address in self._staff:
            await self._once(channel, address, WARNING, now)

    async def _once(self, channel: str, address: str, text: str, now: datetime) -> None:
        last = self._told.get((channel, address))
        if channel not in self._channels or (last and (now - last).total_seconds() < AGAIN_AFTER):
            return
        self._told[channel, address] = now
        try:
            async with asyncio.timeout(15):
                await self._channels[channel].send(Delivery(new_id(), address, Outbound(text), Lane.CRISIS))
        except Exception as error:
            self._told.pop((channel, address), None)
            log.warning("the last words were not sent", channel=channel, why=type(error).__name__)
