"""Null quantiles, p-values, and their correction for many columns.

The null laws assume independent rows. Consecutive rows of live traffic are not independent, which is why a verdict
also needs an effect above a floor. `scipy.stats` takes half a second to import: it is imported where it is used.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc, chdtri, gammaln, xlog1py, xlogy

if TYPE_CHECKING:
    from numpy.typing import NDArray

_BITS = 8 * math.log(2)
# Up to here scipy's exact law costs little; of a million rows it takes 1.2 s per column, the series 0.1 ms.
EXACT_UP_TO = 1000
SMALLEST_Z = 0.1  # below, the p-value is 1 to the last digit, and the series would need more terms
LARGEST_Z = 5.0
_TERMS = 40
RARE_UP_TO = 30.0  # expected rows on the smaller side
_MOST_ROWS = 90  # beyond, so rare a cell has a probability below 1e-16


def kolmogorov_smirnov_p_value(statistic: float, rows: int, other_rows: int) -> float:
    """Return the probability of a two-sample KS at least this large when both come from one distribution.

    It is the finite-n law at n = rows * other / (rows + other), rounded, as scipy.stats.ks_2samp(method="asymp") takes
    it: scipy's own value up to n = 1,000; beyond, Pelz and Good's series, whose error is below 4e-8 there, below 1e-9
    from n = 10,000 on. (scipy's differs by 2 exp(-8 z**2), z = statistic * sqrt(n), where it doubles the one-sided
    law.) With tied values it is an upper bound.
    Source: R. Simard and P. L'Ecuyer, J. Stat. Softw. 39 (2011), no. 11, sections 2.5 and 3.
    """
    rounded = max(1, round(_effective(rows, other_rows)))

    if rounded > EXACT_UP_TO:
        return _pelz_good(statistic, rounded)
    from scipy import stats

    return float(min(1.0, max(0.0, stats.kstwo.sf(statistic, rounded))))  # type: ignore[attr-defined]


def _pelz_good(statistic: float, rows: int) -> float:
    """Return 1 - (K0 + K1 n**-1/2 + K2 n**-1 + K3 n**-3/2) at z = statistic * sqrt(n).

    Source: W. Pelz and I. J. Good, J. R. Statist. Soc. B 38 (1976), p. 152, in the form that Simard and L'Ecuyer
    (2011) give as eq. 7; beyond z = 5 only the law's first term is left.
    """
    z = statistic * math.sqrt(rows)
    if z < SMALLEST_Z:
        return 1.0
    if z > LARGEST_Z:
        return 2 * math.exp(-2 * z**2)
    z2, z4, z6 = z**2, z**4, z**6
    odd = (np.arange(_TERMS) + 0.5) ** 2
    whole = np.arange(1, _TERMS, dtype=np.float64) ** 2
    pi2, pi4, pi6 = math.pi**2, math.pi**4, math.pi**6
    at_odd, at_whole = np.exp(-pi2 * odd / (2 * z2)), np.exp(-pi2 * whole / (2 * z2))

    def odd_sum(*coefficients: float) -> float:
        """Return the sum of exponentials, each times the polynomial, lowest power first, of its odd square."""
        return float(np.sum(np.polynomial.polynomial.polyval(odd, coefficients) * at_odd))

    k2 = odd_sum(6 * z6 + 2 * z4, pi2 * (2 * z4 - 5 * z2), pi4 * (1 - 2 * z2))
    k3 = odd_sum(-30 * z6 - 90 * z**8, pi2 * (135 * z4 - 96 * z6), pi4 * (212 * z4 - 60 * z2), pi6 * (5 - 30 * z2))
    terms = [
        odd_sum(1.0) / z,
        odd_sum(-z2, pi2) / (6 * z4),
        k2 / (72 * z**7) - pi2 * float(np.sum(whole * at_whole)) / (36 * z**3),
        k3 / (6480 * z**10) + pi2 * float(np.sum((3 * z2 * whole - pi2 * whole**2) * at_whole)) / (216 * z6),
    ]
    likely = math.sqrt(2 * math.pi) * sum(term / math.sqrt(rows) ** power for power, term in enumerate(terms))
    return min(1.0, max(0.0, 1.0 - likely))


def kolmogorov_smirnov_null_quantile(probability: float, rows: int, other_rows: int) -> float:
    """Return the KS that sampling alone exceeds with about this probability.

    Source: the first term of Kolmogorov's series, sqrt(-ln(p / 2) / 2n); it is exact to 1e-4 for p <= .05.
    """
    return min(1.0, math.sqrt(-math.log(probability / 2) / (2 * _effective(rows, other_rows))))


def jensen_shannon_bias(reference: NDArray[np.float64], window: NDArray[np.float64]) -> float:
    """Return the divergence, in bits, that sampling alone shows on average between two such arrays of counts.

    In a well-filled cell it is (1/n + 1/m) / (8 ln 2), the mean of the chi-square law that a second-order expansion
    gives. It does not hold for rare cells; theirs is the mean over all splits of a cell's rows between the sides, so
    that an effect depends neither on how many rows a window happens to have, nor on how many values it happens to hold.
    """
    sizes = float(reference.sum()), float(window.sum())
    pooled = (reference + window)[reference + window > 0]
    effective = _effective(*sizes)
    is_rare = pooled * effective / sum(sizes) < RARE_UP_TO
    filled = float(np.sum(1 - pooled[~is_rare] / sum(sizes))) / (_BITS * effective)
    totals, cells = np.unique(pooled[is_rare], return_counts=True)
    return filled + float(np.sum(cells * _rare_bias(totals, *sizes)))


def _rare_bias(totals: NDArray[np.float64], size: float, other_size: float) -> NDArray[np.float64]:
    """Return the mean contribution to the divergence of cells with so many rows on both sides together."""
    fewer, more = sorted((size, other_size))
    share = fewer / (fewer + more)
    here = np.arange(_MOST_ROWS, dtype=np.float64)
    there = totals[:, np.newaxis] - here
    possible = there >= 0
    there = np.maximum(there, 0.0)
    log_ways = gammaln(totals + 1)[:, np.newaxis] - gammaln(here + 1) - gammaln(there + 1)
    probability = np.where(possible, np.exp(log_ways + xlogy(here, share) + xlog1py(there, -share)), 0.0)
    x, y = here / fewer, there / more
    total = np.maximum(x + y, np.finfo(np.float64).tiny)
    # x log(2x / (x + y)) = x log1p((x - y) / (x + y)), which keeps its digits when x is near y.
    contribution = (xlog1py(x, (x - y) / total) + xlog1py(y, (y - x) / total)) / (2 * math.log(2))
    bias: NDArray[np.float64] = np.sum(probability * contribution, axis=1)
    return bias


def jensen_shannon_null_quantile(probability: float, cells: int, rows: int, other_rows: int) -> float:
    """Return the bias-corrected JS distance (base 2) that sampling alone exceeds with about this probability.

    Source: a second-order expansion gives divergence ~ chi2(cells - 1) * (1/n + 1/m) / (8 ln 2).
    """
    if cells < 2:
        return 0.0
    beyond = float(chdtri(cells - 1, probability)) - (cells - 1)
    return math.sqrt(min(1.0, max(0.0, beyond / _effective(rows, other_rows) / _BITS)))


def chi_square_p_value(reference: NDArray[np.float64], window: NDArray[np.float64]) -> float:
    """Return the p-value of the two-sample chi-square test on counts over the same cells, without correction.

    1.0 when fewer than two cells hold rows, or one sample is empty: there is nothing to tell apart.
    """
    pooled = reference + window
    used = pooled > 0
    cells, total = int(used.sum()), float(pooled.sum())
    if cells < 2 or reference.sum() == 0 or window.sum() == 0:
        return 1.0
    statistic = 0.0
    for counts in (reference[used], window[used]):
        expected = pooled[used] * (counts.sum() / total)
        statistic += float(np.sum((counts - expected) ** 2 / expected))
    return float(chdtrc(cells - 1, statistic))


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return the adjusted p-values, in the given order; flagging those <= q bounds the false discovery rate by q.

    Source: Y. Benjamini and Y. Hochberg, J. R. Statist. Soc. B 57 (1995), p. 293.
    """
    from scipy.stats import false_discovery_control

    adjusted: list[float] = false_discovery_control(p_values, method="bh").tolist()
    return adjusted


