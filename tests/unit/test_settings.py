"""Settings as whoever runs the service writes them: what is wrong is said in plain words."""

from pathlib import Path

import pytest

from bot.settings import HOME, SettingsError, misspelt, read_settings


@pytest.fixture(autouse=True)
def _nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment without settings, in a folder without `.env`."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ENGINE", "maybe", "give true or false"),
        ("TELEGRAM_WEBHOOK", "on and off", "give true or false"),
        ("PORT", "many", "give a whole number"),
        ("PORT", "65536", "give 65535 or less"),
        ("PORT", "-1", "give 0 or more"),
        ("PORT", "80.5", "give a whole number"),
        ("SMS_RATE", "fast", "give a number"),
        ("SMS_RATE", "0", "give a number above 0"),
        ("SMS_RATE", "1001", "give 1000 or less"),
        ("LISTEN", "", "give an address of this machine, such as 127.0.0.1"),
        ("LISTEN", "not an address", "give an address of this machine, such as 127.0.0.1"),
        ("LISTEN", "http://127.0.0.1", "give an address of this machine, such as 127.0.0.1"),
        ("TIME_ZONE", "Mars/Olympus", "give a time zone by its IANA name, such as America/Chicago"),
        ("TIME_ZONE", "", "give a time zone by its IANA name, such as America/Chicago"),
        ("KEYS", "abc", "`handrail keys print`"),
        ("TWILIO_CALL_FROM", "72345", "give the number that calls come from, such as +15035550100"),
        ("SMTP_PORT", "0", "give 1 or more"),
        ("SMTP_FROM", "somebody", "give an address such as alerts@example.org"),
        ("SMTP_FROM", "a@b\nBcc: c@d", "give an address such as alerts@example.org"),
        ("HOME", "/nowhere/at/all", "give the checkout of Handrail"),
    ],
)
def test_a_wrong_setting_is_told_in_plain_words(
    name: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"HANDRAIL_{name}", value)
    with pytest.raises(SettingsError) as raised:
        read_settings()
    (fault,) = raised.value.faults
    assert fault.startswith(f"HANDRAIL_{name}: ")
    assert told in fault
    assert "Input should" not in fault
    assert "keys new" not in fault


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LISTEN", "::1"),
        ("LISTEN", "0.0.0.0"),
        ("LISTEN", "localhost"),
        ("TIME_ZONE", "Europe/Madrid"),
        ("HOME", str(HOME)),
        ("PORT", "0"),
    ],
)
def test_a_right_setting_is_taken(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"HANDRAIL_{name}", value)
    assert str(getattr(read_settings(), name.lower())) == value


def test_a_line_that_was_left_empty_says_what_is_said_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HANDRAIL_HOURS", " ")
    assert read_settings().hours == "on weekdays during office hours"


def test_a_settings_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"HANDRAIL_HOURS=\xff\xfe\n")
    with pytest.raises(SettingsError, match=r"\.env cannot be read"):
        read_settings()


def test_names_that_are_no_settings_get_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HANDRAIL_TELEGRAM_STAF_TOKEN=x\nHANDRAIL_LOG_LEVEL=info\nPATH=/bin\n")
    told = misspelt(["HANDRAIL_COUNTRI", "HANDRAIL_LOG_LEVEL", "HANDRAIL_DATA", "handrail_hours", "HOME"])
    assert len(told) == 3
    assert "HANDRAIL_COUNTRI in the environment is no setting; the nearest is HANDRAIL_COUNTRY" in told
    assert "HANDRAIL_TELEGRAM_STAF_TOKEN in .env is no setting; the nearest is HANDRAIL_TELEGRAM_STAFF_TOKEN" in told
    assert "HANDRAIL_LOG_LEVEL in .env is not read: set it in the environment" in told


def test_every_setting_stands_in_the_example_and_every_name_there_is_a_setting() -> None:
    example = (HOME / ".env.example").read_text()
    named = {
        line.lstrip("#").partition("=")[0] for line in example.splitlines() if line.lstrip("#").startswith("HANDRAIL_")
    }
    settings = {f"HANDRAIL_{name.upper()}" for name in type(read_settings()).model_fields}
    assert named == settings | {"HANDRAIL_LOG_LEVEL"}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"SMTP_HOST": "mail.example.org"}, "HANDRAIL_SMTP_FROM: missing, so that e-mail cannot be set up"),
        ({"SMTP_FROM": "alerts@example.org"}, "HANDRAIL_SMTP_HOST: missing, so that e-mail cannot be set up"),
        (
            {"SMTP_HOST": "mail.example.org", "SMTP_FROM": "alerts@example.org", "SMTP_USER": "alerts"},
            "HANDRAIL_SMTP_PASSWORD: missing; a mail server asks for both or for neither",
        ),
        (
            {"SMTP_HOST": "mail.example.org", "SMTP_FROM": "alerts@example.org", "SMTP_SECURITY": "none"},
            "HANDRAIL_SMTP_SECURITY: none would send alerts and the password in the clear",
        ),
        (
            {"TWILIO_CALL_FROM": "+15035550100"},
            "HANDRAIL_TWILIO_ACCOUNT_SID and HANDRAIL_TWILIO_AUTH_TOKEN: missing, so that calls cannot be set up",
        ),
    ],
)
def test_what_lacks_for_calls_and_e_mail_is_named(
    given: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(f"HANDRAIL_{name}", value)
    with pytest.raises(SettingsError) as error:
        read_settings()
    assert any(fault.startswith(told) for fault in error.value.faults), error.value.faults
