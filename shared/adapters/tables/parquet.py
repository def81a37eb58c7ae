"""Parquet files of unknown origin, read without letting a small file fill the memory."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from shared.errors import PermanentError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

# A file of 182 KB can hold 320 MB of equal numbers while its metadata declares 159 KB; how much it takes once decoded
# shows in its rows and columns. 25 million doubles are 200 MB, a tenth of the app's smallest machine.
MOST_CELLS = 25_000_000
MOST_BYTES = 256 * 1024 * 1024
MOST_COLUMNS = 5_000
BATCH_ROWS = 16_384
# Streamed, a file is never whole in memory, so it is bounded by the time to read it: ten million rows of fifty columns
# are a quarter of this.
MOST_STREAMED_CELLS = 2_000_000_000
STREAMED_ROWS = 32_768
STREAMED_CELLS = 2_000_000
MOST_BATCH_BYTES = 64 * 1024 * 1024
LONG_VALUE_BYTES = 1024
# What is read ahead of each column.
BUFFER_BYTES = 1024 * 1024


def read_parquet(content: bytes, name: str, most_cells: int = MOST_CELLS, lists: Collection[str] = ()) -> pd.DataFrame:
    """Return the rows, without any index that the file asks for, and without columns of lists or records: nothing
    here judges them, and one row of them can hold any amount. `lists` are columns that may hold lists, e.g. of classes.

    Raises:
        PermanentError: it is no parquet file, it is damaged, or it would take too much memory.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(io.BytesIO(content))
        _require_modest(metadata, name, most_cells)
        plain = _plain_leaves(metadata, name, pq.read_schema(io.BytesIO(content)), lists)
        # As a dictionary, a text that fills every row is held once; it is measured before it is written out.
        texts = [leaf.path for leaf in plain if leaf.physical_type == "BYTE_ARRAY" and "." not in leaf.path]
        file = pq.ParquetFile(io.BytesIO(content), read_dictionary=texts)
        columns = [leaf.path for leaf in plain] if len(plain) < metadata.num_columns else None
        batches = list(_batches(file, columns, name))
        table = pa.Table.from_batches(batches) if batches else file.schema_arrow.empty_table()
        # The file's own metadata for pandas is untrusted input, too.
        frame: pd.DataFrame = _plain(table).to_pandas(ignore_metadata=True)
    except _refusals() as exc:
        raise _unreadable(name, exc) from exc
    return frame


