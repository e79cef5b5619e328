"""A mail server that listens on loopback and does what a story says; ``letters`` has all that arrived."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class Trouble:
    """What a command is answered instead: a line of SMTP, or nothing, where the connection breaks."""

    command: str
    answer: str
    times: int
    after_accept: bool
    slow: float


@dataclass
class MailDouble:
    """The server: its mailboxes are whatever is written to."""

    port: int = 0
    letters: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, str]] = field(default_factory=list)
    users: dict[str, str] = field(default_factory=dict)
    tls_seen: list[bool] = field(default_factory=list)
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    _troubles: list[Trouble] = field(default_factory=list)

    def fail(
        self, command: str, answer: str = "", times: int = 1, *, after_accept: bool = False, slow: float = 0.0
    ) -> None:
        """Make the next commands of a kind (MAIL, RCPT, DATA) fail."""
        self._troubles.append(Trouble(command, answer, times, after_accept, slow))

    def texts(self, address: str) -> list[str]:
        """The bodies of the letters to an address."""
        return [_unix(str(letter.get_content())) for letter in self.letters if letter["To"] == address]

    def authenticate(self, _server: SMTP, _session: Session, _envelope: Envelope, _kind: str, given: Any) -> AuthResult:
        assert isinstance(given, LoginPassword)
        known = self.users.get(given.login.decode())
        return AuthResult(success=known is not None and known == given.password.decode(), handled=False)

    async def _trouble(self, server: SMTP, command: str, *, after: bool = False) -> str | None:
        for trouble in self._troubles:
            if trouble.command == command and trouble.times > 0 and trouble.after_accept is after:
                trouble.times -= 1
                if trouble.slow:
                    try:
                        async with asyncio.timeout(trouble.slow):
                            await self.closing.wait()
                    except TimeoutError:
                        pass
                if trouble.answer:
                    return trouble.answer
                if server.transport is not None:
                    server.transport.abort()
                return "421 gone"
        return None

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := await self._trouble(server, "MAIL"):
            return answer
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := await self._trouble(server, "RCPT"):
            return answer
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if answer := await self._trouble(server, "DATA"):
            return answer
        raw = envelope.content
        assert isinstance(raw, bytes)
        self.letters.append(message_from_bytes(raw, policy=default))  # type: ignore[arg-type]
        self.envelopes += [(str(envelope.mail_from), to) for to in envelope.rcpt_tos]
        self.tls_seen.append(session.ssl is not None)
        return await self._trouble(server, "DATA", after=True) or "250 OK"


def _unix(text: str) -> str:
    return text.replace("\r\n", "\n").rstrip("\n")


@asynccontextmanager
async def mail_double(
    *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None, users: dict[str, str] | None = None
) -> AsyncIterator[MailDouble]:
    """A server that listens, with TLS where it is given a certificate."""
    double, loop = MailDouble(users=users or {}), asyncio.get_running_loop()
    sessions: list[SMTP] = []

    def session() -> SMTP:
        made = SMTP(
            double,
            hostname="mail.example",
            loop=loop,
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=double.authenticate,
            auth_required=bool(users),
            auth_require_tls=starttls is not None,
            ident="ESMTP",
        )
        sessions.append(made)
        return made

    server = await loop.create_server(session, "127.0.0.1", 0, ssl=tls)
    double.port = server.sockets[0].getsockname()[1]
    try:
        yield double
    finally:
        double.closing.set()
        server.close()
        for one in sessions:
            if one.transport is not None:
                one.transport.abort()
            if one._handler_coroutine is not None:
                one._handler_coroutine.cancel()
                await asyncio.gather(one._handler_coroutine, return_exceptions=True)
        await server.wait_closed()
