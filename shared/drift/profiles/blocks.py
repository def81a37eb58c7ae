"""Counts a reference block by block, in the order of its rows, in memory that does not grow with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.drift.profiles.counting import CategoricalTally, ColumnTally, NumericTally, Tally
from shared.drift.profiles.counts import WindowCounts
from shared.drift.profiles.reference import CategoricalColumn, NumericColumn, OtherColumn, Profile
from shared.drift.rows.batches import Batch, row_count
from shared.drift.rows.values import values_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

# So many equal blocks cover the reference, by threes a tenth of it. Few rows make fewer blocks.
NUMBERS_OF_BLOCKS = (30, 20, 10)
LEAST_BLOCK_ROWS = 50
# Windows much shorter than a block are represented by the blocks' first rows: a sixth of them, a sixth of that, ...
PREFIX = 6
LEAST_PREFIX_ROWS = 50
# A block is counted around so many edges, in so many groups of categories: its rows, a thirtieth of all, would leave
# most of the profile's cells empty.
BLOCK_EDGES = 64
NAMED_CATEGORIES, GROUPS = 156, 100


@dataclass(frozen=True, slots=True)
class Layout:
    """Where blocks begin. `cuts` are the lengths at which each is cut, ascending; the last is the whole block's."""

    blocks: int
    cuts: tuple[int, ...]

    @property
    def starts(self) -> NDArray[np.int64]:
        """Return the row at which each piece of a block begins, and where the last block ends."""
        within = np.array([0, *self.cuts[:-1]])
        pieces = (np.arange(self.blocks)[:, None] * self.cuts[-1] + within).ravel()
        return np.append(pieces, self.blocks * self.cuts[-1])


def layout_of(rows: int) -> Layout | None:
    """Return how a reference of so many rows is cut; None when it has too few."""
    blocks = next((number for number in NUMBERS_OF_BLOCKS if rows // number >= LEAST_BLOCK_ROWS), None)
    if blocks is None:
        return None
    cuts = [rows // blocks]
    while cuts[0] // PREFIX >= LEAST_PREFIX_ROWS:
        cuts.insert(0, cuts[0] // PREFIX)
    return Layout(blocks, tuple(cuts))


@dataclass(frozen=True, slots=True)
class BlockCounts:
    """Per column, one line for each piece of a block: how many values it has, and how many in each cell."""

    layout: Layout | None
    cells: Mapping[str, NDArray[np.int64]]

    def __add__(self, other: BlockCounts) -> BlockCounts:
        return BlockCounts(self.layout, {name: cells + other.cells[name] for name, cells in self.cells.items()})


def placed(batches: Iterable[Batch], first: int = 0) -> Iterator[tuple[int, Batch]]:
    """Yield each batch with the number of its first row."""
    for batch in batches:
        yield first, batch
        first += row_count(batch)


class BlockTally:
    """Adds batches up, as a tally does, and notes what each block got."""

    def __init__(self, plan: Profile, digest: str) -> None:
        self._tally = Tally(plan, digest)
        self._layout = layout_of(plan.rows)
        self._starts = self._layout.starts if self._layout else np.empty(0, dtype=np.int64)
        varied = [column for column in plan.columns if not isinstance(column, OtherColumn) and _has_variation(column)]
        self._cells = {column.name: _Cells(column) for column in varied}
        pieces = max(0, len(self._starts) - 1)
        self._by_piece = {name: np.zeros((pieces, cells.size), dtype=np.int64) for name, cells in self._cells.items()}

    def add(self, batch: tuple[int, Batch]) -> None:
        """Add a batch, given with the number of its first row."""
        first, rows = batch
        size = row_count(rows)
        starts = self._starts[(self._starts > first) & (self._starts < first + size)] - first
        ends = np.append(starts, size)
        pieces = np.searchsorted(self._starts, first + np.append(0, starts), side="right") - 1
        for name, column in self._tally.counted_columns(rows):
            tally, cells = self._tally.columns[name], self._cells.get(name)
            if cells is None:
                tally.add(values_of(column))
                continue
            counts, by_piece = cells.add(tally, column, ends), self._by_piece[name]
            is_inside = (pieces >= 0) & (pieces < len(by_piece))
            by_piece[pieces[is_inside]] += counts[is_inside]

    def counts(self) -> WindowCounts:
        return self._tally.counts()

    def blocks(self) -> BlockCounts:
        return BlockCounts(self._layout, self._by_piece)


class _Cells:
    """Reduces a column's counts to the cells of its blocks."""

    def __init__(self, column: NumericColumn | CategoricalColumn) -> None:
        if isinstance(column, NumericColumn):
            self._edges = block_edges(column)
            self.size = 1 + 2 * len(self._edges)
        else:
            number, most = np.arange(len(column.categories)), NAMED_CATEGORIES + GROUPS
            is_named = number < (NAMED_CATEGORIES if len(number) > most else most)
            self._groups = np.where(is_named, number, NAMED_CATEGORIES + number % GROUPS)
            self.size = 2 + min(len(number), most)

    def add(self, tally: ColumnTally, column: Any, ends: NDArray[np.intp]) -> NDArray[np.int64]:
        """Add a batch's column to its tally; return the cells of each of its pieces."""
        if isinstance(tally, NumericTally):
            values = values_of(column)
            if len(values.numbers) == values.rows:
                return tally.add_pieces(values, ends, self._edges)
        # The tally goes on counting: a piece's counts are what was added since the previous piece.
        counted = [self._count(tally)]
        for start, end in pairwise((0, *ends.tolist())):
            tally.add(values_of(_slice(column, start, end)))
            counted.append(self._count(tally))
        return np.diff(counted, axis=0)

    def _count(self, counts: ColumnTally) -> NDArray[np.int64]:
        if isinstance(counts, NumericTally):
            below, up_to = counts.around[:, self._edges]
            return np.concatenate(([counts.numbers], up_to, below))
        assert isinstance(counts, CategoricalTally)
        groups = np.bincount(self._groups, counts.by_category, self.size - 2).astype(np.int64)
        return np.concatenate(([counts.by_category.sum() + counts.unseen], groups, [counts.unseen]))


def block_edges(column: NumericColumn) -> NDArray[np.intp]:
    """Return which of the column's edges blocks are counted around: about equally many values lie between two."""
    up_to = np.array(column.up_to)
    levels = np.linspace(0, 1, BLOCK_EDGES) * (up_to[-1] if len(up_to) else 0)
    return np.unique(np.minimum(np.searchsorted(up_to, levels), max(0, len(up_to) - 1)))


def _has_variation(column: NumericColumn | CategoricalColumn) -> bool:
    return bool(column.edges) if isinstance(column, NumericColumn) else not column.is_identifier


def _slice(column: Any, start: int, end: int) -> Any:
    return column.iloc[start:end] if hasattr(column, "iloc") else column.slice(start, end - start)
