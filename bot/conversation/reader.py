"""Net 2 for what no turn asked the engine about: messages the protocol answered, and what came while it was away."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import or_, select
from sqlalchemy.exc import InterfaceError, OperationalError

from bot.care import joining, protocol
from bot.care.case import Case
from bot.content import Content
from bot.conversation.engine import EngineAway, EngineClient, EngineFailed, readable, says_something
from bot.delivery import inbox
from bot.escalation import alerts
from bot.escalation.policy import AlertKind, AlertStatus
from bot.recovery.people import Person, Role
from bot.safety.findings import Finding, Kind, Level, Net, by_urgency, told_by
from bot.store import conversations, people
from bot.store.database import Store, Unit
from bot.store.tables import AlertRow, ConversationRow, FindingRow, InboundRow

log = structlog.get_logger()

# A message that net 2 has not read by then has been read by one net alone: staff are told.
READ_WITHIN = timedelta(seconds=60)


class Reader:
    """Has the engine read messages that are done but unread, oldest first."""

    def __init__(self, store: Store, engine: EngineClient, content: Content, now: Callable[[], datetime]) -> None:
        self._store = store
        self._engine = engine
        self._content = content
        self._now = now

    async def run_once(self) -> int:
        """Read a few; returns how many were read. Does nothing while the engine is away."""
        if not self._engine.ready:
            return 0
        async with self._store.read() as unit:
            waiting = []
            for row in await inbox.unread(unit):
                conversation = await unit.session.get_one(ConversationRow, row.conversation_id)
                person = await people.get(unit, conversation.person_id)
                waiting.append((row.id, row.conversation_id, unit.open_or(row, "text_sealed", ""), person))
        count = 0
        for message in waiting:
            try:
                await self._read(*message)
            except EngineAway:
                return count
            except (OperationalError, InterfaceError):
                raise
            except Exception as error:
                # One message that cannot be read must not keep net 2 from all others.
                log.exception("a message could not be read by net 2", message=message[0])
                why = str(error) if isinstance(error, EngineFailed) else type(error).__name__
                await self._could_not(message[0], message[3], why)
            count += 1
        return count

    async def _read(self, message_id: str, conversation_id: str, text: str, person: Person) -> None:
        heard = readable(text)
        findings: tuple[Finding, ...] = ()
        if says_something(heard) and not joining.is_code(heard) and person.role is not Role.STAFF:
            findings = (await self._engine.read(message_id, heard, person.role.heard_as)).findings
        async with self._store.write() as unit:
            # The conversation first, as everywhere, so that two who write to it never wait for each other.
            conversation = await conversations.get(unit, conversation_id)
            row = (await unit.session.scalars(select(InboundRow).where(InboundRow.id == message_id))).one()
            if row.read_at is None:
                row.read_at = self._now()
                new = await _news(unit, message_id, findings)
                if new:
                    case = Case(unit, self._content, person, conversation, self._now())
                    await protocol.note(case, told_by(person.role.heard_as, new), text, message_id)

    async def _could_not(self, message_id: str, person: Person, why: str) -> None:
        """A message that net 2 cannot read holds up no other: a human is told that only net 1 has read it."""
        async with self._store.write() as unit:
            row = (await unit.session.scalars(select(InboundRow).where(InboundRow.id == message_id))).one()
            row.read_at = self._now()
            story = f"Message {message_id} was read by the rules alone: {why}."
            await alerts.raise_alert(unit, alerts.Raising(AlertKind.TECHNICAL, person.id, story=story), self._now())


async def _news(unit: Unit, message_id: str, findings: Sequence[Finding]) -> list[Finding]:
    """What net 2 found in a message, where it is graver than all that is known of it; else a page has gone out already.

    The model tells danger from none better than it tells one kind from another: a lesser kind beside a graver one that
    was found would only send two sets of words, and two pages, for one sentence.
    """
    query = select(FindingRow.kind, FindingRow.level).where(FindingRow.message_id == message_id)
    known = [Finding(Kind(kind), Level(level), Net.SCREEN, "", "") for kind, level in await unit.session.execute(query)]
    if not known or not findings:
        return list(findings)
    gravest = by_urgency(known)[0]
    return [f for f in findings if by_urgency((gravest, f))[0] is f]


async def tell_of_unread(unit: Unit, now: datetime) -> int:
    """Raise a technical alert when messages wait too long for net 2: once for each time that the engine is away."""
    waiting = await _untold(unit)
    if waiting is None or now < waiting[0] + READ_WITHIN:
        return 0
    since, count = waiting
    story = (
        f"The dialogue engine has not read {count} message{'s' if count > 1 else ''}, the first from "
        f"{since:%d %b %H:%M} UTC. The danger rules have read them all. Clients get no ordinary answers until the "
        "engine is back. Ask whoever runs the service to look at logs/engine.log and to run `handrail doctor`."
    )
    await alerts.raise_alert(unit, alerts.Raising(AlertKind.TECHNICAL, story=story), now)
    return 1


async def next_unread(unit: Unit) -> datetime | None:
    """When messages that nobody on staff knows of will have waited too long for net 2."""
    waiting = await _untold(unit)
    return waiting[0] + READ_WITHIN if waiting else None


async def _untold(unit: Unit) -> tuple[datetime, int] | None:
    """Since when how many messages wait for net 2, where staff have not been told of it."""
    waiting = await inbox.unread_since(unit)
    if waiting is None:
        return None
    told = select(AlertRow.id).where(
        AlertRow.kind == AlertKind.TECHNICAL,
        AlertRow.person_id.is_(None),
        or_(AlertRow.status == AlertStatus.OPEN, AlertRow.last_at >= waiting[0]),
    )
    return None if await unit.session.scalar(told.limit(1)) else waiting
