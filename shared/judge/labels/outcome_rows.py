"""Served rows joined with the labels that arrived for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shared.metrics.classes import is_list
from shared.metrics.estimates import UnusableEvidenceError
from shared.metrics.rows import LABEL, SCALE

if TYPE_CHECKING:
    import pandas as pd

PREDICTION, _CLASSES = "prediction", "prediction_"


@dataclass(frozen=True, slots=True)
class Arm:
    """One version's labelled rows: keys, labels and predictions side by side, each key once.

    Args:
        others: further columns of the answers: `prediction_CLASS`, and a user's own.
        served: how many rows it answered; `labelled` of them have a label, repeated keys counted.
    """

    keys: tuple[str, ...]
    labels: tuple[object, ...]
    predictions: tuple[object, ...]
    served: int
    labelled: int
    others: Mapping[str, tuple[object, ...]] = field(default_factory=dict)

    def table(self) -> pd.DataFrame:
        """Return the rows with their label and the answers' columns; one that no row has is left out."""
        import pandas as pd

        columns = {LABEL: self.labels, PREDICTION: self.predictions, **self.others}
        # Objects, because a list of lists may be taken for a table.
        series = {name: pd.Series(list(values), dtype=object) for name, values in columns.items()}
        return pd.DataFrame({name: column.infer_objects() for name, column in series.items() if column.notna().any()})

    def without(self, keys: frozenset[str]) -> Arm:
        """Return the arm without the rows of these keys."""
        places = [place for place, key in enumerate(self.keys) if key not in keys]

        def chosen(column: tuple[object, ...]) -> tuple[object, ...]:
            return tuple(column[place] for place in places)

        others = {name: chosen(column) for name, column in self.others.items()}
        names = tuple(self.keys[place] for place in places)
        return Arm(names, chosen(self.labels), chosen(self.predictions), self.served, self.labelled, others)


def labels_by_key(labelled: pd.DataFrame, key: str, label: str) -> dict[str, object]:
    """Return each key's label, the last one; a key without a label has none yet.

    Raises:
        UnusableEvidenceError: a column is missing.
    """
    _require(labelled, (key, label), "the labels have")
    rows = zip(labelled[key].tolist(), labelled[label].tolist(), strict=True)
    return {as_text(row): value for row, value in rows if not is_missing(row) and not is_missing(value)}


class ArmReader:
    """Collects one version's labelled rows, slice by slice, oldest first.

    Args:
        own: a column of the answers that a metric of the user's own is the mean of; it need not be there.
    """

    def __init__(self, labels: Mapping[str, object], key: str, own: str = "") -> None:
        self._labels, self._key, self._own = labels, key, own
        self._answers: dict[str, dict[str, object]] = {}
        self._served = self._labelled = 0

    def read(self, scored: pd.DataFrame) -> None:
        """Take rows with their answers; of a key that was served twice, the last answer counts.

        Raises:
            UnusableEvidenceError: a column is missing.
        """
        if scored.empty:
            return
        columns = [name for name in map(str, scored.columns) if name in {self._own, SCALE} or name.startswith(_CLASSES)]
        _require(scored, (self._key, *(() if {*columns} - {SCALE} else (PREDICTION,))), "the collected rows have")
        columns += [PREDICTION] if PREDICTION in scored.columns else []
        self._served += len(scored)
        answers = zip(*(scored[column].tolist() for column in columns), strict=True)
        for row, values in zip(scored[self._key].tolist(), answers, strict=True):
            key = as_text(row)
            if key in self._labels:
                self._labelled += 1
                self._answers[key] = dict(zip(columns, values, strict=True))

    def arm(self) -> Arm:
        keys, rows = tuple(self._answers), self._answers.values()
        names = dict.fromkeys(name for row in rows for name in row if name != PREDICTION)
        others = {name: tuple(row.get(name) for row in rows) for name in names}
        labels, predictions = tuple(self._labels[key] for key in keys), tuple(row.get(PREDICTION) for row in rows)
        return Arm(keys, labels, predictions, self._served, self._labelled, others)


def as_text(value: object) -> str:
    """Return a key or a class as text: 7, 7.0 and "7" are the same, for one file may hold either."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def is_missing(value: object) -> bool:
    # NaN, NaT and pandas' NA are not equal to themselves; NA's comparison is NA, which has no truth.
    if value is None or is_list(value):
        return value is None
    try:
        return bool(value != value)
    except (TypeError, ValueError):
        return True


def _require(frame: pd.DataFrame, columns: tuple[str, ...], subject: str) -> None:
    if missing := [column for column in columns if column not in frame.columns]:
        existing = ", ".join(map(str, frame.columns)) or "none at all"
        raise UnusableEvidenceError(f"{subject} no column {', '.join(missing)}; there are {existing}")
