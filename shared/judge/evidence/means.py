"""Is a mean above a bound? A t-type e-process on values, one per interval.

The values, less the bound, are taken as normal with unknown mean μ and unknown σ. With the right-Haar prior on σ the
likelihood ratio of μ/σ = δ to μ/σ = 0 is a martingale under μ = 0, whatever σ is, and for μ < 0 and δ > 0 it only
shrinks. It is averaged over δ > 0 with half-normal weights of several scales; the average has a closed form. With
S = Σx, Q = Σx², N = 1 + n·scale² it is

    2 · N^(−1/2) · (1 − scale²·S² / (N·Q))^(−n/2) · T_n(S·scale·√n / √(N·Q − scale²·S²))

where T_n is Student's distribution function with n degrees of freedom: the posterior chance of δ > 0.
Source: P. Grünwald, R. de Heide, W. Koolen, Safe Testing, JRSS-B 86 (2024), section 4.3; M. F. Pérez-Ortiz et
al., E-statistics, group invariance and anytime-valid testing, Annals of Statistics 52 (2024). The closed form is that
of the normal with conjugate priors, e.g. M. J. Bayarri et al., Annals of Statistics 40 (2012), section 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from shared.judge.evidence.staggered_starts import Starts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

# Effects in standard deviations of the values: from a faint, steady shift to a plain one.
SCALES = (1.0, 2.0)
# Keeps the arithmetic finite when all values are the same.
LEAST_SPREAD = 1e-12
# Below this a float loses its digits.
LEAST_TAIL = 1e-290


def paths_above(values: Numbers, bound: float, starts: Starts) -> Numbers:
    """Return ln of the e-value against "the mean is at most `bound`", as it stood after each interval.

    Args:
        values: one row per stream, one column per interval, oldest first. The result has the same shape.
    """
    shifted = values - bound
    return starts.combined(shifted.shape, lambda first: log_e(*cumulated(shifted[:, first:])))


def paths_below(values: Numbers, bound: float, starts: Starts) -> Numbers:
    """Return ln of the e-value against "the mean is at least `bound`", as it stood after each interval."""
    return paths_above(-values, -bound, starts)


def cumulated(values: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Return n, Σx and Σx² after each column, as `log_e` takes them."""
    counts = np.arange(1, values.shape[1] + 1, dtype=np.float64)
    return counts, np.cumsum(values, axis=1), np.cumsum(values * values, axis=1)


def log_e(counts: Numbers, sums: Numbers, squares: Numbers) -> Numbers:
    """Return ln of the e-value against "the mean is at most 0"; 0 for one value, or values that are all 0.

    Args:
        counts, sums, squares: n, Σx and Σx² of each set of values; broadcast together.
    """
    parts = []
    has_values = (counts >= 2) & (squares > 0)
    safe = np.where(has_values, squares, 1.0)
    share = np.where(has_values, np.minimum(sums * sums / (counts * safe), 1.0), 0.0)
    sign = np.sign(sums)
    for scale in SCALES:
        weighed = counts * scale * scale
        rest = np.maximum(1 - share * weighed / (1 + weighed), LEAST_SPREAD)
        parts.append(math.log(2) - 0.5 * np.log1p(weighed) + log_student(counts, rest, sign))
    return np.where(has_values, log_mean(parts), 0.0)


def log_mean(parts: Sequence[Numbers]) -> Numbers:
    """Return ln of the mean of e-values that are given by their logarithms."""
    logs = np.stack(parts)
    # Less the highest, so that no exponential overflows.
    highest = logs.max(axis=0)
    return np.asarray(highest + np.log(np.exp(logs - highest).mean(axis=0)))


def log_student(freedom: Numbers, rest: Numbers, sign: Numbers) -> Numbers:
    """Return ln of rest^(−n/2) · T_n(t), where n is the freedom, and t has the sign and t² = n · (1 − rest) / rest.

    Far on the negative side T_n is below the smallest float, while the power is beyond the largest. There the leading
    term of the tail is taken, z^(n/2) · (1 − z)^(−1/2) / (n · B(n/2, 1/2)) at z = n / (n + t²), which bounds it from
    above; z is `rest`, so that the powers cancel.
    Source: NIST Digital Library of Mathematical Functions, 8.17.8 (the incomplete beta function as a series).
    """
    from scipy.special import betaln, stdtr

    tail = stdtr(freedom, sign * np.sqrt(freedom * (1 - rest) / rest))
    is_computable = tail > LEAST_TAIL
    exact = np.log(np.where(is_computable, tail, 1.0)) - freedom / 2 * np.log(rest)
    far = -0.5 * np.log(np.maximum(1 - rest, LEAST_SPREAD)) - np.log(freedom) - betaln(freedom / 2, 0.5)
    return np.asarray(np.where(is_computable, exact, far))
