"""The kind of a column's values, whatever its storage type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from shared.drift.rows.equal import are_epochs, is_missing, is_time, is_zoned, reads_as_number

if TYPE_CHECKING:
    from numpy.typing import NDArray


Kind = Literal["numeric", "categorical", "datetime", "empty"]
_NUMERIC = {"integer", "floating", "mixed-integer-float", "decimal"}
_DATETIME = {"datetime64", "datetime", "date", "timedelta64", "timedelta", "time", "period", "interval"}


def kind_of(column: pd.Series[Any]) -> Kind:
    """Return what the non-null values are. Booleans are categories; a column without values is "empty"."""
    if len(column) == 0 or bool(column.isna().all()):
        return "empty"
    if pd.api.types.is_bool_dtype(column.dtype):
        return "categorical"
    if pd.api.types.is_complex_dtype(column.dtype):
        return "categorical"
    if pd.api.types.is_numeric_dtype(column.dtype):
        return "numeric"
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    if inferred in _NUMERIC:
        return "numeric"
    return "datetime" if inferred in _DATETIME else "categorical"


def named_columns(frame: pd.DataFrame) -> dict[str, pd.Series[Any]]:
    """Return the columns by their name as text, read by the rule of `shared.drift.rows.equal`; of several with one name
    only the first."""
    columns: dict[str, pd.Series[Any]] = {}
    for position, name in enumerate(frame.columns):
        if str(name) not in columns:
            columns[str(name)] = uniform(frame.iloc[:, position])
    return columns


def uniform(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return texts that all read as numbers as numbers, those that mostly read as times as times (the others are
    missing then), and texts that stand for a missing value as missing; other columns as they are."""
    if not (column.dtype == object or isinstance(column.dtype, pd.StringDtype | pd.CategoricalDtype)):
        return column
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind == "bytes":
        column = column.map(lambda value: value.decode("utf-8", "replace"), na_action="ignore")
    elif kind not in ("string", "categorical", "empty"):
        return column
    codes, distinct = pd.factorize(column)
    if not all(isinstance(value, str) for value in distinct):
        return column
    names = [None if is_missing(text) else str(text) for text in distinct]
    if not any(names):
        return pd.Series(np.nan, index=column.index, name=column.name)
    if all(name is None or reads_as_number(name) for name in names):
        return _by_row(column, codes, np.array([float(name or "nan") for name in names]))
    are_times = [name is not None and is_time(name) for name in names]
    rows = np.bincount(codes[codes >= 0], minlength=len(names))
    if 2 * int(rows[are_times].sum()) > int(rows[[name is not None for name in names]].sum()):
        return _by_row(
            column, codes, _times([name if is_one else None for name, is_one in zip(names, are_times, strict=True)])
        )
    return _by_row(column, codes, np.array(names, dtype=object)) if None in names else column


def times_since_1970(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return numbers that all count a time since 1970, as JSON often has times, as times of UTC; others as they are."""
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    present = np.isfinite(numbers)
    if not present.any() or not are_epochs(numbers[present]).all():
        return column
    # Up to 2100 there are 10 digits of seconds, and three more for each smaller unit.
    units = 10.0 ** (3 * np.floor((np.log10(numbers[present]) - 8.7) / 3))
    seconds = np.full(len(numbers), np.nan)
    seconds[present] = numbers[present] / units
    return pd.Series(pd.to_datetime(seconds, unit="s", utc=True), index=column.index, name=column.name)


def _by_row(column: pd.Series[Any], codes: NDArray[np.intp], distinct: Any) -> pd.Series[Any]:
    """Return each row's value, given its place among the distinct ones; -1 is none."""
    rows: pd.Series[Any] = pd.Series(distinct).reindex(codes)
    return rows.set_axis(column.index)


def _times(texts: list[str | None]) -> pd.Series[Any]:
    """Return times, with a zone if all say one. Of 03/04/2026 the day is taken to come first."""
    column = pd.Series(texts, dtype=object)
    times = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
    if bool((times.isna() & column.notna()).any()):
        times = pd.to_datetime(column, errors="coerce", utc=True, format="mixed", dayfirst=True)
    return times if all(is_zoned(text) for text in texts if text) else times.dt.tz_localize(None)
