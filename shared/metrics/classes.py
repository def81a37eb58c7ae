"""Metrics of models that choose among several classes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.metrics.binary import MetricUndefinedError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Codes = NDArray[np.intp]

OF_CLASSES = ("accuracy", "f1", "precision", "recall")


def class_codes(name: str, labels: Sequence[Any], predicted: Sequence[Any]) -> tuple[Codes, Codes]:
    """Return both as numbers from 0 of the same classes.

    A class is its text, whole numbers without a point, so 1, 1.0, "1" and true are one class. `name` is for errors.

    Raises:
        MetricUndefinedError: there are no rows, or a value is missing.
        ValueError: the lengths differ.
    """
    if len(labels) != len(predicted):
        raise ValueError(f"{name} needs one prediction per label; got {len(predicted)} for {len(labels)}")
    if len(labels) == 0:
        raise MetricUndefinedError(f"{name} has no value: there are no rows")
    _, codes = np.unique(np.concatenate((_as_text(name, labels), _as_text(name, predicted))), return_inverse=True)
    return codes[: len(labels)], codes[len(labels) :]


def measure_codes(name: str, truth: Codes, guess: Codes) -> float:
    """Return the metric of rows given by `class_codes`; precision, recall and f1 are the mean over the classes.

    A class that is never predicted has precision 0, one that never occurs recall 0, as in scikit-learn's macro average
    with zero_division=0; classes that occur in neither do not count.
    """
    if name == "accuracy":
        return float(np.mean(truth == guess))
    most = int(max(truth.max(), guess.max())) + 1
    hits, positives, chosen = (np.bincount(codes, minlength=most) for codes in (truth[truth == guess], truth, guess))
    parts = {"precision": (hits, chosen), "recall": (hits, positives), "f1": (2 * hits, chosen + positives)}
    top, bottom = parts[name]
    return float(np.sum(top / np.maximum(bottom, 1)) / np.count_nonzero(positives + chosen))


def _as_text(name: str, values: Sequence[Any]) -> NDArray[np.str_]:
    import pandas as pd

    column = pd.Series(list(values))
    if missing := int(column.isna().sum()):
        raise MetricUndefinedError(f"{name} has no value: {missing} classes are missing")
    return np.array([class_text(value) for value in column], dtype=np.str_)


_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)(\.\d*)?")
_FLAGS = {"true": "1", "false": "0"}


def class_text(value: object) -> str:
    """Return what names a class: 1, 1.0, "1", "1.0", true and "True" are one class, "01" and "b" others."""
    if isinstance(value, str):
        text = unicodedata.normalize("NFC", value.strip())
        if not _NUMBER.fullmatch(text):
            return _FLAGS.get(text.lower(), text)
        value = float(text) if "." in text else int(text)
    if isinstance(value, bool | np.bool_ | int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        number = float(value)
        return f"{number:.0f}" if number.is_integer() and abs(number) < 2**53 else str(number)
    return str(value)
