"""A column's picture: few bins on round borders, or the most frequent categories; exact shares of both."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from shared.drift.comparison.categories import PairedCounts
from shared.drift.profiles.counts import ColumnCounts
from shared.drift.profiles.edges import DECILES, MOST_TICKS, round_ticks
from shared.drift.profiles.reference import NumericColumn
from shared.drift.results.comparison import Histogram

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Counts = NDArray[np.float64] | NDArray[np.int64]

CATEGORIES_SHOWN = 12
REST = "all others"


def numeric_histogram(reference: NumericColumn, window: ColumnCounts) -> Histogram:
    """Return the shares between round numbers; of few distinct values the shares of each."""
    edges = np.array(reference.edges)
    if reference.is_exact and len(edges) <= MOST_TICKS:
        return _values_histogram(reference, window)
    borders = _borders(reference, edges)
    places = np.searchsorted(edges, borders)
    old = np.diff(np.concatenate(([0], np.array(reference.below)[places], [reference.present])))
    now = np.diff(np.concatenate(([0], window.below[places], [window.numbers])))
    words = [_number(border) for border in borders.tolist()]
    inner = [f"{low} to {high}" for low, high in pairwise(words)]
    outer = (min(float(edges[0]), window.least), max(float(edges[-1]), window.most))
    return Histogram(
        labels=(f"below {words[0]}", *inner, f"{words[-1]} and more"),
        before=_shares(old),
        now=_shares(now),
        edges=(outer[0], *borders.tolist(), outer[1]),
    )


def _borders(reference: NumericColumn, edges: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the round numbers that were counted at; else the values about the deciles."""
    up_to = np.array(reference.up_to)
    low, high = (
        edges[min(int(np.searchsorted(up_to, level * reference.present)), len(edges) - 1)] for level in (0.01, 0.99)
    )
    ticks = round_ticks(float(edges[0]), float(edges[-1]), np.array([low, high]))
    ticks = ticks[np.isin(ticks, edges)] if len(ticks) else ticks
    if len(ticks) >= 5:
        return ticks
    positions = np.minimum(np.searchsorted(up_to, DECILES * reference.present), len(edges) - 1)
    return np.unique(edges[positions])


def _values_histogram(reference: NumericColumn, window: ColumnCounts) -> Histogram:
    old = np.array(reference.up_to) - np.array(reference.below)
    now = window.up_to - window.below
    labels = [_number(edge) for edge in reference.edges]
    return _with_others(labels, (old, now), (reference.present, window.numbers))


def categorical_histogram(counts: PairedCounts) -> Histogram:
    """Return the shares of the categories that are most frequent in either, and of the rest together."""
    old_size, size = counts.sizes
    either = np.maximum(counts.old / old_size, counts.new / max(size, 1.0))
    shown = np.sort(np.argsort(-either, kind="stable")[:CATEGORIES_SHOWN])
    labels = [counts.names[place] for place in shown.tolist()]
    return _with_others(labels, (counts.old[shown], counts.new[shown]), (old_size, size))


def _with_others(labels: list[str], sides: tuple[Counts, Counts], sizes: tuple[float, float]) -> Histogram:
    """Return the picture of both sides, with one more bar for the rows that are in none of those given."""
    others = [size - side.sum() for side, size in zip(sides, sizes, strict=True)]
    if any(others):
        labels = [*labels, REST]
        sides = np.append(sides[0], others[0]), np.append(sides[1], others[1])
    return Histogram(tuple(labels), _shares(sides[0]), _shares(sides[1]))


def _shares(counts: Counts) -> tuple[float, ...]:
    shares: list[float] = (counts / max(float(counts.sum()), 1.0)).tolist()
    return tuple(shares)


def _number(value: float) -> str:
    return f"{value:.6g}"
