"""How far apart a window and its reference are, from counts around the reference's edges or per category."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from shared.drift.profiles.counts import ColumnCounts, excess
from shared.drift.profiles.edges import DECILES
from shared.drift.profiles.reference import NumericColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray

# The least share a cell is given, so that the PSI's logarithm exists; it caps what an empty cell adds.
# Source: the same constant as in Evidently's calculation_psi.py, read 2026-11-20.
SMALLEST_SHARE = 1e-4


def kolmogorov_smirnov(reference: NumericColumn, window: ColumnCounts) -> tuple[float, float]:
    """Return the two-sample KS statistic and an upper bound of it; equal when the profile is exact.

    The first is the largest difference of the two distribution functions at, and just before, the profile's edges.
    Between two edges both are known only to rise from one count to the next, which gives the bound.

    Args:
        window: with numbers; infinities allowed. The reference must have finite values.
    """
    size = window.numbers
    # No finite value of the reference lies beyond its outermost edges, so what lies there are its infinities.
    below = np.array([0, *reference.below, reference.up_to[-1]]) / reference.present
    up_to = np.array([reference.below[0], *reference.up_to, reference.present]) / reference.present
    now_below = np.concatenate(([0], window.below, [size - window.positive_infinite])) / size
    now_up_to = np.concatenate(([window.negative_infinite], window.up_to, [size])) / size
    distance = float(max(np.abs(up_to - now_up_to).max(), np.abs(below - now_below).max()))
    if reference.is_exact:
        return distance, distance
    between = np.maximum(below[1:] - now_up_to[:-1], now_below[1:] - up_to[:-1]).max()
    return distance, max(distance, float(between))


def wasserstein(reference: NumericColumn, window: ColumnCounts) -> tuple[float, float] | None:
    """Return the first Wasserstein distance of the finite values and an upper bound of it, both divided by the
    reference's standard deviation; None when that is not positive, or the distance beyond what a double holds.

    Between two edges the values of both count as evenly spread; beyond the outermost ones the sum of the window's
    values is known exactly. Source: S. S. Vallender, Theory Probab. Appl. 18 (1974): the area between both
    distribution functions.
    """
    size = window.numbers - window.negative_infinite - window.positive_infinite
    old = reference.present - reference.infinite
    if not (reference.std and size and old):
        return None
    minus, now_minus = reference.below[0], window.negative_infinite
    old_start, old_end = (np.array(reference.up_to) - minus)[:-1] / old, (np.array(reference.below) - minus)[1:] / old
    now_start, now_end = (window.up_to - now_minus)[:-1] / size, (window.below - now_minus)[1:] / size
    with np.errstate(over="ignore", invalid="ignore"):
        width = np.diff(np.array(reference.edges))
        inner = float(np.sum(width * _area(old_start - now_start, old_end - now_end)))
        at_most = float(np.sum(width * np.maximum(old_end - now_start, now_end - old_start)))
    low = int(window.below[0]) - window.negative_infinite
    high = window.numbers - int(window.up_to[-1]) - window.positive_infinite
    tails = (
        excess(window.high_sum, high, reference.edges[-1]) - excess(window.low_sum, low, reference.edges[0])
    ) / size
    distance, bound = (inner + tails) / reference.std, (max(inner, at_most) + tails) / reference.std
    return (distance, bound) if math.isfinite(distance) else None


def _area(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean absolute value of lines from `start` to `end`."""
    total = np.abs(start) + np.abs(end)
    crossing = start * end < 0
    safe = np.where(total > 0, total, 1.0)
    return np.where(crossing, (start**2 + end**2) / (2 * safe), total / 2)


def decile_cells(reference: NumericColumn, window: ColumnCounts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the counts of both between the edges that are nearest to the reference's deciles."""
    up_to = np.array(reference.up_to)
    ranks = DECILES * reference.present
    upper = np.minimum(np.searchsorted(up_to, ranks), len(up_to) - 1)
    lower = np.maximum(upper - 1, 0)
    chosen = np.unique(np.where(ranks - up_to[lower] < up_to[upper] - ranks, lower, upper))
    # A border with nothing above or below it would make an empty cell, in which the PSI is only its least share.
    chosen = chosen[(up_to[chosen] > 0) & (up_to[chosen] < reference.present)]
    if not len(chosen):
        below, inside = np.array([reference.below[0], window.below[0]]), np.array([up_to[-1], window.up_to[-1]])
        cells = np.array([below, inside - below, np.array([reference.present, window.numbers]) - inside])
        return cells[:, 0].astype(np.float64), cells[:, 1].astype(np.float64)
    old = np.diff(np.concatenate(([0], up_to[chosen], [reference.present])))
    new = np.diff(np.concatenate(([0], window.up_to[chosen], [window.numbers])))
    return old.astype(np.float64), new.astype(np.float64)


def population_stability_index(reference: NDArray[np.float64], window: NDArray[np.float64]) -> float:
    """Return the PSI, 0 or more, of two arrays of counts over the same cells; each must have a positive sum.

    Source: N. Siddiqi, Credit Risk Scorecards (2006), p. 136. Shares below 1e-4 count as that.
    """
    p = np.maximum(reference / reference.sum(), SMALLEST_SHARE)
    q = np.maximum(window / window.sum(), SMALLEST_SHARE)
    return float(np.sum((q - p) * np.log(q / p)))


def jensen_shannon_divergence(reference: NDArray[np.float64], window: NDArray[np.float64]) -> float:
    """Return the divergence in bits, 0-1, of two arrays of counts over the same cells; each must have a positive sum.

    Its square root is the Jensen-Shannon distance to base 2, as Azure ML and NannyML report it.
    Source: J. Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37 (1991), eq. 4.2.
    """
    p = reference / reference.sum()
    q = window / window.sum()
    middle = (p + q) / 2
    return min(1.0, max(0.0, (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2))


def _relative_entropy(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    here = p > 0
    return float(np.sum(p[here] * np.log2(p[here] / q[here])))
