"""A bounded sample of a source's rows: the same rows each time, evenly spaced, in their order."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

from shared.drift.rows.batches import Batch, Source, findings_of, is_batch

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
        self._frames: list[pd.DataFrame] = []
        self.rows, self.step = 0, 1

    def add(self, batch: Batch) -> None:
        import pandas as pd

        frame = batch if isinstance(batch, pd.DataFrame) else batch.to_pandas()
        # Counted over all batches, so that the sample does not depend on how rows are cut into them.
        first = -self.rows % self.step
        self.rows += len(frame)
        chosen = frame.iloc[first :: self.step]
        self._frames.append(chosen.loc[:, self._is_chosen(chosen)].copy())
        # Doubled steps are multiples of the earlier ones: the sample stays even without a second pass.
        while self._is_too_large():
            self.step *= 2
            self._frames = [self.frame.iloc[::2].copy()]

    @property
    def frame(self) -> pd.DataFrame:
        """Return the sampled rows, numbered from 0; without any, their columns still."""
        import pandas as pd

        frames = [frame for frame in self._frames if len(frame)] or self._frames[:1]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    @property
    def finding(self) -> str:
        """Return a sentence when not all rows are in the sample; "" when they are."""
        return f"one row in {self.step} of {self.rows:,} was looked at" if self.step > 1 else ""

    def _is_chosen(self, frame: pd.DataFrame) -> list[bool]:
        if self._columns is not None:
            return [str(name) in self._columns for name in frame.columns]
        return [not _holds_lists(frame.iloc[:, position]) for position in range(frame.shape[1])]

    def _is_too_large(self) -> bool:
        rows = sum(map(len, self._frames))
        return rows > 1 and (rows > self._most_rows or sum(frame.size for frame in self._frames) > self._most_cells)


class Rows:
    """A source's rows, whose samples fill whenever the rows are read, so that a source is not read once per check."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._requests: dict[str, tuple[Collection[str] | None, int]] = {}
        self._filled: dict[str, EvenSample] | None = None
        self._begun: Iterator[Any] | None = None

    def request(self, name: str, columns: Collection[str] | None = None, most_rows: int = MOST_ROWS) -> None:
        """Request a sample, before the rows are read."""
        self._requests[name] = (columns, most_rows)

    def sample(self, name: str) -> EvenSample:
        """Return a requested sample; reads the rows unless they were read already."""
        if self._filled is None:
            for _ in self:
                pass
        return (self._filled or {})[name]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Return the names of the first piece's columns; empty when there are no rows."""
        batches = self._batches()
        first = next(batches, None)
        if first is None:
            return ()
        # The next reader goes on from here: most of a window's time is spent on reading.
        self._begun = chain([first], batches)
        return tuple(map(str, first.columns if hasattr(first, "iloc") else first.schema.names))

    @property
    def findings(self) -> tuple[str, ...]:
        return findings_of(self._source)

    def __iter__(self) -> Iterator[Any]:
        filling = {name: EvenSample(*request) for name, request in self._requests.items()}
        for batch in self._batches():
            for sample in filling.values():
                sample.add(batch)
            yield batch
        self._filled = filling

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


def _holds_lists(column: pd.Series[Any]) -> bool:
    if column.dtype != object:
        return False
    first = next((value for value in column if value is not None), None)
    return isinstance(first, list | tuple | dict) or hasattr(first, "shape")
