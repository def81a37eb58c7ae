"""Each labelled row's value, and confidence bounds of the difference of two versions.

All differences are gains: challenger less champion, in the metric's good direction. The two versions served different
rows, so their samples are independent of each other, unlike those of an evaluation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shared.domain.releases.outcome import Better, Totals
from shared.judge.labels.outcome_rows import Arm
from shared.metrics.bounds import BoundedValue, difference_bounds
from shared.metrics.catalogue import OWN, Metric, find_metric, known_metric
from shared.metrics.estimates import Estimate, Sample, Scores, UnusableEvidenceError, measured, require_enough
from shared.metrics.rows import LABEL, Layout, numbers, read_sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Both versions' values, and the one-sided lower and upper confidence bounds of the gain."""

    challenger: float
    champion: float
    low: float
    high: float


def measure_of(metric: str, better: Better) -> Metric:
    """Return the metric that a plan names; `mean` is a user's own, of the labels' column."""
    return known_metric(metric) or find_metric(metric, better)


def row_values(metric: Metric, arm: Arm) -> Numbers:
    """Return each row's value, in the metric's own unit and direction.

    Raises:
        UnusableEvidenceError: the labels or predictions do not fit the metric.
    """
    estimate = measured(_sample(metric, arm))
    if estimate.hits is not None:
        return estimate.hits[np.isfinite(estimate.hits)]
    return estimate.parts + estimate.value


def totals(values: Numbers) -> Totals | None:
    """Return them; None for fewer than two rows, which have no variance."""
    return Totals(len(values), float(values.mean()), float(values.var(ddof=1))) if len(values) > 1 else None


def bounds(metric: str, better: Better, challenger: Arm, champion: Arm, confidence: float) -> Bounds:
    """Return how the versions compare.

    Shares by Wilson and Newcombe, because Student's bounds are too narrow on one side near 0 and 1; other rates, which
    have a side like that, too, by bounds of their logits, joined as those of shares are; means by Welch.
    Source: G. Y. Zou and A. Donner, Statistics in Medicine 27 (2008), for the joining.

    Args:
        confidence: of each bound, 0.5 to 1.

    Raises:
        UnusableEvidenceError: the rows do not fit the metric, or are too few of a kind.
    """
    measure = measure_of(metric, better)
    samples = [_sample(measure, arm) for arm in (challenger, champion)]
    first, second = map(measured, samples)
    require_enough(*samples)
    sign = 1.0 if measure.is_higher_better else -1.0
    if first.hits is not None and second.hits is not None:
        counts = [(round(arm.value * arm.counted), arm.counted) for arm in (first, second)]
        return share_bounds(counts[0], counts[1], sign, confidence)
    if first.shape == second.shape == "rate":
        bounded = [_on_logit(arm, confidence) for arm in (first, second)]
        low, high = difference_bounds(bounded[0], bounded[1], 0.0)
        return Bounds(first.value, second.value, *((low, high) if sign > 0 else (-high, -low)))
    reach, gain = _reach(first, second, confidence), sign * (first.value - second.value)
    return Bounds(first.value, second.value, gain - reach, gain + reach)


def _sample(metric: Metric, arm: Arm) -> Sample:
    table = arm.table()
    if metric.needs == OWN and metric.name not in table.columns:
        return Scores(metric, *numbers(table, LABEL))
    return read_sample(metric, table, Layout.of_served(LABEL))


def share_bounds(challenger: tuple[int, int], champion: tuple[int, int], sign: float, confidence: float) -> Bounds:
    """Return the bounds for shares, each given as (hits, rows): Wilson's, joined as Newcombe does.

    Source: R. G. Newcombe, Interval estimation for the difference between independent proportions, Statistics in
    Medicine 17 (1998), method 10.
    """
    joined = _joined(_wilson(*challenger, confidence), _wilson(*champion, confidence))
    return joined if sign > 0 else Bounds(joined.challenger, joined.champion, -joined.high, -joined.low)


def _wilson(hits: int, rows: int, confidence: float) -> tuple[float, float, float]:
    """Return the share with its lower and its upper bound, each at this confidence."""
    from scipy.stats import binomtest  # type: ignore[attr-defined]

    # At level 2c - 1 both ends of the two-sided interval are bounds at confidence c.
    interval = binomtest(hits, rows).proportion_ci(2 * confidence - 1, method="wilson")
    return hits / rows, float(interval.low), float(interval.high)


def _joined(challenger: tuple[float, float, float], champion: tuple[float, float, float]) -> Bounds:
    """Return the bounds of a difference from (value, low, high) of both, by their distances from the values."""
    return Bounds(
        challenger[0], champion[0], *difference_bounds(BoundedValue(*challenger), BoundedValue(*champion), 0.0)
    )


def _on_logit(rate: Estimate, confidence: float) -> BoundedValue:
    """Return a rate's bounds on its logit, because an estimate near 1 errs further down than up.

    Source: M. S. Pepe, The Statistical Evaluation of Medical Tests (2003), section 5.2.
    """
    from scipy.special import expit, logit, stdtrit

    edge = 0.5 / rate.counted
    value = min(max(rate.value, edge), 1 - edge)
    error = rate.error or math.sqrt(value * (1 - value) / rate.counted)
    reach = float(stdtrit(rate.counted - 1, confidence)) * error / (value * (1 - value))
    return BoundedValue(rate.value, float(expit(logit(value) - reach)), float(expit(logit(value) + reach)))


def _reach(first: Estimate, second: Estimate, confidence: float) -> float:
    """Return how far a bound is from the gain: Student's quantile with Welch and Satterthwaite's freedom.

    Raises:
        UnusableEvidenceError: no row differs from another.
    """
    from scipy.special import stdtrit

    errors = [(arm.error**2, arm.rows) for arm in (first, second)]
    whole = math.fsum(error for error, _ in errors)
    if whole <= 0:
        raise UnusableEvidenceError("the rows of each version are all alike, so their spread gives no bounds")
    freedom = whole**2 / math.fsum(error**2 / (rows - 1) for error, rows in errors)
    return float(stdtrit(freedom, confidence)) * math.sqrt(whole)
