"""Metrics of models that choose among several classes, one for each row or several.

Averages are scikit-learn's: of the classes that labels or predictions name, where one that is never predicted has
precision 0, and one without labels recall 0. Their errors are those of ratios by the delta method.
An element of several per row that reads TYPE:START:END is an entity: it is right when all of it is, and its class is
TYPE, so that f1_micro is the entity F1 of named entities (seqeval 1.2.2: micro, not strict).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.metrics.binary import CLIP, MetricUndefinedError
from shared.metrics.estimates import (
    FEWEST_COUNTED,
    FEWEST_PER_CLASS,
    Estimate,
    area_parts,
    mean_of,
    share,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shared.metrics.catalogue import Metric

    Numbers = NDArray[np.float64]
    Places = NDArray[np.intp]

NAMED = 3
_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*)(\.\d*)?")
_FLAGS = {"true": "1", "false": "0"}
_ENTITY = re.compile(r"(.+):\d+:\d+")
# How often hits, labels and predictions count above and below the line of each ratio.
RATIOS = {"precision": (1, 0, 1), "recall": (1, 1, 0), "f1": (2, 1, 1)}


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


@dataclass(frozen=True, slots=True)
class Named:
    """Elements that rows hold: of each its row, and its class's place among the names."""

    row: Places
    name: Places

    def take(self, place: Places) -> Named:
        at = place[self.row]
        return Named(at[at >= 0], self.name[at >= 0])

    def per_class(self, classes: int) -> Numbers:
        return np.bincount(self.name, minlength=classes).astype(np.float64)

    def per_row(self, rows: int, weights: Numbers) -> Numbers:
        return np.bincount(self.row, weights=weights[self.name], minlength=rows).astype(np.float64)


