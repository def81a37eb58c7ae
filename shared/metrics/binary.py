"""Metrics of one score per row against labels of two classes; for some, a probability may stand for a label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

# Probabilities are kept this far from 0 and 1, where the logarithm has no value. scikit-learn clips at the same
# place: sklearn.metrics.log_loss, float64 machine epsilon.
CLIP = float(np.finfo(np.float64).eps)


class MetricUndefinedError(ValueError):
    """The metric has no value on these rows (one class, no rows, NaN): neither good nor bad news."""


def roc_auc(labels: Numbers, scores: Numbers) -> float:
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


def pr_auc(labels: Numbers, scores: Numbers) -> float:
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


def _counts(labels: Numbers, scores: Numbers, threshold: float) -> tuple[float, float, float]:
    """Return true positives, predicted positives and positives; of probabilities as labels, the expected ones."""
    flagged = scores >= threshold
    return float(labels[flagged].sum()), float(flagged.sum()), float(labels.sum())
