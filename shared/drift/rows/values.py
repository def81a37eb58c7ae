"""The numbers, texts, times and missing values of one batch's column.

A value's type depends on the value alone, never on its neighbours, so that the counts are the same however rows are cut
into batches. Booleans are texts. A number among texts is written as `number_text` writes it, bytes are decoded. Texts
that stand for a missing value are missing; `shared.drift.rows.equal` has the rules.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from shared.drift.rows.equal import MISSING, NUMBER, TIME, ZONELESS, Precision, declared, is_missing

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_NUMBERS: NDArray[np.float64] = np.empty(0, dtype=np.float64)
_TIMES = (dt.date, dt.time, dt.timedelta, np.datetime64, np.timedelta64, pd.Period, pd.Interval)
_NUMBERS = (int, float, Decimal, np.integer, np.floating)
FEW = 256
_BEGINNINGS = frozenset("+-.0123456789iI")
_NOTHING = pa.array(sorted(MISSING), type=pa.large_string())
_NUMBER_KINDS = {"integer", "floating", "mixed-integer-float", "decimal"}


@dataclass(frozen=True, slots=True)
class Texts:
    """Distinct texts and how often each occurs, in any order; one text may come twice."""

    distinct: Any  # pa.Array of strings, without nulls
    counts: NDArray[np.int64]

    @property
    def total(self) -> int:
        return int(self.counts.sum())

    def where(self, chosen: NDArray[np.bool_]) -> Texts:
        return self if bool(chosen.all()) else Texts(self.distinct.filter(pa.array(chosen)), self.counts[chosen])

    @property
    def are_numbers(self) -> NDArray[np.bool_]:
        """Return which of them read as a number."""
        return _matching(self.distinct, NUMBER)

    @property
    def are_times(self) -> NDArray[np.bool_]:
        """Return which of them read as a date, with a time or without."""
        return _matching(self.distinct, TIME)

    @property
    def are_zoneless(self) -> NDArray[np.bool_]:
        """Return which of them read as a date and a time without a zone."""
        return _matching(self.distinct, ZONELESS)

    def numbers(self) -> NDArray[np.float64]:
        """Return the numbers, given that all of them are."""
        return np.repeat(np.array([float(text) for text in self.distinct.to_pylist()], dtype=np.float64), self.counts)


def _matching(distinct: Any, pattern: str) -> NDArray[np.bool_]:
    # For a few texts, a call of pyarrow takes longer than a loop; most begin as neither a number nor a time does.
    if len(distinct) <= FEW and not any(text.lstrip()[:1] in _BEGINNINGS for text in distinct.to_pylist()):
        return np.zeros(len(distinct), dtype=bool)
    is_match: NDArray[np.bool_] = pc.match_substring_regex(distinct, pattern).to_numpy(zero_copy_only=False)
    return is_match


@dataclass(frozen=True, slots=True)
class Values:
    """A column of a batch; rows without a number, text or time are missing.

    Args:
        numbers: in the order of the rows; NaN is a missing value. One entry per row, unless the column mixes types.
        times: how many dates, times and durations.
        zoneless: how many of them are times of day without a time zone.
        precision: that of the column's own type.
    """

    rows: int
    numbers: NDArray[np.float64] = field(default_factory=lambda: NO_NUMBERS)
    texts: Texts | None = None
    times: int = 0
    zoneless: int = 0
    precision: Precision = ""


def values_of(column: Any) -> Values:
    """Return what a pandas Series, or a pyarrow Array, holds."""
    if not isinstance(column, pd.Series):
        return _of_arrow(column)
    dtype = column.dtype
    if isinstance(dtype, np.dtype) and dtype.kind in "fiu":
        return Values(len(column), column.to_numpy(dtype=np.float64), precision=declared(dtype))
    if isinstance(dtype, pd.CategoricalDtype):
        return _of_categories(column)
    if isinstance(dtype, np.dtype) and dtype.kind in "mM":
        return _of_times(column, zoneless=dtype.kind == "M")
    if isinstance(dtype, pd.DatetimeTZDtype | pd.PeriodDtype | pd.IntervalDtype):
        return _of_times(column, zoneless=False)
    if pd.api.types.is_bool_dtype(dtype):
        return _of_flags(len(column), int(column.sum()), int(column.count()))
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype):
        numbers = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return Values(len(column), numbers, precision=declared(dtype))
    if isinstance(dtype, pd.StringDtype | pd.ArrowDtype):
        return _of_arrow(_array(column))
    return _of_objects(column)


def texts_of(counts: dict[str, int]) -> Texts | None:
    """Return the texts of a mapping from text to count, without those that stand for a missing value; None if none."""
    counts = {text: count for text, count in counts.items() if not is_missing(text)}
    if not counts:
        return None
    try:
        distinct = pa.array(list(counts), type=pa.large_string())
    except UnicodeEncodeError:  # halves of a character, which JSON can hold
        distinct = pa.array([text.encode("utf-8", "replace").decode() for text in counts], type=pa.large_string())
    return Texts(distinct, np.fromiter(counts.values(), dtype=np.int64, count=len(counts)))


def _of_flags(rows: int, true: int, present: int) -> Values:
    counts = {"False": present - true, "True": true}
    return Values(rows, texts=texts_of({text: count for text, count in counts.items() if count}))


def _of_times(column: pd.Series[Any], *, zoneless: bool) -> Values:
    present = int(column.count())
    return Values(len(column), times=present, zoneless=present if zoneless else 0)


def _of_categories(column: pd.Series[Any]) -> Values:
    categories = column.cat.categories
    if not pd.api.types.is_string_dtype(categories.dtype):
        return values_of(column.astype(categories.dtype if column.notna().all() else object))
    codes = column.cat.codes.to_numpy()
    counts = np.bincount(codes[codes >= 0], minlength=len(categories))
    return Values(len(column), texts=_used(_strings(_array(categories)), counts))


def _of_objects(column: pd.Series[Any]) -> Values:
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "string":
        try:
            return _of_arrow(pa.array(column, type=pa.large_string(), from_pandas=True))
        except (pa.ArrowException, UnicodeEncodeError):
            return _of_values(column.dropna(), len(column))
    if kind in _NUMBER_KINDS:
        return Values(len(column), _floats(column[column.notna()]))
    return _of_values(column.dropna(), len(column))


def _of_values(present: Iterable[Any], rows: int) -> Values:
    """Return values by their types, one by one: slow, for columns of several types only."""
    numbers: list[Any] = []
    texts: Counter[str] = Counter()
    times = zoneless = 0
    for value in present:
        if isinstance(value, bool | np.bool_):
            texts[str(value)] += 1
        elif isinstance(value, _TIMES):
            times += 1
            zoneless += isinstance(value, np.datetime64) or (isinstance(value, dt.datetime) and value.tzinfo is None)
        elif isinstance(value, _NUMBERS):
            numbers.append(value)
        else:
            texts[value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)] += 1
    return Values(rows, _floats(numbers), texts_of(texts), times, zoneless)


def _floats(values: Iterable[Any]) -> NDArray[np.float64]:
    return np.fromiter(map(_float, values), dtype=np.float64)


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _of_arrow(array: Any) -> Values:
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _of_dictionary(array)
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return Values(len(array), _numbers(array), precision=declared(kind))
    if _is_text(kind):
        return _of_dictionary(array.dictionary_encode())
    if pa.types.is_boolean(kind):
        return _of_flags(len(array), array.true_count, len(array) - array.null_count)
    if pa.types.is_temporal(kind):
        present = len(array) - array.null_count
        return Values(len(array), times=present, zoneless=present if _is_zoneless(kind) else 0)
    present = [value for value in array.to_pylist() if value is not None]
    return _of_values(present, len(array))


def _array(column: Any) -> Any:
    """Return the values as one array: of a column that was put together from several, pandas keeps the parts."""
    array = pa.array(column, from_pandas=True)
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _numbers(array: Any) -> NDArray[np.float64]:
    if array.type != pa.float64():
        array = array.cast(pa.float64(), safe=False)
    numbers: NDArray[np.float64] = array.to_numpy(zero_copy_only=False)
    return numbers


def _of_dictionary(array: Any) -> Values:
    if not _is_text(array.type.value_type):
        return _of_arrow(array.cast(array.type.value_type))
    codes = array.indices.drop_null() if array.indices.null_count else array.indices
    counts = np.bincount(codes.to_numpy(), minlength=len(array.dictionary))
    return Values(len(array), texts=_used(array.dictionary, counts))


def _used(dictionary: Any, counts: NDArray[np.intp]) -> Texts | None:
    """Return the entries that occur; a dictionary may hold null, and what no row has."""
    if dictionary.null_count:
        counts = counts * dictionary.is_valid().to_numpy(zero_copy_only=False)
    used = np.flatnonzero(counts)
    if len(used) < len(dictionary):
        dictionary, counts = dictionary.take(pa.array(used)), counts[used]
    texts = Texts(_strings(dictionary), counts.astype(np.int64))
    present = texts.where(~_are_missing(texts.distinct))
    return present if len(present.counts) else None


def _are_missing(texts: Any) -> NDArray[np.bool_]:
    # For a few texts, a call of pyarrow takes longer than a loop.
    if len(texts) <= FEW:
        return np.array([is_missing(text) for text in texts.to_pylist()], dtype=bool)
    trimmed = pc.utf8_trim_whitespace(texts)
    flags: NDArray[np.bool_] = pc.is_in(trimmed, value_set=_NOTHING).to_numpy(zero_copy_only=False)
    return flags


def _strings(array: Any) -> Any:
    if pa.types.is_large_string(array.type) or pa.types.is_string(array.type):
        return array
    if pa.types.is_binary(array.type) or pa.types.is_large_binary(array.type):
        decoded = [value.decode("utf-8", "replace") for value in array.to_pylist()]
        return pa.array(decoded, type=pa.large_string())
    return array.cast(pa.large_string())


def _is_text(kind: Any) -> bool:
    tests = ("is_string", "is_large_string", "is_string_view", "is_binary", "is_large_binary")
    # pyarrow has had views since 16; Spark's clusters may have 14.
    return any(getattr(pa.types, test)(kind) for test in tests if hasattr(pa.types, test))


def _is_zoneless(kind: Any) -> bool:
    return bool(pa.types.is_timestamp(kind)) and kind.tz is None