def stream_parquet(source: Any, name: str, most_cells: int = MOST_STREAMED_CELLS) -> Iterator[pa.RecordBatch]:
    """Yield the rows in batches, texts as dictionaries, without columns of lists or records and without any index.

    Args:
        source: a path, or a file opened for reading bytes that can seek.

    Raises:
        PermanentError: it is no parquet file, it is damaged, or it would take too much memory or time.
    """
    import pyarrow.parquet as pq

    # A buffer in between would be filled for each piece of a column, and thrown away.
    if isinstance(source, io.BufferedReader) and source.raw.seekable():
        source = source.raw
    try:
        # Pages come one by one instead of whole row groups at once.
        file = pq.ParquetFile(source, pre_buffer=False, buffer_size=BUFFER_BYTES)
        metadata = file.metadata
        _require_few_cells(metadata, name, most_cells)
        leaves = _plain_leaves(metadata, name, file.schema_arrow)
        # Long texts that hardly repeat would make a dictionary as long as the row group.
        repeat = _row_bytes(metadata) < LONG_VALUE_BYTES * metadata.num_columns
        if not repeat and _most_group_bytes(metadata) > MOST_BATCH_BYTES:
            # Such values fill pages of any size, and a page is decoded whole.
            raise _too_large(name, f"a row group of long values takes more than {MOST_BATCH_BYTES:,} bytes")
        texts = [leaf.path for leaf in leaves if repeat and leaf.physical_type == "BYTE_ARRAY" and "." not in leaf.path]
        file = pq.ParquetFile(
            source, metadata=metadata, read_dictionary=texts, pre_buffer=False, buffer_size=BUFFER_BYTES
        )
        columns = [leaf.path for leaf in leaves if not leaf.path.startswith("__index_level_")]
        rows = max(1, min(STREAMED_ROWS, STREAMED_CELLS // len(leaves), MOST_BATCH_BYTES // 2 // _row_bytes(metadata)))
        # On the caller's thread: others count meanwhile, and each thread that decodes keeps memory of its own.
        for batch in file.iter_batches(batch_size=rows, columns=columns, use_threads=False):
            size = sum(column.nbytes for column in batch.columns)
            if size > MOST_BATCH_BYTES:
                raise _too_large(name, f"{batch.num_rows:,} rows of it take more than {MOST_BATCH_BYTES:,} bytes")
            yield batch
    except _refusals() as exc:
        raise _unreadable(name, exc) from exc


def _plain_leaves(metadata: pq.FileMetaData, name: str, schema: pa.Schema, lists: Collection[str] = ()) -> list[Any]:
    import pyarrow as pa

    nested = {field.name for field in schema if pa.types.is_nested(field.type)}
    chosen = {
        field.name
        for field in schema
        if field.name in lists and pa.types.is_list(field.type) and not pa.types.is_nested(field.type.value_type)
    }
    leaves = [metadata.schema.column(number) for number in range(metadata.num_columns)]
    roots = [leaf.path.split(".")[0] for leaf in leaves]
    plain = [
        leaf
        for leaf, root in zip(leaves, roots, strict=True)
        if root in chosen or (leaf.max_repetition_level == 0 and root not in nested)
    ]
    if not plain:
        raise PermanentError("data.unreadable", f"{name} is not a readable parquet file: no column of plain values")
    return plain


def _most_group_bytes(metadata: pq.FileMetaData) -> int:
    return max((metadata.row_group(number).total_byte_size for number in range(metadata.num_row_groups)), default=0)


def _row_bytes(metadata: pq.FileMetaData) -> int:
    """Return the average bytes of a row, in the row group where that is highest."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    return max((group.total_byte_size // max(1, group.num_rows) for group in groups), default=0) + 1


def _refusals() -> tuple[type[Exception], ...]:
    """Return the errors that pyarrow and pandas raise about a damaged file."""
    import pyarrow as pa

    return (pa.lib.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError)


def _unreadable(name: str, exc: Exception) -> PermanentError:
    message = " ".join(str(exc).split())
    return PermanentError("data.unreadable", f"{name} is not a readable parquet file: {message:.200}")


def _require_few_cells(metadata: pq.FileMetaData, name: str, most_cells: int) -> int:
    """Return the bytes that the file declares to decode to.

    Raises:
        PermanentError: it has too many columns, or too many values.
    """
    # A row group's metadata of single columns is not read here: on a damaged file pyarrow ends the process.
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    columns, rows = metadata.num_columns, max(metadata.num_rows, sum(group.num_rows for group in groups))
    if columns > MOST_COLUMNS:
        raise _too_large(name, f"it has {columns:,} columns; at most {MOST_COLUMNS:,} are read")
    if rows * columns > most_cells:
        raise _too_large(name, f"it has {rows * columns:,} values; at most {most_cells:,} are read at once")
    return sum(group.total_byte_size for group in groups)


def _require_modest(metadata: pq.FileMetaData, name: str, most_cells: int) -> None:
    size = _require_few_cells(metadata, name, most_cells)
    if size > MOST_BYTES:
        raise _too_large(name, f"it has {size:,} bytes; at most {MOST_BYTES:,} are read")


def _batches(file: pq.ParquetFile, columns: list[str] | None, name: str) -> Iterator[pa.RecordBatch]:
    size = 0
    for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=columns):
        size += sum(_decoded_bytes(column) for column in batch.columns)
        if size > MOST_BYTES:
            raise _too_large(name, f"it takes more than {MOST_BYTES:,} bytes")
        yield batch


def _decoded_bytes(column: pa.Array) -> int:
    """Return the bytes of the values once each is written out."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_dictionary(column.type):
        return int(column.nbytes)
    if not _is_bytes(column.type.value_type):
        return int(column.nbytes) + 8 * len(column)
    lengths = pc.binary_length(column.dictionary).take(column.indices)
    return int(pc.sum(lengths).as_py() or 0) + 8 * len(column)


def _plain(table: pa.Table) -> pa.Table:
    """Return the table with every dictionary written out, without the index columns that pandas hides in a file."""
    import pyarrow as pa

    for number, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            table = table.set_column(number, field.name, table.column(number).cast(_value_type(field.type)))
    return table.select([i for i, name in enumerate(table.column_names) if not name.startswith("__index_level_")])


def _value_type(dictionary: Any) -> Any:
    import pyarrow as pa

    # 32-bit offsets end at 2 GB, which the limits keep a column below.
    return pa.string() if pa.types.is_large_string(dictionary.value_type) else dictionary.value_type


def _is_bytes(kind: Any) -> bool:
    import pyarrow as pa

    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(test(kind) for test in tests)


def _too_large(name: str, reason: str) -> PermanentError:
    return PermanentError("data.too_large", f"{name} is too large: {reason}", "write a smaller sample of it")
