"""What a reference's data was like as data: types, ranges, gaps, repeats, and how much these vary by themselves."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.drift.profiles.stored import reading
from shared.drift.rows.batches import THREADS
from shared.drift.rows.columns import Kind, kind_of, named_columns
from shared.drift.rows.equal import Precision, are_flags, by_distinct, declared

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

FORMAT = 1
# The reference is cut into consecutive pieces to see how much a piece differs from the rest by itself.
PIECES = 20
PIECE_ROWS = 500
# How often a value occurs is taken from about so many rows, evenly spaced.
LOOKED_AT = 10_000
# A count by chance hardly lies so many standard deviations above its mean.
SURE_DEVIATIONS = 4.0
# What pieces show by themselves is taken for a limit, with this confidence, from so many of them on.
CONFIDENCE, ENOUGH_PIECES = 0.998, 10
# With this one for missing values that come in bouts, as the floors of drift have it: all columns share it.
SHARED_CONFIDENCE = 0.9997
# Pieces that differ by this chance at most have levels of their own; a zero in so many rows is a natural end.
OF_ONE_LAW, LEVELS, LEAST_ZEROS = 0.001, 10, 0.01
# About so many rows are compared at most, chosen by their content so that all copies of a row are chosen together.
ROWS_COMPARED = 1_000_000
COLUMNS_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class QualityColumn:
    """One column; shares are of rows, 0-1.

    Args:
        nulls: the worst piece's share of missing values, or what a piece hardly exceeds where levels change with time.
        lowest, highest: of the finite numbers, or of times as seconds since 1970; None without any.
        at_least, at_most: beyond these a number is out of range; None, as in earlier profiles: the lowest and highest.
        outside: the share of values outside of what the other pieces hold that a piece hardly exceeds.
        infinite: share of infinite values.
        is_sometimes_constant: in some piece, or in all, there is one value only.
        most_frequent: the share of the most frequent value.
        longest_run: so many rows one after the other had one value, missing ones left out; 0 where it is rare.
        has_zone: of times, whether they have a zone; None for other columns.
        are_flags: booleans, in whatever spelling, or nothing but 0 and 1.
        precision: what the column's type says of its numbers.
        present, finite: how many values, and finite numbers, there were; None in profiles of earlier versions.
        readable: of text, the share of values that read as numbers.
    """

    name: str
    kind: Kind
    nulls: float
    lowest: float | None = None
    highest: float | None = None
    outside: float = 0.0
    infinite: float = 0.0
    is_sometimes_constant: bool = False
    most_frequent: float = 0.0
    has_zone: bool | None = None
    are_flags: bool = False
    precision: Precision = ""
    present: int | None = None
    finite: int | None = None
    readable: float = 0.0
    at_least: float | None = None
    at_most: float | None = None
    longest_run: int = 0

    @property
    def limits(self) -> tuple[float, float] | None:
        """Return between what numbers belong; None when the reference has none."""
        if self.lowest is None or self.highest is None:
            return None
        return (
            self.lowest if self.at_least is None else self.at_least,
            self.highest if self.at_most is None else self.at_most,
        )

    @property
    def is_widened(self) -> bool:
        return self.limits != (self.lowest, self.highest)


@dataclass(frozen=True, slots=True)
class QualityProfile:
    """A reference. `duplicates` are (rows, share of them that repeat another): more rows repeat more often."""

    rows: int
    columns: tuple[QualityColumn, ...]
    duplicates: tuple[tuple[int, float], ...]

    def duplicates_at(self, rows: int) -> float:
        """Return the share of repeats to expect among so many rows at most.

        Up to the reference's size, the worst of the sizes next to it. Beyond, a further row may repeat any of the
        more: shares grow with the rows, and how many there were is itself a count by chance.
        """
        smaller = [share for size, share in self.duplicates if size <= rows]
        larger = [share for size, share in self.duplicates if size >= rows]
        worst = max([*smaller[-1:], *larger[:1]], default=0.0)
        if larger or not self.rows:
            return worst
        repeats = worst * self.rows
        return min(1.0, (repeats + SURE_DEVIATIONS * math.sqrt(repeats + SURE_DEVIATIONS)) * rows / self.rows**2)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data that `from_dict` reads back to an equal profile."""
        return {"format": FORMAT, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> QualityProfile:
        """Return the profile that `to_dict` wrote.

        Raises:
            ValueError: written in another format, or damaged.
        """
        with reading(stored, "profile", FORMAT, "profile again"):
            columns = tuple(QualityColumn(**column) for column in stored["columns"])
            duplicates = tuple((int(rows), float(share)) for rows, share in stored["duplicates"])
            return cls(int(stored["rows"]), columns, duplicates)


def profile_quality(frame: pd.DataFrame, ignore: Collection[str] = ()) -> QualityProfile:
    """Return the profile of a frame whose rows are in the order of time, if they have one. Never refuses a frame."""
    starts = _starts(len(frame))
    judged = drop_ignored(frame, ignore)
    named = named_columns(judged)
    with ThreadPoolExecutor(THREADS) as pool:
        duplicates = pool.submit(_duplicates, judged)
        columns = tuple(pool.map(lambda name: _column(name, named[name], starts), named))
    return QualityProfile(len(frame), columns, duplicates.result())


def drop_ignored(frame: pd.DataFrame, ignore: Collection[str]) -> pd.DataFrame:
    return frame.loc[:, [str(name) not in ignore for name in frame.columns]]


def finite_numbers(column: pd.Series[Any], kind: Kind) -> NDArray[np.float64]:
    """Return one number per row, NaN where there is none of that kind: numbers, or times in seconds since 1970 (UTC
    if naive), durations in seconds."""
    import pandas as pd

    nothing = np.full(len(column), np.nan)
    if kind == "datetime":
        return _seconds(column) if kind_of(column) == "datetime" else nothing
    if pd.api.types.is_complex_dtype(column.dtype):
        return nothing
    if isinstance(column.dtype, pd.StringDtype | pd.CategoricalDtype):
        return by_distinct(column, lambda distinct: finite_numbers(distinct.astype(object), kind))
    return pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)


