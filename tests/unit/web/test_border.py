"""The border over real HTTP: what is right is taken, everything else has its status and its reason and stops nobody."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from bot.channels.telegram import CLIENTS, TelegramBot
from bot.channels.twilio import Twilio
from bot.conversation.reception import NotKept
from bot.delivery.messages import Inbound, Receipt, Report
from bot.escalation.auditor import Late
from bot.web.border import FORM, MOST, MOST_FIELDS, Border
from bot.web.server import serving
from tests.doubles.house import House
from tests.doubles.twilio import sign

AUTH, SECRET, TOKEN = "auth-token-of-ours", "webhook-secret-of-ours", "4242:bot_token_of_ours"
PUBLIC = "https://handrail.example"
CHAT, PHONE, SID = 777000111222, "+15550188", "SM" + "0" * 32
WRITTEN = "violet umbrella"
UPDATE = {
    "update_id": 1,
    "message": {
        "message_id": 7,
        "from": {"id": CHAT, "is_bot": False, "first_name": "Ambrose"},
        "chat": {"id": CHAT, "type": "private", "first_name": "Ambrose"},
        "date": 1_772_000_000,
        "text": WRITTEN,
    },
}
TEXT = {"MessageSid": SID, "From": PHONE, "To": "+15550009999", "Body": WRITTEN, "NumMedia": "0"}
STATUS = {"MessageSid": SID, "MessageStatus": "delivered"}
# Some long way beyond what any parser of JSON goes down.
DEEP = b"[" * 50_000 + b"]" * 50_000


@dataclass
class Site:
    """The border, served; what it has handed on, and how that goes."""

    border: Border
    http: httpx.AsyncClient
    port: int
    taken: list[Inbound] = field(default_factory=list)
    aside: list[tuple[str, str, str]] = field(default_factory=list)
    told: list[tuple[str | None, Report]] = field(default_factory=list)
    trouble: Exception | None = None
    well: bool = True
    known: bool = True

    async def telegram(self, body: Any = UPDATE, secret: str | bytes | None = SECRET, **more: Any) -> httpx.Response:
        content = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        headers = {"Content-Type": "application/json"} | ({"X-Telegram-Bot-Api-Secret-Token": secret} if secret else {})
        return await self.http.post(more.pop("path", f"/telegram/{CLIENTS}"), content=content, headers=headers)

    async def sms(self, params: dict[str, str] = TEXT, path: str = "/sms", token: str = AUTH) -> httpx.Response:
        signature = sign(f"{PUBLIC}{path}", params, token)
        return await self.form(urlencode(params).encode(), path, signature)

    async def form(
        self, body: Any, path: str = "/sms", signature: str | bytes = "", kind: str = FORM
    ) -> httpx.Response:
        headers = {"Content-Type": kind} | ({"X-Twilio-Signature": signature} if signature else {})
        return await self.http.post(path, content=body, headers=headers)  # type: ignore[arg-type]

    def refused(self, border: str, reason: str) -> float:
        return self.border.count(border, reason)

    @property
    def all_refused(self) -> float:
        return sum(
            sample.value
            for metric in self.border.registry.collect()
            for sample in metric.samples
            if sample.name == "handrail_refused_total"
        )

    def accepted(self, border: str) -> float:
        return self.border.registry.get_sample_value("handrail_taken_total", {"border": border}) or 0.0


@pytest.fixture(scope="module")
async def served() -> AsyncIterator[Site]:
    site: Site

    async def take(message: Inbound) -> None:
        if site.trouble:
            raise site.trouble
        site.taken.append(message)

    async def set_aside(channel: str, raw: str, reason: str, _text: str = "") -> None:
        if site.trouble:
            raise site.trouble
        site.aside.append((channel, raw, reason))

    async def told(message_id: str | None, report: Report) -> bool:
        if site.trouble:
            raise site.trouble
        site.told.append((message_id, report))
        return site.known

    async def healthy() -> bool:
        return site.well

    provider = Twilio("AC" + "a" * 32, [AUTH], "+15550009999", PUBLIC)
    async with TelegramBot(CLIENTS, TOKEN) as bot:
        border = Border(take, set_aside, told, provider, {CLIENTS: (bot, SECRET)}, healthy)
        async with (
            serving(border.app) as port,
            httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http,
        ):
            site = Site(border, http, port)
            yield site
    await provider.close()


@pytest.fixture
def site(served: Site) -> Site:
    """The border as if nothing had happened yet; only its counts go on."""
    for kept in (served.taken, served.aside, served.told):
        kept.clear()  # type: ignore[attr-defined]
    served.trouble, served.well, served.known = None, True, True
    return served


# What is right


async def test_an_update_is_taken(site: Site) -> None:
    before = site.accepted("telegram")
    answer = await site.telegram()
    assert (answer.status_code, answer.text) == (200, "")
    assert [came.text for came in site.taken] == [WRITTEN]
    assert site.accepted("telegram") == before + 1


async def test_a_text_is_taken_and_answered_with_nothing_to_say(site: Site) -> None:
    before = site.accepted("sms")
    answer = await site.sms()
    assert answer.status_code == 200
    assert answer.headers["content-type"].partition(";")[0] == "text/xml"
    assert answer.text == '<?xml version="1.0" encoding="UTF-8"?><Response></Response>'
    assert [came.text for came in site.taken] == [WRITTEN]
    assert site.accepted("sms") == before + 1


async def test_a_status_is_passed_on_with_the_id_that_we_gave(site: Site) -> None:
    answer = await site.sms(STATUS, "/sms/status?id=our-id")
    assert (answer.status_code, answer.content) == (204, b"")
    assert site.told == [("our-id", Report(SID, Receipt.DELIVERED))]
    assert (await site.sms(STATUS, "/sms/status")).status_code == 204
    assert site.told[-1][0] is None


async def test_a_form_may_name_its_alphabet(site: Site) -> None:
    signature = sign(f"{PUBLIC}/sms", TEXT, AUTH)
    answer = await site.form(urlencode(TEXT).encode(), signature=signature, kind=f"{FORM.upper()}; charset=UTF-8")
    assert answer.status_code == 200


async def test_what_nobody_can_read_is_set_aside_and_telegram_may_go_on(site: Site) -> None:
    for body in (b"null", [], b"5", {"update_id": 1, "message": 3}):
        before = site.refused("telegram", "set aside")
        assert (await site.telegram(body)).status_code == 200
        assert site.refused("telegram", "set aside") == before + 1
    assert len(site.aside) == 4
    assert site.taken == []


async def test_what_is_none_of_our_business_is_counted_and_not_asked_for_again(site: Site) -> None:
    before = site.refused("telegram", "ignored")
    assert (await site.telegram({"update_id": 1, "poll": None})).status_code == 200
    assert site.refused("telegram", "ignored") == before + 1
    assert (site.taken, site.aside) == ([], [])


# What is not


async def chunks(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 65_536 + 1):
        yield b"a" * 65_536


Call = Callable[[Site], Any]
REFUSALS: list[Any] = [
    ("unknown path", lambda s: s.http.get("/wp-login.php"), 404, "other", "no such path"),
    ("root", lambda s: s.http.get("/"), 404, "other", "no such path"),
    ("below a known path", lambda s: s.http.post("/sms/else"), 404, "sms", "no such path"),
    ("slash too many", lambda s: s.http.post("/sms/"), 404, "sms", "no such path"),
    ("unknown bot", lambda s: s.telegram(path="/telegram/other"), 404, "telegram", "no such bot"),
    ("wrong method", lambda s: s.http.get("/sms"), 405, "sms", "wrong method"),
    ("wrong method at the bot", lambda s: s.http.put(f"/telegram/{CLIENTS}"), 405, "telegram", "wrong method"),
    ("wrong method at health", lambda s: s.http.post("/health"), 405, "health", "wrong method"),
    ("no secret", lambda s: s.telegram(secret=None), 403, "telegram", "wrong secret"),
    ("wrong secret", lambda s: s.telegram(secret="guess"), 403, "telegram", "wrong secret"),
    ("odd secret", lambda s: s.telegram(secret=b"\xff\xe9"), 403, "telegram", "wrong secret"),
    ("unsigned", lambda s: s.form(urlencode(TEXT).encode()), 403, "sms", "wrong signature"),
    ("wrong signature", lambda s: s.sms(token="guess"), 403, "sms", "wrong signature"),
    ("odd signature", lambda s: s.form(urlencode(TEXT).encode(), signature=b"\xff\xe9"), 403, "sms", "wrong signature"),
    ("unsigned status", lambda s: s.form(urlencode(STATUS).encode(), "/sms/status"), 403, "sms", "wrong signature"),
    ("JSON for a form", lambda s: s.form(b"{}", kind="application/json"), 415, "sms", "not a form"),
    ("parts for a form", lambda s: s.form(b"", kind="multipart/form-data; boundary=x"), 415, "sms", "not a form"),
    ("no kind", lambda s: s.http.post("/sms", content=b"a=b"), 415, "sms", "not a form"),
    ("too long, declared", lambda s: s.form(b"a" * (MOST + 1)), 413, "sms", "too long"),
    ("too long, in chunks", lambda s: s.form(chunks(MOST + 1)), 413, "sms", "too long"),
    ("too long for a bot", lambda s: s.telegram(b"a" * (MOST + 1)), 413, "telegram", "too long"),
    ("too long for a bot, in chunks", lambda s: s.telegram(chunks(MOST + 1)), 413, "telegram", "too long"),
    ("broken JSON", lambda s: s.telegram(b'{"update_id": 1'), 400, "telegram", "not JSON"),
    ("no body", lambda s: s.telegram(b""), 400, "telegram", "not JSON"),
    ("deep JSON", lambda s: s.telegram(DEEP), 400, "telegram", "not JSON"),
    ("not UTF-8", lambda s: s.telegram(b'{"update_id": "\xff"}'), 400, "telegram", "not JSON"),
    ("endless number", lambda s: s.telegram(b'{"update_id": ' + b"9" * 9000 + b"}"), 400, "telegram", "not JSON"),
    ("a form not in UTF-8", lambda s: s.form(b"Body=\xff\xfe"), 400, "sms", "not a form"),
    ("no form", lambda s: s.form(b"violet umbrella"), 400, "sms", "not a form"),
    ("too many fields", lambda s: s.form(b"&".join([b"a=b"] * (MOST_FIELDS + 1))), 400, "sms", "not a form"),
    ("no number", lambda s: s.sms({**TEXT, "From": WRITTEN, "Body": ""}), 400, "sms", "no number that it came from"),
    ("no id", lambda s: s.sms({**TEXT, "MessageSid": WRITTEN, "Body": ""}), 400, "sms", "no id of a message"),
    ("no status", lambda s: s.sms({**STATUS, "MessageStatus": WRITTEN}, "/sms/status"), 400, "sms",
     "no message, or no status that we know"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "status", "border", "reason"),
    [
        pytest.param(*row.values[1:], id=row.values[0], marks=row.marks)
        if hasattr(row, "marks")
        else pytest.param(*row[1:], id=row[0])
        for row in REFUSALS
    ],
)
async def test_what_is_wrong_has_its_status_and_its_counted_reason(
    site: Site, call: Call, status: int, border: str, reason: str
) -> None:
    before, all_before = site.refused(border, reason), site.all_refused
    answer = await call(site)
    assert (answer.status_code, answer.text) == (status, reason)
    assert (site.refused(border, reason), site.all_refused) == (before + 1, all_before + 1), "counted once"
    assert (site.taken, site.aside, site.told) == ([], [], []), "and never looked at"
    assert (await site.telegram()).status_code == 200, "and the next is taken"


@pytest.mark.parametrize("odd", [{"From": "whatsapp:+15550100"}, {"From": "Anonymous"}, {"MessageSid": "none"}])
async def test_what_somebody_wrote_from_no_telephone_is_kept_for_a_person_to_read(
    site: Site, odd: dict[str, str]
) -> None:
    before = site.refused("sms", "set aside")
    answer = await site.sms({**TEXT, **odd})
    assert answer.status_code == 200
    ((channel, raw, _),) = site.aside
    assert channel == "sms"
    assert TEXT["Body"] in raw
    assert site.taken == []
    assert site.refused("sms", "set aside") == before + 1


async def test_a_status_of_an_unknown_message_is_refused(site: Site) -> None:
    site.known = False
    before = site.refused("sms", "no such message")
    answer = await site.sms(STATUS, "/sms/status?id=whose")
    assert (answer.status_code, answer.text) == (404, "no such message")
    assert site.refused("sms", "no such message") == before + 1


async def test_a_form_of_the_most_fields_is_read(site: Site) -> None:
    more = {f"Field{n}": "x" for n in range(MOST_FIELDS - len(TEXT))}
    assert (await site.sms({**TEXT, **more})).status_code == 200


async def test_a_body_of_the_greatest_length_is_read(site: Site) -> None:
    body = json.dumps(UPDATE).encode()
    assert (await site.telegram(body + b" " * (MOST - len(body)))).status_code == 200
    assert len(site.taken) == 1


async def test_a_secret_is_asked_for_before_anything_is_read(site: Site) -> None:
    answer = await site.telegram(b"a" * (MOST + 1), secret="guess")
    assert answer.status_code == 403


async def test_a_call_that_breaks_off_is_not_taken(site: Site) -> None:
    before = site.refused("telegram", "broken off")
    _, writer = await asyncio.open_connection("127.0.0.1", site.port)
    head = f"POST /telegram/{CLIENTS} HTTP/1.1\r\nHost: x\r\nX-Telegram-Bot-Api-Secret-Token: {SECRET}\r\n"
    writer.write(head.encode() + b"Content-Length: 500\r\n\r\n" + json.dumps(UPDATE).encode()[:50])
    await writer.drain()
    writer.close()
    async with asyncio.timeout(5):
        while site.refused("telegram", "broken off") == before:
            await asyncio.sleep(0.005)
    assert site.taken == []


async def test_without_a_carrier_there_is_nothing_for_texts() -> None:
    async def never(*_: Any) -> Any:
        raise AssertionError("nothing is taken")

    border = Border(never, never)
    async with serving(border.app) as port, httpx.AsyncClient(trust_env=False) as http:
        answers = [await http.post(f"http://127.0.0.1:{port}{path}") for path in ("/sms", "/sms/status")]
        well = await http.get(f"http://127.0.0.1:{port}/health")
    assert [answer.status_code for answer in answers] == [404, 404]
    assert border.count("sms", "not set up") == 2
    assert well.status_code == 200


# What cannot be kept


@pytest.mark.parametrize(
    ("border", "call"),
    [
        ("telegram", lambda s: s.telegram()),
        ("telegram", lambda s: s.telegram(b"null")),
        ("sms", lambda s: s.sms()),
        ("sms", lambda s: s.sms(STATUS, "/sms/status")),
    ],
)
@pytest.mark.parametrize("trouble", [NotKept(f"disk full at {WRITTEN}"), RuntimeError(f"could not seal {WRITTEN}")])
async def test_what_cannot_be_kept_is_to_be_brought_again(
    site: Site, border: str, call: Call, trouble: Exception
) -> None:
    site.trouble = trouble
    refused, taken = site.refused(border, "not kept"), site.accepted(border)
    answer = await call(site)
    assert (answer.status_code, answer.text) == (503, "not kept")
    assert site.refused(border, "not kept") == refused + 1
    assert site.accepted(border) == taken
    site.trouble = None
    assert (await call(site)).status_code in (200, 204), "and the next call works"


# How it is


async def test_health(site: Site) -> None:
    answer = await site.http.get("/health")
    assert (answer.status_code, answer.text) == (200, "well")
    site.well = False
    answer = await site.http.get("/health")
    assert (answer.status_code, answer.text) == (503, "not well")


async def test_the_machine_itself_may_read_the_numbers(site: Site) -> None:
    await site.telegram(secret="guess")
    answer = await site.http.get("/metrics")
    assert answer.status_code == 200
    assert 'handrail_refused_total{border="telegram",reason="wrong secret"}' in answer.text
    assert not any(secret in answer.text for secret in (WRITTEN, str(CHAT), PHONE, AUTH, SECRET, TOKEN))


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.9"},
        {"X-Forwarded-For": "127.0.0.1"},
        {"x-forwarded-for": ""},
        {"Forwarded": "for=127.0.0.1"},
        {"X-Forwarded-For": "::1", "X-Forwarded-Proto": "https"},
        {"X-Real-IP": "203.0.113.9"},
        {"X-Forwarded-Host": "handrail.example"},
        {"Via": "1.1 proxy"},
    ],
    ids=str,
)
async def test_nobody_reads_the_numbers_through_a_proxy(site: Site, headers: dict[str, str]) -> None:
    answer = await site.http.get("/metrics", headers=headers)
    assert (answer.status_code, answer.text) == (404, "no such path")


async def test_nobody_reads_the_numbers_from_another_machine(site: Site) -> None:
    # Another address of this machine, which is not the one that stands for itself.
    elsewhere = httpx.AsyncHTTPTransport(local_address="127.0.0.2")
    async with httpx.AsyncClient(transport=elsewhere, trust_env=False) as http:
        answer = await http.get(f"http://127.0.0.1:{site.port}/metrics")
        assert (answer.status_code, answer.text) == (404, "no such path")
        assert (await http.get(f"http://127.0.0.1:{site.port}/health")).status_code == 200


# What is written down


@pytest.mark.parametrize(
    ("trouble", "call"),
    [
        (None, lambda s: s.telegram()),
        (None, lambda s: s.sms()),
        (None, lambda s: s.sms(token="guess")),
        (None, lambda s: s.sms({**TEXT, "MessageSid": WRITTEN})),
        (None, lambda s: s.sms({**TEXT, "From": WRITTEN})),
        (None, lambda s: s.sms({**STATUS, "MessageStatus": WRITTEN}, "/sms/status")),
        (None, lambda s: s.telegram(json.dumps(UPDATE).encode()[:-1])),
        (None, lambda s: s.telegram({"update_id": 1, "message": WRITTEN})),
        (None, lambda s: s.telegram(secret=WRITTEN)),
        (None, lambda s: s.http.get(f"/sms/{WRITTEN}?text={WRITTEN}&to={PHONE}")),
        (None, lambda s: s.http.get(f"/{WRITTEN}")),
        (NotKept(f"disk full at {WRITTEN}"), lambda s: s.telegram()),
        (RuntimeError(f"could not seal {WRITTEN} of {PHONE}"), lambda s: s.sms()),
    ],
)  # fmt: skip
async def test_no_answer_and_no_log_has_anything_that_a_person_wrote(
    site: Site,
    trouble: Exception | None,
    call: Call,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    site.trouble = trouble
    answer = await call(site)
    out, err = capfd.readouterr()
    everything = "\n".join((answer.text, str(answer.headers), out, err, caplog.text))
    for secret in ("violet", "umbrella", "Ambrose", str(CHAT), PHONE, AUTH, SECRET, TOKEN):
        assert secret not in everything


async def test_metrics_count_what_is_there_and_name_nobody(house: House) -> None:
    await house.writes(house.client, "i took all my pills and i want to die")

    async def never(*_: Any) -> Any:
        raise AssertionError("nothing is taken")

    border = Border(never, never, counted=house.app.counted)
    async with serving(border.app) as port, httpx.AsyncClient(trust_env=False) as http:
        at = f"http://127.0.0.1:{port}/metrics"
        text = (await http.get(at)).text
        assert 'handrail_alerts{kind="danger",status="open"}' in text
        assert 'handrail_outbox{channel="console",lane="crisis"}' in text
        assert 'handrail_outbox{channel="console",lane="alert"}' in text
        assert "handrail_inbox " in text
        assert "maya" not in text.lower()
        await house.app.settle()
        assert "handrail_outbox{" not in (await http.get(at)).text, "what is gone is no zero"


async def test_ready_tells_what_is_late_and_nobodys_name() -> None:
    async def never(*_: Any) -> Any:
        raise AssertionError("nothing is taken")

    late: list[Late] = []

    async def overdue() -> list[Late]:
        return late

    async def well() -> bool:
        return True

    border = Border(never, never, healthy=well, overdue=overdue)
    async with serving(border.app) as port, httpx.AsyncClient(trust_env=False) as http:
        at = f"http://127.0.0.1:{port}"
        ready = await http.get(f"{at}/health/ready")
        assert (ready.status_code, ready.text) == (200, "all is on time")
        late.append(Late("alert steps", 2, datetime(2026, 11, 26, tzinfo=UTC)))
        ready = await http.get(f"{at}/health/ready")
        assert (ready.status_code, ready.text) == (503, "alert steps")
        assert 'handrail_late{what="alert steps"} 2.0' in (await http.get(f"{at}/metrics")).text
        late.clear()
        assert "handrail_late{" not in (await http.get(f"{at}/metrics")).text
