"""What crosses on the way: two buttons, a word that ends it all, a question and what was written before it."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from bot.care import enrolment, joining, safe_phone
from bot.care.enrolment import NewPerson
from bot.channels.console import NAME, heard
from bot.conversation.reception import Reception
from bot.delivery import outbox
from bot.delivery.messages import SCALE, Choice, Inbound, Lane, Outbound, Shape
from bot.delivery.spool import Spool
from bot.escalation.policy import AlertKind, AlertStatus
from bot.recovery.people import Practice, Role
from bot.store import conversations, people
from bot.store.tables import AlertRow, ConsentRow, InboundRow, OutboundRow, QuestionRow
from tests.doubles.house import House
from tests.unit.conversation.test_turn import Gate
from tests.unit.delivery.test_outbox import Line, Tells, queue, sender_on


async def says(house: House, key: str, text: str, *, settle: bool = True, **more: Any) -> list[str]:
    """Somebody writes; returns what comes back to them."""
    house.move(seconds=5)
    seen = len(house.lines)
    await house.app.intake.accept(Inbound(NAME, key, uuid4().hex, text, **more))
    if settle:
        await house.app.settle()
    return to(house, key, seen)


def to(house: House, key: str, seen: int = 0) -> list[str]:
    seat = house.demo.seat_name(key)
    return [line.text for line in house.lines[seen:] if line.direction == "out" and line.seat == seat]


async def taps(house: House, key: str, message_id: str, at: int, *, settle: bool = True) -> list[str]:
    return await says(house, key, "", settle=settle, shape=Shape.TAP, tapped=(message_id, at))


async def asked(house: House, choices: tuple[Choice, ...]) -> str:
    """Maya is sent a message with buttons; returns its id."""
    async with house.store.write() as unit:
        maya = await people.by_key(unit, "maya")
        assert maya
        conversation = await conversations.of_person(unit, maya.id)
        assert conversation
        (row_id,) = await outbox.enqueue(
            unit, conversation, [Outbound("How strong?", choices)], Lane.REPLY, house.clock.now()
        )
    await house.app.settle()
    return row_id


# Joining


@pytest.mark.parametrize("before", [(), ("1", "i'm 15")], ids=["not agreed", "too young"])
async def test_no_word_goes_past_agreement_and_age(house: House, before: tuple[str, ...]) -> None:
    _, code = await house.newcomer("nadia", Role.CLIENT, "Nadia Ross")
    for text in (code, *before, "details", "skip", "skip", "skip", "skip", "hello"):
        await says(house, "nadia", text)
    assert house.engine.asks == []


@pytest.mark.parametrize(
    ("before", "text"),
    [
        ((), "i really want to drink, help me"),
        (("skip",), "i'm at a 9 right now"),
        (("skip", "skip", "skip"), "i used 2 bags last night"),
    ],
)
async def test_a_craving_among_the_questions_of_joining_is_heard_as_one(
    house: House, before: tuple[str, ...], text: str
) -> None:
    _, code = await house.newcomer("nadia", Role.CLIENT, "Nadia Ross")
    for each in (code, "1", "1", "US", *before, text):
        await says(house, "nadia", each)
    assert house.engine.asks == [text]


async def test_who_declined_to_be_staff_reads_no_alert(house: House) -> None:
    await says(house, "maya", "i want to kill myself")
    _, code = await house.newcomer("zed", Role.STAFF, "Zed")
    await says(house, "zed", code)
    await says(house, "zed", "2")
    assert "Maya" not in str(await says(house, "zed", "1v"))


async def test_an_older_button_pressed_while_a_safety_question_waits_is_heard_by_whom_it_was_for(house: House) -> None:
    nadia, code = await house.newcomer("nadia", Role.CLIENT, "Nadia Ross")
    await says(house, "nadia", code)
    agree = (await house.sent(nadia))[-1]
    await says(house, "nadia", "they would be better off without me")
    await taps(house, "nadia", agree.id, 0)
    assert house.engine.asks == [], "she has only now agreed"
    assert any(consent.given_at for consent in await house.rows(ConsentRow))


# Buttons


async def test_not_safe_pressed_again_the_next_day_is_danger_again(house: House) -> None:
    await says(house, "maya", "they would be better off without me")
    (question,) = await house.rows(QuestionRow)
    await taps(house, "maya", question.message_id, 0)
    house.move(minutes=20)
    await says(house, "ruth", "1v")
    await says(house, "ruth", "1c phoned her, all is well")
    house.move(hours=20)
    before = len(await house.rows(InboundRow))
    await taps(house, "maya", question.message_id, 0)
    assert len(await house.rows(InboundRow)) == before + 1
    assert [a for a in await house.rows(AlertRow) if a.kind == AlertKind.DANGER and a.status == AlertStatus.OPEN]


async def test_of_two_buttons_pressed_before_either_was_answered_the_first_counts(house: House) -> None:
    message_id = await asked(house, SCALE)
    for at in (3, 4):
        await taps(house, "maya", message_id, at, settle=False)
    await house.app.settle()
    assert house.engine.asks == ["3"]


async def test_a_client_takes_back_their_yes_to_a_relative_by_the_other_button(house: House) -> None:
    now = house.clock.now()
    async with house.store.write() as unit:
        maya = await people.by_key(unit, "maya")
        assert maya
        new = NewPerson(key="lena", role=Role.FAMILY, name="Lena", time_zone="UTC", country="US")
        lena = await enrolment.add(unit, new, now)
        await enrolment.ask_client(unit, house.app.content, Practice("Alder House"), maya, lena, now)
    house.move(hours=14)
    await house.app.settle()
    (row,) = [row for row in await house.rows(OutboundRow) if row.lane == int(Lane.NOTICE)]
    await taps(house, "maya", row.id, 0)
    await taps(house, "maya", row.id, 1)
    (consent,) = await house.rows(ConsentRow)
    assert (consent.given_at, consent.refused_at is not None) == (None, True)


# The exit word


async def test_hiding_what_stands_above_after_the_exit_word_ends_no_quiet(house: House) -> None:
    await says(house, "maya", "my exit word is pineapple")
    await says(house, "maya", "he hit me again, i am scared he will kill me")
    await says(house, "maya", "pineapple")
    await says(house, "maya", "what's for dinner", shape=Shape.EDIT)
    seen = len(house.lines)
    await house.demo.forward(timedelta(hours=11))
    assert to(house, "maya", seen) == []


async def test_what_is_being_answered_when_the_exit_word_comes_is_not_said(house: House) -> None:
    await says(house, "maya", "my exit word is pineapple")
    gate = Gate(house)
    await says(house, "maya", "craving 8", settle=False)
    work = asyncio.create_task(house.app.turns.run_once())
    await gate.asked.wait()
    await says(house, "maya", "pineapple", settle=False)
    gate.open.set()
    await work
    await house.app.settle()
    assert "craving 8" not in to(house, "maya")[-1]


async def test_what_was_in_doubt_when_the_exit_word_came_is_not_sent_later(house: House) -> None:
    await says(house, "maya", "my exit word is pineapple")
    await queue(house, house.client, "What set the craving off?", Lane.REPLY)
    line = Tells(TimeoutError())
    own = sender_on(house, line)
    await own.run_once()
    await house.app.intake.accept(heard("maya", "pineapple"))
    house.move(minutes=5)
    await own.ask_once()
    await own.run_once()
    assert "What set the craving off?" not in line.texts


# Questions and answers


async def test_a_yes_of_someone_who_stopped_the_messages_is_also_the_answer_to_the_question(house: House) -> None:
    await says(house, "maya", "stop texting me. they would be better off without me", keywords=True)
    await says(house, "maya", "yes", keywords=True)
    (question,) = [row for row in await house.rows(QuestionRow) if row.attempts == 1]
    assert question.outcome == "danger"


async def test_what_waited_in_the_spool_answers_no_question_that_it_never_saw(house: House, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", house.store.vault)
    desk = Reception(house.store, house.app.intake, spool, {}, house.clock.now)
    desk._away_until = float("inf")
    spool.put(heard("nobody", "first of all"))
    for text in ("i want to kill myself", "yes really"):
        house.move(seconds=1)
        await desk.take(heard("maya", text))
    desk._away_until = 0.0
    house.move(seconds=30)
    await desk.drain()
    await house.app.settle()
    (question,) = await house.rows(QuestionRow)
    assert question.outcome is None


async def test_a_message_that_comes_late_is_read_with_what_was_written_just_before_it(house: House) -> None:
    written = house.clock.now()
    house.move(hours=2)
    for n, text in enumerate(("i want to kill", "myself tonight")):
        late = Inbound(NAME, "maya", f"late-{n}", text, written_at=written + timedelta(seconds=n))
        await house.app.intake.accept(late)
    assert [alert.danger for alert in await house.rows(AlertRow)] == ["suicide"]


async def test_a_spooled_file_that_the_disk_does_not_give_shuts_nothing(house: House, tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool", house.store.vault)
    desk = Reception(house.store, house.app.intake, spool, {}, house.clock.now)
    (tmp_path / "spool" / "00000000000000000000-x.msg").mkdir(parents=True)
    for text in ("i want to kill myself", "are you there"):
        await desk.take(heard("maya", text))
    assert [alert.danger for alert in await house.rows(AlertRow)] == ["suicide"]


# What breaks


async def test_a_note_to_an_alert_about_oneself_is_read_for_danger(house: House) -> None:
    await says(house, "ruth", "i want to kill myself")
    house.move(hours=2)
    await says(house, "ruth", "1c i took all my pills, nobody can help me now")
    assert sum(alert.count for alert in await house.rows(AlertRow) if alert.kind == AlertKind.DANGER) > 1


async def test_whatever_breaks_before_the_protocol_the_alert_is_raised(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: object) -> bool:
        raise RuntimeError("a bug")

    monkeypatch.setattr(safe_phone, "hear", breaks)
    accepted = await house.app.intake.accept(heard("maya", "i want to kill myself"))
    assert accepted.message_id
    assert [alert.danger for alert in await house.rows(AlertRow)] == ["suicide"]


async def test_what_shall_be_said_later_holds_up_nothing_that_is_said_now(house: House) -> None:
    await queue(house, house.client, "one", Lane.REPLY)
    line = Line(TimeoutError())
    own = sender_on(house, line)
    await own.run_once()
    house.move(seconds=2)
    await queue(house, house.client, "the answer to what they wrote then", Lane.REPLY)
    await own.run_once()
    assert line.texts == ["the answer to what they wrote then"]


async def test_who_tries_many_codes_is_not_answered_each_time(house: House) -> None:
    answers = [text for n in range(6) for text in await says(house, "nobody", f"ABCDE-1234{n}")]
    assert 1 <= len(answers) <= 2


# Joining, and what stands between its questions


async def test_nobody_agrees_to_what_has_not_reached_them(house: House) -> None:
    tom, code = await house.newcomer("tom", Role.CLIENT, "Tom Reyes")
    await house.app.intake.accept(heard("tom", code))
    for text in ("yes", "1"):
        await house.app.intake.accept(heard("tom", text))
        await house.app.turns.run_once()
    assert not await house.rows(ConsentRow), "the question still waits to be sent"
    await house.app.settle()
    assert sum("okay with you to go on" in text for text in to(house, "tom")) == 1
    await says(house, "tom", "yes")
    (consent,) = await house.rows(ConsentRow)
    assert consent.given_at
    assert tom.key == "tom"


async def test_the_next_rescue_step_is_not_taken_for_an_age_and_goes_on_when_staff_close(house: House) -> None:
    _, code = await house.newcomer("omar", Role.FAMILY, "Omar Diaz")
    for text in (code, "1"):
        await says(house, "omar", text)
    steps = await says(house, "omar", "my daughter won't wake up, her lips are blue")
    assert "911" in str(steps)
    await says(house, "ruth", "1c paramedics are there")
    on = await says(house, "omar", "1")
    assert "country" not in str(on)
    assert "next step" in str(on)
    async with house.store.read() as unit:
        omar = await people.by_key(unit, "omar")
        assert omar
        assert omar.joining == "adult", "nobody has said how old they are"


async def test_a_yes_to_something_else_is_nobodys_address(house: House) -> None:
    await says(house, "maya", "details")
    await says(house, "maya", "skip")
    await says(house, "maya", "yes")
    async with house.store.read() as unit:
        maya = await people.by_key(unit, "maya")
        assert maya
        assert maya.place_sealed is None


async def test_a_clients_no_keeps_a_relative_out_whatever_was_noted_before(house: House) -> None:
    now = house.clock.now()
    async with house.store.write() as unit:
        maya = await people.by_key(unit, "maya")
        assert maya
        new = NewPerson(key="bo", role=Role.FAMILY, name="Bo", time_zone="UTC", country="US")
        bo = await enrolment.add(unit, new, now)
        await enrolment.ask_client(unit, house.app.content, Practice("Alder House"), maya, bo, now)
        await enrolment.consent_noted(unit, maya, bo, "by phone", now)
        code = await joining.invite(unit, bo, now)
    house.passer_by("bo", Role.FAMILY, "Bo")
    for text in (code, "1", "1", "skip"):
        await says(house, "bo", text)
    house.move(hours=14)
    await house.app.settle()
    (row,) = [row for row in await house.rows(OutboundRow) if row.lane == int(Lane.NOTICE)]
    assert "won't use" in str(await taps(house, "maya", row.id, 1))
    asked_before = len(house.engine.asks)
    assert "Bo" not in str(await says(house, "bo", "what do i say to her"))
    await says(house, "bo", "START")
    assert len(house.engine.asks) == asked_before, "who is kept out is served no more"
    async with house.store.write() as unit:
        again = await people.by_key(unit, "bo")
        assert again
        with pytest.raises(joining.NotConsented):
            await joining.invite(unit, again, now)
    await taps(house, "maya", row.id, 0)
    await says(house, "bo", "what do i say to her")
    assert len(house.engine.asks) == asked_before + 1, "and the client may think again"


# Whom we send nothing


async def test_who_stopped_the_messages_and_asks_for_a_person_is_told_to_staff(house: House) -> None:
    await says(house, "maya", "STOP", keywords=True)
    assert "messages are off" in str(await says(house, "maya", "hello")).lower() or "no more messages" in str(
        to(house, "maya")[-1]
    )
    assert "told the team" in str(await says(house, "maya", "can i get a person please"))
    assert [alert for alert in await house.rows(AlertRow) if alert.kind == AlertKind.HUMAN]


async def test_a_stranger_in_danger_is_not_left_without_a_word(house: House) -> None:
    await says(house, "nobody", "i took all my pills and i want to die")
    await says(house, "nobody", "1")
    house.move(minutes=15)
    assert "911" in str(await says(house, "nobody", "what now")) or "emergency" in str(to(house, "nobody")[-1])
