"""The connections to the outside that the settings ask for: channels, bots, the carriers of texts and calls, the mail server."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from bot.channels import email, sms, telegram, voice
from bot.channels.email import PORTS, Email, Security, Server
from bot.channels.sms import Provider, Sms
from bot.channels.telegram import TelegramBot
from bot.channels.twilio import Twilio
from bot.channels.twilio_calls import TwilioCalls
from bot.channels.voice import Voice
from bot.content import Content
from bot.delivery.messages import Channel
from bot.settings import Settings

# What may name drugs in a text message: it saves lives, and must be understood.
_EXEMPT_KINDS = frozenset({"safety"})
_EXEMPT_PIECES = ("family.overdose",)


@dataclass
class Connections:
    """What the service is connected to."""

    bots: dict[str, TelegramBot] = field(default_factory=dict)
    provider: Provider | None = None
    voice: Voice | None = None
    email: Email | None = None
    channels: dict[str, Channel] = field(default_factory=dict)


@asynccontextmanager
async def connected(settings: Settings, content: Content) -> AsyncIterator[Connections]:
    """Everything that the settings name, ready to be used and closed at the end."""
    made = Connections()
    async with AsyncExitStack() as stack:
        tokens = {telegram.CLIENTS: settings.telegram_token, telegram.STAFF: settings.telegram_staff_token}
        for name, token in tokens.items():
            if token:
                bot = TelegramBot(name, token.get_secret_value(), settings.telegram_api_url)
                made.bots[name] = await stack.enter_async_context(bot)
                made.channels[name] = bot
        auth = [
            token.get_secret_value() for token in (settings.twilio_auth_token, settings.twilio_auth_token_old) if token
        ]
        if settings.twilio_from:
            made.provider = Twilio(
                settings.twilio_account_sid,
                auth,
                settings.twilio_from,
                settings.public_url,
                settings.twilio_api_url,
                answers_keywords=settings.twilio_answers_keywords,
            )
            stack.push_async_callback(made.provider.close)
            made.channels[sms.NAME] = Sms(made.provider, settings.sms_rate, exempt_texts(content))
        if settings.twilio_call_from:
            caller = TwilioCalls(
                settings.twilio_account_sid,
                auth,
                settings.twilio_call_from,
                settings.public_url,
                settings.twilio_api_url,
            )
            stack.push_async_callback(caller.close)
            made.channels[voice.NAME] = made.voice = Voice(caller, content)
        if settings.smtp_host:
            password = settings.smtp_password.get_secret_value() if settings.smtp_password else ""
            security = Security(settings.smtp_security)
            port = settings.smtp_port or PORTS[security]
            server = Server(settings.smtp_host, port, security, settings.smtp_user, password)
            made.channels[email.NAME] = made.email = Email(server, settings.smtp_from, content)
        yield made


def exempt_texts(content: Content) -> frozenset[str]:
    """The fixed texts that go out by SMS as they stand, drug names included."""
    return frozenset(
        text
        for piece in content.pieces.values()
        if piece.kind in _EXEMPT_KINDS or piece.id.startswith(_EXEMPT_PIECES)
        for text in piece.wordings()
    )


def webhook_secret(settings: Settings, name: str) -> str:
    """The secret that Telegram must show with each webhook call: made from the bot's token, so that there is none to lose."""
    token = settings.telegram_token if name == telegram.CLIENTS else settings.telegram_staff_token
    if token is None:
        raise ValueError(f"no token for {name}")
    return hashlib.sha256(f"webhook secret of {name}: {token.get_secret_value()}".encode()).hexdigest()
