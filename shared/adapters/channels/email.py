"""E-mail: by Azure Communication Services where that is configured, else by SMTP."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.adapters.channels import ChannelSpec
from shared.errors import PermanentError, RetryableError, SettingsError
from shared.ports.channels import Channel, Message, Recipient
from shared.settings import Settings

if TYPE_CHECKING:
    from smtplib import SMTP

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_IMPLICIT_TLS_PORT = 465


@dataclass(frozen=True, slots=True)
class EmailChannel:
    """Sends each message in a connection of its own, encrypted unless the server is this machine: a server that offers
    no encryption, or whose offer was removed on the way, gets no mail."""

    host: str
    port: int
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)
    timeout_seconds: float = 30.0

    def send(self, message: Message, to: Recipient) -> None:
        """Hand the mail to the server; the server accepting it is not the person reading it.

        Raises:
            RetryableError: the server is out of reach, or asks to retry later (4xx).
            PermanentError: the address cannot be one, or the server refuses it (5xx).
        """
        import smtplib

        from shared.texts.mail import email_message, is_address

        if not is_address(to.email):
            raise PermanentError(
                code="email.address",
                message=f"{to.email!r:.80} is not a mail address",
                hint="correct it in the policy's people or notify section",
            )
        mail = email_message(message, self.sender, to)
        try:
            with self._connect() as server:
                server.send_message(mail, self.sender, [to.email])
        except smtplib.SMTPRecipientsRefused as exc:
            code, reason = exc.recipients[to.email]
            raise _refusal(code, reason, "the recipient") from exc
        except smtplib.SMTPAuthenticationError as exc:
            # The message is valid: it waits until the password is corrected.
            raise RetryableError(
                code="email.sign_in",
                message=f"the mail server {self.host} refused the sign-in ({exc.smtp_code})",
                hint="check VIGIA_SMTP_USER and VIGIA_SMTP_PASSWORD",
            ) from exc
        except smtplib.SMTPResponseException as exc:
            raise _refusal(exc.smtp_code, exc.smtp_error, "the mail") from exc
        except (OSError, smtplib.SMTPException) as exc:
            raise RetryableError(
                code="email.unreachable",
                message=f"the mail server {self.host}:{self.port} failed: {type(exc).__name__}",
            ) from exc

    def _connect(self) -> SMTP:
        import smtplib

        if self.port == _IMPLICIT_TLS_PORT:
            return self._signed_in(
                smtplib.SMTP_SSL(
                    self.host, self.port, timeout=self.timeout_seconds, context=ssl.create_default_context()
                )
            )
        server = smtplib.SMTP(self.host, self.port, timeout=self.timeout_seconds)
        try:
            server.ehlo()
            if self.host not in _LOOPBACK:
                self._encrypt(server)
            return self._signed_in(server)
        except BaseException:
            server.close()
            raise

    def _encrypt(self, server: SMTP) -> None:
        if server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
        else:
            # Retryable: the offer may be missing only for as long as an attacker on the way removes it.
            raise RetryableError(
                code="email.no_tls",
                message=f"the mail server {self.host}:{self.port} offers no encryption",
                hint="set VIGIA_SMTP_PORT to 587 or 465, or let the server offer STARTTLS",
            )

    def _signed_in(self, server: SMTP) -> SMTP:
        if self.user:
            server.login(self.user, self.password)
        return server


def _refusal(code: int, reason: bytes | str, subject: str) -> RetryableError | PermanentError:
    text = reason.decode(errors="replace") if isinstance(reason, bytes) else reason
    message = f"the mail server does not accept {subject}: {code} {' '.join(text.split())[:200]}"
    if 400 <= code < 500:
        return RetryableError(code="email.put_off", message=message)
    return PermanentError(code="email.refused", message=message)


def build(settings: Settings) -> Channel | None:
    """Return the channel, or None without a mail service.

    Policies say `email`, whichever service carries it. With both configured it is Azure Communication Services, which
    recognises a repeated request.

    Raises:
        SettingsError: the sender is not a mail address, or the service's endpoint is not a URL.
    """
    from shared.adapters import acs_mail
    from shared.texts.mail import is_address

    if not settings.smtp_host and not settings.acs_endpoint:
        return None
    if not is_address(settings.mail_from):
        raise SettingsError(
            code="settings.mail_from",
            message=f"VIGIA_MAIL_FROM is not a mail address: {settings.mail_from!r}",
            hint="write e.g. vigia@example.com",
        )
    if settings.acs_endpoint:
        return acs_mail.build(settings)
    return EmailChannel(
        settings.smtp_host, settings.smtp_port, settings.mail_from, settings.smtp_user, settings.smtp_password
    )


SPEC = ChannelSpec("email", build)
