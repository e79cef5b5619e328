"""What comes to the service's door: forged, replayed, shuffled, malformed, hostile. Only what is true is taken, and once."""

import asyncio
import json
import random
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from bot.store import people
from bot.store.database import Unit
from bot.store.tables import AlertRow, InboundRow, OutboundRow, SetAsideRow
from tests.doubles.twilio import sign
from tests.faults.ledger import read_books
from tests.faults.service import (
    AUTH_TOKEN,
    LENA,
    MAYA,
    NORA,
    OLD_AUTH_TOKEN,
    PUBLIC,
    RUTH,
    STAFF_TOKEN,
    THEO,
    Known,
    Practice,
    opened,
    until,
)

DANGER = "i want to kill myself"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def text_from(known: Known, body: str, sid: str = "") -> dict[str, str]:
    number = known.ways[0][1]
    return {"MessageSid": sid or f"SM{uuid.uuid4().hex}", "From": number, "Body": body, "NumMedia": "0"}


async def posted(practice: Practice, path: str, fields: dict[str, str], token: str | None = AUTH_TOKEN) -> int:
    url = f"{PUBLIC}{path}"
    signature = sign(url, fields, token) if token else None
    status, _ = await practice.twilio.post(url, fields, signature)
    return status


async def posted_raw(practice: Practice, path: str, body: bytes, headers: dict[str, str]) -> int:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.post(f"{practice.local}{path}", content=body, headers=headers)).status_code


async def kept(practice: Practice, known: Known) -> list[str]:
    """What someone wrote, as it was kept."""

    async def find(unit: Unit) -> list[str]:
        found = await people.by_address(unit, *known.ways[0])
        assert found
        query = select(InboundRow).where(InboundRow.conversation_id == found[1].id).order_by(InboundRow.sequence)
        return [unit.open(row, "text_sealed") for row in await unit.session.scalars(query)]

    return await practice.look(find)


async def danger_alerts(practice: Practice) -> list[int]:
    """How many messages each danger alert counts."""

    async def find(unit: Unit) -> list[int]:
        rows = await unit.session.scalars(select(AlertRow).where(AlertRow.kind == "danger"))
        return [row.count for row in rows]

    return await practice.look(find)


async def set_aside(practice: Practice) -> list[str]:
    async def find(unit: Unit) -> list[str]:
        return [row.reason for row in await unit.session.scalars(select(SetAsideRow))]

    return await practice.look(find)


@pytest.mark.mission("M36")
async def test_what_the_carrier_did_not_sign_is_refused_and_counted(running: Practice) -> None:
    fields = text_from(THEO, DANGER)
    assert await posted(running, "/sms", fields, None) == 403
    assert await posted(running, "/sms", fields, "the wrong token") == 403
    assert await posted(running, "/sms?more=1", fields, None) == 403
    changed = {**fields, "Body": "i am fine"}
    status, _ = await running.twilio.post(f"{PUBLIC}/sms", changed, sign(f"{PUBLIC}/sms", fields, AUTH_TOKEN))
    assert status == 403, "a signature holds for one body"
    status, _ = await running.twilio.post(f"{PUBLIC}/sms", fields, sign(f"{PUBLIC}/sms/status", fields, AUTH_TOKEN))
    assert status == 403, "and for one address"
    news = {"MessageSid": "SM" + "0" * 32, "MessageStatus": "failed", "ErrorCode": "30004"}
    assert await posted(running, "/sms/status?id=" + "0" * 32, news, None) == 403
    assert (await running.refused())["sms", "wrong signature"] == 6
    assert await kept(running, THEO) == []
    assert running.chat(RUTH).texts == []


