"""The stored profile of a reference: counts around its edges and per category, enough to compare any window with."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any, Literal

from shared.drift.profiles.stored import packed, reading, unpacked
from shared.drift.rows.equal import Precision

FORMAT, REMEDY = 2, "profile again"
# A text column whose values hardly repeat identifies rows: a window holds other values by its nature.
IDENTIFIER_SHARE = 0.5
IDENTIFIER_ROWS = 50
# More distinct texts than this are not counted one by one while profiling.
MOST_DISTINCT = 50_000


@dataclass(frozen=True, slots=True)
class Variation:
    """How far blocks of `rows` consecutive rows of the reference lay from its other rows, over that many `blocks`.

    `mean` and `std` are of the effect (KS or JS distance), `excess` is how much of it sampling does not explain:
    0 where independent rows would show as much. The last two are of the change of the missing share.
    """

    rows: int
    blocks: int
    mean: float
    std: float
    excess: float
    missing_mean: float = 0.0
    missing_std: float = 0.0


@dataclass(frozen=True, slots=True)
class NumericColumn:
    """Counts below and up to each edge; edges are finite, ascending, the first and the last the extremes.

    `present` counts the numbers, infinities included. `is_exact`: every finite value is an edge.
    `median`, `mean` and `std` (of the finite values) are None when they are not finite. `precision` is what the
    column's type says of its numbers.
    `variation` is that of blocks of its rows, by their length, shortest first; empty for few rows.
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
    mean: float | None = None
    std: float | None = None
    kind: Literal["numeric"] = "numeric"
    precision: Precision = ""
    variation: tuple[Variation, ...] = ()


@dataclass(frozen=True, slots=True)
class CategoricalColumn:
    """Counts per category, most frequent first; `other` counts the rows of categories that were not stored.

    `distinct` is a lower bound when it exceeds `MOST_DISTINCT`. `variation`: as for numbers.
    """

    name: str
    nulls: int
    present: int
    distinct: int
    categories: tuple[tuple[str, int], ...]
    other: int = 0
    kind: Literal["categorical"] = "categorical"
    variation: tuple[Variation, ...] = ()

    @property
    def is_identifier(self) -> bool:
        is_rarely_repeated = self.distinct > IDENTIFIER_SHARE * self.present
        is_mostly_unknown = self.distinct > MOST_DISTINCT and self.other > IDENTIFIER_SHARE * self.present
        return self.present >= IDENTIFIER_ROWS and (is_rarely_repeated or is_mostly_unknown)


@dataclass(frozen=True, slots=True)
class OtherColumn:
    """A column without a distribution to compare: without values, or of dates and times.

    `zoneless` counts the times without a time zone, `foreign` the values that are no times.
    """

    name: str
    nulls: int
    present: int
    kind: Literal["empty", "datetime"]
    zoneless: int = 0
    foreign: int = 0


Column = NumericColumn | CategoricalColumn | OtherColumn


@dataclass(frozen=True, slots=True)
class Profile:
    """What a reference looked like. `columns` keep the order of the frame."""

    rows: int
    columns: tuple[Column, ...]

    @property
    def digest(self) -> str:
        """Return a hash of the edges and categories: only counts that were made with the same ones add up."""
        hasher = hashlib.sha256()
        for column in self.columns:
            keys = column.edges if isinstance(column, NumericColumn) else ()
            names = [name for name, _ in column.categories] if isinstance(column, CategoricalColumn) else []
            hasher.update(repr((column.name, column.kind, keys, names)).encode("utf-8", "replace"))
            hasher.update(column.precision.encode() if isinstance(column, NumericColumn) else b"")
        return hasher.hexdigest()[:16]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data that `from_dict` reads back to an equal profile."""
        return {"format": FORMAT, "rows": self.rows, "columns": [_stored(column) for column in self.columns]}

    def to_bytes(self) -> bytes:
        """Return the profile as gzipped JSON: about 7 KB per column of numbers."""
        return packed(self.to_dict())

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Profile:
        """Return the profile that `to_dict` wrote.

        Raises:
            ValueError: written in another format, or damaged.
        """
        with reading(stored, "profile", FORMAT, REMEDY):
            return cls(rows=int(stored["rows"]), columns=tuple(_column(column) for column in stored["columns"]))

    @classmethod
    def from_bytes(cls, content: bytes) -> Profile:
        """Return the profile that `to_bytes` wrote.

        Raises:
            ValueError: written in another format, or damaged.
        """
        return cls.from_dict(unpacked(content, "this profile is damaged", REMEDY))


def _stored(column: Column) -> dict[str, Any]:
    """Return a column's fields; counts as differences, which are small and compress well."""
    fields = {name: getattr(column, name) for name in column.__slots__}
    if not isinstance(column, OtherColumn):
        fields["variation"] = [dataclasses.astuple(variation) for variation in column.variation]
    if isinstance(column, NumericColumn):
        below = (0, *column.below)
        fields["below"] = [upper - lower for lower, upper in pairwise(below)]
        fields["up_to"] = [upper - lower for lower, upper in zip(column.below, column.up_to, strict=True)]
    return fields


def _column(stored: Mapping[str, Any]) -> Column:
    match stored["kind"]:
        case "numeric":
            below = tuple(accumulate(stored["below"]))
            up_to = tuple(least + at for least, at in zip(below, stored["up_to"], strict=True))
            edges = tuple(stored["edges"])
            if len(edges) != len(below):
                raise ValueError(f"{len(edges)} edges, {len(below)} counts")
            changed = {"edges": edges, "below": below, "up_to": up_to, "variation": _variation(stored)}
            return NumericColumn(**{**stored, **changed})
        case "categorical":
            categories = tuple((str(value), int(count)) for value, count in stored["categories"])
            return CategoricalColumn(**{**stored, "categories": categories, "variation": _variation(stored)})
        case "empty" | "datetime":
            return OtherColumn(**stored)
        case unknown:
            raise ValueError(f"a column is of the unknown kind {unknown!r}")


def _variation(stored: Mapping[str, Any]) -> tuple[Variation, ...]:
    """Return a column's variation; profiles of earlier versions have none."""
    return tuple(Variation(*values) for values in stored.get("variation", ()))
