"""Exact chances of a share in a window, given the one in a reference, when both are samples of one law.

All three are hypergeometric: given what both sides hold together, every split of it is equally likely. Exact rather
than normal, because the counts in question (blank texts, new values, outliers) are small.
"""

from __future__ import annotations


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
