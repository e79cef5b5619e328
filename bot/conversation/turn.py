"""The turn: claim, ask, commit. No transaction is open while anyone waits."""

from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from enum import StrEnum

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.exc import InterfaceError, OperationalError

from bot.care import addresses, danger, enrolment, hand_over, human, joining, protocol, staff
from bot.care.case import Case, Voice
from bot.care.check_in import FORM as CHECK_IN_FORM
from bot.care.human import FoundDanger
from bot.care.turn import OpenTurns, Turn
from bot.content import Content
from bot.conversation.claim import Claim, Claims, Hold
from bot.conversation.engine import Answer, EngineAway, EngineClient, EngineFailed, readable, says_something
from bot.conversation.language import language_of
from bot.delivery import outbox
from bot.delivery.messages import InStatus, Lane, Outbound, plain
from bot.escalation import alerts
from bot.escalation.policy import AlertKind
from bot.recovery.people import DECLINED, KEPT_OUT, MINOR, Practice, Role
from bot.recovery.scales import asks_for_person
from bot.safety.findings import told_by
from bot.store import conversations
from bot.store.conversations import Owner, State
from bot.store.database import Store, Unit
from bot.store.tables import InboundRow, QuestionRow

log = structlog.get_logger()

RETRY = timedelta(seconds=1)
SET_ASIDE_AFTER = 3
COMMIT_ATTEMPTS = 3
# One holding reply covers what else is written in this time.
TOLD_FOR = timedelta(minutes=10)
# Who gets public help gets it once in this time.
TOLD_AGAIN_AFTER = timedelta(hours=24)
# Whoever is in danger and nobody's client is told more often what has become of it.
TOLD_IN_DANGER_AFTER = timedelta(minutes=10)
# Whoever mistypes a code must be told, and whoever tries many need not be.
TOLD_OF_A_CODE_AFTER = timedelta(seconds=30)
# A question put so much later is no second wording of the first, but a check-back.
ASKED_ANEW = timedelta(minutes=30)


class Done(StrEnum):
    """What one round of the worker came to."""

    NOTHING = "nothing"
    ANSWERED = "answered"
    WAITING = "waiting"
    LOST = "lost"


# What a commit writes for a held message; returns whether the message is done with.
Write = Callable[[Unit, Case], Awaitable[bool]]


