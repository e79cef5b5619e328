"""SMS: signed calls from behind a proxy, keywords, few segments, and no drug's name where it is not needed."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from bot.channels.sms import LONGEST, Sms, Unreadable
from bot.channels.twilio import Twilio
from bot.delivery.messages import Choice, Delivery, Fault, Inbound, Lane, Outbound, Receipt, Report, Shape
from bot.store.database import new_id
from bot.web.border import Border
from bot.web.server import serving
from tests.doubles.twilio import HELPS, STARTS, STOPS, Account, PhoneDouble, TwilioDouble, sign, twilio_double
from tests.unit.channels.conftest import ACCOUNT, AUTH, NUMBER, PHONE, PUBLIC, at

OLD = "the token of last month"
SERVICE = "MG" + "b" * 32
SID = "SM" + "0" * 32
NALOXONE = "Give naloxone if you have it. Heroin and fentanyl stop the breath."


@dataclass
class Practice:
    """A practice with an account, a service behind a proxy, and one phone."""

    api: TwilioDouble
    account: Account
    phone: PhoneDouble
    provider: Twilio
    channel: Sms
    border: Border
    port: int
    came: list[Inbound] = field(default_factory=list)
    told: list[tuple[str | None, Report]] = field(default_factory=list)

    async def says(self, text: str, *choices: str, lane: Lane = Lane.REPLY, **more: Any) -> str:
        """Send; returns what the phone shows."""
        message = Outbound(text, tuple(Choice(title, title) for title in choices), **more)
        await self.channel.send(Delivery(new_id(), PHONE, message, lane))
        return self.phone.received[-1].body

    async def post(self, path: str, params: dict[str, str], token: str = AUTH, signed: str | None = None) -> int:
        """Post as the provider does: signed is the public address, called is this machine's."""
        url = f"{PUBLIC}{path}"
        status, _ = await self.api.post(url, params, sign(signed or url, params, token))
        return status


@asynccontextmanager
async def practice_with(sender: str = NUMBER, tokens: tuple[str, ...] = (AUTH, OLD), **more: Any) -> Any:
    came: list[Inbound] = []
    told: list[tuple[str | None, Report]] = []

    async def take(message: Inbound) -> None:
        came.append(message)

    async def set_aside(*_: str) -> None:
        raise AssertionError("nothing of this is set aside")

    async def tell(message_id: str | None, report: Report) -> bool:
        told.append((message_id, report))
        return True

    async with twilio_double() as api:
        account = api.account(ACCOUNT, AUTH, number=NUMBER, service=SERVICE)
        provider = Twilio(ACCOUNT, tokens, sender, f"{PUBLIC}/", api.base, **more)
        border = Border(take, set_aside, tell, provider)
        async with serving(border.app) as port:
            api.webhook(public_url=f"{PUBLIC}/sms", post_to=f"http://127.0.0.1:{port}/sms")
            channel = Sms(provider, rate=10, exempt=frozenset({NALOXONE}))
            try:
                yield Practice(api, account, account.phone(PHONE), provider, channel, border, port, came, told)
                await api.settled()
            finally:
                await provider.close()


@pytest.fixture
async def practice() -> AsyncIterator[Practice]:
    async with practice_with() as practice:
        yield practice


def text(**more: str) -> dict[str, str]:
    return {"MessageSid": SID, "From": PHONE, "To": NUMBER, "Body": "hello & goodbye \u00e9", "NumMedia": "0", **more}


def form(**more: str) -> list[tuple[str, str]]:
    return list(text(**more).items())


OFFLINE = {"account": ACCOUNT, "tokens": [AUTH], "sender": NUMBER, "public_url": PUBLIC}


@pytest.fixture
async def twilio() -> AsyncIterator[Twilio]:
    """The provider without anybody at the other end: enough for what comes in."""
    provider = Twilio(**OFFLINE)  # type: ignore[arg-type]
    yield provider
    await provider.close()


