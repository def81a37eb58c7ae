"""Reading stored references: another format, or damaged content, is rejected with one kind of message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


@contextmanager
def reading(stored: Mapping[str, Any], what: str, format_: int, remedy: str) -> Iterator[None]:
    """Guard the reading of `stored`.

    Args:
        what: is read, e.g. "profile".
        format_: the only one that is read.
        remedy: what to do about one that cannot be read, e.g. "profile again".

    Raises:
        ValueError: written in another format, or damaged: the reading met a `KeyError`, `TypeError` or `ValueError`.
    """
    if stored.get("format") != format_:
        raise ValueError(f"this {what} has format {stored.get('format')!r}, format {format_} is read; {remedy}")
    try:
        yield
    except (KeyError, TypeError, ValueError) as exc:
        raise ValueError(f"this {what} is damaged ({type(exc).__name__}: {exc}); {remedy}") from exc
