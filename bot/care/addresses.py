"""Whose an address is. A number that somebody gave up, or was silent on for long, may be somebody else's by now.

Carriers give such numbers to others. Nothing is sent to one in doubt; whoever writes from it is a stranger, of whom danger
is heard as from anyone, until a new invite shows who they are. What was said there before stays with whose it was.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update

from bot.delivery.messages import Fault, Inbound, Lane
from bot.delivery.outbox import Leased
from bot.escalation import alerts
from bot.escalation.policy import AlertKind
from bot.recovery.people import Role
from bot.store import people
from bot.store.database import Unit
from bot.store.tables import ContactPointRow, ConversationRow, PersonRow

# In the US a carrier may give a number to somebody else 45 days after it was given up (47 CFR 52.15).
PASSED_ON_AFTER = timedelta(days=90)
# A phone that is off or without service: the next day it is tried again.
UNREACHABLE_FOR = timedelta(hours=20)
_SUSPENDS = frozenset({Fault.BLOCKED, Fault.NO_SUCH_ADDRESS})


async def did_not_reach(
    unit: Unit, message: Leased, fault: Fault | None, passed_on: Collection[str], now: datetime
) -> None:
    """Draw from a fault what it says of the address.

    Staff whose phone was off for a moment are paged again all the same: nobody else would notice.
    """
    contact = await unit.session.get_one(ContactPointRow, message.contact_id)
    if message.channel != contact.channel:
        # A number that cannot be called may take texts all the same.
        return
    if fault is Fault.OPTED_OUT:
        contact.opted_out_at = contact.opted_out_at or now
    elif fault in _SUSPENDS:
        contact.suspended_at, contact.suspended_until = contact.suspended_at or now, None
    elif fault is Fault.UNREACHABLE and contact.suspended_at is None:
        person = await unit.session.get_one(PersonRow, contact.person_id)
        if person.role != Role.STAFF:
            contact.suspended_at, contact.suspended_until = now, now + UNREACHABLE_FOR
    if fault is Fault.NO_SUCH_ADDRESS and message.channel in passed_on:
        contact.doubted_at = contact.doubted_at or now


async def try_again(unit: Unit, now: datetime) -> int:
    """Phones that could not be reached are tried again; returns how many."""
    again = update(ContactPointRow).where(ContactPointRow.suspended_until <= now)
    done = await unit.session.execute(again.values(suspended_at=None, suspended_until=None))
    return int(getattr(done, "rowcount", 0))


def in_doubt(contact: ContactPointRow, conversation: ConversationRow, person: PersonRow, now: datetime) -> bool:
    """Whether an address that may be passed on may be somebody else's by now.

    Staff may have had no alert for months, and must be able to take one: their silence alone says nothing.
    """
    last = conversation.last_heard
    silent = last is not None and now - last >= PASSED_ON_AFTER and person.role in (Role.CLIENT, Role.FAMILY)
    return contact.doubted_at is not None or silent


async def pass_on(
    unit: Unit, contact: ContactPointRow, person: PersonRow, message: Inbound, now: datetime
) -> ConversationRow:
    """Take an address in doubt from whose it was, and give it to a stranger; staff are told, because only they can ask."""
    contact.doubted_at, contact.suspended_at = contact.doubted_at or now, contact.suspended_at or now
    contact.suspended_until = None
    contact.address_hash = f"given up: {contact.id}"
    await unit.session.flush()
    stranger = await people.add_stranger(unit, message.channel, message.address, person.language, now)
    # Their lines, and their interventionist: it may be them, after all.
    stranger.person.country, stranger.person.interventionist_id = person.country, person.interventionist_id
    story = (
        f"{now:%d %b %H:%M} UTC. Somebody writes from their number after a long silence, or after the carrier said that it "
        f"was given up. It may be somebody else by now: they are case {stranger.person.case_number}, a stranger, until a "
        "new invite is redeemed there. Phone them; if it is them, `handrail invite` makes a new code."
    )
    await alerts.raise_alert(unit, alerts.Raising(AlertKind.HUMAN, person.id, story=story), now)
    return stranger


def was_somebodys(stranger: PersonRow) -> bool:
    """Whether a stranger writes from a number that was a client's or relative's: only such a one has an interventionist."""
    return stranger.role == Role.STRANGER and stranger.interventionist_id is not None


def silent(
    passed_on: Collection[str],
) -> Callable[[Unit, Sequence[Leased], datetime], Awaitable[Mapping[str, str | datetime]]]:
    """Which messages of our own accord do not go out: those to a number on which somebody was silent for long."""

    async def unwanted(unit: Unit, messages: Sequence[Leased], now: datetime) -> Mapping[str, str | datetime]:
        asked = [m for m in messages if m.lane in (Lane.CHECK_IN, Lane.NOTICE) and m.channel in passed_on]
        if not asked:
            return {}
        query = select(ConversationRow.contact_point_id).where(
            ConversationRow.contact_point_id.in_({m.contact_id for m in asked}),
            ConversationRow.last_heard <= now - PASSED_ON_AFTER,
        )
        quiet = set(await unit.session.scalars(query))
        return {m.id: "silent for long: the number may be somebody else's" for m in asked if m.contact_id in quiet}

    return unwanted
