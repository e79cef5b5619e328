"""Settings, read once from the environment (and `.env`) into one frozen object."""

import re
from collections.abc import Iterable
from difflib import get_close_matches
from email.utils import parseaddr
from pathlib import Path
from typing import Any, Literal

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.logs import LEVEL
from bot.recovery.joining import is_zone
from bot.recovery.people import Practice
from bot.store.database import StoreError, async_url, file_of
from bot.store.vault import VaultError, parse_keys

PREFIX = "HANDRAIL_"
ENV_FILE = Path(".env")
_TOKEN = re.compile(r"\d{3,20}:[A-Za-z0-9_-]{3,100}")
# An address of this machine or its name. Nothing at all would mean every address that it has.
# A mailbox as a server takes it: no signs beyond ASCII, which not every server knows.
_MAILBOX = re.compile(r"[!-?A-~]+@[0-9A-Za-z]([0-9A-Za-z.-]*[0-9A-Za-z])?")
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_LISTENS = re.compile(r"[0-9A-Za-z]([0-9A-Za-z.-]*[0-9A-Za-z])?|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*")
UNNAMED = Practice()
HOME = Path(__file__).resolve().parent.parent


class SettingsError(Exception):
    """A setting is wrong or missing. ``faults`` holds one line a fault: the setting and what to put there."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


_ADDRESSES = {
    "public_url": "give the address under which the world reaches this service, such as https://handrail.example.org",
    "heartbeat_url": "give the address to be called while all is well, such as https://watch.example.org/handrail",
}


class Settings(BaseSettings):
    """Every setting; `.env.example` explains them."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=ENV_FILE, extra="ignore", frozen=True)

    home: Path = HOME
    data: Path = Field(default=HOME / "data")
    database_url: str = ""
    keys: str = Field(default="", repr=False)
    key_file: Path | None = None
    practice: str = UNNAMED.name
    country: str = "US"
    time_zone: str = "America/New_York"
    hours: str = UNNAMED.hours
    phone: str = UNNAMED.phone

    engine: bool = True

    telegram_token: SecretStr | None = None
    telegram_staff_token: SecretStr | None = None
    telegram_webhook: bool = False
    telegram_api_url: str = "https://api.telegram.org/bot"

    twilio_account_sid: str = ""
    twilio_auth_token: SecretStr | None = None
    twilio_auth_token_old: SecretStr | None = None
    twilio_from: str = ""
    twilio_api_url: str = ""
    twilio_answers_keywords: bool = True
    sms_rate: float = Field(default=1.0, gt=0, le=1000)
    twilio_call_from: str = ""

    smtp_host: str = ""
    smtp_port: int | None = Field(default=None, ge=1, le=65535)
    smtp_security: Literal["starttls", "tls", "none"] = "starttls"
    smtp_user: str = ""
    smtp_password: SecretStr | None = None
    smtp_from: str = ""

    public_url: str = ""
    heartbeat_url: str = ""
    listen: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)

    @field_validator("home")
    @classmethod
    def _is_a_checkout(cls, value: Path) -> Path:
        missing = [name for name in ("content", "domain", "engine") if not (value / name).is_dir()]
        if missing:
            raise ValueError(
                f"{value} has no folder {missing[0]}: give the checkout of Handrail, or leave this setting out"
            )
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if not value or not is_zone(value):
            raise ValueError("give a time zone by its IANA name, such as America/Chicago")
        return value

    @field_validator("listen")
    @classmethod
    def _can_be_listened_on(cls, value: str) -> str:
        if not _LISTENS.fullmatch(value):
            raise ValueError("give an address of this machine, such as 127.0.0.1")
        return value

    @field_validator("telegram_token", "telegram_staff_token")
    @classmethod
    def _looks_like_a_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        if not _TOKEN.fullmatch(value.get_secret_value()):
            raise ValueError("give the token as BotFather shows it: digits, a colon, letters and digits")
        return value

    @field_validator("smtp_port", mode="before")
    @classmethod
    def _left_empty(cls, value: Any) -> Any:
        return None if value == "" else value

    @field_validator("smtp_from")
    @classmethod
    def _comes_from(cls, value: str) -> str:
        if value and not (value.isprintable() and is_mailbox(parseaddr(value)[1])):
            raise ValueError("give an address such as alerts@example.org, or Handrail <alerts@example.org>")
        return value

    @field_validator("twilio_call_from")
    @classmethod
    def _number(cls, value: str) -> str:
        if value and not re.fullmatch(r"\+\d{7,15}", value):
            raise ValueError("give the number that calls come from, such as +15035550100")
        return value

    @field_validator("twilio_auth_token", "twilio_auth_token_old", "smtp_password")
    @classmethod
    def _nothing_is_none(cls, value: SecretStr | None) -> SecretStr | None:
        return value if value and value.get_secret_value() else None

    @field_validator("twilio_from")
    @classmethod
    def _number_or_service(cls, value: str) -> str:
        if value and not re.fullmatch(r"\+\d{7,15}|MG[0-9a-fA-F]{32}|\d{3,8}", value):
            raise ValueError(
                "give a number such as +15035550100, a short code, or a Messaging Service (MG and 32 characters)"
            )
        return value

    @field_validator("practice", "hours", "phone")
    @classmethod
    def _said_or_general(cls, value: str, info: ValidationInfo) -> str:
        # A line that was left empty is none: "The team reads and answers ." would be said to people.
        return value.strip() or str(cls.model_fields[info.field_name or ""].default)

    @field_validator("public_url", "heartbeat_url")
    @classmethod
    def _address(cls, value: str, info: ValidationInfo) -> str:
        if value and not re.fullmatch(r"https?://[^\s/]+(?:/\S*)?", value):
            raise ValueError(_ADDRESSES[info.field_name or ""])
        # Paths are put behind the one; the other is called as it stands.
        return value.rstrip("/") if info.field_name == "public_url" else value

    @model_validator(mode="after")
    def _whole(self) -> "Settings":
        given = (self.twilio_account_sid, self.twilio_auth_token, self.twilio_from or self.twilio_call_from)
        if any(given) and not all(given):
            names = ("HANDRAIL_TWILIO_ACCOUNT_SID", "HANDRAIL_TWILIO_AUTH_TOKEN", "HANDRAIL_TWILIO_FROM")
            missing = [name for name, value in zip(names, given, strict=True) if not value]
            what = "calls" if self.twilio_call_from and not self.twilio_from else "SMS"
            raise ValueError(f"{' and '.join(missing)}: missing, so that {what} cannot be set up; the others are there")
        if all(given) and not self.public_url:
            raise ValueError(
                "HANDRAIL_PUBLIC_URL: missing; SMS and keys come in by calls to it, and their signature holds for it"
            )
        self._whole_smtp()
        if self.telegram_webhook and not self.public_url.startswith("https://"):
            raise ValueError("HANDRAIL_PUBLIC_URL: Telegram's webhook needs one that starts with https://")
        if self.telegram_token and self.telegram_token == self.telegram_staff_token:
            raise ValueError(
                "HANDRAIL_TELEGRAM_STAFF_TOKEN: is the token of the clients' bot; staff need one of their own"
            )
        return self

    def _whole_smtp(self) -> None:
        if bool(self.smtp_host) != bool(self.smtp_from):
            missing = "HANDRAIL_SMTP_FROM" if self.smtp_host else "HANDRAIL_SMTP_HOST"
            raise ValueError(f"{missing}: missing, so that e-mail cannot be set up; the other is there")
        if bool(self.smtp_user) != bool(self.smtp_password):
            missing = "HANDRAIL_SMTP_PASSWORD" if self.smtp_user else "HANDRAIL_SMTP_USER"
            raise ValueError(f"{missing}: missing; a mail server asks for both or for neither")
        if self.smtp_security == "none" and self.smtp_host and self.smtp_host not in _THIS_MACHINE:
            raise ValueError(
                "HANDRAIL_SMTP_SECURITY: none would send alerts and the password in the clear; it is for a server on this "
                "machine. Give starttls or tls"
            )

    @field_validator("country")
    @classmethod
    def _two_letters(cls, value: str) -> str:
        if len(value) != 2 or not value.isalpha():
            raise ValueError("give a country as two letters, such as US")
        return value.upper()

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, value: str) -> str:
        if value:
            try:
                async_url(value)
            except StoreError as error:
                raise ValueError(str(error)) from error
            except Exception as error:
                raise ValueError("give sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME") from error
        return value

    @field_validator("keys")
    @classmethod
    def _good_keys(cls, value: str) -> str:
        if value:
            try:
                parse_keys(value)
            except VaultError as error:
                raise ValueError(str(error)) from error
        return value

    @property
    def url(self) -> str:
        """The database's address: the one that was set, or a SQLite file in the data folder."""
        return self.database_url or f"sqlite:///{self.data / 'handrail.db'}"

    @property
    def url_name(self) -> str:
        """How the database is named to whoever runs the service: by its setting, or by its file."""
        return f"{PREFIX}DATABASE_URL" if self.database_url else str(self.data / "handrail.db")

    @property
    def key_path(self) -> Path:
        """The key file: beside the data folder by default, never in it, so that no copy of the data carries its keys."""
        return self.key_file or self.data.with_name(f"{self.data.name}-keys")

    @property
    def has_empty_token(self) -> bool:
        """Whether the clients' token stands in the settings with nothing behind it."""
        return self.telegram_token is None and "telegram_token" in self.model_fields_set

    @property
    def spool(self) -> Path:
        """The folder that keeps messages while the database is away."""
        return self.data / "spool"

    @property
    def named(self) -> Practice:
        """The practice, as it is named to people."""
        return Practice(self.practice, self.hours, self.phone)

    @property
    def has_keys(self) -> bool:
        """Whether there are keys, right or wrong."""
        return bool(self.keys) or self.key_path.exists()

    def key_ring(self) -> dict[str, bytes]:
        """The encryption keys, the current one first.

        Raises:
            SettingsError: there are none, or they are malformed.
        """
        try:
            if self.keys:
                return parse_keys(self.keys)
            if self.key_path.exists():
                return parse_keys(self.key_path.read_text())
        except UnicodeDecodeError as error:
            raise SettingsError([f"{self.key_path}: is no key file"]) from error
        except (VaultError, OSError) as error:
            raise SettingsError([f"{'HANDRAIL_KEYS' if self.keys else self.key_path}: {error}"]) from error
        lacking = f"HANDRAIL_KEYS is not set and {self.key_path} does not exist"
        file = file_of(self.url)
        if file is not None and file.exists():
            raise SettingsError([f"{lacking}: put the key file there with which {file} was made"])
        raise SettingsError([f"{lacking}: `handrail keys new` makes a key file"])


