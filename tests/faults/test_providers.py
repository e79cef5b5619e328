"""A provider slows us down, breaks, takes a message without saying so, or cannot reach a phone."""

import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from bot.store import people
from bot.store.database import Unit
from bot.store.tables import AlertRow, ContactPointRow, OutboundRow
from tests.faults.ledger import AGAIN, Sent, read_books
from tests.faults.service import INES, MAYA, NORA, RUTH, SAM, THEO, Known, Practice, until

DANGER = "i want to kill myself"
CELL = "+15035550199"


async def queued(practice: Practice, known: Known) -> list[Sent]:
    """What is on record as sent, or to be sent, to someone."""
    books = await practice.look(read_books)
    return [row for row in books.outbound if (row.channel, row.address) in known.ways]


async def contact(practice: Practice, known: Known) -> ContactPointRow:
    async def find(unit: Unit) -> ContactPointRow:
        found = await people.by_address(unit, *known.ways[0])
        assert found
        return found[0]

    return await practice.look(find)


async def also_by_sms(practice: Practice, known: Known, number: str = CELL) -> None:
    """Someone can be texted as well, and wrote last from where they were known before."""
    async with practice.store() as store, store.write() as unit:
        found = await people.by_address(unit, *known.ways[0])
        assert found
        found[1].last_heard = datetime.now(UTC)
        await people.add_contact(unit, found[2].id, "sms", number)
    practice.account.phone(number)


async def test_a_429_is_obeyed_and_no_storm_follows(running: Practice) -> None:
    maya = running.chat(MAYA)
    running.bot.fail("sendMessage", retry_after=4, times=1)
    maya.writes("/crisis")
    nora = running.chat(NORA)
    nora.writes("/crisis")
    await until(lambda: running.bot.called("sendMessage"), within=5, what="the first attempt")
    refused = time.monotonic()
    for _ in range(5):
        nora.writes("/help")
    await until(lambda: maya.texts and len(nora.texts) >= 6, within=40, what="everything to be sent after all")
    assert time.monotonic() - refused >= 4
    sent = len(running.bot.called("sendMessage"))
    # Those that were on their way beside the one that was refused may still have gone out.
    assert sent <= 9, f"{sent} calls for 7 messages"
    assert len(maya.texts) + len(nora.texts) == 7


async def test_while_the_account_must_wait_it_is_left_alone(running: Practice) -> None:
    running.bot.fail("sendMessage", retry_after=6, times=50)
    running.chat(MAYA).writes("/crisis")
    await until(lambda: running.bot.called("sendMessage"), within=5, what="the first attempt")
    first = time.monotonic()
    for n in range(10):
        running.chat(NORA).writes(f"/crisis {n}")
    await until(lambda: time.monotonic() - first > 5, within=10, what="five seconds")
    assert len(running.bot.called("sendMessage")) == 1


@pytest.mark.parametrize(
    "fault",
    [{"status": 500}, {"status": 503}, {"status": 502}, {"status": 0}],
    ids=["500", "503", "bad gateway", "dropped before it was accepted"],
)
async def test_a_safety_reply_goes_out_after_all(running: Practice, fault: dict[str, int]) -> None:
    running.bot.fail("sendMessage", times=2, **fault)
    running.chat(MAYA).writes(DANGER)
    await until(
        lambda: len(running.chat(MAYA).texts) >= 2, within=25, what="the safety reply and the word of the alert"
    )
    texts = running.chat(MAYA).texts
    assert any("988" in text and "Are you safe" in text for text in texts)
    assert any("alerted" in text for text in texts)
    doubtful = fault["status"] in (0, 502)
    assert {text.startswith(AGAIN) for text in texts} == {doubtful}, "marked only where nobody knows"
    await until(lambda: running.chat(RUTH).texts, within=1, what="the alert, which waits for nothing of this")


