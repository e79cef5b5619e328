"""Whom something is done for: the person and their conversation in one unit of work, and the fixed words said to them."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from bot.content import Content
from bot.delivery import outbox
from bot.delivery.messages import Choice, Lane, Outbound
from bot.recovery.people import Person, Practice
from bot.safety.findings import Kind, Subject
from bot.store.database import Unit
from bot.store.tables import AlertRow, ConversationRow, SafePhoneRow


@dataclass(frozen=True, slots=True)
class Case:
    """Whom a danger was found with: the person, their conversation, and the words to use."""

    unit: Unit
    content: Content
    person: Person
    conversation: ConversationRow
    now: datetime

    async def say(self, text: str, alert: AlertRow, choices: tuple[Choice, ...] = ()) -> str | None:
        """Queue a text in the crisis lane; returns the message's id, or nothing where their phone must stay quiet."""
        if await self.quiet():
            return None
        message = Outbound(text, choices)
        (queued,) = await outbox.enqueue(
            self.unit, self.conversation, [message], Lane.CRISIS, self.now, alert_id=alert.id
        )
        return queued

    async def quiet(self) -> bool:
        """Whether they have dropped the subject and not written since: what we say now, somebody else may read."""
        query = select(SafePhoneRow.quiet_until).where(SafePhoneRow.person_id == self.person.id)
        until = await self.unit.session.scalar(query)
        return until is not None and until > self.now

    def words(self, kind: Kind, moment: str, subject: Subject, at: int = 0, **values: str) -> str:
        """A text of the safety protocol, filled in."""
        texts = self.content.safety(kind, moment, subject, self.person.language).texts
        return self.content.fill(texts[at % len(texts)], self.person.country, self.person.language, **values)


@dataclass(frozen=True, slots=True)
class Voice:
    """Says fixed words to the person of a case, as an answer to what they wrote."""

    case: Case
    practice: Practice

    async def say(self, piece: str, at: int = 0, **values: str) -> None:
        """Queue a piece of the content as a reply."""
        text = self.text(piece, at, **values)
        await outbox.enqueue(self.case.unit, self.case.conversation, [Outbound(text)], Lane.REPLY, self.case.now)

    def text(self, piece: str, at: int = 0, **values: str) -> str:
        """A piece of the content, filled in."""
        person = self.case.person
        known = {
            "name": person.first_name,
            "practice": self.practice.name,
            "hours": self.practice.hours,
            "phone": self.practice.phone,
            "rates": self._rates(),
        }
        return self.case.content.say(piece, person.country, person.language, at, **(known | values))

    def _rates(self) -> str:
        """That messages may cost something, where a carrier charges for them; nothing on other channels."""
        if self.case.conversation.contact.channel not in self.practice.charged:
            return ""
        return f" {self.case.content.piece('service.rates', self.case.person.language).texts[0]}"
