"""The clock that the workers share: the storage service's, from the dates of its responses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

# A response's date has whole seconds and was under way for some time: less than this is no difference.
TOLERANCE = timedelta(seconds=5)


def _machine() -> datetime:
    return datetime.now(UTC)


class ServiceClock:
    """The Clock port: the machine's time, corrected by its difference from the storage service's.

    Every decision by the time is made after a blob was read, so workers whose machines' clocks differ decide alike.
    Leases do not need it: a blob's response carries both times of which an age is made.
    """

    def __init__(self, machine: Callable[[], datetime] = _machine) -> None:
        self._machine = machine
        self._difference = timedelta(0)

    def now(self) -> datetime:
        return self._machine() + self._difference

    def synchronise(self, service_time: datetime) -> None:
        """Take over the service's time from a response that has just arrived."""
        difference = service_time - self._machine()
        self._difference = difference if abs(difference) > TOLERANCE else timedelta(0)
