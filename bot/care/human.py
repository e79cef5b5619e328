"""Bringing a human in: a person asked for one, accepted one, or a relative is worried."""

from dataclasses import dataclass

from bot.care import protocol
from bot.care.case import Case, Voice
from bot.care.turn import Turn
from bot.delivery.messages import plain
from bot.escalation import alerts, paging
from bot.escalation.policy import AlertKind
from bot.recovery.check_in import local_date, spoken_time
from bot.safety.findings import Finding
from bot.store import conversations
from bot.store.database import Unit

WEEK = 7


@dataclass(frozen=True, slots=True)
class AskForHuman:
    """Raise an alert for a person who wants to talk to someone (or, ``CONCERN``, for a relative's worry)."""

    why: str
    kind: AlertKind = AlertKind.HUMAN

    async def apply(self, unit: Unit, turn: Turn) -> None:
        story = f"{turn.now:%d %b %H:%M} UTC, {self.why}: {plain(turn.text)}"
        await alerts.raise_alert(unit, alerts.Raising(self.kind, turn.person.id, story=story), turn.now)


async def there_again(turn: Turn, kind: AlertKind = AlertKind.HUMAN) -> str | None:
    """When the team is there again, as one says it to this person; nothing where somebody is on call, or everyone is asked."""
    async with turn.store.read() as unit:
        opens = await paging.closed_until(unit, kind, turn.now)
    if opens is None:
        return None
    local = opens.astimezone(turn.person.zone)
    away = (local.date() - local_date(turn.now, turn.person.zone)).days
    # Within a week the day's name is enough.
    day = "" if away == 0 else f"{local:%A} " if away < WEEK else f"{local:%A}, {local.day} {local:%B} "
    return f"{day}at {spoken_time(local.time(), turn.person.language)}"


async def asked_from_outside(voice: Voice, text: str) -> None:
    """Somebody whom we send nothing asks for a person: staff are told all the same, and they hear whether that worked."""
    case = voice.case
    story = f"{case.now:%d %b %H:%M} UTC, asks for a person: {plain(text)}"
    what = alerts.Raising(AlertKind.HUMAN, case.person.id, story=story)
    _, reached = await alerts.raise_alert(case.unit, what, case.now)
    await voice.say("service.person_told" if reached else "service.person_not_told")


@dataclass(frozen=True, slots=True)
class FoundDanger:
    """A form's own question brought a danger to light ("yes, my chest hurts"): the protocol takes over.

    ``said`` is the answer in words, for staff.
    """

    finding: Finding
    said: str = ""

    async def apply(self, unit: Unit, turn: Turn) -> None:
        conversation = await conversations.get(unit, turn.conversation_id)
        case = Case(unit, turn.content, turn.person, conversation, turn.now)
        await protocol.respond(case, [self.finding], self.said or turn.text, turn.message_id)
