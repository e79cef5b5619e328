"""The sender: leases messages, asks whether they are still wanted, hands them to their channel, records the outcome."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime

import structlog

from bot.delivery import outbox
from bot.delivery.messages import Channel, Delivery, Lane, OutStatus, SendError
from bot.store.database import Store, Unit

log = structlog.get_logger()

# Asked for everything but the crisis lane; gives the reason why a message is no longer wanted.
StillWanted = Callable[[Unit, outbox.Leased, datetime], Awaitable[str | None]]
# Told when a message has failed for good.
OnFailure = Callable[[Unit, outbox.Leased, str, datetime], Awaitable[None]]


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

    async def run_once(self) -> int:
        async with self._store.write() as unit:
            leased = await outbox.lease(unit, self._now())
            wanted = []
            for message in leased:
                reason = await self._unwanted(unit, message)
                if reason:
                    await outbox.drop(unit, message.id, reason)
                else:
                    wanted.append(message)
        for message in wanted:
            await self._send(message)
        return len(leased)

    async def _unwanted(self, unit: Unit, message: outbox.Leased) -> str | None:
        if message.lane is Lane.CRISIS:
            return None
        if message.opted_out and message.lane is not Lane.ALERT:
            return "opted out"
        for check in self._checks:
            reason = await check(unit, message, self._now())
            if reason:
                return reason
        return None

    async def _send(self, message: outbox.Leased) -> None:
        channel = self._channels.get(message.channel)
        delivery = Delivery(message.id, message.address, message.message, message.lane, message.repeat)
        provider_id, failure, retry = None, None, False
        if channel is None:
            failure = f"no channel {message.channel} is configured"
        else:
            try:
                provider_id = await channel.send(delivery)
            except SendError as error:
                failure, retry = str(error), error.retry
            except Exception as error:
                failure, retry = type(error).__name__, True
        async with self._store.write() as unit:
            status = await outbox.record(
                unit, message.id, self._now(), provider_id=provider_id, failure=failure, retry=retry
            )
            if status is OutStatus.FAILED and self._on_failure:
                await self._on_failure(unit, message, failure or "", self._now())
        if failure:
            log.warning("send failed", message=message.id, lane=message.lane.label, retry=retry)
