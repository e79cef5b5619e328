"""Intake: every message is screened and kept before anyone is told that we have it."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError, IntegrityError

from bot.care import addresses, hand_over, joining, protocol, safe_phone, sending, staff
from bot.care.case import Case, Voice
from bot.content import Content
from bot.delivery import inbox, outbox
from bot.delivery.messages import Ask, Inbound, InStatus, Lane, Outbound, Shape, plain
from bot.escalation import alerts
from bot.escalation.policy import AlertKind
from bot.recovery.joining import has_agreed
from bot.recovery.opting_out import Wish, wish
from bot.recovery.people import NOT_JOINED, Practice, Role
from bot.safety.findings import Finding, Level, by_urgency
from bot.safety.screen import Screen
from bot.store import conversations, people
from bot.store.database import Store, Unit, new_id
from bot.store.tables import ContactPointRow, ConversationRow, InboundRow, SetAsideRow

log = structlog.get_logger()

# Beyond this many characters the screen works in a thread, so that one long text holds up nobody.
LONG = 4_096
ATTEMPTS = 4
# The same button pressed again within this time was one tap; later, and it is said again.
ONE_TAP = timedelta(minutes=1)
# Said only where the content itself cannot be used, nor anybody's language be asked; all of it in GSM-7.
LAST_WORDS = (
    "I can't answer you properly right now. If anyone may be in danger, call your local emergency number now. "
    "In the US that is 911, or 988 to talk to someone. Si hay peligro, llama ya a emergencias: en EE. UU. 911, o 988 para "
    "hablar con alguien."
)


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a message: its id (nothing for a duplicate) and what the screen found."""

    message_id: str | None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class _Came:
    """A message with what the screen said about it."""

    message: Inbound
    findings: tuple[Finding, ...]
    unscreened: bool
    command: bool


