"""A metric's value on labelled rows, and what each row adds to its error.

The rows' parts (the influence function, per row) make every metric a mean, so that its variance, and its covariance
with the same metric of another version or of some of the rows, is that of means.
Sources: roc_auc by its placements: E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988); pr_auc by
the jackknife: B. Efron and C. Stein, Annals of Statistics 9 (1981); ratios by the delta method.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shared.metrics.binary import CLASSES, CLIP, METRICS, RANKING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

THRESHOLD = 0.5
# Metrics between 0 and 1 that are no mean of losses.
RATES = frozenset(name for name, metric in METRICS.items() if metric.needs in {RANKING, CLASSES})


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric's value.

    Args:
        parts: one number per row, 0 on average; the value's error is about their mean.
        counted: the rows that it rests on: of the rarer class, those of label 1, those flagged, or all.
    """

    value: float
    parts: Numbers
    counted: int

    @property
    def error(self) -> float:
        """Return the standard error."""
        return error_of(self.parts, self.counted)


def error_of(parts: Numbers, counted: int) -> float:
    """Return the standard error of a mean of parts that rests on so many rows."""
    return math.sqrt(float(np.mean(parts**2)) / len(parts) * counted / max(counted - 1, 1))


def estimated(metric: str, labels: Numbers, scores: Numbers) -> Estimate:
    """Return the estimate of a metric that has a value on these rows, see `table.measured`."""
    value = METRICS[metric].compute(labels, scores, THRESHOLD)
    parts, counted = _PARTS.get(metric, _mean_loss(metric))(value, labels, scores)
    return Estimate(value, parts, counted)


Parts = Callable[[float, "Numbers", "Numbers"], tuple["Numbers", int]]


def _ratio(value: float, above: Numbers, below: Numbers, counted: int) -> tuple[Numbers, int]:
    """Return the parts of sum(above) / sum(below)."""
    return (above - value * below) / float(below.mean()), counted


def _accuracy(value: float, labels: Numbers, scores: Numbers) -> tuple[Numbers, int]:
    return ((scores >= THRESHOLD) == (labels == 1)) - value, len(labels)


def _recall(value: float, labels: Numbers, scores: Numbers) -> tuple[Numbers, int]:
    return _ratio(value, labels * (scores >= THRESHOLD), labels, int(labels.sum()))


def _precision(value: float, labels: Numbers, scores: Numbers) -> tuple[Numbers, int]:
    flagged = (scores >= THRESHOLD).astype(np.float64)
    return _ratio(value, labels * flagged, flagged, int(flagged.sum()))


def _f1(value: float, labels: Numbers, scores: Numbers) -> tuple[Numbers, int]:
    flagged = (scores >= THRESHOLD).astype(np.float64)
    return _ratio(value, 2 * labels * flagged, flagged + labels, int(labels.sum()))


def _roc_auc(value: float, labels: Numbers, scores: Numbers) -> tuple[Numbers, int]:
    positive = labels == 1
    by_win, by_loss = placements(scores[positive], scores[~positive])
    parts = np.empty(len(labels))
    parts[positive] = (by_win - value) * len(labels) / len(by_win)
    parts[~positive] = (by_loss - value) * len(labels) / len(by_loss)
    return parts, min(len(by_win), len(by_loss))


def placements(wins: Numbers, losses: Numbers) -> tuple[Numbers, Numbers]:
    """Return, per score of a positive and of a negative row, the share of the other class on the right side of it.

    Ties count half. DeLong's variance of an area is that of these two samples. Not from all pairs of rows but from
    their midranks, which takes a sort: X. Sun and W. Xu, IEEE Signal Processing Letters 21 (2014).
    """
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([wins, losses]))
    by_win = (ranks[: len(wins)] - rankdata(wins)) / len(losses)
    return by_win, 1 - (ranks[len(wins) :] - rankdata(losses)) / len(wins)


def _pr_auc(value: float, labels: Numbers, scores: Numbers) -> tuple[Numbers, int]:
    """Return the jackknife's parts: what the average precision is without each row, found from both ends at once."""
    _, group, sizes = np.unique(-scores, return_inverse=True, return_counts=True)
    of_group = np.bincount(group, weights=labels)
    hits, flagged, positives = np.cumsum(of_group), np.cumsum(sizes).astype(np.float64), float(labels.sum())
    fewer = np.maximum(flagged - 1, 1)
    above = np.cumsum(of_group * hits / flagged) - of_group * hits / flagged
    without_negative = above + np.cumsum((of_group * hits / fewer)[::-1])[::-1]
    less = of_group * (hits - 1) / fewer
    without_positive = above + np.cumsum(less[::-1])[::-1] - less + (of_group - 1) * (hits - 1) / fewer
    without_row = np.where(
        labels == 1, without_positive[group] / max(positives - 1, 1), without_negative[group] / positives
    )
    parts = (len(labels) - 1) * (value - without_row)
    return parts - parts.mean(), int(positives)


def _rmse(value: float, labels: Numbers, scores: Numbers) -> tuple[Numbers, int]:
    return ((labels - scores) ** 2 - value**2) / (2 * value or 1.0), len(labels)


def _r2(value: float, labels: Numbers, scores: Numbers) -> tuple[Numbers, int]:
    parts, counted = _ratio(1 - value, (labels - scores) ** 2, (labels - labels.mean()) ** 2, len(labels))
    return -parts, counted


def _mean_loss(metric: str) -> Parts:
    def parts(value: float, labels: Numbers, scores: Numbers) -> tuple[Numbers, int]:
        return row_losses(metric, labels, scores) - value, len(labels)

    return parts


def row_losses(metric: str, labels: Numbers, scores: Numbers) -> Numbers:
    """Return each row's loss, for metrics that are the mean of them."""
    if metric == "log_loss":
        clipped = np.clip(scores, CLIP, 1 - CLIP)
        return np.where(labels == 1, -np.log(clipped), -np.log1p(-clipped))
    missed = labels - scores
    if metric == "mape":
        return np.abs(missed / labels)
    return np.abs(missed) if metric == "mae" else missed**2


_PARTS: dict[str, Parts] = {
    "accuracy": _accuracy,
    "recall": _recall,
    "precision": _precision,
    "f1": _f1,
    "roc_auc": _roc_auc,
    "pr_auc": _pr_auc,
    "rmse": _rmse,
    "r2": _r2,
}
