"""What outsiders write, in everything that people read: it stays text."""

from __future__ import annotations

import email
import json
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest

from local.inbox.markdown import to_html
from shared.adapters.acs_mail import _body
from shared.domain.ids import ModelName
from shared.domain.notice import Notice, NoticeKind
from shared.ports.channels import Message, Recipient
from shared.texts.card import MOST_BYTES, webhook_body
from shared.texts.mail import email_message
from shared.texts.notices import render

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "image": '<img src=x onerror="alert(1)">',
    "attribute": '" onmouseover="alert(1)',
    "attribute-single": "' onmouseover='alert(1)",
    "closing-tag": "</td></table><h1>Approved</h1>",
    "comment": "<!-- --><b>x</b>",
    "markdown-link": "[Approve](https://evil.example)",
    "markdown-link-with-entities": "&#91;Approve&#93;(https://evil.example)",
    "markdown-image": "![x](https://evil.example/x.png)",
    "markdown-bold": "**promoted**",
    "markdown-list": "- one\n- two",
    "markdown-heading": "# Approved",
    "markdown-escape": "\\[Approve\\](https://evil.example)",
    "mention": "<at>Ana</at>",
    "template": "{{ 7 * 7 }}{% for x in y %}",
    "format": "{model} {0.__class__} %s %(x)s ${x}",
    "header": "x\r\nBcc: eve@example.com\r\n\r\nbody",
    "line-separators": "a\u2028b\u2029c\x85d\x0be",
    "encoded-word": "=?utf-8?q?x=0D=0ABcc:_eve@example.com?=",
    "right-to-left": "\u202egpj.exe\u202c",
    "invisible": "pay\u200bpal\ufeff",
    "terminal": "\x1b]0;title\x07\x1b[2J",
    "null": "a\0b",
    "long": "x" * 100_000,
    "wide": "\U0001f600" * 5_000,
    "combining": "e" + "\u0301" * 5_000,
    "formula": "=cmd|'/C calc'!A0",
}
PARAMETERS = ("version", "reason", "feature", "features", "detail", "metric", "threshold", "unheard_of")
ANA = Recipient("ana@example.com", "Ana")


def rendered(hostile: str) -> Message:
    parameters = dict.fromkeys(PARAMETERS, hostile)
    notice = Notice(NoticeKind.DRIFT_DETECTED, f"k/{hostile[:100]}", ModelName(hostile), parameters, "/api/x")
    return render(notice, "en", "UTC", "https://vigia.example")


def is_one_line(text: str) -> bool:
    return len(text.splitlines()) == 1 and text.isprintable()


@pytest.mark.parametrize("hostile", [pytest.param(value, id=name) for name, value in HOSTILE.items()])
def test_a_mail_shows_it_as_text(hostile: str) -> None:
    wire = email_message(rendered(hostile), "vigia@example.com", Recipient("ana@example.com", hostile[:200]))
    mail = email.message_from_bytes(wire.as_bytes(), policy=default)
    assert isinstance(mail, EmailMessage)
    assert mail["Bcc"] is None
    assert sorted(set(mail.keys())) == sorted(set(wire.keys()))
    assert mail["To"].addresses[0].addr_spec == "ana@example.com"
    page = mail.get_body(("html",))
    assert page is not None
    _require_only_our_markup(page.get_content())


@pytest.mark.parametrize("hostile", [pytest.param(value, id=name) for name, value in HOSTILE.items()])
def test_a_mail_by_the_service_shows_it_as_text(hostile: str) -> None:
    body = _body(rendered(hostile), "vigia@example.com", Recipient("ana@example.com", hostile))
    assert is_one_line(body["content"]["subject"])
    assert all(is_one_line(value) for value in body["headers"].values())
    assert is_one_line(body["recipients"]["to"][0]["displayName"])
    _require_only_our_markup(body["content"]["html"])
    json.dumps(body).encode()


@pytest.mark.parametrize("hostile", [pytest.param(value, id=name) for name, value in HOSTILE.items()])
def test_a_card_shows_it_as_text(hostile: str) -> None:
    raw = webhook_body(rendered(hostile), Recipient("ana@example.com", hostile[:200]))
    assert len(raw) <= MOST_BYTES
    card = json.loads(raw)["attachments"][0]["content"]
    # As a reader of the card's Markdown takes it: nothing but text, and the one mention that is ours.
    *texts, greeting, footer = [block["text"] for block in card["body"] if block["type"] == "TextBlock"]
    for text in [*texts, footer, *_facts(card)]:
        shown = str(to_html(text))
        assert not any(mark in shown for mark in ("<a ", "<strong", "<em", "<span", "<script", "<img", "<h1", "• "))
    assert str(to_html(greeting)).count('<span class="mention">') == 1
    [action] = card["actions"]
    assert action["url"] == "https://vigia.example/api/x"


def _facts(card: dict[str, Any]) -> list[str]:
    sets = [block for block in card["body"] if block["type"] == "FactSet"]
    return [text for facts in sets for fact in facts["facts"] for text in (fact["title"], fact["value"])]


def _require_only_our_markup(page: str) -> None:
    lowered = page.lower()
    for mark in (
        "<script",
        "<img",
        "<b>",
        "<at>",
        "<!-- ",
        'onerror="',
        'onmouseover="',
        "onmouseover='",
        "</td></table><h1>",
    ):
        assert mark not in lowered
    assert lowered.count("<h1") == 1
    assert lowered.count("<a ") == 1
