"""Rows that repeat another row, counted in bounded memory."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

# About so many rows are compared at most, chosen by their content so that all copies of a row are chosen together.
ROWS_LOOKED_AT = 1_000_000
COLUMNS_AT_ONCE = 4


def duplicate_share(frame: pd.DataFrame) -> float:
    """Return the share of rows that equal an earlier row in every column, 0-1; missing values equal one another.

    Exact (up to collisions of 64-bit hashes) for up to a million rows, an estimate beyond. Column by column only the
    rows that may still be repeats are hashed, so unlike rows cost little. Memory: some 40 bytes per row.
    """
    rows = len(frame)
    if rows < 2 or frame.shape[1] == 0:
        return 0.0
    candidates = np.arange(rows)
    hashes = np.zeros(rows, dtype=np.uint64)
    positions = _varied_first(frame)
    for first in range(0, len(positions), COLUMNS_AT_ONCE):
        part = frame.iloc[candidates, positions[first : first + COLUMNS_AT_ONCE]]
        hashes = hashes * np.uint64(1_099_511_628_211) + _hashes(part)
        if first == 0 and rows > ROWS_LOOKED_AT:
            chosen = hashes % np.uint64(math.ceil(rows / ROWS_LOOKED_AT)) == 0
            candidates, hashes = candidates[chosen], hashes[chosen]
            rows = len(candidates)
        _, groups, sizes = np.unique(hashes, return_inverse=True, return_counts=True)
        if len(sizes) == len(hashes):
            return 0.0
        is_shared = sizes[groups] > 1
        candidates, hashes = candidates[is_shared], hashes[is_shared]
    return (len(hashes) - len(np.unique(hashes))) / max(rows, 1)


def _varied_first(frame: pd.DataFrame) -> list[int]:
    """Return the columns' positions, floats first: they tell rows apart soonest and are the cheapest to hash."""
    kinds = [dtype.kind for dtype in frame.dtypes]
    return sorted(range(len(kinds)), key=lambda position: kinds[position] != "f")


def _hashes(part: pd.DataFrame) -> NDArray[np.uint64]:
    import pandas as pd

    try:
        hashed = pd.util.hash_pandas_object(part, index=False)
    except TypeError:  # lists and dicts cannot be hashed, their text can
        hashed = pd.util.hash_pandas_object(part.map(repr), index=False)
    hashes: NDArray[np.uint64] = hashed.to_numpy().astype(np.uint64, copy=False)
    return hashes
