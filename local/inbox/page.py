"""The page that shows what people would have received."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from jinja2 import Environment, PackageLoader

from local.inbox.markdown import to_html
from local.inbox.messages import Message

NEWEST = 200


def _web_address(url: object) -> str | None:
    """Return the address if a browser may open it, so that no javascript: link gets onto the page."""
    return url if isinstance(url, str) and url.startswith(("http://", "https://")) else None


def _objects(items: object) -> list[dict[str, Any]]:
    """Return the objects of a list; a card is somebody's input and may hold anything in its place."""
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _clock(moment: datetime) -> str:
    return moment.strftime("%H:%M:%S")


def _mail_height(body: dict[str, Any]) -> int:
    """Return a height in pixels that fits most mails: a frame without scripts can't tell its own."""
    lines = str(body.get("text") or "").count("\n") + 1
    return min(720, 120 + 26 * lines)


_environment = Environment(
    loader=PackageLoader("local.inbox", "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters.update(
    markdown=lambda text: to_html(str(text)),
    objects=_objects,
    web_address=_web_address,
    clock=_clock,
    mail_height=_mail_height,
)


def render(messages: Sequence[Message], total: int) -> tuple[str, str]:
    """Return the page, newest message first, and the Content-Security-Policy to send with it."""
    nonce = secrets.token_urlsafe(16)
    newest = list(reversed(messages))[:NEWEST]
    page = _environment.get_template("inbox.html").render(messages=newest, total=total, nonce=nonce)
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; connect-src 'self'; style-src 'unsafe-inline'; "
        "img-src https: data:; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return page, policy
