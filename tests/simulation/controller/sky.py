"""What cannot be read for a while, and what the services say then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.errors import AccessRefusedError, RetryableError, VigiaError, WorkspaceError

REFUSALS: dict[str, Callable[[str], VigiaError]] = {
    "401": lambda what: AccessRefusedError("access.refused", f"{what}: Azure rejects the app's identity: 401"),
    "403": lambda what: AccessRefusedError("access.forbidden", f"{what}: 403 AuthorizationFailed"),
    "503": lambda what: RetryableError("workspace.retry", f"{what}: 503 Service Unavailable"),
    "400": lambda what: WorkspaceError("workspace.refused", f"{what}: 400 ValidationError"),
}


@dataclass(frozen=True, slots=True)
class Outage:
    """Nobody can read `area` (as faults are named) between two moments."""

    area: str
    start: datetime
    end: datetime
    status: str


class Sky:
    """The outages of a run."""

    def __init__(self) -> None:
        self.outages: list[Outage] = []
        # Every failed try: when, of what, with which answer, and by which worker.
        self.refusals: list[tuple[datetime, str, str, str]] = []

    def check(self, area: str, now: datetime, by: str = "") -> None:
        for outage in self.outages:
            if outage.area == area and outage.start <= now < outage.end:
                self.refusals.append((now, area, outage.status, by))
                raise REFUSALS[outage.status](area)

    def clear(self, now: datetime) -> None:
        """End every outage."""
        self.outages = [Outage(o.area, o.start, min(o.end, now), o.status) for o in self.outages]
