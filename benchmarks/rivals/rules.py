"""The rules: each says in which minute it would first have rolled each canary back, looking every minute."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.rivals.streams import Streams
from shared.judge.evidence.streams import Tolerances
from shared.simulate.measurements import Measured, look

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Truths = NDArray[np.bool_]

Rule = Callable[[Streams], "Numbers"]

# What a person might write as a condition on one minute's metrics.
MORE_ERRORS, MORE_LATENCY = 0.01, 1.10
P_VALUE = 0.05
# The policy's default for either version's own errors.
AT_MOST = 0.10
# Source: kayenta, NetflixACAJudge.scala and MannWhitneyClassifier.scala, read 2026-11-20.
KAYENTA_TOLERANCE, KAYENTA_NORMAL_QUANTILE = 0.25, 2.3263478740408408


def first_minute(fails: Truths) -> Numbers:
    """Return the first failing minute of each row, counted from 1; infinite where there is none."""
    return np.where(fails.any(axis=1), fails.argmax(axis=1) + 1.0, np.inf)


def ours(tolerances: Tolerances) -> Rule:
    def rule(streams: Streams) -> Numbers:
        return first_minute(our_verdicts(streams, tolerances) < 0)

    return rule


def our_verdicts(streams: Streams, tolerances: Tolerances) -> NDArray[np.int8]:
    """Return what the judge says, as `vigia simulate` has it; `bench canary` holds it to what the app says."""
    counts = np.stack([streams.requests_c, streams.errors_c, streams.requests_b, streams.errors_b], axis=-1)
    return look(Measured(counts, streams.latency_c - streams.latency_b), tolerances, AT_MOST).verdicts


def argo(streams: Streams) -> Numbers:
    """`failureLimit: 3`: the fourth minute that breaks the condition, whenever they come.

    Source: argoproj.github.io/argo-rollouts, Analysis & progressive delivery, read 2026-11-20.
    """
    return first_minute(np.cumsum(_breaks(streams), axis=1) > 3)


def cloudwatch(streams: Streams) -> Numbers:
    """An alarm with 3 of 3 data points: three such minutes in a row."""
    breaks = _breaks(streams)
    three = np.zeros_like(breaks)
    three[:, 2:] = breaks[:, 2:] & breaks[:, 1:-1] & breaks[:, :-2]
    return first_minute(three)


def _breaks(streams: Streams) -> Truths:
    more_errors = streams.errors_c / streams.requests_c - streams.errors_b / streams.requests_b
    slower = streams.latency_c - streams.latency_b
    return np.asarray((more_errors > MORE_ERRORS) | (slower > np.log(MORE_LATENCY)))


def naive(streams: Streams) -> Numbers:
    """One-sided z-test of the errors or paired t-test of the latencies with p < .05, as if each look were the only
    one."""
    from scipy.special import ndtr, stdtr

    failed_c, all_c = np.cumsum(streams.errors_c, axis=1), np.cumsum(streams.requests_c, axis=1)
    failed_b, all_b = np.cumsum(streams.errors_b, axis=1), np.cumsum(streams.requests_b, axis=1)
    pooled = (failed_c + failed_b) / (all_c + all_b)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / all_c + 1 / all_b))
    z = (failed_c / all_c - failed_b / all_b) / np.where(spread > 0, spread, np.inf)
    values = streams.latency_c - streams.latency_b
    count = np.arange(1, values.shape[1] + 1)
    mean = np.cumsum(values, axis=1) / count
    variance = np.maximum(np.cumsum(values * values, axis=1) / count - mean * mean, 1e-12) / np.maximum(count - 1, 1)
    slower = (stdtr(np.maximum(count - 1, 1), -mean / np.sqrt(variance)) < P_VALUE) & (count >= 2)
    return first_minute((ndtr(-z) < P_VALUE) | slower)


def kayenta(streams: Streams) -> Numbers:
    """Looking each minute at everything so far."""
    return first_minute(_kayenta(streams, range(1, streams.latency_c.shape[1] + 1)))


def kayenta_once(streams: Streams) -> Numbers:
    """Looking once, when the hour is over."""
    return first_minute(_kayenta(streams, range(streams.latency_c.shape[1], streams.latency_c.shape[1] + 1)))


def _kayenta(streams: Streams, looks: range) -> Truths:
    """Return whether each look fails the canary: one of its metrics is classified High.

    Mann-Whitney on the minutes' values, unpaired: High when the lower 98 % confidence bound of the shift is above a
    quarter of the shift's Hodges-Lehmann estimate.
    """
    fails = np.zeros(streams.latency_c.shape, dtype=bool)
    metrics = (
        (streams.latency_c, streams.latency_b),
        (streams.errors_c / streams.requests_c, streams.errors_b / streams.requests_b),
    )
    for count in looks:
        # The bound is an order statistic of all differences, by the test's normal approximation.
        below = count * count / 2 - KAYENTA_NORMAL_QUANTILE * np.sqrt(count * count * (2 * count + 1) / 12)
        if below < 1:
            continue
        middle = count * count // 2
        for canary, champion in metrics:
            differences = (canary[:, :count, None] - champion[:, None, :count]).reshape(len(canary), -1)
            parted = np.partition(differences, (int(below) - 1, middle), axis=1)
            low, shift = parted[:, int(below) - 1], parted[:, middle]
            fails[:, count - 1] |= low > KAYENTA_TOLERANCE * np.abs(shift)
    return fails