# Who may call


async def test_a_text_comes_through_the_proxy_signed_for_the_public_address(practice: Practice) -> None:
    answer = await practice.phone.texts("hello & goodbye \u00e9 +1")
    (came,) = practice.came
    assert (came.channel, came.address, came.provider_id) == ("sms", PHONE, answer.sid)
    assert (came.text, came.shape, came.media) == ("hello & goodbye \u00e9 +1", Shape.TEXT, "")
    assert (answer.status, answer.body) == (200, '<?xml version="1.0" encoding="UTF-8"?><Response></Response>')
    assert practice.phone.received == [], "the answer itself sends nothing"


async def test_what_was_signed_for_another_address_is_forged(practice: Practice) -> None:
    for signed in (f"http://127.0.0.1:{practice.port}/sms", f"{PUBLIC}/sms/status", "https://elsewhere.example/sms"):
        assert await practice.post("/sms", text(), signed=signed) == 403
    assert await practice.post("/sms", text()) == 200


async def test_the_query_is_signed_too(practice: Practice) -> None:
    assert await practice.post("/sms?x=1&y=a%20b%26c", text()) == 200
    assert await practice.post("/sms?x=1", text(), signed=f"{PUBLIC}/sms") == 403
    assert await practice.post("/sms", text(), signed=f"{PUBLIC}/sms?x=1") == 403
    assert await practice.post("/sms?x=2", text(), signed=f"{PUBLIC}/sms?x=1") == 403
    assert len(practice.came) == 1


async def test_while_the_token_is_changed_both_are_right(practice: Practice) -> None:
    assert await practice.post("/sms", text(), AUTH) == 200
    assert await practice.post("/sms", text(), OLD) == 200
    assert await practice.post("/sms", text(), "another") == 403
    assert await practice.post("/sms", text(), "") == 403


async def test_any_change_on_the_way_is_seen(practice: Practice) -> None:
    url, params = f"{PUBLIC}/sms", text()
    signature = sign(url, params, AUTH)
    for changed in (
        {**params, "Body": "other"},
        {**params, "New": "x"},
        {k: v for k, v in params.items() if k != "To"},
    ):
        assert (await practice.api.post(url, changed, signature))[0] == 403
    assert (await practice.api.post(url, params, signature[:-2] + "=="))[0] == 403
    assert (await practice.api.post(url, params, ""))[0] == 403
    assert (await practice.api.post(url, params))[0] == 403
    assert practice.came == []


async def test_a_field_given_twice_does_not_hide_behind_the_signature(practice: Practice) -> None:
    signature = sign(f"{PUBLIC}/sms", text(), AUTH)
    body = urlencode([*text().items(), ("Body", "another")])
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(
            f"http://127.0.0.1:{practice.port}/sms",
            content=body,
            headers={"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"},
        )
    assert answer.status_code == 403


async def test_a_signed_call_without_a_field_makes_no_sense(practice: Practice) -> None:
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for url in (f"{PUBLIC}/sms", f"{PUBLIC}/sms/status"):
        assert (await practice.api.post(url, {}, sign(url, {}, AUTH), headers=kind))[0] == 400
        assert (await practice.api.post(url, {}, sign(url, {}, OLD + "x"), headers=kind))[0] == 403
    assert practice.came == []


@pytest.mark.parametrize(
    "fields",
    [{"MessageSid": ""}, {"MessageSid": "SM1"}, {"MessageSid": "XX" + "0" * 32}, {"From": ""}, {"From": "maya"},
     {"From": "whatsapp:+15550100"}, {"From": "+15550100 and more"}],
)  # fmt: skip
async def test_a_text_without_an_id_or_a_number_is_unreadable(twilio: Twilio, fields: dict[str, str]) -> None:
    with pytest.raises(Unreadable) as caught:
        twilio.inbound(form(**fields))
    assert not any(value and value in str(caught.value) for value in fields.values())


