"""The evidence for and against a challenger and the rule on it, of one stream of measurements or of many at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from shared.domain.releases.plan import JudgePlan
from shared.judge.evidence import errors, means, score_evidence
from shared.judge.evidence.agreement import MINUTE, minutes_agree, spanned
from shared.judge.evidence.errors import Bound
from shared.judge.evidence.staggered_starts import ONE_START, starts_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Truths = NDArray[np.bool_]
    Counts = NDArray[np.intp]

# The chance of proving "within the tolerance" of a challenger that is not, per metric.
FALSE_PASSES = 0.05
FEWEST_INTERVALS_TO_PASS = 5
# Fewer values give no usable estimate of their spread, so nothing is known to lie beyond it.
FEWEST_VALUES_TO_FAIL = 3
FEWEST_REQUESTS = 20
# Rows of the traffic log come minutes late, now and then three times as late as usual: an older measurement says
# nothing about now.
STALE_INTERVALS, STALE_DELAYS = 10, 3
# Latency must be beyond the tolerance in 15 of the last 20 minutes, which a stall of a few minutes is not, and in 4 of
# the last 5, in which a version that still warms up has settled.
SLOW_MINUTES = ((15, 20), (4, 5))


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
        false_rollbacks: chance, above 0 and below 1, for a whole release.
        horizon: how long the release is watched, in intervals; fixed beforehand.
        budget: the share of it, above 0 and at most 1, for the stage that is judged; split equally over the metrics.
        interval: what one measurement covers.
        warm_up: how long latency is not judged, from the beginning of a stage.
        log_delay: how late measurements arrive as a rule.
    """

    errors: float | None
    latency: float | None
    false_rollbacks: float
    horizon: int
    errors_ratio: float | None = None
    latency_quantile: float | None = None
    scores: float | None = None
    quality: float | None = None
    budget: float = 1.0
    interval: timedelta = MINUTE
    warm_up: timedelta = timedelta(0)
    log_delay: timedelta = timedelta(minutes=5)

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
        return math.log(max(len(self.metrics), 1) / (self.budget * self.false_rollbacks))

    @property
    def stale_after(self) -> timedelta:
        """Return how long ago the newest interval may have begun."""
        return self.interval + max(STALE_INTERVALS * self.interval, STALE_DELAYS * self.log_delay)

    @property
    def slow_windows(self) -> tuple[tuple[int, int], ...]:
        """Return how many of how many of the last intervals must be beyond the latency's tolerance."""
        lengths = [(slow / window, spanned(window, self.interval, least=2)) for slow, window in SLOW_MINUTES]
        return tuple((math.ceil(share * length), length) for share, length in lengths)


def tolerances_of(plan: JudgePlan, horizon: int, budget: float = 1.0) -> Tolerances:
    return Tolerances(
        errors=plan.errors_worse_by_at_most,
        latency=plan.latency_ratio_at_most,
        false_rollbacks=plan.false_rollbacks,
        horizon=horizon,
        errors_ratio=plan.errors_ratio_at_most,
        latency_quantile=plan.latency_quantile,
        scores=plan.score_shift_at_most,
        quality=plan.quality.worse_by_at_most if plan.quality else None,
        budget=budget,
        interval=plan.interval,
        warm_up=plan.latency_warm_up,
        log_delay=plan.log_delay,
    )


@dataclass(frozen=True, slots=True)
class Paths:
    """One metric's ln e-values as they stood after each interval: against "within the tolerance" and "beyond it".

    Args:
        fails, passes: one row per stream, one column per interval.
        agrees: whether the metric's second condition for a failure holds; enough evidence without it is a suspicion.
    """

    metric: str
    fails: Numbers
    passes: Numbers
    agrees: Truths

    def is_suspected(self, tolerances: Tolerances) -> Truths:
        """Return whether the metric looks beyond its tolerance, proven or not."""
        return self.fails >= tolerances.enough_to_fail

    def is_failed(self, tolerances: Tolerances) -> Truths:
        """Return whether the metric is proven to be beyond its tolerance."""
        return self.is_suspected(tolerances) & self.agrees

    @property
    def is_within(self) -> Truths:
        """Return whether the metric is proven to be within its tolerance."""
        return self.passes >= math.log(1 / FALSE_PASSES)

    def at(self, columns: Counts) -> Paths:
        """Return the paths as they stood after so many intervals, per stream; 0 for none at all."""
        # A column of zeros in front: the state after no interval.
        padded = [np.pad(path, ((0, 0), (1, 0))) for path in (self.fails, self.passes)]
        fails, passes = (np.take_along_axis(path, columns, axis=1) for path in padded)
        agrees = np.take_along_axis(np.pad(self.agrees, ((0, 0), (1, 0))), columns, axis=1)
        return Paths(self.metric, fails, passes, agrees)


