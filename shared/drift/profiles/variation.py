"""How much windows of one length differ by themselves: floors from blocks of the reference, and from past windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from shared.drift.profiles.blocks import BlockCounts, Layout
from shared.drift.profiles.reference import CategoricalColumn, NumericColumn, Variation

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A new window of the same kind lies below the floor with this chance, if effects are normal. Higher for blocks: all
# columns share the chance of a false alarm, and seasons go on beyond the reference; past windows are of this season.
BLOCK_CONFIDENCE, CONFIDENCE = 0.9997, 0.998
ENOUGH_WINDOWS = 10
LEAST_VALUES = 50
# Overlapping windows estimate a variance as well as so many times as many that do not overlap.
# Source: A. W. Lo and A. C. MacKinlay, Rev. Financ. Stud. 1 (1988), p. 41: 2(q - 1)q against (2/3)(2q - 1)(q - 1).
OVERLAP = 1.5
SURE_OF_EXCESS = 2.5
# Cells of fewer expected rows in a block are put together, in up to so many groups of about that many.
LEAST_EXPECTED, GROUP_ROWS, MOST_GROUPS = 20, 40, 100
# A block has so large a part of the information about its rows' categories only where rows were sorted by them.
SORTED_INFORMATION = 0.6


def floor_of(mean: float, std: float, windows: int, confidence: float = CONFIDENCE) -> float:
    """Return the upper end of a prediction interval for one further window of the same kind.

    Not a quantile of the windows: of some twenty, the largest says little about the next. Few windows widen it.
    Source: G. J. Hahn and W. Q. Meeker, Statistical Intervals (1991), eq. 4.2, one-sided.
    """
    from scipy.special import stdtrit

    return mean + float(stdtrit(windows - 1, confidence)) * std * math.sqrt(1 + 1 / windows)


def floor_of_effects(effects: Sequence[float]) -> float:
    """Return the floor that the effects of past windows set; there must be at least two."""
    return floor_of(float(np.mean(effects)), float(np.std(effects, ddof=1)), len(effects))


def block_floor(variations: Sequence[Variation], reference_rows: int, rows: int) -> float | None:
    """Return the floor of effects for a window of so many rows; None when the reference had too few rows for blocks,
    or its blocks differ no more than those of independent rows.

    Between two lengths the floor runs straight in the logarithms of both. Beyond the longest, a tenth of the
    reference, it falls as that of a mean of such blocks does, which the interval takes for independent, too.
    """
    if not any(variation.excess for variation in variations):
        return None
    floors = [floor_of(variation.mean, variation.std, variation.blocks, BLOCK_CONFIDENCE) for variation in variations]
    return _floor_at(variations, floors, reference_rows, rows)


def missing_floor(variations: Sequence[Variation], reference_rows: int, rows: int) -> float | None:
    """Return the same of the change of the missing share."""
    floors = [
        floor_of(variation.missing_mean, variation.missing_std, variation.blocks, BLOCK_CONFIDENCE)
        for variation in variations
    ]
    return _floor_at(variations, floors, reference_rows, rows)


def variation_of(column: NumericColumn | CategoricalColumn, blocks: BlockCounts) -> tuple[Variation, ...]:
    """Return how far the column's blocks lay from its other rows, by their length, shortest first.

    None of them when the rows were sorted by the column: their order is not that of time then.
    """
    layout, cells = blocks.layout, blocks.cells.get(column.name)
    if layout is None or cells is None or _are_sorted(column, layout, cells):
        return ()
    rows, whole = layout.blocks * layout.cuts[-1], cells.sum(axis=0)
    by_length = [_of_length(column, *length, whole, rows) for length in _lengths(layout, cells)]
    return tuple(variation for variation in by_length if variation)


def _floor_at(variations: Sequence[Variation], floors: Sequence[float], reference_rows: int, rows: int) -> float | None:
    if not variations:
        return None
    lengths = [variation.rows for variation in variations]
    if rows > lengths[-1]:
        here, there = _scale(lengths[-1], reference_rows - lengths[-1]), _scale(rows, reference_rows)
        return min(1.0, floors[-1] * there / here)
    logarithms = np.log(lengths), np.log(np.maximum(floors, 1e-9))
    return min(1.0, math.exp(float(np.interp(math.log(rows), *logarithms))))


def _scale(rows: int, others: int) -> float:
    return math.sqrt(1 / rows + 1 / max(1, others))


def _are_sorted(column: NumericColumn | CategoricalColumn, layout: Layout, cells: NDArray[np.int64]) -> bool:
    """Return whether the rows were sorted by the column: no two blocks share more than a border, or the block has most
    of a category's information. A trend is not sorted: its neighbouring blocks overlap.

    Source: T. M. Cover and J. A. Thomas, Elements of Information Theory (2006), eq. 2.28.
    """
    counts = cells.reshape(layout.blocks, len(layout.cuts), -1).sum(axis=1)
    if isinstance(column, NumericColumn):
        return _are_apart(counts)
    total = counts[:, 1:].sum()
    if not total:
        return False
    joint = counts[:, 1:] / total
    blocks, values = joint.sum(axis=1), joint.sum(axis=0)
    possible = min(_bits(blocks), _bits(values))
    return possible > 0 and possible + max(_bits(blocks), _bits(values)) - _bits(joint) > SORTED_INFORMATION * possible


def _are_apart(blocks: NDArray[np.int64]) -> bool:
    """Return whether the blocks' numbers follow upon one another, up or down, but for the cells at their borders."""
    filled = blocks[blocks[:, 0] > 0]
    up_to = filled[:, 1 : 1 + (filled.shape[1] - 1) // 2]
    if len(filled) < 2 or not up_to.shape[1]:
        return False
    first, last = (up_to > 0).argmax(axis=1), (up_to == filled[:, :1]).argmax(axis=1)
    if first.min() == last.max():
        return False
    return bool((last[:-1] <= first[1:]).all() or (first[:-1] >= last[1:]).all())


def _bits(shares: NDArray[np.float64]) -> float:
    positive = shares[shares > 0]
    return -float(np.sum(positive * np.log2(positive)))


def _lengths(layout: Layout, cells: NDArray[np.int64]) -> list[tuple[int, int, NDArray[np.int64]]]:
    """Return the blocks' cells by the blocks' length, with how many independent ones they are worth: their first rows,
    whole blocks, and neighbouring ones together up to a tenth of all, wherever such begin."""
    pieces = cells.reshape(layout.blocks, len(layout.cuts), -1).cumsum(axis=1)
    lengths = [(length, layout.blocks, pieces[:, number]) for number, length in enumerate(layout.cuts)]
    up_to = np.concatenate((np.zeros_like(pieces[:1, -1]), pieces[:, -1].cumsum(axis=0)))
    for together in range(2, layout.blocks // ENOUGH_WINDOWS + 1):
        worth = int(OVERLAP * layout.blocks / together)
        lengths.append((together * layout.cuts[-1], worth, up_to[together:] - up_to[:-together]))
    return lengths


def _of_length(
    column: NumericColumn | CategoricalColumn,
    length: int,
    worth: int,
    blocks: NDArray[np.int64],
    whole: NDArray[np.int64],
    rows: int,
) -> Variation | None:
    # Against the other rows, not all of them: a block is part of the whole, which would make it look closer than it is.
    others = whole - blocks
    enough = (blocks[:, 0] >= LEAST_VALUES) & (others[:, 0] >= LEAST_VALUES)
    worth = worth * int(np.count_nonzero(enough)) // len(enough)
    if worth < ENOUGH_WINDOWS:
        return None
    measured = _distances if isinstance(column, NumericColumn) else _divergences
    effects, excess = measured(blocks[enough], others[enough], worth)
    missing = np.abs(blocks[:, 0] / length - others[:, 0] / (rows - length))
    summary = (effects.mean(), effects.std(ddof=1), excess, missing.mean(), missing.std(ddof=1))
    return Variation(length, worth, *(float(f"{number:.6g}") for number in summary))


def _distances(blocks: NDArray[np.int64], others: NDArray[np.int64], worth: int) -> tuple[NDArray[np.float64], float]:
    """Return each block's Kolmogorov-Smirnov distance from the other rows, and their excess.

    The excess is that of the squared differences at all edges: what independent rows show there is known for every
    law, ties included, mean and spread. Source: T. W. Anderson and D. A. Darling, Ann. Math. Stat. 23 (1952), p. 200.
    """
    shares = blocks[:, 1:] / blocks[:, :1] - others[:, 1:] / others[:, :1]
    distances: NDArray[np.float64] = np.abs(shares).max(axis=1)
    whole = (blocks + others)[0]
    up_to = whole[1 : 1 + (len(whole) - 1) // 2] / whole[0]
    together = np.minimum.outer(up_to, up_to) - np.outer(up_to, up_to)
    law = float(np.trace(together))
    if law <= 0:
        return distances, 0.0
    spread = math.sqrt(2 * float(np.sum(together**2))) / law
    squares = np.square(shares[:, : len(up_to)]).sum(axis=1)
    return distances, _excess(squares, law * _scales(blocks, others), spread / math.sqrt(worth))


def _divergences(blocks: NDArray[np.int64], others: NDArray[np.int64], worth: int) -> tuple[NDArray[np.float64], float]:
    """Return each block's Jensen-Shannon distance (base 2) from the other rows, less what sampling adds on average,
    and their excess.

    Source: a second-order expansion gives divergence ~ chi2(cells - 1) * (1/n + 1/m) / (8 ln 2).
    """
    now, old = (_filled_cells(side[:, 1:], blocks, others) for side in (blocks, others))
    p, q = now / blocks[:, :1], old / others[:, :1]
    divergence = (_entropy(p, (p + q) / 2) + _entropy(q, (p + q) / 2)) / 2
    freedom = np.maximum(1, np.count_nonzero(now + old, axis=1) - 1)
    bias = freedom * _scales(blocks, others) / (8 * math.log(2))
    distances: NDArray[np.float64] = np.sqrt(np.maximum(0.0, divergence - bias))
    return distances, _excess(divergence, bias, math.sqrt(2 / float(freedom.max()) / worth))


def _excess(squares: NDArray[np.float64], expected: NDArray[np.float64], spread: float) -> float:
    """Return the root of how far squares lie above those of independent rows, whose mean has this relative spread; 0
    when chance explains it."""
    above = float(squares.mean() - expected.mean())
    return math.sqrt(above) if above > SURE_OF_EXCESS * spread * float(expected.mean()) else 0.0


def _scales(blocks: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(1 / blocks[:, 0] + 1 / others[:, 0])


def _filled_cells(cells: NDArray[np.int64], blocks: NDArray[np.int64], others: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the cells with those put together that are too rare in a block for the chi-square law of the bias."""
    expected = (blocks[:1, 1:] + others[:1, 1:])[0] * float(np.mean(blocks[:, 0] / (blocks + others)[:, 0]))
    rare = np.flatnonzero(expected < LEAST_EXPECTED)
    if not len(rare):
        return cells
    groups = max(1, min(MOST_GROUPS, int(expected[rare].sum() / GROUP_ROWS)))
    merged = [cells[:, rare[number::groups]].sum(axis=1) for number in range(groups)]
    return np.column_stack((np.delete(cells, rare, axis=1), *merged))


def _entropy(p: NDArray[np.float64], middle: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0, p * np.log2(p / middle), 0.0)
    return np.asarray(terms.sum(axis=1))
