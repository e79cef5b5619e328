"""The sender: leases messages, asks whether they are still wanted, hands them to their channel, records the outcome."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

import structlog

from bot.delivery import outbox
from bot.delivery.messages import Channel, Delivery, Fault, Lane, OutStatus, SendError
from bot.store.database import Store, Unit

log = structlog.get_logger()

# Asked for everything but the crisis lane; gives the reason why a message is no longer wanted.
StillWanted = Callable[[Unit, outbox.Leased, datetime], Awaitable[str | None]]
# A channel that has not answered by then leaves it open whether the message went out.
SEND_WITHIN = 15.0
# Told when a message has failed for good, or when nobody knows what became of it.
OnFailure = Callable[[Unit, outbox.Leased, str, datetime], Awaitable[None]]


class _NotSetUp:
    """Stands for a channel that addresses name and the service does not have."""

    name = "none"

    async def send(self, _delivery: Delivery) -> str:
        raise SendError(Fault.NO_CHANNEL)


_NOT_SET_UP = _NotSetUp()


class Sender:
    """Sends what the outbox holds. ``run_once`` does one round and tells how many messages it took."""

    def __init__(
        self,
        store: Store,
        channels: Mapping[str, Channel],
        now: Callable[[], datetime],
        checks: Sequence[StillWanted] = (),
        on_failure: OnFailure | None = None,
    ) -> None:
        self._store = store
        self._channels = channels
        self._now = now
        self._checks = tuple(checks)
        self._on_failure = on_failure

    async def run_once(self, least: Lane = Lane.NOTICE) -> int:
        """One round. With ``least=Lane.ALERT`` it looks at nothing but safety replies and alerts.

        A service runs a second loop of that kind, so that no slow channel holds up a page.
        """
        async with self._store.write() as unit:
            leased = await outbox.lease(unit, self._now(), least=least)
            wanted = []
            for message in leased:
                reason = None if message.unknown else await self._unwanted(unit, message)
                if message.unknown:
                    await self._tell(unit, message, "nobody knows whether it was sent")
                elif message.fault:
                    await outbox.record(unit, message.id, self._now(), failure=message.fault)
                    await self._tell(unit, message, message.fault)
                elif reason:
                    await outbox.drop(unit, message.id, reason)
                else:
                    wanted.append(message)
        await self._send_all(wanted)
        return len(leased)

    async def _send_all(self, messages: Sequence[outbox.Leased]) -> None:
        """Send to everyone at the same time, to each one in order: a slow line keeps nobody else waiting.

        Where something breaks between sending and recording, what was not touched goes back into the queue.
        """
        lines: dict[tuple[str, str], list[outbox.Leased]] = {}
        for message in messages:
            lines.setdefault((message.channel, message.address), []).append(message)
        done = await asyncio.gather(*(self._send_line(line) for line in lines.values()), return_exceptions=True)
        broken = [outcome for outcome in done if isinstance(outcome, BaseException)]
        if broken:
            raise broken[0]

    async def _send_line(self, messages: list[outbox.Leased]) -> None:
        for at, message in enumerate(messages):
            try:
                await self._send(message)
            except Exception:
                async with self._store.write() as unit:
                    for left in messages[at + 1 :]:
                        await outbox.give_back(unit, left)
                raise

    async def _unwanted(self, unit: Unit, message: outbox.Leased) -> str | None:
        if message.lane is Lane.CRISIS:
            return None
        if message.opted_out and message.lane is not Lane.ALERT:
            return "opted out"
        for check in self._checks:
            try:
                reason = await check(unit, message, self._now())
            except (LookupError, ValueError, TypeError):
                # A check that breaks on one message must not stop the round, which may hold a safety reply.
                log.exception("a check of a message failed", message=message.id)
                continue
            if reason:
                return reason
        return None

    async def _send(self, message: outbox.Leased) -> None:
        if self._now() >= message.until - outbox.LEASE / 2:
            # The messages before it took long: somebody may soon take it for lost.
            async with self._store.write() as unit:
                await outbox.give_back(unit, message)
            return
        channel = self._channels.get(message.channel, _NOT_SET_UP)
        delivery = Delivery(message.id, message.address, message.message, message.lane, message.repeat)
        provider_id, fault, wait, doubt = None, None, None, None
        try:
            async with asyncio.timeout(SEND_WITHIN):
                provider_id = await channel.send(delivery)
        except SendError as error:
            fault, wait = error.fault, error.wait
        except Exception as error:
            doubt = type(error).__name__
        failure = doubt or (fault.name.lower() if fault else None)
        retry = bool(doubt or (fault and fault.retry))
        async with self._store.write() as unit:
            status = await outbox.record(
                unit,
                message.id,
                self._now(),
                provider_id=provider_id,
                failure=failure,
                retry=retry,
                doubt=bool(doubt),
                wait=wait,
            )
            if failure and status in (OutStatus.FAILED, OutStatus.UNKNOWN):
                await self._tell(
                    unit, message, fault.sentence if fault else f"nobody knows whether it went out ({doubt})"
                )
        if failure:
            log.warning("send failed", message=message.id, lane=message.lane.label, why=failure, status=str(status))

    async def _tell(self, unit: Unit, message: outbox.Leased, reason: str) -> None:
        if self._on_failure:
            await self._on_failure(unit, message, reason, self._now())
