"""What a file of labelled rows says by itself: the columns, and which of them may be the key and the label."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cli.init.answers import Task
from cli.kit.errors import CommandError

if TYPE_CHECKING:
    import pandas as pd

MOST_CLASSES = 30


@dataclass(frozen=True, slots=True)
class Rows:
    """A file's rows."""

    frame: pd.DataFrame
    file: Path

    def label(self) -> str:
        """Return the column that a table's label often is: one of that name, else the last."""
        names = [str(name) for name in self.frame.columns]
        return next((name for name in names if name.lower() in {"label", "target", "y"}), names[-1])

    def key(self) -> str:
        """Return a column of whole numbers or texts that tells all rows apart; "" when there is none."""
        names = [name for name in self.frame.columns if self._is_key(name)]
        return next((str(name) for name in names if "id" in str(name).lower()), str(names[0]) if names else "")

    def require(self, column: str, what: str) -> None:
        """Check that a column exists.

        Raises:
            CommandError: it does not.
        """
        if column not in self.frame.columns:
            names = ", ".join(map(str, self.frame.columns))
            raise CommandError(
                "cli.no_column", f"{self.file} has no column {column!r} for the {what}", f"it has {names}"
            )

    def require_key(self, column: str) -> None:
        """Check that a column tells all rows apart.

        Raises:
            CommandError: it does not, or there is none.
        """
        if not column:
            hint = "add one, e.g. frame.insert(0, 'row_id', range(len(frame)))"
            raise CommandError("cli.no_key", f"no column of {self.file} tells all its rows apart", hint)
        self.require(column, "key")
        if not self.frame[column].is_unique:
            text = f"column {column!r} of {self.file} has values more than once: it cannot tell rows apart"
            raise CommandError("cli.no_key", text, "name another one with --key")

    def task(self, label: str) -> Task:
        """Return what the values of the label look like."""
        from pandas.api.types import is_float_dtype, is_numeric_dtype

        values = self.frame[label].dropna()
        if (len(values) and isinstance(values.iloc[0], list | tuple)) or (
            hasattr(values.iloc[0], "tolist") and values.dtype == object
        ):
            return Task.SEVERAL_LABELS
        distinct = set(values.unique().tolist())
        if distinct <= {0, 1}:
            return Task.BINARY
        is_amount = is_float_dtype(values) or (is_numeric_dtype(values) and len(distinct) > MOST_CLASSES)
        return Task.NUMBER if is_amount else Task.CLASSES

    def error_to_beat(self, label: str) -> float:
        """Return the mean absolute error of always answering the median, to two digits."""
        values: Any = self.frame[label].dropna().astype(float)
        return float(f"{(values - values.median()).abs().mean():.2g}") or 1.0

    def _is_key(self, name: Any) -> bool:
        from pandas.api.types import is_integer_dtype, is_string_dtype

        column = self.frame[name]
        return bool((is_integer_dtype(column) or is_string_dtype(column)) and column.is_unique)


def read_rows(file: Path) -> Rows:
    """Return the rows of a parquet or CSV file.

    Raises:
        CommandError: there is no such file, or it is none of these.
    """
    import pandas as pd

    if not file.is_file():
        raise CommandError("cli.no_file", f"there is no file {file}", "give a parquet or CSV file, or azureml:NAME")
    try:
        frame = pd.read_csv(file) if file.suffix == ".csv" else pd.read_parquet(file)
    except (OSError, ValueError) as exc:
        raise CommandError("cli.no_table", f"{file} is no table: {exc}", "give a parquet or CSV file") from exc
    if frame.empty:
        raise CommandError("cli.no_table", f"{file} has no rows", "")
    return Rows(frame, file)