@dataclass(frozen=True, slots=True)
class Choices:
    """The classes that rows have and those that were predicted.

    Args:
        names: of the classes; elements refer to them by place.
        right: 1 for each row of which all is right.
        labelled: the classes that labels name in the whole that these rows are of.
    """

    metric: Metric
    names: tuple[str, ...]
    right: Numbers
    labels: Named
    predicted: Named
    hits: Named
    labelled: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.right)

    def take(self, rows: Places) -> Choices:
        place = np.full(len(self), -1)
        place[rows] = np.arange(len(rows))
        labels, predicted, hits = (named.take(place) for named in (self.labels, self.predicted, self.hits))
        return replace(self, right=self.right[rows], labels=labels, predicted=predicted, hits=hits)

    def estimate(self) -> Estimate:
        if self.metric.name == "accuracy":
            return share(self.right)
        together = self._micro() if self.metric.part == "micro" else self
        return together._ratios()

    def _micro(self) -> Choices:
        elements = self.labels, self.predicted, self.hits
        labels, predicted, hits = (Named(named.row, np.zeros_like(named.name)) for named in elements)
        return replace(self, names=("",), labels=labels, predicted=predicted, hits=hits)

    def _ratios(self) -> Estimate:
        above, of_labels, of_predicted = RATIOS[self.metric.base]
        rows, classes = len(self), len(self.names)
        labels, predicted = self.labels.per_class(classes), self.predicted.per_class(classes)
        hits = self.hits.per_class(classes)
        below = of_labels * labels + of_predicted * predicted
        weights = self._weights(labels, labels + predicted, below)
        ratios = above * hits / np.maximum(below, 1)
        value, slopes = float(weights @ ratios), rows * weights / np.maximum(below, 1)
        gained = self.hits.per_row(rows, above * slopes)
        owed = of_labels * self.labels.per_row(rows, slopes * ratios)
        owed = owed + of_predicted * self.predicted.per_row(rows, slopes * ratios)
        parts = gained - owed
        if self.metric.part == "weighted":
            # The weights are those of the same labels, and vary with them.
            parts += self.labels.per_row(rows, ratios - value) * rows / labels.sum()
        counted = below if self.metric.base != "f1" else labels
        used = (weights > 0) & (counted > 0)
        rests_on = min(1 / float(np.sum(weights[used] ** 2 / counted[used])), rows) if used.any() else 0
        return Estimate(value, parts, int(rests_on), "rate", self._hits(weights))

    def _weights(self, labels: Numbers, named: Numbers, below: Numbers) -> Numbers:
        """Return how much each class counts.

        Raises:
            MetricUndefinedError: nothing is there to count.
        """
        weights: Numbers
        if self.metric.of_class:
            weights = (np.array(self.names) == class_text(self.metric.of_class)).astype(np.float64)
        elif self.metric.part == "weighted":
            weights = labels / max(float(labels.sum()), 1.0)
        else:
            weights = (named > 0).astype(np.float64) / max(int(np.count_nonzero(named)), 1)
        is_whole = self.metric.of_class or self.metric.part == "micro"
        if not weights.any() or (is_whole and not float(weights @ below)):
            raise MetricUndefinedError(f"{self.metric.name} has no value: nothing is labelled or predicted so")
        return weights

    def _hits(self, weights: Numbers) -> Numbers | None:
        """Return the hits of a share of rows; None of a ratio in which a row may count more than once."""
        counted = {"recall": self.labels, "precision": self.predicted}.get(self.metric.base)
        if counted is None or np.count_nonzero(weights) != 1:
            return None
        among, hits = (elements.per_row(len(self), np.sign(weights)) for elements in (counted, self.hits))
        return np.where(among > 0, hits, np.nan) if among.max(initial=0) <= 1 else None

    def shortage(self) -> str:
        if self.metric.name == "accuracy":
            return ""
        classes = len(self.names)
        counts = (self.predicted if self.metric.base == "precision" else self.labels).per_class(classes)
        if self.metric.part == "micro" and counts.sum() < FEWEST_COUNTED:
            return f"{int(counts.sum()):,} classes in all rows are too few; {FEWEST_COUNTED} are needed"
        if name := self.metric.of_class:
            count = int(counts[np.array(self.names) == class_text(name)].sum())
            few = f"{count:,} rows of {name} are too few; {FEWEST_COUNTED} are needed"
            return few if count < FEWEST_COUNTED else ""
        if self.metric.part == "macro":
            fewest = FEWEST_PER_CLASS if self.metric.base == "f1" else FEWEST_COUNTED
            return too_few(self.names, self.labels.per_class(classes), self.labelled, fewest)
        return ""


def too_few(names: Sequence[str], counts: Numbers, labelled: NDArray[np.bool_], fewest: int) -> str:
    """Return which of the labelled classes have too few rows for a mean over classes; "" when none have."""
    if not (few := np.flatnonzero(labelled & (counts < fewest))).size:
        return ""
    some = ", ".join(f"{counts[place]:.0f} of {names[place]}" for place in few[:NAMED])
    return f"{some}{', …' if few.size > NAMED else ''} are too few rows; {fewest} of each class are needed"


