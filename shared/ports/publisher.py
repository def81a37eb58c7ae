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


class Publisher(Protocol):
    def publish(self, event: OutgoingEvent) -> None:
        """Publish one event. Raises RetryableError; nothing was lost, publish it again."""
        ...