class TurnWorker:
    """Answers what stands in the inbox, one message a round; a person's messages in order, one at a time."""

    def __init__(
        self,
        store: Store,
        engine: EngineClient,
        turns: OpenTurns,
        content: Content,
        now: Callable[[], datetime],
        practice: Practice,
        numbering: Collection[str] = (),
    ) -> None:
        self._store = store
        self._engine = engine
        self._turns = turns
        self._content = content
        self._now = now
        self._practice = practice
        self._claims = Claims(store, content, now, practice, numbering)

    async def run_once(self) -> Done:
        """Claim the next message, have its owner answer it, commit.

        Whatever breaks on the way counts as a failed attempt of this message, so that no message can stand for ever
        before the others. Only the database's own trouble is left to the caller: it is nobody's message.
        """
        taken = await self._claims.take()
        if taken is None:
            return Done.NOTHING
        hold, claim = taken
        if isinstance(claim, str):
            return await self._failed(hold, claim)
        try:
            return await self._work(claim)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:
            log.exception("a turn broke", message=hold.message_id)
            return await self._failed(hold, f"answering it broke with {type(error).__name__}")

    async def _work(self, claim: Claim) -> Done:
        if claim.settled:
            return await self._commit(claim.hold, _dealt_with(claim))
        if claim.owner is Owner.HUMAN:
            return await self._commit(claim.hold, _passed_on(claim))
        if claim.owner is Owner.NOBODY:
            return await self._commit(claim.hold, self._public_help(claim.turn))
        asked = claim.owner is Owner.PROTOCOL
        answers = claim.owner is Owner.JOINING or (asked and staff.command(claim.heard) is None)
        if claim.turn.person.role is Role.STAFF and not answers:
            return await self._commit(claim.hold, self._staff(claim))
        if asked:
            return await self._commit(claim.hold, _protocol(claim))
        if claim.owner is Owner.JOINING:
            return await self._commit(claim.hold, self._joining(claim))
        return await self._bot(claim)

    def _staff(self, claim: Claim) -> Write:
        async def write(_unit: Unit, case: Case) -> bool:
            await staff.hear(Voice(case, self._practice), claim.heard, claim.hold.written_at)
            return True

        return write

    def _joining(self, claim: Claim) -> Write:
        async def write(_unit: Unit, case: Case) -> bool:
            # A question of joining takes no word of ours for an answer, as the choices of other messages have them.
            tapped = claim.tapped is not None
            text = claim.heard if tapped else claim.turn.text
            return await joining.answer(Voice(case, self._practice), text, tapped=tapped)

        return write

    def _consent(self, payload: str) -> Write:
        async def write(_unit: Unit, case: Case) -> bool:
            await enrolment.answer(Voice(case, self._practice), payload)
            return True

        return write

    def _public_help(self, turn: Turn) -> Write:
        """Who is not known, or wants no messages, is told so once a day; danger was heard before this."""

        async def write(unit: Unit, case: Case) -> bool:
            contact = case.conversation.contact
            voice, contact_id = Voice(case, self._practice), contact.id
            if case.person.role is not Role.STRANGER and asks_for_person(turn.text):
                await human.asked_from_outside(voice, turn.text)
                return True
            if await danger.is_open_for(unit, case.person.id):
                if not await outbox.written_since(unit, contact_id, case.now - TOLD_IN_DANGER_AFTER):
                    await voice.say("service.danger_open")
                return True
            # The word that confirmed an opt-out is none of the help.
            stopped = contact.opted_out_at + timedelta(microseconds=1) if contact.opted_out_at else None
            since = max(filter(None, (case.now - TOLD_AGAIN_AFTER, stopped)))
            first = not await outbox.written_since(unit, contact_id, since)
            if first:
                await voice.say(_outside(case))
            if case.person.role is Role.STRANGER and joining.looks_like_code(turn.text):
                if not first and await outbox.written_since(unit, contact_id, case.now - TOLD_OF_A_CODE_AFTER):
                    return True
                await voice.say("joining.code_unknown", case.now.minute)
            return True

        return write

    async def _bot(self, claim: Claim) -> Done:
        turn = claim.turn
        if claim.heard != turn.text and enrolment.is_answer(claim.heard):
            # A later answer stands for an earlier one.
            return await self._commit(claim.hold, self._consent(claim.heard))
        if claim.tapped and await self._answered_before(claim):
            return await self._commit(claim.hold, self._say("service.answered_already"))
        heard = claim.heard if claim.heard != turn.text else readable(turn.text)
        if not says_something(heard):
            return await self._commit(claim.hold, self._say("talk.no_words"))
        try:
            with self._turns.open(turn):
                role, language = turn.person.role.heard_as, language_of(heard, turn.person.language)
                answer = await self._engine.ask(turn.id, heard, role, claim.state, language)
        except EngineAway:
            return await self._wait(claim.hold)
        except EngineFailed as error:
            return await self._failed(claim.hold, str(error), turn)
        heard_as = answer.understanding
        log.info("turn", message=turn.message_id, intent=heard_as.intent, confidence=round(heard_as.confidence, 3))
        if turn.failed_action and not heard_as.findings:
            return await self._failed(claim.hold, f"{turn.failed_action} raised an error", turn)
        return await self._commit(claim.hold, self._answer(claim, answer), read=True)

    async def _answered_before(self, claim: Claim) -> bool:
        """Whether the question of a tapped button was answered by another of its buttons already."""
        async with self._store.read() as unit:
            own = select(InboundRow.sequence).where(InboundRow.id == claim.hold.message_id).scalar_subquery()
            query = select(InboundRow.id).where(InboundRow.answers_id == claim.tapped, InboundRow.sequence < own)
            return await unit.session.scalar(query.limit(1)) is not None

    def _answer(self, claim: Claim, answer: Answer) -> Write:
        """The bot's answer: state, effects, replies; danger that net 2 or a form has found replaces the replies.

        While the engine was asked, something more urgent may have taken the conversation (a danger in the next
        message), or written its state (a check-in went out). That stands then: an ordinary reply would speak into
        the safety protocol, and an older state would open again what was closed.
        """

        async def write(unit: Unit, case: Case) -> bool:
            turn, found = claim.turn, answer.understanding.findings
            owner = await conversations.owner(unit, case.conversation)
            overtaken = owner is not claim.stands
            if not overtaken and case.conversation.state_sealed == claim.sealed:
                self._keep_state(unit, case, claim.state, answer.state, turn)
            await _apply(unit, turn, whatever_happens=bool(found))
            if found:
                await protocol.respond(case, told_by(turn.person.role.heard_as, found), turn.text, turn.message_id)
            if owner is Owner.HUMAN:
                # Staff have taken over the chat meanwhile: the words are theirs to read.
                await hand_over.hear(case, turn.text)
            elif not found and not overtaken and not any(isinstance(effect, FoundDanger) for effect in turn.effects):
                messages = [Outbound(reply.text, reply.choices) for reply in answer.replies if reply.text]
                await _reply(unit, case, messages or [Outbound(turn.words("talk.no_answer"))])
            return True

        return write

    @staticmethod
    def _keep_state(unit: Unit, case: Case, before: State, after: State, turn: Turn) -> None:
        offer = after.slots.get("offer")
        if offer and offer.get("turn") != turn.id:
            # An offer stands for one message: a "yes" later would answer something long gone.
            after.slots.pop("offer")
        until = turn.now + conversations.FRESH_FOR
        if after.form == before.form == CHECK_IN_FORM and case.conversation.state_until:
            until = max(until, case.conversation.state_until)
        conversations.save_state(unit, case.conversation, after, until)

    async def _wait(self, hold: Hold) -> Done:
        """The engine is away: the message keeps its place, and the person is told once that it is kept.

        Who writes again much later is told again: silence would look like a broken phone.
        """

        async def write(unit: Unit, case: Case) -> bool:
            if await conversations.owner(unit, case.conversation) is Owner.NOBODY:
                # They have stopped our messages meanwhile.
                return True
            message = await _message(unit, hold)
            message.not_before = case.now + RETRY
            newest = await _newest_waiting(unit, hold)
            if newest.held:
                return False
            told = await _told_already(unit, newest)
            newest.held = True
            text = unit.open_or(newest, "text_sealed", "")
            if asks_for_person(text):
                # Nobody who wants a person has to wait for a program.
                story = f"{case.now:%d %b %H:%M} UTC, asks for a person: {plain(text)}"
                await alerts.raise_alert(unit, alerts.Raising(AlertKind.HUMAN, hold.person.id, story=story), case.now)
            if not told:
                await self._say("safety.any.holding")(unit, case)
            return False

        done = await self._commit(hold, write)
        return Done.WAITING if done is Done.ANSWERED else done

    async def _failed(self, hold: Hold, why: str, turn: Turn | None = None) -> Done:
        """The engine or an action failed on this message: again a few times, then a human and an honest word.

        A danger that a form had found by then counts all the same, and is the answer.
        """
        log.warning("turn failed", message=hold.message_id, attempt=hold.attempts + 1, why=why)
        found = [effect for effect in turn.effects if isinstance(effect, FoundDanger)] if turn else []
        if turn is not None and found:
            return await self._commit(hold, _found(turn, found))
        give_up = hold.attempts + 1 >= SET_ASIDE_AFTER

        async def write(unit: Unit, case: Case) -> bool:
            message = await _message(unit, hold)
            message.attempts += 1
            message.not_before = case.now + RETRY * 2**message.attempts
            if not give_up:
                return False
            story = f"Message {hold.message_id} could not be answered: {why}."
            await alerts.raise_alert(unit, alerts.Raising(AlertKind.TECHNICAL, hold.person.id, story=story), case.now)
            if await conversations.owner(unit, case.conversation) is not Owner.NOBODY:
                await self._say("safety.any.failed")(unit, case)
            message.status = InStatus.SET_ASIDE
            return False

        done = await self._commit(hold, write)
        if done is Done.LOST:
            return done
        return Done.ANSWERED if give_up else Done.WAITING

    def _say(self, piece: str) -> Write:
        async def write(_unit: Unit, case: Case) -> bool:
            await Voice(case, self._practice).say(piece)
            return True

        return write

    async def _commit(self, hold: Hold, write: Write, *, read: bool = False) -> Done:
        """One transaction, and only if nobody else has taken the conversation meanwhile."""
        for attempt in range(COMMIT_ATTEMPTS):
            try:
                return await self._commit_once(hold, write, read=read)
            except OperationalError as error:
                if not self._store.taken_back(error) or attempt + 1 == COMMIT_ATTEMPTS:
                    raise
        raise AssertionError("unreachable")

    async def _commit_once(self, hold: Hold, write: Write, *, read: bool) -> Done:
        async with self._store.write() as unit:
            conversation = await conversations.get(unit, hold.conversation_id)
            if conversation.fence != hold.fence:
                log.warning("a late turn was refused", message=hold.message_id)
                return Done.LOST
            now = self._now()
            conversation.lease_until = None
            done = await write(unit, Case(unit, self._content, hold.person, conversation, now))
            changes = ({"status": InStatus.DONE, "done_at": now} if done else {}) | ({"read_at": now} if read else {})
            if changes:
                await unit.session.execute(update(InboundRow).where(InboundRow.id == hold.message_id).values(**changes))
        return Done.ANSWERED


