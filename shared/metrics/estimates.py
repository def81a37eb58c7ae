"""A metric's value on labelled rows, and what each row adds to its error.

The rows' parts (the influence function, per row) make every metric a mean, so that its variance, and its covariance
with the same metric of another version or of some of the rows, is that of means.
Sources: roc_auc by its placements: E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, Biometrics 44 (1988); pr_auc by
the jackknife: B. Efron and C. Stein, Annals of Statistics 9 (1981); ratios by the delta method.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from shared.metrics.binary import CLIP, MetricUndefinedError, f1, pr_auc
from shared.metrics.catalogue import Metric

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]
    Places = NDArray[np.intp]

THRESHOLD = 0.5
FEWEST_ROWS = 50
# Below these no bound keeps its error: measured by `python -m benchmarks gates`.
FEWEST_PER_CLASS = 10
FEWEST_COUNTED = 20
# How a value errs: as a rate between 0 and 1, as a mean of losses (with a tail that may lie beyond the largest seen
# when they are "tailed"), as 1 less such a loss, or as a mean of any numbers.
Shape = Literal["rate", "loss", "tailed", "r2", "mean"]


class UnusableEvidenceError(ValueError):
    """The rows cannot be judged: neither good nor bad news."""


class WrongEvidenceError(UnusableEvidenceError):
    """They do not fit the metric, and no more rows of the kind ever will; the message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A metric's value.

    Args:
        parts: one number per row, 0 on average; the value's error is about their mean.
        counted: the rows that it rests on: of the rarer class, those of label 1, those flagged, or all.
        hits: 1 and 0 of the rows that count when the value is their share, NaN of the others.
    """

    value: float
    parts: Numbers
    counted: int
    shape: Shape
    hits: Numbers | None = None

    @property
    def rows(self) -> int:
        return len(self.parts)

    @property
    def error(self) -> float:
        """Return the standard error."""
        return error_of(self.parts, self.counted)


class Sample(Protocol):
    """The rows of one version that a metric is measured on."""

    @property
    def metric(self) -> Metric: ...
    def __len__(self) -> int: ...
    def take(self, rows: Places) -> Sample:
        """Return some of the rows."""
        ...

    def estimate(self) -> Estimate:
        """Return the metric's value; raises MetricUndefinedError when it has none on these rows."""
        ...

    def shortage(self) -> str:
        """Return which rows are too few for bounds that hold, beyond FEWEST_ROWS of all; "" when none are."""
        ...


def measured(sample: Sample) -> Estimate:
    """Return the estimate, of any number of rows.

    Raises:
        UnusableEvidenceError: the metric has no value on these rows.
    """
    try:
        return sample.estimate()
    except MetricUndefinedError as exc:
        raise UnusableEvidenceError(str(exc)) from exc
    except ValueError as exc:
        raise WrongEvidenceError(str(exc)) from exc


def require_enough(*samples: Sample) -> None:
    """Make sure that there are rows enough for bounds that hold.

    Raises:
        UnusableEvidenceError: there are fewer.
    """
    for sample in samples:
        if len(sample) < FEWEST_ROWS:
            raise UnusableEvidenceError(f"{len(sample):,} rows are too few; {FEWEST_ROWS} are needed")
        if shortage := sample.shortage():
            raise UnusableEvidenceError(shortage)


def error_of(parts: Numbers, counted: int) -> float:
    """Return the standard error of a mean of parts that rests on so many rows."""
    return math.sqrt(float(np.mean(parts**2)) / len(parts) * counted / max(counted - 1, 1))


