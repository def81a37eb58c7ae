"""Counts the rows of a window around the edges of a reference, on two threads and in bounded memory."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shared.drift.profiles.counts import MOST_UNSEEN, ColumnCounts, WindowCounts, bounded, whole_sum
from shared.drift.profiles.grid import Grid
from shared.drift.profiles.reference import CategoricalColumn, Column, NumericColumn, OtherColumn, Profile
from shared.drift.rows.batches import (
    FRAME_ROWS,
    THREADS,
    Batch,
    Source,
    findings_of,
    is_batch,
    named_columns,
    pieces,
    row_count,
    share_out,
)
from shared.drift.rows.equal import Precision, are_epochs, around, coarser, meaning, number_text, rounded, sense, senses
from shared.drift.rows.values import Texts, Values, values_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

# So many numbers are counted at once: they fit a core's cache, and are many beside the edges.
ROWS_AT_ONCE = 32_768
_FLAGS = {"True": 1.0, "False": 0.0}


def count(reference: Profile, window: Source, threads: int = THREADS) -> WindowCounts:
    """Return the window's counts around the reference's edges.

    Args:
        window: a DataFrame, a pyarrow Table or RecordBatch, or an iterable of them; an iterable may have `findings`.

    Raises:
        Whatever the iterable raises.
    """
    digest = reference.digest
    # Of few rows, a second thread would cost more than it saves.
    is_small = is_batch(window) and row_count(window) <= FRAME_ROWS
    tallies = [Tally(reference, digest) for _ in range(1 if is_small else threads)]
    share_out(pieces(window), tallies)
    total = WindowCounts(digest, findings=findings_of(window))
    for tally in tallies:
        total += tally.counts()
    return total


class Tally:
    """Adds batches up; `columns` are the counts so far."""

    def __init__(self, reference: Profile, digest: str) -> None:
        self._digest = digest
        self.columns = {column.name: _tally(column) for column in reference.columns}
        self._rows = 0
        self._new: set[str] = set()
        self._twice: set[str] = set()

    def add(self, batch: Batch) -> None:
        for name, column in self.counted_columns(batch):
            self.columns[name].add(values_of(column))

    def counted_columns(self, batch: Batch) -> Iterator[tuple[str, Any]]:
        """Note a batch's rows and names; yield the columns to count, of several with one name the first."""
        self._rows += row_count(batch)
        names: set[str] = set()
        for name, column in named_columns(batch):
            if name in names:
                self._twice.add(name)
            elif name in self.columns:
                yield name, column
            else:
                self._new.add(name)
            names.add(name)

    def counts(self) -> WindowCounts:
        columns = {name: column.counts() for name, column in self.columns.items()}
        return WindowCounts(self._digest, self._rows, columns, frozenset(self._new), frozenset(self._twice))


def _tally(column: Column) -> ColumnTally:
    match column:
        case NumericColumn():
            return NumericTally(column)
        case CategoricalColumn() if not column.is_identifier:
            return CategoricalTally(column)
        case OtherColumn(kind="datetime"):
            return DatetimeTally(column.kind)
    return ColumnTally(column.kind)


