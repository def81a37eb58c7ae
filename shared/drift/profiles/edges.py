"""Where to cut a column of numbers: quantiles, both tails by octaves, and round numbers to draw it by; and which
quantiles the counts around the cuts give."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from shared.drift.profiles.counts import ColumnCounts
from shared.drift.profiles.reference import NumericColumn
from shared.drift.rows.equal import rounded, same_edges

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Up to here every distinct value is an edge, and comparisons are exact; beyond, quantiles are.
MAXIMUM_EDGES = 1024
QUANTILES = 512
DECILES = np.linspace(0.1, 0.9, 9)
_LEVELS = np.union1d(np.linspace(0.0, 1.0, QUANTILES), DECILES)
MOST_TICKS = 24
ROUNDING = 2.0**-46
_OCTAVES = 2 ** np.arange(40)


def edges_of(sample: NDArray[np.float64], extremes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the edges, ascending and finite; none when no value is.

    Args:
        sample: of the column, ascending and finite.
        extremes: its smallest and largest finite values, ascending; the outermost are the column's own.
    """
    # A stable sort merges what is in order already.
    ascending: NDArray[np.float64] = np.sort(np.concatenate([sample, extremes]), kind="stable")
    # 0.1 + 0.2 and 0.3 are one number: values that differ by a few roundings share an edge.
    with np.errstate(over="ignore"):
        distinct = ascending[np.diff(ascending, prepend=-math.inf) > ROUNDING * np.abs(ascending)]
    if len(distinct) <= MAXIMUM_EDGES:
        return distinct + 0.0
    # Quantiles for the bulk, octaves for both tails, where quantiles are too far apart, and ticks for the histogram.
    # Of a sorted sample, numpy's quantiles of the method "inverted_cdf".
    ranks = np.ceil(len(sample) * _LEVELS - 1).clip(0).astype(np.intp)
    quantiles = sample[ranks] if len(sample) else sample
    chosen = [quantiles, _octaves(sample), _octaves(extremes), round_ticks(distinct[0], distinct[-1], sample)]
    return np.unique(np.concatenate(chosen)) + 0.0


def _octaves(ascending: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values of rank 1, 2, 4, 8 … from both ends."""
    ranks = _OCTAVES[len(ascending) // 2 >= _OCTAVES] - 1
    return np.concatenate([ascending[:1], ascending[ranks], ascending[len(ascending) - 1 - ranks], ascending[-1:]])


def round_ticks(least: float, most: float, finite: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return up to 24 evenly spread round numbers over the bulk of the values, ascending, within [least, most]."""
    if not len(finite):
        return finite
    low, high = finite[len(finite) // 100], finite[len(finite) - 1 - len(finite) // 100]
    width = (float(high) - float(low)) / MOST_TICKS
    if not (math.isfinite(width) and width > 0):
        return finite[:0]
    power = 10.0 ** math.floor(math.log10(width))
    step = next((power * factor for factor in (1, 2, 5, 10) if power * factor >= width), math.inf)
    if not math.isfinite(step) or step <= 0 or not math.isfinite(float(high) / step):
        return finite[:0]
    first, last = math.ceil(float(low) / step), math.floor(float(high) / step)
    # Through their digits, so that the borders are the numbers that people read: 0.3, not 0.30000000000000004.
    ticks = np.array([float(f"{number * step:.12g}") for number in range(first, last + 1)])
    chosen: NDArray[np.float64] = ticks[np.isfinite(ticks) & (ticks >= least) & (ticks <= most)]
    return chosen


def merged_edges(reference: NumericColumn, counts: ColumnCounts) -> tuple[NumericColumn, ColumnCounts]:
    """Return both with the edges joined that are one at the coarser precision of the two."""
    edges = np.array(reference.edges)
    first = same_edges(edges, counts.precision)
    if len(first) == len(edges):
        return reference, counts
    last = np.append(first[1:], len(edges)) - 1
    old = replace(
        reference,
        edges=tuple(rounded(edges[first], counts.precision).tolist()),
        below=tuple(reference.below[place] for place in first),
        up_to=tuple(reference.up_to[place] for place in last),
    )
    return old, replace(counts, below=counts.below[first], up_to=counts.up_to[last])


def quantile(reference: NumericColumn, counts: ColumnCounts, level: float) -> float | None:
    """Return the quantile of the numbers that were counted around the reference's edges; None when it is not finite.

    Exact where the values of that rank lie on an edge; between two edges values count as evenly spread.

    Args:
        level: 0 to 1.
    """
    if not counts.numbers or not reference.edges:
        return None
    place = level * (counts.numbers - 1)
    low, high = (_ranked(reference, counts, rank) for rank in (math.floor(place), math.ceil(place)))
    value = low + (high - low) * (place - math.floor(place)) if low != high else low
    return value if math.isfinite(value) else None


def _ranked(reference: NumericColumn, counts: ColumnCounts, rank: int) -> float:
    """Return about the value of that rank, counted from 0."""
    if rank < counts.negative_infinite:
        return -math.inf
    if rank >= counts.numbers - counts.positive_infinite:
        return math.inf
    position = int(np.searchsorted(counts.up_to, rank, side="right"))
    if position < len(reference.edges) and rank >= counts.below[position]:
        return reference.edges[position]
    lower = int(counts.up_to[position - 1]) if position else counts.negative_infinite
    upper = (
        int(counts.below[position]) if position < len(reference.edges) else counts.numbers - counts.positive_infinite
    )
    start = max(reference.edges[position - 1], counts.least) if position else counts.least
    end = min(reference.edges[position], counts.most) if position < len(reference.edges) else counts.most
    return start + (end - start) * (rank - lower + 0.5) / (upper - lower)
