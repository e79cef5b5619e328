"""Joining: an invite is redeemed, what this is gets said, agreement is recorded, a few questions are asked.

Needs no engine: consent has to be plain, and what is kept of it exact. Whoever writes something else in the middle is
answered by the bot, and may go on later.
"""

import re
import secrets
from datetime import datetime, timedelta

from sqlalchemy import select, update

from bot.care.case import Case, Voice
from bot.delivery import outbox
from bot.delivery.messages import Choice, Lane, Outbound
from bot.escalation import alerts
from bot.escalation.policy import AlertKind
from bot.recovery import joining
from bot.recovery.check_in import Rhythm, spoken_times
from bot.recovery.joining import Step
from bot.recovery.people import DECLINED, KEPT_OUT, MINOR, Person, Role
from bot.store import audit, people
from bot.store.database import Unit, new_id
from bot.store.tables import AlertRow, ConsentRow, ContactPointRow, ConversationRow, InviteRow, OutboundRow, PersonRow

VALID_FOR = timedelta(days=7)
JOINING = "joining"
FAMILY = "family"
# Letters and digits that cannot be mistaken for one another, as people read codes aloud, and of which no word can be made,
# nor what people write for one: a code is read for danger like any text.
_LETTERS = "26789CFHJNPQRTVWXYZ"
_CODE = re.compile(r"(?<![A-Za-z0-9])([A-Za-z0-9]{5})-?([A-Za-z0-9]{5})(?![A-Za-z0-9])")
_ONLY_A_CODE = re.compile(r"(?=[^-]*-?[^-]*\d)[A-Za-z0-9]{5}-[A-Za-z0-9]{5}")
_MISREAD = str.maketrans("OIL", "011")
_AGAIN = {Step.AGREE: "joining.agree_again", Step.ADULT: "joining.adult_again"}


class NotConsented(Exception):
    """A relative of a client may not join yet: the client has not agreed."""


async def invite(unit: Unit, person: PersonRow, now: datetime) -> str:
    """A new code for a person, valid once and for seven days; older ones end.

    Raises:
        NotConsented: a client has been asked about this relative and has not said yes.
    """
    if not await _consented(unit, person.id):
        raise NotConsented("the client has not agreed to this relative")
    await end_invites(unit, person.id, now)
    code = _new_code()
    unit.session.add(
        InviteRow(
            id=new_id(),
            person_id=person.id,
            code_hash=unit.vault.digest(code),
            created_at=now,
            expires_at=now + VALID_FOR,
        )
    )
    await audit.write(unit, "operator", "invited", person.id, now)
    return f"{code[:5]}-{code[5:]}"


def _new_code() -> str:
    """Ten letters and digits, at least one digit among them: that is how a code is told from a word."""
    while True:
        code = "".join(secrets.choice(_LETTERS) for _ in range(10))
        if any(letter.isdigit() for letter in code):
            return code


async def end_invites(unit: Unit, person_id: str, now: datetime) -> None:
    """No invite of a person is good any more."""
    old = select(InviteRow).where(InviteRow.person_id == person_id, InviteRow.used_at.is_(None))
    for row in await unit.session.scalars(old):
        row.expires_at = min(row.expires_at, now)


async def _consented(unit: Unit, person_id: str) -> bool:
    """Whether nobody had to be asked about someone, or whoever was has said yes, and last of all."""
    query = select(ConsentRow).where(ConsentRow.other_id == person_id, ConsentRow.scope == FAMILY)
    consents = (await unit.session.scalars(query)).all()
    return not consents or any(row.given_at and not row.withdrawn_at for row in consents)


async def _are_one(unit: Unit, stranger_id: str, person_id: str) -> None:
    """The stranger who wrote before was this person: what is open about the one is open about the other."""
    if stranger_id == person_id:
        return
    for table in (AlertRow, OutboundRow):
        await unit.session.execute(update(table).where(table.person_id == stranger_id).values(person_id=person_id))


def looks_like_code(text: str) -> bool:
    """Whether a text is nothing but what could be a code."""
    found = _CODE.search(text)
    return bool(found and len(text.split()) <= 2 and any(c.isdigit() for c in found.group()))