async def test_taken_and_dropped_a_safety_reply_is_repeated_with_a_mark_and_an_ordinary_one_is_not(
    running: Practice,
) -> None:
    running.bot.fail("sendMessage", status=0, after_accept=True, times=1)
    running.chat(NORA).writes("/crisis")
    await until(lambda: running.chat(NORA).texts, within=5, what="the ordinary reply")
    running.bot.fail("sendMessage", status=0, after_accept=True, times=1)
    running.staff_bot.fail("sendMessage", status=0, after_accept=True, times=1)
    running.chat(INES).writes("he took all his pills and does not wake up")
    ines, ruth = running.chat(INES), running.chat(RUTH)
    await until(lambda: any(t.startswith(AGAIN) for t in ines.texts), within=20, what="the repeat")
    await until(
        lambda: any(AGAIN in t for chat in (ruth, running.chat(SAM)) for t in chat.texts), within=20, what="the page"
    )
    repeated = next(text for text in ines.texts if text.startswith(AGAIN))
    assert ines.texts.count(repeated.removeprefix(AGAIN)) == 1, "once without the mark, once with it"
    assert len([text for text in ines.texts if text.startswith(AGAIN)]) == 1
    assert len(running.chat(NORA).texts) == 1
    (unsure, *_) = await queued(running, NORA)
    assert str(unsure.status) == "unknown"


async def test_a_slow_provider_is_not_asked_twice_for_an_ordinary_message(running: Practice) -> None:
    running.account.fail(times=1, status=200, slow=12.0)
    running.chat(NORA)
    await running.phone(THEO).texts("good morning 1")
    phone = running.phone(THEO)

    async def on_record() -> bool:
        return any(str(row.status) in ("sent", "delivered") for row in await queued(running, THEO))

    await until(on_record, within=40, what="the doubt to be settled by the provider's record")
    assert len(phone.received) == 1


async def test_a_text_that_never_went_out_is_not_taken_for_an_older_one_with_the_same_words(running: Practice) -> None:
    phone = running.phone(THEO)
    running.settings["HANDRAIL_TWILIO_ANSWERS_KEYWORDS"] = "false"
    running.kill()
    await running.start()
    await phone.texts("HELP")
    await until(lambda: len(phone.received) == 1, within=5, what="the first answer")
    running.account.fail(times=1, status=0)
    await phone.texts("HELP")

    async def looked_for() -> bool:
        rows = await queued(running, THEO)
        return len(rows) == 2 and str(rows[1].status) not in ("queued", "sending")

    await until(looked_for, within=30, what="the second attempt to be on record")
    await until(lambda: "request" in [kind for kind, _ in running.twilio.log[-3:]], within=30, what="the question")

    async def settled() -> bool:
        return str((await queued(running, THEO))[1].status) != "unknown"

    try:
        await until(settled, within=20, what="an answer")
    except AssertionError:
        return
    assert len(phone.received) == 2, "what stands as delivered was delivered"


@pytest.mark.parametrize("fault", [{"retry_after": 45}, {"status": 500}], ids=["429", "500"])
async def test_an_alert_that_the_staff_bot_does_not_take_reaches_the_same_person_by_text(
    practice: Practice, fault: dict[str, int]
) -> None:
    await also_by_sms(practice, RUTH)
    await practice.start()
    practice.staff_bot.fail("sendMessage", times=1000, **fault)
    practice.chat(MAYA).writes(DANGER)
    written = time.monotonic()
    await until(lambda: practice.account.phone(CELL).screen, within=60, what="the alert by SMS")
    assert "ALERT 1" in practice.account.phone(CELL).screen[0]
    assert time.monotonic() - written < 60
    await practice.end()


async def test_an_alert_whose_first_person_cannot_be_reached_goes_to_the_next(running: Practice) -> None:
    running.chat(RUTH).blocked = True
    running.chat(MAYA).writes(DANGER)
    await until(lambda: any("ALERT 1" in t for t in running.chat(SAM).texts), within=60, what="the next person")
    assert (await contact(running, RUTH)).suspended_at


async def test_a_429_on_the_clients_bot_does_not_delay_an_alert(running: Practice) -> None:
    running.bot.fail("sendMessage", retry_after=30, times=1000)
    running.chat(NORA).writes("/crisis")
    await until(lambda: running.bot.called("sendMessage"), within=5, what="the refusal")
    written = time.monotonic()
    running.chat(MAYA).writes(DANGER)
    await until(lambda: running.chat(RUTH).texts, within=5, what="the alert")
    assert time.monotonic() - written < 2
    assert "ALERT 1" in running.chat(RUTH).texts[0]


