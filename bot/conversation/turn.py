"""The turn: claim, ask, commit. No transaction is open while anyone waits."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

import structlog
from sqlalchemy import select

from bot.care import danger, staff
from bot.care.check_in import FORM as CHECK_IN_FORM
from bot.care.human import FoundDanger
from bot.care.turn import OpenTurns, Turn
from bot.content import Content
from bot.conversation.engine import Answer, EngineAway, EngineClient, EngineFailed, readable, says_something
from bot.delivery import inbox, outbox
from bot.delivery.messages import InStatus, Lane, Outbound
from bot.escalation import alerts
from bot.escalation.policy import AlertKind
from bot.recovery.people import Person, Role
from bot.safety.findings import Finding, Subject
from bot.store import conversations, people
from bot.store.conversations import Owner, State
from bot.store.database import Store, Unit, new_id
from bot.store.tables import InboundRow

log = structlog.get_logger()

LEASE = timedelta(seconds=30)
FORM_LASTS = timedelta(hours=2)
RETRY = timedelta(seconds=1)
SET_ASIDE_AFTER = 3


class Done(StrEnum):
    """What one round of the worker came to."""

    NOTHING = "nothing"
    ANSWERED = "answered"
    WAITING = "waiting"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Claim:
    """A message in a conversation that this worker holds for as long as the fencing number stands."""

    message_id: str
    conversation_id: str
    fence: int
    owner: Owner
    state: State
    attempts: int
    held: bool
    turn: Turn


# What a commit writes for a claimed message; returns whether the message is done with.
Write = Callable[[Unit, danger.Case], Awaitable[bool]]


class TurnWorker:
    """Answers what stands in the inbox, one message a round; a person's messages in order, one at a time."""

    def __init__(
        self,
        store: Store,
        engine: EngineClient,
        turns: OpenTurns,
        content: Content,
        now: Callable[[], datetime],
        practice: str,
    ) -> None:
        self._store = store
        self._engine = engine
        self._turns = turns
        self._content = content
        self._now = now
        self._practice = practice

    async def run_once(self) -> Done:
        """Claim the next message, have its owner answer it, commit."""
        claim = await self._claim()
        if claim is None:
            return Done.NOTHING
        if claim.turn.person.role is Role.STAFF:
            return await self._commit(claim, _staff(claim.turn))
        if claim.owner is Owner.PROTOCOL:
            # What is no answer to the safety question stays pending and goes to the bot in the next round.
            return await self._commit(claim, lambda _unit, case: danger.answer(case, claim.turn.text))
        if claim.owner is Owner.BOT:
            return await self._bot(claim)
        return await self._commit(claim, _nothing)

    async def _claim(self) -> Claim | None:
        now = self._now()
        async with self._store.write() as unit:
            found = await inbox.next_pending(unit, now)
            if found is None:
                return None
            message, conversation = found
            conversation.fence += 1
            conversation.lease_until = now + LEASE
            person: Person = await people.get(unit, conversation.person_id)
            return Claim(
                message_id=message.id,
                conversation_id=conversation.id,
                fence=conversation.fence,
                owner=Owner(conversation.owner),
                state=conversations.load_state(unit, conversation, now),
                attempts=message.attempts,
                held=message.held,
                turn=Turn(
                    id=new_id(),
                    person=person,
                    now=now,
                    text=unit.open(message, "text_sealed"),
                    message_id=message.id,
                    conversation_id=conversation.id,
                    store=self._store,
                    content=self._content,
                    practice=self._practice,
                    in_danger=await danger.is_open_for(unit, person.id),
                ),
            )

    async def _bot(self, claim: Claim) -> Done:
        turn = claim.turn
        heard = await self._chosen(turn) or readable(turn.text)
        if not says_something(heard):
            return await self._commit(claim, _say(turn, "talk.no_words"))
        try:
            with self._turns.open(turn):
                answer = await self._engine.ask(turn.id, heard, str(turn.person.role), claim.state)
        except EngineAway:
            return await self._wait(claim)
        except EngineFailed as error:
            return await self._failed(claim, str(error))
        heard_as = answer.understanding
        log.info("turn", message=claim.message_id, intent=heard_as.intent, confidence=round(heard_as.confidence, 3))
        if turn.failed_action:
            return await self._failed(claim, f"{turn.failed_action} raised an error")
        return await self._commit(claim, self._answer(claim, answer), read=True)

    async def _chosen(self, turn: Turn) -> str | None:
        """What the person's text stands for where it is, word for word, a choice that was offered last."""
        async with self._store.read() as unit:
            contact = await outbox.contact_of(unit, turn.person.id)
            offered = await outbox.last_sent(unit, contact.id) if contact else ()
        typed = " ".join(turn.text.split()).casefold().strip(" .!")
        return next((c.payload for message in offered for c in message.choices if c.title.casefold() == typed), None)

    def _answer(self, claim: Claim, answer: Answer) -> Write:
        """The bot's answer: state, effects, replies; danger that net 2 or a form has found replaces the replies."""

        async def write(unit: Unit, case: danger.Case) -> bool:
            turn = claim.turn
            self._keep_state(unit, case, claim.state, answer.state, turn)
            for effect in turn.effects:
                await effect.apply(unit, turn)
            found = answer.understanding.findings
            if found:
                await danger.respond(case, _about(turn.person, found), turn.text, claim.message_id)
            elif not any(isinstance(effect, FoundDanger) for effect in turn.effects):
                messages = [Outbound(reply.text, reply.choices) for reply in answer.replies if reply.text]
                await _reply(unit, turn, messages or [Outbound(turn.words("talk.no_answer"))])
            return True

        return write

    @staticmethod
    def _keep_state(unit: Unit, case: danger.Case, before: State, after: State, turn: Turn) -> None:
        offer = after.slots.get("offer")
        if offer and offer.get("turn") != turn.id:
            # An offer stands for one message: a "yes" later would answer something long gone.
            after.slots.pop("offer")
        until = turn.now + FORM_LASTS
        if after.form == before.form == CHECK_IN_FORM and case.conversation.form_until:
            until = max(until, case.conversation.form_until)
        conversations.save_state(unit, case.conversation, after, until)

    async def _wait(self, claim: Claim) -> Done:
        """The engine is away: the message keeps its place, and the person is told once that it is kept."""

        async def write(unit: Unit, case: danger.Case) -> bool:
            message = await _message(unit, claim)
            message.not_before = claim.turn.now + RETRY
            if not claim.held:
                message.held = True
                await _say(claim.turn, "safety.any.holding")(unit, case)
            return False

        await self._commit(claim, write)
        return Done.WAITING

    async def _failed(self, claim: Claim, why: str) -> Done:
        """The engine or an action failed on this message: again a few times, then a human and an honest word."""
        log.warning("turn failed", message=claim.message_id, attempt=claim.attempts + 1, why=why)
        give_up = claim.attempts + 1 >= SET_ASIDE_AFTER

        async def write(unit: Unit, case: danger.Case) -> bool:
            message = await _message(unit, claim)
            message.attempts += 1
            message.not_before = claim.turn.now + RETRY * 2**message.attempts
            if not give_up:
                return False
            story = f"Message {claim.message_id} could not be answered: {why}."
            what = alerts.Raising(AlertKind.TECHNICAL, claim.turn.person.id, story=story)
            await alerts.raise_alert(unit, what, claim.turn.now)
            await _say(claim.turn, "safety.any.failed")(unit, case)
            message.status = InStatus.SET_ASIDE
            return False

        await self._commit(claim, write)
        return Done.ANSWERED if give_up else Done.WAITING

    async def _commit(self, claim: Claim, write: Write, *, read: bool = False) -> Done:
        """One transaction, and only if nobody else has taken the conversation meanwhile."""
        async with self._store.write() as unit:
            conversation = await conversations.get(unit, claim.conversation_id)
            if conversation.fence != claim.fence:
                log.warning("a late turn was refused", message=claim.message_id)
                return Done.LOST
            turn = claim.turn
            case = danger.Case(unit, self._content, turn.person, conversation, turn.now)
            done = await write(unit, case)
            conversation.lease_until = None
            message = await _message(unit, claim)
            if done:
                message.status, message.done_at = InStatus.DONE, turn.now
            if read:
                message.read_at = turn.now
        return Done.ANSWERED


def _about(person: Person, findings: tuple[Finding, ...]) -> list[Finding]:
    """The model does not say who is in danger: a relative writes about someone else, a client about themselves."""
    subject = Subject.OTHER if person.role is Role.FAMILY else Subject.SELF
    return [replace(finding, subject=subject) for finding in findings]


def _staff(turn: Turn) -> Write:
    async def write(unit: Unit, case: danger.Case) -> bool:
        await staff.hear(unit, case.content, turn.person, turn.text, turn.now)
        return True

    return write


async def _nothing(_unit: Unit, _case: danger.Case) -> bool:
    return True


def _say(turn: Turn, piece: str) -> Write:
    async def write(unit: Unit, _case: danger.Case) -> bool:
        await _reply(unit, turn, [Outbound(turn.words(piece))])
        return True

    return write


async def _reply(unit: Unit, turn: Turn, messages: list[Outbound]) -> None:
    contact = await outbox.contact_of(unit, turn.person.id)
    if contact is not None:
        await outbox.enqueue(unit, contact, messages, Lane.REPLY, turn.now)


async def _message(unit: Unit, claim: Claim) -> InboundRow:
    return (await unit.session.scalars(select(InboundRow).where(InboundRow.id == claim.message_id))).one()
