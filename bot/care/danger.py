"""Danger as staff see it: one alert for each kind, what was found, when it becomes definite, and who has read it.

Needs no engine and no network. Everything here happens in the caller's unit of work: in the one that stores the
message for net 1, in the turn's commit for net 2 and for what a form has found out.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from bot.care.case import Case
from bot.content import Content
from bot.delivery import outbox
from bot.delivery.messages import Lane, plain
from bot.escalation import alerts
from bot.escalation.policy import AlertKind, AlertStatus, Policy
from bot.recovery.people import Person
from bot.safety.findings import Finding, Kind, Level, Subject
from bot.store import conversations, people
from bot.store.database import Unit, new_id
from bot.store.tables import AlertRow, FindingRow, HandOverRow, PersonRow


async def raise_for(
    case: Case, findings: Sequence[Finding], story: str, message_id: str | None
) -> tuple[AlertRow, int]:
    """One alert for each kind of danger, the most urgent first; returns that one and whom it reached."""
    raised: tuple[AlertRow, int] | None = None
    for kind in dict.fromkeys(finding.kind for finding in findings):
        of_kind = [finding for finding in findings if finding.kind is kind]
        worst = of_kind[0]
        about = "about someone else" if worst.subject is Subject.OTHER else "about themselves"
        alert, reached = await alerts.raise_alert(
            case.unit,
            alerts.Raising(
                AlertKind.DANGER,
                case.person.id,
                danger=worst.kind,
                level=worst.level,
                story=f"{case.now:%d %b %H:%M} UTC, {about}: {plain(story)}",
                page=case.content.urgency_of(worst).page,
            ),
            case.now,
        )
        # A danger that joins an older alert starts the check-backs anew: the next one must not wait until morning.
        first = timedelta(minutes=Policy.thaw(alert.policy).check_backs.first)
        alert.check_back_at, alert.check_backs = case.now + first, 0
        for finding in of_kind:
            row_id = new_id()
            case.unit.session.add(
                FindingRow(
                    id=row_id,
                    message_id=message_id,
                    alert_id=alert.id,
                    kind=finding.kind,
                    level=finding.level,
                    net=finding.net,
                    rule=finding.rule,
                    subject=finding.subject,
                    matched_sealed=case.unit.seal(FindingRow, "matched_sealed", row_id, finding.matched),
                    at=case.now,
                )
            )
        raised = raised or (alert, reached)
    if raised is None:
        raise ValueError("no finding to raise an alert for")
    return raised


async def page_definite(case: Case, alert: AlertRow, why: str) -> int:
    await others_too(case, alert, why)
    return await _now_definite(case, alert, why)


async def others_too(case: Case, alert: AlertRow, why: str) -> None:
    """Make the same person's other possible dangers of this hour definite.

    A newer question has taken the place of theirs, so that a bad answer to it, or none, is theirs as well.
    """
    for other in await alerts.open_alerts(case.unit, case.person.id, AlertKind.DANGER):
        if other.id != alert.id and other.level == Level.POSSIBLE and case.now - other.last_at < timedelta(hours=1):
            await _now_definite(case, other, why)


async def _now_definite(case: Case, alert: AlertRow, why: str) -> int:
    story = f"{case.now:%d %b %H:%M} UTC, now definite: {why}."
    what = alerts.Raising(AlertKind.DANGER, case.person.id, danger=alert.danger, level=Level.DEFINITE, story=story)
    _, reached = await alerts.raise_alert(case.unit, what, case.now)
    return reached


async def is_open_for(unit: Unit, person_id: str) -> bool:
    """Whether a danger alert about this person waits for staff: then nothing of our own is started."""
    return bool(await alerts.open_alerts(unit, person_id, AlertKind.DANGER))


async def check_in_unwanted(
    unit: Unit, messages: Sequence[outbox.Leased], _now: datetime
) -> Mapping[str, str | datetime]:
    """Which check-ins are not sent: staff have an open danger alert about that person, or write with them."""
    people_asked = {m.person_id for m in messages if m.lane is Lane.CHECK_IN}
    reasons = await left_alone(unit, people_asked)
    return {m.id: reasons[m.person_id] for m in messages if m.lane is Lane.CHECK_IN and m.person_id in reasons}


async def left_alone(unit: Unit, people_asked: Collection[str]) -> dict[str, str]:
    """Whom nothing of our own is started with, and why: staff have an open danger alert about them, or write with them."""
    if not people_asked:
        return {}
    query = select(AlertRow.person_id).where(
        unit.one_of(AlertRow.person_id, people_asked),
        AlertRow.kind == AlertKind.DANGER,
        AlertRow.status != AlertStatus.CLOSED,
    )
    in_danger = {str(person_id) for person_id in await unit.session.scalars(query)}
    taken_over = select(HandOverRow.person_id).where(
        unit.one_of(HandOverRow.person_id, people_asked), HandOverRow.ended_at.is_(None)
    )
    reasons = dict.fromkeys(await unit.session.scalars(taken_over), "staff write with them themselves")
    return reasons | dict.fromkeys(in_danger, "a danger alert is open")


async def acknowledged(unit: Unit, content: Content, alert: AlertRow, staff: Person, now: datetime) -> None:
    """Tell the person in danger who has read their alert, with no time promised, and no call where no number is known."""
    if alert.kind != AlertKind.DANGER or alert.person_id is None:
        return
    conversation = await conversations.of_person(unit, alert.person_id)
    if conversation is None:
        return
    case = Case(unit, content, await people.get(unit, alert.person_id), conversation, now)
    number = await people.number_of(unit, await unit.session.get_one(PersonRow, alert.person_id))
    moment = "acknowledged" if number else "acknowledged_no_number"
    words = case.words(Kind(str(alert.danger)), moment, await subject_of(unit, alert), name=staff.first_name)
    await case.say(words, alert)


async def alert_of(unit: Unit, alert_id: str) -> AlertRow:
    return (await unit.session.scalars(select(AlertRow).where(AlertRow.id == alert_id).with_for_update())).one()


async def subject_of(unit: Unit, alert: AlertRow) -> Subject:
    query = select(FindingRow.subject).where(FindingRow.alert_id == alert.id).order_by(FindingRow.at)
    return Subject((await unit.session.scalars(query)).first() or Subject.SELF)
