"""What several classes, and numbers, make expect of a metric without labels; see estimated.py for what that rests on.

Classes: each class's probability is calibrated against the rest by the reference's labels, a row's are made to sum to
one, and counts are expected counts, as in NannyML's multiclass CBPE. Numbers: the loss of each reference row is learned
from its prediction and its features, and expected of the window's rows, as in NannyML's DLE. There LightGBM learns it;
here it is a sum over columns of what each tenth, or category, adds, by boosting with the best column of each round.
Source: nannyml.readthedocs.io, How it works: Estimation of performance of the monitored model; from memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.drift.rows.columns import named_columns
from shared.drift.rows.equal import numbers_of
from shared.drift.rows.segments import Segmentation, segmentations
from shared.metrics.binary import CLIP, MetricUndefinedError
from shared.metrics.catalogue import find_metric
from shared.metrics.classes import RATIOS, class_text
from shared.metrics.expected import Curve, expected_metric, isotonic_curve

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

PREDICTION = "prediction"
# A part of few rows says little: its mean counts as if so many more rows had none.
ROUNDS, RATE, SHRUNK_BY = 40, 0.3, 50


@dataclass(frozen=True, slots=True)
class OfClasses:
    """Each class and its curve from probability, as given, to probability."""

    classes: tuple[str, ...]
    curves: tuple[Curve, ...]

    def answers(self, frame: pd.DataFrame) -> Numbers:
        """Return each row's probabilities, and the place of the class that was predicted.

        Raises:
            ValueError: a class has no column, or one was predicted that the reference does not know.
        """
        columns = [f"{PREDICTION}_{name}" for name in self.classes]
        if missing := sorted(set(columns) - set(map(str, frame.columns))):
            raise ValueError(f"the scored rows have no column {', '.join(missing)}: write each class's probability")
        places = frame[PREDICTION].map(class_text).map({name: place for place, name in enumerate(self.classes)})
        if places.isna().any():
            raise ValueError(f"{int(places.isna().sum()):,} predictions name no class with a column {PREDICTION}_CLASS")
        return np.column_stack([*(numbers_of(frame[column]) for column in columns), places.to_numpy(dtype=np.float64)])

    def value(self, metric: str, answers: Numbers) -> float:
        """Return the metric to expect.

        Raises:
            MetricUndefinedError: there are no rows, or nothing is expected to be of a class that the metric is of.
        """
        if not len(answers):
            raise MetricUndefinedError(f"{metric} has no value: there are no rows")
        scores, chosen, described = answers[:, :-1], answers[:, -1].astype(np.intp), find_metric(metric)
        chances = np.column_stack([curve.at(scores[:, place]) for place, curve in enumerate(self.curves)])
        chances = (chances + CLIP) / (chances + CLIP).sum(axis=1, keepdims=True)
        hit = chances[np.arange(len(chances)), chosen]
        if metric == "accuracy":
            return float(hit.mean())
        if metric == "log_loss":
            return float(-(chances * np.log(np.clip(scores, CLIP, 1 - CLIP))).sum(axis=1).mean())
        labels = chances.sum(axis=0)
        weights = labels / labels.sum() if described.part == "weighted" else np.full(len(labels), 1 / len(labels))
        if described.base == "roc_auc":
            return float(
                sum(w * expected_metric("roc_auc", scores[:, k], chances[:, k]) for k, w in enumerate(weights))
            )
        predicted, hits = (np.bincount(chosen, weights=by, minlength=len(labels)) for by in (None, hit))
        above, of_labels, of_predicted = RATIOS[described.base]
        if described.part == "micro":
            return float(above * hits.sum() / (of_labels * labels.sum() + of_predicted * predicted.sum()))
        return float(weights @ (above * hits / np.maximum(of_labels * labels + of_predicted * predicted, CLIP)))


@dataclass(frozen=True, slots=True)
class OfNumbers:
    """How the loss depends on each column: what each of its parts adds to `base`."""

    base: float
    cuts: tuple[Segmentation, ...]
    parts: tuple[tuple[float, ...], ...]

    def answers(self, frame: pd.DataFrame) -> Numbers:
        """Return the part that each row falls in, by column.

        Raises:
            ValueError: a column is missing.
        """
        named = named_columns(frame)
        if missing := sorted({cut.column for cut in self.cuts} - named.keys()):
            raise ValueError(f"the scored rows have no column {', '.join(missing)}, by which their loss is estimated")
        return np.column_stack([cut.codes(named[cut.column]) for cut in self.cuts]).astype(np.float64)

    def value(self, metric: str, answers: Numbers) -> float:
        """Return the metric to expect; errors as `OfClasses.value`."""
        if not len(answers):
            raise MetricUndefinedError(f"{metric} has no value: there are no rows")
        added = sum(np.array(parts)[answers[:, k].astype(np.intp)] for k, parts in enumerate(self.parts))
        loss = float(np.maximum(self.base + added, 0.0).mean())
        return loss**0.5 if metric == "rmse" else loss


def expect_classes(frame: pd.DataFrame, label: str) -> OfClasses:
    """Return what labelled rows show of several classes.

    Raises:
        ValueError: there are no probabilities, or a label names no class that has one.
    """
    prefix = f"{PREDICTION}_"
    names = [str(name).removeprefix(prefix) for name in frame.columns if str(name).startswith(prefix)]
    labels = frame[label].map(class_text)
    if len(names) < 2 or (unknown := sorted(set(labels) - set(names))):
        what = f"labels {', '.join(unknown[:3])} have none" if len(names) > 1 else "there are none"
        raise ValueError(f"each class needs a column {PREDICTION}_CLASS with its probability; {what}")
    scores = [numbers_of(frame[f"{PREDICTION}_{name}"]) for name in names]
    curves = (isotonic_curve(score, np.array(labels == name, float)) for name, score in zip(names, scores, strict=True))
    return OfClasses(tuple(names), tuple(curves))


def expect_numbers(frame: pd.DataFrame, label: str, metric: str, ignore: set[str]) -> OfNumbers:
    """Return how the loss of labelled rows depends on prediction and features.

    Raises:
        ValueError: labels or predictions are no numbers.
    """
    error = numbers_of(frame[label]) - numbers_of(frame[PREDICTION])
    if not np.isfinite(error).all():
        raise ValueError(f"{int((~np.isfinite(error)).sum()):,} labels or predictions are no numbers; leave them out")
    loss = np.abs(error) if metric == "mae" else error**2
    others = [str(name) for name in frame.columns if str(name) != PREDICTION]
    cuts, named = tuple(segmentations(frame, [PREDICTION, *others], {*ignore, label})), named_columns(frame)
    codes = [cut.codes(named[cut.column]) for cut in cuts]
    counts = [np.bincount(code, minlength=len(cut.labels)) for code, cut in zip(codes, cuts, strict=True)]
    parts, rest = [np.zeros(len(cut.labels)) for cut in cuts], loss - loss.mean()
    for _ in range(ROUNDS):
        sums = [
            np.bincount(code, weights=rest, minlength=len(count)) for code, count in zip(codes, counts, strict=True)
        ]
        steps = [total / (count + SHRUNK_BY) for total, count in zip(sums, counts, strict=True)]
        best = max(range(len(cuts)), key=lambda k: float(steps[k] @ sums[k]))
        parts[best] += RATE * steps[best]
        rest = rest - RATE * steps[best][codes[best]]
    return OfNumbers(float(loss.mean()), cuts, tuple(tuple(part.tolist()) for part in parts))


def expectation_of(stored: Mapping[str, Any]) -> Curve | OfClasses | OfNumbers:
    """Return what `dataclasses.asdict` made of one; raises KeyError or TypeError for anything else."""
    if "scores" in stored:
        return Curve(tuple(stored["scores"]), tuple(stored["probabilities"]))
    if "classes" in stored:
        curves = (Curve(tuple(curve["scores"]), tuple(curve["probabilities"])) for curve in stored["curves"])
        return OfClasses(tuple(stored["classes"]), tuple(curves))
    cuts = (Segmentation(cut["column"], tuple(cut["edges"]), tuple(cut["categories"])) for cut in stored["cuts"])
    return OfNumbers(float(stored["base"]), tuple(cuts), tuple(tuple(part) for part in stored["parts"]))
