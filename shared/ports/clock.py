"""The time, so that it can be another one in tests and simulations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from shared.errors import RetryableError


class Clock(Protocol):
    def now(self) -> datetime:
        """Return the present in UTC, timezone-aware."""
        ...


@dataclass(frozen=True, slots=True)
class Deadline:
    """Until when a request may be sent: a worker that was stopped must not write what it saw long ago."""

    clock: Clock
    at: datetime

    def require(self) -> None:
        """Raises RetryableError when it is too late.

        Raises:
            RetryableError: the deadline is over.
        """
        if self.clock.now() > self.at:
            raise RetryableError("workspace.too_late", "what this was decided by was seen too long ago: look again")
