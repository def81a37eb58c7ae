"""Metrics of scored, labelled rows: what gates and monitors compare, and which direction is good."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Numbers = NDArray[np.float64]

# Probabilities are kept this far from 0 and 1, where the logarithm has no value. scikit-learn clips at the same
# place: sklearn.metrics.log_loss, float64 machine epsilon.
CLIP = float(np.finfo(np.float64).eps)


class MetricUndefinedError(ValueError):
    """The metric has no value on these rows (one class, no rows, NaN): neither good nor bad news."""


class Direction(StrEnum):
    HIGHER_IS_BETTER = "higher is better"
    LOWER_IS_BETTER = "lower is better"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Args:
        needs: what the scores must be: any ranking, probabilities, or values in the label's unit.
        lowest, highest: what it can be, each included.
        aliases: names that others have for it, e.g. Azure ML's, compared without case and punctuation.
    """

    name: str
    direction: Direction
    needs: str
    compute: Callable[[Numbers, Numbers, float], float]
    lowest: float = 0.0
    highest: float = 1.0
    aliases: tuple[str, ...] = ()

    @property
    def bound(self) -> Literal["at_least", "at_most"]:
        """Return which side a policy bounds: the one where the metric gets worse."""
        return "at_least" if self.direction is Direction.HIGHER_IS_BETTER else "at_most"

    def bound_problem(self, at_least: float | None, at_most: float | None) -> str:
        """Return what is wrong with the requested bounds, and what to write instead; "" when nothing is."""
        requested = at_least if self.bound == "at_least" else at_most
        other = at_most if self.bound == "at_least" else at_least
        if requested is None or other is not None:
            written = "" if other is None or requested is not None or self._range_problem(other) else f": {other:g}"
            return f"for {self.name} {self.direction}; write {self.bound}{written}, and only that"
        return self._range_problem(requested)

    def change_problem(self, change: float) -> str:
        """Return what is wrong with an amount by which the metric may change; "" when nothing is."""
        width = self.highest - self.lowest
        if not 0 <= change < math.inf:
            return f"{change:g} is no amount of {self.name}; write 0 or more, in its own unit"
        if change >= width:
            return f"{self.name} lies between {self._range}, so that {change:g} allows everything; {_as_share(change)}"
        return ""

    @property
    def _range(self) -> str:
        return f"{self.lowest:g} and {self.highest:g}"

    def _range_problem(self, bound: float) -> str:
        if not math.isfinite(bound) or not self.lowest <= bound <= self.highest:
            remedy = _as_share(bound) if self.highest == 1 else "write a number in that range"
            return f"{self.name} lies between {self._range}, and {bound:g} does not; {remedy}"
        return ""

    def is_worse(self, value: float, than: float) -> bool:
        """Return whether `value` is strictly worse; never for NaN."""
        return value < than if self.direction is Direction.HIGHER_IS_BETTER else value > than


def _as_share(number: float) -> str:
    """Return what to write instead of a number that was meant as a percentage, perhaps."""
    return f"write {number / 100:g}" if 1 < number < 100 else "write a share, e.g. 0.05"


