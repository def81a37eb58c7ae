"""The evidence for and against a challenger, of one stream of measurements or of many at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shared.domain.release_plan import JudgePlan
from shared.judge import errors, means
from shared.judge.errors import Bound
from shared.judge.starts import ONE_START, starts_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

# The chance of proving "within the tolerance" of a challenger that is not, per metric.
FALSE_PASSES = 0.05
FEWEST_INTERVALS_TO_PASS = 5
# A spread cannot be told from fewer values, so neither can what lies beyond it.
FEWEST_VALUES_TO_FAIL = 3
FEWEST_REQUESTS = 20


@dataclass(frozen=True, slots=True)
class Tolerances:
    """How much worse the challenger may be; None leaves a metric unjudged.

    Args:
        errors: difference of error shares, 0 to 1.
        errors_ratio: ratio of error shares, above 0; instead of `errors`.
        latency: ratio of latencies, above 0.
        latency_quantile: of which quantile, 0 to 1; None for geometric means.
        scores: difference of mean predictions, either way, above 0.
        quality: how much worse the metric of labelled rows may be, 0 or more.
        false_rollbacks: chance, above 0 and below 1; split equally over the metrics.
        horizon: how long the look-out lasts, in intervals; fixed beforehand.
    """

    errors: float | None
    latency: float | None
    false_rollbacks: float
    horizon: int
    errors_ratio: float | None = None
    latency_quantile: float | None = None
    scores: float | None = None
    quality: float | None = None

    @property
    def error_bound(self) -> Bound | None:
        if self.errors_ratio is not None:
            return Bound(self.errors_ratio, 0.0)
        return None if self.errors is None else Bound(1.0, self.errors)

    @property
    def metrics(self) -> tuple[str, ...]:
        judged = {"errors": self.error_bound, "latency": self.latency, "scores": self.scores, "quality": self.quality}
        return tuple(name for name, bound in judged.items() if bound is not None)

    @property
    def enough_to_fail(self) -> float:
        """Return the least ln e-value that proves one metric to be beyond its tolerance."""
        return math.log(max(len(self.metrics), 1) / self.false_rollbacks)


def tolerances_of(plan: JudgePlan, horizon: int) -> Tolerances:
    return Tolerances(
        errors=plan.errors_worse_by_at_most,
        latency=plan.latency_ratio_at_most,
        false_rollbacks=plan.false_rollbacks,
        horizon=horizon,
        errors_ratio=plan.errors_ratio_at_most,
        latency_quantile=plan.latency_quantile,
        scores=plan.score_shift_at_most,
        quality=plan.quality.worse_by_at_most if plan.quality else None,
    )


@dataclass(frozen=True, slots=True)
class Paths:
    """One metric's ln e-values as they stood after each interval: against "within the tolerance" and "beyond it".

    Args:
        fails, passes: one row per stream, one column per interval.
    """

    metric: str
    fails: Numbers
    passes: Numbers


def error_paths(counts: Numbers, tolerances: Tolerances) -> Paths:
    """Return the evidence in counts (streams, intervals, 4): requests and errors of challenger and champion."""
    bound = tolerances.error_bound or Bound()
    fails = errors.paths_above(counts, bound, starts_for(tolerances.horizon))
    return Paths("errors", fails, errors.paths_below(counts, bound, ONE_START))


def latency_paths(differences: Numbers, tolerances: Tolerances) -> Paths:
    """Return the evidence in differences of log latency (streams, intervals)."""
    bound = math.log(tolerances.latency or 1.0)
    fails = means.paths_above(differences, bound, starts_for(tolerances.horizon))
    return Paths("latency", _not_before_told(fails), means.paths_below(differences, bound, ONE_START))


def score_paths(shifts: Numbers, tolerances: Tolerances) -> Paths:
    """Return the evidence in differences of mean predictions (streams, intervals), which may lie on either side."""
    bound, starts = tolerances.scores or 0.0, starts_for(tolerances.horizon)
    above, below = means.paths_above(shifts, bound, starts), means.paths_below(shifts, -bound, starts)
    # The mean of two e-values is one; and only what is proven on both sides lies between.
    fails = np.logaddexp(above, below) - math.log(2)
    within = means.paths_below(shifts, bound, ONE_START), means.paths_above(shifts, -bound, ONE_START)
    return Paths("scores", _not_before_told(fails), np.minimum(*within))


def verdicts(paths: Sequence[Paths], requests: Numbers, tolerances: Tolerances) -> NDArray[np.int8]:
    """Return -1 for fail, 1 for pass and 0 for inconclusive, per stream and interval.

    Args:
        requests: the challenger's, per stream and interval.
    """
    failed = np.zeros(requests.shape, dtype=bool)
    passed = np.full(requests.shape, bool(paths))
    for each in paths:
        failed |= each.fails >= tolerances.enough_to_fail
        passed &= each.passes >= math.log(1 / FALSE_PASSES)
    passed &= np.cumsum(requests, axis=1) >= FEWEST_REQUESTS
    passed[:, : FEWEST_INTERVALS_TO_PASS - 1] = False
    return np.where(failed, -1, np.where(passed, 1, 0)).astype(np.int8)


def _not_before_told(fails: Numbers) -> Numbers:
    """Return the paths with nothing known in the first intervals; not to look is always allowed."""
    fails[:, : FEWEST_VALUES_TO_FAIL - 1] = 0.0
    return fails