class Intake:
    """Takes messages from channels. When ``accept`` has returned, the message is durable and danger is answered."""

    def __init__(
        self,
        store: Store,
        screen: Screen,
        content: Content,
        now: Callable[[], datetime],
        practice: Practice | None = None,
        passed_on: Collection[str] = (),
        net_2_reads: Callable[[], bool] = lambda: True,
    ) -> None:
        """``net_2_reads`` says whether the engine is there: while it is not, the rules must notice more by themselves."""
        self._store = store
        self._net_2_reads = net_2_reads
        self._screen = screen
        self._content = content
        self._now = now
        self._practice = practice or Practice()
        # The channels on which an address that is given up may be given to somebody else.
        self._passed_on = frozenset(passed_on)

    async def accept(self, message: Inbound) -> Accepted:
        """Screen, then in one transaction: keep the message, raise the alert, queue the safety reply."""
        for attempt in range(ATTEMPTS):
            try:
                kept = await self._accept(message)
            except DBAPIError as error:
                # Two first messages of one stranger, or two writers in each other's way: doing it again will help.
                clash = isinstance(error, IntegrityError) or self._store.taken_back(error)
                if not clash or attempt + 1 == ATTEMPTS:
                    raise
                continue
            if kept is not None:
                return kept
        # Something wrote to this conversation each time: better without the newest neighbours than not at all.
        return await self._accept(message, wait=False) or Accepted(None)

    async def set_aside(self, channel: str, raw: str, reason: str, text: str = "") -> None:
        """Keep what a provider delivered and nobody can read, and tell staff, so that the reader may go on.

        Args:
            text: what somebody wrote in it, as far as that can be told: staff hear of danger in it.
        """
        now = self._now()
        found = " The danger rules find danger in it: " + plain(text) if text and self.alarming(text) else ""
        async with self._store.write() as unit:
            row_id = new_id()
            sealed = unit.seal(SetAsideRow, "raw_sealed", row_id, raw)
            unit.session.add(SetAsideRow(id=row_id, channel=channel, reason=reason[:64], raw_sealed=sealed, at=now))
            story = f"{now:%d %b %H:%M} UTC. Something came in on {channel} that cannot be read ({reason}). It is kept.{found}"
            await alerts.raise_alert(unit, alerts.Raising(AlertKind.TECHNICAL, story=story), now)

    def alarming(self, text: str) -> bool:
        """Whether the rules find danger in a text: all that can be asked while the database is away."""
        return bool(self._screen.read(text, alone=True))

    async def _accept(self, message: Inbound, *, wait: bool = True) -> Accepted | None:
        """One attempt; nothing when another message of the same person came in meanwhile and must be read with this."""
        now = self._now()
        role, command = Role.STRANGER, False
        earlier: tuple[str, ...] = ()
        async with self._store.read() as unit:
            known = await people.by_address(unit, message.channel, message.address)
            if known is not None:
                contact, _, row = known
                role = Role(row.role)
                message = await _with_choice(unit, message, contact)
                earlier = await inbox.recent_texts(unit, row.id, inbox.written(message, now))
                # What staff write to an alert tells of a danger that is known already.
                ours = role is Role.STAFF and contact.doubted_at is None
                # And what they write to someone whose chat they have taken over is said to that person.
                command = ours and (
                    await staff.is_command(unit, message.text, row.id)
                    or (_asked(message, opted_out=False) is None and await hand_over.of_staff(unit, row.id) is not None)
                )
            else:
                # Nobody here was ever sent a button.
                message = replace(message, tapped=None)
        findings: tuple[Finding, ...] = ()
        unscreened = False
        if not command:
            try:
                findings = await self._read(message.text, role, earlier)
            except Exception:
                # Whatever breaks the screen must not lose the message: a human reads what the rules could not.
                log.exception("the danger screen failed")
                unscreened = True
        came = _Came(message, findings, unscreened, command)
        try:
            return await self._keep(came, now, earlier if wait else None, answer=True)
        except DBAPIError:
            raise
        except Exception:
            if not findings:
                raise
            log.exception("the safety protocol failed")
            return await self._keep(came, now, None, answer=False)

    async def _keep(
        self, came: _Came, now: datetime, earlier: tuple[str, ...] | None, *, answer: bool
    ) -> Accepted | None:
        async with self._store.write() as unit:
            message = came.message
            known, joined = await self._seat(unit, message, now)
            # Locked first: two messages of one person are kept one after the other, and each is read with the other.
            conversation = await conversations.get(unit, known.id)
            alone = earlier is None or joined
            at = inbox.written(message, now)
            if not alone and await inbox.recent_texts(unit, conversation.person_id, at) != earlier:
                return None
            if await _tapped_before(unit, message, now):
                return Accepted(None)
            kept = await inbox.store(unit, message, conversation.id, now)
            if kept is None:
                return Accepted(None)
            contact = conversation.contact
            person = await people.get(unit, conversation.person_id)
            case = Case(unit, self._content, person, conversation, now)
            if came.unscreened:
                await _unread(unit, came, person.id, kept.id, now)
            if not answer:
                return await self._bare(case, contact, came, kept.id, joined=joined)
            done = await self._heard(case, contact, came, joined=joined)
            if came.findings:
                await protocol.respond(case, came.findings, message.text, kept.id)
                # No turn follows: whoever has taken over the chat reads it from here.
                await hand_over.hear(case, message.text)
                # The safety reply is the answer; the engine's net still reads the message when it can.
                done = True
            if done:
                kept.status, kept.done_at = InStatus.DONE, now
            return Accepted(kept.id, came.findings)

    async def _bare(
        self, case: Case, contact: ContactPointRow, came: _Came, message_id: str, *, joined: bool
    ) -> Accepted:
        """Something broke on the way of a danger: first the alert, then the rest as far as it works."""
        await self._bare_alert(case, came)
        await case.unit.session.flush()
        async with case.unit.apart("what a message asks", message_id):
            await self._heard(case, contact, came, joined=joined)
        return Accepted(message_id, came.findings)

    async def _seat(self, unit: Unit, message: Inbound, now: datetime) -> tuple[ConversationRow, bool]:
        """The conversation that a message belongs to, and whether an invite has just been redeemed.

        Whoever is not known and has no invite gets a conversation as a stranger, so that danger is heard from anyone.
        """
        joined = await joining.redeem(unit, message.text, message.channel, message.address, now)
        if joined is not None:
            return joined, True
        known = await people.by_address(unit, message.channel, message.address)
        if known is not None:
            contact, conversation, person = known
            if message.channel not in self._passed_on or not addresses.in_doubt(contact, conversation, person, now):
                return conversation, False
            stranger = await addresses.pass_on(unit, contact, person, message, now)
            joined = await joining.redeem(unit, message.text, message.channel, message.address, now)
            return joined or stranger, joined is not None
        return await people.add_stranger(unit, message.channel, message.address, message.language, now), False

    async def _heard(self, case: Case, contact: ContactPointRow, came: _Came, *, joined: bool) -> bool:
        """Do what a message asks of the sending itself, and what its shape asks; returns whether it is done with."""
        message, voice = came.message, Voice(case, self._practice)
        if message.shape is Shape.GONE:
            await sending.gone(voice, contact)
            return True
        contact.suspended_at = contact.suspended_until = None
        case.conversation.last_heard = case.now
        if joined:
            await joining.begin(voice)
            return True
        served = case.person.role in (Role.CLIENT, Role.FAMILY)
        mended = message.shape is Shape.EDIT and not came.findings
        if served and not mended and await safe_phone.hear(voice, message.text):
            return True
        asked = None if came.command else _asked(message, opted_out=contact.opted_out_at is not None)
        if asked is None and case.person.role is Role.STAFF and message.text.strip(" .!?/").casefold() in _HELP_WORDS:
            # Of staff a bare "help" asks who this is on every channel: nobody would answer it otherwise.
            asked = Ask.HELP
        if asked is not None and await self._asked(voice, contact, message, asked):
            return True
        odd = message.shape in (Shape.EDIT, Shape.MEDIA) and not came.findings and message.text.strip()
        if odd and await protocol.not_safe_after_all(case, message.text):
            # "No" as a caption, or a 1 that was mended to a 2, is an answer like any other.
            return True
        if message.shape is Shape.EDIT:
            # Screened and read like any message; an answer to a mended typing error would only confuse.
            return True
        if message.shape is Shape.MEDIA and not came.findings and served:
            await protocol.ask_about_media(case, message.media, message.text, speak=contact.opted_out_at is None)
            return True
        return not message.text.strip() and message.shape is Shape.TAP

    async def _asked(self, voice: Voice, contact: ContactPointRow, message: Inbound, asked: Ask) -> bool:
        """Answer what is asked of the sending; returns whether that was all."""
        case = voice.case
        opted_out = contact.opted_out_at is not None
        if case.person.role is Role.STRANGER and asked in (Ask.START, Ask.DETAILS) and not opted_out:
            return False
        if asked is Ask.STOP:
            await sending.stop(voice, contact, confirm=not message.answered)
        elif asked is Ask.START and opted_out:
            await sending.start(voice, contact, confirm=not message.answered)
            # A yes to our question how they are is that as well.
            return await protocol.open_question(case.unit, case.person.id) is None
        elif asked is Ask.START:
            # Who was asked and had declined may think again; everybody else is only saying hello.
            return await joining.reopen(voice)
        elif asked is Ask.DETAILS:
            if case.conversation.person.joining in NOT_JOINED:
                return False
            if not await joining.resume(voice):
                await voice.say("service.details_done")
        else:
            if not message.answered:
                await voice.say(_answer_to(asked, case, opted_out=opted_out))
            # Who is being asked whether they are safe has not answered that with it.
            return await protocol.open_question(case.unit, case.person.id) is None
        return True

    async def _bare_alert(self, case: Case, came: _Came) -> None:
        """The protocol cannot speak: staff are paged all the same, and the person gets the lines to call."""
        first = by_urgency(came.findings)[0]
        what = alerts.Raising(
            AlertKind.DANGER, case.person.id, danger=first.kind, level=Level.DEFINITE, story=plain(came.message.text)
        )
        alert, _ = await alerts.raise_alert(case.unit, what, case.now)
        await outbox.enqueue(
            case.unit, case.conversation, [Outbound(LAST_WORDS)], Lane.CRISIS, case.now, alert_id=alert.id
        )

    async def _read(self, text: str, role: Role, earlier: tuple[str, ...]) -> tuple[Finding, ...]:
        read = partial(self._screen.read, text, role=role.heard_as, earlier=earlier, alone=not self._net_2_reads())
        return await asyncio.to_thread(read) if len(text) > LONG else read()