async def test_a_text_whose_arrival_is_not_told_is_asked_for_after_a_minute_and_the_next_step_follows(
    practice: Practice,
) -> None:
    practice.account.callbacks = "withheld"
    await also_by_sms(practice, RUTH)
    async with practice.store() as store, store.write() as unit:
        found = await people.by_address(unit, *RUTH.ways[0])
        assert found
        found[0].suspended_at = datetime.now(UTC)
    practice.account.phone(CELL).ends = "sent"
    await practice.start()
    practice.chat(MAYA).writes(DANGER)
    await until(lambda: practice.account.phone(CELL).received, within=5, what="the page")
    paged = time.monotonic()
    sid = practice.account.phone(CELL).received[0].sid

    def asked() -> bool:
        return any(kind == "request" and sid in entry["path"] for kind, entry in practice.twilio.log)

    await until(asked, within=80, what="the provider to be asked", every=0.2)
    assert time.monotonic() - paged > 55
    await until(lambda: any("ALERT 1" in t for t in practice.chat(SAM).texts), within=12, what="the next step")
    await practice.end()


async def alerts_of(practice: Practice, kind: str) -> list[AlertRow]:
    async def find(unit: Unit) -> list[AlertRow]:
        return list(await unit.session.scalars(select(AlertRow).where(AlertRow.kind == kind)))

    return await practice.look(find)


@pytest.mark.mission("M36")
async def test_whoever_has_blocked_the_bot_is_suspended_and_staff_are_told_to_phone(running: Practice) -> None:
    running.chat(MAYA).writes(DANGER)
    await until(lambda: len(running.chat(MAYA).texts) >= 2, within=5, what="the safety reply")
    running.chat(MAYA).blocks()

    async def suspended() -> bool:
        return (await contact(running, MAYA)).suspended_at is not None

    await until(suspended, within=5, what="the address to be suspended")
    await until(lambda: any("phone them" in t for t in running.chat(RUTH).texts), within=10, what="staff to be told")
    (danger,) = await alerts_of(running, "danger")
    assert danger.status == "open"
    told = next(text for text in running.chat(RUTH).texts if "phone them" in text)
    assert "number is missing" in told


async def test_a_block_that_only_sending_reveals_has_the_same_end(running: Practice) -> None:
    running.chat(MAYA).blocked = True
    running.chat(MAYA).writes(DANGER)
    await until(lambda: any("phone them" in t for t in running.chat(RUTH).texts), within=10, what="staff to be told")
    assert (await contact(running, MAYA)).suspended_at
    (danger,) = await alerts_of(running, "danger")
    assert danger.status == "open"


async def test_whoever_has_opted_out_at_the_carrier_is_opted_out_here_and_staff_are_told_to_phone(
    running: Practice,
) -> None:
    phone = running.phone(THEO)
    phone.opted_out.add(running.account.numbers[0])
    await phone.texts(DANGER)
    await until(lambda: any("ALERT 1" in t for t in running.chat(RUTH).texts), within=5, what="the alert")
    await until(lambda: any("phone them" in t for t in running.chat(RUTH).texts), within=10, what="staff to be told")
    assert (await contact(running, THEO)).opted_out_at
    (danger,) = await alerts_of(running, "danger")
    assert danger.status == "open"


async def test_what_was_never_accepted_is_sent_once_the_provider_is_back(running: Practice) -> None:
    running.account.fail(times=2, status=500)
    await running.phone(THEO).texts("good morning 1")
    phone = running.phone(THEO)
    await until(lambda: phone.screen, within=30, what="the reply")
    assert len(phone.received) == 1

    async def all_rows(unit: Unit) -> list[tuple[str, int]]:
        rows = await unit.session.scalars(select(OutboundRow).where(OutboundRow.channel == "sms"))
        return [(row.status, row.attempts) for row in rows]

    assert [attempts for _, attempts in await running.look(all_rows)] == [3]
