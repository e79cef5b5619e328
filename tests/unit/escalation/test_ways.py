"""How staff are paged: by message, e-mail and call, each as far as someone has it; and the key that takes an alert."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from bot import demo
from bot.care import reach
from bot.care.enrolment import EnrolmentError
from bot.channels import email, voice
from bot.channels.email import Email, Security, Server
from bot.channels.twilio_calls import TwilioCalls
from bot.channels.voice import Voice
from bot.content import Content
from bot.delivery.messages import Channel, OutStatus, Receipt, Report
from bot.demo import AtTheTerminal, Demo, Line
from bot.escalation import alerts, arranged
from bot.escalation.policy import AlertKind, AlertStatus, How, read_policies
from bot.safety.screen import Screen
from bot.store import people
from bot.store.tables import AlertRow, AlertStepRow, ContactPointRow, ConversationRow, OutboundRow, PersonRow
from bot.web.border import Border, Calls
from bot.web.server import serving
from tests.doubles.engine import EngineDouble
from tests.doubles.house import House
from tests.doubles.mail import MailDouble, mail_double
from tests.doubles.twilio import Account, Call, PhoneDouble, sign, twilio_double

PUBLIC = "https://handrail.example.org"
OURS = "+15035550100"
RUTH, SAM = "+15035550111", "+15035550122"
DANGER = "i want to kill myself"


@dataclass
class Outside(AtTheTerminal):
    """Everybody writes at the terminal; staff may have a telephone and a mailbox besides."""

    more: dict[str, Channel] = field(default_factory=dict)

    def channels(self, demo: Demo) -> Mapping[str, Channel]:
        return {**super().channels(demo), **self.more}


class Staffed(House):
    """A house whose staff can be called and written to."""

    account: Account
    mail: MailDouble
    border: Border

    @property
    def ruth(self) -> PhoneDouble:
        return self.account.phone(RUTH)

    @property
    def sam(self) -> PhoneDouble:
        return self.account.phone(SAM)

    async def gives(self, key: str, how: How, address: str) -> None:
        async with self.store.write() as unit:
            await reach.set_address(unit, await reach.staff(unit, key), how, address, self.clock.now())

    async def policy(self, *hows: str, repeat: int = 15) -> None:
        """Alerts of danger ask the interventionist, whoever is on call, then all; each step in these ways."""
        steps = [
            {"after": 5 * at, "who": who, "how": how.split()}
            for at, (who, how) in enumerate(zip(("interventionist", "on_call", "everyone"), hows, strict=False))
        ]
        async with self.store.write() as unit:
            new = read_policies({"danger": {"steps": steps, "repeat": repeat}})
            await arranged.keep_policies(unit, new, "ruth", self.clock.now())

    async def alert(self) -> AlertRow:
        (alert,) = [row for row in await self.rows(AlertRow) if row.kind == AlertKind.DANGER]
        found: AlertRow = alert
        return found

    async def pages(self, someone: str, channel: str) -> list[OutboundRow]:
        async with self.store.read() as unit:
            row = await people.by_key(unit, someone)
            assert row
            query = select(OutboundRow).where(OutboundRow.person_id == row.id, OutboundRow.channel == channel)
            found = await unit.session.scalars(query.order_by(OutboundRow.sequence))
            return [page for page in found if page.alert_id]

    async def steps(self) -> list[int]:
        alert = await self.alert()
        return sorted(row.step for row in await self.rows(AlertStepRow) if row.alert_id == alert.id)

    async def key(self, call: Call, key: str, token: str = "b" * 32, **changed: str) -> tuple[int, str]:
        """Post a key as anybody could; returns what is answered."""
        url = changed.pop("url", call.action or "")
        params = {**call.news(Digits=key), **changed}
        status, answered = await self.account.api.post(url, params, sign(url, params, token))
        return status, answered.text if answered else ""

    def refused(self, reason: str) -> float:
        return self.border.count("voice", reason)


@asynccontextmanager
async def opened(
    home: Path, data: Path, content: Content, screen: Screen, engine: EngineDouble, url: str, without: str = ""
) -> AsyncIterator[Staffed]:
    async with AsyncExitStack() as stack:
        api = await stack.enter_async_context(twilio_double())
        mail = await stack.enter_async_context(mail_double())
        account = api.account("AC" + "a" * 32, "b" * 32, number=OURS)
        said = Voice(TwilioCalls(account.sid, ["b" * 32], OURS, PUBLIC, api.base), content)
        stack.push_async_callback(said.caller.close)
        letters = Email(Server("127.0.0.1", mail.port, Security.NONE), "Handrail <alerts@example.org>", content)
        more: dict[str, Channel] = {voice.NAME: said, email.NAME: letters}
        more.pop(without, None)
        lines: list[Line] = []
        opening = demo.opened(
            home, data, content, screen, engine.host, lines.append, url=url, outside=Outside(more=more)
        )
        house = Staffed(await stack.enter_async_context(opening), lines, engine)
        house.account, house.mail = account, mail
        api.clock = house.clock.now

        async def never(*_: Any) -> Any:
            raise AssertionError("nothing else comes in here")

        told = house.app.senders[voice.NAME].told if voice.NAME in house.app.senders else never
        house.border = Border(never, never, calls=Calls(said, told, house.app.pressed))
        port = await stack.enter_async_context(serving(house.border.app))
        api.reroute(PUBLIC, f"http://127.0.0.1:{port}")
        yield house


@pytest.fixture
async def house(
    home: Path, tmp_path: Path, content: Content, screen: Screen, engine: EngineDouble, database_url: str
) -> AsyncIterator[Staffed]:
    async with opened(home, tmp_path, content, screen, engine, database_url) as made:
        yield made


# What goes out


async def test_a_definite_danger_rings_and_writes_at_once_and_a_number_is_all_it_takes(house: Staffed) -> None:
    await house.gives("ruth", How.CALL, RUTH)
    await house.client.says(DANGER)
    house.staff.is_alerted(number=1)
    (heard,) = house.ruth.heard
    assert heard.startswith("This is Handrail, with an alert for you. Alert 1. This is about suicide. It is definite.")
    assert "Press 1 to take it. Press 2 if you can't." in heard
    assert "kill" not in heard
    assert "maya" not in heard.lower()
    assert [row.reached for row in await house.rows(AlertStepRow)] == [1], "people are counted, not messages"
    async with house.store.read() as unit:
        from bot.escalation import paging

        assert await paging.reached(unit, await house.alert()) == 1


async def test_what_is_only_possible_rings_nobody(house: Staffed) -> None:
    await house.gives("ruth", How.CALL, RUTH)
    await house.client.says("they would be better off without me")
    house.staff.is_alerted(level="possible")
    assert house.ruth.calls == []


async def test_it_is_spoken_in_the_language_of_whoever_is_called(house: Staffed) -> None:
    await house.gives("ruth", How.CALL, RUTH)
    async with house.store.write() as unit:
        (await reach.staff(unit, "ruth")).language = "es"
    await house.client.says(DANGER)
    (call,) = house.ruth.calls
    assert "Polly.Lupe" in call.twiml
    assert house.ruth.picks_up().startswith("Habla Handrail, con una alerta para ti. Alerta 1. Se trata de suicidio.")
    assert "Es tuya." in await house.ruth.presses("1")


async def test_an_e_mail_holds_number_kind_and_case_and_how_to_answer(house: Staffed) -> None:
    await house.policy("email")
    await house.gives("ruth", How.EMAIL, "ruth@example.org")
    await house.client.says(DANGER)
    (letter,) = house.mail.letters
    assert house.mail.envelopes == [("alerts@example.org", "ruth@example.org")]
    assert letter["Subject"].startswith("ALERT 1: suicide, definite, case 10")
    (page,) = await house.pages("ruth", "email")
    assert letter["Message-ID"] == f"<{page.id}@example.org>"
    (text,) = house.mail.texts("ruth@example.org")
    assert "Write 1a to take it" in text
    everything = letter.as_string()
    assert "kill" not in everything
    assert "maya" not in everything.lower()
    assert "ortega" not in everything.lower()
    house.staff.is_not_alerted(number=1)


async def test_who_has_nothing_of_what_a_step_names_is_reached_by_what_they_have(house: Staffed) -> None:
    await house.policy("email call telegram sms")
    await house.client.says(DANGER)
    house.staff.is_alerted(number=1)
    assert [row.reached for row in await house.rows(AlertStepRow)] == [1]


async def test_who_cannot_be_written_to_gets_an_e_mail_or_is_called(house: Staffed) -> None:
    await house.policy("message")
    await house.gives("ruth", How.CALL, RUTH)
    async with house.store.write() as unit:
        row = await reach.staff(unit, "ruth")
        query = select(ContactPointRow).join(ConversationRow).where(ContactPointRow.person_id == row.id)
        (await unit.session.scalars(query)).one().opted_out_at = house.clock.now()
    await house.client.says(DANGER)
    assert len(house.ruth.calls) == 1


async def test_the_number_someone_texts_from_is_called_unless_it_was_ruled_out(house: Staffed) -> None:
    async with house.store.write() as unit:
        row = await reach.staff(unit, "ruth")
        await people.add_contact(unit, row.id, "sms", RUTH)
    await house.policy("call")
    await house.client.says(DANGER)
    assert len(house.ruth.calls) == 1
    assert "It is yours." in (house.ruth.picks_up() and await house.ruth.presses("1"))
    async with house.store.write() as unit:
        await reach.rule_out(unit, await reach.staff(unit, "ruth"), How.CALL, house.clock.now())
    house.move(minutes=40)
    await house.app.tick.run()
    await house.app.settle()
    assert len(house.ruth.calls) == 1


@pytest.mark.parametrize("without", [voice.NAME, email.NAME])
async def test_what_is_not_set_up_is_replaced_by_a_message(
    home: Path, tmp_path: Path, content: Content, screen: Screen, engine: EngineDouble, without: str
) -> None:
    async with opened(home, tmp_path, content, screen, engine, "", without) as house:
        await house.policy(without)
        await house.gives("ruth", How.CALL, RUTH)
        await house.gives("ruth", How.EMAIL, "ruth@example.org")
        await house.client.says(DANGER)
        house.staff.is_alerted(number=1)
        assert not [row for row in await house.rows(AlertRow) if row.kind == AlertKind.TECHNICAL]


# The key


async def test_one_takes_it_and_the_rest_follows_in_writing(house: Staffed) -> None:
    await house.gives("ruth", How.CALL, RUTH)
    await house.client.says(DANGER)
    house.client.catches_up()
    house.ruth.picks_up()
    said = await house.ruth.presses("1")
    assert said == "It is yours. Read why by text. Then write what you did, within 30 minutes, or I ask others again."
    await house.app.settle()
    alert = await house.alert()
    assert alert.status == AlertStatus.ACKNOWLEDGED
    house.staff.hears("alert 1 is yours", "1v to read why")
    house.client.hears("ruth")
    (page,) = await house.pages("ruth", "call")
    assert (page.status, page.receipt) == (OutStatus.DELIVERED, Receipt.DELIVERED), (
        "the end of the call changes nothing"
    )
    await house.demo.forward(timedelta(minutes=20))
    assert len(house.ruth.calls) == 1
    assert await house.steps() == [0]


async def test_two_passes_it_on_at_once(house: Staffed) -> None:
    await house.gives("ruth", How.CALL, RUTH)
    await house.gives("sam", How.CALL, SAM)
    await house.client.says(DANGER)
    house.ruth.picks_up()
    assert (await house.ruth.presses("2")).startswith("All right. I ask the next people now.")
    await house.app.settle()
    house.backup.is_alerted(number=1)
    assert len(house.sam.calls) == 1
    assert len(house.ruth.calls) == 1, "whoever can't is not called again at once"


async def test_another_key_is_asked_again(house: Staffed) -> None:
    await house.gives("ruth", How.CALL, RUTH)
    await house.client.says(DANGER)
    house.ruth.picks_up()
    assert await house.ruth.presses("7") == "Press 1 to take it. Press 2 if you can't."
    assert (await house.alert()).status == AlertStatus.OPEN
    assert (await house.ruth.presses("1")).startswith("It is yours.")


async def test_whoever_comes_second_hears_the_truth(house: Staffed) -> None:
    await house.gives("ruth", How.CALL, RUTH)
    await house.client.says(DANGER)
    house.ruth.picks_up()
    await house.backup.says("1a")
    assert (await house.ruth.presses("1")).startswith("Somebody else has taken it.")
    async with house.store.read() as unit:
        sam = await people.by_key(unit, "sam")
    assert sam
    assert (await house.alert()).acknowledged_by == sam.id


async def test_a_call_about_a_closed_alert_says_so(house: Staffed) -> None:
    await house.gives("ruth", How.CALL, RUTH)
    await house.client.says(DANGER)
    house.ruth.picks_up()
    await house.backup.says("1a")
    await house.backup.says("1c spoke with her")
    assert (await house.ruth.presses("1")).startswith("It is closed already.")


async def test_a_key_and_a_text_at_the_same_moment_have_one_winner(house: Staffed) -> None:
    await house.gives("ruth", How.CALL, RUTH)
    await house.client.says(DANGER)
    house.ruth.picks_up()
    (call,) = house.ruth.calls
    async with house.store.read() as unit:
        sam = await people.by_key(unit, "sam")
    assert sam

    async def by_text() -> alerts.Changed:
        async with house.store.write() as unit:
            return await alerts.acknowledge(unit, 1, sam.id, house.clock.now())

    (status, said), changed = await asyncio.gather(house.key(call, "1"), by_text())
    assert status == 200
    winner = (await house.alert()).acknowledged_by
    assert (changed.change is alerts.Change.DONE) == (winner == sam.id)
    assert ("It is yours" in said) == (winner != sam.id)


async def test_a_key_that_nobody_signed_is_refused(house: Staffed) -> None:
    await house.gives("ruth", How.CALL, RUTH)
    await house.client.says(DANGER)
    house.ruth.picks_up()
    (call,) = house.ruth.calls
    status, _ = await house.key(call, "1", token="c" * 32)
    assert status == 403
    assert house.refused("wrong signature") == 1
    assert (await house.alert()).status == AlertStatus.OPEN


async def test_a_key_counts_only_in_the_very_call(house: Staffed) -> None:
    await house.gives("ruth", How.CALL, RUTH)
    await house.client.says(DANGER)
    house.ruth.picks_up()
    (call,) = house.ruth.calls
    for changed in (
        {"CallSid": "CA" + "f" * 32},
        {"To": SAM},
        {"url": f"{PUBLIC}/voice/key?id={'0' * 32}"},
        {"url": f"{PUBLIC}/voice/key"},
    ):
        status, said = await house.key(call, "1", **changed)
        assert status == 200
        assert "answer by text" in said
        assert "<Hangup" in said
    assert house.refused("no such call") == 4
    (page,) = await house.pages("ruth", "console")
    status, said = await house.key(call, "1", url=f"{PUBLIC}/voice/key?id={page.id}")
    assert "answer by text" in said, "the id of another message is none of a call"
    assert (await house.alert()).status == AlertStatus.OPEN


async def test_a_key_that_is_played_again_does_nothing(house: Staffed) -> None:
    await house.gives("ruth", How.CALL, RUTH)
    await house.client.says(DANGER)
    house.ruth.picks_up()
    (call,) = house.ruth.calls
    action = call.action or ""
    await house.ruth.presses("1")
    await house.demo.forward(timedelta(minutes=31))
    assert (await house.alert()).status == AlertStatus.OPEN, "it was asked for again"
    status, said = await house.key(call, "1", url=action)
    assert (status, house.refused("no such call")) == (200, 1)
    assert "answer by text" in said
    assert (await house.alert()).status == AlertStatus.OPEN


async def test_while_the_database_is_away_whoever_presses_a_key_hears_it(
    house: Staffed, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.gives("ruth", How.CALL, RUTH)
    await house.client.says(DANGER)
    house.ruth.picks_up()
    (call,) = house.ruth.calls

    def away() -> Any:
        raise OSError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(house.store, "write", away)
        status, said = await house.key(call, "1")
    assert (status, house.refused("not kept")) == (200, 1)
    assert "I could not write that down" in said


# Who does not answer


@pytest.mark.parametrize("ends", ["lets_it_ring", "is_busy", "hangs_up"])
async def test_without_a_key_the_next_step_follows_at_once(house: Staffed, ends: str) -> None:
    await house.gives("ruth", How.CALL, RUTH)
    await house.gives("sam", How.CALL, SAM)
    await house.client.says(DANGER)
    if ends == "hangs_up":
        # A mailbox picks up too, and presses nothing.
        house.ruth.picks_up()
    assert await getattr(house.ruth, ends)() == 204
    (page,) = await house.pages("ruth", "call")
    assert (page.status, page.reason) == (OutStatus.FAILED, "unanswered")
    await house.demo.forward(timedelta(seconds=5))
    assert await house.steps() == [0, 1]
    assert len(house.sam.calls) == 1


async def test_who_let_it_ring_reads_that_it_did(house: Staffed) -> None:
    await house.policy("call")
    await house.gives("ruth", How.CALL, RUTH)
    await house.client.says(DANGER)
    house.staff.hears_nothing()
    await house.ruth.lets_it_ring()
    await house.app.settle()
    house.staff.is_alerted(number=1)


async def test_where_no_word_comes_of_a_call_the_provider_is_asked(house: Staffed) -> None:
    house.account.callbacks = "withheld"
    await house.gives("ruth", How.CALL, RUTH)
    await house.client.says(DANGER)
    await house.ruth.lets_it_ring()
    assert await house.steps() == [0]
    house.move(seconds=61)
    await house.app.settle()
    await house.app.tick.run()
    assert await house.steps() == [0, 1]


async def test_a_late_key_still_counts(house: Staffed) -> None:
    await house.gives("ruth", How.CALL, RUTH)
    await house.client.says(DANGER)
    house.ruth.picks_up()
    (call,) = house.ruth.calls
    await house.ruth.hangs_up()
    _, said = await house.key(call, "1")
    assert "It is yours." in said, "the end of a call may be told before the key that was pressed in it"
    assert (await house.alert()).status == AlertStatus.ACKNOWLEDGED


async def test_whose_alert_was_taken_meanwhile_is_not_called(house: Staffed) -> None:
    await house.gives("ruth", How.CALL, RUTH)
    await house.writes(house.client, DANGER)
    async with house.store.write() as unit:
        sam = await people.by_key(unit, "sam")
        assert sam
        await alerts.acknowledge(unit, 1, sam.id, house.clock.now())
    await house.app.settle()
    assert house.ruth.calls == []
    assert [page.status for page in await house.pages("ruth", "call")] == [OutStatus.DROPPED]


async def test_who_is_being_called_is_not_called_a_second_time(house: Staffed) -> None:
    await house.gives("ruth", How.CALL, RUTH)
    await house.client.says(DANGER)
    house.ruth.picks_up()
    house.move(minutes=2)
    await house.client.says("i am going to do it now, i want to die")
    assert len(house.ruth.calls) == 1
    await house.ruth.hangs_up()
    house.move(minutes=2)
    await house.client.says("i want to kill myself tonight")
    assert len(house.ruth.calls) == 2


# What breaks


async def test_a_mail_server_that_is_down_changes_the_way(house: Staffed) -> None:
    await house.policy("email")
    await house.gives("ruth", How.EMAIL, "ruth@example.org")
    house.mail.fail("MAIL", "421 4.3.2 shutting down", times=99)
    await house.client.says(DANGER)
    house.staff.is_alerted(number=1)


async def test_where_no_other_way_is_left_the_next_step_follows_at_once(house: Staffed) -> None:
    await house.policy("call email", "message")
    await house.gives("ruth", How.EMAIL, "ruth@example.org")
    await house.gives("ruth", How.CALL, RUTH)
    async with house.store.write() as unit:
        row = await reach.staff(unit, "ruth")
        query = select(ContactPointRow).join(ConversationRow).where(ContactPointRow.person_id == row.id)
        (await unit.session.scalars(query)).one().opted_out_at = house.clock.now()
    house.mail.fail("RCPT", "451 4.3.0 later", times=99)
    house.account.fail(times=99, status=500)
    await house.client.says(DANGER)
    await house.demo.forward(timedelta(seconds=10))
    house.backup.is_alerted(number=1)


async def test_an_address_that_does_not_exist_is_told_and_not_used_again(house: Staffed) -> None:
    await house.policy("email", "message")
    await house.gives("ruth", How.EMAIL, "ruth@example.org")
    house.mail.fail("RCPT", "550 5.1.1 no such user")
    await house.client.says(DANGER)
    house.staff.is_alerted(number=1)
    (told,) = [row for row in await house.rows(AlertRow) if row.kind == AlertKind.TECHNICAL]
    story = await house.opened(told, "story_sealed")
    assert "by e-mail: this address does not exist" in story
    assert "ruth@" not in story
    house.move(minutes=2)
    await house.client.says(DANGER)
    assert house.mail.letters == []
    await house.gives("ruth", How.EMAIL, "ruth@example.org")
    house.move(minutes=2)
    await house.client.says(DANGER)
    assert len(house.mail.letters) == 1, "given again, it counts again"


async def test_a_repeat_after_a_crash_is_known_by_its_id(house: Staffed) -> None:
    await house.policy("email")
    await house.gives("ruth", How.EMAIL, "ruth@example.org")
    house.mail.fail("DATA", after_accept=True)
    await house.client.says(DANGER)
    await house.demo.forward(timedelta(seconds=20))
    first, second = house.mail.letters
    assert first["Message-ID"] == second["Message-ID"]
    assert "sent again" in house.mail.texts("ruth@example.org")[1]


async def test_a_call_that_may_have_been_made_is_made_again_and_either_may_be_answered(house: Staffed) -> None:
    await house.gives("ruth", How.CALL, RUTH)
    house.account.fail(status=0, after_accept=True)
    await house.client.says(DANGER)
    (first,) = house.ruth.calls
    house.ruth.picks_up()
    await house.demo.forward(timedelta(seconds=20))
    again = house.ruth.calls[1]
    assert "I may have called you about this just now." in again.say(again.twiml)
    sender = house.app.senders[voice.NAME]
    (page,) = await house.pages("ruth", "call")
    assert await sender.told(page.id, Report(first.sid, Receipt.FAILED))
    (page,) = await house.pages("ruth", "call")
    assert page.status == OutStatus.SENT, "the end of the first says nothing of the second"
    _, said = await house.key(first, "1")
    assert "It is yours." in said


# Addresses


async def test_an_address_belongs_to_one_person_and_is_sealed(house: Staffed) -> None:
    await house.gives("ruth", How.CALL, RUTH)
    with pytest.raises(EnrolmentError, match="is ruth's number to be called already"):
        await house.gives("sam", How.CALL, RUTH)
    with pytest.raises(EnrolmentError, match="nobody on staff is called maya"):
        await house.gives("maya", How.CALL, SAM)
    await house.gives("ruth", How.CALL, SAM)
    rows = [row for row in await house.rows(ContactPointRow) if row.channel == "call"]
    assert len(rows) == 1, "a new number replaces the old one"
    assert SAM.encode() not in rows[0].address_sealed
    assert (await house.rows(PersonRow))[0].id
