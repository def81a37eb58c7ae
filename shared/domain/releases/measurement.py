"""What was measured of a deployment while it served."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from datetime import datetime

from shared.domain.ids import DeploymentName


@dataclass(frozen=True, slots=True)
class Interval:
    """One deployment's requests in one short interval.

    Args:
        mean_log_latency: mean of ln(total milliseconds + 1) of the requests that were served: logarithms, so that a
            ratio of latencies is a difference and shared load cancels between deployments. NaN when none was.
        quantile_log_latency: the same of one quantile of their latencies; None when none was asked for.
        probes: how many of the requests were ours.
        served: how many requests got an answer that the model was asked for; None for all of them.
    """

    deployment: DeploymentName
    start: datetime
    requests: int
    errors: int
    mean_log_latency: float
    quantile_log_latency: float | None = None
    probes: int = 0
    served: int | None = None

    @property
    def served_requests(self) -> int:
        return self.requests if self.served is None else self.served


@dataclass(frozen=True, slots=True)
class LoadCount:
    """What came of a load: of its requests some were served, and of those some `slow` or `wrong`, e.g. `example`."""

    sent: int = 0
    served: int = 0
    slow: int = 0
    wrong: int = 0
    example: str = ""

    def plus(self, other: LoadCount) -> LoadCount:
        return LoadCount(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, slots=True)
class Predictions:
    """What one deployment predicted in one short interval: how many numbers, their mean and their variance."""

    start: datetime
    count: int
    mean: float
    variance: float