@dataclass(frozen=True, slots=True)
class ClassProbabilities:
    """Each row's class, by place, and its probability of every class in the order of their names."""

    metric: Metric
    names: tuple[str, ...]
    labels: Places
    probabilities: Numbers
    labelled: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Places) -> ClassProbabilities:
        return replace(self, labels=self.labels[rows], probabilities=self.probabilities[rows])

    def estimate(self) -> Estimate:
        if self.metric.base == "roc_auc":
            return self._area()
        true = self.probabilities[np.arange(len(self)), self.labels][:, None]
        if self.metric.base == "top":
            # Of equal probabilities the last class counts first, as in scikit-learn's top_k_accuracy_score.
            later = np.arange(len(self.names)) > self.labels[:, None]
            above = (self.probabilities > true) | ((self.probabilities == true) & later)
            return share((above.sum(axis=1) < int(self.metric.part)).astype(np.float64))
        return mean_of(-np.log(np.clip(true[:, 0], CLIP, 1 - CLIP)), "loss")

    def _area(self) -> Estimate:
        """Return the mean of each class's area against the rest; classes without labels have none, and do not count."""
        counts = np.bincount(self.labels, minlength=len(self.names)).astype(np.float64)
        places = np.flatnonzero((counts > 0) & (counts < len(self)))
        if not places.size:
            raise MetricUndefinedError(f"{self.metric.name} has no value: all labels are one class")
        weights = counts[places] / counts[places].sum() if self.metric.part == "weighted" else 1 / len(places)
        weights = np.broadcast_to(weights, places.shape)
        areas = [area_parts(self.labels == place, self.probabilities[:, place]) for place in places]
        values = np.array([value for value, _ in areas])
        value, rows = float(weights @ values), len(self)
        parts = sum((weight * part for weight, (_, part) in zip(weights, areas, strict=True)), np.zeros(rows))
        if self.metric.part == "weighted":
            excess = np.zeros(len(self.names))
            excess[places] = values - value
            parts += excess[self.labels]
        rarer = np.minimum(counts, rows - counts)[places]
        return Estimate(value, parts, int(min(1 / float(np.sum(weights**2 / rarer)), rows)), "rate")

    def shortage(self) -> str:
        counts = np.bincount(self.labels, minlength=len(self.names)).astype(np.float64)
        return too_few(self.names, counts, self.labelled, FEWEST_PER_CLASS) if self.metric.base == "roc_auc" else ""


def choices(metric: Metric, labels: Sequence[Any], predicted: Sequence[Any]) -> Choices:
    """Return the sample of labels and predictions: a class of each row, or a list of them."""
    rows = [_elements(labels), _elements(predicted)]
    texts = np.concatenate([text for _, text in rows])
    values, codes = np.unique(texts, return_inverse=True)
    kinds = [_class_of(value) for value in values.tolist()] if _are_entities(labels, values) else values.tolist()
    names, kind_of = np.unique(np.array(kinds, dtype=np.str_), return_inverse=True)
    size = len(values)
    cut = len(rows[0][0])
    keys = [np.unique(row * size + code) for (row, _), code in zip(rows, (codes[:cut], codes[cut:]), strict=True)]
    hits = np.intersect1d(keys[0], keys[1], assume_unique=True)
    true, guessed, right = (Named(key // max(size, 1), kind_of[key % max(size, 1)]) for key in (*keys, hits))
    counts = [np.bincount(named.row, minlength=len(labels)) for named in (true, guessed, right)]
    exact = ((counts[0] == counts[2]) & (counts[1] == counts[2])).astype(np.float64)
    labelled = true.per_class(len(names)) > 0
    return Choices(metric, tuple(names.tolist()), exact, true, guessed, right, labelled)


def is_list(value: object) -> bool:
    return isinstance(value, list | tuple | set | np.ndarray)


def _elements(values: Sequence[Any]) -> tuple[Places, NDArray[np.str_]]:
    """Return each element's row and text."""
    import pandas as pd

    if not any(map(is_list, values)):
        codes, distinct = pd.factorize(np.array(values, dtype=object))
        return np.arange(len(values)), np.array([class_text(value) for value in distinct], dtype=np.str_)[codes]
    lists = [value if is_list(value) else [value] for value in values]
    texts = [class_text(element) for elements in lists for element in elements]
    return np.repeat(np.arange(len(lists)), [len(elements) for elements in lists]), np.array(texts, dtype=np.str_)


def _are_entities(labels: Sequence[Any], values: NDArray[np.str_]) -> bool:
    return bool(len(values)) and any(map(is_list, labels)) and all(map(_ENTITY.fullmatch, values.tolist()))


def _class_of(entity: str) -> str:
    return entity.rsplit(":", 2)[0]
