"""`handrail doctor`: what is missing or wrong before the service can run, in words."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from bot.app import load_content, load_screen
from bot.channels import telegram
from bot.connections import connected
from bot.content import Content, ContentError
from bot.conversation.model import is_intact, model_path
from bot.opening import NotThere, looked_at, unsigned
from bot.safety.rules import RulesError
from bot.settings import Settings, SettingsError, read_settings
from bot.store import audit
from bot.store.database import StoreError
from bot.store.vault import VaultError

LEAST_FREE = 500_000_000
_SIGN = "read them, then `handrail content sign --by NAME`"


@dataclass(frozen=True, slots=True)
class Examined:
    """One thing that was looked at: whether it is good, and what to do where it is not."""

    what: str
    good: bool
    sentence: str


async def examine() -> list[Examined]:
    """Look at settings, keys, database, runtimes, model, words, lines and disk; one row each, in that order."""
    try:
        settings = read_settings()
    except SettingsError as error:
        return [Examined("settings", good=False, sentence=fault) for fault in error.faults]
    rows = [Examined("settings", good=True, sentence="every setting can be read")]
    rows.append(_keys(settings))
    content: Content | None = None
    try:
        content = load_content(settings.home)
        load_screen(settings.home)
        rows.append(
            Examined("words", good=True, sentence=f"{len(content.pieces)} texts, and the danger rules, can be read")
        )
    except (ContentError, RulesError) as error:
        rows.append(Examined("words", good=False, sentence=str(error)))
    rows += _engine(settings)
    if content is not None:
        rows += _lines(settings, content)
        if rows[1].good:
            rows += await _database(settings, content)
    if content is not None:
        rows += await _channels(settings, content)
    rows.append(_disk(settings))
    return rows


async def _channels(settings: Settings, content: Content) -> list[Examined]:
    """Whether anybody can be reached, and over which accounts; asks the providers."""
    async with connected(settings, content) as made:
        rows = []
        for name, bot in made.bots.items():
            wrong = await bot.examine(webhook=settings.telegram_webhook)
            rows.append(Examined(name, good=wrong is None, sentence=wrong or "the bot answers"))
        if telegram.CLIENTS in made.bots and telegram.STAFF not in made.bots:
            sentence = "HANDRAIL_TELEGRAM_STAFF_TOKEN is not set: alerts would wait where the clients' bot has to wait"
            rows.append(Examined(telegram.STAFF, good=False, sentence=sentence))
        if made.provider is not None:
            wrong = await made.provider.examine()
            ready = f"the account answers; texts come in at {settings.public_url}/sms"
            rows.append(Examined("sms", good=wrong is None, sentence=wrong or ready))
        if not rows:
            sentence = (
                "none is set up, so that only this terminal is served: set HANDRAIL_TELEGRAM_TOKEN and "
                "HANDRAIL_TELEGRAM_STAFF_TOKEN (docs/telegram.md), or Twilio's settings (docs/sms.md)"
            )
            rows.append(Examined("channels", good=False, sentence=sentence))
        return rows


def _keys(settings: Settings) -> Examined:
    try:
        ring = settings.key_ring()
    except SettingsError as error:
        return Examined("encryption keys", good=False, sentence=error.faults[0])
    where = "HANDRAIL_KEYS" if settings.keys else str(settings.key_path)
    mode = settings.key_path.stat().st_mode & 0o077 if not settings.keys else 0
    if mode:
        return Examined("encryption keys", good=False, sentence=f"others may read {where}: `chmod 600 {where}`")
    return Examined("encryption keys", good=True, sentence=f"{len(ring)} in {where}")


def _engine(settings: Settings) -> list[Examined]:
    python = settings.home / "engine" / ".venv" / "bin" / "python"
    model = model_path(settings.home)
    there = python.exists()
    trained = is_intact(model)
    return [
        Examined(
            "engine", good=there, sentence="its environment is there" if there else "not installed: run `make setup`"
        ),
        Examined(
            "dialogue model",
            good=trained,
            sentence=f"{model.name} belongs to these sources"
            if trained
            else "none for these sources: run `make train`",
        ),
    ]


def _lines(settings: Settings, content: Content) -> list[Examined]:
    own = content.lines.get(settings.country)
    if not own:
        known = ", ".join(sorted(country for country in content.lines if country))
        sentence = f"none for HANDRAIL_COUNTRY={settings.country}: add them to content/lines.yml, or set one of {known}"
        return [Examined("crisis lines", good=False, sentence=sentence)]
    confirm = [name for name, line in own.items() if line.get("confirm")]
    note = f"; to be confirmed by you: {', '.join(confirm)}" if confirm else ""
    return [Examined("crisis lines", good=True, sentence=f"{len(own)} for {settings.country}{note}")]


async def _database(settings: Settings, content: Content) -> list[Examined]:
    name = "HANDRAIL_DATABASE_URL" if settings.database_url else str(settings.url)
    try:
        async with looked_at(settings) as store:
            missing = await unsigned(store, content)
            async with store.read() as unit:
                broken = await audit.verify(unit)
    except NotThere as lacking:
        drafts = len(content.must_be_signed())
        return [
            Examined("database", good=True, sentence=f"{name}: {lacking}"),
            Examined("safety texts", good=False, sentence=f"{drafts} to be signed: {_SIGN}"),
        ]
    except (SQLAlchemyError, OSError, StoreError, VaultError) as error:
        reason = str(error).splitlines()[0][:200]
        return [Examined("database", good=False, sentence=f"{name} cannot be used: {reason}")]
    rows = [Examined("database", good=True, sentence=f"{store.url.split(':')[0]} answers, its schema is current")]
    rows.append(
        Examined("audit trail", good=True, sentence="unbroken")
        if broken is None
        else Examined("audit trail", good=False, sentence=f"entry {broken} was changed or removed: find out by whom")
    )
    rows.append(
        Examined("safety texts", good=True, sentence="all signed")
        if not missing
        else Examined(
            "safety texts",
            good=False,
            sentence=f"{len(missing)} are drafts: {_SIGN}",
        )
    )
    return rows


def _disk(settings: Settings) -> Examined:
    folder: Path = next(p for p in (settings.data, *settings.data.parents) if p.exists())
    free = shutil.disk_usage(folder).free
    return Examined("disk", good=free > LEAST_FREE, sentence=f"{free / 1e9:.1f} GB free where the data is kept")
