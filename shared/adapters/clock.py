"""The machine's clock."""

from __future__ import annotations

from datetime import UTC, datetime


class SystemClock:
    """The Clock port. Leases are not measured by it: storage answers carry the server's time."""

    def now(self) -> datetime:
        return datetime.now(UTC)
