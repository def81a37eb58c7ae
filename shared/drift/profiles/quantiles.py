"""Quantiles that counts around edges give."""

from __future__ import annotations

import math

import numpy as np

from shared.drift.profiles.counts import ColumnCounts
from shared.drift.profiles.reference import NumericColumn


def quantile(reference: NumericColumn, counts: ColumnCounts, level: float) -> float | None:
    """Return the quantile of the numbers that were counted around the reference's edges; None when it is not finite.

    Exact where the values of that rank lie on an edge; between two edges values count as evenly spread.

    Args:
        level: 0 to 1.
    """
    if not counts.numbers or not reference.edges:
        return None
    place = level * (counts.numbers - 1)
    low, high = (_ranked(reference, counts, rank) for rank in (math.floor(place), math.ceil(place)))
    value = low + (high - low) * (place - math.floor(place)) if low != high else low
    return value if math.isfinite(value) else None


def _ranked(reference: NumericColumn, counts: ColumnCounts, rank: int) -> float:
    """Return about the value of that rank, counted from 0."""
    if rank < counts.negative_infinite:
        return -math.inf
    if rank >= counts.numbers - counts.positive_infinite:
        return math.inf
    position = int(np.searchsorted(counts.up_to, rank, side="right"))
    if position < len(reference.edges) and rank >= counts.below[position]:
        return reference.edges[position]
    lower = int(counts.up_to[position - 1]) if position else counts.negative_infinite
    upper = (
        int(counts.below[position]) if position < len(reference.edges) else counts.numbers - counts.positive_infinite
    )
    start = max(reference.edges[position - 1], counts.least) if position else counts.least
    end = min(reference.edges[position], counts.most) if position < len(reference.edges) else counts.most
    return start + (end - start) * (rank - lower + 0.5) / (upper - lower)