def is_code(text: str) -> bool:
    """Whether a text is a code as we write them, and nothing else: to the model it is like nothing it has learned."""
    return bool(_ONLY_A_CODE.fullmatch(text.strip()))


async def redeem(unit: Unit, text: str, channel: str, address: str, now: datetime) -> ConversationRow | None:
    """Give an address to the person whose code is in a text; nothing where there is none that is good.

    An address that belongs to somebody else already stays theirs.
    """
    invites = [row for found in _CODE.finditer(text[:200]) if (row := await _invite(unit, found, now))]
    if not invites:
        return None
    (used, *_) = invites
    if not await _consented(unit, used.person_id):
        return None
    known = await people.by_address(unit, channel, address)
    if known is not None:
        contact, conversation, owner = known
        if owner.id != used.person_id and owner.role != Role.STRANGER:
            return None
        await _are_one(unit, owner.id, used.person_id)
        contact.person_id = conversation.person_id = used.person_id
        await unit.session.flush()
        await unit.session.refresh(conversation, ["person"])
    else:
        contact = await people.add_contact(unit, used.person_id, channel, address)
        conversation = await _conversation(unit, contact)
    used.used_at = contact.verified_at = now
    contact.opted_out_at = contact.suspended_at = contact.suspended_until = contact.doubted_at = None
    await audit.write(unit, used.person_id, f"invite redeemed on {channel}", used.person_id, now)
    return conversation


async def _invite(unit: Unit, found: re.Match[str], now: datetime) -> InviteRow | None:
    code = (found[1] + found[2]).upper().translate(_MISREAD)
    query = select(InviteRow).where(
        InviteRow.code_hash.in_(unit.vault.digests(code)), InviteRow.used_at.is_(None), InviteRow.expires_at > now
    )
    row: InviteRow | None = (await unit.session.scalars(query.with_for_update())).first()
    return row


async def _conversation(unit: Unit, contact: ContactPointRow) -> ConversationRow:
    query = select(ConversationRow).where(ConversationRow.contact_point_id == contact.id)
    return (await unit.session.scalars(query)).one()


async def begin(voice: Voice) -> None:
    """Say what this is, who reads it and what to do in an emergency, and ask for agreement.

    Who has agreed before, on another phone, is only greeted.
    """
    case = voice.case
    row = await case.unit.session.get_one(PersonRow, case.person.id)
    if row.joining == MINOR:
        # Another code makes nobody older: staff decide.
        await voice.say("joining.minor")
        return
    if await agreed(case.unit, row.id):
        if row.joining == Step.ADULT:
            await _ask(voice, row, Step.ADULT)
        else:
            row.joining = None
            await voice.say("service.welcome_back")
        return
    for piece in (f"joining.hello.{row.role}", f"joining.private.{row.role}", "joining.hours"):
        await voice.say(piece)
    await _ask(voice, row, Step.AGREE)


async def reopen(voice: Voice) -> bool:
    """Begin again with someone who had declined, or put the question that waits once more; returns whether it was that."""
    row = await voice.case.unit.session.get_one(PersonRow, voice.case.person.id)
    if row.joining in (None, MINOR, KEPT_OUT):
        return False
    if row.joining == DECLINED:
        await begin(voice)
    else:
        await _ask(voice, row, Step(row.joining))
    return True


async def agreed(unit: Unit, person_id: str) -> bool:
    """Whether a person has agreed to use this program, and has not taken it back."""
    query = select(ConsentRow.id).where(
        ConsentRow.person_id == person_id,
        ConsentRow.scope == JOINING,
        ConsentRow.given_at.is_not(None),
        ConsentRow.withdrawn_at.is_(None),
    )
    return await unit.session.scalar(query.limit(1)) is not None


async def _ask(voice: Voice, row: PersonRow, step: Step, *, again: bool = False) -> None:
    row.joining = step
    piece = f"joining.{step}"
    if again and step in _AGAIN:
        piece = _AGAIN[step]
    case = voice.case
    last = await outbox.last_sent(case.unit, case.conversation.contact_point_id, 1)
    # Never the same words twice in a row, where there are others.
    texts = [voice.text(piece, at) for at in range(len(case.content.piece(piece, case.person.language).texts))]
    text = texts[(texts.index(last[0].text) + 1) % len(texts)] if last and last[0].text in texts else texts[0]
    if again and step not in _AGAIN:
        own = voice.case.content.piece(piece, voice.case.person.language)
        text = voice.case.content.fill(own.more[0], voice.case.person.country, voice.case.person.language)
    choices = (Choice("1 yes", "1"), Choice("2 no", "2")) if step.yes_or_no else ()
    await outbox.enqueue(case.unit, case.conversation, [Outbound(text, choices)], Lane.REPLY, case.now)