async def test_while_the_token_is_changed_both_hold_and_no_third(practice: Practice) -> None:
    practice.settings["HANDRAIL_TWILIO_AUTH_TOKEN_OLD"] = OLD_AUTH_TOKEN
    await practice.start()
    assert await posted(practice, "/sms", text_from(THEO, "good morning 1"), AUTH_TOKEN) == 200
    assert await posted(practice, "/sms", text_from(THEO, "good morning 2"), OLD_AUTH_TOKEN) == 200
    assert await posted(practice, "/sms", text_from(THEO, "good morning 3"), "tok" + "d" * 29) == 403
    assert await kept(practice, THEO) == ["good morning 1", "good morning 2"]
    await practice.end()


@pytest.mark.mission("M36")
async def test_a_text_posted_five_times_is_one_turn_and_one_alert(running: Practice) -> None:
    first = await running.phone(THEO).texts(DANGER)
    assert first.status == 200
    assert [(await running.phone(THEO).texts_again(first)).status for _ in range(4)] == [200] * 4
    await until(lambda: len(running.phone(THEO).received) >= 2, within=5, what="the safety reply")
    assert await kept(running, THEO) == [DANGER]
    assert await danger_alerts(running) == [1]
    assert len([text for text in running.chat(RUTH).texts if "ALERT 1" in text]) == 1
    assert len(running.phone(THEO).received) == 2


@pytest.mark.mission("M36")
async def test_an_update_delivered_five_times_is_one_turn_and_one_alert(running: Practice) -> None:
    update = running.chat(MAYA).writes(DANGER)
    for _ in range(4):
        running.bot.raw(update)
    running.chat(MAYA).writes("/help")
    await until(lambda: any("automated" in t for t in running.chat(MAYA).texts), within=5, what="the message after it")
    await until(lambda: not running.bot.pending, within=5, what="all of them to be confirmed")
    assert (await kept(running, MAYA)).count(DANGER) == 1
    assert await danger_alerts(running) == [1]


@pytest.mark.mission("M36")
async def test_reports_that_come_shuffled_and_again_never_take_a_message_back(running: Practice) -> None:
    running.account.callbacks = "withheld"
    await running.phone(THEO).texts("good morning 1")
    await until(lambda: len(running.account.pending) >= 2, within=10, what="the news of the reply")
    sent, delivered = running.account.pending
    (message,) = running.phone(THEO).received
    chance = random.Random(4)
    news = [sent, delivered] * 5
    chance.shuffle(news)
    statuses = []
    for one in (delivered, *news):
        path = one.url.removeprefix(PUBLIC)
        statuses.append(await posted(running, path, one.params))
    assert set(statuses) == {204}
    late = running.account.message(message.sid).news("failed", 30003)
    assert await posted(running, sent.url.removeprefix(PUBLIC), late) == 204

    async def state(unit: Unit) -> list[tuple[str, int]]:
        rows = await unit.session.scalars(select(OutboundRow).where(OutboundRow.channel == "sms"))
        return [(row.status, row.receipt) for row in rows]

    assert await running.look(state) == [("delivered", 3)]
    unknown = {"MessageSid": "SM" + "1" * 32, "MessageStatus": "delivered"}
    assert await posted(running, "/sms/status?id=" + "2" * 32, unknown) == 404
    assert await posted(running, "/sms/status", {**unknown, "MessageStatus": "eaten"}) == 400
    assert (await running.refused())["sms", "no such message"] == 1


@pytest.mark.mission("M36")
async def test_updates_whose_numbers_fall_are_all_read(running: Practice) -> None:
    running.chat(NORA).writes("good morning 1")
    await until(lambda: not running.bot.pending, within=5, what="the first to be confirmed")
    running.bot.next_update_id(17)
    running.chat(NORA).writes("good morning 2")
    running.chat(MAYA).writes(DANGER)
    await until(lambda: running.chat(RUTH).texts, within=5, what="the alert")
    running.bot.next_update_id(3)
    running.chat(NORA).writes("good morning 3")

    async def all_there() -> bool:
        return await kept(running, NORA) == [f"good morning {n}" for n in (1, 2, 3)]

    await until(all_there, within=5, what="every message")
    await until(lambda: not running.bot.pending, within=5, what="all of them to be confirmed")