# What comes in


async def test_a_picture_comes_with_its_caption(practice: Practice) -> None:
    await practice.phone.texts("look at this", media=1)
    (came,) = practice.came
    assert (came.shape, came.media, came.text) == (Shape.MEDIA, "a picture", "look at this")


@pytest.mark.parametrize(
    ("kind", "media"),
    [("image/png", "a picture"), ("audio/amr", "a recording"), ("video/3gpp", "a video"), ("text/vcard", "a file"),
     ("", "a file")],
)  # fmt: skip
async def test_what_comes_is_named(twilio: Twilio, kind: str, media: str) -> None:
    came = twilio.inbound(form(NumMedia="2", MediaContentType0=kind, Body=""))
    assert (came.shape, came.media, came.text) == (Shape.MEDIA, media, "")


@pytest.mark.parametrize("count", ["0", "", "x", "-1"])
async def test_without_media_it_is_a_text(twilio: Twilio, count: str) -> None:
    assert twilio.inbound(form(NumMedia=count)).shape is Shape.TEXT


async def test_an_older_name_of_the_id_is_known(twilio: Twilio) -> None:
    assert twilio.inbound(form(MessageSid="", SmsSid=SID)).provider_id == SID


async def test_single_words_count_on_this_channel(twilio: Twilio) -> None:
    assert twilio.inbound(form()).keywords


@pytest.mark.parametrize("word", sorted(STOPS | STARTS | HELPS))
async def test_what_the_provider_answers_itself_is_said_to_be_answered(twilio: Twilio, word: str) -> None:
    for written in (word, word.lower(), f" {word.title()} \n"):
        assert twilio.inbound(form(Body=written)).answered, written


@pytest.mark.parametrize(
    "written",
    [
        "please stop",
        "stop it hurts",
        "I can't stop",
        "help me",
        "yes I am",
        "",
        "alto",
        "stop all",
        "e n d",
        "1",
        "HELP!",
        "help...",
        "Stop.",
    ],
)
async def test_what_the_provider_leaves_to_us_is_not_said_to_be_answered(practice: Practice, written: str) -> None:
    await practice.phone.texts(written)
    assert practice.phone.provider_replies == []
    assert not practice.came[0].answered


async def test_where_the_provider_was_asked_to_keep_quiet_we_answer() -> None:
    quiet = Twilio(**OFFLINE, answers_keywords=False)  # type: ignore[arg-type]
    try:
        assert not quiet.inbound(form(Body="STOP")).answered
        assert not quiet.inbound(form(Body="HELP")).answered
        assert quiet.inbound(form(Body="BASTA", OptOutType="STOP")).answered, "its own settings know more words"
    finally:
        await quiet.close()


async def test_advanced_opt_out_says_itself_what_it_has_answered(practice: Practice) -> None:
    practice.account.advanced_opt_out = True
    await practice.phone.texts("stop")
    await practice.phone.texts("stop it hurts")
    assert [came.answered for came in practice.came] == [True, False]
    assert [came.text for came in practice.came] == ["stop", "stop it hurts"], "both are handed on to be screened"


# What the phone receives


async def test_typography_costs_nothing(practice: Practice) -> None:
    shown = await practice.says("I\u2019m here \u2013 \u201cgo on\u201d\u2026\u00a0Call\u202fme. " + "x" * 120)
    assert shown.startswith('I\'m here - "go on"... Call me. ')
    assert practice.phone.received[-1].segments == 1


async def test_spanish_keeps_its_letters(practice: Practice) -> None:
    assert (
        await practice.says("\u00bfEst\u00e1s bien? A\u00fan aqu\u00ed.")
        == "\u00bfEst\u00e1s bien? A\u00fan aqu\u00ed."
    )


async def test_choices_are_numbered_below_the_text(practice: Practice) -> None:
    assert await practice.says("Now?", "Yes", "Not yet \u2013 later") == "Now?\n1 Yes\n2 Not yet - later"


