"""What a column holds, whatever its storage type says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

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
    found = pd.api.types.infer_dtype(column, skipna=True)
    if found in _NUMERIC:
        return "numeric"
    return "datetime" if found in _DATETIME else "categorical"


def sorted_numbers(column: pd.Series[Any]) -> NDArray[np.float64]:
    """Return the non-null values of a numeric column as float64, ascending; infinities stay."""
    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return np.sort(values[~np.isnan(values)])


def category_counts(column: pd.Series[Any]) -> dict[str, int]:
    """Return how often each non-null value occurs, as text, most frequent first (ties by text)."""
    counts: dict[str, int] = {}
    for value, count in column.dropna().map(str).value_counts().items():
        counts[str(value)] = int(count)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def named_columns(frame: pd.DataFrame) -> dict[str, pd.Series[Any]]:
    """Return the columns by their name as text; of several with one name only the first."""
    found: dict[str, pd.Series[Any]] = {}
    for position, name in enumerate(frame.columns):
        found.setdefault(str(name), frame.iloc[:, position])
    return found
