"""Counts of a window as bytes, to be added up elsewhere than where they were counted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from shared.drift.profiles.counts import ColumnCounts, WindowCounts
from shared.drift.profiles.stored import packed, reading, unpacked

FORMAT, REMEDY = 1, "count the window again"
_ARRAYS = ("below", "up_to", "known")


def counts_to_bytes(counts: WindowCounts) -> bytes:
    """Return the counts as gzipped JSON; equal bytes for equal counts."""
    stored = counts.to_dict()
    # Counts rise from edge to edge: their differences are small and compress well.
    columns = {name: {**column, **_steps(column)} for name, column in stored["columns"].items()}
    return packed({"format": FORMAT, **stored, "columns": columns})


def counts_from_bytes(content: bytes) -> WindowCounts:
    """Return the counts that `counts_to_bytes` wrote.

    Raises:
        ValueError: written in another format, or damaged.
    """
    stored = unpacked(content, "these counts cannot be read", REMEDY)
    with reading(stored, "count", FORMAT, REMEDY):
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
