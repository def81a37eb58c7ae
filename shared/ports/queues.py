"""Messages to ourselves, now or later."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

EVENTS = "events"
RELEASES = "releases"
NOTICES = "notices"


class MessageQueue(Protocol):
    def send(self, queue: str, text: str, delay: timedelta = timedelta(0)) -> None:
        """Put a message on a queue; invisible for `delay`, at most 7 days. Raises RetryableError."""
        ...
