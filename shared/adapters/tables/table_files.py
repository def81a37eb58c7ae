"""Which files are tables, and their rows in batches: parquet, CSV and JSON, compressed or not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shared.adapters.tables.csv_stream import stream_csv
from shared.adapters.tables.json_rows import stream_json
from shared.adapters.tables.packed import Opened, only_member, plain_name
from shared.adapters.tables.parquet import stream_parquet
from shared.errors import PermanentError

_CSV, _JSON = (".csv", ".tsv", ".tab"), (".jsonl", ".ndjson", ".json")
PARQUET = (".parquet", ".pq")
SUFFIXES = (*PARQUET, *_CSV, *_JSON)
WORDS = ".parquet, .csv, .tsv, .jsonl or .json, also compressed as .gz, .bz2, .xz, .zst or .zip"


def is_table(name: str) -> bool:
    """Return whether a file's name says that it is a table."""
    return plain_name(name).endswith(SUFFIXES)


def stream_table(opened: Opened, name: str) -> Iterator[Any]:
    """Yield a file's rows in batches, each a RecordBatch or a frame.

    Raises:
        PermanentError: it is not a table that is read, or a damaged one.
    """
    plain = plain_name(only_member(opened, name) if name.lower().endswith(".zip") else name)
    if plain.endswith(PARQUET):
        with opened() as file:
            yield from stream_parquet(file, name)
    elif plain.endswith(_JSON):
        yield from stream_json(opened, name)
    elif plain.endswith(_CSV):
        yield from stream_csv(opened, name)
    elif plain.endswith(".txt"):
        yield from _several_columns(stream_csv(opened, name), name)
    else:
        hint = "save the sheet as CSV" if plain.endswith((".xlsx", ".xls", ".ods")) else f"give one of {WORDS}"
        raise PermanentError("data.unreadable", f"{name} is not a table that can be read", hint)


def _several_columns(batches: Iterator[Any], name: str) -> Iterator[Any]:
    """Yield the batches of a table of several columns; a .txt with one is more likely a note than a table.

    Raises:
        PermanentError: there is one column only.
    """
    for batch in batches:
        if batch.shape[1] < 2:
            raise PermanentError("data.unreadable", f"{name} is not a table that can be read", f"give one of {WORDS}")
        yield batch
