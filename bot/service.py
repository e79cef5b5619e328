"""The real service: what `handrail run` starts."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial

import httpx
import structlog

from bot import typed
from bot.app import EngineHost, Handrail, every, load_content, load_screen, until_done
from bot.channels import console, email, sms, voice
from bot.channels.sms import Provider
from bot.channels.telegram import TelegramBot
from bot.channels.telegram_reading import Polling
from bot.connections import Connections, connected, webhook_secret
from bot.content import ContentError
from bot.conversation.reception import Reception
from bot.delivery import inbox
from bot.delivery.spool import Spool
from bot.opening import make_data_folder, opened_store, unsigned
from bot.schedule.clock import RealClock
from bot.settings import Settings
from bot.web.border import Border, Calls
from bot.web.server import serving

log = structlog.get_logger()

HEARTBEAT_EVERY = 60.0
CATCH_UP_EVERY = 600.0
CATCH_UP_WITHIN = 120.0
# The provider's record is read again from so long before the last message: its clock is not ours.
CATCH_UP_BACK = timedelta(hours=1)
CATCH_UP_MOST = timedelta(days=7)


class Unsigned(ContentError):
    """Safety texts stand that the practice has not signed."""


async def serve(settings: Settings) -> None:
    """Run until interrupted.

    Raises:
        Unsigned: a safety text is not signed.
        SettingsError: the data folder cannot be made, or nothing can listen where it shall.
        ServiceRunning: another service works on the same SQLite file.
    """
    content = load_content(settings.home)
    # Also where the database is elsewhere: the spool must have its place before it is needed.
    make_data_folder(settings)
    async with opened_store(settings, create=True) as store:
        store.claim_service()
        missing = await unsigned(store, content)
        if missing:
            raise Unsigned(
                f"{len(missing)} safety texts are not signed by your practice, so the service does not start: "
                f"{', '.join(missing[:3])}{' …' if len(missing) > len(missing[:3]) else ''}. "
                "Read them with `handrail content show --kind safety`, then `handrail content sign --by NAME`."
            )
        screen = load_screen(settings.home)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        async with (
            connected(settings, content) as connections,
            EngineHost.running(settings.home, settings.data / "logs" / "engine.log", start=settings.engine) as host,
        ):
            channels = {console.NAME: console.Console(typed.show), **connections.channels}
            app = Handrail(store, content, screen, host, channels, RealClock(), settings.named)
            spool = Spool(settings.spool, store.vault)
            reception = Reception(store, app.intake, spool, channels, app.clock.now)
            async with store.read() as unit:
                last_sms = await inbox.last_received(unit, sms.NAME)
            async with _open_border(settings, app, reception, connections):
                sys.stderr.write(_welcome(connections))
                sys.stderr.flush()
                hearing = asyncio.create_task(typed.hear(app, reception, stop))
                # Beside the work: what is well goes on, and nobody waits for a provider that does not answer.
                examining = asyncio.create_task(_examine(connections, settings))
                try:
                    await app.serve(stop, _work(app, reception, connections, settings, last_sms))
                finally:
                    hearing.cancel()
                    examining.cancel()


def _welcome(connections: Connections) -> str:
    if not connections.channels:
        return (
            "Handrail is running, and no channel is set up: `handrail doctor` says what Telegram and SMS need. "
            "Type KEY: TEXT for someone at this terminal; Ctrl-C ends it.\n"
        )
    return f"Handrail is running on {', '.join(connections.channels)}. Ctrl-C ends it.\n"


async def _examine(connections: Connections, settings: Settings) -> None:
    """Say of every account with which something is wrong what the doctor says of it; the others go on meanwhile."""

    async def say(name: str, found: Awaitable[str | None]) -> None:
        try:
            wrong = await found
        except Exception as error:
            log.warning("an account could not be examined", account=name, error=type(error).__name__)
            return
        if wrong:
            sys.stderr.write(f"{name}: {wrong}.\n")
            sys.stderr.flush()

    bots = connections.bots.items()
    asked = [say(name, bot.examine(webhook=settings.telegram_webhook)) for name, bot in bots]
    if connections.provider is not None:
        asked.append(say(sms.NAME, connections.provider.examine()))
    if connections.voice is not None:
        asked.append(say(voice.NAME, connections.voice.caller.examine()))
    if connections.email is not None:
        asked.append(say(email.NAME, connections.email.examine()))
    await asyncio.gather(*asked)


@asynccontextmanager
async def _open_border(
    settings: Settings, app: Handrail, reception: Reception, connections: Connections
) -> AsyncIterator[None]:
    """Serve the webhooks, where anything needs them."""
    bots: dict[str, tuple[TelegramBot, str]] = {}
    if settings.telegram_webhook:
        bots = {name: (bot, webhook_secret(settings, name)) for name, bot in connections.bots.items()}
    if not bots and connections.provider is None and connections.voice is None:
        yield
        return
    told = app.senders[sms.NAME].told if sms.NAME in app.senders else None
    calls = Calls(connections.voice, app.senders[voice.NAME].told, app.pressed) if connections.voice else None
    border = Border(
        reception.take,
        app.intake.set_aside,
        told,
        connections.provider,
        bots,
        app.healthy,
        app.overdue,
        app.counted,
        calls,
    )
    async with serving(border.app, settings.listen, settings.port) as port:
        sys.stderr.write(f"Webhooks are taken on {settings.listen}:{port}, for {settings.public_url}.\n")
        yield


def _work(
    app: Handrail,
    reception: Reception,
    connections: Connections,
    settings: Settings,
    last_sms: datetime | None,
) -> list[Callable[[asyncio.Event], Awaitable[None]]]:
    """What runs beside the application's own workers: reading, emptying the spool, remembering whom to call."""
    work: list[Callable[[asyncio.Event], Awaitable[None]]] = [
        partial(every, 1.0, reception.drain),
        partial(every, 60.0, reception.remember_staff),
    ]
    for name, bot in connections.bots.items():
        if settings.telegram_webhook:
            url = f"{settings.public_url}/telegram/{name}"
            work.append(partial(until_done, partial(bot.set_webhook, url, webhook_secret(settings, name))))
            work.append(partial(until_done, bot.introduce))
        else:
            work.append(Polling(bot, reception.take, app.intake.set_aside, alarm=reception.alarm).run)
    if settings.heartbeat_url:
        work.append(partial(every, HEARTBEAT_EVERY, Heartbeat(app, settings.heartbeat_url).run_once))
    if connections.provider is not None:
        work.append(partial(every, CATCH_UP_EVERY, CatchUp(app, reception, connections.provider, last_sms).run_once))
    return work