async def test_choices_that_are_numbers_are_in_the_text_already(practice: Practice) -> None:
    assert await practice.says("Reply 1 for yes, 2 for no.", "1 yes", "2 no") == "Reply 1 for yes, 2 for no."


async def test_an_alert_has_its_own_codes(practice: Practice) -> None:
    shown = await practice.says("Reply 1a.", "I take it", "Close", lane=Lane.ALERT, alert={"id": "1"})
    assert shown == "Reply 1a."


async def test_of_a_long_text_the_end_stays_and_so_do_the_choices(practice: Practice) -> None:
    shown = await practice.says("It began. " + "and then " * 500 + "Now she is safe.", "OK", "More")
    assert len(shown) == LONGEST
    assert shown.startswith("It began. ")
    assert shown.endswith("Now she is safe.\n1 OK\n2 More")


async def test_it_goes_out_from_the_number(practice: Practice) -> None:
    await practice.says("Hello")
    (kept,) = practice.account.messages
    assert (kept.sender, kept.service) == (NUMBER, None)


async def test_it_goes_out_from_the_messaging_service() -> None:
    async with practice_with(sender=SERVICE) as practice:
        assert await practice.says("Hello") == "Hello"
        (kept,) = practice.account.messages
        assert kept.service == SERVICE


@pytest.mark.parametrize("lane", [Lane.REPLY, Lane.CHECK_IN, Lane.NOTICE])
async def test_no_drug_is_named_in_what_can_do_without(practice: Practice, lane: Lane) -> None:
    assert await practice.says("Do you crave heroin?", lane=lane) == "Do you crave it?"
    assert await practice.says("Ganas de coca\u00edna.", lane=lane) == "Ganas de eso."
    assert await practice.says("Take your Suboxone.", lane=lane) == "Take your medicine."


@pytest.mark.parametrize("lane", [Lane.CRISIS, Lane.ALERT])
async def test_safety_texts_and_alerts_say_what_it_is(practice: Practice, lane: Lane) -> None:
    said = "Heroin and Xanax together: call 911 now."
    assert await practice.says(said, lane=lane) == said


async def test_exempt_texts_go_out_word_for_word(practice: Practice) -> None:
    assert await practice.says(NALOXONE) == NALOXONE
    assert "fentanyl" not in (await practice.says(f"{NALOXONE} So.")).lower()


async def test_no_drug_is_named_in_the_choices_either(practice: Practice) -> None:
    shown = await practice.says("What was it?", "Heroin", "Something else")
    assert not re.search("heroin", shown, re.IGNORECASE)
    assert "2 Something else" in shown


# What becomes of it


async def test_the_provider_tells_of_our_message_by_its_id(practice: Practice) -> None:
    delivery = Delivery(new_id(), PHONE, Outbound("Hello"), Lane.REPLY)
    sid = await practice.channel.send(delivery)
    await practice.api.settled()
    assert practice.told == [
        (delivery.id, Report(sid, Receipt.SENT)),
        (delivery.id, Report(sid, Receipt.DELIVERED)),
    ]


async def test_without_a_public_address_no_callback_is_asked_for() -> None:
    async with twilio_double() as api:
        account = api.account(ACCOUNT, AUTH, number=NUMBER)
        provider = Twilio(ACCOUNT, [AUTH], NUMBER, "", api.base)
        try:
            await provider.send(PHONE, "Hello", new_id())
        finally:
            await provider.close()
        assert account.messages[0].status_callback is None


