"""Metrics without labels: scores become probabilities by what the labels of a reference say, and those a metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shared.metrics.binary import CLIP, MetricUndefinedError, f1, precision, recall

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """A rising curve through (score, probability), straight between the points and level beyond the outermost."""

    scores: tuple[float, ...]
    probabilities: tuple[float, ...]

    def at(self, scores: Numbers) -> Numbers:
        return np.interp(scores, self.scores, self.probabilities)

    def outside(self, scores: Numbers) -> float:
        """Return the share of scores beyond what the curve was made from, 0-1."""
        return float(np.mean((scores < self.scores[0]) | (scores > self.scores[-1])))


def isotonic_curve(scores: Numbers, labels: Numbers) -> Curve:
    """Return the rising curve that is closest to the labels in squares; scores alike count as one point.

    Source: pool adjacent violators, as scipy.optimize.isotonic_regression; the curve between the points is
    scikit-learn's IsotonicRegression(out_of_bounds="clip").

    Args:
        scores: finite, at least one.
        labels: 0 or 1, as many.
    """
    from scipy.optimize import isotonic_regression  # type: ignore[attr-defined]

    points, group, sizes = np.unique(scores, return_inverse=True, return_counts=True)
    means = np.bincount(group, weights=labels) / sizes
    fitted = np.clip(isotonic_regression(means, weights=sizes).x, 0.0, 1.0)
    # Within a level stretch only its ends matter.
    is_corner = np.ones(len(fitted), dtype=bool)
    is_corner[1:-1] = (fitted[1:-1] != fitted[:-2]) | (fitted[1:-1] != fitted[2:])
    return Curve(tuple(points[is_corner].tolist()), tuple(fitted[is_corner].tolist()))


def expected_metric(name: str, scores: Numbers, probabilities: Numbers, threshold: float = 0.5) -> float:
    """Return the metric on these scores if each row's label is 1 with its probability.

    Ratios are ratios of expected counts, which is their expectation but for a term of the order of 1/rows.
    Source: the confidence-based performance estimation of NannyML, cbpe.py of 0.13.1, read 2026-11-20; ties of
    scores count half here, there their order decides.

    Raises:
        MetricUndefinedError: there are no rows, or nothing is expected to be positive (or predicted so).
        ValueError: a metric that cannot be expected this way.
    """
    if name not in EXPECTED:
        raise ValueError(f"{name} cannot be estimated without labels; these can: {', '.join(sorted(EXPECTED))}")
    if len(scores) == 0:
        raise MetricUndefinedError(f"{name} has no value: there are no rows")
    value = EXPECTED[name](probabilities, scores, threshold)
    if not np.isfinite(value):
        raise MetricUndefinedError(
            f"{name} has no value: nothing is expected, or predicted, to be positive or negative"
        )
    return value


def _accuracy(probabilities: Numbers, scores: Numbers, threshold: float) -> float:
    return float(np.mean(np.where(scores >= threshold, probabilities, 1 - probabilities)))


def _roc_auc(probabilities: Numbers, scores: Numbers, _threshold: float) -> float:
    _, group = np.unique(scores, return_inverse=True)
    positives = np.bincount(group, weights=probabilities)
    negatives = np.bincount(group, weights=1 - probabilities)
    if min(positives.sum(), negatives.sum()) <= 0:
        return np.nan
    below = np.cumsum(negatives) - negatives / 2
    return float(np.sum(positives * below) / positives.sum() / negatives.sum())


def _pr_auc(probabilities: Numbers, scores: Numbers, _threshold: float) -> float:
    _, group, sizes = np.unique(-scores, return_inverse=True, return_counts=True)
    hits = np.cumsum(np.bincount(group, weights=probabilities))
    if hits[-1] <= 0:
        return np.nan
    return float(np.sum(np.diff(hits, prepend=0.0) * hits / np.cumsum(sizes)) / hits[-1])


def _brier(probabilities: Numbers, scores: Numbers, _threshold: float) -> float:
    return float(np.mean(probabilities * (1 - scores) ** 2 + (1 - probabilities) * scores**2))


def _log_loss(probabilities: Numbers, scores: Numbers, _threshold: float) -> float:
    clipped = np.clip(scores, CLIP, 1 - CLIP)
    return float(-np.mean(probabilities * np.log(clipped) + (1 - probabilities) * np.log1p(-clipped)))


# Ratios of counts take a probability as they take a label: as that much of a positive row.
EXPECTED: Mapping[str, Callable[[Numbers, Numbers, float], float]] = {
    "accuracy": _accuracy,
    "brier": _brier,
    "f1": f1,
    "log_loss": _log_loss,
    "pr_auc": _pr_auc,
    "precision": precision,
    "recall": recall,
    "roc_auc": _roc_auc,
}
