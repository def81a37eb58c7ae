"""The metrics by name: which way is good, what each can be and needs, and which tasks it judges. Loading a policy needs
no more, so nothing here loads numpy."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Literal

from shared.domain.releases.outcome import Better

Task = Literal[
    "binary-classification", "classification", "multilabel-classification", "regression", "forecasting", "other"
]
RANKING, CLASSES, PROBABILITIES, VALUES = "any ranking", "a score to cut", "probabilities", "values"
CHOICES, CLASS_PROBABILITIES, OWN = "a predicted class", "a probability per class", "a score of each row"

_BINARY: frozenset[Task] = frozenset({"binary-classification"})
_ONE_CLASS: frozenset[Task] = frozenset({"classification"})
_SEVERAL: frozenset[Task] = frozenset({"classification", "multilabel-classification"})
_NUMBERS: frozenset[Task] = frozenset({"regression", "forecasting"})
_ANY: frozenset[Task] = _BINARY | _SEVERAL | _NUMBERS | {"other"}


class Direction(StrEnum):
    HIGHER_IS_BETTER = "higher is better"
    LOWER_IS_BETTER = "lower is better"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Args:
        needs: what the answers must be.
        tasks: that it judges.
        lowest, highest: what it can be, each included.
        aliases: names that others have for it, e.g. Azure ML's, compared without case and punctuation.
        base, part: what `name` is made of: f1 and macro, recall and [setosa], top and 3, pinball and 90.
    """

    name: str
    direction: Direction
    needs: str
    tasks: frozenset[Task]
    lowest: float = 0.0
    highest: float = 1.0
    aliases: tuple[str, ...] = ()
    base: str = ""
    part: str = ""

    @property
    def bound(self) -> Literal["at_least", "at_most"]:
        """Return which side a policy bounds: the one where the metric gets worse."""
        return "at_least" if self.is_higher_better else "at_most"

    @property
    def is_higher_better(self) -> bool:
        return self.direction is Direction.HIGHER_IS_BETTER

    @property
    def is_of_rows(self) -> bool:
        """Return whether each row has a value of it, whose mean it is."""
        rows = {"accuracy", "log_loss", "brier", "mae", "mse", "mape", "smape", "mase"}
        return self.name in rows or self.base in {"top", "pinball"} or self.needs == OWN

    @property
    def of_class(self) -> str:
        """Return the class whose metric it is; "" when it is of all rows."""
        return self.part[1:-1] if self.part.startswith("[") else ""

    @property
    def task_words(self) -> str:
        return _any(sorted(self.tasks))

    def bound_problem(self, at_least: float | None, at_most: float | None) -> str:
        """Return what is wrong with the requested bounds, and what to write instead; "" when nothing is."""
        requested = at_least if self.bound == "at_least" else at_most
        other = at_most if self.bound == "at_least" else at_least
        if requested is None or other is not None:
            written = "" if other is None or requested is not None or self._range_problem(other) else f": {other:g}"
            return f"for {self.name} {self.direction}; write {self.bound}{written}, and only that"
        return self._range_problem(requested)

    def change_problem(self, change: float) -> str:
        """Return what is wrong with an amount by which the metric may change; "" when nothing is."""
        width = self.highest - self.lowest
        if not 0 <= change < math.inf:
            return f"{change:g} is no amount of {self.name}; write 0 or more, in its own unit"
        if change >= width:
            return f"{self.name} lies between {self._range}, so that {change:g} allows everything; {_as_share(change)}"
        return ""

    @property
    def _range(self) -> str:
        return f"{self.lowest:g} and {self.highest:g}"

    def _range_problem(self, bound: float) -> str:
        if not math.isfinite(bound) or not self.lowest <= bound <= self.highest:
            remedy = _as_share(bound) if self.highest == 1 else "write a number in that range"
            return f"{self.name} lies between {self._range}, and {bound:g} does not; {remedy}"
        return ""

    def is_worse(self, value: float, than: float) -> bool:
        """Return whether `value` is strictly worse; never for NaN."""
        return value < than if self.is_higher_better else value > than


def _as_share(number: float) -> str:
    """Return what to write instead of a number that was meant as a percentage, perhaps."""
    return f"write {number / 100:g}" if 1 < number < 100 else "write a share, e.g. 0.05"


_HIGHER, _LOWER = Direction.HIGHER_IS_BETTER, Direction.LOWER_IS_BETTER
_ERROR = (0.0, math.inf)


def _averages() -> Iterator[Metric]:
    for base in ("precision", "recall", "f1"):
        for part in ("macro", "micro", "weighted"):
            aliases = {"recall_macro": ("balanced_accuracy",)}.get(f"{base}_{part}", ())
            alias = (f"{base}_score_{part}", *aliases)
            yield Metric(f"{base}_{part}", _HIGHER, CHOICES, _SEVERAL, aliases=alias, base=base, part=part)
    for part in ("macro", "weighted"):
        yield Metric(f"roc_auc_{part}", _HIGHER, CLASS_PROBABILITIES, _ONE_CLASS, base="roc_auc", part=part)


