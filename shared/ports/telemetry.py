"""How the deployments of an endpoint did, request by request, summed per interval."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from shared.domain.ids import EndpointName
from shared.domain.measurement import Interval


class Telemetry(Protocol):
    def intervals(
        self,
        endpoint: EndpointName,
        start: datetime,
        end: datetime,
        width: timedelta,
        quantile: float | None = None,
    ) -> tuple[Interval, ...]:
        """Return one Interval per (deployment, width) with requests in [start, end), sorted by start.

        With a quantile (0 to 1), each also has that quantile of its latencies.

        An interval without requests is absent: absence is never zero latency. Raises RetryableError.
        """
        ...
