"""The ledger: what people wrote and what the doubles saw, held against what the database says of both.

``check`` proves of every inbound message that it is there once and took effect once, and of every outbound one that no more
and no fewer of it went out than its kind allows, and that the database knows which.
"""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from sqlalchemy import select

from bot.channels.telegram import TelegramBot
from bot.conversation.intake import LAST_WORDS
from bot.conversation.reception import WARNING
from bot.delivery.messages import Lane, Outbound, OutStatus
from bot.store import audit
from bot.store.database import Unit
from bot.store.tables import AlertRow, ContactPointRow, FindingRow, InboundRow, OutboundRow
from tests.doubles.twilio import Answer
from tests.faults.service import Practice

AGAIN = "(sent again) "
# Said past the database, while it is away.
BESIDE = frozenset({LAST_WORDS, WARNING})
URGENT = (Lane.CRISIS, Lane.ALERT)


@dataclass(frozen=True)
class Sent:
    """An outbound message as the database has it."""

    id: str
    channel: str
    address: str
    text: str
    lane: Lane
    status: OutStatus
    provider_id: str | None
    attempts: int
    alert_id: str | None


@dataclass
class Books:
    """What the database holds, opened."""

    inbound: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    texts: Counter[str] = field(default_factory=Counter)
    pending: int = 0
    outbound: list[Sent] = field(default_factory=list)
    found: dict[str, list[tuple[str, str, str]]] = field(default_factory=lambda: defaultdict(list))
    alerts: dict[str, AlertRow] = field(default_factory=dict)
    broken_audit: int | None = None

    @property
    def unsettled(self) -> list[Sent]:
        """What is still to be sent, or on its way."""
        return [row for row in self.outbound if row.status in (OutStatus.QUEUED, OutStatus.SENDING)]


async def read_books(unit: Unit) -> Books:
    books = Books()
    for row in await unit.session.scalars(select(InboundRow).order_by(InboundRow.sequence)):
        text = unit.open(row, "text_sealed")
        books.inbound[f"{row.channel} {_of_provider(row.channel, row.provider_id)}"].append(row.id)
        books.texts[text] += 1
        books.pending += row.status == "pending"
    query = select(OutboundRow, ContactPointRow).join(
        ContactPointRow, ContactPointRow.id == OutboundRow.contact_point_id
    )
    for row, contact in (await unit.session.execute(query.order_by(OutboundRow.sequence))).all():
        text = Outbound.parse(unit.open(row, "body_sealed")).text
        address = unit.open(contact, "address_sealed")
        lane, status = Lane(row.lane), OutStatus(row.status)
        books.outbound.append(
            Sent(row.id, row.channel, address, text, lane, status, row.provider_id, row.attempts, row.alert_id)
        )
    for finding in await unit.session.scalars(select(FindingRow)):
        if finding.message_id:
            books.found[finding.message_id].append((finding.kind, finding.net, finding.alert_id))
    books.alerts = {alert.id: alert for alert in await unit.session.scalars(select(AlertRow))}
    books.broken_audit = await audit.verify(unit)
    return books


def _of_provider(channel: str, provider_id: str) -> str:
    """By what the provider knows a message: the number of the update, or the sid."""
    if channel == "sms":
        return provider_id
    found = re.match(r"(?:tap\.|gone\.)?(\d+)", provider_id)
    assert found, provider_id
    return found[1]


def _cut(text: str) -> str:
    """A text as a bot sends it."""
    most = TelegramBot.abilities.longest
    return text if len(text) <= most else f"{text[: most - 2]} \u2026"


