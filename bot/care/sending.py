"""What a person asks of the sending itself: no more messages, messages again, who this is, the lines to call."""

from bot.care import protocol
from bot.care.case import Case, Voice
from bot.escalation import alerts
from bot.escalation.policy import AlertKind
from bot.safety.findings import Level
from bot.store import audit
from bot.store.tables import ContactPointRow


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
            await protocol.not_reached(case.unit, case.content, other.id, why, case.now)
