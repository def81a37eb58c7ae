"""A message as an e-mail: plain text and HTML."""

from __future__ import annotations

import hashlib
import re
from email.headerregistry import Address
from email.message import EmailMessage
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from shared.domain.notice import NoticeKind
from shared.ports.channels import Message, Recipient
from shared.texts.values import plain

_GOOD = {NoticeKind.PROMOTED, NoticeKind.RELEASE_OPENED, NoticeKind.TRAINING_STARTED, NoticeKind.CANARY_STARTED}
_BAD = {
    NoticeKind.ROLLED_BACK,
    NoticeKind.RELEASE_FAILED,
    NoticeKind.TRAINING_FAILED,
    NoticeKind.RELEASE_REJECTED,
    NoticeKind.ENDPOINT_DEGRADED,
    NoticeKind.EVENT_QUARANTINED,
}
_ADDRESS = re.compile(r"[^@\s<>\"(),:;\[\]\\]{1,64}@[^@\s<>\"(),:;\[\]\\]{1,255}")


def is_address(text: str) -> bool:
    """Return whether the text is one plain address, without anything that a header would parse as more."""
    return text.isascii() and text.isprintable() and _ADDRESS.fullmatch(text) is not None


def email_message(message: Message, sender: str, to: Recipient) -> EmailMessage:
    """Return the mail. Its Message-ID is the same whenever it is made, so that mail systems can drop a repetition.

    Both addresses must satisfy `is_address`. Nothing in the mail acts when it is opened or scanned.
    """
    mail = EmailMessage()
    mail["Subject"] = _header(message.title)
    mail["From"] = Address("Vigia", addr_spec=sender)
    mail["To"] = Address(_header(to.name) if to.name != to.email else "", addr_spec=to.email)
    mail["Message-ID"] = _message_id(message, sender, to)
    mail["X-Auto-Response-Suppress"] = "All"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Vigia-Kind"] = message.kind.value
    mail["X-Vigia-Key"] = _header(message.key)
    mail["Content-Language"] = message.language
    mail.set_content(text_part(message))
    mail.add_alternative(html_part(message), subtype="html")
    return mail


def text_part(message: Message) -> str:
    return _templates().get_template("mail.txt.j2").render(message=message)


def html_part(message: Message) -> str:
    return _templates().get_template("mail.html.j2").render(message=message, accent=_accent(message.kind))


def _header(text: str) -> str:
    """Return the text for a header: one line, in which no encoded word (RFC 2047) can hide a line break."""
    return plain(text).replace("=?", "= ?")


def _message_id(message: Message, sender: str, to: Recipient) -> str:
    digest = hashlib.sha256(f"{message.key}\n{to.email}".encode()).hexdigest()[:40]
    return f"<{digest}@{sender.rpartition('@')[2]}>"


def _accent(kind: NoticeKind) -> str:
    """Return the colour of the mail's upper edge: good, bad, or to be looked at."""
    if kind in _GOOD:
        return "#2e7d4f"
    return "#b3261e" if kind in _BAD else "#b26a00"


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