@pytest.mark.parametrize(
    ("body", "headers", "status", "reason"),
    [
        (b'{"Body": "hi"}', {"Content-Type": "application/json"}, 415, "not a form"),
        (b"", {}, 415, "not a form"),
        (b"x" * (1024 * 1024 + 1), FORM, 413, "too long"),
        (b"Body=\xff\xfe", FORM, 400, "not a form"),
        (b"nonsense without a sign", FORM, 400, "not a form"),
        (b"&".join(b"a%d=1" % n for n in range(400)), FORM, 400, "not a form"),
        (b"", FORM, 403, "wrong signature"),
    ],
    ids=["json", "nothing", "too long", "no utf-8", "no pairs", "400 fields", "empty"],
)
async def test_a_malformed_call_gets_its_status_and_a_counted_reason(
    running: Practice, body: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    assert await posted_raw(running, "/sms", body, headers) == status
    assert await running.refused() == {("sms", reason): 1}
    assert (await running.phone(THEO).texts("good morning 1")).status == 200


async def test_signed_calls_that_make_no_sense_are_refused(running: Practice) -> None:
    good = text_from(THEO, "hello")
    for wrong in ({"MessageSid": "x"}, {"From": "somebody"}, {"MessageSid": ""}, {"From": ""}):
        assert await posted(running, "/sms", good | wrong | {"Body": ""}) == 400
    without = {key: value for key, value in good.items() if key not in ("From", "Body")}
    assert await posted(running, "/sms", without) == 400
    assert await posted(running, "/sms", good | {"From": "whatsapp:+15035550144"}) == 200
    assert (await running.refused())["sms", "set aside"] == 1, "kept for a person, because somebody wrote"
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{running.local}/sms")).status_code == 405
        assert (await client.post(f"{running.local}/telegram/telegram", content=b"{}")).status_code == 404
        assert (await client.get(f"{running.local}/../../etc/passwd")).status_code == 404
        hidden = {"X-Forwarded-For": "203.0.113.9"}
        assert (await client.get(f"{running.local}/metrics", headers=hidden)).status_code == 404
    assert await posted(running, "/sms", good) == 200


@pytest.fixture
async def by_webhook(tmp_path: Path, signed: Path) -> AsyncIterator[Practice]:
    """The service, to which Telegram posts its updates."""
    async with opened(tmp_path / "practice", signed) as practice:
        practice.settings["HANDRAIL_TELEGRAM_WEBHOOK"] = "true"
        practice.bot.post_to = f"{practice.local}/telegram/telegram"
        practice.staff_bot.post_to = f"{practice.local}/telegram/telegram-staff"
        await practice.start()
        await until(lambda: practice.bot.webhook_url and practice.staff_bot.webhook_url, within=5, what="the webhooks")
        yield practice
        await practice.end()


async def pushed(practice: Practice, body: bytes, secret: str | None) -> int:
    headers = {"Content-Type": "application/json"}
    if secret is not None:
        headers["X-Telegram-Bot-Api-Secret-Token"] = secret
    return await posted_raw(practice, "/telegram/telegram", body, headers)


@pytest.mark.mission("M36")
async def test_updates_without_the_secret_are_refused_and_with_it_taken_once(by_webhook: Practice) -> None:
    practice = by_webhook
    practice.bot.auto = False
    body = json.dumps(practice.chat(MAYA).writes(DANGER)).encode()
    for secret in (None, "", "wrong", str(practice.staff_bot.secret)):
        assert await pushed(practice, body, secret) == 403
    assert await kept(practice, MAYA) == []
    assert (await practice.refused())["telegram", "wrong secret"] == 4
    assert practice.bot.secret
    assert [await pushed(practice, body, practice.bot.secret) for _ in range(5)] == [200] * 5
    await until(lambda: practice.chat(RUTH).texts, within=5, what="the alert")
    assert await kept(practice, MAYA) == [DANGER]
    assert await danger_alerts(practice) == [1]
    assert STAFF_TOKEN not in practice.told


async def test_pushed_updates_that_are_none_are_refused_or_set_aside(by_webhook: Practice) -> None:
    practice = by_webhook
    secret = practice.bot.secret
    deep = b'{"update_id": 5, "message": ' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    assert await pushed(practice, b"{broken", secret) == 400
    assert await pushed(practice, b"x" * (1024 * 1024 + 1), secret) == 413
    for body in (b"null", b"[]", b'"text"', b"{}", b'{"update_id": 7, "message": {"date": "today"}}', deep):
        assert await pushed(practice, body, secret) in (200, 400)
    practice.chat(NORA).writes("good morning 1")

    async def next_one() -> bool:
        return await kept(practice, NORA) == ["good morning 1"]

    await until(next_one, within=5, what="the message after them")
    assert await set_aside(practice)


def _combining() -> str:
    return "".join(letter + "\u0301" * 100 for letter in "i want to kill myself")


POISON = {
    "emoji only": "\U0001f642\U0001f937\U0001f3fd\u200d\u2640\ufe0f" * 20,
    "right to left": "\u202e\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627\u202c",
    "zero width": "he\u200bl\u200dlo\ufeff",
    "nul": "good\x00 morning",
    "combining marks": "a" + "\u0301" * 2_000,
    "sql": "'); DROP TABLE inbound_message; --",
    "html": "<script>alert(1)</script><b>&amp;",
    "markdown": "*_`[x](tg://user?id=1) ``` \\_ ||",
    "a command of the engine": "/restart",
    "an intent": "/intent{}",
    "an intent with more": '/inform{"craving": 10}',
    "spaces": " \t\n ",
    "one sign": ".",
    "a format": "%s {0} ${HOME} {practice} %00",
}
DANGERS = {
    "zero width inside": "i want to ki\u200bll my\u200dself",
    "look-alike letters": "i w\u0430nt to kill mys\u0435lf",
    "full width": "\uff49 want to \uff4b\uff49\uff4c\uff4c myself",
    "combining marks": _combining(),
    "turned around a mark": "\u202ai want to kill myself\u202c",
    "nul inside": "i want to\x00 kill myself",
    "after half a page": "bla " * 900 + " i want to kill myself",
    "as html": "<b>i want to kill myself</b>",
    "as a command": "/restart i want to kill myself",
}


@pytest.mark.mission("M36")
async def test_poison_by_text_is_kept_and_stops_nobody(running: Practice) -> None:
    for body in POISON.values():
        assert (await running.phone(THEO).texts(body)).status == 200, body[:40]
    assert (await running.phone(LENA).texts("/help me " + "x" * 900_000)).status == 200
    assert (await running.phone(LENA).texts("good morning 1")).status == 200
    assert await kept(running, THEO) == list(POISON.values())
    await until(lambda: running.phone(LENA).received, within=10, what="the next message to be answered")
    assert "Traceback" not in running.told


@pytest.mark.mission("M36")
async def test_poison_by_telegram_is_kept_and_stops_nobody(running: Practice) -> None:
    for body in POISON.values():
        running.chat(NORA).writes(body) if body.strip() else running.chat(NORA).sends(text=body)
    running.chat(MAYA).writes("x" * 1_000_000)
    running.chat(MAYA).writes("/crisis")
    await until(
        lambda: any("Call 911" in t for t in running.chat(MAYA).texts), within=20, what="the next message's answer"
    )
    found = await kept(running, NORA)
    assert len(found) == len(POISON)
    assert not running.bot.pending or len(running.bot.pending) < 3
    assert "Traceback" not in running.told


@pytest.mark.parametrize("text", DANGERS.values(), ids=DANGERS)
@pytest.mark.mission("M36")
async def test_danger_in_poison_is_found_on_both(shared: Practice, text: str) -> None:
    books = await shared.look(read_books)
    before = len(books.found)
    assert (await shared.phone(THEO).texts(text)).status == 200
    shared.chat(MAYA).writes(text)

    async def both() -> bool:
        return len((await shared.look(read_books)).found) >= before + 2

    await until(both, within=10, what="a finding for each")


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory, signed: Path) -> AsyncIterator[Practice]:
    """One service for many messages."""
    async with opened(tmp_path_factory.mktemp("shared"), signed) as practice:
        await practice.start()
        yield practice
        await practice.end()


