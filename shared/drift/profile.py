"""The profile of a reference: enough of its distribution to compare any window with, small enough to keep as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from shared.drift.columns import category_counts, kind_of, named_columns, sorted_numbers

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

FORMAT = 1
# Up to here every distinct value is an edge, and comparisons are exact; beyond, this many quantiles are kept.
MAXIMUM_EDGES = 1024
MAXIMUM_CATEGORIES = 10_000
# A text column whose values hardly repeat names rows; its distribution says nothing.
IDENTIFIER_SHARE = 0.5
IDENTIFIER_ROWS = 50


@dataclass(frozen=True, slots=True)
class NumericColumn:
    """Counts below and up to each edge; edges are finite values of the reference, ascending.

    `present` counts the non-null rows, infinities included. `is_exact`: every finite value is an edge.
    `median` is None when it is not finite.
    """

    name: str
    nulls: int
    present: int
    infinite: int
    edges: tuple[float, ...]
    below: tuple[int, ...]
    up_to: tuple[int, ...]
    median: float | None
    is_exact: bool
    kind: Literal["numeric"] = "numeric"


@dataclass(frozen=True, slots=True)
class CategoricalColumn:
    """Counts per category, most frequent first; `other` counts the rows of categories that were not kept."""

    name: str
    nulls: int
    present: int
    distinct: int
    categories: tuple[tuple[str, int], ...]
    other: int = 0
    kind: Literal["categorical"] = "categorical"

    @property
    def is_identifier(self) -> bool:
        return self.present >= IDENTIFIER_ROWS and self.distinct > IDENTIFIER_SHARE * self.present


@dataclass(frozen=True, slots=True)
class OtherColumn:
    """A column without a distribution to compare: without values, or of dates and times."""

    name: str
    nulls: int
    present: int
    kind: Literal["empty", "datetime"]


Column = NumericColumn | CategoricalColumn | OtherColumn


@dataclass(frozen=True, slots=True)
class Profile:
    """What a reference looked like. `columns` keep the order of the frame."""

    rows: int
    columns: tuple[Column, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data that `from_dict` reads back to an equal profile."""
        return {"format": FORMAT, "rows": self.rows, "columns": [dataclasses.asdict(each) for each in self.columns]}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Profile:
        """Return the profile that `to_dict` wrote.

        Raises:
            ValueError: written in another format, or damaged.
        """
        if stored.get("format") != FORMAT:
            raise ValueError(
                f"this profile has format {stored.get('format')!r}, format {FORMAT} is read; profile again"
            )
        try:
            return cls(rows=int(stored["rows"]), columns=tuple(_column(each) for each in stored["columns"]))
        except (KeyError, TypeError) as exc:
            raise ValueError(f"this profile is damaged ({type(exc).__name__}: {exc}); profile again") from exc


def profile(frame: pd.DataFrame, ignore: Collection[str] = ()) -> Profile:
    """Return the profile of a frame; columns named in `ignore` (labels, row ids) are left out.

    Never refuses a frame: no rows, no columns, columns without values and infinities are all recorded as such.
    """
    columns = named_columns(frame)
    return Profile(len(frame), tuple(_profile(name, each) for name, each in columns.items() if name not in ignore))


def _profile(name: str, column: pd.Series[Any]) -> Column:
    nulls = int(column.isna().sum())
    present = len(column) - nulls
    kind = kind_of(column)
    if kind == "numeric":
        return _numeric(name, len(column), sorted_numbers(column))
    if kind == "categorical":
        counts = category_counts(column)
        kept = tuple(counts.items())[:MAXIMUM_CATEGORIES]
        described = CategoricalColumn(name, nulls, present, len(counts), kept, present - sum(n for _, n in kept))
        return dataclasses.replace(described, categories=(), other=present) if described.is_identifier else described
    return OtherColumn(name, nulls, present, kind)


def _numeric(name: str, rows: int, values: NDArray[np.float64]) -> NumericColumn:
    finite = values[np.isfinite(values)]
    distinct = np.unique(finite)
    is_exact = len(distinct) <= MAXIMUM_EDGES
    edges = distinct if is_exact else np.unique(np.quantile(finite, _LEVELS, method="inverted_cdf"))
    median = float(np.median(values)) if len(values) else None
    return NumericColumn(
        name=name,
        nulls=rows - len(values),
        present=len(values),
        infinite=len(values) - len(finite),
        edges=tuple(edges.tolist()),
        below=tuple(np.searchsorted(values, edges, side="left").tolist()),
        up_to=tuple(np.searchsorted(values, edges, side="right").tolist()),
        median=median if median is not None and np.isfinite(median) else None,
        is_exact=is_exact,
    )


_LEVELS = np.linspace(0.0, 1.0, MAXIMUM_EDGES)


def _column(stored: Mapping[str, Any]) -> Column:
    match stored["kind"]:
        case "numeric":
            tuples = {name: tuple(stored[name]) for name in ("edges", "below", "up_to")}
            return NumericColumn(**{**stored, **tuples})
        case "categorical":
            kept = tuple((str(value), int(count)) for value, count in stored["categories"])
            return CategoricalColumn(**{**stored, "categories": kept})
        case "empty" | "datetime":
            return OtherColumn(**stored)
        case unknown:
            raise ValueError(f"this profile has a column of kind {unknown!r}, which is not known; profile again")