def error_paths(counts: Numbers, tolerances: Tolerances) -> Paths:
    """Return the evidence in counts (streams, intervals, 4): requests and errors of challenger and champion."""
    bound, starts = tolerances.error_bound or Bound(), starts_for(tolerances.horizon)
    fails = errors.paths_above(counts, bound, starts)
    agrees = np.zeros(fails.shape, dtype=bool)
    # The agreement costs as much as the evidence, and matters only where there is enough of it to fail.
    rows = np.flatnonzero((fails >= tolerances.enough_to_fail).any(axis=1))
    if len(rows):
        agrees[rows] = minutes_agree(counts[rows], bound, starts)
    return Paths("errors", fails, errors.paths_below(counts, bound, ONE_START), agrees)


def latency_paths(differences: Numbers, tolerances: Tolerances) -> Paths:
    """Return the evidence in differences of log latency (streams, intervals)."""
    bound = math.log(tolerances.latency or 1.0)
    fails = means.paths_above(differences, bound, starts_for(tolerances.horizon))
    beyond, agrees = np.cumsum(differences > bound, axis=1), np.ones(fails.shape, dtype=bool)
    for slow, window in tolerances.slow_windows:
        earlier = np.zeros_like(beyond)
        earlier[:, window:] = beyond[:, :-window]
        agrees &= beyond - earlier >= slow
    return Paths("latency", _zero_at_first(fails), means.paths_below(differences, bound, ONE_START), agrees)


def score_paths(moments: Numbers, tolerances: Tolerances) -> Paths:
    """Return the evidence in the moments of predictions (streams, intervals, 6), whose means may lie on either side."""
    bound, starts = tolerances.scores or 0.0, starts_for(tolerances.horizon)
    fails = score_evidence.shift_by_prediction(moments, bound, starts)
    agrees = np.zeros(fails.shape, dtype=bool)
    rows = np.flatnonzero((fails >= tolerances.enough_to_fail).any(axis=1))
    if len(rows):
        by_interval = score_evidence.shift_by_interval(moments[rows], bound, starts)
        agrees[rows] = _zero_at_first(by_interval) >= tolerances.enough_to_fail
    return Paths("scores", fails, score_evidence.shift_within(moments, bound), agrees)


class Ruling(IntEnum):
    """What the rule says of a challenger by its evidence: the first of these that applies."""

    FAILED = 0
    SUSPECTED = 1
    TOO_LITTLE = 2
    UNPROVEN = 3
    WITHIN = 4


def rulings(paths: Sequence[Paths], intervals: Counts, requests: Numbers, tolerances: Tolerances) -> Counts:
    """Return the `Ruling` per stream and interval.

    A failure comes first, before any least number of intervals: its error is bounded however early it is found. A
    suspicion comes before a pass, which it forbids. Without any metric nothing is proven.

    Args:
        intervals, requests: how many were compared so far, and of the challenger, per stream and interval.
    """
    nothing = np.zeros(requests.shape, dtype=bool)
    failed = np.logical_or.reduce([nothing, *(path.is_failed(tolerances) for path in paths)])
    suspected = np.logical_or.reduce([nothing, *(path.is_suspected(tolerances) for path in paths)])
    too_little = (intervals < FEWEST_INTERVALS_TO_PASS) | (requests < FEWEST_REQUESTS)
    within = np.logical_and.reduce([path.is_within for path in paths]) if paths else nothing
    return np.select(
        [failed, suspected, too_little, within],
        [Ruling.FAILED, Ruling.SUSPECTED, Ruling.TOO_LITTLE, Ruling.WITHIN],
        Ruling.UNPROVEN,
    )


def _zero_at_first(fails: Numbers) -> Numbers:
    """Return the paths, 0 in the first intervals: leaving a look out never adds to the chance of an error."""
    fails[:, : FEWEST_VALUES_TO_FAIL - 1] = 0.0
    return fails
