"""The SMTP side: takes any mail that is well formed."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session

from local.inbox.messages import Message


class MailSink:
    """An aiosmtpd handler that hands each mail to `deliver`."""

    def __init__(self, deliver: Callable[[Message], None]) -> None:
        self._deliver = deliver

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        self._deliver(parse_mail(content, envelope.rcpt_tos, datetime.now(UTC)))
        return "250 OK"


def parse_mail(content: bytes, recipients: list[str], at: datetime) -> Message:
    """Return the message in an RFC 5322 mail; kind and key come from X-Vigia-Kind and X-Vigia-Key where present."""
    mail = email.message_from_bytes(content, policy=email.policy.default)
    text, html = _part(mail, "plain"), _part(mail, "html")
    warnings = [] if text else ["no plain-text part: some readers see an empty mail"]
    return Message(
        channel="email",
        at=at,
        to=tuple(recipients),
        title=str(mail["Subject"] or "(no subject)"),
        kind=_header(mail, "X-Vigia-Kind"),
        key=_header(mail, "X-Vigia-Key"),
        body={"from": str(mail["From"] or ""), "text": text, "html": html},
        warnings=tuple(warnings),
    )


def _part(mail: EmailMessage, subtype: str) -> str | None:
    part = mail.get_body((subtype,))
    return str(part.get_content()) if part is not None else None


def _header(mail: EmailMessage, name: str) -> str | None:
    return str(mail[name]) if mail[name] else None
