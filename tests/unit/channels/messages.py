"""Messages for tests of channels."""

from __future__ import annotations

from shared.domain.notice import NoticeKind
from shared.ports.channels import Button, Message, Recipient

ANA = Recipient("ana@example.com", "Ana Lúcia")


def a_message(
    title: str = "flight-delay 3: rolled back",
    sentence: str = "Version 3 no longer receives requests: too many errors.",
    facts: tuple[tuple[str, str], ...] = (("Version", "3"),),
    button: Button | None = None,
    key: str = "release/flight-delay-3/4-rolled-back",
) -> Message:
    return Message(NoticeKind.ROLLED_BACK, key, "en-GB", title, sentence, facts, button, "Why you get this.")