def _effective(rows: float, other_rows: float) -> float:
    return rows * other_rows / (rows + other_rows)


# Exact chances of a share in a window, given the one in a reference: of what both sides hold together, every split is
# equally likely. Not normal, because the counts in question (blank texts, new values, outliers) are small.


def chance_of_at_least(count: int, rows: int, reference_count: int, reference_rows: int) -> float:
    """Return the chance that so many, or more, of all that were found on both sides lie in the window.

    Given how many there are, each row is as likely to be one.
    Source: R. A. Fisher, The logic of inductive inference, J. R. Statist. Soc. 98 (1935), p. 39.
    """
    from scipy.stats import hypergeom  # type: ignore[attr-defined]

    return float(hypergeom.sf(count - 1, rows + reference_rows, count + reference_count, rows))


def chance_of_none(rows: int, reference_count: int, reference_rows: int) -> float:
    """Return the chance that the window has none of those that the reference has."""
    from scipy.stats import hypergeom  # type: ignore[attr-defined]

    return float(hypergeom.pmf(0, rows + reference_rows, reference_count, rows))


def chance_outside(count: int, rows: int, reference_rows: int) -> float:
    """Return the chance that so many values of the window, or more, lie outside of what the reference holds.

    They are beta-binomial (rows, 2, reference_rows - 1), about 2 / (reference_rows + 1) of them, whatever the law; with
    tied values fewer. As any two neighbouring gaps between the reference's values are alike, it is the chance that of
    the first count + 1 of all values in order at most one is the reference's.
    Source: S. S. Wilks, Determination of sample sizes for setting tolerance limits, Ann. Math. Stat. 12 (1941), p. 91.
    """
    from scipy.stats import hypergeom  # type: ignore[attr-defined]

    return 0.0 if count > rows else float(hypergeom.cdf(1, rows + reference_rows, reference_rows, count + 1))


def least_outside(chance: float, rows: int, reference_rows: int) -> int:
    """Return from how many values outside on sampling explains them with at most this chance; rows + 1 if it always
    may."""
    low, high = 0, rows + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if chance_outside(middle, rows, reference_rows) <= chance else (middle + 1, high)
    return low
