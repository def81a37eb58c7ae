"""A message as the body of a Teams Workflows webhook: an Adaptive Card that mentions its reader."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from shared.ports.channels import Message, Recipient
from shared.texts.catalogue import text

# Teams refuses messages over 28 KB as a whole; the flow adds its own envelope.
# Source: learn.microsoft.com/microsoftteams/platform/bots/how-to/format-your-bot-messages, read 2026-11-20.
MOST_BYTES = 24 * 1024
_SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
_SPECIAL = re.compile(r"([\\`*_\[\]#~|])")
# A line that begins like a list or a number would become one.
_LEADING = re.compile(r"^(\s*)([-+]|\d+\.)(?=\s)")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def webhook_body(message: Message, to: Recipient) -> bytes:
    """Return the JSON to post: at most 24 KB. Facts that do not fit are left out, and "…" says so."""
    body = _body(message, to, message.facts)
    if len(body) <= MOST_BYTES:
        return body

    def with_first(count: int) -> bytes:
        return _body(message, to, [*message.facts[:count], ("…", "…")])

    too_many = bisect_right(range(len(message.facts)), MOST_BYTES, key=lambda count: len(with_first(count)))
    return with_first(max(0, too_many - 1))


def _body(message: Message, to: Recipient, facts: Sequence[tuple[str, str]]) -> bytes:
    document = {
        "type": "message",
        "attachments": [
            {
                "contentType": "application/vnd.microsoft.card.adaptive",
                "contentUrl": None,
                "content": _card(message, to, facts),
            }
        ],
        # For correlating messages with notices; flows ignore keys that they do not know.
        "vigia": {"kind": message.kind.value, "key": message.key, "to": to.email},
    }
    return json.dumps(document, ensure_ascii=False).encode()


def _card(message: Message, to: Recipient, facts: Sequence[tuple[str, str]]) -> dict[str, Any]:
    mention = f"<at>{_mention_name(to)}</at>"
    greeting = text(message.language, "frame", "greeting", name=mention)
    blocks: list[dict[str, Any]] = [
        _block(escaped(message.title), size="Large", weight="Bolder"),
        _block(escaped(message.sentence)),
    ]
    if facts:
        pairs = [{"title": escaped(label), "value": escaped(value)} for label, value in facts]
        blocks.append({"type": "FactSet", "facts": pairs})
    blocks.append(_block(greeting))
    blocks.append(_block(escaped(message.footer), isSubtle=True, size="Small"))
    card: dict[str, Any] = {
        "$schema": _SCHEMA,
        "type": "AdaptiveCard",
        "version": "1.4",
        "lang": message.language,
        "msteams": {"width": "Full", "entities": [_entity(mention, to)]},
        "body": blocks,
    }
    if message.button:
        card["actions"] = [{"type": "Action.OpenUrl", "title": message.button.label, "url": message.button.url}]
    return card


def _block(markdown: str, **style: object) -> dict[str, Any]:
    return {"type": "TextBlock", "wrap": True, "text": markdown, **style}


def _entity(mention: str, to: Recipient) -> dict[str, Any]:
    return {"type": "mention", "text": mention, "mentioned": {"id": to.email, "name": _mention_name(to)}}


def _mention_name(to: Recipient) -> str:
    # The entity's text must stand in the card letter by letter, so characters that need escaping are left out.
    name = "".join(c for c in (to.name or to.email) if c.isalnum() or c in " .'@-+")
    return name.strip() or to.email


def escaped(text: str) -> str:
    r"""Return the text with everything that Markdown, HTML or a mention would interpret escaped.

    Mentions are `<at>…</at>` in the text, so angle brackets become entities. "1. x" becomes "1\. x".
    Source: adaptivecards.io/explorer/TextBlock.html and CommonMark 0.31, section 2.4, read 2026-11-20.
    """
    text = _SPECIAL.sub(r"\\\1", text.translate(_ENTITIES))
    return _LEADING.sub(lambda m: f"{m[1]}{m[2][:-1]}\\{m[2][-1]}", text)
