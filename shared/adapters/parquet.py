"""Parquet files of unknown origin, read without letting a small file fill the memory."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from shared.errors import PermanentError

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

# A file of 182 KB can hold 320 MB of equal numbers while its metadata speaks of 159 KB; what it will take once it is
# decoded shows in its rows and columns. 25 million doubles are 200 MB, a tenth of the app's smallest machine.
MOST_CELLS = 25_000_000
MOST_BYTES = 256 * 1024 * 1024
MOST_COLUMNS = 5_000
BATCH_ROWS = 16_384


def read_parquet(content: bytes, name: str, most_cells: int = MOST_CELLS) -> pd.DataFrame:
    """Return the rows, without any index that the file asks for.

    Raises:
        PermanentError: it is no parquet file, it is damaged, or it would take too much memory.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(io.BytesIO(content))
        _require_modest(metadata, name, most_cells)
        # As a dictionary, a text that fills every row is held once; it is measured before it is written out.
        texts = [metadata.schema.column(i).path for i in range(metadata.num_columns) if _is_text(metadata, i)]
        file = pq.ParquetFile(io.BytesIO(content), read_dictionary=texts)
        table = pa.Table.from_batches(list(_batches(file, name)), schema=file.schema_arrow)
        # The file's own notes for pandas are somebody's input, too.
        frame: pd.DataFrame = _plain(table).to_pandas(ignore_metadata=True)
    except (pa.lib.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError) as exc:
        message = " ".join(str(exc).split())
        raise PermanentError("data.unreadable", f"{name} is not a readable parquet file: {message:.200}") from exc
    return frame


def _require_modest(metadata: pq.FileMetaData, name: str, most_cells: int) -> None:
    columns, rows = metadata.num_columns, metadata.num_rows
    if columns > MOST_COLUMNS:
        raise _too_large(name, f"it has {columns:,} columns; at most {MOST_COLUMNS:,} are read")
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    # A column of lists has more values than rows.
    values = sum(group.column(i).num_values for group in groups for i in range(columns))
    cells = max(rows * columns, values)
    if cells > most_cells:
        raise _too_large(name, f"it has {cells:,} values; at most {most_cells:,} are read at once")
    size = sum(group.column(i).total_uncompressed_size for group in groups for i in range(columns))
    if size > MOST_BYTES:
        raise _too_large(name, f"it has {size:,} bytes; at most {MOST_BYTES:,} are read")


def _batches(file: pq.ParquetFile, name: str) -> Iterator[pa.RecordBatch]:
    size = 0
    for batch in file.iter_batches(batch_size=BATCH_ROWS):
        size += sum(_decoded_bytes(column) for column in batch.columns)
        if size > MOST_BYTES:
            raise _too_large(name, f"it takes more than {MOST_BYTES:,} bytes")
        yield batch


def _decoded_bytes(column: pa.Array) -> int:
    """Return what the values take once each is written out."""
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


def _is_text(metadata: pq.FileMetaData, number: int) -> bool:
    column = metadata.schema.column(number)
    return column.physical_type == "BYTE_ARRAY" and column.max_repetition_level == 0 and "." not in column.path


def _is_bytes(kind: Any) -> bool:
    import pyarrow as pa

    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(test(kind) for test in tests)


def _too_large(name: str, why: str) -> PermanentError:
    return PermanentError("data.too_large", f"{name} is too large: {why}", "write a smaller sample of it")