async def _apply(unit: Unit, turn: Turn, *, whatever_happens: bool) -> None:
    """Apply what the actions staged. Where net 2 found danger, nothing of this may stop the alert."""
    if not whatever_happens:
        for effect in turn.effects:
            await effect.apply(unit, turn)
    elif turn.failed_action is None:
        async with unit.apart("effects of a turn", turn.message_id):
            for effect in turn.effects:
                await effect.apply(unit, turn)


def _found(turn: Turn, effects: list[FoundDanger]) -> Write:
    async def write(unit: Unit, _case: Case) -> bool:
        for effect in effects:
            await effect.apply(unit, turn)
        return True

    return write


def _outside(case: Case) -> str:
    """What someone is told whom we do not serve: that we do not know them, that they declined, or stopped it."""
    if case.person.role is Role.STRANGER:
        return "service.whose_number" if addresses.was_somebodys(case.conversation.person) else "service.stranger"
    # A relative who is kept out learns no more than anybody who was never here.
    ended = {DECLINED: "joining.declined", MINOR: "joining.minor", KEPT_OUT: "service.stranger"}
    return ended.get(str(case.conversation.person.joining), "service.still_stopped")


def _protocol(claim: Claim) -> Write:
    """A message while the safety protocol has the conversation: the answer to its question, unless it is older.

    What was written before the question was put must not be read as its answer: a "yes" to something else would
    settle it. The safety reply stands as the answer to such a message, and net 2 reads it as any other.
    What is no answer stays pending and goes to the bot in the next round.
    """

    async def write(unit: Unit, case: Case) -> bool:
        settled = await _settled(unit, case, claim)
        if settled:
            # What is not settled by it is passed on in the next round.
            await hand_over.hear(case, claim.turn.text)
        return settled

    return write


