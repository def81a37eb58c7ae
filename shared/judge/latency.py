"""How much slower the challenger was, per interval: differences of logarithms, in which shared load cancels."""

from __future__ import annotations

from collections.abc import Sequence

from shared.domain.measurement import Interval
from shared.judge.pairs import Pair

# A percentile is looked at only where at least so many requests lie beyond it: in fewer, it is mostly chance, and
# systematically lower in the deployment with less traffic.
FEWEST_BEYOND = 5


def differences(pairs: Sequence[Pair], quantile: float | None = None) -> list[float]:
    """Return challenger − champion of the log latency, per pair.

    Args:
        quantile: compare this quantile instead of the mean, in the intervals that have requests enough for it.
    """
    return [
        _log_quantile(pair.challenger) - _log_quantile(pair.champion)
        if quantile is not None and is_told(pair, quantile)
        else pair.challenger.mean_log_latency - pair.champion.mean_log_latency
        for pair in pairs
    ]


def is_told(pair: Pair, quantile: float) -> bool:
    """Return whether both sides of the pair have requests enough for the quantile."""
    return all(
        each.quantile_log_latency is not None and each.requests * (1 - quantile) >= FEWEST_BEYOND - 1e-9
        for each in (pair.challenger, pair.champion)
    )


def _log_quantile(interval: Interval) -> float:
    return interval.mean_log_latency if interval.quantile_log_latency is None else interval.quantile_log_latency