@dataclass(frozen=True, slots=True)
class Pairs:
    """A label and an answer per row, both numbers: 1 or 0 and a score, or the true and the predicted value.

    `scale` is by which each row's error is divided for MASE.
    """

    metric: Metric
    labels: Numbers
    answers: Numbers
    scale: Numbers | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Places) -> Pairs:
        scale = self.scale[rows] if self.scale is not None else None
        return Pairs(self.metric, self.labels[rows], self.answers[rows], scale)

    def estimate(self) -> Estimate:
        name = "roc_auc" if self.metric.of_class else self.metric.name
        if name in _LOSSES or self.metric.base == "pinball":
            return mean_of(_row_losses(self), "loss" if name in _BOUNDED else "tailed")
        if name not in _SHARES:
            return _ESTIMATES[name](self.labels, self.answers)
        is_counted, nothing = _SHARES[name]
        among = is_counted(self.labels, self.answers)
        if not among.any():
            raise MetricUndefinedError(f"{name} has no value: {nothing}")
        return share(np.where(among, (self.answers >= THRESHOLD) == (self.labels == 1), np.nan))

    def shortage(self) -> str:
        name, positives = self.metric.base or self.metric.name, int((self.labels == 1).sum())
        if name == "roc_auc" and (rarer := min(positives, len(self) - positives)) < FEWEST_PER_CLASS:
            return f"{rarer:,} rows of one class are too few; {FEWEST_PER_CLASS} of each are needed"
        if name in {"f1", "pr_auc", "recall"} and positives < FEWEST_COUNTED:
            return f"{positives:,} rows of label 1 are too few; {FEWEST_COUNTED} are needed"
        flagged = int((self.answers >= THRESHOLD).sum())
        if name == "precision" and flagged < FEWEST_COUNTED:
            return f"{flagged:,} rows that score {THRESHOLD:g} or more are too few; {FEWEST_COUNTED} are needed"
        return ""


@dataclass(frozen=True, slots=True)
class Scores:
    """A user's own score of each row."""

    metric: Metric
    values: Numbers

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: Places) -> Scores:
        return Scores(self.metric, self.values[rows])

    def estimate(self) -> Estimate:
        if bool(np.isin(self.values, (0.0, 1.0)).all()):
            return share(self.values)
        value = float(self.values.mean())
        is_rate = float(self.values.min()) >= 0 and float(self.values.max()) <= 1
        return Estimate(value, self.values - value, len(self.values), "rate" if is_rate else "mean")

    def shortage(self) -> str:
        return ""


def mean_of(values: Numbers, shape: Shape) -> Estimate:
    value = float(values.mean())
    return Estimate(value, values - value, len(values), shape)


def share(hits: Numbers) -> Estimate:
    """Return the estimate of a share; `hits` are 1 and 0, and NaN of rows that do not count."""
    among = np.isfinite(hits)
    counted = int(among.sum())
    value = float(hits[among].mean())
    return Estimate(value, np.where(among, hits - value, 0.0) * len(hits) / counted, counted, "rate", hits)


_Kind = Callable[["Numbers", "Numbers"], "NDArray[np.bool_]"]
# The rows that a share is of, and what is said when there are none.
_SHARES: dict[str, tuple[_Kind, str]] = {
    "accuracy": (lambda labels, _: np.isfinite(labels), "there are no rows"),
    "recall": (lambda labels, _: labels == 1, "no label is 1"),
    "precision": (lambda _, answers: answers >= THRESHOLD, f"no score reaches {THRESHOLD:g}"),
}


def _f1(labels: Numbers, scores: Numbers) -> Estimate:
    value, flagged = f1(labels, scores), (scores >= THRESHOLD).astype(np.float64)
    parts = _ratio(value, 2 * labels * flagged, flagged + labels)
    return Estimate(value, parts, int(labels.sum()), "rate")


def _ratio(value: float, above: Numbers, below: Numbers) -> Numbers:
    """Return the parts of sum(above) / sum(below)."""
    return (above - value * below) / float(below.mean())


def _roc_auc(labels: Numbers, scores: Numbers) -> Estimate:
    positives = int(labels.sum())
    if positives in (0, len(labels)):
        raise MetricUndefinedError(f"roc_auc has no value: all {len(labels)} labels are {int(labels[0])}")
    return Estimate(*area_parts(labels == 1, scores), min(positives, len(labels) - positives), "rate")


def area_parts(positive: NDArray[np.bool_], scores: Numbers) -> tuple[float, Numbers]:
    """Return the area under the ROC curve of rows of both kinds, and its parts."""
    by_win, by_loss = placements(scores[positive], scores[~positive])
    value = float(by_win.mean())
    parts = np.empty(len(positive))
    parts[positive] = (by_win - value) * len(positive) / len(by_win)
    parts[~positive] = (by_loss - value) * len(positive) / len(by_loss)
    return value, parts


