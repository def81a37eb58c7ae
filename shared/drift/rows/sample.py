"""A bounded sample of a source's rows: the same rows each time, evenly spaced, in their order."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from shared.drift.rows.batches import Batch, Source, findings_of, is_batch, named_columns, row_count

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 200_000
MOST_CELLS = 20_000_000


class EvenSample:
    """Every n-th row of what is added, n as small as keeps the sample within its bounds.

    Args:
        columns: the ones to sample; None for all but those of lists, which no row-wise check can use.
        most_rows: the most rows of the sample.
        most_cells: its most values.
    """

    def __init__(
        self, columns: Collection[str] | None = None, most_rows: int = MOST_ROWS, most_cells: int = MOST_CELLS
    ) -> None:
        self._columns = columns
        self._most_rows, self._most_cells = most_rows, most_cells
        # Each piece with the place of its first row among all rows of the sample.
        self._pieces: list[tuple[int, Batch]] = []
        self.rows, self.step = 0, 1

    def add(self, batch: Batch) -> None:
        # Counted over all batches, so that the sample does not depend on how rows are cut into them.
        first = -self.rows % self.step
        chosen = self._of_columns(_every(batch, first, self.step))
        self._pieces.append(((self.rows + first) // self.step, chosen))
        self.rows += row_count(batch)
        # Doubled steps are multiples of the earlier ones: the sample stays even without a second pass.
        while self._is_too_large():
            self.step *= 2
            # One by one, so that the whole is never there twice.
            for number, (place, piece) in enumerate(self._pieces):
                self._pieces[number] = (place + 1) // 2, _every(piece, place % 2, 2)

    @property
    def frame(self) -> pd.DataFrame:
        """Return the sampled rows, numbered from 0; without any, their columns still."""
        import pandas as pd

        pieces = [piece for _, piece in self._pieces if row_count(piece)] or [piece for _, piece in self._pieces[:1]]
        # Put together once: readers of the whole sample take turns.
        self._pieces = [(0, _together(pieces))] if pieces else []
        return self._pieces[0][1] if pieces else pd.DataFrame()

    @property
    def is_bound_by_values(self) -> bool:
        """Return whether there would be more rows if there were fewer columns."""
        return self.step > 1 and 2 * self.rows <= self.step * self._most_rows

    @property
    def finding(self) -> str:
        """Return a sentence when not all rows are in the sample; "" when they are."""
        return f"one row in {self.step} of {self.rows:,} was looked at" if self.step > 1 else ""

    def _of_columns(self, piece: Batch) -> Batch:
        named = enumerate(named_columns(piece))
        if self._columns is not None:
            places = [place for place, (name, _) in named if name in self._columns]
        else:
            places = [place for place, (_, column) in named if not _holds_lists(column)]
        return piece.iloc[:, places] if hasattr(piece, "iloc") else piece.select(places)

    def _is_too_large(self) -> bool:
        rows = sum(row_count(piece) for _, piece in self._pieces)
        cells = sum(piece.shape[0] * piece.shape[1] for _, piece in self._pieces)
        return rows > 1 and (rows > self._most_rows or cells > self._most_cells)


def _every(batch: Batch, first: int, step: int) -> Batch:
    """Return every so many rows as a frame or table of its own."""
    if hasattr(batch, "iloc"):
        return batch.iloc[first::step].copy()
    table = batch if isinstance(batch, pa.Table) else pa.Table.from_batches([batch])
    return table if step == 1 else table.take(pa.array(np.arange(first, table.num_rows, step)))


def _together(pieces: list[Batch]) -> pd.DataFrame:
    import pandas as pd

    if all(isinstance(piece, pa.Table) and piece.schema.equals(pieces[0].schema) for piece in pieces):
        # As one table, texts stay a dictionary: frames of several would write each text out to be put together.
        return _frame(pa.concat_tables(pieces).unify_dictionaries()).reset_index(drop=True)
    frames = [piece if isinstance(piece, pd.DataFrame) else _frame(piece) for piece in pieces]
    return frames[0].reset_index(drop=True) if len(frames) == 1 else pd.concat(frames, ignore_index=True)


def _frame(table: pa.Table) -> pd.DataFrame:
    for place, column in enumerate(table.schema):
        if pa.types.is_dictionary(column.type) and not _is_string(column.type.value_type):
            table = table.set_column(place, column.name, table.column(place).cast(column.type.value_type))
    frame: pd.DataFrame = table.to_pandas(split_blocks=True)
    return frame


class Rows:
    """A source's rows, whose samples fill whenever the rows are read, so that a source is not read once per check."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._requests: dict[str, tuple[Collection[str] | None, int]] = {}
        self._filled: dict[str, EvenSample] | None = None
        self._begun: Iterator[Any] | None = None
        self._columns: tuple[str, ...] | None = None

    def request(self, name: str, columns: Collection[str] | None = None, most_rows: int = MOST_ROWS) -> None:
        """Request a sample, before the rows are read."""
        self._requests[name] = (columns, most_rows)

    def sample(self, name: str) -> EvenSample:
        """Return a requested sample; reads the rows unless they were read already."""
        if self._filled is None:
            for _ in self:
                pass
        return (self._filled or {})[name]

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the names of the first piece's columns; empty when there are no rows."""
        # No cached_property: until Python 3.12 one lock is held for all instances while one of them reads.
        if self._columns is None:
            self._columns = self._columns_of_first()
        return self._columns

    def _columns_of_first(self) -> tuple[str, ...]:
        batches = self._batches()
        first = next(batches, None)
        if first is None:
            return ()
        if not hasattr(first, "iloc"):
            # An open table holds a page of each column: it takes less to open it again.
            return tuple(first.schema.names)
        # The next reader goes on from here: most of the time for collected requests is spent on reading.
        self._begun = chain([first], batches)
        return tuple(map(str, first.columns))

    @property
    def findings(self) -> tuple[str, ...]:
        return findings_of(self._source)

    def __iter__(self) -> Iterator[Any]:
        # The first reading fills them.
        filling = {name: EvenSample(*request) for name, request in self._requests.items() if self._filled is None}
        for batch in self._batches():
            for sample in filling.values():
                sample.add(batch)
            yield batch
        self._filled = self._filled or filling
        pa.default_memory_pool().release_unused()

    def _batches(self) -> Iterator[Any]:
        begun, self._begun = self._begun, None
        if begun is not None:
            yield from begun
            return
        yield from [self._source] if is_batch(self._source) else self._source


class Chosen:
    """A source's rows with some of their columns only."""

    def __init__(self, source: Source, columns: Collection[str]) -> None:
        self._source, self._columns = source, frozenset(columns)

    @property
    def findings(self) -> tuple[str, ...]:
        return findings_of(self._source)

    def __iter__(self) -> Iterator[Any]:
        for batch in [self._source] if is_batch(self._source) else self._source:
            if hasattr(batch, "iloc"):
                yield batch.loc[:, [str(name) in self._columns for name in batch.columns]]
            else:
                yield batch.select([name for name in batch.schema.names if name in self._columns])


def _holds_lists(column: Any) -> bool:
    if hasattr(column, "null_count"):
        return bool(pa.types.is_nested(column.type)) and column.null_count < len(column)
    if column.dtype != object:
        return False
    first = next((value for value in column if value is not None), None)
    return isinstance(first, list | tuple | dict) or hasattr(first, "shape")


def _is_string(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