async def _with_choice(unit: Unit, message: Inbound, contact: ContactPointRow) -> Inbound:
    """A tap with the words of its choice; without words where the button was never ours, or not this person's."""
    if message.tapped is None:
        return message
    outbound_id, at = message.tapped
    sent = await outbox.by_id(unit, outbound_id, contact.id)
    if sent is None or not 0 <= at < len(sent.choices):
        return replace(message, text="", tapped=None)
    return replace(message, text=sent.choices[at].title)


async def _tapped_before(unit: Unit, message: Inbound, now: datetime) -> bool:
    """Whether the same button was pressed just before: a finger that taps twice means one thing.

    Not where another button below the same message was pressed in between: then they have changed their mind.
    """
    if message.tapped is None:
        return False
    query = select(InboundRow).where(InboundRow.answers_id == message.tapped[0]).order_by(InboundRow.sequence.desc())
    last = (await unit.session.scalars(query.limit(1))).first()
    soon = last is not None and now - last.received_at < ONE_TAP
    return soon and last is not None and unit.open_or(last, "text_sealed", "") == message.text


_HELP_WORDS = frozenset(("help", "info", "ayuda"))
_ASKS = {Wish.STOP: Ask.STOP, Wish.START: Ask.START, Wish.HELP: Ask.HELP, Wish.CRISIS: Ask.CRISIS}


