"""The file of predictions that a batch job writes, as a table."""

from __future__ import annotations

import csv
import io
from ast import literal_eval
from collections.abc import Iterator
from typing import TYPE_CHECKING

from shared.domain.releases.batch import PredictionLayout
from shared.errors import PermanentError

if TYPE_CHECKING:
    import pandas as pd

# A million rows of three texts take some 300 MB while they are read.
MOST_CELLS = 3_000_000
LONGEST_LINE = 20_000


def parse_predictions(content: bytes, name: str, layout: PredictionLayout) -> pd.DataFrame:
    """Return the file's lines as texts, one column per name of the layout.

    Azure ML writes no header. Its lines are separated values, or lists in Python's notation where a scoring script
    returns lists: "The file predictions.csv may not be a regular CSV file".
    Source: learn.microsoft.com, how-to-mlflow-batch and how-to-image-processing-batch, read 2026-11-20.

    Raises:
        PermanentError: a line does not have as many values as the layout has columns.
    """
    import pandas as pd

    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise PermanentError("data.unreadable", f"{name} is not UTF-8 text") from exc
    width = len(layout.columns)
    rows: list[list[str]] = []
    for number, row in enumerate(_rows(text, name, layout.separator), start=1):
        if len(row) != width:
            raise PermanentError(
                code="data.unreadable",
                message=f"{name}, line {number} has {len(row)} values instead of {width} ({', '.join(layout.columns)})",
                hint="write the columns and the separator into rollout.batch.predictions",
            )
        if (len(rows) + 1) * width > MOST_CELLS:
            raise PermanentError("data.too_large", f"{name} has more than {MOST_CELLS:,} values", "use a smaller batch")
        rows.append(row)
    return pd.DataFrame(rows, columns=list(layout.columns), dtype=str)


def _rows(text: str, name: str, separator: str) -> Iterator[list[str]]:
    if text.lstrip().startswith("["):
        yield from (_listed(line) for line in text.splitlines() if line.strip())
        return
    try:
        for row in csv.reader(io.StringIO(text), delimiter=separator):
            if row:
                yield [value.strip() for value in row]
    except csv.Error as exc:
        raise PermanentError("data.unreadable", f"{name} is not a file of separated values: {exc}") from exc


def _listed(line: str) -> list[str]:
    """Return the values of a line in Python's notation; none when it is something else."""
    if len(line) > LONGEST_LINE:
        return []
    try:
        values = literal_eval(line.strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return []
    return [str(value) for value in values] if isinstance(values, list | tuple) else []