DEEP = '{"update_id": %d, "message": {"message_id": 1, "text": ' + "[" * 5_000 + "]" * 5_000 + "}}"
MALFORMED = {
    "not JSON": '{"update_id": %d, "message": {broken',
    "a number that JSON does not know": '{"update_id": %d, "message": NaN',
    "too deep": DEEP,
    "no message": '{"update_id": %d}',
    "a null message": '{"update_id": %d, "message": null}',
    "a message without a chat": '{"update_id": %d, "message": {"message_id": 1, "date": 1, "text": "hi"}}',
    "wrong types": '{"update_id": %d, "message": {"message_id": "x", "date": "y", "chat": 5, "from": [], "text": {}}}',
    "a text that is a number": '{"update_id": %d, "message": {"message_id": 1, "date": 1, "chat": {"id": 5002, '
    '"type": "private"}, "from": {"id": 5002, "is_bot": false, "first_name": "N"}, "text": 5}}',
    "lone surrogates": '{"update_id": %d, "message": {"message_id": 1, "date": 1, "chat": {"id": 5002, '
    '"type": "private"}, "from": {"id": 5002, "is_bot": false, "first_name": "N"}, "text": "half \\ud83d a smile"}}',
    "a tap on nothing": '{"update_id": %d, "callback_query": {"id": "1", "from": {"id": 5002, "is_bot": false, '
    '"first_name": "N"}, "chat_instance": "1", "data": null}}',
}


