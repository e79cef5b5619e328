"""Intake: every message is screened and kept before anyone is told that we have it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy.exc import DBAPIError

from bot.care import danger, staff
from bot.content import Content
from bot.delivery import inbox, outbox
from bot.delivery.messages import Inbound, InStatus, Lane, Outbound, plain
from bot.escalation import alerts
from bot.escalation.policy import AlertKind
from bot.recovery.people import Role
from bot.safety.findings import Finding, Level, by_urgency
from bot.safety.screen import Screen
from bot.store import conversations, people
from bot.store.database import Store, Unit
from bot.store.tables import ConversationRow

log = structlog.get_logger()

# Beyond this many characters the screen works in a thread, so that one long text holds up nobody.
LONG = 4_096
ATTEMPTS = 4
# Said only where the content itself cannot be used.
LAST_WORDS = (
    "I can't answer you properly right now. If anyone may be in danger, call your local emergency number now. "
    "In the US that is 911, or 988 to talk to someone."
)


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
        for attempt in range(ATTEMPTS):
            try:
                kept = await self._accept(message)
            except DBAPIError as error:
                if not self._store.taken_back(error) or attempt + 1 == ATTEMPTS:
                    raise
                continue
            if kept is not None:
                return kept
        # Something wrote to this conversation each time: better without the newest neighbours than not at all.
        return await self._accept(message, wait=False) or Accepted(None)

    def alarming(self, text: str) -> bool:
        """Whether the rules find danger in a text: all that can be asked while the database is away."""
        return bool(self._screen.read(text))

    async def _accept(self, message: Inbound, *, wait: bool = True) -> Accepted | None:
        """One attempt; nothing when another message of the same person came in meanwhile and must be read with this."""
        now = self._now()
        async with self._store.read() as unit:
            known = await people.by_address(unit, message.channel, message.address)
            if known is None:
                raise UnknownSender(f"an address on {message.channel} that belongs to nobody wrote")
            _, conversation, row = known
            role = Role(row.role)
            earlier = await inbox.recent_texts(unit, conversation.id, now)
            # What staff write to an alert tells of a danger that is known already.
            told_already = role is Role.STAFF and await staff.is_command(unit, message.text)
        findings: tuple[Finding, ...] = ()
        unscreened = False
        if not told_already:
            try:
                findings = await self._read(message.text, role, earlier)
            except Exception:
                # Whatever breaks the screen must not lose the message: a human reads what the rules could not.
                log.exception("the danger screen failed")
                unscreened = True
        came = _Came(message, conversation.id, row.id, findings, unscreened=unscreened)
        try:
            return await self._keep(came, now, earlier if wait else None, answer=True)
        except DBAPIError:
            raise
        except Exception:
            if not findings:
                raise
            log.exception("the safety protocol failed")
            return await self._keep(came, now, None, answer=False)

    async def _keep(
        self, came: "_Came", now: datetime, earlier: tuple[str, ...] | None, *, answer: bool
    ) -> Accepted | None:
        async with self._store.write() as unit:
            # Locked first: two messages of one person are kept one after the other, and each is read with the other.
            conversation = await conversations.get(unit, came.conversation_id)
            if earlier is not None and await inbox.recent_texts(unit, conversation.id, now) != earlier:
                return None
            kept = await inbox.store(unit, came.message, conversation.id, now)
            if kept is None:
                return Accepted(None)
            conversation.last_heard = now
            if came.unscreened:
                await _unread(unit, came, kept.id, now)
            if came.findings and answer:
                person = await people.get(unit, came.person_id)
                case = danger.Case(unit, self._content, person, conversation, now)
                await danger.respond(case, came.findings, came.message.text, kept.id)
                # The safety reply is the answer; the engine's net still reads the message when it can.
                kept.status, kept.done_at = InStatus.DONE, now
            elif came.findings:
                await self._bare_alert(unit, came, conversation, now)
            return Accepted(kept.id, came.findings)

    async def _bare_alert(self, unit: Unit, came: "_Came", conversation: ConversationRow, now: datetime) -> None:
        """The protocol cannot speak: staff are paged all the same, and the person gets the lines to call."""
        first = by_urgency(came.findings)[0]
        what = alerts.Raising(
            AlertKind.DANGER, came.person_id, danger=first.kind, level=Level.DEFINITE, story=plain(came.message.text)
        )
        alert, _ = await alerts.raise_alert(unit, what, now)
        await outbox.enqueue(unit, conversation, [Outbound(LAST_WORDS)], Lane.CRISIS, now, alert_id=alert.id)

    async def _read(self, text: str, role: Role, earlier: tuple[str, ...]) -> tuple[Finding, ...]:
        if len(text) > LONG:
            return await asyncio.to_thread(self._screen.read, text, role=str(role), earlier=earlier)
        return self._screen.read(text, role=str(role), earlier=earlier)


@dataclass(frozen=True, slots=True)
class _Came:
    """A message with what the screen said about it."""

    message: Inbound
    conversation_id: str
    person_id: str
    findings: tuple[Finding, ...]
    unscreened: bool


async def _unread(unit: Unit, came: _Came, message_id: str, now: datetime) -> None:
    story = f"The danger rules could not read message {message_id}; please read it: {plain(came.message.text)}"
    await alerts.raise_alert(unit, alerts.Raising(AlertKind.TECHNICAL, came.person_id, story=story), now)
