"""How the deployments of an endpoint did, request by request, summed per interval."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from shared.domain.ids import EndpointName
from shared.domain.releases.measurement import Interval

# What a version did not answer, or not in time: 424 is a model that raised, 429 a deployment with too many requests,
# and with 408 or 499 somebody gave up waiting. Other 4xx are the caller's mistakes, and say nothing about a version.
# Source: learn.microsoft.com "HTTP status codes for online endpoints", read 2026-11-20.
FAILURES_BELOW_500 = (408, 424, 429, 499)


def is_failure(code: int | None) -> bool:
    """Return whether a request with this response code failed; one without any got no answer."""
    return code is None or not 100 <= code < 500 or code in FAILURES_BELOW_500


def is_served(code: int | None) -> bool:
    """Return whether the model served it: an error is often quick, and says nothing about latency."""
    return code is not None and 100 <= code < 400


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