def placements(wins: Numbers, losses: Numbers) -> tuple[Numbers, Numbers]:
    """Return, per score of a positive and of a negative row, the share of the other class on the right side of it.

    Ties count half. DeLong's variance of an area is that of these two samples. Not from all pairs of rows but from
    their midranks, which takes a sort: X. Sun and W. Xu, IEEE Signal Processing Letters 21 (2014).
    """
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([wins, losses]))
    by_win = (ranks[: len(wins)] - rankdata(wins)) / len(losses)
    return by_win, 1 - (ranks[len(wins) :] - rankdata(losses)) / len(wins)


def _pr_auc(labels: Numbers, scores: Numbers) -> Estimate:
    """Return the estimate with the jackknife's parts: what the average precision is without each row, found from both
    ends at once."""
    value = pr_auc(labels, scores)
    _, group, sizes = np.unique(-scores, return_inverse=True, return_counts=True)
    of_group = np.bincount(group, weights=labels)
    hits, flagged, positives = np.cumsum(of_group), np.cumsum(sizes).astype(np.float64), float(labels.sum())
    fewer = np.maximum(flagged - 1, 1)
    above = np.cumsum(of_group * hits / flagged) - of_group * hits / flagged
    without_negative = above + np.cumsum((of_group * hits / fewer)[::-1])[::-1]
    less = of_group * (hits - 1) / fewer
    without_positive = above + np.cumsum(less[::-1])[::-1] - less + (of_group - 1) * (hits - 1) / fewer
    without_row = np.where(
        labels == 1, without_positive[group] / max(positives - 1, 1), without_negative[group] / positives
    )
    parts = (len(labels) - 1) * (value - without_row)
    return Estimate(value, parts - parts.mean(), int(positives), "rate")


def _rmse(labels: Numbers, scores: Numbers) -> Estimate:
    squares = (labels - scores) ** 2
    value = math.sqrt(float(squares.mean()))
    return Estimate(value, (squares - value**2) / (2 * value or 1.0), len(labels), "tailed")


def _r2(labels: Numbers, scores: Numbers) -> Estimate:
    squares, spread = (labels - scores) ** 2, (labels - labels.mean()) ** 2
    if not (total := float(spread.sum())):
        raise MetricUndefinedError(f"r2 has no value: all {len(labels)} labels are {labels[0]:g}")
    loss = float(squares.sum()) / total
    return Estimate(1 - loss, -_ratio(loss, squares, spread), len(labels), "r2")


_BOUNDED = frozenset({"log_loss", "brier"})
_LOSSES = _BOUNDED | {"mae", "mse", "mape", "smape", "mase"}


def _row_losses(pairs: Pairs) -> Numbers:
    """Return each row's loss, for metrics that are the mean of them."""
    name, labels, scores = pairs.metric.name, pairs.labels, pairs.answers
    missed = labels - scores
    if pairs.metric.base == "pinball":
        quantile = float(pairs.metric.part) / 100
        return np.maximum(quantile * missed, (quantile - 1) * missed)
    match name:
        case "log_loss":
            return np.asarray(-np.log(np.clip(np.where(labels == 1, scores, 1 - scores), CLIP, 1 - CLIP)))
        case "smape":
            # azureml-metrics 0.0.91 has it as percent, 0 to 200; where both are 0 nothing is missed.
            size = np.abs(labels) + np.abs(scores)
            return np.asarray(np.divide(2 * np.abs(missed), size, out=np.zeros(len(size)), where=size > 0))
        case "mase":
            return np.abs(missed) / (pairs.scale if pairs.scale is not None else 1.0)
        case "mape":
            return np.abs(missed / labels)
        case "mae":
            return np.abs(missed)
    return missed**2


_ESTIMATES: dict[str, Callable[[Numbers, Numbers], Estimate]] = {
    "f1": _f1,
    "roc_auc": _roc_auc,
    "pr_auc": _pr_auc,
    "rmse": _rmse,
    "r2": _r2,
}
