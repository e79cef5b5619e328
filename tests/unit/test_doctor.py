"""The doctor: what it finds before the service runs, and what it has a word about."""

import os
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.doctor import Examined, examine
from tests.doubles.mail import MailDouble, mail_double
from tests.doubles.telegram import TelegramDouble, telegram_double
from tests.doubles.twilio import Account, TwilioDouble, twilio_double

CLIENTS, STAFF = "111111:client-token", "222222:staff-token"
ACCOUNT, AUTH, NUMBER, CODE = "AC" + "a" * 32, "auth token", "+15035550100", "72345"
SERVICE = "MG" + "b" * 32

pytestmark = [
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]


class Setup:
    """The settings of a service that has not started yet."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self._monkeypatch = monkeypatch
        self.folder = folder

    def set(self, **settings: object) -> None:
        for name, value in settings.items():
            self._monkeypatch.setenv(f"HANDRAIL_{name.upper()}", str(value))

    async def rows(self, what: str) -> list[Examined]:
        return [row for row in await examine() if row.what == what]

    async def row(self, what: str) -> Examined:
        (found,) = await self.rows(what)
        return found


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setup:
    for name in [name for name in os.environ if name.startswith("HANDRAIL_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    made = Setup(monkeypatch, tmp_path)
    made.set(data=tmp_path / "data")
    return made


@pytest.fixture
async def telegram(setup: Setup) -> AsyncIterator[TelegramDouble]:
    async with telegram_double() as double:
        double.bot(CLIENTS, "handrail_bot")
        double.bot(STAFF, "handrail_staff_bot")
        setup.set(telegram_api_url=double.base)
        yield double


@pytest.fixture
async def account(setup: Setup) -> AsyncIterator[Account]:
    """An account with a number, a short code and a Messaging Service; the number is set up."""
    double: TwilioDouble
    async with twilio_double() as double:
        made = double.account(ACCOUNT, AUTH, number=NUMBER, service=SERVICE)
        made.numbers.append(CODE)
        setup.set(
            twilio_account_sid=ACCOUNT,
            twilio_auth_token=AUTH,
            twilio_from=NUMBER,
            twilio_api_url=double.base,
            public_url="https://handrail.example.org",
            port=0,
        )
        yield made


async def test_an_engine_that_is_switched_off_is_spoken_of(setup: Setup) -> None:
    assert "HANDRAIL_ENGINE" not in (await setup.row("engine")).sentence
    setup.set(engine="false")
    row = await setup.row("engine")
    assert row.good
    assert "HANDRAIL_ENGINE is false" in row.sentence


# Channels


async def test_both_bots_are_well(setup: Setup, telegram: TelegramDouble) -> None:
    setup.set(telegram_token=CLIENTS, telegram_staff_token=STAFF)
    assert (await setup.row("telegram")).good
    assert (await setup.row("telegram-staff")).good


async def test_staff_alone_have_a_bot(setup: Setup, telegram: TelegramDouble) -> None:
    setup.set(telegram_staff_token=STAFF)
    row = await setup.row("telegram")
    assert not row.good
    assert "HANDRAIL_TELEGRAM_TOKEN is not set" in row.sentence


@pytest.mark.parametrize("others", [{}, {"telegram_staff_token": STAFF}])
async def test_the_clients_token_is_empty(setup: Setup, telegram: TelegramDouble, others: dict[str, str]) -> None:
    setup.set(telegram_token="", **others)
    row = await setup.row("telegram")
    assert not row.good
    assert "HANDRAIL_TELEGRAM_TOKEN is empty" in row.sentence


async def test_staff_on_telegram_and_clients_on_sms_is_well(
    setup: Setup, telegram: TelegramDouble, account: Account
) -> None:
    setup.set(telegram_staff_token=STAFF)
    row = await setup.row("telegram")
    assert row.good
    assert "SMS alone" in row.sentence


@pytest.mark.parametrize("sender", [NUMBER, CODE, SERVICE])
async def test_what_the_account_has_is_well(setup: Setup, account: Account, sender: str) -> None:
    setup.set(twilio_from=sender)
    row = await setup.row("sms")
    assert row.good, row.sentence
    assert sender in row.sentence


@pytest.mark.parametrize(
    ("sender", "told"),
    [
        ("+15035550199", "no such number"),
        # The provider finds a number by a part of it as well.
        (NUMBER[:-1], "no such number"),
        ("99999", "no such short code"),
        ("MG" + "c" * 32, "no such Messaging Service"),
    ],
)
async def test_what_the_account_does_not_have_is_named(setup: Setup, account: Account, sender: str, told: str) -> None:
    setup.set(twilio_from=sender)
    row = await setup.row("sms")
    assert not row.good
    assert f"HANDRAIL_TWILIO_FROM={sender}" in row.sentence
    assert told in row.sentence


async def test_a_number_for_calls_alone_is_named(setup: Setup, account: Account) -> None:
    account.voice_only.add(NUMBER)
    row = await setup.row("sms")
    assert not row.good
    assert "no texts" in row.sentence


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"twilio_auth_token": "another"}, "copy both anew"),
        ({"twilio_api_url": "http://127.0.0.1:1"}, "cannot be reached"),
    ],
)
async def test_an_account_that_cannot_be_asked(
    setup: Setup, account: Account, settings: dict[str, str], told: str
) -> None:
    setup.set(**settings)
    row = await setup.row("sms")
    assert not row.good
    assert told in row.sentence


async def test_where_nothing_can_listen(setup: Setup, account: Account) -> None:
    assert (await setup.row("webhooks")).good
    setup.set(listen="203.0.113.7")
    row = await setup.row("webhooks")
    assert not row.good
    assert "HANDRAIL_LISTEN=203.0.113.7" in row.sentence


async def test_a_port_that_is_taken_may_be_the_services_own(setup: Setup, account: Account) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        setup.set(port=taken.getsockname()[1])
        row = await setup.row("webhooks")
    assert row.good
    assert "listens on" in row.sentence


# What a practice says of itself


async def test_what_was_left_out_is_told_where_people_would_read_it(setup: Setup, telegram: TelegramDouble) -> None:
    assert not await setup.rows("hours")
    setup.set(telegram_token=CLIENTS, telegram_staff_token=STAFF)
    for what in ("practice", "hours", "phone"):
        row = await setup.row(what)
        assert row.good
        assert f"HANDRAIL_{what.upper()} is not set" in row.sentence
    setup.set(practice="Alder House", hours="Monday to Friday, 9 to 17", phone="503 555 0100")
    for what in ("practice", "hours", "phone"):
        assert not await setup.rows(what)


async def test_the_time_zone_that_people_get_is_told_until_it_is_set(setup: Setup) -> None:
    row = await setup.row("time zone")
    assert row.good
    assert "America/New_York" in row.sentence
    setup.set(time_zone="America/New_York")
    assert not await setup.rows("time zone")


# Where things stand


@pytest.mark.parametrize(("mode", "good"), [(0o600, True), (0o640, False), (0o644, False)])
async def test_a_settings_file_is_for_its_owner(setup: Setup, mode: int, good: bool) -> None:
    file = setup.folder / ".env"
    file.write_text("HANDRAIL_PRACTICE=Alder House\n")
    file.chmod(mode)
    told = [row for row in await setup.rows("settings") if "chmod 600 .env" in row.sentence]
    assert not told if good else (len(told) == 1 and not told[0].good)


async def test_a_name_that_is_no_setting(setup: Setup) -> None:
    setup.set(telegram_tokn=CLIENTS)
    row = await setup.row("settings")
    assert not row.good
    assert "the nearest is HANDRAIL_TELEGRAM_TOKEN" in row.sentence
    setup.set(port="many")
    assert len(await setup.rows("settings")) == 2, "it is told beside what is wrong"


@pytest.mark.parametrize(("level", "good"), [("info", True), ("DEBUG", True), ("loud", False), ("handler", False)])
async def test_a_log_level_that_is_none(setup: Setup, level: str, good: bool) -> None:
    setup.set(log_level=level)
    row = await setup.row("settings")
    assert row.good is good
    assert good or "debug, info, warning, error" in row.sentence


async def test_a_data_folder_that_cannot_be_written_to(setup: Setup) -> None:
    assert (await setup.row("disk")).good
    # Not even root makes a file there.
    setup.set(data="/proc")
    row = await setup.row("data folder")
    assert not row.good
    assert "HANDRAIL_DATA: /proc cannot be written to" in row.sentence
    (setup.folder / "file").write_text("")
    setup.set(data=setup.folder / "file" / "data")
    assert not (await setup.row("data folder")).good


async def test_a_database_in_a_folder_that_is_not_there(setup: Setup) -> None:
    setup.set(database_url="sqlite:////nowhere/at/all/x.db", keys="00112233445566aa:" + "A" * 43 + "=")
    row = await setup.row("database")
    assert not row.good
    assert "there is no folder /nowhere/at/all" in row.sentence


async def test_looking_leaves_the_folder_as_it_is(setup: Setup) -> None:
    shutil.rmtree(setup.folder / "data", ignore_errors=True)
    await examine()
    assert not list(setup.folder.iterdir())


# Calls and e-mail


async def test_a_number_that_can_call_is_well(setup: Setup, account: Account) -> None:
    assert "nobody is called" in (await setup.row("call")).sentence
    setup.set(twilio_call_from=NUMBER)
    row = await setup.row("call")
    assert row.good, row.sentence
    assert NUMBER in row.sentence


async def test_calls_need_no_sms(setup: Setup, account: Account) -> None:
    setup.set(twilio_from="", twilio_call_from=NUMBER)
    assert (await setup.row("call")).good
    assert await setup.rows("sms") == []


@pytest.mark.parametrize(
    ("number", "told"), [(NUMBER, "carries texts and no calls"), ("+15035550199", "no such number")]
)
async def test_a_number_that_cannot_call_is_named(setup: Setup, account: Account, number: str, told: str) -> None:
    account.text_only.add(NUMBER)
    setup.set(twilio_call_from=number)
    row = await setup.row("call")
    assert not row.good
    assert f"HANDRAIL_TWILIO_CALL_FROM={number}" in row.sentence
    assert told in row.sentence


@pytest.fixture
async def mail(setup: Setup) -> AsyncIterator[MailDouble]:
    async with mail_double() as double:
        setup.set(smtp_host="127.0.0.1", smtp_port=double.port, smtp_security="none", smtp_from="alerts@example.org")
        yield double


async def test_a_mail_server_that_takes_letters_is_well(setup: Setup, mail: MailDouble) -> None:
    row = await setup.row("email")
    assert row.good, row.sentence
    assert mail.letters == [], "and gets none"


async def test_what_is_wrong_with_the_mail_server_is_told(setup: Setup, mail: MailDouble) -> None:
    mail.fail("MAIL", "553 5.7.1 not yours")
    row = await setup.row("email")
    assert not row.good
    assert "refuses HANDRAIL_SMTP_FROM=alerts@example.org (553)" in row.sentence
    setup.set(smtp_user="alerts", smtp_password="secret")
    row = await setup.row("email")
    assert "does not take HANDRAIL_SMTP_USER with HANDRAIL_SMTP_PASSWORD" in row.sentence
    assert "secret" not in row.sentence
    setup.set(smtp_security="starttls", smtp_user="", smtp_password="")
    row = await setup.row("email")
    assert "HANDRAIL_SMTP_SECURITY=starttls" in row.sentence
    with socket.socket() as ear:
        ear.bind(("127.0.0.1", 0))
        setup.set(smtp_port=ear.getsockname()[1])
        row = await setup.row("email")
    assert not row.good
    assert "cannot be reached" in row.sentence
