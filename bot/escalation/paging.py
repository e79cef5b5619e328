"""Paging: whom a step of an alert asks, what the page says, and whether it is still wanted when it is sent."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import func, select

from bot.delivery import outbox
from bot.delivery.messages import Choice, Lane, Outbound, OutStatus
from bot.escalation import arranged, rota
from bot.escalation.policy import NEVER_WAIT, AlertKind, AlertStatus, How, Policy, Who
from bot.escalation.rota import Rota
from bot.escalation.ways import called_about, ways
from bot.recovery.joining import has_agreed
from bot.recovery.people import Role
from bot.store import people
from bot.store.database import Unit, new_id
from bot.store.tables import AlertRow, AlertStepRow, OutboundRow, PersonRow

log = structlog.get_logger()

# Whoever is being called about one alert is called about the next when that is over.
AFTER_A_CALL = timedelta(minutes=2)


async def take_step(unit: Unit, alert: AlertRow, now: datetime, *, without: str | None = None) -> int:
    """Page whom the current step names and set the next one; returns how many staff were paged.

    Args:
        without: the id of who has said that they can't take it.
    """
    opens = None if without else await closed_until(unit, AlertKind(alert.kind), now)
    if opens is not None:
        alert.next_at = opens
        return 0
    policy = Policy.thaw(alert.policy)
    step = alert.next_step
    who = policy.who(step)
    paged = await page_all(unit, alert, who, policy.how(step), now, again=step > 0, without=without)
    while not paged and who is not Who.EVERYONE:
        # Nobody whom this step names can be reached: the next one is taken at once.
        step += 1
        who = policy.who(step)
        paged = await page_all(unit, alert, who, policy.how(step), now, again=True, without=without)
    unit.session.add(AlertStepRow(id=new_id(), alert_id=alert.id, step=step, who=who, reached=paged, at=now))
    alert.next_step = step + 1
    # One that was taken before its time keeps nobody waiting longer for the next; after a long standstill that follows soon,
    # but never twice in the same moment.
    usual, following = alert.raised_at + policy.moment(step + 1), now + policy.moment(step + 1) - policy.moment(step)
    alert.next_at = usual if now < usual <= following else following
    return paged


async def closed_until(unit: Unit, kind: AlertKind, now: datetime) -> datetime | None:
    """Until when an alert of a kind waits because nobody is on call and the practice has hours; nothing where it does not."""
    in_force = None if kind in NEVER_WAIT else await _rota(unit)
    return None if in_force is None else rota.closed_until(in_force, now)


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


async def reached(unit: Unit, alert: AlertRow) -> int:
    """How many staff a page of this alert is on its way to, or has come to: not those whom it is known to have missed."""
    query = select(func.count(OutboundRow.person_id.distinct())).where(
        OutboundRow.alert_id == alert.id, OutboundRow.lane == int(Lane.ALERT), OutboundRow.status != OutStatus.FAILED
    )
    return int(await unit.session.scalar(query) or 0)


async def paged_since(unit: Unit, alert: AlertRow, moment: datetime) -> bool:
    query = select(OutboundRow.id).where(
        OutboundRow.alert_id == alert.id, OutboundRow.lane == int(Lane.ALERT), OutboundRow.created_at > moment
    )
    return await unit.session.scalar(query.limit(1)) is not None


async def recipients(
    unit: Unit, alert: AlertRow, who: Who, now: datetime, without: str | None = None
) -> list[PersonRow]:
    """The staff that a step pages. Where it names nobody, everybody: an alert to no one would just end.

    Never the person whom the alert is about: someone on staff who is in danger needs somebody else.

    Args:
        without: the id of who has said that they can't take it; they are asked again only if there is nobody else.
    """
    everyone = await unit.once("staff", partial(_staff, unit))
    staff = [person for person in everyone if person.id != alert.person_id]
    staff = [person for person in staff if person.id != without] or staff
    chosen: list[PersonRow] = staff
    if who is Who.INTERVENTIONIST:
        about = await unit.session.get(PersonRow, alert.person_id) if alert.person_id else None
        own = [p for p in staff if about is not None and p.id == about.interventionist_id]
        chosen = own or await _on_call(unit, staff, now)
    elif who is Who.ON_CALL:
        chosen = await _on_call(unit, staff, now)
    elif who is Who.SUPERVISOR:
        in_force = await _rota(unit)
        chosen = [p for p in staff if in_force and p.id in in_force.supervisors]
    return chosen or staff


async def somebody_else(unit: Unit, alert: AlertRow, staff_id: str) -> bool:
    """Whether anybody but this one could be asked about an alert."""
    return any(person.id not in (staff_id, alert.person_id) for person in await _staff(unit))


async def _staff(unit: Unit) -> list[PersonRow]:
    """Everyone on staff. Who was invited and has not agreed yet, or has declined, gets nothing."""
    query = select(PersonRow).where(PersonRow.role == Role.STAFF).order_by(PersonRow.case_number)
    return [person for person in await unit.session.scalars(query) if has_agreed(person.joining)]


async def _rota(unit: Unit) -> Rota | None:
    """The rota in force; one that cannot be read is none, for no alert may end because of it."""
    try:
        return await unit.once("rota", partial(arranged.rota, unit))
    except ValueError:
        log.error("the rota cannot be read")  # noqa: TRY400
        return None


async def _on_call(unit: Unit, staff: Sequence[PersonRow], now: datetime) -> list[PersonRow]:
    """Who is on call by the rota; where there is none, whoever is marked so."""
    in_force = await _rota(unit)
    if in_force is None:
        return [person for person in staff if person.on_call]
    named = rota.on_call(in_force, now)
    return [person for person in staff if person.id in named]


async def page_all(
    unit: Unit,
    alert: AlertRow,
    who: Who,
    how: Sequence[How],
    now: datetime,
    *,
    again: bool,
    without: str | None = None,
) -> int:
    """Page everybody whom a step names, in each of its ways; returns how many people that were."""
    paged = 0
    page = await _page(unit, alert, again=again)
    pages: list[outbox.Addressed] = []
    for person in await recipients(unit, alert, who, now, without):
        found = await unit.once(("ways", person.id, *how), partial(ways, unit, person.id, how))
        for way in found:
            rings = await called_about(unit, person.id) if way.channel == How.CALL else None
            if rings == alert.id:
                continue
            # By these ways it is told in other words: so much must be known of it there.
            told = {"language": person.language, "title": title(alert), "again": again}
            other = way.channel in (How.CALL, How.EMAIL)
            said = replace(page, alert={**(page.alert or {}), **told}) if other else page
            pages.append(outbox.Addressed(way.contact, said, way.channel, now + AFTER_A_CALL if rings else None))
        paged += bool(found)
    await outbox.enqueue_each(unit, pages, Lane.ALERT, now, alert_id=alert.id)
    return paged


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
