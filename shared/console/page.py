"""The console's responses: rendered templates with their security headers."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from shared.texts.catalogue import text
from shared.texts.languages import html_tag


@dataclass(frozen=True, slots=True)
class Page:
    """An HTTP response with an HTML body."""

    status: int
    body: str
    headers: Mapping[str, str]


def render_page(template: str, status: int, locale: str, **values: object) -> Page:
    """Return the page. Templates escape every value; they say texts with `t("page", "approve")`."""
    nonce = secrets.token_urlsafe(16)
    body = (
        _templates()
        .get_template(template)
        .render(nonce=nonce, language=html_tag(locale), t=partial(text, locale), **values)
    )
    return Page(status, body, page_headers(nonce))


def message_page(status: int, locale: str, code: str, **values: object) -> Page:
    """Return a page with one message: the texts of section `result.CODE`."""
    section = f"result.{code}"
    is_good = status == 200
    return render_page(
        "message.html.j2",
        status,
        locale,
        title=text(locale, section, "title", **values),
        sentence=text(locale, section, "text", **values),
        tone="good" if is_good else "bad",
        email=values.get("email", ""),
        sign_in_url=values.get("sign_in_url", ""),
    )


def within(path: str, workspace: str) -> str:
    """Return the address of a page of one workspace; "" is the app's own."""
    return f"{path}?workspace={quote(workspace, safe='')}" if workspace else path


def page_headers(nonce: str) -> dict[str, str]:
    """Return the headers of a page whose only styles carry the nonce."""
    policy = (
        f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=select_autoescape(enabled_extensions=("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
