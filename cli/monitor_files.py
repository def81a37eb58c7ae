"""Tables of files on this machine: parquet, CSV and JSON lines."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.errors import CommandError

if TYPE_CHECKING:
    import pandas as pd

# A frame of 50 million numbers takes 400 MB; what is larger is read piece by piece.
MOST_CELLS = 50_000_000
SUFFIXES = (".parquet", ".csv", ".csv.gz", ".jsonl", ".jsonl.gz", ".ndjson")


class ParquetPieces:
    """Parquet files too large for one frame, as pieces that start anew each time they are asked for."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = tuple(files)

    def __iter__(self) -> Iterator[Any]:
        import pyarrow.parquet as pq

        for file in self.files:
            with _translated(file), pq.ParquetFile(file) as opened:
                yield from opened.iter_batches()


def read_files(paths: Sequence[Path]) -> pd.DataFrame | ParquetPieces:
    """Return the rows of all files, in their order; folders stand for the files in them, by name.

    Raises:
        CommandError: a file is not there, cannot be read, or is of another kind.
    """
    import pandas as pd

    files = [file for path in paths for file in _files(path)]
    if all(file.suffix == ".parquet" for file in files) and sum(map(_cells, files)) > MOST_CELLS:
        return ParquetPieces(files)
    return pd.concat([_read(file) for file in files], ignore_index=True)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(each for each in path.iterdir() if each.name.endswith(SUFFIXES))
        if not found:
            raise CommandError("cli.file", f"{path} holds no table", f"tables end in {', '.join(SUFFIXES)}")
        return found
    return [path]


def _read(file: Path) -> pd.DataFrame:
    import pandas as pd

    readers: dict[str, Callable[[], pd.DataFrame]] = {
        ".parquet": lambda: pd.read_parquet(file),
        ".csv": lambda: pd.read_csv(file, low_memory=False),
        ".jsonl": lambda: pd.read_json(file, lines=True),
        ".ndjson": lambda: pd.read_json(file, lines=True),
    }
    read = readers.get(Path(file.name.removesuffix(".gz")).suffix)
    if read is None:
        raise CommandError("cli.file", f"{file} is no table that can be read", f"give one of {', '.join(SUFFIXES)}")
    with _translated(file):
        return read()


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
        if isinstance(exc, FileNotFoundError):
            raise CommandError("cli.file", f"there is no file {self.file}", "give an existing one") from exc
        if isinstance(exc, ValueError | OSError | TypeError | KeyError | RecursionError | OverflowError):
            what = " ".join(str(exc).split())
            message = f"{self.file} cannot be read: {what:.200}"
            raise CommandError("cli.file", message, "is it what its name says?") from exc