# The one table of directions and ranges. The aliases of Azure ML: azure.ai.ml.constants.MonitorMetricName and
# ModelPerformanceRegressionThresholds on learn.microsoft.com, read 2026-11-20.
METRICS = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", _HIGHER, RANKING, _BINARY, aliases=("auc", "AUC_weighted", "AUC_macro")),
        Metric("pr_auc", _HIGHER, RANKING, _BINARY, aliases=("average_precision",)),
        Metric("accuracy", _HIGHER, CLASSES, _BINARY | _SEVERAL),
        Metric("precision", _HIGHER, CLASSES, _BINARY),
        Metric("recall", _HIGHER, CLASSES, _BINARY),
        Metric("f1", _HIGHER, CLASSES, _BINARY, aliases=("F1Score",)),
        Metric("log_loss", _LOWER, PROBABILITIES, _BINARY | _ONE_CLASS, *_ERROR),
        Metric("brier", _LOWER, PROBABILITIES, _BINARY, aliases=("brier_score",)),
        *_averages(),
        Metric("mae", _LOWER, VALUES, _NUMBERS, *_ERROR, aliases=("MeanAbsoluteError",)),
        Metric("mse", _LOWER, VALUES, _NUMBERS, *_ERROR, aliases=("MeanSquaredError",)),
        Metric("rmse", _LOWER, VALUES, _NUMBERS, *_ERROR, aliases=("RootMeanSquaredError",)),
        Metric("mape", _LOWER, VALUES, _NUMBERS, *_ERROR, aliases=("MeanAbsolutePercentageError",)),
        Metric("smape", _LOWER, VALUES, _NUMBERS, 0.0, 2.0),
        Metric("mase", _LOWER, VALUES, frozenset({"forecasting"}), *_ERROR),
        Metric("r2", _HIGHER, VALUES, _NUMBERS, -math.inf, aliases=("r2_score", "CoefficientOfDetermination")),
    )
}
# Written with a class, a number of guesses or a quantile of the user's.
FORMS = ("f1[CLASS]", "precision[CLASS]", "recall[CLASS]", "roc_auc[CLASS]", "top_3_accuracy", "pinball_90")
_OF_CLASS = re.compile(r"(precision|recall|f1|roc_auc)(\[.+\])")
_TOP, _PINBALL = re.compile(r"top_([1-9]\d{0,3})_accuracy"), re.compile(r"pinball_(0?\.\d+|[1-9]\d?(?:\.\d+)?)")
_OWN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.@:-]{0,99}")


@cache
def find_metric(name: str, better: Better | None = None) -> Metric:
    """Return the metric of that name; with `better` one of the user's own.

    Raises:
        ValueError: no metric is called so, or `better` stands beside one whose good way is known.
    """
    metric = known_metric(name)
    if metric and better:
        raise ValueError(f"which way {name} is good is known; leave better out")
    if metric:
        return metric
    if better is None:
        raise ValueError(f"{name!r} is not a metric; {_remedy(name)}; for one of your own add better: higher, or lower")
    if not _OWN_NAME.fullmatch(name) or name in {"score", "prediction"} or name.startswith("score_"):
        raise ValueError(f"{name!r} cannot name a metric of your own; write letters, digits and _, e.g. iou")
    return Metric(name, _HIGHER if better == "higher" else _LOWER, OWN, _ANY, -math.inf, math.inf)


def known_metric(name: str) -> Metric | None:
    """Return the metric of that name; None for any other, which may be a user's own."""
    if name in METRICS:
        return METRICS[name]
    if match := _OF_CLASS.fullmatch(name):
        base, part = match.groups()
        needs, tasks = (CLASS_PROBABILITIES, _ONE_CLASS) if base == "roc_auc" else (CHOICES, _SEVERAL)
        return Metric(name, _HIGHER, needs, tasks, base=base, part=part)
    if match := _TOP.fullmatch(name):
        return Metric(name, _HIGHER, CLASS_PROBABILITIES, _ONE_CLASS, base="top", part=match[1])
    if match := _PINBALL.fullmatch(name):
        return Metric(name, _LOWER, VALUES, _NUMBERS, *_ERROR, base="pinball", part=match[1])
    return None


def _remedy(name: str) -> str:
    plain = _plain(name)
    for metric in METRICS.values():
        if plain in {_plain(alias) for alias in (metric.name, *metric.aliases)}:
            return f"write {metric.name}"
    names = (*sorted(METRICS), *FORMS)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.75)
    return f"did you mean {close[0]}?" if close else f"write one of {', '.join(names)}"


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def task_problem(metric: Metric, task: Task) -> str:
    """Return why the metric does not judge the task, and what does; "" when it does."""
    if task == "other" or task in metric.tasks:
        return ""
    same = [other.name for other in METRICS.values() if task in other.tasks and metric.name in (other.base, other.name)]
    same += [name for name in (metric.base,) if name in METRICS and task in METRICS[name].tasks]
    others = same or [name for name, other in METRICS.items() if task in other.tasks]
    return f"{metric.name} is a metric of {metric.task_words}, not of {task}; write {_any(others)}"


def _any(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
