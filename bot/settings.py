"""Settings, read once from the environment (and `.env`) into one frozen object."""

from pathlib import Path

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.store.database import StoreError, async_url
from bot.store.vault import VaultError, parse_keys

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
    practice: str = "your team"
    country: str = "US"

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
                f"HANDRAIL_{str(item['loc'][0]).upper()}: {str(item['msg']).removeprefix('Value error, ')}"
                for item in error.errors()
            ]
        ) from error
