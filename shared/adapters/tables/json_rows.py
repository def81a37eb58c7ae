"""Rows in JSON: a line each, an array of records, or one of the forms in which pandas writes a table."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

from shared.adapters.tables.packed import DAMAGED, Opened, encoding_of, spelled, unpacked
from shared.errors import PermanentError

if TYPE_CHECKING:
    import pandas as pd

HEAD_BYTES = 64 * 1024
FRAME_ROWS = 16_384
# A document that is not one object per line is read whole.
MOST_BYTES = 256 * 1024 * 1024
_REMEDY = 'write one JSON object per line, e.g. {"delay": 3.5, "carrier": "TP"}'
_NESTED = ("data", "records", "rows", "value", "values", "items", "results")


def stream_json(opened: Opened, name: str) -> Iterator[pd.DataFrame]:
    """Yield the rows in frames; a key that a row lacks is missing there. Lines of a data collector give the rows that
    they carry.

    Raises:
        PermanentError: it is not JSON, or holds no rows.
    """
    import pandas as pd

    opened = unpacked(opened, name)
    rows: list[dict[str, Any]] = []
    try:
        for row in _rows(opened, name):
            rows.append(row)
            if len(rows) >= FRAME_ROWS:
                yield pd.DataFrame(rows)
                rows = []
    except (*DAMAGED, RecursionError) as exc:
        message = " ".join(str(exc).split())
        raise PermanentError("data.unreadable", f"{name} cannot be read as JSON: {message:.200}", _REMEDY) from exc
    if rows:
        yield pd.DataFrame(rows)


def _rows(opened: Opened, name: str) -> Iterator[dict[str, Any]]:
    with opened() as file:
        head = file.read(HEAD_BYTES)
    encoding = encoding_of(head)
    if not head.strip() or not encoding:
        problem = "holds bytes that are not text" if head.strip() else "is empty"
        raise PermanentError("data.unreadable", f"{name} {problem}", _REMEDY)
    if encoding.startswith("utf-16"):
        with opened() as file:
            as_utf8 = file.read(MOST_BYTES).decode(encoding).encode()
        yield from _rows(lambda: io.BytesIO(as_utf8), name)
        return
    with opened() as file:
        first, second = _decoded(_filled_line(file)), _decoded(_filled_line(file))
    if _is_whole(first) and second.startswith("{"):
        with opened() as file:
            yield from _lines(file, name)
        return
    with opened() as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        message = f"{name} has more than {MOST_BYTES:,} bytes in one JSON document"
        raise PermanentError("data.too_large", message, _REMEDY)
    yield from _records(json.loads(_decoded(content)), name)


def _decoded(content: bytes) -> str:
    return spelled(content).strip("\ufeff\0 \t\r\n")


def _filled_line(file: IO[bytes]) -> bytes:
    while (line := file.readline(MOST_BYTES)) and not line.strip(b" \t\r\n\0"):
        pass
    return line


def _is_whole(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


def _lines(file: IO[bytes], name: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file, 1):
        text = spelled(line).strip().lstrip("\ufeff")
        if not text:
            continue
        try:
            record = json.loads(text)
        except ValueError as exc:
            message = f"line {number} of {name} is not JSON: {exc!s:.200}"
            raise PermanentError("data.unreadable", message, _REMEDY) from exc
        if _is_collected(record):
            yield from _records(record, f"line {number} of {name}")
        else:
            yield _row(record, name, number)


def _is_collected(record: Any) -> bool:
    """Return whether this is what Azure ML's data collector writes per request."""
    return isinstance(record, dict) and "specversion" in record and isinstance(record.get("data"), list)


def _row(row: Any, name: str, number: int) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise PermanentError("data.unreadable", f"line {number} of {name} is not a JSON object: {row!r:.40}", _REMEDY)
    return row


def _records(document: Any, name: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a document.

    Raises:
        PermanentError: it holds none.
    """
    match document:
        case [*rows] if all(isinstance(row, dict) for row in rows):
            yield from rows
        case {"columns": [*names], "data": [*rows]} if all(isinstance(row, list) for row in rows):
            yield from (dict(zip(map(str, names), row, strict=True)) for row in rows)
        case dict() if nested := [document[key] for key in _NESTED if isinstance(document.get(key), list)]:
            yield from _records(nested[0], name)
        case dict() if document and all(isinstance(column, dict) for column in document.values()):
            keys = list(dict.fromkeys(key for column in document.values() for key in column))
            yield from ({name: column.get(key) for name, column in document.items()} for key in keys)
        case dict() if (
            document
            and len({len(column) if isinstance(column, list) else -1 for column in document.values()}) == 1
            and isinstance(next(iter(document.values())), list)
        ):
            yield from (dict(zip(document, row, strict=True)) for row in zip(*document.values(), strict=True))
        case dict() if document and not any(isinstance(value, list | dict) for value in document.values()):
            yield document
        case _:
            raise PermanentError("data.unreadable", f"{name} holds JSON, but no rows", _REMEDY)
