"""CSV files of any layout, in batches: numbers where a column holds numbers, else texts."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from shared.adapters.tables.csv_layout import HEAD_BYTES, Layout, layout_of
from shared.adapters.tables.packed import DAMAGED, Opened, spelled, unpacked
from shared.adapters.tables.parquet import STREAMED_ROWS
from shared.errors import PermanentError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

BLOCK_BYTES = 4 * 1024 * 1024
_COMMAS = r"^\s*[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?([eE][+-]?\d+)?\s*$"
_THOUSANDS = r"^\s*[+-]?\d{1,3}(,\d{3})+(\.\d+)?\s*$|^\s*[+-]?\d+(\.\d+)?([eE][+-]?\d+)?\s*$"
# A code, not a number: 007 is not 7.
_CODE = r"^\s*[+-]?0\d"


def stream_csv(opened: Opened, name: str) -> Iterator[pa.RecordBatch | pd.DataFrame]:
    """Yield the rows in batches. A column whose first values are all numbers is one of numbers; what else comes in it
    later stays text, in a batch of pandas.

    Raises:
        PermanentError: it is no CSV file, or it cannot be told how it is written.
    """
    import pyarrow as pa
    from pyarrow import csv

    opened = unpacked(opened, name)
    try:
        with opened() as file:
            head = file.read(HEAD_BYTES)
        layout = layout_of(head, name)
        columns = _Columns(layout)
        with opened() as file:
            encoding = layout.encoding if layout.encoding.startswith("utf-16") else "utf8"
            numbered = [f"f{place}" for place in range(len(layout.names))]
            reading = csv.ReadOptions(
                block_size=BLOCK_BYTES, column_names=numbered, skip_rows=layout.skipped, encoding=encoding
            )
            parsing = csv.ParseOptions(delimiter=layout.separator, newlines_in_values=True)
            converting = csv.ConvertOptions(column_types=dict.fromkeys(numbered, pa.binary()), null_values=[])
            for block in _blocks(csv, file, reading, parsing, converting):
                for batch in pa.Table.from_batches([block]).to_batches(max_chunksize=STREAMED_ROWS):
                    yield columns.read(batch)
        if columns.is_empty:
            yield columns.nothing()
    except (pa.lib.ArrowException, *DAMAGED) as exc:
        message = " ".join(str(exc).split())
        hint = "write the same number of values in every line, with quotes around those that hold the separator"
        raise PermanentError("data.unreadable", f"{name} is not a readable CSV file: {message:.200}", hint) from exc


def _blocks(csv: Any, file: Any, reading: Any, parsing: Any, converting: Any) -> Iterator[Any]:
    import pyarrow as pa

    try:
        reader = csv.open_csv(_unclosed(file), reading, parsing, converting)
    except pa.ArrowInvalid as exc:
        # What pyarrow says of nothing below the header, with and without an end of line.
        if "Empty CSV file" in str(exc) or "Could not skip" in str(exc):
            return
        raise
    with reader:
        yield from reader


class _Columns:
    """The columns of one file, and which of them are numbers."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._are_numbers: dict[int, bool] = {}
        self.is_empty = True

    def nothing(self) -> pa.RecordBatch:
        import pyarrow as pa

        arrays = [pa.array([], type=pa.string()) for _ in self._layout.names]
        return pa.RecordBatch.from_arrays(arrays, names=list(self._layout.names))

    def read(self, batch: pa.RecordBatch) -> pa.RecordBatch | pd.DataFrame:
        import pandas as pd
        import pyarrow as pa

        self.is_empty = False
        texts = self._without_names([_texts(column) for column in batch.columns])
        columns = [self._column(place, column) for place, column in enumerate(texts)]
        if all(isinstance(column, pa.Array) for column in columns):
            return pa.RecordBatch.from_arrays(columns, names=list(self._layout.names))
        series = [column.to_pandas() if isinstance(column, pa.Array) else column for column in columns]
        frame = pd.DataFrame(dict(enumerate(series)))
        return frame.set_axis(list(self._layout.names), axis=1)

    def _without_names(self, texts: list[Any]) -> list[Any]:
        """Return the columns without lines of names, as files that were put one after the other hold them."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if len(texts) < 2:
            return texts  # a value may be called like its only column
        are_names = pa.scalar(True)
        for column, name in zip(texts, self._layout.names, strict=True):
            are_names = pc.and_(are_names, pc.equal(pc.utf8_trim_whitespace(column), name))
            if not pc.any(are_names).as_py():
                return texts
        return [column.filter(pc.invert(are_names)) for column in texts]

    def _column(self, place: int, texts: Any) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        from shared.drift.rows.equal import MISSING, reads_as_number

        trimmed = pc.utf8_trim_whitespace(texts)
        is_missing = pc.is_in(trimmed, value_set=pa.array(sorted(MISSING)))
        present = pc.if_else(is_missing, None, trimmed)
        if present.null_count == len(present):
            return pa.nulls(len(present), pa.float64() if self._are_numbers.get(place, True) else pa.string())
        numbers = self._numbers(present) if self._are_numbers.get(place, True) else None
        is_code = place not in self._are_numbers and pc.any(pc.match_substring_regex(present, _CODE)).as_py()
        are_numbers = self._are_numbers.setdefault(place, numbers is not None and not is_code)
        if not are_numbers:
            return pc.if_else(is_missing, None, pc.utf8_ltrim(texts, " ") if self._layout.are_spaced else texts)
        if numbers is not None:
            return numbers
        values = [text if text is None or not reads_as_number(text) else float(text) for text in present.to_pylist()]
        return _objects(values)

    def _numbers(self, texts: Any) -> Any:
        """Return the texts as numbers; None when some are none."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if self._layout.has_decimal_commas and pc.all(pc.match_substring_regex(texts, _COMMAS)).as_py():
            texts = pc.replace_substring(pc.replace_substring(texts, ".", ""), ",", ".")
        elif not self._layout.has_decimal_commas and pc.all(pc.match_substring_regex(texts, _THOUSANDS)).as_py():
            texts = pc.replace_substring(texts, ",", "")
        try:
            return pc.cast(pc.utf8_ltrim(texts, "+"), pa.float64())
        except pa.ArrowInvalid:
            return None


def _objects(values: list[Any]) -> Any:
    import pandas as pd

    return pd.Series(values, dtype=object)


def _texts(column: Any) -> Any:
    """Return bytes as texts."""
    import pyarrow as pa

    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        coded = column.dictionary_encode()
        spelling = pa.array([spelled(content) for content in coded.dictionary.to_pylist()], type=pa.string())
        return spelling.take(coded.indices)


def _unclosed(source: Any) -> Any:
    """Return a view that pyarrow may close."""
    return io.BufferedReader(_View(source))


class _View(io.RawIOBase):
    def __init__(self, source: Any) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return int(self._source.readinto(buffer))
