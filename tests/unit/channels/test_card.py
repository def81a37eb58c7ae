from __future__ import annotations

import json
from typing import Any

import pytest

from shared.ports.channels import Button, Message, Recipient
from shared.texts.card import MOST_BYTES, escaped, webhook_body
from tests.unit.channels.messages import ANA, a_message


def _posted(message: Message, to: Recipient = ANA) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(webhook_body(message, to))
    return document


def _card(message: Message, to: Recipient = ANA) -> dict[str, Any]:
    card: dict[str, Any] = _posted(message, to)["attachments"][0]["content"]
    return card


def test_the_envelope_is_what_a_workflow_takes() -> None:
    posted = _posted(a_message())
    (attachment,) = posted["attachments"]
    assert posted["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["contentUrl"] is None
    assert (attachment["content"]["type"], attachment["content"]["version"]) == ("AdaptiveCard", "1.4")
    assert posted["vigia"] == {
        "kind": "rolled-back",
        "key": "release/flight-delay-3/4-rolled-back",
        "to": "ana@example.com",
    }


def test_the_reader_is_mentioned_letter_by_letter() -> None:
    card = _card(a_message(), Recipient("ana@example.com", "Ana <at>*Everyone*</at>"))
    (entity,) = card["msteams"]["entities"]
    assert entity["mentioned"]["id"] == "ana@example.com"
    assert sum(entity["text"] in block.get("text", "") for block in card["body"]) == 1
    assert str(card["body"]).count("<at>") == 1


def test_the_button_only_opens_a_page() -> None:
    card = _card(a_message(button=Button("Review", "https://vigia.example/api/approvals/x")))
    assert card["actions"] == [
        {"type": "Action.OpenUrl", "title": "Review", "url": "https://vigia.example/api/approvals/x"}
    ]
    assert "actions" not in _card(a_message())


HOSTILE = "[click](https://evil.example) <at>Everyone</at> **bold** `code` # x <img src=x> a\\[b](c)"


def test_hostile_parameters_show_as_they_are() -> None:
    body = str(_card(a_message(title=HOSTILE, sentence=HOSTILE, facts=((HOSTILE, HOSTILE),)))["body"])
    for live in ("[click](", "<at>Everyone", "**bold**", " `code`", "<img"):
        assert live not in body
    assert escaped("[click](https://evil.example)") == r"\[click\](https://evil.example)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1. first", r"1\. first"),
        ("- item", r"\- item"),
        ("-3.5", "-3.5"),
        ("2026-11-20", "2026-11-20"),
        ("roc_auc", r"roc\_auc"),
        ("a & b", "a &amp; b"),
    ],
)
def test_markdown_is_escaped_where_it_would_act(text: str, expected: str) -> None:
    assert escaped(text) == expected


def test_a_card_that_is_too_large_loses_facts_and_says_so() -> None:
    facts = tuple((f"fact {number}", "é" * 600) for number in range(100))
    body = webhook_body(a_message(facts=facts), ANA)
    shown = _card(a_message(facts=facts))["body"][2]["facts"]
    assert len(body) <= MOST_BYTES
    assert shown[0]["title"] == "fact 0"
    assert shown[-1] == {"title": "…", "value": "…"}
