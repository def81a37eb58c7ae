"""Measurements in memory."""

from __future__ import annotations

from datetime import datetime, timedelta

from shared.domain.ids import EndpointName
from shared.domain.releases.measurement import Interval


class FakeTelemetry:
    """A `Telemetry` over the intervals it was given; they are taken to be of the width that is asked for."""

    def __init__(self) -> None:
        self.recorded: dict[str, list[Interval]] = {}
        self.errors: list[Exception] = []

    def record(self, endpoint: str, *intervals: Interval) -> None:
        self.recorded.setdefault(endpoint, []).extend(intervals)

    def intervals(
        self,
        endpoint: EndpointName,
        start: datetime,
        end: datetime,
        width: timedelta,
        quantile: float | None = None,
    ) -> tuple[Interval, ...]:
        if self.errors:
            raise self.errors.pop(0)
        intervals = (i for i in self.recorded.get(endpoint, []) if start <= i.start < end and i.requests)
        return tuple(sorted(intervals, key=lambda interval: (interval.start, interval.deployment)))
