"""How much slower the challenger was, per interval: differences of logarithms, in which shared load cancels.

Only served requests count: an error is often quicker than an answer, and would make a failing version look fast.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.releases.measurement import Interval
from shared.judge.evidence.paired_intervals import Pair

# A percentile is compared only where at least so many requests lie beyond it: with fewer, it is mostly chance, and
# systematically lower in the deployment with less traffic.
FEWEST_BEYOND = 5


def differences(pairs: Sequence[Pair], quantile: float | None = None) -> list[float]:
    """Return challenger − champion of the log latency, per pair in which both served.

    Args:
        quantile: compare this quantile instead of the mean, in the intervals that have requests enough for it.
    """
    return [
        _log_quantile(pair.challenger) - _log_quantile(pair.champion)
        if quantile is not None and has_quantile(pair, quantile)
        else pair.challenger.mean_log_latency - pair.champion.mean_log_latency
        for pair in pairs
        if pair.challenger.served_requests and pair.champion.served_requests
    ]


def has_quantile(pair: Pair, quantile: float) -> bool:
    """Return whether both sides of the pair served requests enough for the quantile."""
    return all(
        interval.quantile_log_latency is not None and interval.served_requests * (1 - quantile) >= FEWEST_BEYOND - 1e-9
        for interval in (pair.challenger, pair.champion)
    )


def _log_quantile(interval: Interval) -> float:
    return interval.mean_log_latency if interval.quantile_log_latency is None else interval.quantile_log_latency
