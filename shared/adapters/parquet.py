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
    """Return the rows, without any index that the file asks for, and without columns of lists: nothing here judges
    them, and one row of them can hold any amount.

    Raises:
        PermanentError: it is no parquet file, it is damaged, or it would take too much memory.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(io.BytesIO(content))
        _require_modest(metadata, name, most_cells)
        leaves = [metadata.schema.column(number) for number in range(metadata.num_columns)]
        plain = [leaf for leaf in leaves if leaf.max_repetition_level == 0]
        if not plain:
            raise PermanentError("data.unreadable", f"{name} is not a readable parquet file: no column of plain values")
        # As a dictionary, a text that fills every row is held once; it is measured before it is written out.
        texts = [leaf.path for leaf in plain if leaf.physical_type == "BYTE_ARRAY" and "." not in leaf.path]
        file = pq.ParquetFile(io.BytesIO(content), read_dictionary=texts)
        columns = [leaf.path for leaf in plain] if len(plain) < len(leaves) else None
        batches = list(_batches(file, columns, name))
        table = pa.Table.from_batches(batches) if batches else file.schema_arrow.empty_table()
        # The file's own notes for pandas are somebody's input, too.
        frame: pd.DataFrame = _plain(table).to_pandas(ignore_metadata=True)
    except (pa.lib.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError, RecursionError) as exc:
        message = " ".join(str(exc).split())
        raise PermanentError("data.unreadable", f"{name} is not a readable parquet file: {message:.200}") from exc
    return frame


def _require_modest(metadata: pq.FileMetaData, name: str, most_cells: int) -> None:
    # Not asked for here: what a row group says of one column. On a damaged file pyarrow ends the process then.
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    columns, rows = metadata.num_columns, max(metadata.num_rows, sum(group.num_rows for group in groups))
    if columns > MOST_COLUMNS:
        raise _too_large(name, f"it has {columns:,} columns; at most {MOST_COLUMNS:,} are read")
    if rows * columns > most_cells:
        raise _too_large(name, f"it has {rows * columns:,} values; at most {most_cells:,} are read at once")
    size = sum(group.total_byte_size for group in groups)
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


def _is_bytes(kind: Any) -> bool:
    import pyarrow as pa

    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary)
    return any(test(kind) for test in tests)


def _too_large(name: str, why: str) -> PermanentError:
    return PermanentError("data.too_large", f"{name} is too large: {why}", "write a smaller sample of it")
