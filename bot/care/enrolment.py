"""Enrolment: staff add a person, and a client is asked before a relative of theirs may join."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from bot.care import joining
from bot.care.case import Case, Voice
from bot.content import Content
from bot.delivery import outbox
from bot.delivery.messages import Choice, Lane, Outbound
from bot.recovery.check_in import Rhythm
from bot.recovery.joining import Step
from bot.recovery.people import KEPT_OUT, Practice, Role
from bot.store import audit, conversations, people
from bot.store.database import Unit, new_id
from bot.store.tables import ConsentRow, PersonRow

_PAYLOAD = "consent"


class EnrolmentError(Exception):
    """Someone cannot be added or invited; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class NewPerson:
    """What staff know of someone before they join."""

    key: str
    role: Role
    name: str
    time_zone: str
    country: str
    language: str = "en"
    rhythm: Rhythm | None = None
    interventionist: str | None = None
    on_call: bool = False
    number: str | None = None
    place: str | None = None


async def add(unit: Unit, new: NewPerson, now: datetime) -> PersonRow:
    """Add a person who joins by an invite.

    Raises:
        EnrolmentError: the key is taken, or nobody on staff has the interventionist's key.
    """
    if await people.by_key(unit, new.key) is not None:
        raise EnrolmentError(f"{new.key} is taken: choose another short name, or `handrail invite {new.key}`")
    interventionist = await people.by_key(unit, new.interventionist) if new.interventionist else None
    if new.interventionist and (interventionist is None or interventionist.role != Role.STAFF):
        raise EnrolmentError(f"nobody on staff is called {new.interventionist}: `handrail staff add` first")
    row = await people.add(
        unit,
        key=new.key,
        role=new.role,
        name=new.name,
        time_zone=new.time_zone,
        country=new.country,
        language=new.language,
        interventionist_id=interventionist.id if interventionist else None,
        rhythm=new.rhythm,
        on_call=new.on_call,
        now=now,
    )
    row.joining = Step.AGREE
    for column, value in (("number_sealed", new.number), ("place_sealed", new.place)):
        if value:
            setattr(row, column, unit.seal(PersonRow, column, row.id, value))
    await audit.write(unit, "operator", f"{new.role} added", row.id, now)
    return row


async def consent_noted(unit: Unit, client: PersonRow, relative: PersonRow, note: str, now: datetime) -> None:
    """Keep that staff have the client's agreement to a relative, and how they got it."""
    row_id = new_id()
    sealed = unit.seal(ConsentRow, "note_sealed", row_id, note)
    unit.session.add(
        ConsentRow(
            id=row_id,
            person_id=client.id,
            scope=joining.FAMILY,
            other_id=relative.id,
            how="staff",
            note_sealed=sealed,
            asked_at=now,
            given_at=now,
        )
    )
    await audit.write(unit, "operator", "consent to a relative noted", client.id, now)


async def ask_client(
    unit: Unit, content: Content, practice: Practice, client: PersonRow, relative: PersonRow, now: datetime
) -> None:
    """Ask a client whether a relative may join.

    Raises:
        EnrolmentError: the client has not joined, or gets no messages.
    """
    conversation = await conversations.of_person(unit, client.id, usable=True)
    if conversation is None or client.joining:
        raise EnrolmentError(
            "this client cannot be asked here: they have not joined, or get no messages. Ask them yourself, then add the "
            "relative with --consented and a note of how they agreed"
        )
    voice = Voice(Case(unit, content, people.person_of(unit, client), conversation, now), practice)
    row = ConsentRow(
        id=new_id(),
        person_id=client.id,
        scope=joining.FAMILY,
        other_id=relative.id,
        wording=content.version(("consent.family_asked",), client.language),
        how="asked",
        asked_at=now,
    )
    unit.session.add(row)
    name = people.person_of(unit, relative).first_name
    text = voice.text("consent.family_asked", relative=name)
    choices = (Choice("1 yes", f"{_PAYLOAD}:{row.id}:yes"), Choice("2 no", f"{_PAYLOAD}:{row.id}:no"))
    await outbox.enqueue(unit, conversation, [Outbound(text, choices)], Lane.NOTICE, now)


async def _keep_out(unit: Unit, refusal: ConsentRow, now: datetime) -> None:
    """A client's no stands above whatever was noted before: no invite is good any more, and who has joined is out."""
    others = select(ConsentRow).where(ConsentRow.other_id == refusal.other_id, ConsentRow.id != refusal.id)
    for consent in await unit.session.scalars(others):
        consent.withdrawn_at = consent.withdrawn_at or now
    await joining.end_invites(unit, str(refusal.other_id), now)
    relative = await unit.session.get_one(PersonRow, refusal.other_id)
    if await joining.agreed(unit, relative.id):
        relative.joining = KEPT_OUT


async def _let_in(unit: Unit, consent: ConsentRow) -> None:
    """Who had joined, was refused and is agreed to after all goes on where they were."""
    relative = await unit.session.get_one(PersonRow, consent.other_id)
    if relative.joining == KEPT_OUT:
        relative.joining = None


def is_answer(payload: str) -> bool:
    """Whether a choice's payload answers a question of consent."""
    return payload.startswith(f"{_PAYLOAD}:")


async def answer(voice: Voice, payload: str) -> None:
    """Keep what a client has said about a relative; a later answer stands for an earlier one."""
    unit, now = voice.case.unit, voice.case.now
    _, row_id, said = payload.split(":")
    query = select(ConsentRow).where(ConsentRow.id == row_id, ConsentRow.person_id == voice.case.person.id)
    row = (await unit.session.scalars(query)).first()
    if row is None or row.other_id is None:
        return
    yes = said == "yes"
    row.given_at, row.refused_at = (now, None) if yes else (None, now)
    row.withdrawn_at = None
    await (_let_in(unit, row) if yes else _keep_out(unit, row, now))
    await audit.write(unit, row.person_id, f"relative {'agreed to' if yes else 'refused'}", row.other_id, now)
    relative = (await people.get(unit, row.other_id)).first_name
    person = voice.case.person
    staff = (await people.get(unit, person.interventionist_id)).first_name if person.interventionist_id else ""
    await voice.say(
        f"consent.family_{'given' if yes else 'refused'}",
        relative=relative,
        staff=staff or voice.practice.name,
    )