class Heartbeat:
    """Tells somebody outside that all is well, and says nothing otherwise: whoever watches there notices the silence."""

    def __init__(self, app: Handrail, url: str) -> None:
        self._app = app
        self._url = url

    async def run_once(self) -> int:
        """Call the address if nothing is late; returns whether that was so."""
        late = await self._app.overdue()
        if late:
            now = self._app.clock.now()
            log.warning("not on time", late=[each.told(now) for each in late])
            return 0
        try:
            async with httpx.AsyncClient(timeout=10.0) as client:
                (await client.get(self._url)).raise_for_status()
        except httpx.HTTPError as error:
            log.warning("the heartbeat did not arrive", error=type(error).__name__)
        return 0


class CatchUp:
    """Takes in what the provider has and no call has brought: it does not call twice, and we may have been away."""

    def __init__(self, app: Handrail, reception: Reception, provider: Provider, last: datetime | None) -> None:
        self._app = app
        self._reception = reception
        self._provider = provider
        # When the last message came in before this start: what is newer may have been missed.
        self._since = last or app.clock.now()

    async def run_once(self) -> int:
        """Read the provider's record since the last time that this worked."""
        now = self._app.clock.now()
        async with asyncio.timeout(CATCH_UP_WITHIN):
            missed = await self._provider.received(max(self._since - CATCH_UP_BACK, now - CATCH_UP_MOST))
        for message in missed:
            await self._reception.take(message)
        self._since = now
        return 0
