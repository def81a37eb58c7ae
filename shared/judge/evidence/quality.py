"""Are the challenger's answers worse? An e-process on labelled rows, in whatever order their labels arrive.

Only how many rows each version has, their mean and their variance go in, so that late labels need no memory of earlier
looks. With the gap d of the means less the tolerance, and its squared standard error v, d/v moves like a Brownian
motion with a drift of the true gap, in the time 1/v: means of independent rows have independent increments, however
unevenly the rows arrive. Its likelihood ratio against "no drift", averaged over positive drifts with half-normal
weights of several scales, is the e-process, as for the means of shared/judge/evidence/means.py:

    2 · N^(−1/2) · exp(z² · (N − 1) / (2N)) · Φ(z · √((N − 1) / N)),    z = d / √v,  N = 1 + scale² · n

n is the harmonic sum of the rows, and scales are in standard deviations of a row. Of right and wrong answers, z is the
signed root of the likelihood ratio against the nearest tolerated shares. Of other values it is a t, for which the
exponential becomes a power of Student's density; either version's variance counts as no less than the pooled one, since
few skewed rows often show too little of it.
Source: C. Jennison and B. Turnbull, Group Sequential Methods (1999), section 11.3 (the increments); H. Robbins, Annals
of Mathematical Statistics 41 (1970) (the mixture); I. Waudby-Smith et al., Time-uniform central limit theory and
asymptotic confidence sequences, Annals of Statistics 52 (2024) (that it holds for large samples of other laws).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from shared.judge.evidence.errors import Bound, nearest_in_null
from shared.judge.evidence.means import log_mean, log_student

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

# Gaps in standard deviations of a row: from a faint to a plain one.
SCALES = (0.03, 0.1, 0.3)
# With fewer rows of either version there is no evidence: the normal approximation is not good enough.
FEWEST_ROWS = 50
_INSIDE = 1e-9
_LEAST = 1e-300


def log_e_of_shares(counts: Numbers, tolerance: float) -> tuple[Numbers, Numbers]:
    """Return ln of the e-values against "within the tolerance" and "beyond it".

    Args:
        counts: (streams, looks, 4): rows and wrong answers of the challenger, then of the champion, so far.
        tolerance: difference of the shares of wrong answers, 0 to 1.
    """
    n_c, k_c, n_b, k_b = np.moveaxis(counts, 2, 0)
    z = _root(n_c, k_c, n_b, k_b, tolerance)
    return tuple(_zero_if_few(_log_e_of_normal(root, n_c, n_b), n_c, n_b) for root in (z, -z))  # type: ignore[return-value]


def log_e_of_means(challenger: Numbers, champion: Numbers, tolerance: float) -> tuple[Numbers, Numbers]:
    """Return the same for values of which less is better.

    Args:
        challenger, champion: (streams, looks, 3): rows, mean and variance so far.
        tolerance: of the difference of means.
    """
    (n_c, mean_c, var_c), (n_b, mean_b, var_b) = (np.moveaxis(arm, 2, 0) for arm in (challenger, champion))
    pooled = ((n_c - 1) * var_c + (n_b - 1) * var_b) / np.maximum(n_c + n_b - 2, 1)
    v_c, v_b = np.maximum(var_c, pooled) / n_c, np.maximum(var_b, pooled) / n_b
    error = np.maximum(v_c + v_b, _LEAST)
    # Welch and Satterthwaite's degrees of freedom.
    freedom = error**2 / np.maximum(v_c**2 / np.maximum(n_c - 1, 1) + v_b**2 / np.maximum(n_b - 1, 1), _LEAST)
    freedom = np.maximum(freedom, 1.0)
    t = np.where(pooled > 0, (mean_c - mean_b - tolerance) / np.sqrt(error), 0.0)
    return tuple(_zero_if_few(_log_e_of_t(statistic, freedom, n_c, n_b), n_c, n_b) for statistic in (t, -t))  # type: ignore[return-value]


def _root(n_c: Numbers, k_c: Numbers, n_b: Numbers, k_b: Numbers, tolerance: float) -> Numbers:
    """Return the signed root of twice the log likelihood ratio against the nearest point of the tolerance's edge."""
    from scipy.special import xlogy

    p_c, p_b = k_c / np.maximum(n_c, 1), k_b / np.maximum(n_b, 1)
    inside = [np.clip(share, _INSIDE, 1 - _INSIDE) for share in (p_c, p_b)]
    null_b = np.clip(nearest_in_null(inside[0], inside[1], n_c, n_b, Bound(1.0, tolerance)), _INSIDE, 1 - _INSIDE)
    null_c = np.clip(null_b + tolerance, _INSIDE, 1 - _INSIDE)
    ratio = np.zeros_like(n_c)
    for rows, share, null in ((n_c, p_c, null_c), (n_b, p_b, null_b)):
        ratio = ratio + rows * (xlogy(share, share / null) + xlogy(1 - share, (1 - share) / (1 - null)))
    return np.asarray(np.sign(p_c - p_b - tolerance) * np.sqrt(2 * np.maximum(ratio, 0.0)))


def _log_e_of_normal(z: Numbers, n_c: Numbers, n_b: Numbers) -> Numbers:
    from scipy.special import log_ndtr

    logs = []
    for scale in SCALES:
        spread = scale * scale * _harmonic(n_c, n_b)
        weight = spread / (1 + spread)
        logs.append(math.log(2) - 0.5 * np.log1p(spread) + z * z * weight / 2 + log_ndtr(z * np.sqrt(weight)))
    return log_mean(logs)


def _log_e_of_t(t: Numbers, freedom: Numbers, n_c: Numbers, n_b: Numbers) -> Numbers:
    share, rows = t * t / (freedom + t * t), freedom + 1
    logs = []
    for scale in SCALES:
        spread = scale * scale * _harmonic(n_c, n_b)
        rest = 1 - share * spread / (1 + spread)
        logs.append(math.log(2) - 0.5 * np.log1p(spread) + log_student(rows, rest, np.sign(t)))
    return log_mean(logs)


def _harmonic(n_c: Numbers, n_b: Numbers) -> Numbers:
    return np.asarray(1 / (1 / np.maximum(n_c, 1) + 1 / np.maximum(n_b, 1)))


def _zero_if_few(logs: Numbers, n_c: Numbers, n_b: Numbers) -> Numbers:
    """Return the paths, 0 where there are too few rows: leaving a look out never adds to the chance of an error."""
    return np.where((n_c >= FEWEST_ROWS) & (n_b >= FEWEST_ROWS), logs, 0.0)
