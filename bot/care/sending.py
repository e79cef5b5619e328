"""What a person asks of the sending itself: no more messages, messages again, who this is, the lines to call."""

from dataclasses import dataclass

from bot.care import danger
from bot.care.danger import Case
from bot.delivery import outbox
from bot.delivery.messages import Lane, Outbound
from bot.escalation import alerts
from bot.escalation.policy import AlertKind
from bot.recovery.people import Practice
from bot.safety.findings import Level
from bot.store import audit
from bot.store.tables import ContactPointRow


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
        }
        return self.case.content.say(piece, person.country, person.language, at, **(known | values))


async def stop(voice: Voice, contact: ContactPointRow, *, confirm: bool) -> None:
    """No more messages: confirmed once, told to staff; a danger that is open stays open, and a possible one is definite.

    Args:
        confirm: whether we say so ourselves; some providers do.
    """
    case = voice.case
    again = contact.opted_out_at is not None
    contact.opted_out_at = case.now
    if not again:
        await _tell(case, "they asked for no more messages")
        await audit.write(case.unit, case.person.id, "messages stopped", case.person.id, case.now)
        if confirm:
            await voice.say("service.stopped")


async def start(voice: Voice, contact: ContactPointRow, *, confirm: bool) -> None:
    """Messages again."""
    case = voice.case
    contact.opted_out_at = None
    await audit.write(case.unit, case.person.id, "messages started again", case.person.id, case.now)
    if confirm:
        await voice.say("service.welcome_back")


async def gone(voice: Voice, contact: ContactPointRow) -> None:
    """They have blocked us, or deleted the chat: nothing arrives there until they write."""
    if contact.suspended_at is None:
        contact.suspended_at = voice.case.now
        await _tell(voice.case, "they have blocked the program, so that nothing reaches them any more")


async def _tell(case: Case, why: str) -> None:
    """Tell staff to phone; whatever danger is open stays open."""
    in_danger = await alerts.open_alerts(case.unit, case.person.id, AlertKind.DANGER)
    also = " A danger alert about them is open: phone them now." if in_danger else ""
    story = f"{case.now:%d %b %H:%M} UTC, {why}.{also}"
    what = alerts.Raising(AlertKind.OPT_OUT, case.person.id, story=story)
    alert, _ = await alerts.raise_alert(case.unit, what, case.now)
    if in_danger:
        # Not the same day, but now: nobody can be reached any more by writing.
        alert.next_at = min(filter(None, (alert.next_at, case.now)))
    for other in in_danger:
        if other.level == Level.POSSIBLE:
            await danger.not_reached(case.unit, case.content, other.id, why, case.now)
