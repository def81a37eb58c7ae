"""How far apart two samples are, as effects between 0 and 1 that do not grow with the number of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shared.drift.profile import NumericColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray


def kolmogorov_smirnov(reference: NumericColumn, window: NDArray[np.float64]) -> tuple[float, float]:
    """Return the two-sample KS statistic and an upper bound of it; equal when the profile is exact.

    The first is the largest difference of the two distribution functions at, and just before, the profile's edges.
    Between two edges the reference is known only to rise from one count to the next, which gives the bound.

    Args:
        window: ascending, without NaN, not empty; infinities allowed. The reference must have finite values.
    """
    # No finite value of the reference lies beyond its outermost edges, so its infinities are known exactly, too.
    edges = np.array([-np.inf, *reference.edges, np.inf])
    ref_below = np.array([0, *reference.below, reference.up_to[-1]]) / reference.present
    ref_up_to = np.array([reference.below[0], *reference.up_to, reference.present]) / reference.present
    win_below = np.searchsorted(window, edges, side="left") / len(window)
    win_up_to = np.searchsorted(window, edges, side="right") / len(window)
    found = float(max(np.abs(ref_up_to - win_up_to).max(), np.abs(ref_below - win_below).max()))
    if reference.is_exact:
        return found, found
    between = np.maximum(ref_below[1:] - win_up_to[:-1], win_below[1:] - ref_up_to[:-1]).max()
    return found, max(found, float(between))


def jensen_shannon_divergence(reference: NDArray[np.float64], window: NDArray[np.float64]) -> float:
    """Return the divergence in bits, 0-1, of two arrays of counts over the same cells; each must have a positive sum.

    Its square root is the Jensen-Shannon distance to base 2, as Azure ML and NannyML report it.
    Source: J. Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37 (1991), eq. 4.2.
    """
    p = reference / reference.sum()
    q = window / window.sum()
    middle = (p + q) / 2
    return max(0.0, (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2)


def _relative_entropy(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    here = p > 0
    return float(np.sum(p[here] * np.log2(p[here] / q[here])))
