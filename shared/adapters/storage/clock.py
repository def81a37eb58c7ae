"""The clock that the workers share: the storage service's, as its answers tell it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

# An answer's date has whole seconds, and it was some time on its way: less than this is no difference.
TOLERANCE = timedelta(seconds=5)


def _machine() -> datetime:
    return datetime.now(UTC)


class ServiceClock:
    """The Clock port: the machine's time, put right by as much as the storage service says that it is off.

    Whatever is decided by the time is decided after something was read, so that workers whose machines disagree still
    agree. Leases need none of this: storage answers carry both times that make an age.
    """

    def __init__(self, machine: Callable[[], datetime] = _machine) -> None:
        self._machine = machine
        self._off = timedelta(0)

    def now(self) -> datetime:
        return self._machine() + self._off

    def hear(self, told: datetime) -> None:
        """Take note of the service's time in an answer that has just come."""
        off = told - self._machine()
        self._off = off if abs(off) > TOLERANCE else timedelta(0)
