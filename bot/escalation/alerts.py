"""Alerts as rows: raised in the caller's transaction, stepped by the clock, ended only by a person on staff."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select

from bot.escalation import arranged, paging
from bot.escalation.policy import AlertKind, AlertStatus, Policy, name_of
from bot.store import audit
from bot.store.database import Unit, new_id
from bot.store.tables import AlertNoteRow, AlertRow, OutboundRow, PersonRow

# Who has been paged so lately has heard: more messages in the same minutes are counted, and read with the story.
PAGED_LATELY = timedelta(seconds=60)
STORY_MOST = 4_000
# So many alerts are stepped in one unit of work.
BATCH = 50


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
    """What became of an attempt to acknowledge, pass on or close. ``ALONE``: there is nobody else to pass it on to."""

    DONE = "done"
    UNSEEN = "unseen"
    OWN = "own"
    ALONE = "alone"
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
        return alert, await paging.take_step(unit, alert, now)
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
        return alert, await paging.take_step(unit, alert, now)
    if what.kind is AlertKind.DANGER and not await paging.paged_since(unit, alert, now - PAGED_LATELY):
        frozen, step = Policy.thaw(alert.policy), max(alert.next_step - 1, 0)
        await paging.page_all(unit, alert, frozen.who(step), frozen.how(step), now, again=True)
    return alert, await paging.reached(unit, alert)


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


async def step_due(unit: Unit, now: datetime) -> int:
    """Take the next step of the alerts whose time has come, so many as ``BATCH`` at once; returns how many took it.

    Of one that somebody has taken that is: nobody has written down since that they were in touch. It opens again, so
    that a person who fell asleep again over their page does not keep everybody else from being asked.
    """
    query = (
        select(AlertRow)
        .where(AlertRow.status != AlertStatus.CLOSED, AlertRow.next_at <= now)
        .order_by(AlertRow.next_at)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    due = (await unit.session.scalars(query)).all()
    # Held, so that each step finds its person without asking for them.
    about = select(PersonRow).where(PersonRow.id.in_({alert.person_id for alert in due}))
    _held = (await unit.session.scalars(about)).all() if due else []
    done = 0
    for alert in due:
        # One alert that cannot be stepped keeps its time and is tried again; it holds up no other.
        async with unit.apart("alert step", alert.number):
            if alert.status == AlertStatus.ACKNOWLEDGED:
                _open_again(alert, now)
                await audit.write(unit, "handrail", "acknowledgement lapsed", f"alert {alert.number}", now)
            await paging.take_step(unit, alert, now)
            done += 1
    return done


async def audit_steps(unit: Unit, now: datetime) -> int:
    """Give every open alert that has lost its next step one that is due now; returns how many had."""
    query = select(AlertRow).where(AlertRow.status == AlertStatus.OPEN, AlertRow.next_at.is_(None)).with_for_update()
    lost = (await unit.session.scalars(query)).all()
    for alert in lost:
        alert.next_at = now
    return len(lost)


async def oldest_without_step(unit: Unit) -> datetime | None:
    """Since when an open alert has had no next step; nothing where all have one."""
    query = select(func.min(AlertRow.raised_at)).where(AlertRow.status == AlertStatus.OPEN, AlertRow.next_at.is_(None))
    found: datetime | None = await unit.session.scalar(query)
    return found


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
    lapses = Policy.thaw(alert.policy).lapses
    alert.next_at = now + timedelta(minutes=lapses) if lapses else None
    await audit.write(unit, staff_id, "alert acknowledged", f"alert {number}", now)
    return Changed(Change.DONE, alert, staff_id)


async def escalate(unit: Unit, number: int, staff_id: str, now: datetime) -> Changed:
    """A person on staff can't take an alert, or can't keep it: the next ones are asked now.

    Where there is nobody else its steps go on in their time: whoever said no is not asked again in the same breath.
    """
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
        policy = Policy.thaw(alert.policy)
        alert.next_step = min(1, len(policy.steps))
        alert.next_at = now + policy.moment(alert.next_step) - policy.moment(0)
    await audit.write(unit, staff_id, "alert escalated", f"alert {number}", now)
    if not await paging.somebody_else(unit, alert, staff_id):
        return Changed(Change.ALONE, alert, staff_id)
    await paging.take_step(unit, alert, now, without=staff_id)
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


async def open_alerts(unit: Unit, person_id: str | None = None, kind: AlertKind | None = None) -> list[AlertRow]:
    """Alerts that nobody has closed, oldest first."""
    query = select(AlertRow).where(AlertRow.status != AlertStatus.CLOSED).order_by(AlertRow.number)
    if person_id:
        query = query.where(AlertRow.person_id == person_id)
    if kind:
        query = query.where(AlertRow.kind == kind)
    return list(await unit.session.scalars(query))
