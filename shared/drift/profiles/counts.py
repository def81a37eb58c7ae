"""What a window holds, counted around the edges of a reference: counts of two parts add up to those of the whole."""

from __future__ import annotations

import heapq
import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.drift.rows.equal import Precision, coarser

if TYPE_CHECKING:
    from numpy.typing import NDArray

# So many values that the reference never had are stored with their counts: as many as a profile stores of its own.
MOST_UNSEEN = 50_000
NO_COUNTS: NDArray[np.int64] = np.empty(0, dtype=np.int64)
# A finite double is a whole number of 2**-1074, so sums of doubles can be exact: they must not depend on how rows are
# split into parts, which rounded sums do.
SMALLEST_EXPONENT = -1074


@dataclass(frozen=True, slots=True, eq=False)
class ColumnCounts:
    """One column of a window. Every field of the sum of two follows from the two alone, in either order.

    Args:
        rows: of the batches that had the column.
        numbers: how many, infinities included; `texts` and `times` likewise, `zoneless` of the times.
        below: numbers below each of the reference's edges; `up_to` those up to it.
        low_sum: of the finite numbers below the first edge, in units of 2**-1074; `high_sum` of those above the last.
        least: smallest finite number, infinite when there is none; `most` the largest.
        known: rows per category of the reference; `unseen` those of any other.
        unseen_values: rows per such value; of more than `MOST_UNSEEN` those with the smallest checksums, which is a
            choice by chance that the parts of a window make alike.
        foreign: the first value, by the alphabet, that is not of the reference's type.
        precision: the coarser of what both sides' types say of their numbers.
    """

    rows: int = 0
    numbers: int = 0
    texts: int = 0
    times: int = 0
    zoneless: int = 0
    below: NDArray[np.int64] = field(default_factory=lambda: NO_COUNTS)
    up_to: NDArray[np.int64] = field(default_factory=lambda: NO_COUNTS)
    negative_infinite: int = 0
    positive_infinite: int = 0
    low_sum: int = 0
    high_sum: int = 0
    least: float = math.inf
    most: float = -math.inf
    known: NDArray[np.int64] = field(default_factory=lambda: NO_COUNTS)
    unseen: int = 0
    unseen_values: Mapping[str, int] = field(default_factory=dict)
    foreign: str | None = None
    precision: Precision = ""

    @property
    def present(self) -> int:
        return self.numbers + self.texts + self.times

    def __add__(self, other: ColumnCounts) -> ColumnCounts:
        foreign = [example for example in (self.foreign, other.foreign) if example is not None]
        return ColumnCounts(
            **{name: getattr(self, name) + getattr(other, name) for name in _SUMMED},
            least=min(self.least, other.least),
            most=max(self.most, other.most),
            unseen_values=_added(self.unseen_values, other.unseen_values),
            foreign=min(foreign, default=None),
            precision=coarser(self.precision, other.precision),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data; equal for equal counts."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        arrays = {name: fields[name].tolist() for name in ("below", "up_to", "known")}
        extremes = {name: fields[name] if math.isfinite(fields[name]) else None for name in ("least", "most")}
        return {**fields, **arrays, **extremes, "unseen_values": dict(sorted(self.unseen_values.items()))}


_SUMMED: tuple[str, ...] = (
    "rows",
    "numbers",
    "texts",
    "times",
    "zoneless",
    "below",
    "up_to",
    "negative_infinite",
    "positive_infinite",
)
_SUMMED += ("low_sum", "high_sum", "known", "unseen")


@dataclass(frozen=True, slots=True)
class WindowCounts:
    """A window, or a part of one, counted around the edges of a reference.

    Args:
        reference: digest of the profile whose edges and categories were counted.
        new: columns that the reference does not know; `twice` those of a name that a batch had more than once.
        findings: what reading the rows found odd, one sentence each.
    """

    reference: str
    rows: int = 0
    columns: Mapping[str, ColumnCounts] = field(default_factory=dict)
    new: frozenset[str] = frozenset()
    twice: frozenset[str] = frozenset()
    findings: tuple[str, ...] = ()

    def __add__(self, other: WindowCounts) -> WindowCounts:
        """Return the counts of both parts together.

        Raises:
            ValueError: they were counted against different profiles.
        """
        if self.reference != other.reference:
            raise ValueError("these windows were counted against different profiles; count both against one")
        both = {**self.columns, **other.columns}
        shared = self.columns.keys() & other.columns.keys()
        return WindowCounts(
            self.reference,
            self.rows + other.rows,
            {name: self.columns[name] + other.columns[name] if name in shared else both[name] for name in both},
            self.new | other.new,
            self.twice | other.twice,
            tuple(sorted({*self.findings, *other.findings})),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data; equal for equal counts."""
        return {
            "reference": self.reference,
            "rows": self.rows,
            "columns": {name: self.columns[name].to_dict() for name in sorted(self.columns)},
            "new": sorted(self.new),
            "twice": sorted(self.twice),
            "findings": list(self.findings),
        }


def bounded(values: Mapping[str, int]) -> Mapping[str, int]:
    """Return the values whose checksums are smallest, at most `MOST_UNSEEN`, with their counts.

    A value that is among the chosen of a whole is among those of every part that has it: counts stay exact.
    """
    if len(values) <= MOST_UNSEEN:
        return values
    chosen = heapq.nsmallest(MOST_UNSEEN, values, key=lambda name: (checksum(name), name))
    return {name: values[name] for name in chosen}


def checksum(name: str) -> int:
    return zlib.crc32(name.encode("utf-8", "replace"))


def _added(values: Mapping[str, int], others: Mapping[str, int]) -> Mapping[str, int]:
    if not (values and others):
        return values or others
    return bounded({**values, **{name: values.get(name, 0) + rows for name, rows in others.items()}})


def whole_sum(values: NDArray[np.float64]) -> int:
    """Return the exact sum of finite doubles, in units of 2**-1074."""
    fraction, exponent = np.frexp(values)
    mantissa = np.ldexp(fraction, 53).astype(np.int64)
    total = 0
    for power in np.unique(exponent).tolist():
        chosen = mantissa[exponent == power]
        # In halves of 26 bits, so that no sum of a batch overflows 64 bits.
        part = (int((chosen >> 26).sum()) << 26) + int((chosen & (2**26 - 1)).sum())
        shift = power - 53 - SMALLEST_EXPONENT
        total += part << shift if shift >= 0 else part >> -shift
    return total


def excess(whole: int, count: int, edge: float) -> float:
    """Return (whole - count * of) of a sum in units of 2**-1074, correctly rounded; infinite beyond a double."""
    try:
        return float(Fraction(whole, 2**-SMALLEST_EXPONENT) - count * Fraction(edge))
    except OverflowError:
        return math.inf if whole > 0 else -math.inf
