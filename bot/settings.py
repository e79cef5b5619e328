"""Settings, read once from the environment (and `.env`) into one frozen object."""

import re
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.recovery.people import Practice
from bot.store.database import StoreError, async_url
from bot.store.vault import VaultError, parse_keys

_TOKEN = re.compile(r"\d{3,20}:[A-Za-z0-9_-]{3,100}")
UNNAMED = Practice()
HOME = Path(__file__).resolve().parent.parent


class SettingsError(Exception):
    """A setting is wrong or missing. ``faults`` holds one line a fault: the setting and what to put there."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class Settings(BaseSettings):
    """Every setting; `.env.example` explains them."""

    model_config = SettingsConfigDict(env_prefix="HANDRAIL_", env_file=".env", extra="ignore", frozen=True)

    home: Path = HOME
    data: Path = Field(default=HOME / "data")
    database_url: str = ""
    keys: str = Field(default="", repr=False)
    key_file: Path | None = None
    practice: str = UNNAMED.name
    country: str = "US"
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

    public_url: str = ""
    listen: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)

    @field_validator("telegram_token", "telegram_staff_token")
    @classmethod
    def _looks_like_a_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        if not _TOKEN.fullmatch(value.get_secret_value()):
            raise ValueError("give the token as BotFather shows it: digits, a colon, letters and digits")
        return value

    @field_validator("twilio_auth_token", "twilio_auth_token_old")
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

    @field_validator("public_url")
    @classmethod
    def _address(cls, value: str) -> str:
        if value and not re.fullmatch(r"https?://[^\s/]+(?:/\S*)?", value):
            raise ValueError(
                "give the address under which the world reaches this service, such as https://handrail.example.org"
            )
        return value.rstrip("/")

    @model_validator(mode="after")
    def _whole(self) -> "Settings":
        given = (self.twilio_account_sid, self.twilio_auth_token, self.twilio_from)
        if any(given) and not all(given):
            names = ("HANDRAIL_TWILIO_ACCOUNT_SID", "HANDRAIL_TWILIO_AUTH_TOKEN", "HANDRAIL_TWILIO_FROM")
            missing = [name for name, value in zip(names, given, strict=True) if not value]
            raise ValueError(f"{' and '.join(missing)}: missing, so that SMS cannot be set up; the others are there")
        if all(given) and not self.public_url:
            raise ValueError(
                "HANDRAIL_PUBLIC_URL: missing; SMS come in by calls to it, and their signature holds for it"
            )
        if self.telegram_webhook and not self.public_url.startswith("https://"):
            raise ValueError("HANDRAIL_PUBLIC_URL: Telegram's webhook needs one that starts with https://")
        if self.telegram_token and self.telegram_token == self.telegram_staff_token:
            raise ValueError(
                "HANDRAIL_TELEGRAM_STAFF_TOKEN: is the token of the clients' bot; staff need one of their own"
            )
        return self

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
    def key_path(self) -> Path:
        """The key file: beside the data folder by default, never in it, so that no copy of the data carries its keys."""
        return self.key_file or self.data.with_name(f"{self.data.name}-keys")

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
        except (VaultError, OSError) as error:
            raise SettingsError([f"HANDRAIL_KEYS or {self.key_path}: {error}"]) from error
        raise SettingsError(
            [f"HANDRAIL_KEYS is not set and {self.key_path} does not exist: `handrail keys new` makes a key file"]
        )


def read_settings() -> Settings:
    """Read the settings.

    Raises:
        SettingsError: with every wrong setting at once.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(
            [
                ": ".join(
                    part
                    for part in (
                        f"HANDRAIL_{str(item['loc'][0]).upper()}" if item["loc"] else "",
                        str(item["msg"]).removeprefix("Value error, "),
                    )
                    if part
                )
                for item in error.errors()
            ]
        ) from error
