"""Messages to ourselves, now or later."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

EVENTS = "events"
RELEASES = "releases"
NOTICES = "notices"
LOOKS = "looks"


def poison_queue(queue: str) -> str:
    """Return where the Functions host moves a message of the queue that failed too often."""
    return f"{queue}-poison"


def text_digest(text: str) -> str:
    """Return 64 hex digits by which a message is known wherever it goes: queues give it a new id each time."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that was looked at and left where it is. `expires_at` is None when it never does."""

    text: str
    inserted_at: datetime
    expires_at: datetime | None

    @property
    def digest(self) -> str:
        return text_digest(self.text)


class MessageQueue(Protocol):
    def send(self, queue: str, text: str, delay: timedelta = timedelta(0)) -> None:
        """Put a message on a queue; invisible for `delay`, at most 7 days. Raises RetryableError."""
        ...


class OpenQueues(MessageQueue, Protocol):
    """Queues that can be looked into. Every method may raise RetryableError; a queue that does not exist is empty."""

    def peek(self, queue: str) -> tuple[Waiting, ...]:
        """Return the first messages of a queue, at most 32 and the oldest first, without taking them."""
        ...

    def look_through(self, queue: str) -> tuple[Waiting, ...]:
        """Return all messages of a queue, however many; others do not see them meanwhile."""
        ...

    def length(self, queue: str) -> int:
        """Return about how many messages a queue holds, those that are hidden for now included."""
        ...

    def move(self, queue: str, digests: Collection[str], to: str | None) -> frozenset[str]:
        """Take the messages with these texts off a queue and put them on another, or drop them when `to` is None.

        They arrive as they were and never expire. Each is put before it is taken off, so a crash may leave it on
        both, and never on none. Returns the digests of what was moved; on a busy queue some may be left for another
        round.
        """
        ...
