"""Did the mean prediction move? Two tests of the same predictions, which must agree.

The test on the intervals' means, one observation each, is valid when predictions of one minute resemble each other, but
not when they are rare and skewed. The test on all predictions is valid when they are skewed, but not when they resemble
each other. What both call a shift is one.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from shared.judge.evidence import means
from shared.judge.evidence.quality import log_e_of_means
from shared.judge.evidence.staggered_starts import ONE_START, Starts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]


def shift_by_interval(moments: Numbers, bound: float, starts: Starts) -> Numbers:
    """Return ln of the e-value against "the means moved by at most the bound, either way", after each interval.

    Args:
        moments: (streams, intervals, 6): count, mean and variance of the challenger's predictions, then the champion's.
    """
    moved = moments[..., 1] - moments[..., 4]
    return _either(means.paths_above(moved, bound, starts), means.paths_below(moved, -bound, starts))


def shift_within(moments: Numbers, bound: float) -> Numbers:
    """Return ln of the e-value against "they moved by more than the bound", likewise.

    The smaller of two: the shift must be shown to be below the bound and above its negative.
    """
    moved = moments[..., 1] - moments[..., 4]
    return np.minimum(means.paths_below(moved, bound, ONE_START), means.paths_above(moved, -bound, ONE_START))


def shift_by_prediction(moments: Numbers, bound: float, starts: Starts) -> Numbers:
    """Return the same as `shift_by_interval` by all predictions since each start."""

    def log_e_since(first: int) -> Numbers:
        challenger, champion = (_totals(moments[:, first:, side]) for side in (slice(0, 3), slice(3, 6)))
        above, _ = log_e_of_means(challenger, champion, bound)
        below, _ = log_e_of_means(champion, challenger, bound)
        return _either(above, below)

    return starts.combined(moments.shape[:2], log_e_since)


def _either(above: Numbers, below: Numbers) -> Numbers:
    """Return the mean of two e-values, which is one."""
    return np.asarray(np.logaddexp(above, below) - math.log(2))


def _totals(parts: Numbers) -> Numbers:
    """Return count, mean and variance of all predictions so far, from those of each interval."""
    counts, averages, variances = np.moveaxis(parts, 2, 0)
    total = np.cumsum(counts, axis=1)
    # Around the first mean, so that the squares of large numbers do not swallow their differences.
    centred = averages - averages[:, :1]
    mean = np.cumsum(counts * centred, axis=1) / total
    square = np.cumsum(counts * (variances + centred * centred), axis=1) / total
    spread = np.maximum(square - mean * mean, 0.0) * total / np.maximum(total - 1, 1)
    return np.stack([total, mean + averages[:, :1], spread], axis=-1)
