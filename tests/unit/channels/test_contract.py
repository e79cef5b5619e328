"""What every channel promises: its abilities are true, its errors are of the closed set, and it tells nobody a text."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.delivery import outbox
from bot.delivery.messages import Delivery, Fault, Lane, Outbound, Receipt, SendError
from tests.unit.channels.conftest import (
    AUTH,
    CHAT,
    LINES,
    MAILBOX,
    PHONE,
    TOKEN,
    Line,
    Patience,
    Shown,
    answering,
    channel_at,
    until,
)

OVER_THE_AIR = ["telegram", "sms", "call"]
over_the_air = pytest.mark.parametrize("line", OVER_THE_AIR, indirect=True)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
SECRET = "violet umbrella, under the stairs"


# What it can do


async def test_a_text_arrives_word_for_word_and_has_an_id(line: Line) -> None:
    first, second = await line.send("I'm here."), await line.send("Still here.")
    assert first
    assert second
    assert first != second
    assert line.screen() == [Shown("I'm here."), Shown("Still here.")]


async def test_choices_are_buttons_exactly_where_they_are_declared(line: Line) -> None:
    await line.send("Are you safe?", "Yes", "No", "Not sure")
    (shown,) = line.screen()
    if line.channel.abilities.buttons:
        assert shown == Shown("Are you safe?", ("Yes", "No", "Not sure"))
    else:
        assert shown == Shown("Are you safe?\n1 Yes\n2 No\n3 Not sure")


async def test_what_carries_its_own_numbers_gets_no_others(line: Line) -> None:
    await line.send("How strong is it, 0 to 10?", *map(str, range(11)))
    (shown,) = line.screen()
    assert shown.text == "How strong is it, 0 to 10?"
    assert shown.buttons == (tuple(map(str, range(11))) if line.channel.abilities.buttons else ())


@pytest.mark.parametrize(
    ("line", "letter"),
    [
        ("console", "x"),
        ("telegram", "x"),
        ("telegram", "\U0001f600"),
        ("sms", "x"),
        ("sms", "\u00e1"),
        ("sms", "\U0001f600"),
        ("email", "x"),
        ("call", "x"),
        ("call", "&"),
    ],
    indirect=["line"],
)
async def test_a_text_that_is_too_long_arrives_cut(line: Line, letter: str) -> None:
    longest = line.channel.abilities.longest
    await line.send("It begins. " + letter * (longest + 500))
    (shown,) = line.screen()
    assert shown.text.startswith("It begins.")
    assert "\u2026" in shown.text or "..." in shown.text, "and it shows that something is missing"
    assert longest / 3 < len(shown.text) <= longest


async def test_a_text_of_the_greatest_length_is_not_cut(line: Line) -> None:
    text = "x" * line.channel.abilities.longest
    await line.send(text)
    assert line.screen() == [Shown(text)]


async def test_receipts_can_be_asked_for_exactly_where_they_are_declared(line: Line) -> None:
    report = await line.channel.report(await line.send("Hello"))
    if line.channel.abilities.receipts:
        assert report
        assert (report.receipt, report.fault) == (line.then, None)
    else:
        assert report is None


async def test_what_a_message_costs_is_what_it_takes_there(line: Line) -> None:
    for text in ("Hello", "x" * 161, "\u00e1" * 71, "I\u2019m here \u2013 \u201cgo on\u201d\u2026" * 6):
        cost = line.channel.cost(Outbound(text))
        await line.send(text)
        assert cost == (line.person.received[-1].segments if line.channel.abilities.segments else 1)


async def test_a_repeat_is_marked_once(line: Line) -> None:
    first = line.says("Call 988 now.", lane=Lane.CRISIS)
    await line.channel.send(first)
    await line.channel.send(Delivery(first.id, first.address, outbox.again(first.message), first.lane, repeat=True))
    assert [shown.text.count("sent again") for shown in line.screen()] == [0, 1]
    assert line.screen()[1].text.endswith("Call 988 now.")


# What goes wrong

Breaks = Callable[[Line], Any]


def says_wait(seconds: int | None) -> Breaks:
    return lambda line: line.provider.fail(**method(line), status=429, retry_after=seconds)


def answers(status: int, **more: Any) -> Breaks:
    return lambda line: line.provider.fail(**method(line), status=status, **more)


def method(line: Line) -> dict[str, str]:
    if line.channel.name == "email":
        return {"command": "DATA"}
    return {"method": "sendMessage" if line.channel.name == "telegram" else "POST"}


def says(command: str, answer: str) -> Breaks:
    """The mail server answers a command with this line."""
    return lambda line: line.provider.fail(command, answer)


def lives_at(address: str) -> Breaks:
    def move(line: Line) -> None:
        line.address = address

    return move


def opts_out(line: Line) -> None:
    line.person.opted_out.add(line.provider.numbers[0])


def loses_the_token(line: Line) -> None:
    bots = line.provider.api.bots if line.channel.name == "telegram" else line.provider.api.accounts
    bots.clear()


CERTAIN = [
    ("telegram", says_wait(7), Fault.BUSY, 7),
    ("telegram", answers(500), Fault.DOWN, None),
    ("telegram", answers(503), Fault.DOWN, None),
    ("telegram", loses_the_token, Fault.NOT_ALLOWED, None),
    ("telegram", answers(401), Fault.NOT_ALLOWED, None),
    ("telegram", lambda line: line.person.blocks(), Fault.BLOCKED, None),
    ("telegram", lives_at("31337"), Fault.NO_SUCH_ADDRESS, None),
    ("telegram", lives_at("@maya"), Fault.NO_SUCH_ADDRESS, None),
    ("telegram", answers(400, description="Bad Request: user is deactivated"), Fault.NO_SUCH_ADDRESS, None),
    ("telegram", answers(403, description="Forbidden: user is deactivated"), Fault.NO_SUCH_ADDRESS, None),
    ("telegram", answers(400, description="Bad Request: message text is empty"), Fault.REFUSED, None),
    ("sms", says_wait(None), Fault.BUSY, 5),
    ("sms", says_wait(30), Fault.BUSY, 5),
    ("sms", answers(500), Fault.DOWN, None),
    ("sms", answers(503), Fault.DOWN, None),
    ("sms", loses_the_token, Fault.NOT_ALLOWED, None),
    ("sms", answers(401), Fault.NOT_ALLOWED, None),
    ("sms", answers(403, code=20005), Fault.NOT_ALLOWED, None),
    ("sms", answers(400, code=21608), Fault.REFUSED, None),
    ("sms", opts_out, Fault.OPTED_OUT, None),
    ("sms", lives_at("+1"), Fault.NO_SUCH_ADDRESS, None),
    ("sms", answers(400, code=21614), Fault.NO_SUCH_ADDRESS, None),
    ("sms", answers(400, code=30004), Fault.BLOCKED, None),
    ("sms", answers(400, code=30003), Fault.UNREACHABLE, None),
    ("sms", answers(400, code=30007), Fault.REFUSED, None),
    ("sms", answers(400, code=99999), Fault.REFUSED, None),
    ("sms", answers(400, code=21606), Fault.NOT_ALLOWED, None),
    ("call", says_wait(None), Fault.BUSY, 5),
    ("call", answers(400, code=10004), Fault.BUSY, 5),
    ("call", answers(500), Fault.DOWN, None),
    ("call", loses_the_token, Fault.NOT_ALLOWED, None),
    ("call", lambda line: line.provider.text_only.add(line.provider.numbers[0]), Fault.NOT_ALLOWED, None),
    ("call", answers(400, code=21215), Fault.NOT_ALLOWED, None),
    ("call", lives_at("+1"), Fault.NO_SUCH_ADDRESS, None),
    ("call", answers(400, code=13224), Fault.NO_SUCH_ADDRESS, None),
    ("call", answers(400, code=99999), Fault.REFUSED, None),
    ("email", says("RCPT", "450 4.2.1 greylisted, come back"), Fault.BUSY, None),
    ("email", says("RCPT", "452 4.2.2 mailbox full"), Fault.BUSY, None),
    ("email", says("MAIL", "421 4.3.2 shutting down"), Fault.DOWN, None),
    ("email", says("RCPT", "451 4.3.0 later"), Fault.BUSY, None),
    ("email", says("RCPT", f"550 5.1.1 <{MAILBOX}> no such user"), Fault.NO_SUCH_ADDRESS, None),
    ("email", says("RCPT", f"550 5.7.1 {MAILBOX}: relaying denied"), Fault.NOT_ALLOWED, None),
    ("email", says("RCPT", "530 5.7.0 authenticate first"), Fault.NOT_ALLOWED, None),
    ("email", says("MAIL", "553 5.7.1 not your address"), Fault.NOT_ALLOWED, None),
    ("email", says("DATA", "554 5.7.1 looks like spam"), Fault.REFUSED, None),
    ("email", says("DATA", "451 4.3.0 later"), Fault.BUSY, None),
    ("email", says("RCPT", ""), Fault.DOWN, None),
]
AGAIN = {Fault.BUSY, Fault.DOWN, Fault.UNREACHABLE}


@pytest.mark.parametrize(("line", "breaks", "fault", "wait"), CERTAIN, indirect=["line"])
async def test_what_was_certainly_not_sent_is_one_of_the_closed_set(
    line: Line, breaks: Breaks, fault: Fault, wait: int | None
) -> None:
    breaks(line)
    with pytest.raises(SendError) as caught:
        await line.send(SECRET)
    assert caught.value.fault is fault
    assert caught.value.fault.retry is (fault in AGAIN)
    assert caught.value.wait == (None if wait is None else timedelta(seconds=wait))
    assert line.screen() == []


@pytest.mark.parametrize("kind", [*OVER_THE_AIR, "email"])
async def test_a_refused_connection_is_tried_again(kind: str, nobody_listens: str) -> None:
    async with channel_at(kind, nobody_listens) as (channel, address):
        with pytest.raises(SendError) as caught:
            await channel.send(Delivery("0" * 32, address, Outbound(SECRET), Lane.REPLY))
    assert caught.value.fault is Fault.DOWN
    assert caught.value.fault.retry


MODERN = '{"type": "https://x", "title": "Opted out", "status": 400, "code": 21610, "detail": "unsubscribed recipient"}'


@pytest.mark.parametrize(
    ("kind", "status", "body", "fault"),
    [
        ("telegram", 429, '{"ok": false, "error_code": 429, "description": "Too Many Requests"}', Fault.BUSY),
        ("telegram", 404, '{"ok": false, "error_code": 404, "description": "Not Found"}', Fault.NOT_ALLOWED),
        ("sms", 500, "<h1>Internal Server Error</h1>", Fault.DOWN),
        ("sms", 429, "slow down", Fault.BUSY),
        ("sms", 401, "", Fault.NOT_ALLOWED),
        ("sms", 400, MODERN, Fault.OPTED_OUT),
    ],
)
async def test_an_error_in_other_words_is_understood(kind: str, status: int, body: str, fault: Fault) -> None:
    async with answering(status, body) as base, channel_at(kind, base) as (channel, address):
        with pytest.raises(SendError) as caught:
            await channel.send(Delivery("0" * 32, address, Outbound(SECRET), Lane.REPLY))
    assert caught.value.fault is fault


DOUBT = [
    *((kind, 502, "<h1>Bad Gateway</h1>") for kind in OVER_THE_AIR),
    *((kind, 504, "<h1>Gateway Time-out</h1>") for kind in OVER_THE_AIR),
    ("telegram", 502, '{"ok": false, "error_code": 502, "description": "Bad Gateway"}'),
    ("telegram", 504, '{"ok": false, "error_code": 504, "description": "Gateway Timeout"}'),
    ("telegram", 200, '{"ok": true, "result": {"message_id": 1, "te'),
    ("telegram", 200, '{"ok": true, "result": {}}'),
    ("sms", 201, '{"sid": "SM'),
    ("sms", 201, ""),
    ("call", 201, '{"sid": "CA'),
    ("call", 201, ""),
]


@pytest.mark.parametrize(("kind", "status", "body"), DOUBT)
async def test_after_an_answer_that_says_nothing_nobody_knows(kind: str, status: int, body: str) -> None:
    async with answering(status, body) as base, channel_at(kind, base) as (channel, address):
        with pytest.raises(Exception) as caught:
            await channel.send(Delivery("0" * 32, address, Outbound("Hello"), Lane.REPLY))
    assert not isinstance(caught.value, SendError)


@over_the_air
async def test_after_a_gateway_gave_up_nobody_knows(line: Line) -> None:
    answers(502)(line)
    with pytest.raises(Exception) as caught:
        await line.send("Hello")
    assert not isinstance(caught.value, SendError)


@pytest.mark.parametrize("line", ["email"], indirect=True)
@pytest.mark.parametrize("accepted", [True, False])
async def test_after_a_letter_was_handed_over_and_not_confirmed_nobody_knows(line: Line, accepted: bool) -> None:
    line.provider.fail("DATA", after_accept=accepted)
    with pytest.raises(Exception) as caught:
        await line.send(SECRET)
    assert not isinstance(caught.value, SendError)
    assert len(line.screen()) == accepted


@over_the_air
@pytest.mark.parametrize("accepted", [True, False])
async def test_after_a_connection_that_broke_off_nobody_knows(line: Line, accepted: bool) -> None:
    line.provider.fail(**method(line), status=0, after_accept=accepted)
    with pytest.raises(Exception) as caught:
        await line.send("Hello")
    assert not isinstance(caught.value, SendError)
    assert len(line.screen()) == accepted


@pytest.mark.parametrize(
    "line",
    [
        "telegram",
        "sms",
        "call",
    ],
    indirect=True,
)
async def test_after_an_answer_that_did_not_come_in_time_nobody_knows(line: Line, patience: Patience) -> None:
    line.provider.fail(**method(line), status=200, slow=60)
    sending = asyncio.ensure_future(line.send("Hello"))
    await until(line.screen)
    patience.jump(11)
    done, _ = await asyncio.wait({sending}, timeout=0.5)
    if not done:
        sending.cancel()
        await asyncio.wait({sending})
    assert done, "it gives up before the sender does, who waits for 15 s"
    assert not isinstance(sending.exception(), SendError)


@over_the_air
async def test_a_sender_that_gives_up_gets_no_certainty(line: Line) -> None:
    line.provider.fail(**method(line), status=200, slow=60)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await line.send("Hello")
    await until(line.screen)


async def test_after_a_loss_it_finds_what_the_provider_has(line: Line) -> None:
    lost = line.says("I\u2019m here \u2013 go on\u2026", "Yes", "No")
    if line.provider:
        line.provider.fail(**method(line), after_accept=True)
        with pytest.raises(Exception, match=r".*"):
            await line.channel.send(lost)
    found = await line.channel.find(lost, LONG_AGO)
    if line.channel.abilities.receipts and line.channel.name != "call":
        assert found
        assert found.receipt is Receipt.DELIVERED
        assert await line.channel.report(found.provider_id) == found
    else:
        assert found is None, "it cannot tell, and does not pretend to"


@pytest.mark.parametrize("line", ["sms"], indirect=True)
async def test_what_the_provider_has_not_is_certainly_not_sent(line: Line) -> None:
    await line.send("Something else")
    lost = line.says("Hello")
    answers(0)(line)
    with pytest.raises(Exception, match=r".*"):
        await line.channel.send(lost)
    with pytest.raises(SendError) as caught:
        await line.channel.find(lost, LONG_AGO)
    assert caught.value.fault.retry


@pytest.mark.parametrize("line", ["sms"], indirect=True)
async def test_what_was_said_long_before_is_not_taken_for_what_was_lost(line: Line) -> None:
    line.provider.api.clock = lambda: datetime(2026, 3, 1, 12, tzinfo=UTC)
    await line.send("Hello")
    with pytest.raises(SendError):
        await line.channel.find(line.says("Hello"), datetime(2026, 3, 1, 12, 5, tzinfo=UTC))


@pytest.mark.parametrize("line", ["sms"], indirect=True)
@pytest.mark.parametrize(
    ("status", "receipt"),
    [
        ("queued", Receipt.ACCEPTED),
        ("failed", Receipt.FAILED),
        ("sent", Receipt.SENT),
        ("undelivered", Receipt.FAILED),
    ],
)
async def test_wherever_the_message_is_by_then_it_is_found(line: Line, status: str, receipt: Receipt) -> None:
    lost = line.says("Hello")
    await line.channel.send(lost)
    (kept,) = line.provider.messages
    kept.status = status
    if status in ("queued", "failed"):
        kept.sent = None
    found = await line.channel.find(lost, LONG_AGO)
    assert found
    assert found.receipt is receipt


# What staff read, and what nobody reads


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_has_a_sentence_for_staff(fault: Fault) -> None:
    sentence = fault.sentence
    assert len(sentence.split()) >= 5
    assert sentence == " ".join(sentence.split()).strip(".!")
    assert sentence[0].islower(), "it goes on after what happened to whom"
    assert fault.name not in sentence
    assert fault.retry is (fault in AGAIN)
    assert fault.retry or ":" in sentence, "what will not mend itself says what to do"
    assert str(SendError(fault)) == sentence


def test_no_two_faults_read_the_same() -> None:
    assert len({fault.sentence for fault in Fault}) == len(Fault)


def plain(*parameters: Any) -> Any:
    """The parameters without their expectation to fail."""
    return [getattr(given, "values", given)[:2] for given in parameters]


ECHO = f'{{"ok": true, "result": {{"text": "{SECRET}", "chat": {{"id": {CHAT}}}'


class Ears:
    """All that was written anywhere during a story."""

    def __init__(self, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
        self._caplog, self._capfd = caplog, capfd

    def heard_nothing(self, *errors: BaseException) -> None:
        out, err = self._capfd.readouterr()
        everything = "\n".join((out, err, self._caplog.text, *map(str, errors), *map(repr, errors)))
        token = TOKEN.partition(":")[2]
        for secret in ("violet", "umbrella", str(CHAT), PHONE, PHONE[1:], TOKEN, token, AUTH, MAILBOX):
            assert secret not in everything


@pytest.fixture
def ears(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Ears:
    return Ears(caplog, capfd)


@pytest.mark.parametrize(
    ("line", "breaks"),
    [
        *plain(*CERTAIN),
        *((kind, answers(502)) for kind in OVER_THE_AIR),
        *((kind, answers(0)) for kind in OVER_THE_AIR),
        *((kind, answers(500, after_accept=True)) for kind in OVER_THE_AIR),
    ],
    indirect=["line"],
)
async def test_no_failure_tells_the_text_the_address_or_the_token(line: Line, breaks: Breaks, ears: Ears) -> None:
    breaks(line)
    with pytest.raises(Exception) as caught:
        await line.send(SECRET)
    ears.heard_nothing(caught.value)


@pytest.mark.parametrize("line", LINES, indirect=True)
async def test_nor_does_a_success(line: Line, ears: Ears) -> None:
    delivery = line.says(SECRET)
    await line.channel.report(await line.channel.send(delivery))
    await line.channel.find(delivery, LONG_AGO)
    ears.heard_nothing()


@pytest.mark.parametrize("kind", [*OVER_THE_AIR, "email"])
async def test_nor_does_a_refused_connection(kind: str, nobody_listens: str, ears: Ears) -> None:
    async with channel_at(kind, nobody_listens) as (channel, address):
        with pytest.raises(SendError) as caught:
            await channel.send(Delivery("0" * 32, address, Outbound(SECRET), Lane.REPLY))
    ears.heard_nothing(caught.value)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("telegram", 200),
        ("telegram", 502),
        ("sms", 201),
        ("sms", 502),
    ],
)
async def test_nor_does_an_answer_that_breaks_off(kind: str, status: int, ears: Ears) -> None:
    async with answering(status, ECHO) as base, channel_at(kind, base) as (channel, address):
        with pytest.raises(Exception) as caught:
            await channel.send(Delivery("0" * 32, address, Outbound(SECRET), Lane.REPLY))
    ears.heard_nothing(caught.value)
