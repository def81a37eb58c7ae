"""Metrics of models that choose among several classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.drift.equal import key_of
from shared.drift.metrics import MetricUndefinedError, roc_auc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Truths = NDArray[np.bool_]
    Codes = NDArray[np.intp]

OF_CLASSES = ("accuracy", "f1", "precision", "recall")
OF_PROBABILITIES = ("brier", "log_loss", "roc_auc")
_SUM_WITHIN = 1e-3
_CLIP = float(np.finfo(np.float64).eps)


def measure_classes(name: str, labels: Sequence[Any], predicted: Sequence[Any]) -> float:
    """Return a metric of one predicted class per row; precision, recall and f1 are the mean over the classes.

    A class is its text, whole numbers without a point, so 1, 1.0, "1" and true are one class. A class that is never
    predicted has precision 0, one that never occurs recall 0, as in scikit-learn's macro average with zero_division=0.

    Raises:
        MetricUndefinedError: there are no rows, or a value is missing.
        ValueError: a metric of something else, or lengths that differ.
    """
    if name not in OF_CLASSES:
        raise ValueError(f"{name} is no metric of predicted classes; those are {', '.join(OF_CLASSES)}")
    return measure_codes(name, *class_codes(name, labels, predicted))


def class_codes(name: str, labels: Sequence[Any], predicted: Sequence[Any]) -> tuple[Codes, Codes]:
    """Return both as numbers from 0 of the same classes; raises what `measure_classes` does. `name` is for errors."""
    if len(labels) != len(predicted):
        raise ValueError(f"{name} needs one prediction per label; got {len(predicted)} for {len(labels)}")
    if len(labels) == 0:
        raise MetricUndefinedError(f"{name} has no value: there are no rows")
    _, codes = np.unique(np.concatenate((_as_text(name, labels), _as_text(name, predicted))), return_inverse=True)
    return codes[: len(labels)], codes[len(labels) :]


def measure_codes(name: str, truth: Codes, guess: Codes) -> float:
    """Return the metric of rows given by `class_codes`; classes that occur in neither do not count."""
    if name == "accuracy":
        return float(np.mean(truth == guess))
    most = int(max(truth.max(), guess.max())) + 1
    hits, positives, chosen = (np.bincount(each, minlength=most) for each in (truth[truth == guess], truth, guess))
    parts = {"precision": (hits, chosen), "recall": (hits, positives), "f1": (2 * hits, chosen + positives)}
    top, bottom = parts[name]
    return float(np.sum(top / np.maximum(bottom, 1)) / np.count_nonzero(positives + chosen))


def measure_probabilities(name: str, labels: Sequence[Any], scores: Numbers, classes: Sequence[Any]) -> float:
    """Return a metric of one probability per row and class; roc_auc is the mean of each class against the rest.

    Args:
        scores: rows x classes, each row summing to 1, columns in the order of `classes`.

    Raises:
        MetricUndefinedError: there are no rows, a value is missing, or for roc_auc a class never or always occurs.
        ValueError: a metric of something else, shapes that do not fit, a label that is no class, or no probabilities.
    """
    if name not in OF_PROBABILITIES:
        raise ValueError(f"{name} is no metric of probabilities; those are {', '.join(OF_PROBABILITIES)}")
    scores = np.asarray(scores, dtype=np.float64)
    if scores.shape != (len(labels), len(classes)):
        raise ValueError(f"{name} needs {len(labels)} x {len(classes)} probabilities; got shape {scores.shape}")
    if len(labels) == 0:
        raise MetricUndefinedError(f"{name} has no value: there are no rows")
    if not bool(np.isfinite(scores).all()):
        raise MetricUndefinedError(f"{name} has no value: {int((~np.isfinite(scores)).sum())} scores are not finite")
    sums = scores.sum(axis=1)
    if bool((scores < 0).any()) or float(np.abs(sums - 1).max()) > _SUM_WITHIN:
        raise ValueError(f"{name} needs probabilities that sum to 1; got sums {sums.min():g} to {sums.max():g}")
    is_class = _as_text(name, labels)[:, np.newaxis] == _as_text(name, classes)[np.newaxis, :]
    if not bool(is_class.any(axis=1).all()):
        odd = labels[int(np.argmin(is_class.any(axis=1)))]
        raise ValueError(f"{name}: the label {odd!r} is none of the classes {', '.join(map(str, classes))}")
    return _OF_PROBABILITIES[name](is_class, scores)


def _log_loss(is_class: Truths, scores: Numbers) -> float:
    return float(-np.mean(np.log(np.clip(scores[is_class], _CLIP, 1 - _CLIP))))


def _brier(is_class: Truths, scores: Numbers) -> float:
    """Source: G. W. Brier, Monthly Weather Review 78 (1950), eq. 2: the sum over the classes, 0 to 2."""
    return float(np.mean(np.sum((is_class - scores) ** 2, axis=1)))


def _roc_auc(is_class: Truths, scores: Numbers) -> float:
    each = [roc_auc(is_class[:, one].astype(np.float64), scores[:, one]) for one in range(scores.shape[1])]
    return float(np.mean(each))


_OF_PROBABILITIES: dict[str, Callable[[Truths, Numbers], float]] = {
    "brier": _brier,
    "log_loss": _log_loss,
    "roc_auc": _roc_auc,
}


def _as_text(name: str, values: Sequence[Any]) -> NDArray[np.str_]:
    import pandas as pd

    column = pd.Series(list(values))
    if missing := int(column.isna().sum()):
        raise MetricUndefinedError(f"{name} has no value: {missing} classes are missing")
    return np.array([_class(each) for each in column], dtype=np.str_)


def _class(value: object) -> str:
    found = key_of(value)
    return {"True": "1", "False": "0"}.get(found, found)
