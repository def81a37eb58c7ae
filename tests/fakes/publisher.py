"""Events that were published."""

from __future__ import annotations

from shared.ports.publisher import OutgoingEvent


class FakePublisher:
    """A `Publisher`; `errors` are raised, first come first served, before anything is taken."""

    def __init__(self) -> None:
        self.events: list[OutgoingEvent] = []
        self.errors: list[BaseException] = []

    def publish(self, event: OutgoingEvent) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.events.append(event)
