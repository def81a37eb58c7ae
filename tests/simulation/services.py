"""The services as they are without faults: blobs with ETags and history, queues with visibility, and an inbox."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.ports.blobs import Blob, BlobItem, Written

# The Functions host hides a message for ten minutes while it is worked on, and gives up after five tries.
# Source: learn.microsoft.com "Azure Queue storage trigger", read 2026-11-20.
HIDDEN_FOR = timedelta(minutes=10)
MOST_TRIES = 5


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a blob."""

    body: bytes
    etag: str
    at: datetime
    metadata: Mapping[str, str]


@dataclass
class Blobs:
    """`history` keeps every version of every blob, oldest first; the last one is what readers see."""

    history: dict[str, list[Version]] = field(default_factory=dict)
    _etags: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def get(self, name: str, now: datetime) -> Blob | None:
        if name not in self.history:
            return None
        newest = self.history[name][-1]
        return Blob(name, newest.body, newest.etag, newest.at, now)

    def create(self, name: str, body: bytes, metadata: Mapping[str, str] | None, now: datetime) -> Written | None:
        return None if name in self.history else self.put(name, body, metadata, now)

    def replace(
        self, name: str, body: bytes, etag: str, metadata: Mapping[str, str] | None, now: datetime
    ) -> Written | None:
        if name not in self.history or self.history[name][-1].etag != etag:
            return None
        return self.put(name, body, metadata, now)

    def put(self, name: str, body: bytes, metadata: Mapping[str, str] | None, now: datetime) -> Written:
        version = Version(body, f"v{next(self._etags)}", now, metadata or {})
        self.history.setdefault(name, []).append(version)
        return Written(version.etag, now)

    def list(self, prefix: str) -> list[BlobItem]:
        found = sorted((name, versions[-1]) for name, versions in self.history.items() if name.startswith(prefix))
        return [BlobItem(name, newest.at, newest.metadata) for name, newest in found]


@dataclass(slots=True)
class Message:
    """`tries` is the dequeue count; whoever took the message last holds it, and only they can delete it."""

    number: int
    queue: str
    text: str
    visible_at: datetime
    tries: int = 0
    replays: int = 0


@dataclass
class Queues:
    messages: dict[int, Message] = field(default_factory=dict)
    poison: list[Message] = field(default_factory=list)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def send(self, queue: str, text: str, visible_at: datetime) -> None:
        number = next(self._numbers)
        self.messages[number] = Message(number, queue, text, visible_at)

    def visible(self, now: datetime) -> list[Message]:
        return [message for message in self.messages.values() if message.visible_at <= now]

    def take(self, message: Message, now: datetime) -> int:
        """Hide the message and return the receipt."""
        message.visible_at = now + HIDDEN_FOR
        message.tries += 1
        return message.tries

    def delete(self, message: Message, receipt: int) -> None:
        if message.tries == receipt:
            self.messages.pop(message.number, None)

    def give_back(self, message: Message, receipt: int, now: datetime) -> None:
        """Show the message again, or put it away after its last try."""
        if message.tries != receipt or message.number not in self.messages:
            return
        if message.tries >= MOST_TRIES:
            self.poison.append(self.messages.pop(message.number))
        else:
            message.visible_at = now

    def replay(self, now: datetime) -> None:
        """Do what a person does once the trouble is over: put what failed back on its queue."""
        for message in self.poison:
            message.tries, message.visible_at, message.replays = 0, now, message.replays + 1
            self.messages[message.number] = message
        self.poison.clear()


@dataclass
class Inbox:
    """(notice key, address) of every message that came, in order."""

    came: list[tuple[str, str]] = field(default_factory=list)
