"""Intake: every message is screened and kept before anyone is told that we have it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.care import danger, staff
from bot.content import Content
from bot.delivery import inbox
from bot.delivery.messages import Inbound, InStatus
from bot.recovery.people import Role
from bot.safety.findings import Finding
from bot.safety.screen import Screen
from bot.store import conversations, people
from bot.store.database import Store

# Beyond this many characters the screen works in a thread, so that one long text holds up nobody.
LONG = 4_096


class UnknownSender(Exception):
    """No one with this address is known to the practice."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a message: its id (nothing for a duplicate) and what the screen found."""

    message_id: str | None
    findings: tuple[Finding, ...] = ()


class Intake:
    """Takes messages from channels. When ``accept`` has returned, the message is durable and danger is answered."""

    def __init__(self, store: Store, screen: Screen, content: Content, now: Callable[[], datetime]) -> None:
        self._store = store
        self._screen = screen
        self._content = content
        self._now = now

    async def accept(self, message: Inbound) -> Accepted:
        """Screen, then in one transaction: keep the message, raise the alert, queue the safety reply.

        Raises:
            UnknownSender: the address belongs to nobody; nothing was kept.
        """
        now = self._now()
        async with self._store.read() as unit:
            known = await people.by_address(unit, message.channel, message.address)
            if known is None:
                raise UnknownSender(f"an address on {message.channel} that belongs to nobody wrote")
            _, conversation, row = known
            role = Role(row.role)
            earlier = await inbox.recent_texts(unit, conversation.id, now)
        findings: tuple[Finding, ...] = ()
        # What staff write to an alert tells of a danger that is already known.
        if not (role is Role.STAFF and staff.command(message.text)):
            findings = await self._read(message.text, role, earlier)
        async with self._store.write() as unit:
            kept = await inbox.store(unit, message, conversation.id, now)
            if kept is None:
                return Accepted(None)
            if findings:
                case = danger.Case(
                    unit,
                    self._content,
                    await people.get(unit, row.id),
                    await conversations.get(unit, conversation.id),
                    now,
                )
                await danger.respond(case, findings, message.text, kept.id)
                # The safety reply is the answer; the engine's net still reads the message when it can.
                kept.status, kept.done_at = InStatus.DONE, now
            return Accepted(kept.id, findings)

    async def _read(self, text: str, role: Role, earlier: tuple[str, ...]) -> tuple[Finding, ...]:
        if len(text) > LONG:
            return await asyncio.to_thread(self._screen.read, text, role=str(role), earlier=earlier)
        return self._screen.read(text, role=str(role), earlier=earlier)
