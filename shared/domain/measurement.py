"""What was measured of a deployment while it served."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.domain.ids import DeploymentName


@dataclass(frozen=True, slots=True)
class Interval:
    """One deployment's requests in one short interval.

    `mean_log_latency` is the mean of ln(total milliseconds + 1): logarithms, so that a ratio of
    latencies is a difference and shared load cancels between deployments. `quantile_log_latency` is the same of
    one quantile of the latencies, None when none was asked for. `probes` of the requests were ours.
    """

    deployment: DeploymentName
    start: datetime
    requests: int
    errors: int
    mean_log_latency: float
    quantile_log_latency: float | None = None
    probes: int = 0


@dataclass(frozen=True, slots=True)
class Predictions:
    """What one deployment predicted in one short interval: how many numbers, and their mean."""

    start: datetime
    count: int
    mean: float
