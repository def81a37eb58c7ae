"""Queues in memory whose messages become visible when the clock says so."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.ports.clock import Clock
from shared.ports.queues import Waiting, text_digest
from tests.fakes.clock import FakeClock

LONGEST_DELAY = timedelta(days=7)
LIFETIME = timedelta(days=7)
MOST_PEEKED = 32


@dataclass(frozen=True, slots=True)
class Message:
    queue: str
    text: str
    visible_at: datetime
    expires_at: datetime | None = None


class FakeQueues:
    """A `MessageQueue`. Messages come out in the order in which they become visible."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or FakeClock()
        self.messages: list[Message] = []

    def send(self, queue: str, text: str, delay: timedelta = timedelta(0)) -> None:
        if not timedelta(0) <= delay <= LONGEST_DELAY:
            raise ValueError(f"a message can be delayed by 0 to 7 days, not by {delay}")
        now = self._clock.now()
        # What the host puts there lives seven days; ours are sent to stay.
        expires_at = now + LIFETIME if queue.endswith("-poison") else None
        self.messages.append(Message(queue, text, now + delay, expires_at))

    def peek(self, queue: str) -> tuple[Waiting, ...]:
        visible = [m for m in self.messages if m.queue == queue and m.visible_at <= self._clock.now()]
        return tuple(Waiting(m.text, m.visible_at, m.expires_at) for m in visible[:MOST_PEEKED])

    def look_through(self, queue: str) -> tuple[Waiting, ...]:
        visible = [m for m in self.messages if m.queue == queue and m.visible_at <= self._clock.now()]
        return tuple(Waiting(m.text, m.visible_at, m.expires_at) for m in visible)

    def length(self, queue: str) -> int:
        return len(self.texts(queue))

    def move(self, queue: str, digests: Collection[str], to: str | None) -> frozenset[str]:
        moved = [m for m in self.messages if m.queue == queue and text_digest(m.text) in digests]
        for message in moved:
            self.messages.remove(message)
            if to is not None:
                self.messages.append(Message(to, message.text, self._clock.now()))
        return frozenset(text_digest(message.text) for message in moved)

    def texts(self, queue: str) -> list[str]:
        """Return all waiting messages of a queue, visible or not."""
        return [message.text for message in self.messages if message.queue == queue]

    def take(self, queue: str) -> str | None:
        """Remove and return the oldest visible message, or None."""
        visible = [m for m in self.messages if m.queue == queue and m.visible_at <= self._clock.now()]
        if not visible:
            return None
        first = min(visible, key=lambda message: message.visible_at)
        self.messages.remove(first)
        return first.text

    def next_at(self, queue: str) -> datetime | None:
        """Return when the next message of a queue becomes visible."""
        return min((m.visible_at for m in self.messages if m.queue == queue), default=None)
