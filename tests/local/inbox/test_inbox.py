"""The inbox: what its channels take and refuse, and what its page shows."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from typing import Any

import pytest

from local.errors import PortInUseError
from local.inbox import Inbox
from tests.local.inbox.conftest import messages
from tests.local.running import call, running

CARD_TYPE = "application/vnd.microsoft.card.adaptive"


def a_card(*body: Any, **changes: Any) -> dict[str, Any]:
    return {"type": "AdaptiveCard", "version": "1.4", "body": list(body), **changes}


def text_block(text: str) -> dict[str, Any]:
    return {"type": "TextBlock", "text": text}


def a_message(card: Any, **more: Any) -> dict[str, Any]:
    attachment = {"contentType": CARD_TYPE, "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment], **more}


def post(inbox: Inbox, body: object, query: str = "?sig=secret") -> tuple[int, Any]:
    return call("POST", f"http://127.0.0.1:{inbox.port}/teams/workflows/abc{query}", body)[:2]


def send(inbox: Inbox, mail: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", inbox.smtp_port) as client:
        client.send_message(mail)


def a_mail(text: str | None = "Look at it.", html: str | None = None, **headers: str) -> EmailMessage:
    mail = EmailMessage()
    for name, value in {"From": "vigia@example.com", "To": "ana@example.com", "Subject": "Approval needed"}.items():
        mail[name] = value
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    if text is not None:
        mail.set_content(text)
    if html is not None:
        mail.add_alternative(html, subtype="html") if text is not None else mail.set_content(html, subtype="html")
    return mail


def page(inbox: Inbox) -> str:
    return str(call("GET", f"http://127.0.0.1:{inbox.port}/")[1])


def test_card_is_accepted_and_listed(inbox: Inbox) -> None:
    card = a_card(text_block("Approval needed"))
    about = {"kind": "approval-needed", "key": "k1", "to": "ana@example.com"}
    assert post(inbox, a_message(card, vigia=about))[0] == 202
    [message] = messages(inbox)
    assert message["channel"] == "teams"
    assert message["title"] == message["subject"] == "Approval needed"
    assert (message["kind"], message["key"], message["to"]) == ("approval-needed", "k1", ["ana@example.com"])
    assert message["body"]["attachments"][0]["content"] == card
    assert message["warnings"] == []


def test_without_our_own_key_the_mentioned_people_are_the_recipients(inbox: Inbox) -> None:
    mention = {"type": "mention", "text": "<at>Ana</at>", "mentioned": {"id": "ana@example.com", "name": "Ana"}}
    assert post(inbox, a_message(a_card(msteams={"entities": [mention]})))[0] == 202
    [message] = messages(inbox)
    assert message["to"] == ["ana@example.com"]
    assert message["kind"] is None


@pytest.mark.parametrize(
    ("body", "explanation"),
    [
        pytest.param(a_card(text_block("x")), "a bare card fails", id="bare_card"),
        pytest.param({"text": "hello"}, 'a plain {"text": ...} fails', id="plain_text"),
        pytest.param({"type": "message", "attachments": []}, "expected", id="no_attachments"),
        pytest.param(
            {"type": "message", "attachments": [{"contentType": "x"}]}, "contentType must be", id="other_type"
        ),
        pytest.param(a_message({"type": "Card"}), '"type": "AdaptiveCard"', id="no_card"),
        pytest.param(a_message(a_card(version=1.4)), 'must be a text such as "1.4"', id="version"),
        pytest.param(a_message(a_card(), vigia="x"), "`vigia` must be an object", id="vigia"),
        pytest.param(b"{", "not JSON", id="json"),
    ],
)
def test_body_that_a_flow_cannot_post_is_400_with_an_explanation(inbox: Inbox, body: object, explanation: str) -> None:
    status, answer = post(inbox, body)
    assert status == 400
    assert explanation in answer["error"]["message"]
    assert messages(inbox) == []


def test_more_than_28_kb_is_413(inbox: Inbox) -> None:
    assert post(inbox, a_message(a_card(text_block("x" * 28 * 1024))))[0] == 413


def test_address_without_its_signature_is_401(inbox: Inbox) -> None:
    assert post(inbox, a_message(a_card()), query="")[0] == 401


def test_what_teams_would_ignore_is_a_warning(inbox: Inbox) -> None:
    submit = {"type": "Action.Submit", "title": "Approve"}
    post(inbox, a_message(a_card(text_block("x" * 25 * 1024), version="1.6", actions=[submit])))
    size, version, action = messages(inbox)[0]["warnings"]
    assert "28 KB" in size
    assert "up to 1.5" in version
    assert action.startswith("Action.Submit does nothing")


def test_mail_is_listed_with_both_parts(inbox: Inbox) -> None:
    send(inbox, a_mail("Plain", "<p>Rich</p>", X_Vigia_Kind="rolled-back", X_Vigia_Key="k2"))
    [message] = messages(inbox)
    assert message["channel"] == "email"
    assert message["subject"] == "Approval needed"
    assert (message["kind"], message["key"], message["to"]) == ("rolled-back", "k2", ["ana@example.com"])
    assert message["body"]["text"].strip() == "Plain"
    assert message["body"]["html"].strip() == "<p>Rich</p>"


def test_mail_in_other_languages_survives(inbox: Inbox) -> None:
    mail = a_mail("A versão 3 não é melhor.")
    mail.replace_header("Subject", "Versão 3 revertida")
    send(inbox, mail)
    [message] = messages(inbox)
    assert message["subject"] == "Versão 3 revertida"
    assert message["body"]["text"].strip() == "A versão 3 não é melhor."


def test_mail_without_plain_text_is_a_warning(inbox: Inbox) -> None:
    send(inbox, a_mail(None, "<p>Rich</p>"))
    assert messages(inbox)[0]["warnings"] == ["no plain-text part: some readers see an empty mail"]


def test_page_shows_the_newest_first(inbox: Inbox) -> None:
    post(inbox, a_message(a_card(text_block("older one"))))
    send(inbox, a_mail("newer one"))
    shown = page(inbox)
    assert shown.index("newer one") < shown.index("older one")
    assert "2 messages" in shown


def test_page_renders_the_elements_of_a_card(inbox: Inbox) -> None:
    facts = {"type": "FactSet", "facts": [{"title": "Reason", "value": "drift"}]}
    columns = {"type": "ColumnSet", "columns": [{"type": "Column", "items": [text_block("left")]}]}
    container = {
        "type": "Container",
        "style": "emphasis",
        "items": [text_block("**bold** [docs](https://example.com)")],
    }
    open_url = {"type": "Action.OpenUrl", "title": "Review", "url": "http://127.0.0.1:7071/api/approvals/1"}
    post(inbox, a_message(a_card(facts, columns, container, {"type": "Table"}, actions=[open_url])))
    shown = page(inbox)
    assert "<dt>Reason</dt><dd>drift</dd>" in shown
    assert "left" in shown
    assert "<strong>bold</strong>" in shown
    assert 'href="https://example.com"' in shown
    assert 'href="http://127.0.0.1:7071/api/approvals/1"' in shown
    assert "[Table is not shown here]" in shown


def test_page_escapes_what_senders_write(inbox: Inbox) -> None:
    attack = "<script>alert(1)</script>"
    link = {"type": "Action.OpenUrl", "title": "x", "url": "javascript:alert(1)"}
    post(inbox, a_message(a_card(text_block(f"{attack} [x](javascript:alert(1))"), actions=[link])))
    send(inbox, a_mail(attack, f'{attack}"></iframe>{attack}', X_Vigia_Kind=attack))
    shown = page(inbox)
    assert attack not in shown
    assert 'href="javascript:' not in shown
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in shown


def test_page_survives_cards_of_any_shape(inbox: Inbox) -> None:
    odd = [
        "text",
        None,
        {"type": "TextBlock"},
        {"type": "FactSet", "facts": 3},
        {"type": "Container"},
        {"type": "ColumnSet", "columns": [1, {}]},
        {"type": "ActionSet", "actions": [{"type": "Action.ShowCard", "card": "x"}]},
        {"type": "Image", "url": 1},
        {},
    ]
    assert post(inbox, a_message(a_card(*odd, actions="none")))[0] == 202
    assert "1 message<" in page(inbox)


def test_page_runs_no_script_but_its_own(inbox: Inbox) -> None:
    _, shown, headers = call("GET", f"http://127.0.0.1:{inbox.port}/")
    policy = headers["Content-Security-Policy"]
    nonce = policy.split("script-src 'nonce-")[1].split("'")[0]
    assert policy.startswith("default-src 'none'")
    assert f'<script nonce="{nonce}">' in shown
    assert "Nothing here yet" in shown


def test_port_in_use_is_named() -> None:
    inbox = Inbox(0, 0)
    with running(inbox):
        with pytest.raises(PortInUseError, match="the inbox page"), running(Inbox(inbox.port, 0)):
            pass
        with pytest.raises(PortInUseError, match="SMTP server"), running(Inbox(0, inbox.smtp_port)):
            pass
