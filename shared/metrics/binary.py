"""The values of metrics of one score per row, against labels of two classes or numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from shared.metrics.catalogue import METRICS, VALUES

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Numbers = NDArray[np.float64]

# Probabilities are kept this far from 0 and 1, where the logarithm has no value. scikit-learn clips at the same
# place: sklearn.metrics.log_loss, float64 machine epsilon.
CLIP = float(np.finfo(np.float64).eps)


class MetricUndefinedError(ValueError):
    """The metric has no value on these rows (one class, no rows, NaN): neither good nor bad news."""


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
    if name not in _VALUES:
        raise ValueError(f"unknown metric {name!r}; known are {', '.join(sorted(_VALUES))}")
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
    if METRICS[name].needs != VALUES and not bool(np.isin(truth, (0.0, 1.0)).all()):
        raise ValueError(f"{name} needs labels 0 and 1; got {np.unique(truth)[:5].tolist()}")
    return _VALUES[name](truth, predicted, threshold)


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


_VALUES: dict[str, Callable[[Numbers, Numbers, float], float]] = {
    function.__name__: function
    for function in (roc_auc, pr_auc, accuracy, precision, recall, f1, log_loss, brier, mae, mse, rmse, mape, r2)
}
