"""Counts numbers below thresholds, exactly, in time that grows with the numbers alone.

Numbers fall into a grid of cells in their order, so that a look-up tells where most of them lie. Only those that share
a cell with a threshold are compared with it, or sorted where a cell has many.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Counts = NDArray[np.int64]

CELLS = 32_768
# Fewer numbers are sorted: that takes less than the calls of a look-up.
FEW = 1_024
# So many thresholds of one cell are compared with its numbers one by one.
MOST_COMPARED = 4
# Measured nanoseconds per number: to look its cell up, to compare it if its cell has thresholds, to sort it.
STRAIGHT, BENT, COMPARED, SORTED = 3.5, 5.5, 7.0, 37.0


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps numbers to cells; `is_bent`: ever wider ones far from the center, for heavy tails.

    Every step is one operation that never falls as its operand grows, and is rounded correctly, which keeps that: a
    smaller number is in no higher cell.
    """

    center: float
    factor: float
    is_bent: bool

    def cells(self, numbers: Numbers) -> NDArray[np.int32]:
        """Return the cells, 0 to CELLS - 1, of numbers that may be infinite but not NaN."""
        with np.errstate(over="ignore"):
            scaled = numbers - self.center
            scaled *= self.factor
        if self.is_bent:
            far = np.abs(scaled)
            far += 1.0
            np.divide(-1.0, far, out=far)
            far += 1.0
            np.copysign(far, scaled, out=scaled)
            scaled += 1.0
            scaled *= CELLS / 2
        np.clip(scaled, 0, CELLS - 1, out=scaled)
        return scaled.astype(np.int32)


class Grid:
    """Counts below ascending thresholds.

    Args:
        thresholds: at least one, the first finite.
        expected: how many of some typical numbers lie below each; only the time depends on it.
    """

    def __init__(self, thresholds: Numbers, expected: Counts) -> None:
        self._thresholds, self._expected = thresholds, np.maximum.accumulate(expected)
        # No number is beyond NaN, so that it may follow the last threshold.
        self._padded = np.append(thresholds, np.full(MOST_COMPARED, math.nan))

    def below(self, numbers: Numbers, ends: NDArray[np.intp]) -> Counts:
        """Return how many numbers are less than each threshold, in a line for each piece of them.

        Args:
            numbers: none of them NaN.
            ends: where the pieces end, ascending; the last at the end of the numbers.
        """
        if len(numbers) < FEW or self._scale is None:
            return self._below(numbers, ends)
        codes, is_crowded, most = self._table
        places, bins = codes.take(self._scale.cells(numbers)), len(self._thresholds) + 1
        near = (places >= bins).nonzero()[0]
        compared, first = numbers.take(near), places.take(near) - bins
        passed = first.copy()
        for step in range(most):
            passed += compared >= self._padded[step:].take(first)
        # Those of crowded cells go beyond the last bin, and are sorted instead.
        in_crowd = near[is_crowded.take(first)] if is_crowded is not None else near[:0]
        places[near] = passed
        places[in_crowd] = bins
        bounds = pairwise((0, *ends.tolist()))
        counts = np.array([np.bincount(places[start:end], minlength=bins + 1) for start, end in bounds])
        below: Counts = counts.cumsum(axis=1)[:, :-2]
        return below + self._below(numbers[in_crowd], in_crowd.searchsorted(ends)) if len(in_crowd) else below

    def _below(self, numbers: Numbers, ends: NDArray[np.intp]) -> Counts:
        bounds = pairwise((0, *ends.tolist()))
        return np.array([np.sort(numbers[start:end]).searchsorted(self._thresholds) for start, end in bounds])

    @cached_property
    def _scale(self) -> Scale | None:
        """Return the scale that takes the least time for typical numbers; None where sorting takes less."""
        times = {scale: self._time(scale) for scale in self._scales()}
        best = min(times, key=lambda scale: times[scale], default=None)
        return best if best and times[best] <= SORTED * float(self._expected[-1]) else None

    def _scales(self) -> Iterator[Scale]:
        finite = self._thresholds[np.isfinite(self._thresholds)]
        levels = np.searchsorted(self._expected, self._expected[-1] * np.array([0.25, 0.5, 0.75]))
        quarter, half, most = self._thresholds[levels].tolist()
        with np.errstate(over="ignore", divide="ignore"):
            straight = float(CELLS / (finite[-1] - finite[0]))
            bent = float(1 / np.float64(most - quarter))
        if 0 < straight < math.inf:
            yield Scale(float(finite[0]), straight, is_bent=False)
        if 0 < bent < math.inf:
            yield Scale(half, bent, is_bent=True)

    def _time(self, scale: Scale) -> float:
        cells = scale.cells(self._thresholds)
        held = np.bincount(cells, minlength=CELLS)[cells[:-1]]
        # Of the numbers between two thresholds, one cell's share is in a cell with one of them.
        near = np.diff(self._expected) / np.maximum(1, np.diff(cells))
        looked_up = (BENT if scale.is_bent else STRAIGHT) * float(self._expected[-1])
        return looked_up + float(np.sum(near * np.where(held > MOST_COMPARED, SORTED, COMPARED)))

    @cached_property
    def _table(self) -> tuple[NDArray[Any], NDArray[np.bool_] | None, int]:
        """Return per cell how many thresholds are in lower ones, plus one more than there are if it has some itself;
        per threshold whether its cell is crowded, None if none is; and the most thresholds of another cell."""
        assert self._scale
        cells, bins = self._scale.cells(self._thresholds), len(self._thresholds) + 1
        held = np.bincount(cells, minlength=CELLS)
        codes = held.cumsum() - held + bins * (held > 0)
        is_crowded, most = held[cells] > MOST_COMPARED, int(held[held <= MOST_COMPARED].max())
        codes = codes.astype(np.int16 if 2 * bins < 2**15 else np.int32)
        return codes, is_crowded if is_crowded.any() else None, most
