"""What follows when a message does not reach the person: another way, the next person on staff, an alert."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from bot.care import addresses, protocol
from bot.content import Content
from bot.delivery import outbox
from bot.delivery.messages import Fault, Lane, Outbound
from bot.escalation import alerts
from bot.escalation.policy import AlertKind, How
from bot.store import conversations, people
from bot.store.database import Unit
from bot.store.tables import ContactPointRow, ConversationRow, OutboundRow, PersonRow

# By these ways only pages go out: nobody would notice otherwise that they have stopped working.
_PAGES_ALONE = {How.EMAIL: "e-mail", How.CALL: "call"}
_MUST_BE_MENDED = (Fault.NO_SUCH_ADDRESS, Fault.NOT_ALLOWED, Fault.REFUSED, Fault.OPTED_OUT, Fault.BLOCKED)
UNSURE, UNSURE_AFTER = "talk.unsure", timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Undelivered:
    """The sender's follow-up.

    Attributes:
        passed_on: the channels on which an address that is given up may be given to somebody else.
    """

    content: Content
    passed_on: Collection[str] = ()

    async def failed(self, unit: Unit, message: outbox.Leased, fault: Fault | None, reason: str, now: datetime) -> None:
        """A message has failed for good."""
        await addresses.did_not_reach(unit, message, fault, self.passed_on, now)
        elsewhere = message.lane in outbox.REPEATABLE and await _elsewhere(unit, message, now)
        if message.lane is Lane.ALERT:
            # Who lets a call ring is not there, whatever else was sent to them: others are asked now.
            if message.alert_id and (not elsewhere or fault is Fault.UNANSWERED):
                await alerts.page_failed(unit, message.alert_id, now)
            if message.channel in _PAGES_ALONE:
                await _tell_of_way(unit, message, fault, reason, now)
            elif fault in (Fault.BLOCKED, Fault.OPTED_OUT, Fault.NO_SUCH_ADDRESS):
                await _tell(unit, message, AlertKind.OPT_OUT, f"An alert could not be sent to them: {reason}.", now)
            return
        if message.lane is Lane.CRISIS and message.alert_id:
            await protocol.not_reached(unit, self.content, message.alert_id, "what we asked did not reach them", now)
        gone = fault in (Fault.BLOCKED, Fault.OPTED_OUT)
        kind = AlertKind.OPT_OUT if gone else AlertKind.DELIVERY
        await _tell(unit, message, kind, f"A {message.lane.label} message could not be delivered: {reason}.", now)

    async def delayed(self, unit: Unit, message: outbox.Leased, now: datetime) -> None:
        """What is urgent does not wait for one provider."""
        if not await _elsewhere(unit, message, now) and message.lane is Lane.ALERT and message.alert_id:
            await alerts.page_failed(unit, message.alert_id, now)

    async def unconfirmed(self, unit: Unit, message: outbox.Leased, now: datetime) -> None:
        """Sent, and no word that it arrived: as if it had not, and a repeat costs little."""
        await self.delayed(unit, message, now)

    async def unknown(self, unit: Unit, message: outbox.Leased, now: datetime) -> None:
        """Sending it again could double it, so the person is told that something may be missing: once, and not soon again.

        A check-in needs nothing: it is asked again anyway where no answer comes.
        """
        if message.lane is not Lane.REPLY:
            return
        person = await people.get(unit, message.person_id)
        texts = [
            self.content.fill(text, person.country, person.language)
            for text in self.content.piece(UNSURE, person.language).texts
        ]
        conversation = await unit.session.scalar(
            select(ConversationRow).where(ConversationRow.contact_point_id == message.contact_id)
        )
        last = await outbox.last_sent(unit, message.contact_id, 5)
        if conversation is not None and not any(said.text in texts for said in (*last, message.message)):
            say = Outbound(texts[0])
            await outbox.enqueue(unit, conversation, [say], Lane.REPLY, now, not_before=now + UNSURE_AFTER)


async def _elsewhere(unit: Unit, message: outbox.Leased, now: datetime) -> bool:
    """Send it to the same person by another way that reaches them; returns whether there is one.

    Once for each message: what waits there already for the same alert is not doubled.
    """
    contact = await unit.session.get_one(ContactPointRow, message.contact_id)
    # A number that was called in vain may still take a text.
    tried = contact.id if contact.channel == message.channel else None
    conversation = await conversations.of_person(unit, message.person_id, lock=False, usable=True, besides=tried)
    if conversation is None:
        return False
    known = select(OutboundRow.id).where(
        OutboundRow.contact_point_id == conversation.contact_point_id,
        OutboundRow.channel == conversation.contact.channel,
        OutboundRow.alert_id == message.alert_id,
        OutboundRow.lane == int(message.lane),
        OutboundRow.created_at >= message.created_at,
    )
    if await unit.session.scalar(known.limit(1)) is None:
        await outbox.enqueue(unit, conversation, [message.message], message.lane, now, alert_id=message.alert_id)
    return True


async def _tell_of_way(unit: Unit, message: outbox.Leased, fault: Fault | None, reason: str, now: datetime) -> None:
    """What must be mended about e-mail or calls is told to all, whoever it concerns: they can be paged by other ways."""
    if fault not in _MUST_BE_MENDED:
        return
    contact = await unit.session.get_one(ContactPointRow, message.contact_id)
    if fault is Fault.NO_CHANNEL and contact.channel != message.channel:
        # A number of texts, where the practice has no calls: nobody has asked for one, and nothing is broken.
        return
    person = await unit.session.get_one(PersonRow, message.person_id)
    way = _PAGES_ALONE[How(message.channel)]
    story = f"{now:%d %b %H:%M} UTC. An alert could not reach case {person.case_number} by {way}: {reason}."
    await alerts.raise_alert(unit, alerts.Raising(AlertKind.TECHNICAL, story=story), now)


async def _tell(unit: Unit, message: outbox.Leased, kind: AlertKind, story: str, now: datetime) -> None:
    what = alerts.Raising(kind, message.person_id, story=f"{now:%d %b %H:%M} UTC. {story}")
    await alerts.raise_alert(unit, what, now)
