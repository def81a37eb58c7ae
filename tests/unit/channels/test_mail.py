from __future__ import annotations

import email
from email.message import EmailMessage
from email.policy import default

import pytest

from shared.ports.channels import Button, Message, Recipient
from shared.texts.mail import email_message, is_address
from tests.unit.channels.messages import ANA, a_message


def _sent(message: Message, to: Recipient = ANA) -> EmailMessage:
    """Return the mail as its receiver parses it."""
    wire = email_message(message, "vigia@example.com", to).as_bytes()
    parsed = email.message_from_bytes(wire, policy=default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    content: str = part.get_content()
    return content


def test_headers_say_what_it_is_and_keep_robots_quiet() -> None:
    mail = _sent(a_message(title="flight-delay 3: revertida ação"))
    assert mail["Subject"] == "flight-delay 3: revertida ação"
    assert str(mail["To"]) == "Ana Lúcia <ana@example.com>"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["X-Vigia-Kind"] == "rolled-back"
    assert mail["X-Vigia-Key"] == "release/flight-delay-3/4-rolled-back"


def test_the_message_id_is_the_same_again_but_another_for_another_person() -> None:
    first, again = _sent(a_message()), _sent(a_message())
    other = _sent(a_message(), Recipient("ben@example.com", "Ben"))
    assert first["Message-ID"] == again["Message-ID"]
    assert first["Message-ID"] != other["Message-ID"]


def test_both_parts_say_everything() -> None:
    mail = _sent(a_message(button=Button("Open", "https://vigia.example/api/approvals/x")))
    for kind in ("plain", "html"):
        content = _part(mail, kind)
        for expected in ("too many errors", "Version", "Why you get this", "https://vigia.example/api/approvals/x"):
            assert expected in content


def test_hostile_values_stay_text() -> None:
    hostile = "<script>alert(1)</script><a href='https://evil.example'>x</a>"
    mail = _sent(a_message(title=hostile, sentence=hostile, facts=((hostile, hostile),)))
    page = _part(mail, "html")
    assert "<script" not in page
    assert "<a " not in page
    assert "&lt;script&gt;" in page
    assert hostile in _part(mail, "plain")


def test_line_breaks_add_no_headers() -> None:
    title = "x\r\nBcc: evil@example.com\r\n\r\nbody"
    mail = _sent(
        a_message(title=title, key="k\r\nX-Evil: 1"), Recipient("ana@example.com", "Ana\r\nBcc: e@example.com")
    )
    assert mail["Bcc"] is None
    assert mail["X-Evil"] is None
    assert mail["Subject"] == "x Bcc: evil@example.com body"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ana@example.com", True),
        ("vigia@localhost", True),
        ("ana@example.com,ben@example.com", False),
        ("ana@example.com\r\nBcc: x@y.z", False),
        ("Ana <ana@example.com>", False),
        ("ana", False),
        ("", False),
    ],
)
def test_is_address(text: str, expected: bool) -> None:
    assert is_address(text) is expected
