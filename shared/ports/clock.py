"""The time, so that it can be another one in tests and simulations."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Return the present in UTC, timezone-aware."""
        ...
