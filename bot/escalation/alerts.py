"""Alerts as rows: raised in the caller's transaction, stepped by the clock, ended only by a person on staff."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select

from bot.delivery import outbox
from bot.delivery.messages import Choice, Lane, Outbound, OutStatus
from bot.escalation import arranged, rota
from bot.escalation.policy import TAKEN_COUNTS, AlertKind, AlertStatus, Policy, Who, name_of
from bot.recovery.joining import has_agreed
from bot.recovery.people import Role
from bot.store import audit, conversations, people
from bot.store.database import Unit, new_id
from bot.store.tables import AlertNoteRow, AlertRow, AlertStepRow, OutboundRow, PersonRow

# Who has been paged so lately has heard: more messages in the same minutes are counted, and read with the story.
PAGED_LATELY = timedelta(seconds=60)
STORY_MOST = 4_000


@dataclass(frozen=True, slots=True)
class Raising:
    """What an alert is raised for. ``story`` is what staff read on request; the page never carries it."""

    kind: AlertKind
    person_id: str | None = None
    danger: str | None = None
    level: str | None = None
    story: str = ""
    page: bool = True


class Change(StrEnum):
    """What became of an attempt to acknowledge or close."""

    DONE = "done"
    UNSEEN = "unseen"
    OWN = "own"
    ALREADY = "already"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Changed:
    change: Change
    alert: AlertRow | None = None
    by: str | None = None


async def raise_alert(unit: Unit, what: Raising, now: datetime) -> tuple[AlertRow, int]:
    """Raise an alert, or join one of the same kind that is still open; returns it and how many staff it has reached.

    Nothing that joins disappears in an older alert. One that somebody has taken opens again and begins with its first
    step, because that was the answer to what came before; so does one that was possible and is definite now. One that
    is open pages again whom it has asked last, and its steps go on as they were: whoever keeps crying for help must
    not keep the next person from being asked.
    """
    alert = await _to_join(unit, what)
    policy = await arranged.policy(unit, name_of(what.kind, page=what.page))
    if alert is None:
        row_id = new_id()
        alert = AlertRow(
            id=row_id,
            kind=what.kind,
            danger=what.danger,
            level=what.level,
            person_id=what.person_id,
            status=AlertStatus.OPEN,
            policy=policy.freeze(),
            story_sealed=unit.seal(AlertRow, "story_sealed", row_id, what.story) if what.story else None,
            raised_at=now,
            last_at=now,
        )
        unit.session.add(alert)
        await unit.session.flush()
        await audit.write(unit, "handrail", f"alert raised: {what.kind}", f"alert {alert.number}", now)
        return alert, await take_step(unit, alert, now)
    alert.count += 1
    alert.last_at = now
    if what.story:
        # A story that does not open any more must not keep the next danger from being told.
        told = unit.open_or(alert, "story_sealed", "")
        # Both nets may tell of one message: it is read once.
        if what.story not in told.splitlines():
            story = _shortened("\n".join(part for part in (told, what.story) if part))
            alert.story_sealed = unit.seal(AlertRow, "story_sealed", alert.id, story)
    worse = what.level == "definite" and alert.level != "definite"
    if worse:
        alert.level = what.level
        alert.policy = policy.freeze()
    if worse or alert.status == AlertStatus.ACKNOWLEDGED:
        _open_again(alert, now)
        return alert, await take_step(unit, alert, now)
    if what.kind is AlertKind.DANGER and not await _paged_since(unit, alert, now - PAGED_LATELY):
        who = Policy.thaw(alert.policy).who(max(alert.next_step - 1, 0))
        await _page_all(unit, alert, who, now, again=True)
    return alert, await reached(unit, alert)


def _open_again(alert: AlertRow, now: datetime) -> None:
    """Nobody has it any more; its steps begin anew."""
    alert.status, alert.raised_at, alert.next_step = AlertStatus.OPEN, now, 0
    alert.acknowledged_at = alert.acknowledged_by = None


def _shortened(story: str) -> str:
    """The beginning of a long story and, above all, its end."""
    if len(story) <= STORY_MOST:
        return story
    return f"{story[: STORY_MOST // 4]}\n… (some left out) …\n{story[-STORY_MOST * 3 // 4 :]}"


async def _to_join(unit: Unit, what: Raising) -> AlertRow | None:
    query = (
        select(AlertRow)
        .where(AlertRow.kind == what.kind, AlertRow.status != AlertStatus.CLOSED)
        .where(AlertRow.person_id == what.person_id if what.person_id else AlertRow.person_id.is_(None))
        .with_for_update()
    )
    if what.danger:
        query = query.where(AlertRow.danger == what.danger)
    found: AlertRow | None = (await unit.session.scalars(query)).first()
    return found


async def take_step(unit: Unit, alert: AlertRow, now: datetime, *, without: str | None = None) -> int:
    """Page whom the current step names and set the next one; returns how many staff were paged.

    Args:
        without: the id of who has said that they can't take it.
    """
    policy = Policy.thaw(alert.policy)
    step = alert.next_step
    who = policy.who(step)
    paged = await _page_all(unit, alert, who, now, again=step > 0, without=without)
    while not paged and who is not Who.EVERYONE:
        # Nobody whom this step names can be reached: the next one is taken at once.
        step += 1
        who = policy.who(step)
        paged = await _page_all(unit, alert, who, now, again=True, without=without)
    unit.session.add(AlertStepRow(id=new_id(), alert_id=alert.id, step=step, who=who, reached=paged, at=now))
    alert.next_step = step + 1
    alert.next_at = alert.raised_at + policy.moment(step + 1)
    if alert.next_at <= now:
        # After a long standstill the next step follows at once, but never twice in the same moment.
        alert.next_at = now + (policy.moment(step + 1) - policy.moment(step))
    return paged


async def _page_all(
    unit: Unit, alert: AlertRow, who: Who, now: datetime, *, again: bool, without: str | None = None
) -> int:
    paged = 0
    page = await _page(unit, alert, again=again)
    for person in await recipients(unit, alert, who, now, without):
        # Not locked: whoever is paged may be writing at this moment, and neither must wait for the other.
        conversation = await conversations.of_person(unit, person.id, lock=False, usable=True)
        if conversation is not None:
            await outbox.enqueue(unit, conversation, [page], Lane.ALERT, now, alert_id=alert.id)
            paged += 1
    return paged


async def _paged_since(unit: Unit, alert: AlertRow, moment: datetime) -> bool:
    query = select(OutboundRow.id).where(
        OutboundRow.alert_id == alert.id, OutboundRow.lane == int(Lane.ALERT), OutboundRow.created_at > moment
    )
    return await unit.session.scalar(query.limit(1)) is not None


async def reached(unit: Unit, alert: AlertRow) -> int:
    """How many staff a page of this alert is on its way to, or has come to: not those whom it is known to have missed."""
    query = select(func.count(OutboundRow.person_id.distinct())).where(
        OutboundRow.alert_id == alert.id, OutboundRow.lane == int(Lane.ALERT), OutboundRow.status != OutStatus.FAILED
    )
    return int(await unit.session.scalar(query) or 0)


async def recipients(
    unit: Unit, alert: AlertRow, who: Who, now: datetime, without: str | None = None
) -> list[PersonRow]:
    """The staff that a step pages. Where it names nobody, everybody: an alert to no one would just end.

    Never the person whom the alert is about: someone on staff who is in danger needs somebody else.

    Args:
        without: the id of who has said that they can't take it; they are asked again only if there is nobody else.
    """
    everyone = await unit.session.scalars(
        select(PersonRow).where(PersonRow.role == Role.STAFF).order_by(PersonRow.case_number)
    )
    # Who was invited and has not agreed yet, or has declined, gets nothing.
    staff = [person for person in everyone if person.id != alert.person_id and has_agreed(person.joining)]
    staff = [person for person in staff if person.id != without] or staff
    chosen: list[PersonRow] = staff
    if who is Who.INTERVENTIONIST:
        about = await unit.session.get(PersonRow, alert.person_id) if alert.person_id else None
        own = [p for p in staff if about is not None and p.id == about.interventionist_id]
        chosen = own or await _on_call(unit, staff, now)
    elif who is Who.ON_CALL:
        chosen = await _on_call(unit, staff, now)
    elif who is Who.SUPERVISOR:
        arranged_rota = await arranged.rota(unit)
        chosen = [p for p in staff if arranged_rota and p.id in arranged_rota.supervisors]
    return chosen or staff


async def _on_call(unit: Unit, staff: Sequence[PersonRow], now: datetime) -> list[PersonRow]:
    """Who is on call by the rota; where there is none, whoever is marked so."""
    in_force = await arranged.rota(unit)
    if in_force is None:
        return [person for person in staff if person.on_call]
    named = rota.on_call(in_force, now)
    return [person for person in staff if person.id in named]


async def step_due(unit: Unit, now: datetime) -> int:
    """Take the next step of every alert whose time has come; returns how many there were.

    Of one that somebody has taken that is: nobody has written down since that they were in touch. It opens again, so
    that a person who fell asleep again over their page does not keep everybody else from being asked.
    """
    query = (
        select(AlertRow)
        .where(AlertRow.status != AlertStatus.CLOSED, AlertRow.next_at <= now)
        .order_by(AlertRow.next_at)
        .limit(50)
        .with_for_update(skip_locked=True)
    )
    due = (await unit.session.scalars(query)).all()
    for alert in due:
        # One alert that cannot be stepped keeps its time and is tried again; it holds up no other.
        async with unit.apart("alert step", alert.number):
            if alert.status == AlertStatus.ACKNOWLEDGED:
                _open_again(alert, now)
                await audit.write(unit, "handrail", "acknowledgement lapsed", f"alert {alert.number}", now)
            await take_step(unit, alert, now)
    return len(due)


async def audit_steps(unit: Unit, now: datetime) -> int:
    """Give every open alert that has lost its next step one that is due now; returns how many had."""
    query = select(AlertRow).where(AlertRow.status == AlertStatus.OPEN, AlertRow.next_at.is_(None)).with_for_update()
    lost = (await unit.session.scalars(query)).all()
    for alert in lost:
        alert.next_at = now
    return len(lost)


async def page_failed(unit: Unit, alert_id: str, now: datetime) -> None:
    """A page did not reach its staff: the next step follows at once, as long as there is one that asks others.

    After the last step everyone has been asked, and the repeats go on at their own pace.
    """
    query = select(AlertRow).where(AlertRow.id == alert_id, AlertRow.status == AlertStatus.OPEN).with_for_update()
    alert = (await unit.session.scalars(query)).first()
    if alert is not None and alert.next_step < len(Policy.thaw(alert.policy).steps):
        alert.next_at = now


async def next_due(unit: Unit) -> datetime | None:
    """When the next step of any open alert is due."""
    found: datetime | None = await unit.session.scalar(
        select(func.min(AlertRow.next_at)).where(AlertRow.status != AlertStatus.CLOSED)
    )
    return found


async def acknowledge(unit: Unit, number: int, staff_id: str, now: datetime) -> Changed:
    """A person on staff takes an alert; the first one wins."""
    alert = await _locked(unit, number)
    if alert is None:
        return Changed(Change.UNKNOWN)
    if alert.status == AlertStatus.CLOSED:
        return Changed(Change.CLOSED, alert, alert.closed_by)
    if alert.status == AlertStatus.ACKNOWLEDGED:
        return Changed(Change.ALREADY, alert, alert.acknowledged_by)
    if alert.person_id == staff_id:
        # Who is in danger needs somebody else.
        return Changed(Change.OWN, alert)
    alert.status, alert.acknowledged_at, alert.acknowledged_by = AlertStatus.ACKNOWLEDGED, now, staff_id
    counts = TAKEN_COUNTS.get(AlertKind(alert.kind))
    alert.next_at = now + counts if counts else None
    await audit.write(unit, staff_id, "alert acknowledged", f"alert {number}", now)
    return Changed(Change.DONE, alert, staff_id)


async def escalate(unit: Unit, number: int, staff_id: str, now: datetime) -> Changed:
    """A person on staff can't take an alert, or can't keep it: the next ones are asked now."""
    alert = await _locked(unit, number)
    if alert is None:
        return Changed(Change.UNKNOWN)
    if alert.status == AlertStatus.CLOSED:
        return Changed(Change.CLOSED, alert, alert.closed_by)
    if alert.status == AlertStatus.ACKNOWLEDGED and alert.acknowledged_by != staff_id:
        return Changed(Change.ALREADY, alert, alert.acknowledged_by)
    if alert.status == AlertStatus.ACKNOWLEDGED:
        _open_again(alert, now)
        # Theirs was the first step already.
        alert.next_step = min(1, len(Policy.thaw(alert.policy).steps))
    await audit.write(unit, staff_id, "alert escalated", f"alert {number}", now)
    await take_step(unit, alert, now, without=staff_id)
    return Changed(Change.DONE, alert, staff_id)


async def note(unit: Unit, number: int, staff_id: str, text: str, now: datetime) -> Changed:
    """A person on staff writes down what they have done about an alert; of who has it, that is a contact on record.

    Raises:
        ValueError: the note is empty.
    """
    if not text.strip():
        raise ValueError("a note says what was done")
    alert = await _locked(unit, number)
    if alert is None:
        return Changed(Change.UNKNOWN)
    if alert.person_id == staff_id:
        return Changed(Change.OWN, alert)
    row_id = new_id()
    sealed = unit.seal(AlertNoteRow, "note_sealed", row_id, text)
    unit.session.add(AlertNoteRow(id=row_id, alert_id=alert.id, staff_id=staff_id, note_sealed=sealed, at=now))
    was_in_touch(alert)
    await audit.write(unit, staff_id, "alert note", f"alert {number}", now)
    return Changed(Change.DONE, alert, staff_id)


def was_in_touch(alert: AlertRow) -> None:
    """Whoever has taken an alert has done something about it: it is not asked for again by itself."""
    if alert.status == AlertStatus.ACKNOWLEDGED:
        alert.next_at = None


async def close(
    unit: Unit, number: int, staff_id: str, note: str, now: datetime, written_at: datetime | None = None
) -> Changed:
    """A person on staff ends an alert with a note about what was done.

    Args:
        written_at: when they wrote; what came in since they last got word of this alert is not closed unread.

    Raises:
        ValueError: the note is empty.
    """
    if not note.strip():
        raise ValueError("an alert is closed with a note about what was done")
    alert = await _locked(unit, number)
    if alert is None:
        return Changed(Change.UNKNOWN)
    if alert.status == AlertStatus.CLOSED:
        return Changed(Change.ALREADY, alert, alert.closed_by)
    if alert.person_id == staff_id:
        return Changed(Change.OWN, alert)
    if alert.count > 1 and not await _has_word_of(unit, alert, staff_id, written_at or now):
        return Changed(Change.UNSEEN, alert)
    alert.status, alert.closed_at, alert.closed_by = AlertStatus.CLOSED, now, staff_id
    alert.note_sealed = unit.seal(AlertRow, "note_sealed", alert.id, note)
    alert.next_at = alert.check_back_at = None
    await audit.write(unit, staff_id, "alert closed", f"alert {number}", now)
    return Changed(Change.DONE, alert, staff_id)


async def _has_word_of(unit: Unit, alert: AlertRow, staff_id: str, at: datetime) -> bool:
    """Whether a page or an answer about this alert came to someone after the last message that joined it."""
    query = select(OutboundRow.id).where(
        OutboundRow.alert_id == alert.id,
        OutboundRow.person_id == staff_id,
        OutboundRow.created_at >= alert.last_at,
        OutboundRow.sent_at < at,
    )
    return await unit.session.scalar(query.limit(1)) is not None


async def _locked(unit: Unit, number: int) -> AlertRow | None:
    found: AlertRow | None = (
        await unit.session.scalars(select(AlertRow).where(AlertRow.number == number).with_for_update())
    ).first()
    return found


async def by_number(unit: Unit, number: int) -> AlertRow | None:
    """The alert with this number, open or closed."""
    found: AlertRow | None = (await unit.session.scalars(select(AlertRow).where(AlertRow.number == number))).first()
    return found


async def page_unwanted(unit: Unit, messages: Sequence[outbox.Leased], _now: datetime) -> Mapping[str, str | datetime]:
    """Which pages need not be sent any more: their alert was taken or closed meanwhile."""
    pages = [m for m in messages if m.lane is Lane.ALERT and m.alert_id]
    if not pages:
        return {}
    query = select(AlertRow.id, AlertRow.status).where(
        AlertRow.id.in_({m.alert_id for m in pages}), AlertRow.status != AlertStatus.OPEN
    )
    reasons = {
        alert_id: "the alert was closed meanwhile"
        if status == AlertStatus.CLOSED
        else "somebody has taken the alert meanwhile"
        for alert_id, status in await unit.session.execute(query)
    }
    return {m.id: reasons[m.alert_id] for m in pages if m.alert_id in reasons}


async def open_alerts(unit: Unit, person_id: str | None = None, kind: AlertKind | None = None) -> list[AlertRow]:
    """Alerts that nobody has closed, oldest first."""
    query = select(AlertRow).where(AlertRow.status != AlertStatus.CLOSED).order_by(AlertRow.number)
    if person_id:
        query = query.where(AlertRow.person_id == person_id)
    if kind:
        query = query.where(AlertRow.kind == kind)
    return list(await unit.session.scalars(query))


_TITLES = {
    AlertKind.HUMAN: "asks for a person",
    AlertKind.LAPSE: "lapse",
    AlertKind.CONCERN: "a relative is worried",
    AlertKind.OPT_OUT: "gets no more messages: phone them",
    AlertKind.MEDIA: "sent something that only a person can read",
    AlertKind.DELIVERY: "a message could not be delivered",
    AlertKind.TECHNICAL: "technical trouble",
    AlertKind.SILENCE: "nothing is heard of them",
    AlertKind.TREND: "it is getting harder for them",
}


def title(alert: AlertRow) -> str:
    """What an alert is about, in a few words and without anything that was said."""
    if alert.kind == AlertKind.DANGER:
        return f"{str(alert.danger).replace('_', '-')}, {alert.level}"
    return _TITLES[AlertKind(alert.kind)]


async def _page(unit: Unit, alert: AlertRow, *, again: bool) -> Outbound:
    person = await unit.session.get(PersonRow, alert.person_id) if alert.person_id else None
    who = f" Case {person.case_number} ({'family' if person.role == Role.FAMILY else person.role})." if person else ""
    urgent = alert.kind == AlertKind.DANGER and alert.level == "definite"
    head = f"{'STILL OPEN, ' if again else ''}{'ALERT' if urgent else 'Alert'} {alert.number}: {title(alert)}."
    more = f" {alert.count} messages." if alert.count > 1 else ""
    if alert.kind == AlertKind.OPT_OUT and person:
        known = await people.number_of(unit, person)
        more += " Their number is with the story." if known else " Their number is missing."
    n = alert.number
    return Outbound(
        f"{head}{who}{more} Reply {n}a to take it, {n}e if you can't, {n}v to read why, {n}c and a note to close.",
        (Choice("Take it", f"{n}a"), Choice("I can't", f"{n}e"), Choice("Read why", f"{n}v")),
        {
            "number": n,
            "kind": str(alert.kind),
            "danger": alert.danger,
            "level": alert.level,
            "case": person.case_number if person else None,
            "status": str(alert.status),
        },
    )