async def resume(voice: Voice) -> bool:
    """Go on with the questions that were left; returns whether there are any.

    Who has not agreed yet, or not said that they are an adult, is asked that first.
    """
    row = await voice.case.unit.session.get_one(PersonRow, voice.case.person.id)
    if not joining.has_agreed(row.joining):
        await _ask(voice, row, Step(str(row.joining)))
        return True
    step = await _first_open(row)
    if step is None:
        return False
    await _ask(voice, row, step)
    return True


async def _first_open(row: PersonRow) -> Step | None:
    told = {
        Step.NUMBER: row.number_sealed,
        Step.PLACE: row.place_sealed,
        Step.EMERGENCY_CONTACT: row.emergency_contact_sealed,
        Step.WELFARE_CHECK: row.welfare_check,
    }
    steps = joining.STEPS.get(Role(row.role), ())
    return next((step for step, value in told.items() if step in steps and value is None), None)


async def answer(voice: Voice, text: str, *, tapped: bool = False) -> bool:
    """Read a message as the answer to the question that waits; returns whether it was one.

    What is no answer to a question that may be left out belongs to the bot: nobody who writes of a craving is asked
    for their country again. And nobody agrees to what has not come yet, or says how old they are with the answer to
    something else that was asked meanwhile.

    Args:
        tapped: it is a button below the question itself.
    """
    case = voice.case
    row = await case.unit.session.get_one(PersonRow, case.person.id)
    step = Step(str(row.joining))
    if not tapped and not await _was_read(voice, step):
        return await _not_yet(voice, row, step)
    if step is Step.AGREE:
        if joining.asks_who_reads(text):
            await voice.say("joining.agree_who")
        await _agreement(voice, row, joining.says_yes(text))
        return True
    if step is Step.ADULT:
        await _age(voice, row, joining.is_adult(text))
        return True
    if step is not Step.WELFARE_CHECK and joining.skips(text):
        await _next(voice, row, step)
        return True
    if step is Step.WELFARE_CHECK:
        said = joining.says_yes(text)
        if said is not None:
            row.welfare_check = said
        elif not joining.skips(text):
            return await _no_answer(voice, row, step, text)
        await _next(voice, row, step)
        return True
    read = joining.READ[step](text, joining.Known(row.country))
    if read is None:
        return await _no_answer(voice, row, step, text)
    _keep(case.unit, row, step, read, case.now)
    await case.unit.session.flush()
    await _next(voice, row, step)
    return True


def _wordings(voice: Voice, step: Step) -> frozenset[str]:
    """All words in which a question may have been put."""
    case = voice.case
    said = set()
    for name in {f"joining.{step}", _AGAIN.get(step, f"joining.{step}")}:
        piece = case.content.piece(name, case.person.language)
        said |= {voice.text(name, at) for at in range(len(piece.texts))}
        said |= {case.content.fill(more, case.person.country, case.person.language) for more in piece.more}
    return frozenset(said)


async def _was_read(voice: Voice, step: Step) -> bool:
    """Whether the question is the last that went out: only then what they write can be its answer."""
    last = await outbox.last_sent(voice.case.unit, voice.case.conversation.contact_point_id, 1)
    return bool(last) and last[0].text in _wordings(voice, step)


async def _not_yet(voice: Voice, row: PersonRow, step: Step) -> bool:
    """Something else stands between the question and the answer: what must be answered is put again, the rest waits."""
    if not step.needed:
        row.joining = None
        return False
    queued = await outbox.still_queued(voice.case.unit, voice.case.conversation.contact_point_id)
    if not any(message.text in _wordings(voice, step) for message in queued):
        await _ask(voice, row, step)
    return True


