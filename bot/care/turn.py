"""The turn that is being answered: what an action may read, and the effects it stages for the commit."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy import select

from bot.care import danger, safe_phone
from bot.content import Content
from bot.delivery import outbox
from bot.recovery.people import Person
from bot.recovery.plan import Plan
from bot.recovery.skill import Skill
from bot.store import people
from bot.store.database import Store, Unit
from bot.store.plans import current_plan
from bot.store.tables import ConversationRow

# The moments of the safety protocol that speak of something that came without words.
ABOUT_MEDIA = ("media", "media_safe", "place")


class Effect(Protocol):
    """Something that a turn's commit writes. Frozen, and applied in the order of staging."""

    async def apply(self, unit: Unit, turn: "Turn") -> None: ...


@dataclass
class Turn:
    """One turn of one person. Actions read through it and stage on it; only the commit writes."""

    id: str
    person: Person
    now: datetime
    text: str
    message_id: str
    conversation_id: str
    store: Store
    content: Content
    practice: str = "your team"
    # Whether what they read is text messages, which are short and paid for.
    brief: bool = False
    effects: list[Effect] = field(default_factory=list)
    failed_action: str | None = None
    _plan: Plan | None = None
    _plan_read: bool = False

    def stage(self, effect: Effect) -> None:
        """Have the commit of this turn apply an effect."""
        self.effects.append(effect)

    async def plan(self) -> Plan | None:
        """The client's current relapse prevention plan, read once a turn."""
        if not self._plan_read:
            async with self.store.read() as unit:
                self._plan = await current_plan(unit, self.person.id)
            self._plan_read = True
        return self._plan

    async def plan_is_locked(self) -> bool:
        """Whether the client keeps the plan behind a PIN that they have not given just now."""
        async with self.store.read() as unit:
            return await safe_phone.plan_is_locked(unit, self.person.id, self.now)

    async def pin_words(self) -> str:
        """What is said instead of a plan behind a PIN: a request for it, or until when none is taken."""
        async with self.store.read() as unit:
            until = await safe_phone.locked_until(unit, self.person.id, self.now)
        if until is None:
            return self.words("service.pin_ask")
        return self.words("service.pin_still_locked", time=safe_phone.clock(until, self.person))

    async def asked_what_it_was(self) -> bool:
        """Whether the last thing said to them asked about a picture, or whatever else only a person can look at."""
        async with self.store.read() as unit:
            query = select(ConversationRow.contact_point_id).where(ConversationRow.id == self.conversation_id)
            last = await outbox.last_sent(unit, str(await unit.session.scalar(query)), 1)
        return bool(last) and last[0].text in {self.words(f"safety.any.{moment}") for moment in ABOUT_MEDIA}

    async def in_danger(self) -> bool:
        """Whether staff still have an open danger alert about this person."""
        async with self.store.read() as unit:
            return await danger.is_open_for(unit, self.person.id)

    async def interventionist(self) -> str | None:
        """The first name of the client's interventionist."""
        if self.person.interventionist_id is None:
            return None
        async with self.store.read() as unit:
            return (await people.get(unit, self.person.interventionist_id)).first_name

    def skills(self) -> tuple[Skill, ...]:
        """The library of coping skills in the person's language, in short words where they read text messages."""
        return self.content.skills(self.person.language, short=self.brief)

    def words(self, piece_id: str, at: int = 0, **values: str) -> str:
        """A fixed text of the content, filled in; ``at`` counts through its wordings."""
        texts = self.content.piece(piece_id, self.person.language).texts
        return self.content.fill(texts[at % len(texts)], self.person.country, self.person.language, **values)


class UnknownTurn(Exception):
    """An action was asked for a turn that is not open in this process."""


class OpenTurns:
    """The turns that wait for the engine right now, by id."""

    def __init__(self) -> None:
        self._turns: dict[str, Turn] = {}

    @contextmanager
    def open(self, turn: Turn) -> Iterator[Turn]:
        """Let actions find a turn while the block runs."""
        self._turns[turn.id] = turn
        try:
            yield turn
        finally:
            self._turns.pop(turn.id, None)

    def __getitem__(self, turn_id: str) -> Turn:
        try:
            return self._turns[turn_id]
        except KeyError:
            raise UnknownTurn(f"no open turn {turn_id}") from None