def _asked(message: Inbound, *, opted_out: bool) -> Ask | None:
    """What is asked of the sending: by a command, a keyword, or in a sentence that cannot be mistaken."""
    if message.ask is not None:
        return message.ask
    found = wish(message.text, keywords=message.keywords)
    if found is Wish.YES:
        return Ask.START if opted_out else None
    if found is None and message.text.strip().casefold() in ("details", "datos"):
        return Ask.DETAILS
    if found is None and message.text.strip(" .!") == "STOP":
        # As we wrote it to them. In small letters it may end a step, or a habit.
        return Ask.STOP
    if found is None and message.text.strip(" .!").casefold() == "start":
        return Ask.START
    return _ASKS.get(found) if found else None


def _answer_to(asked: Ask, case: Case, *, opted_out: bool) -> str:
    """The words for who this is and for the lines to call: nobody is offered a person whom we could not bring."""
    role = case.person.role
    if asked is Ask.HELP:
        return "service.help_staff" if role is Role.STAFF else "service.help"
    served = role in (Role.CLIENT, Role.FAMILY) and has_agreed(case.conversation.person.joining) and not opted_out
    return "service.crisis" if served else "service.crisis_lines"


async def _unread(unit: Unit, came: _Came, person_id: str, message_id: str, now: datetime) -> None:
    story = f"The danger rules could not read message {message_id}; please read it: {plain(came.message.text)}"
    await alerts.raise_alert(unit, alerts.Raising(AlertKind.TECHNICAL, person_id, story=story), now)
