"""E-mail over SMTP, to staff alone: that there is an alert, of which kind, and how to answer it by phone. Nothing comes in."""

import asyncio
import contextlib
import ssl
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as LETTER
from email.utils import format_datetime, parseaddr
from enum import StrEnum
from typing import Any

import aiosmtplib
from aiosmtplib import (
    SMTPAuthenticationError,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
)

from bot.content import FALLBACK_LANGUAGE, Content
from bot.delivery.messages import Abilities, Delivery, Fault, InDoubt, Outbound, Report, SendError, shortened

NAME = "email"
LONGEST = 10_000
# The sender waits for 15 s: before that it must be known how far a letter has come.
TIMEOUT = 10.0
GOODBYE_WITHIN = 1.0


class Security(StrEnum):
    """How the connection is kept from others: from its beginning, after a first greeting, or, on this machine, not at all."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"


# The usual port of each.
PORTS = {Security.TLS: 465, Security.STARTTLS: 587, Security.NONE: 25}


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server, and our account there where it asks for one."""

    host: str
    port: int
    security: Security
    user: str = ""
    password: str = field(default="", repr=False)

    def client(self, name: str) -> aiosmtplib.SMTP:
        """A connection that is not open yet.

        Args:
            name: how we call ourselves in its greeting.
        """
        return aiosmtplib.SMTP(
            hostname=self.host,
            port=self.port,
            username=self.user or None,
            password=self.password if self.user else None,
            local_hostname=name,
            timeout=TIMEOUT,
            use_tls=self.security is Security.TLS,
            start_tls=self.security is Security.STARTTLS,
            tls_context=None if self.security is Security.NONE else ssl.create_default_context(),
        )


class Email:
    """Writes letters that hold a page, and anything else as it stands.

    Args:
        sender: what they come from, such as ``Handrail <alerts@example.org>``.
    """

    name = NAME
    abilities = Abilities(buttons=False, pictures=False, longest=LONGEST)

    def __init__(self, server: Server, sender: str, content: Content) -> None:
        self._server = server
        self._sender = sender
        self._address = parseaddr(sender)[1]
        self._domain = self._address.rpartition("@")[2]
        self._content = content

    def cost(self, _message: Outbound) -> int:
        return 1

    async def send(self, delivery: Delivery) -> str:
        letter = self._letter(delivery)
        client = self._server.client(self._domain)
        # From here on nobody can tell whether it arrived, unless the server says so.
        handed_over = False
        try:
            async with asyncio.timeout(TIMEOUT):
                await client.connect()
                await client.mail(self._address)
                await client.rcpt(delivery.address)
                handed_over = True
                await client.data(letter.as_bytes(policy=LETTER))
        except SMTPResponseException as error:
            # Not chained: it holds the address.
            raise SendError(_fault(error)) from None
        except (SMTPException, OSError) as error:
            if handed_over:
                raise InDoubt(type(error).__name__) from None
            # What is no trouble of the connection is something that the server does not offer.
            raise SendError(Fault.DOWN if isinstance(error, OSError) else Fault.NOT_ALLOWED) from None
        finally:
            await _leave(client)
        return str(letter["Message-ID"])

    async def report(self, _provider_id: str) -> Report | None:
        return None

    async def find(self, _delivery: Delivery, _since: datetime, _known: Collection[str] = ()) -> Report | None:
        return None

    async def examine(self) -> str | None:
        """What is wrong with the server or our account there, in a sentence; nothing where letters can be sent."""
        client, where = self._server.client(self._domain), f"{self._server.host}:{self._server.port}"
        try:
            async with asyncio.timeout(TIMEOUT):
                await client.connect()
                await client.mail(self._address)
        except SMTPAuthenticationError as error:
            if error.code < 500:
                return f"{where} cannot check the password at the moment ({error.code}): try again later"
            return f"{where} does not take HANDRAIL_SMTP_USER with HANDRAIL_SMTP_PASSWORD: copy both anew"
        except SMTPResponseException as error:
            return f"{where} refuses HANDRAIL_SMTP_FROM={self._address} ({error.code}): take an address that it may send for"
        except (SMTPException, OSError) as error:
            if not isinstance(error, OSError):
                return (
                    f"{where} does not offer what HANDRAIL_SMTP_SECURITY={self._server.security} or a password needs: "
                    "look up which of tls and starttls it takes, and on which port"
                )
            why = _certificate(error) or type(error).__name__
            return f"{where} cannot be reached ({why}): look at HANDRAIL_SMTP_HOST, _PORT and _SECURITY, and at the firewall"
        finally:
            await _leave(client)
        return None

    def _letter(self, delivery: Delivery) -> EmailMessage:
        page = delivery.message.alert
        subject, body = self._page(page, delivery) if page else ("Handrail", delivery.message.with_numbers)
        letter = EmailMessage()
        letter["From"], letter["To"], letter["Subject"] = self._sender, delivery.address, subject
        letter["Date"] = format_datetime(datetime.now(UTC))
        # Of our own, so that one which is sent again after a crash is known for the same.
        letter["Message-ID"] = f"<{delivery.id}@{self._domain}>"
        # Nobody's holiday note shall answer it.
        letter["Auto-Submitted"] = "auto-generated"
        letter["X-Auto-Response-Suppress"] = "All"
        letter.set_content(shortened(body, LONGEST), cte="quoted-printable")
        return letter

    def _page(self, page: dict[str, Any], delivery: Delivery) -> tuple[str, str]:
        """Subject and text: number, kind and case. Neither the story nor anybody's name."""
        urgent = page["level"] == "definite"
        still = "STILL OPEN, " if page.get("again") else ""
        case = f", case {page['case']}" if page["case"] else ""
        subject = f"{still}{'ALERT' if urgent else 'Alert'} {page['number']}: {page.get('title', page['kind'])}{case}"
        language = page.get("language", FALLBACK_LANGUAGE)
        how = self._content.say("service.email_page", "", language, number=str(page["number"]))
        return subject, f"{'(sent again) ' if delivery.repeat else ''}{subject}.\n\n{how}\n"


async def _leave(client: aiosmtplib.SMTP) -> None:
    """End the connection; politely where it still stands."""
    if client.is_connected:
        with contextlib.suppress(SMTPException, OSError):
            await client.quit(timeout=GOODBYE_WITHIN)
    client.close()


def _certificate(error: BaseException) -> str | None:
    """What is wrong with the server's certificate, where that is what went wrong."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not good: {cause.verify_message}"
        cause = cause.__cause__ or cause.__context__
    return None


def _fault(error: SMTPResponseException) -> Fault:
    """Why the server has certainly not taken a letter, by RFC 5321 and the enhanced codes of RFC 3463."""
    code, policy = error.code, " 5.7." in f" {error.message}"
    if code < 500:
        return Fault.BUSY if code in (450, 451, 452) and not isinstance(error, SMTPAuthenticationError) else Fault.DOWN
    if isinstance(error, SMTPRecipientRefused) and code not in (530, 535) and not policy:
        return Fault.NO_SUCH_ADDRESS
    if isinstance(error, SMTPDataError):
        return Fault.REFUSED
    return Fault.NOT_ALLOWED
