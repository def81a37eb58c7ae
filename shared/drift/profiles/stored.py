"""What is stored of references and counts, as bytes: another format, or damaged content, is rejected with one kind of
message."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from shared.drift.profiles.counts import ColumnCounts, WindowCounts

_FORMAT, _REMEDY = 1, "count the window again"
_ARRAYS = ("below", "up_to", "known")


def packed(stored: Mapping[str, Any]) -> bytes:
    """Return gzipped JSON; equal bytes for equal data."""
    return gzip.compress(json.dumps(stored, separators=(",", ":"), allow_nan=False).encode(), 6, mtime=0)


def unpacked(content: bytes, problem: str, remedy: str) -> dict[str, Any]:
    """Return the data that `packed` wrote.

    Args:
        problem, remedy: for the error, e.g. "this profile is damaged" and "profile again".

    Raises:
        ValueError: it is damaged.
    """
    try:
        stored = json.loads(gzip.decompress(content))
    except (OSError, EOFError, zlib.error, ValueError) as exc:
        raise ValueError(f"{problem} ({type(exc).__name__}: {exc!s:.200}); {remedy}") from exc
    if not isinstance(stored, dict):
        raise ValueError(f"{problem} (no JSON object); {remedy}")  # noqa: TRY004
    return stored


@contextmanager
def reading(stored: Mapping[str, Any], what: str, format_: int, remedy: str) -> Iterator[None]:
    """Guard the reading of `stored`.

    Args:
        what: is read, e.g. "profile".
        format_: the only one that is read.
        remedy: what to do about one that cannot be read, e.g. "profile again".

    Raises:
        ValueError: written in another format, or damaged: a field is missing, or not of its type.
    """
    if stored.get("format") != format_:
        raise ValueError(f"this {what} has format {stored.get('format')!r}, format {format_} is read; {remedy}")
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as exc:
        raise ValueError(f"this {what} is damaged ({type(exc).__name__}: {exc!s:.200}); {remedy}") from exc


def counts_to_bytes(counts: WindowCounts) -> bytes:
    """Return the counts as gzipped JSON; equal bytes for equal counts."""
    stored = counts.to_dict()
    # Counts rise from edge to edge: their differences are small and compress well.
    columns = {name: {**column, **_steps(column)} for name, column in stored["columns"].items()}
    return packed({"format": _FORMAT, **stored, "columns": columns})


def counts_from_bytes(content: bytes) -> WindowCounts:
    """Return the counts that `counts_to_bytes` wrote.

    Raises:
        ValueError: written in another format, or damaged.
    """
    stored = unpacked(content, "these counts cannot be read", _REMEDY)
    with reading(stored, "count", _FORMAT, _REMEDY):
        return WindowCounts(
            reference=str(stored["reference"]),
            rows=int(stored["rows"]),
            columns={name: _column(column) for name, column in stored["columns"].items()},
            new=frozenset(stored["new"]),
            twice=frozenset(stored["twice"]),
            findings=tuple(stored["findings"]),
        )


def _steps(column: Mapping[str, Any]) -> dict[str, list[int]]:
    return {name: np.diff(column[name], prepend=0).tolist() for name in ("below", "up_to")}


def _column(stored: Mapping[str, Any]) -> ColumnCounts:
    arrays = {name: np.array(stored[name], dtype=np.int64) for name in _ARRAYS}
    if len(arrays["below"]) != len(arrays["up_to"]):
        raise ValueError("counts below and up to the edges differ in number")
    arrays |= {name: np.cumsum(arrays[name], dtype=np.int64) for name in ("below", "up_to")}
    least, most = stored["least"], stored["most"]
    # Earlier versions kept a few examples in place of the values' counts.
    fields = {name: value for name, value in stored.items() if name != "unseen_examples"}
    return ColumnCounts(
        **{
            **fields,
            **arrays,
            "least": math.inf if least is None else float(least),
            "most": -math.inf if most is None else float(most),
            "unseen_values": {name: int(rows) for name, rows in stored.get("unseen_values", {}).items()},
        }
    )
