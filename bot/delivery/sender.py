"""The sender of one channel: leases messages, asks whether they are still wanted, hands them over, records the outcome."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from aiolimiter import AsyncLimiter
from sqlalchemy import ColumnElement
from sqlalchemy.exc import SQLAlchemyError

from bot.delivery import outbox
from bot.delivery.messages import (
    Abilities,
    Channel,
    Delivery,
    Fault,
    Lane,
    Outbound,
    OutStatus,
    Receipt,
    Report,
    SendError,
    whole,
)
from bot.delivery.outbox import Leased, Outcome
from bot.store.database import Store, Unit

log = structlog.get_logger()

# Asked for everything but the crisis lane, of many messages at once. Gives for those that shall not go out now the
# reason, or until when they wait.
StillWanted = Callable[[Unit, Sequence[Leased], datetime], Awaitable[Mapping[str, str | datetime]]]
# A channel that has not answered by then leaves it open whether the message went out.
SEND_WITHIN = 15.0
# A provider that wants to be left alone for longer than this does not carry an alert: another way must be found.
SOON = timedelta(seconds=20)
# Recording is tried for so long, in steps of growing length: a message that went out must not be taken for lost.
RECORD_TRIES = 8
# A provider's own record of a message may be so late after the lease of the attempt has run out.
RECORD_IS_THERE = timedelta(minutes=1)
ASKED_BACK = timedelta(hours=1)
AT_ONCE = 100


class FollowUp(Protocol):
    """Told of what did not go as it should, in a unit of work of its own or the one that recorded it."""

    async def failed(self, unit: Unit, message: Leased, fault: Fault | None, reason: str, now: datetime) -> None:
        """A message has failed for good, or nobody knows what became of a safety reply or alert."""

    async def delayed(self, unit: Unit, message: Leased, now: datetime) -> None:
        """A safety reply or alert could not be sent at the first attempt, or not soon."""

    async def unconfirmed(self, unit: Unit, message: Leased, now: datetime) -> None:
        """The provider does not say that a safety reply or alert has arrived."""

    async def unknown(self, unit: Unit, message: Leased, now: datetime) -> None:
        """Nobody knows whether an ordinary message went out, and the provider cannot be asked."""


@dataclass(frozen=True, slots=True)
class _Came:
    """What came back of a message: nothing where it was not touched."""

    message: Leased
    outcome: Outcome | None = None
    fault: Fault | None = None


class NotSetUp:
    """Stands for all channels that addresses name and the service does not have."""

    name = "none"
    abilities = Abilities(buttons=False, pictures=False, longest=4_096)

    def cost(self, _message: Outbound) -> int:
        return 1

    async def send(self, _delivery: Delivery) -> str:
        raise SendError(Fault.NO_CHANNEL)

    async def report(self, _provider_id: str) -> Report | None:
        return None

    async def find(self, _delivery: Delivery, _since: datetime, _known: Collection[str] = ()) -> Report | None:
        return None


class Sender:
    """Sends what the outbox holds for one channel, at its account's pace and not while the account must wait."""

    def __init__(
        self,
        store: Store,
        channel: Channel,
        now: Callable[[], datetime],
        checks: Sequence[StillWanted] = (),
        follow_up: FollowUp | None = None,
        of: ColumnElement[bool] | None = None,
    ) -> None:
        self._store = store
        self._channel = channel
        self._now = now
        self._checks = tuple(checks)
        self._follow_up = follow_up
        self._of = outbox.of_channel(channel.name) if of is None else of
        rate = channel.abilities.rate
        self._limiter = AsyncLimiter(max(rate, 1), max(rate, 1) / rate) if rate else None
        # So many are taken at once that what is more urgent waits a third of a second for them at the most.
        self._at_once = min(AT_ONCE, max(1, int(rate / 3))) if rate else AT_ONCE
        self._paused_until: datetime | None = None

    @property
    def name(self) -> str:
        """The name of the channel."""
        return self._channel.name

    async def run_once(self, least: Lane = Lane.NOTICE) -> int:
        """One round; returns how many messages it took.

        With ``least=Lane.ALERT`` it looks at nothing but safety replies and alerts: a service runs a second loop of that
        kind, so that no slow address holds up a page.
        """
        now = self._now()
        paused = self._paused_until is not None and now < self._paused_until
        if paused:
            least = min(least, Lane.ALERT)
        async with self._store.read() as unit:
            if not await outbox.waiting(unit, self._of, now, least):
                return 0
        async with self._store.write() as unit:
            leased = await outbox.lease(unit, self._of, now, self._at_once, least)
            wanted = await self._sift(unit, leased, now)
            if paused:
                await self._hold(unit, wanted, now)
                return len(leased)
        await self._send_all(wanted)
        return len(leased)

    async def _sift(self, unit: Unit, leased: Sequence[Leased], now: datetime) -> list[Leased]:
        """Leave out what cannot be sent, is not wanted any more, or must wait."""
        asked = [m for m in leased if m.status is OutStatus.SENDING and not m.fault and m.lane is not Lane.CRISIS]
        unwanted: dict[str, str | datetime] = {m.id: "opted out" for m in asked if _opted_out(m)}
        for check in self._checks:
            try:
                unwanted |= await check(unit, asked, now)
            except (LookupError, ValueError, TypeError):
                # A check that breaks on one message must not stop the round, which may hold a safety reply.
                log.exception("a check of messages failed", channel=self.name)
        wanted = []
        for message in leased:
            reason = unwanted.get(message.id)
            if message.status is not OutStatus.SENDING:
                await self._unknown(unit, message, now)
            elif message.fault:
                await outbox.record(unit, [Outcome(message.id, failure=message.fault)], now)
                await self._failed(unit, message, None, message.fault, now)
            elif message.doubted:
                # Whoever has the number now must not read what was meant for somebody else, not even a safety reply.
                fault = Fault.NO_SUCH_ADDRESS
                await outbox.record(unit, [Outcome(message.id, failure=fault.name.lower())], now)
                await self._failed(unit, message, fault, fault.sentence, now)
            elif isinstance(reason, datetime):
                await outbox.give_back(unit, message, reason)
            elif reason:
                await outbox.drop(unit, message.id, reason)
            else:
                wanted.append(message)
        return wanted

    async def _hold(self, unit: Unit, messages: Sequence[Leased], now: datetime) -> None:
        """The account must wait: what is urgent looks for another way, and is tried here again afterwards."""
        left = (self._paused_until or now) - now
        for message in messages:
            outcome = Outcome(message.id, failure=Fault.BUSY.name.lower(), retry=True, wait=left)
            stands = await outbox.record(unit, [outcome], now)
            await self._after(unit, message, outcome, Fault.BUSY, stands[message.id], now)

    async def _send_all(self, messages: Sequence[Leased]) -> None:
        """Send to everyone at the same time, to each one in order, and record what comes back as it comes."""
        lines: dict[str, list[Leased]] = {}
        for message in messages:
            lines.setdefault(message.contact_id, []).append(message)
        came: asyncio.Queue[_Came | None] = asyncio.Queue()
        async with asyncio.TaskGroup() as group:
            for line in lines.values():
                group.create_task(self._send_line(line, came))
            left = len(lines)
            while left:
                batch = [await came.get()]
                while not came.empty():
                    batch.append(came.get_nowait())
                left -= batch.count(None)
                await self._record([one for one in batch if one])

    async def _send_line(self, messages: Sequence[Leased], came: "asyncio.Queue[_Came | None]") -> None:
        try:
            for message in messages:
                came.put_nowait(await self._in_time(message))
                # Everyone's first message goes before anybody's second.
                await asyncio.sleep(0)
        finally:
            came.put_nowait(None)

    async def _in_time(self, message: Leased) -> "_Came":
        """Send a message at the account's pace; untouched where its lease would not last."""
        if self._limiter:
            for _ in range(self._channel.cost(message.message)):
                await self._limiter.acquire()
        if self._now() >= message.until - outbox.LEASE / 2:
            # The messages before it took long: somebody may soon take it for lost.
            return _Came(message)
        outcome, fault = await self._send(message)
        if fault is Fault.BUSY and outcome.wait:
            self._paused_until = max(self._now() + outcome.wait, self._paused_until or self._now())
        return _Came(message, outcome, fault)

    async def _send(self, message: Leased) -> tuple[Outcome, Fault | None]:
        body = outbox.again(message.message) if message.repeat else message.message
        body = replace(body, text=whole(body.text))
        delivery = Delivery(message.id, message.address, body, message.lane, message.repeat)
        try:
            async with asyncio.timeout(SEND_WITHIN):
                return Outcome(message.id, await self._channel.send(delivery)), None
        except SendError as error:
            outcome = Outcome(message.id, failure=error.fault.name.lower(), retry=error.fault.retry, wait=error.wait)
            return outcome, error.fault
        except Exception as error:
            return Outcome(message.id, failure=type(error).__name__, retry=True, doubt=True), None

    async def _record(self, batch: Sequence["_Came"]) -> None:
        for attempt in range(RECORD_TRIES):
            try:
                await self._record_once(batch)
            except SQLAlchemyError:
                if attempt + 1 == RECORD_TRIES:
                    raise
                log.warning("an outcome could not be recorded yet", channel=self.name)
                await asyncio.sleep(0.1 * 2**attempt)
            else:
                return

    async def _record_once(self, batch: Sequence["_Came"]) -> None:
        now = self._now()
        async with self._store.write() as unit:
            outcomes = [one.outcome for one in batch if one.outcome]
            stands = await outbox.record(unit, outcomes, now, receipts=self._channel.abilities.receipts)
            for one in batch:
                if one.outcome is None:
                    await outbox.give_back(unit, one.message)
                elif one.outcome.failure:
                    await self._after(unit, one.message, one.outcome, one.fault, stands[one.message.id], now)

    async def _after(
        self, unit: Unit, message: Leased, outcome: Outcome, fault: Fault | None, status: OutStatus, now: datetime
    ) -> None:
        """See to what follows when a message was not sent, or may not have been."""
        log.warning("send failed", message=message.id, lane=message.lane.label, why=outcome.failure, status=str(status))
        if status is OutStatus.FAILED:
            sentence = fault.sentence if fault else f"nobody knows whether it went out ({outcome.failure})"
            await self._failed(unit, message, fault, sentence, now)
        elif status is OutStatus.UNKNOWN:
            await self._unknown(unit, message, now)
        elif status is OutStatus.QUEUED and message.lane in outbox.REPEATABLE and self._follow_up:
            long = (outcome.wait or timedelta(0)) > SOON
            # A page is short of time at once; a safety reply only where it would be late.
            if long or (message.lane is Lane.ALERT and message.attempts <= 1):
                await self._follow_up.delayed(unit, message, now)

    async def _failed(self, unit: Unit, message: Leased, fault: Fault | None, reason: str, now: datetime) -> None:
        if self._follow_up:
            await self._follow_up.failed(unit, message, fault, reason, now)

    async def _unknown(self, unit: Unit, message: Leased, now: datetime) -> None:
        """Nobody knows whether it went out: where the provider can tell, it is asked; else the person is."""
        log.warning("outcome unknown", message=message.id, lane=message.lane.label)
        if self._follow_up and not self._channel.abilities.receipts:
            await self._follow_up.unknown(unit, message, now)

    async def ask_once(self) -> int:
        """Ask the provider about messages of which it has said nothing; returns how many were asked about."""
        if not self._channel.abilities.receipts:
            return 0
        async with self._store.read() as unit:
            if not await outbox.any_unconfirmed(unit, self.name, self._now()):
                return 0
        async with self._store.write() as unit:
            open_ones = await outbox.unconfirmed(unit, self.name, self._now())
        for message in open_ones:
            if message.status is OutStatus.UNKNOWN and message.provider_id is None:
                await self._look_for(message)
            elif message.provider_id:
                await self._ask_about(message)
        return len(open_ones)

    async def _look_for(self, message: Leased) -> None:
        delivery = Delivery(message.id, message.address, message.message, message.lane, message.repeat)
        async with self._store.read() as unit:
            known = await outbox.provider_ids(unit, message.contact_id, message.created_at - ASKED_BACK)
        try:
            async with asyncio.timeout(SEND_WITHIN):
                report = await self._channel.find(delivery, message.created_at, known)
        except SendError:
            # Not before its record must be there: what is only late would go out twice.
            if self._now() > message.until + RECORD_IS_THERE:
                async with self._store.write() as unit:
                    await outbox.never_sent(unit, message.id, self._now())
            return
        except Exception:
            log.exception("the provider could not be asked", channel=self.name, message=message.id)
            return
        if report:
            await self.told(message.id, report)

    async def _ask_about(self, message: Leased) -> None:
        try:
            async with asyncio.timeout(SEND_WITHIN):
                report = await self._channel.report(str(message.provider_id))
        except Exception:
            log.exception("the provider could not be asked", channel=self.name, message=message.id)
            return
        if report and report.receipt >= Receipt.DELIVERED:
            await self.told(message.id, report)
        elif message.lane in outbox.REPEATABLE and self._follow_up:
            async with self._store.write() as unit:
                await self._follow_up.unconfirmed(unit, message, self._now())

    async def told(self, message_id: str | None, report: Report) -> bool:
        """Take a provider's report, asked for or not; returns whether it is about a message of ours."""
        async with self._store.write() as unit:
            found = await outbox.by_report(unit, self.name, message_id, report.provider_id)
            if found is None:
                return False
            failed = await outbox.forward(unit, found, report, self._now())
            if failed:
                reason = report.fault.sentence if report.fault else "the provider says that it did not arrive"
                await self._failed(unit, failed, report.fault, reason, self._now())
            return True


def _opted_out(message: Leased) -> bool:
    """Whether someone wants no more messages, and this is none that answers what they wrote since.

    An alert to staff goes out all the same: where it cannot, the next person is asked.
    """
    if message.opted_out_at is None or message.lane is Lane.ALERT:
        return False
    return message.lane is not Lane.REPLY or message.created_at < message.opted_out_at