class ColumnTally:
    """Counts values by their type, which is all there is to count in identifiers and empty columns."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._rows = self.numbers = self._texts = self._times = self._zoneless = 0
        self._foreign: str | None = None

    def add(self, values: Values) -> None:
        missing = np.count_nonzero(np.isnan(values.numbers)) if len(values.numbers) else 0
        self._add_types(values, len(values.numbers) - int(missing))

    def counts(self) -> ColumnCounts:
        return ColumnCounts(**self._types())

    def _add_types(self, values: Values, numbers: int) -> None:
        self._rows += values.rows
        self.numbers += numbers
        self._texts += values.texts.total if values.texts else 0
        self._times += values.times
        self._zoneless += values.zoneless
        examples: list[str] = []
        if values.texts and self._kind != "categorical":
            examples.append(_first(values.texts.distinct))
        if numbers and self._kind != "numeric":
            examples.append(number_text(float(np.nanmin(values.numbers))))
        if values.times and self._kind != "datetime":
            examples.append("a date or time")
        if examples:
            self._foreign = min(examples if self._foreign is None else [self._foreign, *examples])

    def _types(self) -> dict[str, Any]:
        return {
            "rows": self._rows,
            "numbers": self.numbers,
            "texts": self._texts,
            "times": self._times,
            "zoneless": self._zoneless,
            "foreign": self._foreign,
        }


class DatetimeTally(ColumnTally):
    """Counts times, however they are written: as such, as text, or since 1970."""

    def add(self, values: Values) -> None:
        if values.texts:
            times, zoneless = values.texts.are_times, values.texts.are_zoneless
            values = replace(
                values,
                texts=values.texts.where(~times) if not times.all() else None,
                times=values.times + int(values.texts.counts[times].sum()),
                zoneless=values.zoneless + int(values.texts.counts[zoneless].sum()),
            )
        if len(values.numbers):
            epochs = are_epochs(values.numbers)
            values = replace(
                values, numbers=values.numbers[~epochs], times=values.times + int(np.count_nonzero(epochs))
            )
        super().add(values)


class NumericTally(ColumnTally):
    def __init__(self, column: NumericColumn) -> None:
        super().__init__(column.kind)
        self._edges = np.array(column.edges, dtype=np.float64)
        self._counted = np.array((column.below, column.up_to), dtype=np.int64)
        self._declared = self._coarsest = column.precision
        # How many numbers are below each edge, and how many up to it.
        self.around = np.zeros((2, len(self._edges)), dtype=np.int64)
        self._use(column.precision)
        self._are_flags = bool(np.isin(self._edges, (0.0, 1.0)).all())
        self._infinite = [0, 0]
        self._sums = [0, 0]
        self._least, self._most = math.inf, -math.inf

    def add(self, values: Values) -> None:
        if values.texts:
            values = self._with_numbers_of(values.texts, values)
        self.add_pieces(values, np.array([len(values.numbers)]))

    def add_pieces(self, values: Values, ends: NDArray[np.intp], edges: Any = slice(0)) -> NDArray[np.int64]:
        """Add values without texts; return a line for each piece of the numbers, whose ends are given: how many there
        are, up to each of some edges, and below each."""
        if self._precision != (precision := coarser(self._declared, values.precision)):
            self._use(precision)
        pieces = np.zeros((len(ends), 1 + len(self._thresholds)), dtype=np.int64)
        for start in range(0, len(values.numbers), ROWS_AT_ONCE):
            numbers = rounded(values.numbers[start : start + ROWS_AT_ONCE], self._precision)
            self._add_numbers(numbers, np.minimum(np.maximum(ends - start, 0), len(numbers)), pieces)
        whole = pieces.sum(axis=0)
        self.around += whole[self._places]
        self._add_types(values, int(whole[0]))
        return pieces[:, np.concatenate(([0], self._places[1, edges], self._places[0, edges]))]

    def _with_numbers_of(self, texts: Texts, values: Values) -> Values:
        """Return the values with texts that read as numbers among the numbers, beside nothing but 0 and 1 also
        booleans."""
        are_numbers = texts.are_numbers
        numbers = [values.numbers, texts.where(are_numbers).numbers()]
        texts = texts.where(~are_numbers)
        if self._are_flags and len(texts.counts):
            flags = np.array([_FLAGS.get(meaning(text) or "", math.nan) for text in texts.distinct.to_pylist()])
            numbers.append(np.repeat(flags[~np.isnan(flags)], texts.counts[~np.isnan(flags)]))
            texts = texts.where(np.isnan(flags))
        return replace(values, numbers=np.concatenate(numbers), texts=texts if len(texts.counts) else None)

    def _use(self, precision: Precision) -> None:
        """Count what follows at this precision."""
        self._coarsest = coarser(self._coarsest, precision)
        self._precision = precision
        low, high = around(self._edges, precision)
        # A number is up to an edge if it is less than what follows on the largest that counts as the edge.
        with np.errstate(over="ignore"):
            both = np.concatenate((low, np.nextafter(high, math.inf)))
        self._thresholds, place = np.unique(both, return_inverse=True)
        # Where they are in a line of counts, that begins with how many numbers there are.
        self._places = 1 + place.reshape(2, -1)
        expected = np.zeros(1 + len(self._thresholds), dtype=np.int64)
        expected[self._places] = self._counted
        self._grid = Grid(self._thresholds, expected[1:])

    def _add_numbers(self, numbers: NDArray[np.float64], ends: NDArray[np.intp], pieces: NDArray[np.int64]) -> None:
        """Add numbers, some of them NaN, to the counts of the pieces."""
        if not len(numbers):
            return
        # NaN and infinities show in both.
        least, most = float(numbers.min()), float(numbers.max())
        if math.isnan(least):
            present = np.flatnonzero(~np.isnan(numbers))
            self._add_numbers(numbers[present], present.searchsorted(ends), pieces)
            return
        pieces[:, 0] += ends
        pieces[1:, 0] -= ends[:-1]
        if len(self._edges):
            pieces[:, 1:] += self._grid.below(numbers, ends)
        if math.isinf(least) or math.isinf(most):
            self._infinite[0] += int(np.count_nonzero(numbers == -math.inf))
            self._infinite[1] += int(np.count_nonzero(numbers == math.inf))
            numbers = numbers[np.isfinite(numbers)]
            if not len(numbers):
                return
            least, most = float(numbers.min()), float(numbers.max())
        # Plus zero turns -0.0 into 0.0: which of the two is the least is arbitrary, and bytes must not differ.
        self._least, self._most = min(self._least, least + 0.0), max(self._most, most + 0.0)
        if len(self._edges):
            first, last = self._thresholds[[0, -1]]
            self._sums[0] += whole_sum(numbers[numbers < first]) if least < first else 0
            self._sums[1] += whole_sum(numbers[numbers >= last]) if most >= last else 0

    def counts(self) -> ColumnCounts:
        below, up_to = self.around.copy()
        return ColumnCounts(
            **self._types(),
            below=below,
            up_to=up_to,
            negative_infinite=self._infinite[0],
            positive_infinite=self._infinite[1],
            low_sum=self._sums[0],
            high_sum=self._sums[1],
            least=self._least,
            most=self._most,
            precision=self._coarsest,
        )


class CategoricalTally(ColumnTally):
    def __init__(self, column: CategoricalColumn) -> None:
        super().__init__(column.kind)
        names = [name for name, _ in column.categories]
        self._place_of = {name: place for place, name in enumerate(names)}
        self._senses = senses(names)
        self.by_category = np.zeros(len(column.categories), dtype=np.int64)
        self.unseen = 0
        self._unseen_values: Counter[str] = Counter()

    def add(self, values: Values) -> None:
        numbers = values.numbers[~np.isnan(values.numbers)]
        self._add_types(values, len(numbers))
        if values.texts:
            self._add_texts(values.texts)
        if len(numbers):
            distinct, counts = np.unique(numbers, return_counts=True)
            texts = [number_text(number, values.precision) for number in distinct.tolist()]
            self._add_texts(Texts(pa.array(texts, type=pa.large_string()), counts.astype(np.int64)))

    def _add_texts(self, texts: Texts) -> None:
        places = self._places(texts.distinct)
        is_new = places < 0
        if is_new.any():
            self._add_unseen(texts.where(is_new))
        np.add.at(self.by_category, places[~is_new], texts.counts[~is_new])

    def _places(self, distinct: Any) -> NDArray[np.int64]:
        """Return each text's category, by the very text or else by how it reads; -1 for none."""
        texts = distinct.to_pylist()
        # The very text first: a look-up costs much less than to parse a text for its sense.
        places = np.array([self._place_of.get(text, -1) for text in texts], dtype=np.int64)
        for row in np.flatnonzero(places < 0).tolist():
            places[row] = self._senses.get(sense(texts[row]), -1)
        return places

    def _add_unseen(self, texts: Texts) -> None:
        self.unseen += texts.total
        for text, rows in zip(texts.distinct.to_pylist(), texts.counts.tolist(), strict=True):
            self._unseen_values[text] += rows
        # Not at every new value, since a cut goes through all of them.
        if len(self._unseen_values) > 2 * MOST_UNSEEN:
            self._unseen_values = Counter(bounded(self._unseen_values))

    def counts(self) -> ColumnCounts:
        values = dict(bounded(self._unseen_values))
        return ColumnCounts(**self._types(), known=self.by_category.copy(), unseen=self.unseen, unseen_values=values)


def _first(texts: Any) -> str:
    return str(pc.min(texts).as_py())