def is_mailbox(text: str) -> bool:
    """Whether a text is an e-mail address alone."""
    return len(text) <= 254 and _MAILBOX.fullmatch(text) is not None


def read_settings() -> Settings:
    """Read the settings.

    Raises:
        SettingsError: with every wrong setting at once.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError([_fault(item) for item in error.errors()]) from error
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise SettingsError([f"{ENV_FILE.resolve()} cannot be read: {reason}"]) from error


# What to put there, by the kind of fault as the library names it.
_GIVE = {
    "bool": "give true or false",
    "int": "give a whole number",
    "float": "give a number",
    "finite_number": "give a number",
    "greater_than": "give a number above {gt:g}",
    "greater_than_equal": "give {ge:g} or more",
    "less_than": "give a number below {lt:g}",
    "less_than_equal": "give {le:g} or less",
    "path": "give the path of a file or folder",
}


def _fault(item: Any) -> str:
    """A fault that the library has found, in our words; nothing of the value is said, for it may be a secret."""
    name = f"{PREFIX}{str(item['loc'][0]).upper()}: " if item["loc"] else ""
    kind = str(item["type"])
    if kind == "value_error":
        return name + str(item["msg"]).removeprefix("Value error, ")
    give = _GIVE.get(kind) or _GIVE.get(kind.partition("_")[0], "cannot be understood: see .env.example")
    return name + give.format(**item.get("ctx", {}))


def misspelt(environment: Iterable[str]) -> list[str]:
    """Names that look like settings and are none, in the environment or in `.env`: a sentence each, with the nearest right one.

    Args:
        environment: the names of the environment.
    """
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    written = {name.upper() for name in dotenv_values(ENV_FILE)} if ENV_FILE.is_file() else set()
    said = []
    for places, names in (("the environment", {name.upper() for name in environment}), (str(ENV_FILE), written)):
        for name in sorted(names):
            if not name.startswith(PREFIX) or name in known or (name == LEVEL and names is not written):
                continue
            if name == LEVEL:
                said.append(f"{name} in {ENV_FILE} is not read: set it in the environment")
                continue
            near = get_close_matches(name, [*known, LEVEL], n=1, cutoff=0.0)
            said.append(f"{name} in {places} is no setting; the nearest is {near[0]}")
    return said
