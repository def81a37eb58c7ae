"""Reading stored references: another format, or damaged content, is rejected with one kind of message."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


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
