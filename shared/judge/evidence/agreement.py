"""How many intervals must agree before a version fails: a short disturbance is never enough.

What disturbs a version for a moment shows in a few minutes, whatever the number of requests in them.
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from shared.judge.evidence import means

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.judge.evidence.errors import Bound
    from shared.judge.evidence.staggered_starts import Starts

    Numbers = NDArray[np.float64]
    Truths = NDArray[np.bool_]

MINUTE = timedelta(minutes=1)
# The intervals must be as sure as this that errors are more frequent.
ENOUGH = math.log(8)
# No interval counts for more than so many standard deviations, and their variance is taken as this at least: a few
# intervals in which most requests fail do not stand for the others.
MOST_DEVIATIONS, LEAST_VARIANCE = 1.25, 0.5


def spanned(minutes: int, interval: timedelta, least: int = 2) -> int:
    """Return how many intervals these minutes are: one a minute at most, `least` where intervals are long."""
    return max(least, math.ceil(minutes * MINUTE / max(interval, MINUTE)))


def minutes_agree(counts: Numbers, bound: Bound, starts: Starts) -> Truths:
    """Return after each interval whether the intervals, one observation each, show more errors than the bound.

    Requests that fail together thus count once. By simulation of whole releases, half of one version's requests failing
    for two minutes an hour agrees in 0.2 %, for four minutes an hour in 2 %, and for ten every four hours in half.

    Args:
        counts: (streams, intervals, 4): requests and errors of the challenger, then of the champion.
    """
    deviations = _deviations(counts, bound)

    def log_e_since(first: int) -> Numbers:
        sizes, sums, squares = means.cumulated(deviations[:, first:])
        return means.log_e(sizes, sums, np.maximum(squares, sums * sums / sizes + LEAST_VARIANCE * sizes))

    return np.asarray(starts.combined(deviations.shape, log_e_since) >= ENOUGH)


def _deviations(counts: Numbers, bound: Bound) -> Numbers:
    """Return by how many standard deviations each interval's share of errors is beyond the bound; one error counts in
    full, however few requests there are."""
    n_c, k_c, n_b, k_b = np.moveaxis(counts, 2, 0)
    n_c, all_b = np.maximum(n_c, 1), np.cumsum(n_b, axis=1)
    tolerated = bound.ratio * (np.cumsum(k_b, axis=1) + 0.5) / (all_b + 1) + bound.offset
    room = np.clip(tolerated * (1 - tolerated), 1e-6, None)
    deviation = np.sqrt(room * (1 / n_c + bound.ratio**2 / np.maximum(n_b, 1)))
    more = k_c / n_c - bound.ratio * k_b / np.maximum(n_b, 1) - bound.offset
    return np.asarray(np.minimum(more / deviation, np.maximum(MOST_DEVIATIONS, 1 / (n_c * deviation))))
