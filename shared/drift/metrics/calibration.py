"""Scores turned into probabilities, by what the labels of a reference say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

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
