"""Metrics of scored, labelled rows: what gates and monitors compare, and which direction is good."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Numbers = NDArray[np.float64]

# Probabilities are kept this far from 0 and 1, where the logarithm has no value. scikit-learn clips at the same
# place: sklearn.metrics.log_loss, float64 machine epsilon.
_CLIP = float(np.finfo(np.float64).eps)


class MetricUndefinedError(ValueError):
    """The metric has no value on these rows (one class, no rows, NaN): neither good nor bad news."""


class Direction(StrEnum):
    HIGHER_IS_BETTER = "higher is better"
    LOWER_IS_BETTER = "lower is better"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `needs` says what the scores must be: any ranking, probabilities, or values in the label's unit."""

    name: str
    direction: Direction
    needs: str
    compute: Callable[[Numbers, Numbers, float], float]

    def is_better(self, value: float, than: float) -> bool:
        """Return whether `value` is strictly better; never for NaN."""
        return value > than if self.direction is Direction.HIGHER_IS_BETTER else value < than


def measure_metric(name: str, labels: ArrayLike, scores: ArrayLike, threshold: float = 0.5) -> float:
    """Return the metric of one score per label.

    Args:
        labels: 0 or 1 for classification metrics, any number for mae and rmse.
        scores: see `Metric.needs`.
        threshold: a score of at least this counts as 1, where a metric needs classes.

    Raises:
        MetricUndefinedError: no rows, NaN or infinite values, a single class where two are needed, or nothing
            predicted positive where precision needs it.
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
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if positives == 0 or negatives == 0:
        raise MetricUndefinedError(f"roc_auc has no value: all {len(labels)} labels are {int(labels[0])}")
    _, group, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(sizes) - (sizes - 1) / 2  # the mean rank of each group of ties, from 1
    rank_sum = float(ranks[group][labels == 1].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)


def accuracy(labels: Numbers, scores: Numbers, threshold: float = 0.5) -> float:
    return float(np.mean((scores >= threshold) == (labels == 1)))


def precision(labels: Numbers, scores: Numbers, threshold: float = 0.5) -> float:
    hits, flagged, _ = _counts(labels, scores, threshold)
    if flagged == 0:
        raise MetricUndefinedError(f"precision has no value: no score reaches {threshold:g}")
    return hits / flagged


def recall(labels: Numbers, scores: Numbers, threshold: float = 0.5) -> float:
    hits, _, positives = _counts(labels, scores, threshold)
    if positives == 0:
        raise MetricUndefinedError("recall has no value: no label is 1")
    return hits / positives


def f1(labels: Numbers, scores: Numbers, threshold: float = 0.5) -> float:
    hits, flagged, positives = _counts(labels, scores, threshold)
    if flagged + positives == 0:
        raise MetricUndefinedError(f"f1 has no value: no label is 1 and no score reaches {threshold:g}")
    return 2 * hits / (flagged + positives)


def log_loss(labels: Numbers, scores: Numbers, _threshold: float = 0.5) -> float:
    """Return the mean negative log likelihood, in nats."""
    if bool(((scores < 0) | (scores > 1)).any()):
        raise ValueError(f"log_loss needs probabilities 0-1; got {scores.min():g} to {scores.max():g}")
    clipped = np.clip(scores, _CLIP, 1 - _CLIP)
    return float(-np.mean(np.where(labels == 1, np.log(clipped), np.log1p(-clipped))))


def mae(labels: Numbers, scores: Numbers, _threshold: float = 0.5) -> float:
    return float(np.mean(np.abs(labels - scores)))


def rmse(labels: Numbers, scores: Numbers, _threshold: float = 0.5) -> float:
    return math.sqrt(float(np.mean((labels - scores) ** 2)))


def _counts(labels: Numbers, scores: Numbers, threshold: float) -> tuple[int, int, int]:
    """Return true positives, predicted positives and positives."""
    flagged = scores >= threshold
    return int(np.sum(flagged & (labels == 1))), int(flagged.sum()), int(labels.sum())


RANKING, CLASSES, PROBABILITIES, VALUES = "any ranking", "a score to cut", "probabilities", "values"

METRICS = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", Direction.HIGHER_IS_BETTER, RANKING, roc_auc),
        Metric("accuracy", Direction.HIGHER_IS_BETTER, CLASSES, accuracy),
        Metric("precision", Direction.HIGHER_IS_BETTER, CLASSES, precision),
        Metric("recall", Direction.HIGHER_IS_BETTER, CLASSES, recall),
        Metric("f1", Direction.HIGHER_IS_BETTER, CLASSES, f1),
        Metric("log_loss", Direction.LOWER_IS_BETTER, PROBABILITIES, log_loss),
        Metric("mae", Direction.LOWER_IS_BETTER, VALUES, mae),
        Metric("rmse", Direction.LOWER_IS_BETTER, VALUES, rmse),
    )
}
