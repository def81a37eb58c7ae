"""Events of our own, to our custom topic, as CloudEvents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class OutgoingEvent:
    """`id` is derived from what it tells, so that publishing again is a duplicate, not a second fact.
    `data` is JSON: text, numbers, booleans, lists and mappings only."""

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    data: Mapping[str, object]


def cloud_event(event: OutgoingEvent) -> dict[str, object]:
    """Return the event as it travels. Source: CloudEvents 1.0, JSON format."""
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": event.source,
        "type": event.type,
        "subject": event.subject,
        "time": event.time.isoformat(),
        "data": dict(event.data),
    }


class Publisher(Protocol):
    def publish(self, event: OutgoingEvent) -> None:
        """Publish one event. Raises RetryableError; nothing was lost, publish it again."""
        ...
