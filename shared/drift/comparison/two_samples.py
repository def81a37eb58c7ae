"""What a share in a window says against the one in a reference, when both are samples of one law: exact chances."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Further terms of a tail are below rounding.
_MOST_TERMS = 20_000


def chance_of_at_least(found: int, rows: int, found_before: int, rows_before: int) -> float:
    """Return the chance that so many, or more, of all that were found on both sides lie in the window.

    Given how many there are, each row is as likely to be one.
    Source: R. A. Fisher, The logic of inductive inference, J. R. Statist. Soc. 98 (1935), p. 39.
    """
    total = found + found_before
    count = np.arange(found, min(total, rows, found + _MOST_TERMS) + 1, dtype=np.float64)
    log_chance = (
        _log_ways(rows, count)
        + _log_ways(rows_before, total - count)
        - _log_ways(rows + rows_before, np.array(float(total)))
    )
    return float(min(1.0, np.exp(log_chance).sum()))


def chance_of_none(rows: int, found_before: int, rows_before: int) -> float:
    """Return the chance that the window has none of those that the reference has."""
    found = np.array(float(found_before))
    return math.exp(float(_log_ways(rows_before, found) - _log_ways(rows + rows_before, found)))


def chance_outside(found: int, rows: int, rows_before: int) -> float:
    """Return the chance that so many values of the window, or more, lie outside of what the reference holds.

    They are beta-binomial (rows, 2, rows_before - 1), about 2 / (rows_before + 1) of them, whatever the law; with tied
    values fewer. As any two neighbouring gaps between the reference's values are alike, it is the chance that of the
    first found + 1 of all values in order at most one is the reference's.
    Source: S. S. Wilks, Determination of sample sizes for setting tolerance limits, Ann. Math. Stat. 12 (1941), p. 91.
    """
    if found > rows:
        return 0.0
    first = np.array(found + 1.0)
    of_all = _log_ways(rows + rows_before, first)
    none = _log_ways(rows, first) - of_all
    one = math.log(rows_before) + _log_ways(rows, first - 1) - of_all
    return min(1.0, float(np.exp(none) + np.exp(one)))


def least_outside(chance: float, rows: int, rows_before: int) -> int:
    """Return from how many values outside on sampling explains them with at most this chance; rows + 1 if it always
    may."""
    low, high = 0, rows + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if chance_outside(middle, rows, rows_before) <= chance else (middle + 1, high)
    return low


def _log_ways(rows: int, chosen: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return log of rows over chosen, minus infinity where there is no way."""
    left = rows - chosen
    with np.errstate(invalid="ignore"):
        ways = gammaln(rows + 1) - gammaln(chosen + 1) - gammaln(np.maximum(left, 0) + 1)
    return np.asarray(np.where(left < 0, -np.inf, ways))
