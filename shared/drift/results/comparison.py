"""The rules of a drift comparison and what it found."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

# Effects that sampling gives fall with the root of the rows: a quarter more rows, a tenth less.
SAME_LENGTH_WITHIN = 0.25
Verdict = Literal["drift", "no-drift", "insufficient-data"]
# A change of the missing share matters from here on, or from `min_effect` on where that is smaller.
SMALLEST_MISSING_CHANGE = 0.035
# A look has several signals, whose false alarms together are to be no more than what the policy tolerates of the look.
OF_ONE_SIGNAL = 0.3
FloorReason = Literal[
    "smallest effect that matters", "sampling", "past windows", "blocks of the reference", "not compared"
]


@dataclass(frozen=True, slots=True)
class DriftRules:
    """When a difference counts.

    Args:
        min_effect: smallest effect that matters, 0-1: KS distance, JS distance (base 2), or share of rows with another
            type.
        false_alarms: tolerated share of false alarms of a look, 0-1; of columns that moved, a part of it.
        minimum_rows: reference and window need at least this many; fewer is insufficient data.
        ignore: columns left out (labels, row ids).
        min_effects: by column, in place of min_effect.
    """

    min_effect: float = 0.05
    false_alarms: float = 0.01
    minimum_rows: int = 1000
    ignore: frozenset[str] = frozenset()
    min_effects: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("min_effect", "false_alarms"):
            if not 0 < getattr(self, name) < 1:
                raise ValueError(f"{name} must lie between 0 and 1, e.g. 0.1 or 10%; got {getattr(self, name)}")
        if self.minimum_rows < 1:
            raise ValueError(f"minimum_rows must be at least 1, got {self.minimum_rows}")

    @property
    def significance(self) -> float:
        """Return the largest p-value, corrected for the columns, of an effect that counts."""
        return OF_ONE_SIGNAL * self.false_alarms

    @property
    def min_missing_change(self) -> float:
        return min(SMALLEST_MISSING_CHANGE, self.min_effect)


@dataclass(frozen=True, slots=True)
class PastWindow:
    """The effects that an earlier window had, by column, without those that drifted. It counts for windows of about
    equal length."""

    rows: int
    effects: Mapping[str, float]

    def is_as_long_as(self, rows: int) -> bool:
        """Return whether it can be compared with windows of so many rows: shorter ones vary more."""
        return abs(self.rows - rows) <= SAME_LENGTH_WITHIN * rows


@dataclass(frozen=True, slots=True)
class Histogram:
    """A column's distribution before and now: shares of the rows with a value, 0-1, one per label.

    `labels` are categories (most frequent first, the rest together last) or intervals in words; `edges` are the
    intervals' borders, one more than labels, and empty for categories.
    """

    labels: tuple[str, ...]
    before: tuple[float, ...]
    now: tuple[float, ...]
    edges: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class ColumnReport:
    """One column's comparison.

    `effect`, `p_value` and `adjusted_p_value` are None when the column could not be compared; `findings` then say
    why. `measures` holds every distance that was taken, by name ("KS", "PSI", "Wasserstein", "JS", "chi2_p").
    `effect_at_most` is above `effect` only for a reference with very many distinct values. Missing and unseen are
    shares of rows, 0-1, the latter less what sampling explains; `importance` is the column's share of the model's
    feature importance, 0-1, when known. `segment` is the part of the column that the numbers are of, "" for all.
    """

    name: str
    statistic: Literal["KS", "JS", "none"]
    effect: float | None
    floor: float
    floor_reason: FloorReason
    is_drifted: bool
    sentence: str
    p_value: float | None = None
    adjusted_p_value: float | None = None
    effect_at_most: float | None = None
    missing_before: float = 0.0
    missing_now: float = 0.0
    unseen_share: float = 0.0
    findings: tuple[str, ...] = ()
    measures: Mapping[str, float] = field(default_factory=dict)
    importance: float | None = None
    histogram: Histogram | None = None
    segment: str = ""


@dataclass(frozen=True, slots=True)
class DriftReport:
    """The comparison of a window with its reference. `columns` come worst first."""

    verdict: Verdict
    sentence: str
    reference_rows: int
    window_rows: int
    columns: tuple[ColumnReport, ...] = ()
    findings: tuple[str, ...] = field(default=())

    @property
    def drifted(self) -> tuple[ColumnReport, ...]:
        return tuple(column for column in self.columns if column.is_drifted)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data."""
        return dataclasses.asdict(self)