@dataclass
class Ledger:
    """What was written to the practice, with the danger in it, and how often the service was killed meanwhile."""

    practice: Practice
    kills: int = 0
    dangers: set[str] = field(default_factory=set)
    updates: set[tuple[str, int]] = field(default_factory=set)
    posted: dict[str, Answer] = field(default_factory=dict)

    def wrote(self, channel: str, update: dict[str, object], *, danger: bool = False) -> None:
        """Someone wrote to one of the bots."""
        number = update["update_id"]
        assert isinstance(number, int)
        self.updates.add((channel, number))
        if danger:
            self.dangers.add(f"{channel} {number}")

    def texted(self, answer: Answer, *, danger: bool = False) -> None:
        """Someone's text was posted to the service, which may or may not have taken it."""
        self.posted[answer.sid] = answer
        if danger:
            self.dangers.add(f"sms {answer.sid}")

    def told(self) -> set[str]:
        """What a provider was told that we have."""
        waiting = {
            (channel, update.update_id)
            for channel, bot in (("telegram", self.practice.bot), ("telegram-staff", self.practice.staff_bot))
            for update in bot.pending
        }
        confirmed = {f"{channel} {number}" for channel, number in self.updates - waiting}
        return confirmed | {f"sms {sid}" for sid, answer in self.posted.items() if answer.status == 200}

    async def books(self) -> Books:
        return await self.practice.look(read_books)

    async def check_inbound(self) -> Books:
        """Whatever a provider was told that we have is there, once, and its danger has its alert: true at any moment."""
        told = self.told()
        books = await self.books()
        lost = sorted(told - set(books.inbound))
        assert not lost, f"lost after they were accepted: {lost}"
        doubled = {key: len(ids) for key, ids in books.inbound.items() if len(ids) > 1}
        assert not doubled, f"kept more than once: {doubled}"
        for key in self.dangers & set(books.inbound):
            (message_id,) = books.inbound[key]
            found = books.found.get(message_id, [])
            assert found, f"danger without a finding: {key}"
            assert len(set(found)) == len(found), f"one finding written twice: {key} {found}"
            assert all(books.alerts.get(alert_id) for _, _, alert_id in found), f"danger without an alert: {key}"
        assert books.broken_audit is None, f"the audit chain breaks at entry {books.broken_audit}"
        return books

    async def check(self, *, everything_arrives: bool = True) -> Books:
        """All of it, once everything has settled."""
        books = await self.check_inbound()
        if everything_arrives:
            written = {f"{channel} {number}" for channel, number in self.updates}
            written |= {f"sms {sid}" for sid in self.posted}
            assert not written - set(books.inbound), "what came while the service was down was read after it came back"
        assert not books.unsettled, f"not settled: {books.unsettled[:3]}"
        for alert in books.alerts.values():
            pages = [row for row in books.outbound if row.alert_id == alert.id and row.lane is Lane.ALERT]
            assert pages, f"alert {alert.number} was sent to nobody"
        self._check_bots(books)
        self._check_sms(books)
        return books

    def _check_bots(self, books: Books) -> None:
        for channel, bot in (("telegram", self.practice.bot), ("telegram-staff", self.practice.staff_bot)):
            rows: dict[tuple[str, str], list[Sent]] = defaultdict(list)
            for row in books.outbound:
                if row.channel == channel:
                    rows[row.address, _cut(row.text)].append(row)
            for chat in bot.chats.values():
                seen: dict[str, list[tuple[bool, str]]] = defaultdict(list)
                for message in chat.received:
                    marked = message.text.startswith(AGAIN)
                    seen[message.text.removeprefix(AGAIN)].append((marked, str(message.message_id)))
                for text in {text for address, text in rows if address == str(chat.id)} | set(seen):
                    if text not in BESIDE:
                        self._compare(f"{channel} {chat.id}", text, rows[str(chat.id), text], seen[text])

    def _check_sms(self, books: Books) -> None:
        rows = {row.id: row for row in books.outbound if row.channel == "sms"}
        seen: dict[str, list[tuple[bool, str]]] = defaultdict(list)
        for message in self.practice.account.messages:
            if message.direction == "outbound-api" and message.body not in BESIDE:
                _, _, row_id = (message.status_callback or "").rpartition("?id=")
                assert row_id in rows or message.body in BESIDE, f"nobody queued {message.body!r}"
                seen[row_id].append((message.body.startswith(AGAIN), message.sid))
        groups: dict[tuple[str, str], list[Sent]] = defaultdict(list)
        for row in rows.values():
            groups[row.address, row.text].append(row)
            firsts = [sid for again, sid in seen[row.id] if not again]
            assert len(firsts) <= 1, f"sent twice without a mark: {row} {firsts}"
        # Together with what has the same words: a message in doubt is looked for by them.
        for (address, text), group in groups.items():
            self._compare(f"sms {address}", text, group, [one for row in group for one in seen[row.id]])

    def _compare(self, where: str, text: str, rows: list[Sent], seen: list[tuple[bool, str]]) -> None:
        """Of messages with the same words to the same person: what went out, against what the database says of them."""
        what = f"{where}: {text[:70]!r}\n  seen {seen}\n  rows {[(r.id, r.lane.name, str(r.status), r.provider_id) for r in rows]}"
        assert rows, f"nobody queued what went out: {what}"
        plain, marked = [i for again, i in seen if not again], [i for again, i in seen if again]
        known = [row.provider_id for row in rows if row.provider_id]
        assert set(known) <= set(plain + marked), f"said to be sent and never seen: {what}"
        assert len(plain) <= len(rows), f"sent twice without a mark: {what}"
        unrecorded = len(seen) - len(known)
        urgent = [row for row in rows if row.lane in URGENT]
        if urgent:
            assert len(urgent) == len(rows), f"the same words in two lanes: {what}"
            assert len(marked) <= self.kills * len(rows), f"repeated more often than it was killed: {what}"
            late = [row for row in rows if row.status not in (OutStatus.SENT, OutStatus.DELIVERED, OutStatus.DROPPED)]
            assert not late, f"urgent, and not sent: {what}"
        else:
            assert not marked, f"an ordinary message was repeated: {what}"
            doubt = [row for row in rows if row.status is OutStatus.UNKNOWN and not row.provider_id]
            assert unrecorded <= len(doubt), f"sent, and not on record even as unknown: {what}"

    def alert_counts(self, books: Books, key: str) -> tuple[int, int]:
        """Of whoever wrote the message: how many messages their danger alerts count, and how many dangers they wrote."""
        (message_id,) = books.inbound[key]
        alert_id = books.found[message_id][0][2]
        person = books.alerts[alert_id].person_id
        mine = {a.id for a in books.alerts.values() if a.person_id == person and a.kind == "danger"}
        dangers = [ids for ids, found in books.found.items() if any(alert_id in mine for _, _, alert_id in found)]
        return sum(books.alerts[i].count for i in mine), len(dangers)
