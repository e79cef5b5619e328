"""`handrail doctor`: what is missing or wrong before the service can run, in words."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from sqlalchemy.exc import SQLAlchemyError

from bot.app import load_content, load_screen
from bot.channels import telegram
from bot.connections import Connections, connected
from bot.content import Content, ContentError
from bot.conversation.model import is_intact, model_path
from bot.logs import DEFAULT_LEVEL, LEVEL, LEVELS
from bot.opening import NotThere, looked_at, may_have_a_new_key, unsigned
from bot.safety.rules import RulesError
from bot.settings import ENV_FILE, UNNAMED, Settings, SettingsError, misspelt, read_settings
from bot.store import audit
from bot.store.database import StoreError
from bot.store.vault import VaultError
from bot.web.server import CannotListen, bound

LEAST_FREE = 500_000_000
# In a file's mode: whether anybody but its owner may do anything with it.
OTHERS = 0o077
_SIGN = "read them with `handrail content show --kind safety`, then `handrail content sign --by NAME`"


@dataclass(frozen=True, slots=True)
class Examined:
    """One thing that was looked at: whether it is good, and what to do where it is not."""

    what: str
    good: bool
    sentence: str


async def examine() -> list[Examined]:
    """Look at settings, keys, database, runtimes, model, words, lines and disk; one row each, in that order."""
    said = _names() + _settings_file()
    try:
        settings = read_settings()
    except SettingsError as error:
        return [*said, *(Examined("settings", good=False, sentence=fault) for fault in error.faults)]
    rows = said or [Examined("settings", good=True, sentence="every setting can be read")]
    keys = await _keys(settings)
    rows.append(keys)
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
        if keys.good:
            rows += await _database(settings, content)
        rows += await _channels(settings, content)
    rows += _left_out(settings)
    rows += _data(settings)
    return rows


def _names() -> list[Examined]:
    """Settings that are written wrongly, so that nothing reads them."""
    faults = misspelt(os.environ)
    level = os.environ.get(LEVEL, "")
    if level and level.lower() not in LEVELS:
        faults.append(f"{LEVEL}={level}: give one of {', '.join(LEVELS)}; until then it is {DEFAULT_LEVEL}")
    return [Examined("settings", good=False, sentence=fault) for fault in faults]


def _settings_file() -> list[Examined]:
    """Whether others may read the tokens in `.env`."""
    if not ENV_FILE.is_file() or not ENV_FILE.stat().st_mode & OTHERS:
        return []
    return [Examined("settings", good=False, sentence=f"others may read {ENV_FILE.resolve()}: `chmod 600 {ENV_FILE}`")]


async def _channels(settings: Settings, content: Content) -> list[Examined]:
    """Whether anybody can be reached, and over which accounts; asks the providers."""
    async with connected(settings, content) as made:
        rows = []
        for name, bot in made.bots.items():
            wrong = await bot.examine(webhook=settings.telegram_webhook)
            rows.append(Examined(name, good=wrong is None, sentence=wrong or "the bot answers"))
        if made.bots or settings.has_empty_token:
            rows += _two_bots(settings, made)
        if made.provider is not None:
            wrong = await made.provider.examine()
            ready = f"the account answers and has {settings.twilio_from}; texts come in at {settings.public_url}/sms"
            rows.append(Examined("sms", good=wrong is None, sentence=wrong or ready))
        if not rows:
            sentence = (
                "none is set up, so that only this terminal is served: set HANDRAIL_TELEGRAM_TOKEN and "
                "HANDRAIL_TELEGRAM_STAFF_TOKEN (docs/telegram.md), or Twilio's settings (docs/sms.md)"
            )
            rows.append(Examined("channels", good=False, sentence=sentence))
        rows += await _ways_to_staff(settings, made)
        if made.provider is not None or made.voice is not None or settings.telegram_webhook:
            rows.append(_listening(settings))
        return rows


async def _ways_to_staff(settings: Settings, made: Connections) -> list[Examined]:
    """Whether staff can be called, and written to by e-mail, as far as that is set up."""
    rows = []
    if made.voice is not None:
        wrong = await made.voice.caller.examine()
        ready = f"{settings.twilio_call_from} can call; keys come in at {settings.public_url}/voice/key"
        rows.append(Examined("call", good=wrong is None, sentence=wrong or ready))
    elif made.channels:
        sentence = "HANDRAIL_TWILIO_CALL_FROM is not set, so that a definite danger is told by message alone and nobody is called"
        rows.append(Examined("call", good=True, sentence=sentence))
    if made.email is not None:
        wrong = await made.email.examine()
        rows.append(Examined("email", good=wrong is None, sentence=wrong or f"{settings.smtp_host} takes our letters"))
    return rows


def _two_bots(settings: Settings, made: Connections) -> list[Examined]:
    """Whether clients and staff have a bot each."""
    rows = []
    if telegram.STAFF not in made.bots and telegram.CLIENTS in made.bots:
        sentence = "HANDRAIL_TELEGRAM_STAFF_TOKEN is not set: alerts would wait where the clients' bot has to wait"
        rows.append(Examined(telegram.STAFF, good=False, sentence=sentence))
    if telegram.CLIENTS not in made.bots:
        if settings.has_empty_token or made.provider is None:
            lacking = "is empty" if settings.has_empty_token else "is not set"
            sentence = f"HANDRAIL_TELEGRAM_TOKEN {lacking}: clients and families have no bot to write to"
            rows.append(Examined(telegram.CLIENTS, good=False, sentence=sentence))
        else:
            sentence = "HANDRAIL_TELEGRAM_TOKEN is not set: clients and families are reached by SMS alone"
            rows.append(Examined(telegram.CLIENTS, good=True, sentence=sentence))
    return rows


def _listening(settings: Settings) -> Examined:
    """Whether the service could take calls where it is to listen. A taken port may be its own."""
    try:
        bound(settings.listen, 0).close()
    except CannotListen as error:
        return Examined("webhooks", good=False, sentence=error.faults[0])
    where = f"{settings.listen}:{settings.port}"
    try:
        bound(settings.listen, settings.port).close()
    except CannotListen as error:
        if not error.taken:
            return Examined("webhooks", good=False, sentence=error.faults[0])
        sentence = f"something listens on {where} already, which is well where it is this service"
        return Examined("webhooks", good=True, sentence=sentence)
    return Examined("webhooks", good=True, sentence=f"calls can be taken on {where}")


def _left_out(settings: Settings) -> list[Examined]:
    """What a practice says of itself and has not said: people get general words in its place."""
    rows = []
    if settings.telegram_token or settings.telegram_staff_token or settings.twilio_from:
        words = {"practice": "this practice is called", "hours": "people are told that the team answers", "phone": ""}
        for name, meaning in words.items():
            now = getattr(settings, name)
            if now != getattr(UNNAMED, "name" if name == "practice" else name):
                continue
            told = f'{meaning} "{now}"' if meaning else f"whoever asks how to reach a person is told to {now}"
            rows.append(Examined(name, good=True, sentence=f"HANDRAIL_{name.upper()} is not set, so that {told}"))
    if "time_zone" not in settings.model_fields_set:
        sentence = f"HANDRAIL_TIME_ZONE is not set, so that people are added with {settings.time_zone}"
        rows.append(Examined("time zone", good=True, sentence=sentence))
    return rows


async def _keys(settings: Settings) -> Examined:
    try:
        if not settings.has_keys:
            await may_have_a_new_key(settings)
        ring = settings.key_ring()
    except SettingsError as error:
        return Examined("encryption keys", good=False, sentence=error.faults[0])
    except (StoreError, VaultError) as error:
        return Examined("encryption keys", good=False, sentence=str(error))
    where = "HANDRAIL_KEYS" if settings.keys else str(settings.key_path)
    mode = settings.key_path.stat().st_mode & OTHERS if not settings.keys else 0
    if mode:
        return Examined("encryption keys", good=False, sentence=f"others may read {where}: `chmod 600 {where}`")
    return Examined("encryption keys", good=True, sentence=f"{len(ring)} in {where}")


def _engine(settings: Settings) -> list[Examined]:
    python = settings.home / "engine" / ".venv" / "bin" / "python"
    model = model_path(settings.home)
    there = python.exists()
    trained = is_intact(model)
    ready = "its environment is there"
    if not settings.engine:
        ready = "HANDRAIL_ENGINE is false: messages are kept and danger is answered by the rules, but nothing else is"
    return [
        Examined("engine", good=there, sentence=ready if there else "not installed: run `make setup`"),
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
    try:
        async with looked_at(settings) as store:
            missing = await unsigned(store, content)
            async with store.read() as unit:
                broken = await audit.verify(unit)
    except NotThere as lacking:
        drafts = len(content.must_be_signed())
        return [
            Examined("database", good=True, sentence=f"{settings.url_name}: {lacking}"),
            Examined("safety texts", good=False, sentence=f"{drafts} to be signed: {_SIGN}"),
        ]
    except (SQLAlchemyError, OSError, StoreError, VaultError) as error:
        reason = str(error).splitlines()[0][:300]
        return [Examined("database", good=False, sentence=reason)]
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


def _data(settings: Settings) -> list[Examined]:
    """Whether the data folder can be made and written to, and how much room there is."""
    try:
        folder: Path = next(p for p in (settings.data, *settings.data.absolute().parents) if p.exists())
        # It leaves nothing behind.
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or type(error).__name__
        sentence = f"HANDRAIL_DATA: {settings.data} cannot be written to: {reason}"
        return [Examined("data folder", good=False, sentence=sentence)]
    free = shutil.disk_usage(folder).free
    return [Examined("disk", good=free > LEAST_FREE, sentence=f"{free / 1e9:.1f} GB free where the data is kept")]
