"""The record of events and delivery attempts, for `/_local/`."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from local.eventgrid.schemas import Published

CAPACITY = 100_000


@dataclass(frozen=True)
class Attempt:
    """One delivery attempt. `attempt` counts from 1; `status` is None without an answer; `time` is ISO 8601 UTC."""

    event_id: str
    type: str
    subscription: str
    attempt: int
    was_duplicate: bool
    status: int | None
    outcome: str
    time: str
    latency_ms: float


class Records:
    """The newest published events and delivery attempts, oldest first."""

    def __init__(self) -> None:
        self.events: deque[Published] = deque(maxlen=CAPACITY)
        self.attempts: deque[Attempt] = deque(maxlen=CAPACITY)
