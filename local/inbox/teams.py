"""What a Teams Workflows webhook takes, and how it refuses the rest.

Sources, read 2026-11-20: learn.microsoft.com/microsoftteams/platform (webhooks, cards reference) and
learn.microsoft.com/connectors/teams (size).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from local.inbox.markdown import to_plain
from local.inbox.messages import Message

CARD_TYPE = "application/vnd.microsoft.card.adaptive"
MAX_BYTES = 28 * 1024
# Practitioners saw cards of 21 to 27 KB refused; the documented limit is 28 KB.
CAUTIOUS_BYTES = 24 * 1024
NEWEST_VERSION = (1, 5)
SUPPORTED_ACTIONS = frozenset({"Action.OpenUrl", "Action.ShowCard", "Action.ToggleVisibility", "Action.Execute"})


class CardError(ValueError):
    """A body that a Workflows template flow can't post; the message says what to send instead."""


def parse_card(raw: bytes, flow: str, at: datetime) -> Message:
    """Return the message in a webhook request body.

    Beside what Teams knows, the body may carry `vigia: {kind, key, to}`, which the flow ignores and the inbox shows.

    Raises:
        CardError: not a message with Adaptive Card attachments.
    """
    body = _load(raw)
    cards = [_card(attachment, index) for index, attachment in enumerate(body["attachments"])]
    about = body.get("vigia") or {}
    if not isinstance(about, dict):
        raise CardError("`vigia` must be an object {kind, key, to}")
    return Message(
        channel="teams",
        at=at,
        to=_recipients(about.get("to"), cards) or (flow,),
        title=next((to_plain(text) for card in cards for text in _texts(card)), "(a card without text)"),
        kind=_text_or_none(about.get("kind")),
        key=_text_or_none(about.get("key")),
        body=body,
        warnings=tuple(_warnings(raw, cards)),
    )


def _load(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw)
    except ValueError as exc:
        raise CardError(f"the body is not JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise CardError("the body must be a JSON object")
    if body.get("type") == "AdaptiveCard":
        raise CardError('a bare card fails in a Workflows flow: wrap it in {"type": "message", "attachments": [...]}')
    if body.get("type") != "message" or not isinstance(body.get("attachments"), list) or not body["attachments"]:
        raise CardError(
            f'expected {{"type": "message", "attachments": [{{"contentType": "{CARD_TYPE}", "content": {{...}}}}]}}; '
            'a plain {"text": ...} fails in a Workflows flow'
        )
    return body


def _card(attachment: object, index: int) -> dict[str, Any]:
    where = f"attachments[{index}]"
    if not isinstance(attachment, dict) or attachment.get("contentType") != CARD_TYPE:
        raise CardError(f"{where}: contentType must be {CARD_TYPE!r}")
    card = attachment.get("content")
    if not isinstance(card, dict) or card.get("type") != "AdaptiveCard":
        raise CardError(f'{where}: content must be an object with "type": "AdaptiveCard"')
    if not isinstance(card.get("version"), str) or not re.fullmatch(r"\d+\.\d+", card["version"]):
        raise CardError(f'{where}: content.version must be a text such as "1.4"')
    return card


def _recipients(to: object, cards: list[dict[str, Any]]) -> tuple[str, ...]:
    """Return the recipients that the sender named, else those that the cards mention."""
    if isinstance(to, str):
        return (to,)
    if isinstance(to, list):
        return tuple(str(address) for address in to)
    return tuple(
        str(entity["mentioned"].get("id"))
        for card in cards
        for entity in (card.get("msteams") or {}).get("entities") or []
        if isinstance(entity, dict) and isinstance(entity.get("mentioned"), dict)
    )


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(card: Mapping[str, Any]) -> Iterator[str]:
    return (
        str(element["text"])
        for element in _elements(card)
        if element.get("type") == "TextBlock" and element.get("text")
    )


def _elements(node: object) -> Iterator[dict[str, Any]]:
    """Yield every object in a card, outer ones first, in reading order."""
    if isinstance(node, dict):
        yield node
        for child in node.values():
            yield from _elements(child)
    elif isinstance(node, list):
        for child in node:
            yield from _elements(child)


def _warnings(raw: bytes, cards: list[dict[str, Any]]) -> Iterator[str]:
    if len(raw) > CAUTIOUS_BYTES:
        yield f"{len(raw)} bytes: close to the limit of 28 KB; Teams has refused smaller ones"
    for card in cards:
        if tuple(int(part) for part in card["version"].split(".")) > NEWEST_VERSION:
            yield f"version {card['version']}: Teams shows cards up to 1.5"
        for element in _elements(card):
            name = str(element.get("type", ""))
            if name.startswith("Action.") and name not in SUPPORTED_ACTIONS:
                yield f"{name} does nothing in a card that came by webhook; use Action.OpenUrl"