def _seconds(column: pd.Series[Any]) -> NDArray[np.float64]:
    import pandas as pd

    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    if pd.api.types.is_timedelta64_dtype(column.dtype):
        return np.asarray(column.dt.total_seconds(), dtype=np.float64)
    if pd.api.types.infer_dtype(column, skipna=True) not in ("datetime64", "datetime", "date"):
        return np.full(len(column), np.nan)  # times of the day, intervals: no point on a line
    times = pd.to_datetime(column, errors="coerce", utc=True)
    return np.asarray((times - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1), dtype=np.float64)


def has_zone(column: pd.Series[Any]) -> bool:
    """Return whether every time in the column has a zone."""
    import pandas as pd

    if isinstance(column.dtype, pd.DatetimeTZDtype):
        return True
    if column.dtype != object:
        return False
    return all(getattr(value, "tzinfo", None) is not None for value in column.dropna())


def _starts(rows: int) -> list[int]:
    pieces = min(PIECES, max(1, rows // PIECE_ROWS))
    return [rows * number // pieces for number in range(pieces)]


def _column(name: str, column: pd.Series[Any], starts: list[int]) -> QualityColumn:
    kind = kind_of(column)
    if len(column) == 0:
        return QualityColumn(name, kind, 0.0)
    empty = column.isna().to_numpy(dtype=bool)
    nulls = _most_missing(empty, starts)
    if kind == "empty":
        return QualityColumn(name, kind, nulls)
    constant, frequent, run = _constancy(column, starts)
    flags = are_flags(column)
    present = len(column) - int(np.count_nonzero(empty))
    profile = QualityColumn(
        name, kind, nulls, None, None, 0.0, 0.0, constant, frequent, are_flags=flags, present=present
    )
    profile = dataclasses.replace(profile, longest_run=run)
    if kind == "categorical":
        readable = 0 if flags else np.count_nonzero(~np.isnan(finite_numbers(column, "numeric")))
        return dataclasses.replace(profile, readable=readable / present)
    values = finite_numbers(column, kind)
    infinite = float(np.isinf(values).mean())
    values = np.where(np.isfinite(values), values, np.nan)
    if bool(np.isnan(values).all()):
        return dataclasses.replace(profile, infinite=infinite)
    low, high = _limits(values) if kind == "numeric" else (None, None)
    return dataclasses.replace(
        profile,
        lowest=float(np.nanmin(values)),
        highest=float(np.nanmax(values)),
        outside=_outside(values, starts),
        at_least=low,
        at_most=high,
        infinite=infinite,
        precision=declared(column.dtype),
        finite=int(np.count_nonzero(~np.isnan(values))),
        has_zone=has_zone(column) if kind == "datetime" else None,
    )


def _piece_means(truths: NDArray[np.bool_], starts: list[int]) -> NDArray[Any]:
    sums = np.add.reduceat(truths.astype(np.int64), starts)
    means: NDArray[Any] = sums / np.diff([*starts, len(truths)])
    return means


def _most_missing(empty: NDArray[np.bool_], starts: list[int]) -> float:
    """Return the worst piece's share, and where pieces differ by more than chance what a piece hardly exceeds."""
    from scipy.special import chdtrc

    worst, share = float(np.max(_piece_means(empty, starts))), float(np.mean(empty))
    pieces = [len(empty) * number // LEVELS for number in range(LEVELS)]
    if len(empty) < LEVELS * LEVELS or share in (0.0, 1.0):
        return worst
    shares, sizes = _piece_means(empty, pieces), np.diff([*pieces, len(empty)])
    between = float(np.sum(sizes * (shares - share) ** 2)) / (share * (1 - share))
    has_levels = float(chdtrc(LEVELS - 1, between)) <= OF_ONE_LAW
    return max(worst, _hardly_exceeded(shares, SHARED_CONFIDENCE)) if has_levels else worst


def _constancy(column: pd.Series[Any], starts: list[int]) -> tuple[bool, float, int]:
    """Return whether some piece has one value only, about the most frequent value's share of all, and how many rows one
    after the other had one value."""
    import pandas as pd

    some = column.iloc[:: max(1, len(column) // LOOKED_AT)].dropna()
    # Of numbers that are not missing, equal bits are equal texts, and much quicker to compare.
    if some.dtype == np.float64:
        counts: Any = np.unique(some.to_numpy().view(np.int64), return_counts=True)[1]
    else:
        is_text = isinstance(getattr(some.dtype, "categories", some).dtype, pd.StringDtype)
        counts = (some if is_text else some.astype(str)).value_counts()
    frequent = float(counts.max() / len(some)) if len(some) else 0.0
    if frequent < 1 / PIECES:  # then no piece can have it alone, but for a fluke of the sample
        return False, frequent, 0
    codes, _ = pd.factorize(column.astype(str) if column.dtype == object else column)
    codes = codes.astype(np.float64)
    codes[column.isna().to_numpy(dtype=bool)] = np.nan
    is_constant = bool(np.any(np.fmin.reduceat(codes, starts) == np.fmax.reduceat(codes, starts)))
    present = codes[~np.isnan(codes)]
    changes = np.flatnonzero(np.diff(present)) + 1
    return is_constant, frequent, int(np.diff(changes, prepend=0, append=len(present)).max())


def _outside(values: NDArray[np.float64], starts: list[int]) -> float:
    """Return the share of a piece's values, outside of what all other pieces hold, that a piece hardly exceeds."""
    if len(starts) < 2:
        return 0.0
    sizes = np.diff([*starts, len(values)])
    low = _least_of_others(np.fmin.reduceat(values, starts))
    high = -_least_of_others(-np.fmax.reduceat(values, starts))
    outside = (values < np.repeat(low, sizes)) | (values > np.repeat(high, sizes))
    return _hardly_exceeded(_piece_means(outside, starts)[~np.isnan(low)])


def _least_of_others(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return, in place of each of at least two values, the smallest of the others; NaN when they are."""
    first, second = np.argsort(values)[:2]
    least = np.full(len(values), values[first])
    least[first] = values[second]
    return least


def _hardly_exceeded(shares: NDArray[Any], confidence: float = CONFIDENCE) -> float:
    """Return the worst piece's share, and with many pieces at least the end of a prediction interval.

    Source: G. J. Hahn and W. Q. Meeker, Statistical Intervals (1991), eq. 4.2, one-sided.
    """
    worst = float(np.max(shares, initial=0.0))
    if len(shares) < ENOUGH_PIECES:
        return worst
    from scipy.special import stdtrit

    reach = float(stdtrit(len(shares) - 1, confidence)) * math.sqrt(1 + 1 / len(shares))
    return min(1.0, max(worst, float(np.mean(shares) + reach * np.std(shares, ddof=1))))


def _limits(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return between what values belong: the lowest and highest where rows are independent. Where levels change with
    time, or neighbours resemble one another, the next may lie beyond, as a season's do: by as much as the reference
    spans, but not below a natural zero.
    """
    present = values[~np.isnan(values)]
    low, high = float(present.min()), float(present.max())
    some = np.linspace(0, len(present) - 1, min(len(present), LOOKED_AT)).astype(np.intp)
    if len(some) < LEVELS * LEVELS:
        return low, high
    ranks = _ranks(present[some])
    if not (_have_levels(ranks) or _resemble(ranks, _ranks(present[np.minimum(some + 1, len(present) - 1)]))):
        return low, high
    zeros = np.count_nonzero(present == 0) / len(present) >= LEAST_ZEROS
    width = high - low
    return (
        low if zeros and low == 0 else max(low - width, -sys.float_info.max),
        high if zeros and high == 0 else min(high + width, sys.float_info.max),
    )


def _have_levels(ranks: NDArray[np.float64]) -> bool:
    """Return whether pieces of the ranked values, in their order, differ by more than chance.

    Source: W. H. Kruskal and W. A. Wallis, J. Am. Stat. Assoc. 47 (1952), eq. 1.1 and 1.2.
    """
    from scipy.special import chdtrc

    rows = len(ranks)
    spread = float(np.square(ranks).sum()) / (rows - 1)
    if spread == 0:
        return False
    starts = [rows * number // LEVELS for number in range(LEVELS)]
    sums = np.add.reduceat(ranks, starts)
    between = float(np.sum(sums**2 / np.diff([*starts, rows])))
    return float(chdtrc(LEVELS - 1, between / spread)) <= OF_ONE_LAW


def _resemble(ranks: NDArray[np.float64], following: NDArray[np.float64]) -> bool:
    """Return whether a value's rank is correlated with that of the one after it, by Spearman's correlation."""
    spread = math.sqrt(float(np.square(ranks).sum()) * float(np.square(following).sum()))
    return spread > 0 and float(np.sum(ranks * following)) / spread * math.sqrt(len(ranks)) > SURE_DEVIATIONS


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values' ranks less their mean; equal ones share theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - (counts + len(values)) / 2)[inverse]
    return ranks


def _duplicates(frame: pd.DataFrame) -> tuple[tuple[int, float], ...]:
    """Return the worst share of repeats among consecutive rows, for lengths that grow fourfold up to the whole."""
    shares: list[tuple[int, float]] = []
    whole, size = duplicate_share(frame), 1024
    while size < len(frame):
        starts = np.linspace(0, len(frame) - size, min(PIECES, math.ceil(len(frame) / size)), dtype=int)
        # Rows that never repeat do not in parts; of very many the whole is an estimate.
        may_repeat = whole or len(frame) > ROWS_COMPARED
        parts = (duplicate_share(frame.iloc[start : start + size]) for start in starts) if may_repeat else [0.0]
        shares.append((size, max(parts)))
        size *= 4
    return (*shares, (len(frame), whole))


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
        if first == 0 and rows > ROWS_COMPARED:
            chosen = hashes % np.uint64(math.ceil(rows / ROWS_COMPARED)) == 0
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
