"""What sampling alone would show: null quantiles, p-values, and their correction for many columns.

The null laws assume independent rows. Consecutive rows of live traffic are not independent, which is why a verdict
also needs an effect above a floor.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import chdtrc, chdtri, xlog1py, xlogy

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Cells expected to hold fewer rows are merged: below this the chi-square law no longer fits.
# Source: W. G. Cochran, Some methods for strengthening the common chi-square tests, Biometrics 10 (1954), p. 420.
SMALLEST_EXPECTED_COUNT = 5.0
# More categories than this with a smaller share of the reference than that are compared in so many groups.
MOST_SMALL, SMALL_SHARE, GROUPS = 500, 0.005, 100
_BITS = 8 * math.log(2)
# Up to here the exact law of the KS statistic costs little more than its series.
EXACT_UP_TO = 1000
SMALLEST_Z = 0.1  # a p-value of 1 to the last digit, and a series that needs no more
LARGEST_Z = 5.0
_TERMS = 40
POISSON_UP_TO = 30.0
_POISSON_COUNTS = 90  # beyond, a Poisson count of mean 30 has a probability below 1e-16


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
    terms = [
        float(at_odd.sum()) / z,
        float(np.sum((pi2 * odd - z2) * at_odd)) / (6 * z4),
        float(np.sum((6 * z6 + 2 * z4 + pi2 * (2 * z4 - 5 * z2) * odd + pi4 * (1 - 2 * z2) * odd**2) * at_odd))
        / (72 * z**7)
        - pi2 * float(np.sum(whole * at_whole)) / (36 * z**3),
        float(
            np.sum(
                (
                    -30 * z6
                    - 90 * z**8
                    + pi2 * (135 * z4 - 96 * z6) * odd
                    + pi4 * (212 * z4 - 60 * z2) * odd**2
                    + pi6 * (5 - 30 * z2) * odd**3
                )
                * at_odd
            )
        )
        / (6480 * z**10)
        + pi2 * float(np.sum((3 * z2 * whole - pi2 * whole**2) * at_whole)) / (216 * z6),
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
    gives. Rare cells stray from it; theirs is the sum over the counts that a Poisson law gives them, so that an
    effect does not depend on how many rows a window happens to have.
    """
    effective = _effective(float(reference.sum()), float(window.sum()))
    pooled = (reference + window) / (reference.sum() + window.sum())
    expected = pooled[pooled > 0] * effective
    per_cell = np.full(len(expected), 1 / _BITS)
    rare = expected < POISSON_UP_TO
    per_cell[rare] = _poisson_bias(expected[rare])
    return float(np.sum(per_cell * (1 - expected / effective)) / effective)


def _poisson_bias(expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean contribution of cells to the divergence, times the effective number of rows."""
    count = np.arange(_POISSON_COUNTS, dtype=np.float64)
    log_factorial = np.concatenate(([0.0], np.cumsum(np.log(count[1:]))))
    mean = expected[:, np.newaxis]
    probability = np.exp(xlogy(count, mean) - mean - log_factorial)
    # x log(2x / (x + y)) = x log1p((x - y) / (x + y)), which keeps its digits when x is near y.
    gap = (count - mean) / (count + mean)
    contribution = (xlog1py(mean, -gap) + xlog1py(count, gap)) / (2 * math.log(2))
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


def merge_rare_cells(
    reference: NDArray[np.float64], window: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both counts with the cells that are too rare to test merged into one last cell."""
    pooled = reference + window
    share = min(reference.sum(), window.sum()) / pooled.sum()
    rare = pooled * share < SMALLEST_EXPECTED_COUNT
    if not bool(rare.any()):
        return reference, window
    return (
        np.append(reference[~rare], reference[rare].sum()),
        np.append(window[~rare], window[rare].sum()),
    )


def group_small_categories(
    names: Sequence[str], reference: NDArray[np.float64], window: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both counts with small categories put together, where there are very many of them.

    Thousands of categories (aircraft, customers) come and go in bouts; each alone moves by more than chance, and
    together they would count as drift. Measured on flights: the 3,148 aircraft of January are at a distance of 0.22
    from those of February, though nothing changed but who flew when; in groups they are at 0.03. A group is made of
    names by their checksum, not by their frequency: those that were frequent are less so later, by that choice alone.

    Args:
        names: of the categories.
        reference: counts of the same, and at last one of all others; `window` likewise.
    """
    is_small = reference[:-1] < SMALL_SHARE * reference.sum()
    if int(is_small.sum()) <= MOST_SMALL or not window[:-1].any():
        return reference, window
    small = np.flatnonzero(is_small)
    groups = np.array([zlib.crc32(names[place].encode()) % GROUPS for place in small.tolist()])

    def grouped(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate((np.bincount(groups, weights=counts[small], minlength=GROUPS), counts[:-1][~is_small]))

    return grouped(reference), grouped(window)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return the adjusted p-values, in the given order; flagging those <= q bounds the false discovery rate by q.

    Source: Y. Benjamini and Y. Hochberg, J. R. Statist. Soc. B 57 (1995), p. 293.
    """
    count = len(p_values)
    adjusted = [1.0] * count
    smallest = 1.0
    for rank, position in sorted(enumerate(sorted(range(count), key=p_values.__getitem__), start=1), reverse=True):
        smallest = min(smallest, p_values[position] * count / rank)
        adjusted[position] = smallest
    return adjusted


def _effective(rows: float, other_rows: float) -> float:
    return rows * other_rows / (rows + other_rows)
