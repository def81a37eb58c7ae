"""Tables of files on this machine: parquet, CSV and JSON, as people have them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.kit.errors import CommandError

if TYPE_CHECKING:
    import pandas as pd

# A frame of 50 million numbers takes 400 MB; what is larger is read piece by piece.
MOST_CELLS = 50_000_000


class ParquetPieces:
    """Parquet files too large for one frame, as pieces that can be iterated more than once."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = tuple(files)

    def __iter__(self) -> Iterator[Any]:
        import pyarrow.parquet as pq

        for file in self.files:
            with _translated(file), pq.ParquetFile(file) as opened:
                yield from opened.iter_batches(columns=_plain_columns(opened, file))


def read_files(paths: Sequence[Path], lists: Collection[str] = ()) -> pd.DataFrame | ParquetPieces:
    """Return the rows of all files, in their order; folders stand for the files in them, by name. Of columns of lists
    only `lists` are read.

    Raises:
        CommandError: a file is not there, cannot be read, or is of another kind.
        PermanentError: it is a damaged table, or one of an unknown format.
    """
    import pandas as pd

    files = [file for path in paths for file in _files(path)]
    if all(map(_is_parquet, files)) and sum(map(_cells, files)) > MOST_CELLS:
        return ParquetPieces(files)
    return pd.concat([_read(file, lists) for file in files], ignore_index=True)


def _files(path: Path) -> list[Path]:
    """Return the file, or a folder's tables by name.

    Raises:
        CommandError: the folder holds no table.
    """
    from shared.adapters.tables.table_files import WORDS, is_table

    if path.is_dir():
        tables = sorted(file for file in path.iterdir() if is_table(file.name) and file.is_file())
        if not tables:
            raise CommandError("cli.file", f"{path} holds no table", f"tables end in {WORDS}")
        return tables
    return [path]


def _is_parquet(file: Path) -> bool:
    from shared.adapters.tables.table_files import PARQUET

    return file.name.lower().endswith(PARQUET)


def _read(file: Path, lists: Collection[str]) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    from shared.adapters.tables.table_files import stream_table

    if _is_parquet(file):
        with _translated(file), pq.ParquetFile(file) as opened:
            # The file's own notes for pandas name an index, which is no column.
            frame: pd.DataFrame = opened.read(columns=_plain_columns(opened, file, lists)).to_pandas(
                ignore_metadata=True
            )
            return frame
    with _translated(file):
        batches = list(stream_table(lambda: file.open("rb"), file.name))
    frames = [batch.to_pandas() if isinstance(batch, pa.RecordBatch) else batch for batch in batches]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _plain_columns(file: Any, path: Path, lists: Collection[str] = ()) -> list[str] | None:
    """Return the columns without lists, records and hidden indices, which nothing judges; None for all.

    Raises:
        CommandError: every column holds lists or records.
    """

    import pyarrow as pa

    schema = file.schema_arrow
    plain = [
        column.name
        for column in schema
        if (not pa.types.is_nested(column.type) or column.name in lists)
        and not column.name.startswith("__index_level_")
    ]
    if not plain:
        raise CommandError("cli.file", f"{path} has no column of plain values", "write numbers and texts of their own")
    return None if len(plain) == len(schema) else plain


def _cells(file: Path) -> int:
    import pyarrow.parquet as pq

    with _translated(file):
        metadata = pq.read_metadata(file)
        return int(metadata.num_rows * metadata.num_columns)


class _translated:  # noqa: N801 (used as a word)
    """Turns what a reader raises into one line that names the file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, exc: BaseException | None, trace: object) -> None:
        import pyarrow as pa

        if isinstance(exc, FileNotFoundError):
            raise CommandError("cli.file", f"there is no file {self.file}", "give an existing one") from exc
        if isinstance(
            exc,
            ValueError | OSError | TypeError | KeyError | RecursionError | OverflowError | EOFError | pa.ArrowException,
        ):
            what = " ".join(str(exc).split())
            message = f"{self.file} cannot be read: {what:.200}"
            raise CommandError("cli.file", message, "is it what its name says?") from exc
