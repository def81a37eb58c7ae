"""Served rows joined with the labels that arrived for them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

PREDICTION = "prediction"


class UnusableOutcomeError(ValueError):
    """The rows cannot be compared: neither good nor bad news."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One version's labelled rows: keys, labels and predictions side by side, each key once.

    Args:
        served: how many rows it answered; `labelled` of them have a label, repeated keys counted.
    """

    keys: tuple[str, ...]
    labels: tuple[object, ...]
    predictions: tuple[object, ...]
    served: int
    labelled: int

    def without(self, keys: frozenset[str]) -> Arm:
        """Return the arm without the rows of these keys."""
        places = [place for place, key in enumerate(self.keys) if key not in keys]
        labels, predictions = (tuple(column[place] for place in places) for column in (self.labels, self.predictions))
        return Arm(tuple(self.keys[place] for place in places), labels, predictions, self.served, self.labelled)


def labels_by_key(labelled: pd.DataFrame, key: str, label: str) -> dict[str, object]:
    """Return each key's label, the last one; a key without a label has none yet.

    Raises:
        UnusableOutcomeError: a column is missing.
    """
    _require(labelled, (key, label), "the labels have")
    rows = zip(labelled[key].tolist(), labelled[label].tolist(), strict=True)
    return {as_text(row): value for row, value in rows if not is_missing(row) and not is_missing(value)}


class ArmReader:
    """Collects one version's labelled rows, slice by slice, oldest first."""

    def __init__(self, labels: Mapping[str, object], key: str) -> None:
        self._labels, self._key = labels, key
        self._predictions: dict[str, object] = {}
        self._served = self._labelled = 0

    def read(self, scored: pd.DataFrame) -> None:
        """Take rows with their `prediction`; of a key that was served twice, the last answer counts.

        Raises:
            UnusableOutcomeError: a column is missing.
        """
        if scored.empty:
            return
        _require(scored, (self._key, PREDICTION), "the collected rows have")
        self._served += len(scored)
        for row, prediction in zip(scored[self._key].tolist(), scored[PREDICTION].tolist(), strict=True):
            key = as_text(row)
            if key in self._labels:
                self._labelled += 1
                self._predictions[key] = prediction

    def arm(self) -> Arm:
        keys = tuple(self._predictions)
        labels = tuple(self._labels[key] for key in keys)
        return Arm(keys, labels, tuple(self._predictions.values()), self._served, self._labelled)


def as_numbers(values: tuple[object, ...], what: str) -> Numbers:
    """Return the values as finite numbers.

    Raises:
        UnusableOutcomeError: one of them is not.
    """
    numbers = np.array([_number(value) for value in values], dtype=np.float64)
    if bad := int((~np.isfinite(numbers)).sum()):
        raise UnusableOutcomeError(f"{bad:,} of {len(numbers):,} {what} are not finite numbers")
    return numbers


def as_text(value: object) -> str:
    """Return a key or a class as text: 7, 7.0 and "7" are the same, for one file may hold either."""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def is_missing(value: object) -> bool:
    # NaN, NaT and pandas' NA are not equal to themselves; NA's comparison is NA, which has no truth.
    if value is None:
        return True
    try:
        return bool(value != value)
    except (TypeError, ValueError):
        return True


def _require(frame: pd.DataFrame, columns: tuple[str, ...], subject: str) -> None:
    if missing := [column for column in columns if column not in frame.columns]:
        existing = ", ".join(map(str, frame.columns)) or "none at all"
        raise UnusableOutcomeError(f"{subject} no column {', '.join(missing)}; there are {existing}")
