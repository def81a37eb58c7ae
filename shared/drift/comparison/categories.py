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
# Of more than so many cells below the second bound, that bound holds: their many small errors add up.
MOST_SMALL, SMALLEST_OF_MANY = 500, 20.0
# More than `MOST_SMALL` values with less than this share of the rows are put together whatever their counts.
SMALL_SHARE = 0.005
MOST_GROUPS, ROWS_PER_GROUP = 100, 20.0
# New values count beyond so many times the expected share of rows, but from the first bound on, and from `min_effect`
# on at the latest: where values keep coming anew (aircraft, customers), some more of them do not matter.
TIMES_EXPECTED, NEW_SHARE = 5.0, 0.02
# A single new value counts beyond this share of rows.
ONE_NEW_SHARE = 0.01
# The chance that sampling alone makes new values of one column count.
CHANCE, DEVIATIONS = 0.001, 3.09
EXAMPLES = 3


@dataclass(frozen=True, slots=True, eq=False)
class PairedCounts:
    """Rows per value of either side, those of the reference first; at last the rows whose values were not kept."""

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
    """Values that the reference never had: the share of rows, 0-1, the share that the reference lets expect, the most
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
    found: NDArray[np.float64] = (counts.old + counts.new) * (min(sizes) / sum(sizes))
    return found


def _many_small(counts: PairedCounts) -> NDArray[np.bool_]:
    is_small: NDArray[np.bool_] = counts.old + counts.new < SMALL_SHARE * sum(counts.sizes)
    return is_small if np.count_nonzero(is_small) > MOST_SMALL else np.zeros(len(is_small), dtype=np.bool_)


def _grouped(counts: PairedCounts, chosen: NDArray[np.bool_]) -> Cells:
    """Return the counts with the chosen values, and those that were not kept, in groups of about 20 expected rows.

    They are chosen by both sides together, so that no side is favoured: what is rare in the reference alone would be
    less rare in any window, and what only the window has would have no place. A group is made of names by their
    checksum.
    """
    if not (chosen.any() or counts.old_rest or counts.new_rest):
        return counts.old, counts.new
    # What was not kept was rare, and has no names to be grouped by.
    is_one = counts.old_rest or counts.new_rest
    groups = 1 if is_one else int(np.clip(_expected(counts)[chosen].sum() // ROWS_PER_GROUP, 1, MOST_GROUPS))
    places = np.array([checksum(counts.names[each]) % groups for each in np.flatnonzero(chosen)], dtype=np.intp)

    def grouped(side: NDArray[np.float64], rest: int) -> NDArray[np.float64]:
        together = np.bincount(places, weights=side[chosen], minlength=groups)
        together[0] += rest
        return np.concatenate((side[~chosen], together))

    return grouped(counts.old, counts.old_rest), grouped(counts.new, counts.new_rest)


def new_values(counts: PairedCounts, min_effect: float) -> NewValues:
    """Return whether the window's new values are more than two samples of one law show.

    Given how often a value occurs on both sides together, c, and were each of its rows as likely anyone's, all lie in
    the window with probability q**c, q being the window's share of all rows. The rows of new values then have the mean
    sum(c q**c) and the variance sum(c**2 q**c (1 - q**c)). That judges; what is reported as expected is Good and
    Turing's estimate, the share of the reference's rows whose value occurs but once there.
    Source: I. J. Good, The population frequencies of species, Biometrika 40 (1953), p. 237.

    Args:
        min_effect: the smallest effect that matters, here the largest excess that is let pass, as a share of rows.
    """
    rows_before, rows = counts.sizes
    found = (counts.old == 0) & (counts.new > 0)
    total = float(counts.new[found].sum()) + counts.new_rest
    if not total:
        return NewValues(0.0, 0.0, (), is_drift=False)
    pooled = counts.old + counts.new
    share_of_rows = rows / (rows_before + rows)
    all_here = share_of_rows**pooled
    # Of very many new values only some were kept: each stands for as many as have the rows of all.
    stands_for = np.ones(len(pooled))
    stands_for[found] = total / max(total - counts.new_rest, 1.0)
    mean = float(np.sum(stands_for * pooled * all_here))
    deviation = math.sqrt(float(np.sum(stands_for * pooled**2 * all_here * (1 - all_here))))
    # Values of the reference that were not kept may be among the window's: they are taken to be as frequent as there.
    forgotten = counts.old_rest / rows_before
    excess = (total - mean) / rows - forgotten
    expected = np.count_nonzero(counts.old == 1) / rows_before
    at_most = max(NEW_SHARE, min(TIMES_EXPECTED * expected, min_effect))
    largest = float(counts.new[found].max(initial=0.0))
    # Few values come in lumps, up to the largest, which makes a tail longer than a normal one.
    # Source: Bernstein's inequality, in G. Bennett, J. Am. Stat. Assoc. 57 (1962), eq. 8.
    by_chance = DEVIATIONS * deviation + largest * DEVIATIONS**2 / 6
    is_drift = excess > at_most and excess * rows > by_chance
    if not counts.old_rest and largest >= ONE_NEW_SHARE * rows:
        is_drift = is_drift or np.count_nonzero(pooled >= largest) * share_of_rows**largest < CHANCE
    places = np.flatnonzero(found)
    frequent = sorted(places.tolist(), key=lambda place: (-counts.new[place], counts.names[place]))[:EXAMPLES]
    share = max(0.0, total / rows - forgotten)
    return NewValues(share, expected, tuple(counts.names[each] for each in frequent), bool(is_drift))
