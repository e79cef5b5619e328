"""Claiming: the next waiting message, held for one worker, with all that its answer needs."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from bot.care import protocol
from bot.care.case import Case
from bot.care.turn import Turn
from bot.content import Content
from bot.delivery import inbox, outbox
from bot.delivery.messages import Outbound
from bot.recovery.people import Person, Practice, Role
from bot.store import conversations, people
from bot.store.conversations import Owner, State
from bot.store.database import Store, Unit, new_id
from bot.store.tables import ConversationRow, InboundRow
from bot.store.vault import VaultError

log = structlog.get_logger()

LEASE = timedelta(seconds=30)
# An answer to a safety question, as its choices are worded.
_BARE = frozenset({"1", "2", "1 yes", "2 no"})


@dataclass(frozen=True, slots=True)
class Hold:
    """A message in a conversation that this worker holds for as long as the fencing number stands."""

    message_id: str
    conversation_id: str
    person: Person
    fence: int
    attempts: int
    written_at: datetime
    now: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """What a held message is answered with: the conversation as it stood, and the turn.

    Attributes:
        owner: who answers this message.
        stands: who answers in the conversation; another one at the commit means that something came up meanwhile.
        heard: what the text stands for: the payload of a choice that it names, or the text itself.
        tapped: of a tap, the id of our message whose button it was.
        settled: what the message said was dealt with when it was taken up: nothing is left to be answered.
    """

    hold: Hold
    owner: Owner
    stands: Owner
    sealed: bytes | None
    state: State
    turn: Turn
    heard: str
    tapped: str | None
    settled: bool


@dataclass(frozen=True, slots=True)
class Claims:
    """Takes what stands in the inbox, one message a time.

    Attributes:
        numbering: the channels on which choices have numbers.
    """

    store: Store
    content: Content
    now: Callable[[], datetime]
    practice: Practice
    numbering: Collection[str] = ()

    async def take(self) -> tuple[Hold, "Claim | str"] | None:
        """Lease the next message; with what it needs to be answered, or why that cannot be read."""
        now = self.now()
        async with self.store.write() as unit:
            found = await inbox.next_pending(unit, now)
            if found is None:
                return None
            message, conversation = found
            conversation.fence += 1
            conversation.lease_until = now + LEASE
            conversation.served_at = now
            hold = Hold(
                message_id=message.id,
                conversation_id=conversation.id,
                person=await people.get(unit, conversation.person_id),
                fence=conversation.fence,
                attempts=message.attempts,
                written_at=message.written_at or message.received_at,
                now=now,
            )
            try:
                return hold, await self._claim(unit, hold, message, conversation)
            except (VaultError, ValueError, LookupError) as error:
                log.exception("a message cannot be read", message=hold.message_id)
                return hold, f"it cannot be read ({type(error).__name__})"

    async def _claim(self, unit: Unit, hold: Hold, message: InboundRow, conversation: ConversationRow) -> Claim:
        turn = Turn(
            id=new_id(),
            person=hold.person,
            now=hold.now,
            text=unit.open(message, "text_sealed"),
            message_id=message.id,
            conversation_id=conversation.id,
            store=self.store,
            content=self.content,
            practice=self.practice.name,
            brief=message.channel in self.practice.charged,
        )
        # As it stood when they wrote: an answer that waited for the engine is still the answer to its question.
        state = conversations.load_state(unit, conversation, hold.written_at)
        offered = await outbox.last_sent(unit, conversation.contact_point_id)
        tapped = None
        if message.answers_id:
            tapped = await outbox.by_id(unit, message.answers_id, conversation.contact_point_id)
            offered = (tapped,) if tapped else ()
        stands = owner = await conversations.owner(unit, conversation)
        if message.answers_id and tapped:
            asked = await protocol.question_of(unit, hold.person.id, message.answers_id)
            # A button of a safety question belongs to the protocol whenever it is pressed, any other one to what it was for.
            if asked:
                owner = Owner.PROTOCOL
            elif owner is Owner.PROTOCOL:
                owner = await conversations.owner(unit, conversation, whatever_is_asked=True)
        late = owner in (Owner.BOT, Owner.NOBODY) and _answers_safety(turn.text, offered[:1])
        if late and await protocol.ask_again(unit, hold.person.id):
            # A safety question that ran out: its answer is heard all the same.
            await unit.session.flush()
            stands = owner = Owner.PROTOCOL
        settled = False
        if owner is Owner.BOT and not tapped and turn.text.strip(" .!").casefold() in _BARE:
            case = Case(unit, self.content, hold.person, conversation, hold.now)
            if await protocol.not_safe_after_all(case, turn.text):
                settled = True
        heard = turn.text
        if tapped or hold.person.role is not Role.STAFF:
            # Staff type "1a" and mean it; only their buttons stand for something else.
            heard = _chosen(turn.text, offered, numbers=message.channel in self.numbering) or turn.text
        answers = message.answers_id if tapped else None
        return Claim(hold, owner, stands, conversation.state_sealed, state, turn, heard, answers, settled)


def _chosen(text: str, offered: tuple[Outbound, ...], *, numbers: bool) -> str | None:
    """What a text stands for where it is a choice that was offered last, by its words or, of the last, by its number."""
    for at, message in enumerate(offered):
        choice = message.chosen(text, last=at == 0, numbers=numbers and at == 0)
        if choice:
            return choice.payload
    return None


def _answers_safety(text: str, last: tuple[Outbound, ...]) -> bool:
    """Whether a text is a bare 1 or 2 and the last message sent asked for one."""
    payload = next(
        (choice.payload for message in last if (choice := message.chosen(text, last=True))), text.strip(" .!")
    )
    return payload in ("1", "2") and any(c.payload in ("1", "2") for message in last for c in message.choices)