async def _settled(unit: Unit, case: Case, claim: Claim) -> bool:
    if claim.tapped:
        # A button knows its own question, and what it says there is not taken for an answer to another.
        await protocol.tapped(case, claim.tapped, claim.heard)
        return True
    question = await protocol.open_question(unit, claim.hold.person.id)
    if question is not None:
        first_put = await unit.session.scalar(
            select(func.max(QuestionRow.asked_at)).where(
                QuestionRow.conversation_id == question.conversation_id,
                QuestionRow.alert_id == question.alert_id,
                QuestionRow.attempts == 1,
            )
        )
        if first_put is None or question.asked_at - first_put >= ASKED_ANEW:
            first_put = question.asked_at
        if claim.hold.written_at < first_put:
            return True
    return await protocol.answer(case, claim.heard)


def _passed_on(claim: Claim) -> Write:
    """A message to whoever has taken over the chat; where they have left it meanwhile, it waits for the program."""

    async def write(_unit: Unit, case: Case) -> bool:
        return await hand_over.hear(case, claim.turn.text)

    return write


def _dealt_with(claim: Claim) -> Write:
    """What a message said was settled when it was taken up; whoever has taken over the chat reads it all the same."""

    async def write(_unit: Unit, case: Case) -> bool:
        await hand_over.hear(case, claim.turn.text)
        return True

    return write


async def _reply(unit: Unit, case: Case, messages: list[Outbound]) -> None:
    """Answer where the person wrote."""
    await outbox.enqueue(unit, case.conversation, messages, Lane.REPLY, case.now)


async def _newest_waiting(unit: Unit, hold: Hold) -> InboundRow:
    query = select(InboundRow).where(
        InboundRow.conversation_id == hold.conversation_id, InboundRow.status == InStatus.PENDING
    )
    return (await unit.session.scalars(query.order_by(InboundRow.sequence.desc()).limit(1))).one()


async def _told_already(unit: Unit, message: InboundRow) -> bool:
    """Whether the person was told a short while before this message that the engine is away."""
    query = select(InboundRow.id).where(
        InboundRow.conversation_id == message.conversation_id,
        InboundRow.held,
        InboundRow.received_at > message.received_at - TOLD_FOR,
    )
    return await unit.session.scalar(query.limit(1)) is not None


async def _message(unit: Unit, hold: Hold) -> InboundRow:
    return (await unit.session.scalars(select(InboundRow).where(InboundRow.id == hold.message_id))).one()