@pytest.mark.parametrize(
    ("status", "receipt"),
    [("accepted", Receipt.ACCEPTED), ("scheduled", Receipt.ACCEPTED), ("queued", Receipt.ACCEPTED),
     ("sending", Receipt.SENT), ("sent", Receipt.SENT), ("delivered", Receipt.DELIVERED), ("read", Receipt.DELIVERED),
     ("undelivered", Receipt.FAILED), ("failed", Receipt.FAILED), ("canceled", Receipt.FAILED)],
)  # fmt: skip
async def test_every_status_has_its_place(twilio: Twilio, status: str, receipt: Receipt) -> None:
    assert twilio.receipt([("MessageSid", SID), ("MessageStatus", status)]) == Report(SID, receipt)
    assert twilio.receipt([("SmsSid", SID), ("SmsStatus", status)]) == Report(SID, receipt)


@pytest.mark.parametrize(
    "fields",
    [{"MessageSid": SID}, {"MessageSid": SID, "MessageStatus": "teleported"}, {"MessageStatus": "sent"},
     {"MessageSid": "SM1", "MessageStatus": "sent"}],
)  # fmt: skip
async def test_a_status_that_says_nothing_is_unreadable(twilio: Twilio, fields: dict[str, str]) -> None:
    with pytest.raises(Unreadable):
        twilio.receipt(list(fields.items()))


CODES = [
    (30001, Fault.BUSY), (30002, Fault.NOT_ALLOWED), (30003, Fault.UNREACHABLE), (30004, Fault.BLOCKED),
    (30005, Fault.NO_SUCH_ADDRESS), (30006, Fault.NO_SUCH_ADDRESS), (30007, Fault.REFUSED), (30008, Fault.DOWN),
    (30034, Fault.NOT_ALLOWED), (21610, Fault.OPTED_OUT), (30999, Fault.REFUSED),
]  # fmt: skip


@pytest.mark.parametrize(("code", "fault"), CODES)
async def test_every_code_has_its_fault_told_or_asked_for(practice: Practice, code: int, fault: Fault) -> None:
    practice.phone.ends, practice.phone.error_code = "undelivered", code
    await practice.says("Hello")
    await practice.api.settled()
    sid = practice.phone.received[-1].sid
    failed = Report(sid, Receipt.FAILED, fault)
    assert practice.told[-1][1] == failed
    assert await practice.channel.report(sid) == failed


@pytest.mark.parametrize("code", ["", "0", "none"])
async def test_no_code_is_no_fault(twilio: Twilio, code: str) -> None:
    report = twilio.receipt([("MessageSid", SID), ("MessageStatus", "failed"), ("ErrorCode", code)])
    assert report == Report(SID, Receipt.FAILED)


# What no call has brought us


async def test_the_provider_s_record_gives_what_came_in_oldest_first_and_nothing_of_ours(practice: Practice) -> None:
    now = at(12)
    practice.api.clock = lambda: now
    await practice.phone.texts("too old")
    now = at(13)
    first = await practice.phone.texts("first")
    await practice.says("ours")
    now = at(14)
    await practice.account.phone("+15550101").texts("STOP")
    now = at(15)
    await practice.phone.texts("last, with a picture", media=1)
    lines = [came.text for came in practice.came]
    found = await practice.provider.received(at(12, 30))
    assert [came.text for came in found] == lines[1:] == ["first", "STOP", "last, with a picture"]
    assert (found[0].provider_id, found[0].address) == (first.sid, PHONE)
    assert [came.provider_id for came in found] == [came.provider_id for came in practice.came[1:]]
    assert [came.answered for came in found] == [False, True, False]
    assert found[2].shape is Shape.MEDIA
    assert list(await practice.provider.received(now + timedelta(minutes=1))) == []


@pytest.mark.parametrize("sender", [NUMBER, SERVICE])
async def test_what_came_to_another_number_of_the_account_is_none_of_ours(sender: str) -> None:
    async with practice_with(sender=sender) as practice:
        practice.account.numbers.append("+15550007777")
        await practice.phone.texts("for the pharmacy", to="+15550007777")
        await practice.phone.texts("for us")
        assert [came.text for came in await practice.provider.received(at(0))] == ["for us"]
