"""The channels against real servers on loopback: an SMTP server and a webhook."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from local.addresses import HOST, Addresses
from shared.adapters.channels import configured_channels
from shared.adapters.channels.email import EmailChannel
from shared.adapters.channels.teams import TeamsChannel
from shared.errors import PermanentError, RetryableError
from shared.ports.channels import Recipient
from tests.settings import settings_for
from tests.unit.channels.messages import ANA, a_message

# Loopback too, but not one of the names that may be spoken to in plain text.
OTHER_HOST = "127.0.0.2"


class Mailbox:
    """What an SMTP server took; `answers` to RCPT and DATA can be changed."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.rcpt_answer = "250 OK"
        self.data_answer = "250 OK"

    async def handle_RCPT(  # noqa: N802 (the name is aiosmtpd's)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.rcpt_answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt_answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.data_answer.startswith("250"):
            self.envelopes.append(envelope)
        return self.data_answer

    def mail(self) -> EmailMessage:
        (envelope,) = self.envelopes
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        return mail


@contextmanager
def smtp_server(mailbox: Mailbox, host: str = HOST, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Serve in a thread, and yield the port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def listen() -> asyncio.Server:
        def one_session() -> SMTP:
            return SMTP(mailbox, hostname="test", loop=loop, tls_context=tls)

        return await loop.create_server(one_session, host, 0)

    async def end(server: asyncio.Server) -> None:
        server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    try:
        server = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
        yield server.sockets[0].getsockname()[1]
        asyncio.run_coroutine_threadsafe(end(server), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def webhook(status: int, posted: list[bytes], location: str = "") -> Iterator[str]:
    """Serve one answer to every POST, and yield the URL with its secret."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.headers["Content-Type"] == "application/json"
            posted.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            if status == 429:
                self.send_header("Retry-After", "40")
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = HTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}/workflows/x?sig=hidden"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_mail_arrives_with_both_parts() -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port:
        channels = configured_channels(
            settings_for(VIGIA_SMTP_HOST=HOST, VIGIA_SMTP_PORT=str(port), VIGIA_MAIL_FROM="vigia@example.com")
        )
        channels["email"].send(a_message(title="flight-delay 3: revertida — ação"), ANA)
    (envelope,) = mailbox.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("vigia@example.com", ["ana@example.com"])
    mail = mailbox.mail()
    assert mail["Subject"] == "flight-delay 3: revertida — ação"
    assert mail["X-Vigia-Kind"] == "rolled-back"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize(
    ("rcpt", "data", "error"),
    [
        pytest.param("550 no such user", "250 OK", PermanentError, id="unknown_recipient"),
        pytest.param("451 try later", "250 OK", RetryableError, id="put_off"),
        pytest.param("250 OK", "554 looks like spam", PermanentError, id="mail_refused"),
        pytest.param("250 OK", "452 disk full", RetryableError, id="server_full"),
    ],
)
def test_what_the_mail_server_says_decides_whether_to_try_again(rcpt: str, data: str, error: type[Exception]) -> None:
    mailbox = Mailbox()
    mailbox.rcpt_answer, mailbox.data_answer = rcpt, data
    reply_code = (rcpt if data.startswith("250") else data)[:3]
    with smtp_server(mailbox) as port, pytest.raises(error, match=reply_code):
        EmailChannel(HOST, port, "vigia@example.com").send(a_message(), ANA)


def test_a_mail_server_out_of_reach_is_tried_again() -> None:
    with pytest.raises(RetryableError, match="ConnectionRefusedError"):
        EmailChannel(HOST, Addresses.free().smtp, "vigia@example.com").send(a_message(), ANA)


@pytest.mark.parametrize("address", ["ana", "ana@example.com\r\nRCPT TO:<eve@example.com>", "a@b.c,d@e.f"])
def test_what_is_no_address_is_never_sent(address: str) -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox) as port, pytest.raises(PermanentError, match="is not a mail address"):
        EmailChannel(HOST, port, "vigia@example.com").send(a_message(), Recipient(address, "Ana"))
    assert mailbox.envelopes == []


@pytest.mark.parametrize("user", ["", "vigia"])
def test_off_this_machine_nothing_is_sent_in_the_clear(user: str) -> None:
    mailbox = Mailbox()
    with smtp_server(mailbox, OTHER_HOST) as port, pytest.raises(RetryableError, match="offers no encryption"):
        EmailChannel(OTHER_HOST, port, "vigia@example.com", user, "hidden").send(a_message(), ANA)
    assert mailbox.envelopes == []


def test_off_this_machine_encryption_is_used_and_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate, tls = _certificate(tmp_path, OTHER_HOST)
    mailbox = Mailbox()
    channel = EmailChannel(OTHER_HOST, 0, "vigia@example.com")
    with smtp_server(mailbox, OTHER_HOST, tls) as port:
        channel = EmailChannel(OTHER_HOST, port, "vigia@example.com")
        with pytest.raises(RetryableError, match="SSLCertVerificationError"):
            channel.send(a_message(), ANA)
        assert mailbox.envelopes == []
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        channel.send(a_message(), ANA)
    assert len(mailbox.envelopes) == 1


def test_a_card_reaches_the_webhook() -> None:
    posted: list[bytes] = []
    with webhook(202, posted) as url:
        configured_channels(settings_for(VIGIA_TEAMS_WEBHOOK=url))["teams"].send(a_message(), ANA)
    (body,) = posted
    assert json.loads(body)["vigia"]["to"] == "ana@example.com"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, PermanentError),
        (401, PermanentError),
        (404, PermanentError),
        (413, PermanentError),
        (408, RetryableError),
        (429, RetryableError),
        (500, RetryableError),
        (503, RetryableError),
    ],
)
def test_what_the_webhook_answers_decides_whether_to_try_again(
    status: int, error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with webhook(status, []) as url, pytest.raises(error, match=str(status)) as caught:
        TeamsChannel(url).send(a_message(), ANA)
    assert "hidden" not in str(caught.value) + caplog.text


def test_a_webhook_that_is_called_too_often_says_when_to_come_back() -> None:
    with webhook(429, []) as url, pytest.raises(RetryableError) as caught:
        TeamsChannel(url).send(a_message(), ANA)

    assert caught.value.retry_after == timedelta(seconds=40)


def test_a_redirect_is_not_followed() -> None:
    elsewhere: list[bytes] = []
    with (
        webhook(202, elsewhere) as target,
        webhook(307, [], target) as url,
        pytest.raises(PermanentError, match="307"),
    ):
        TeamsChannel(url).send(a_message(), ANA)
    assert elsewhere == []


def test_a_webhook_out_of_reach_is_tried_again_and_not_named() -> None:
    url = f"http://{HOST}:{Addresses.free().inbox}/workflows/x?sig=hidden"
    with pytest.raises(RetryableError) as caught:
        TeamsChannel(url).send(a_message(), ANA)
    assert "hidden" not in str(caught.value)


def _certificate(folder: Path, host: str) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate for the address; return its file and the server's side."""
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file, key_file = folder / "certificate.pem", folder / "key.pem"
    file.write_bytes(certificate.public_bytes(pem))
    key_file.write_bytes(private)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file, key_file)
    return file, context
