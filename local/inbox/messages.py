"""The messages that arrived, and their place in memory."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

CAPACITY = 1000


@dataclass(frozen=True)
class Message:
    """One Teams card or one mail.

    body: a card's JSON, or {"text": str | None, "html": str | None} of a mail.
    warnings: what the real channel would refuse or ignore although it answered well, in words.
    """

    channel: Literal["teams", "email"]
    at: datetime
    to: tuple[str, ...]
    title: str
    kind: str | None
    key: str | None
    body: dict[str, Any]
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "channel": self.channel,
            "at": self.at.isoformat(),
            "to": list(self.to),
            "title": self.title,
            "subject": self.title,
            "kind": self.kind,
            "key": self.key,
            "body": self.body,
            "warnings": list(self.warnings),
        }


class Mailbox:
    """The newest messages, oldest first; `total` also counts those that fell out."""

    def __init__(self) -> None:
        self._messages: deque[Message] = deque(maxlen=CAPACITY)
        self.total = 0

    def add(self, message: Message) -> None:
        self._messages.append(message)
        self.total += 1

    def all(self) -> list[Message]:
        return list(self._messages)