async def _no_answer(voice: Voice, row: PersonRow, step: Step, text: str) -> bool:
    """Ask once more after something short; longer words are for the bot, and the questions wait."""
    last = await outbox.last_sent(voice.case.unit, voice.case.conversation.contact_point_id, 1)
    asked_twice = bool(last) and last[0].text != voice.text(f"joining.{step}")
    if len(text.split()) > 3 or "?" in text or asked_twice:
        row.joining = None
        await voice.say("joining.left", at=row.case_number)
        return False
    await _ask(voice, row, step, again=True)
    return True


def _keep(unit: Unit, row: PersonRow, step: Step, value: str, now: datetime) -> None:
    if step is Step.COUNTRY:
        row.country = value
    elif step is Step.TIME_ZONE:
        row.time_zone = value
    elif step is Step.CHECK_IN_AT:
        row.rhythm = value
    else:
        column = f"{step}_sealed"
        setattr(row, column, unit.seal(PersonRow, column, row.id, value))
    if row.role == Role.CLIENT and row.rhythm and step in (Step.TIME_ZONE, Step.CHECK_IN_AT):
        client = people.person_of(unit, row)
        row.next_check_in = (client.rhythm or Rhythm()).next_due(now, client.zone)


async def _next(voice: Voice, row: PersonRow, after: Step) -> None:
    """Put the question that follows; one whose answer follows from an earlier one is not put."""
    step = joining.next_step(Role(row.role), after)
    if step is Step.TIME_ZONE and (only := joining.only_zone(row.country)):
        _keep(voice.case.unit, row, step, only, voice.case.now)
        step = joining.next_step(Role(row.role), step)
    # What was changed counts for the words of the next question: the country's lines, above all.
    voice = Voice(_with(voice.case, people.person_of(voice.case.unit, row)), voice.practice)
    if step is not None:
        if after is Step.ADULT or (after is Step.AGREE and row.role == Role.STAFF):
            await voice.say("joining.skippable")
        await _ask(voice, row, step)
        return
    row.joining = None
    rhythm = people.rhythm_of(row) or Rhythm()
    await voice.say(f"joining.done.{row.role}", time=spoken_times(rhythm.times, voice.case.person.language))


def _with(case: Case, person: Person) -> Case:
    return Case(case.unit, case.content, person, case.conversation, case.now)


async def _agreement(voice: Voice, row: PersonRow, yes: bool | None) -> None:
    if yes is None:
        await _ask(voice, row, Step.AGREE, again=True)
        return
    await _record(voice, row, yes)
    if yes:
        await _next(voice, row, Step.AGREE)
    else:
        row.joining = DECLINED
        await voice.say("joining.declined")


async def _record(voice: Voice, row: PersonRow, yes: bool) -> None:
    """Keep what was agreed to: the time, and a hash of exactly the words that were said."""
    case = voice.case
    said = (f"joining.hello.{row.role}", f"joining.private.{row.role}", "joining.hours", "joining.agree")
    wording = case.content.version(said, case.person.language)
    contact = case.conversation.contact
    case.unit.session.add(
        ConsentRow(
            id=new_id(),
            person_id=row.id,
            scope=JOINING,
            wording=wording,
            how=contact.channel,
            asked_at=case.now,
            given_at=case.now if yes else None,
            refused_at=None if yes else case.now,
        )
    )
    await audit.write(case.unit, row.id, "joined" if yes else "joining declined", row.id, case.now)


async def _age(voice: Voice, row: PersonRow, adult: bool | None) -> None:
    if adult is None:
        await _ask(voice, row, Step.ADULT, again=True)
    elif adult:
        if row.role == Role.CLIENT:
            # Check-ins begin from here, whatever of the questions that follow is answered.
            _keep(voice.case.unit, row, Step.CHECK_IN_AT, row.rhythm or str(Rhythm()), voice.case.now)
        await _next(voice, row, Step.ADULT)
    else:
        case = voice.case
        row.joining, row.rhythm, row.next_check_in = MINOR, None, None
        # First the alert: what is said to them next is true then.
        story = f"{case.now:%d %b %H:%M} UTC. They say that they are under 18, so joining has ended. Please look."
        await alerts.raise_alert(case.unit, alerts.Raising(AlertKind.HUMAN, row.id, story=story), case.now)
        await voice.say("joining.minor")