def measure_metric(name: str, labels: ArrayLike, scores: ArrayLike, threshold: float = 0.5) -> float:
    """Return the metric of one score per label.

    Args:
        labels: 0 or 1 for classification metrics, any number where the metric needs values.
        scores: see `Metric.needs`.
        threshold: a score of at least this counts as 1, where a metric needs classes.

    Raises:
        MetricUndefinedError: no rows, NaN or infinite values, a single class where two are needed, nothing
            predicted positive where precision needs it, a label of 0 for mape, or labels all alike for r2.
        ValueError: unknown metric, lengths that differ, labels other than 0 and 1, or scores that are no probabilities.
    """
    if name not in METRICS:
        raise ValueError(f"unknown metric {name!r}; known are {', '.join(sorted(METRICS))}")
    metric = METRICS[name]
    truth, predicted = np.asarray(labels, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if truth.ndim != 1 or truth.shape != predicted.shape:
        raise ValueError(f"{name} needs one score per label; got shapes {truth.shape} and {predicted.shape}")
    if len(truth) == 0:
        raise MetricUndefinedError(f"{name} has no value: there are no rows")
    for what, values in (("labels", truth), ("scores", predicted)):
        if not bool(np.isfinite(values).all()):
            raise MetricUndefinedError(
                f"{name} has no value: {int((~np.isfinite(values)).sum())} {what} are not finite"
            )
    if metric.needs != VALUES and not bool(np.isin(truth, (0.0, 1.0)).all()):
        raise ValueError(f"{name} needs labels 0 and 1; got {np.unique(truth)[:5].tolist()}")
    return metric.compute(truth, predicted, threshold)


def roc_auc(labels: Numbers, scores: Numbers, _threshold: float = 0.5) -> float:
    """Return the area under the ROC curve: how often a 1 scores above a 0, ties counting half.

    Source: J. A. Hanley and B. J. McNeil, Radiology 143 (1982): it is the Mann-Whitney statistic.

    Raises:
        MetricUndefinedError: all labels are of one class.
    """
    from scipy.stats import rankdata

    positives = int(labels.sum())
    negatives = len(labels) - positives
    if positives == 0 or negatives == 0:
        raise MetricUndefinedError(f"roc_auc has no value: all {len(labels)} labels are {int(labels[0])}")
    rank_sum = float(rankdata(scores)[labels == 1].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def accuracy(labels: Numbers, scores: Numbers, threshold: float = 0.5) -> float:
    return float(np.mean((scores >= threshold) == (labels == 1)))


def precision(labels: Numbers, scores: Numbers, threshold: float = 0.5) -> float:
    """Return the share of the flagged rows that are 1.

    Raises:
        MetricUndefinedError: nothing is flagged; scikit-learn's 0 would call that the worst of models.
    """
    hits, flagged, _ = _counts(labels, scores, threshold)
    if flagged == 0:
        raise MetricUndefinedError(f"precision has no value: no score reaches {threshold:g}")
    return hits / flagged


def recall(labels: Numbers, scores: Numbers, threshold: float = 0.5) -> float:
    """Return the share of the rows of label 1 that are flagged.

    Raises:
        MetricUndefinedError: no label is 1.
    """
    hits, _, positives = _counts(labels, scores, threshold)
    if positives == 0:
        raise MetricUndefinedError("recall has no value: no label is 1")
    return hits / positives


def f1(labels: Numbers, scores: Numbers, threshold: float = 0.5) -> float:
    """Return the harmonic mean of precision and recall.

    Raises:
        MetricUndefinedError: no label is 1, and nothing is flagged.
    """
    hits, flagged, positives = _counts(labels, scores, threshold)
    if flagged + positives == 0:
        raise MetricUndefinedError(f"f1 has no value: no label is 1 and no score reaches {threshold:g}")
    return 2 * hits / (flagged + positives)


def pr_auc(labels: Numbers, scores: Numbers, _threshold: float = 0.5) -> float:
    """Return the average precision: the area under the precision-recall steps, without interpolation.

    Source: scikit-learn, sklearn.metrics.average_precision_score: sum of (R_n - R_(n-1)) P_n over the thresholds.

    Raises:
        MetricUndefinedError: no label is 1.
    """
    positives = int(labels.sum())
    if positives == 0:
        raise MetricUndefinedError("pr_auc has no value: no label is 1")
    order = np.argsort(-scores, kind="stable")
    is_last_of_ties = np.append(np.diff(scores[order]) != 0, True)
    hits = np.cumsum(labels[order])[is_last_of_ties]
    flagged = np.flatnonzero(is_last_of_ties) + 1
    return float(np.sum(np.diff(hits, prepend=0.0) * hits / flagged) / positives)


def log_loss(labels: Numbers, scores: Numbers, _threshold: float = 0.5) -> float:
    """Return the mean negative log likelihood, in nats."""
    _require_probabilities("log_loss", scores)
    clipped = np.clip(scores, CLIP, 1 - CLIP)
    return float(-np.mean(np.where(labels == 1, np.log(clipped), np.log1p(-clipped))))


def brier(labels: Numbers, scores: Numbers, _threshold: float = 0.5) -> float:
    """Return the mean squared difference of probability and label."""
    _require_probabilities("brier", scores)
    return float(np.mean((labels - scores) ** 2))


def mae(labels: Numbers, scores: Numbers, _threshold: float = 0.5) -> float:
    return float(np.mean(np.abs(labels - scores)))


def mse(labels: Numbers, scores: Numbers, _threshold: float = 0.5) -> float:
    return float(np.mean((labels - scores) ** 2))


def rmse(labels: Numbers, scores: Numbers, _threshold: float = 0.5) -> float:
    return math.sqrt(mse(labels, scores))


def mape(labels: Numbers, scores: Numbers, _threshold: float = 0.5) -> float:
    """Return the mean error as a share of the label's size: .1 is 10 %.

    Raises:
        MetricUndefinedError: some label is 0.
    """
    if zeros := int(np.count_nonzero(labels == 0)):
        raise MetricUndefinedError(f"mape has no value: {zeros} labels are 0; use mae or rmse for such labels")
    return float(np.mean(np.abs((labels - scores) / labels)))


def r2(labels: Numbers, scores: Numbers, _threshold: float = 0.5) -> float:
    """Return the share of the labels' variance that the scores explain; negative when their mean would do better.

    Raises:
        MetricUndefinedError: all labels are the same.
    """
    total = float(np.sum((labels - labels.mean()) ** 2))
    if total == 0.0:
        raise MetricUndefinedError(f"r2 has no value: all {len(labels)} labels are {labels[0]:g}")
    return 1.0 - float(np.sum((labels - scores) ** 2)) / total


def _require_probabilities(name: str, scores: Numbers) -> None:
    if bool(((scores < 0) | (scores > 1)).any()):
        raise ValueError(f"{name} needs probabilities 0-1; got {scores.min():g} to {scores.max():g}")


def _counts(labels: Numbers, scores: Numbers, threshold: float) -> tuple[float, float, float]:
    """Return true positives, predicted positives and positives; of probabilities as labels, the expected ones."""
    flagged = scores >= threshold
    return float(labels[flagged].sum()), float(flagged.sum()), float(labels.sum())


RANKING, CLASSES, PROBABILITIES, VALUES = "any ranking", "a score to cut", "probabilities", "values"

_HIGHER, _LOWER = Direction.HIGHER_IS_BETTER, Direction.LOWER_IS_BETTER
_ERROR = (0.0, math.inf)

# The one table of directions and ranges. The aliases of Azure ML: azure.ai.ml.constants.MonitorMetricName and
# ModelPerformanceRegressionThresholds on learn.microsoft.com, read 2026-11-20.
METRICS = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", _HIGHER, RANKING, roc_auc, aliases=("auc", "AUC_weighted", "AUC_macro")),
        Metric("pr_auc", _HIGHER, RANKING, pr_auc, aliases=("average_precision",)),
        Metric("accuracy", _HIGHER, CLASSES, accuracy),
        Metric("precision", _HIGHER, CLASSES, precision),
        Metric("recall", _HIGHER, CLASSES, recall),
        Metric("f1", _HIGHER, CLASSES, f1, aliases=("F1Score",)),
        Metric("log_loss", _LOWER, PROBABILITIES, log_loss, *_ERROR),
        Metric("brier", _LOWER, PROBABILITIES, brier, aliases=("brier_score",)),
        Metric("mae", _LOWER, VALUES, mae, *_ERROR, aliases=("MeanAbsoluteError",)),
        Metric("mse", _LOWER, VALUES, mse, *_ERROR, aliases=("MeanSquaredError",)),
        Metric("rmse", _LOWER, VALUES, rmse, *_ERROR, aliases=("RootMeanSquaredError",)),
        Metric("mape", _LOWER, VALUES, mape, *_ERROR, aliases=("MeanAbsolutePercentageError",)),
        Metric("r2", _HIGHER, VALUES, r2, -math.inf, aliases=("r2_score", "CoefficientOfDetermination")),
    )
}
