"""The values of a column of categories on both sides: what to compare, and whether new ones are more than chance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shared.drift.profiles.counts import ColumnCounts, checksum
from shared.drift.profiles.reference import CategoricalColumn

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Cells = tuple[NDArray[np.float64], NDArray[np.float64]]

# Cells expected to hold fewer rows are put together: below this the chi-square law no longer fits.
# Source: W. G. Cochran, Some methods for strengthening the common chi-square tests, Biometrics 10 (1954), p. 420.
SMALLEST_EXPECTED_COUNT = 5.0
# Where more than so many cells are below the second bound, it is the bound: their many small errors add up.
MOST_SMALL, SMALLEST_OF_MANY = 500, 20.0
# More than `MOST_SMALL` values with less than this share of the rows are put together whatever their counts.
SMALL_SHARE = 0.005
MOST_GROUPS, ROWS_PER_GROUP = 100, 20.0
# New values count beyond so many times the expected share of rows, but from the first bound on, and from `min_effect`
# on at the latest: where new values keep coming (aircraft, customers), some more of them do not matter.
TIMES_EXPECTED, NEW_SHARE = 5.0, 0.02
# A single new value counts beyond this share of rows.
ONE_NEW_SHARE = 0.01
# The chance that sampling alone makes new values of one column count.
CHANCE, DEVIATIONS = 0.001, 3.09
EXAMPLES = 3


@dataclass(frozen=True, slots=True, eq=False)
class PairedCounts:
    """Rows per value of either side, those of the reference first; then the rows whose values were not stored."""

    names: list[str]
    old: NDArray[np.float64]
    new: NDArray[np.float64]
    old_rest: int
    new_rest: int

    @property
    def sizes(self) -> tuple[float, float]:
        return float(self.old.sum()) + self.old_rest, float(self.new.sum()) + self.new_rest


@dataclass(frozen=True, slots=True)
class NewValues:
    """Values that the reference never had: the share of rows, 0-1, the share to expect after the reference, the most
    frequent of them, and whether they are more than sampling explains."""

    share: float
    expected: float
    examples: tuple[str, ...]
    is_drift: bool

    @property
    def excess(self) -> float:
        return max(0.0, self.share - self.expected)


def paired(reference: CategoricalColumn, window: ColumnCounts) -> PairedCounts:
    """Return the counts of both sides, value by value."""
    names = [*(name for name, _ in reference.categories), *window.unseen_values]
    old = np.zeros(len(names))
    old[: len(reference.categories)] = [count for _, count in reference.categories]
    unseen = np.fromiter(window.unseen_values.values(), dtype=np.float64, count=len(window.unseen_values))
    new = np.concatenate((window.known.astype(np.float64), unseen))
    return PairedCounts(names, old, new, reference.other, window.unseen - int(unseen.sum()))


def cells(counts: PairedCounts) -> Cells:
    """Return both sides' counts over the cells to take a distance of: value by value, very many small ones in groups.

    Thousands of values (aircraft, customers) come and go in bouts; each alone moves by more than chance, and together
    they would count as drift. Measured on flights: the 3,148 aircraft of January are at a distance of 0.22 from those
    of February, though nothing changed but who flew when; in groups they are at 0.03.
    """
    return _grouped(counts, _many_small(counts))


def filled_cells(counts: PairedCounts) -> Cells:
    """Return both sides' counts over cells that the chi-square law fits: `cells`, with the rare ones in groups, too."""
    expected = _expected(counts)
    is_rare = _many_small(counts) | (expected < SMALLEST_EXPECTED_COUNT)
    is_few = expected < SMALLEST_OF_MANY
    return _grouped(counts, is_rare | is_few if np.count_nonzero(is_few) > MOST_SMALL else is_rare)


def _expected(counts: PairedCounts) -> NDArray[np.float64]:
    """Return the rows to expect of each value on the smaller side."""
    sizes = counts.sizes
    return np.asarray((counts.old + counts.new) * (min(sizes) / sum(sizes)))


def _many_small(counts: PairedCounts) -> NDArray[np.bool_]:
    is_small: NDArray[np.bool_] = counts.old + counts.new < SMALL_SHARE * sum(counts.sizes)
    return is_small if np.count_nonzero(is_small) > MOST_SMALL else np.zeros(len(is_small), dtype=np.bool_)


