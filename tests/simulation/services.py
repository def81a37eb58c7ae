"""The services as they are without faults: blobs with ETags and history, queues with visibility, and an inbox."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from shared.ports.blobs import Blob, BlobItem, Written
from shared.store.facts.ledger import PASSING
from shared.store.retention import APP
from tests.fakes.blobs import require_known

# The Functions host hides a message for ten minutes while it is worked on, and gives up after five tries.
# Source: learn.microsoft.com "Azure Queue storage trigger", read 2026-11-20.
HIDDEN_FOR = timedelta(minutes=10)
MOST_TRIES = 5
# What the host moves to a poison queue lives for so long, which cannot be configured.
# Source: github.com/Azure/azure-webjobs-sdk-extensions/issues/891, read 2026-11-20.
LIFETIME = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a blob."""

    body: bytes
    etag: str
    at: datetime
    metadata: Mapping[str, str]


@dataclass
class Blobs:
    """`history` keeps every version of every blob, oldest first; the last one is what readers see. `forgotten` is what
    went because of its age."""

    container: ClassVar[str] = APP
    history: dict[str, list[Version]] = field(default_factory=dict)
    forgotten: list[tuple[str, list[Version]]] = field(default_factory=list)
    _etags: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    # How long the account's rules keep what is in a folder. In truth it is weeks; of an hour the same is to be learned.
    kept_for: ClassVar[Mapping[str, timedelta]] = {PASSING: timedelta(hours=1)}

    def forget(self, name: str, now: datetime) -> None:
        """Delete the blob if it is older than its folder's rule allows."""
        longest = self.kept_for.get(name[: name.find("/") + 1])
        if longest is not None and name in self.history and now - self.history[name][-1].at > longest:
            self.forgotten.append((name, self.history.pop(name)))

    def get(self, name: str, now: datetime) -> Blob | None:
        self.forget(name, now)
        if name not in self.history:
            return None
        newest = self.history[name][-1]
        return Blob(name, newest.body, newest.etag, newest.at, now)

    def create(self, name: str, body: bytes, metadata: Mapping[str, str] | None, now: datetime) -> Written | None:
        self.forget(name, now)
        return None if name in self.history else self.put(name, body, metadata, now)

    def replace(
        self, name: str, body: bytes, etag: str, metadata: Mapping[str, str] | None, now: datetime
    ) -> Written | None:
        self.forget(name, now)
        return self.put(name, body, metadata, now) if self.is_newest(name, etag) else None

    def is_newest(self, name: str, etag: str) -> bool:
        return name in self.history and self.history[name][-1].etag == etag

    def put(self, name: str, body: bytes, metadata: Mapping[str, str] | None, now: datetime) -> Written:
        require_known(self.container, name)
        version = Version(body, f"v{next(self._etags)}", now, metadata or {})
        self.history.setdefault(name, []).append(version)
        return Written(version.etag, now)

    def forget_all(self, prefix: str, now: datetime) -> None:
        for name in [name for name in self.history if name.startswith(prefix)]:
            self.forget(name, now)

    def list(self, prefix: str) -> list[BlobItem]:
        newest_by_name = sorted(
            (name, versions[-1]) for name, versions in self.history.items() if name.startswith(prefix)
        )
        return [BlobItem(name, newest.at, newest.metadata) for name, newest in newest_by_name]


@dataclass(slots=True)
class Message:
    """`tries` is the dequeue count; whoever took the message last holds it, and only they can delete it. Without
    `expires_at` it stays for good."""

    number: int
    queue: str
    text: str
    visible_at: datetime
    expires_at: datetime | None = None
    tries: int = 0
    replays: int = 0

    def is_alive(self, now: datetime) -> bool:
        return self.expires_at is None or now < self.expires_at


@dataclass
class Queues:
    """`poison` holds what failed too often, each under the queue that it came from; `poisoned` counts it."""

    messages: dict[int, Message] = field(default_factory=dict)
    poison: list[Message] = field(default_factory=list)
    poisoned: int = 0
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def send(self, queue: str, text: str, visible_at: datetime, expires_at: datetime | None = None) -> None:
        number = next(self._numbers)
        self.messages[number] = Message(number, queue, text, visible_at, expires_at)

    def visible(self, now: datetime) -> list[Message]:
        return [message for message in self.messages.values() if message.visible_at <= now]

    def expire(self, now: datetime) -> None:
        """Drop what was not made to stay, as the service does."""
        self.messages = {number: message for number, message in self.messages.items() if message.is_alive(now)}
        self.poison = [message for message in self.poison if message.is_alive(now)]

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
            self.poisoned += 1
            message.expires_at = now + LIFETIME
            self.poison.append(self.messages.pop(message.number))
        else:
            message.visible_at = now

    def replay(self, now: datetime) -> None:
        """Do what a person does once the trouble is over: put what failed back on its queue."""
        for message in self.poison:
            message.tries, message.visible_at, message.expires_at = 0, now, None
            message.replays += 1
            self.messages[message.number] = message
        self.poison.clear()


@dataclass
class Inbox:
    """(notice key, address) of every message that came, in order."""

    came: list[tuple[str, str]] = field(default_factory=list)
