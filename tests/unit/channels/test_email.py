"""E-mail as a server sees it: over TLS, with a password, under a name of its own; and what is wrong, in words."""

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.channels.email import Email, Security, Server
from bot.delivery.messages import Delivery, Fault, Lane, Outbound, SendError
from tests.doubles.mail import MailDouble, mail_double
from tests.unit.channels.conftest import FROM, MAILBOX, words

USER, PASSWORD = "alerts", "a password that nobody may see"
PAGE = {"number": 12, "kind": "danger", "danger": "suicide", "level": "definite", "case": 1003, "language": "es"}


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of this machine, signed by itself, with its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("certificate") / "mail.pem"
    file.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return file


def served(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def letters_by(server: MailDouble, security: Security, user: str = USER, password: str = PASSWORD) -> Email:
    return Email(Server("127.0.0.1", server.port, security, user, password), FROM, words())


def page(repeat: bool = False) -> Delivery:
    return Delivery("0" * 32, MAILBOX, Outbound("ALERT 12", alert=PAGE), Lane.ALERT, repeat)


@pytest.fixture
async def starttls(certificate: Path) -> AsyncIterator[MailDouble]:
    async with mail_double(starttls=served(certificate), users={USER: PASSWORD}) as server:
        yield server


async def test_after_starttls_with_a_password(
    starttls: MailDouble, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    channel = letters_by(starttls, Security.STARTTLS)
    assert await channel.examine() is None
    assert await channel.send(page()) == f"<{'0' * 32}@practice.example>"
    assert starttls.tls_seen == [True]
    (letter,) = starttls.letters
    assert letter["From"] == FROM
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Date"]
    assert letter["Subject"] == "ALERT 12: danger, case 1003"
    assert "Escribe 12a para tomarla" in starttls.texts(MAILBOX)[0]


async def test_over_tls_from_the_beginning(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    async with mail_double(tls=served(certificate)) as server:
        await letters_by(server, Security.TLS, "", "").send(page())
        assert len(server.letters) == 1


async def test_a_wrong_password_is_no_accident(
    starttls: MailDouble, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    channel = letters_by(starttls, Security.STARTTLS, password="another")
    with pytest.raises(SendError) as caught:
        await channel.send(page())
    assert caught.value.fault is Fault.NOT_ALLOWED
    assert "does not take HANDRAIL_SMTP_USER with HANDRAIL_SMTP_PASSWORD" in str(await channel.examine())
    assert PASSWORD not in repr(Server("127.0.0.1", 25, Security.TLS, USER, PASSWORD))


async def test_a_server_that_nobody_vouches_for_gets_no_password(starttls: MailDouble) -> None:
    channel = letters_by(starttls, Security.STARTTLS)
    with pytest.raises(SendError) as caught:
        await channel.send(page())
    assert caught.value.fault is Fault.DOWN
    assert starttls.letters == []
    assert "its certificate is not good" in str(await channel.examine())


async def test_without_starttls_nothing_is_said(certificate: Path) -> None:
    async with mail_double() as server:
        channel = letters_by(server, Security.STARTTLS, "", "")
        with pytest.raises(SendError) as caught:
            await channel.send(page())
        assert caught.value.fault is Fault.NOT_ALLOWED
        assert server.letters == []