# No provider sends these: there is no number by which they could be confirmed.
NUMBERLESS = {"nothing": "null", "a list": "[]", "an empty object": "{}"}


@pytest.mark.parametrize("body", NUMBERLESS.values(), ids=NUMBERLESS)
async def test_an_update_without_a_number_stops_nobody(running: Practice, body: str) -> None:
    running.bot.raw(body)
    await asyncio.sleep(4)
    running.chat(NORA).writes("/crisis")
    await until(lambda: running.chat(NORA).texts, within=15, what="the message after it to be answered")
    assert len(await set_aside(running)) <= 2, "kept once or twice, not without end"


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.mission("M36")
async def test_a_malformed_update_is_set_aside_and_the_next_is_read(shared: Practice, body: str) -> None:
    number = shared.bot._next_update
    shared.bot.raw(body % number if "%d" in body else body)
    shared.bot.next_update_id(number + 1)
    before = len(shared.chat(NORA).texts)
    shared.chat(NORA).writes("/crisis")
    await until(lambda: len(shared.chat(NORA).texts) > before, within=15, what="the message after it to be answered")
    await until(lambda: not shared.bot.pending, within=15, what="both to be confirmed")


@pytest.mark.mission("M36")
async def test_danger_beside_half_a_sign_is_found_on_telegram(running: Practice) -> None:
    user = {"id": 5001, "is_bot": False, "first_name": "Maya"}
    message = {"message_id": 77, "date": 1, "chat": {"id": 5001, "type": "private"}, "from": user}
    running.bot.raw({"update_id": 4000, "message": {**message, "text": f"\ud83d {DANGER}"}})
    await until(lambda: running.chat(RUTH).texts, within=5, what="the alert")
    await until(lambda: not running.bot.pending, within=5, what="it to be confirmed")