def _grouped(counts: PairedCounts, chosen: NDArray[np.bool_]) -> Cells:
    """Return the counts with the chosen values, and those that were not stored, in groups of about 20 expected rows.

    They are chosen by both sides together, so that no side is favoured: what is rare in the reference alone would be
    less rare in any window, and what only the window has would have no cell. A name's group follows from its checksum,
    which is independent of how frequent it is.
    """
    if not (chosen.any() or counts.old_rest or counts.new_rest):
        return counts.old, counts.new
    # Values that were not stored were rare, and have no names to be grouped by.
    is_one = counts.old_rest or counts.new_rest
    groups = 1 if is_one else int(np.clip(_expected(counts)[chosen].sum() // ROWS_PER_GROUP, 1, MOST_GROUPS))
    places = np.array([checksum(counts.names[position]) % groups for position in np.flatnonzero(chosen)], dtype=np.intp)

    def grouped(side: NDArray[np.float64], rest: int) -> NDArray[np.float64]:
        together = np.bincount(places, weights=side[chosen], minlength=groups)
        together[0] += rest
        return np.concatenate((side[~chosen], together))

    return grouped(counts.old, counts.old_rest), grouped(counts.new, counts.new_rest)


def new_values(counts: PairedCounts, min_effect: float) -> NewValues:
    """Return whether the window's new values are more than two samples of one law show.

    What is reported as expected is Good and Turing's estimate, the share of the reference's rows whose value occurs
    but once there. Source: I. J. Good, The population frequencies of species, Biometrika 40 (1953), p. 237.

    Args:
        min_effect: the smallest effect that matters, here the largest excess that is tolerated, as a share of rows.
    """
    reference_rows, rows = counts.sizes
    is_new = (counts.old == 0) & (counts.new > 0)
    total = float(counts.new[is_new].sum()) + counts.new_rest
    if not total:
        return NewValues(0.0, 0.0, (), is_drift=False)
    mean, deviation = _new_rows_by_chance(counts, is_new, total)
    # Values of the reference that were not stored may be among the window's: taken to be as frequent as there.
    forgotten = counts.old_rest / reference_rows
    excess = (total - mean) / rows - forgotten
    expected = np.count_nonzero(counts.old == 1) / reference_rows
    at_most = max(NEW_SHARE, min(TIMES_EXPECTED * expected, min_effect))
    largest = float(counts.new[is_new].max(initial=0.0))
    # A few frequent values make a tail longer than a normal one: Bernstein's bound adds a term for the largest.
    # Source: Bernstein's inequality, in G. Bennett, J. Am. Stat. Assoc. 57 (1962), eq. 8.
    by_chance = DEVIATIONS * deviation + largest * DEVIATIONS**2 / 6
    is_drift = excess > at_most and excess * rows > by_chance
    # One frequent new value is tested by itself, since the sum over all values has too little power for it. Where the
    # reference has values that were not stored, it may be one of them.
    if not counts.old_rest and largest >= ONE_NEW_SHARE * rows:
        as_frequent = np.count_nonzero(counts.old + counts.new >= largest)
        is_drift = is_drift or as_frequent * (rows / (reference_rows + rows)) ** largest < CHANCE
    places = np.flatnonzero(is_new).tolist()
    frequent = sorted(places, key=lambda place: (-counts.new[place], counts.names[place]))[:EXAMPLES]
    share = max(0.0, total / rows - forgotten)
    return NewValues(share, expected, tuple(counts.names[place] for place in frequent), bool(is_drift))


def _new_rows_by_chance(counts: PairedCounts, is_new: NDArray[np.bool_], total: float) -> tuple[float, float]:
    """Return mean and standard deviation of the rows of new values in two samples of one law.

    Given how often a value occurs on both sides together, c, and were each of its rows as likely on either side, all
    lie in the window with probability q**c, q being the window's share of all rows. The rows of new values then have
    the mean sum(c q**c) and the variance sum(c**2 q**c (1 - q**c)).
    """
    reference_rows, rows = counts.sizes
    pooled = counts.old + counts.new
    all_here = (rows / (reference_rows + rows)) ** pooled
    # Of very many new values only some were stored: each stands for as many as have the rows of all.
    stands_for = np.ones(len(pooled))
    stands_for[is_new] = total / max(total - counts.new_rest, 1.0)
    mean = float(np.sum(stands_for * pooled * all_here))
    return mean, math.sqrt(float(np.sum(stands_for * pooled**2 * all_here * (1 - all_here))))
