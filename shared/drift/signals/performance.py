"""How well a model does on rows whose labels arrived, and whether that is beyond what its owner asks for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from shared.drift.results.signals import SignalReport, SignalVerdict
from shared.drift.rows.equal import key_of, numbers_of
from shared.metrics.binary import METRICS, VALUES, MetricUndefinedError, measure_metric
from shared.metrics.classes import OF_CLASSES, class_codes, measure_codes

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Column = NDArray[Any]

# The bound is then the tenth value from the end.
RESAMPLES = 200
CONFIDENCE = 0.95
# Resamples are this large at most; the spread of a larger table follows by the square root of the sizes.
RESAMPLED_ROWS = 20_000
PREDICTION = "prediction"


@dataclass(frozen=True, slots=True)
class PerformanceRules:
    """What the policy requires: `at_least` where higher is better, else `at_most`.

    Args:
        key: names the column that both tables share.
        label: names the one with the truth.

    Raises:
        ValueError: an unknown metric, or a bound on the side where the metric is good, or one it can never have.
    """

    metric: str
    at_least: float | None
    key: str
    label: str
    minimum_rows: int = 200
    at_most: float | None = None

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise ValueError(f"unknown metric {self.metric!r}; known are {', '.join(sorted(METRICS))}")
        if problem := METRICS[self.metric].bound_problem(self.at_least, self.at_most):
            raise ValueError(problem)

    @property
    def bound(self) -> float:
        return next(bound for bound in (self.at_least, self.at_most) if bound is not None)

    @property
    def bound_words(self) -> str:
        return f"{METRICS[self.metric].bound.replace('_', ' ')} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class PerformanceReport:
    """`value` is the metric, `at_least` and `at_most` its bounds, each 95 % sure; None when too little was known."""

    verdict: Literal["worse", "good-enough", "insufficient-data"]
    sentence: str
    rows: int
    value: float | None = None
    at_most: float | None = None
    at_least: float | None = None
    findings: tuple[str, ...] = ()

    def as_signal(self, rules: PerformanceRules) -> SignalReport:
        """Return the same as one signal of a monitor's run."""
        return SignalReport(
            signal="performance",
            verdict=_SIGNAL_VERDICTS[self.verdict],
            sentence=self.sentence,
            rows=self.rows,
            value=self.value,
            threshold=rules.bound,
            measure=rules.metric,
            findings=self.findings,
            low=self.at_least,
            high=self.at_most,
        )


_SIGNAL_VERDICTS: dict[str, SignalVerdict] = {
    "worse": "drift",
    "good-enough": "no-drift",
    "insufficient-data": "insufficient-data",
}


def judge_performance(scored: pd.DataFrame, labelled: pd.DataFrame, rules: PerformanceRules) -> PerformanceReport:
    """Return whether the metric is beyond the bound without doubt: its bootstrap bound on the good side is, too.

    Rows are resampled one by one, as if they were independent. Rows that share a bad day are not; for those the
    bounds are too narrow.

    Args:
        scored: rows as they were served, with their `prediction`: a number, or a class where the labels are classes.
        labelled: rows whose truth is known; a key that stands there twice counts once, the last one. Rows without a
            label are not known yet.

    Raises:
        ValueError: a column is missing, or the metric does not fit the labels.
    """
    _require(scored, {rules.key, PREDICTION}, "the scored rows have")
    _require(labelled, {rules.key, rules.label}, "the labels have")
    truth = by_key(labelled, rules.key)[rules.label].dropna()
    answers = by_key(scored, rules.key)[PREDICTION]
    keys = answers.index.intersection(truth.index)
    unanswered = int(answers.loc[keys].isna().sum())
    findings = (f"{unanswered:,} labelled rows have an empty prediction; they are left out",) if unanswered else ()
    keys = keys[answers.loc[keys].notna().to_numpy()]
    if len(keys) < rules.minimum_rows:
        sentence = f"{len(keys):,} scored rows have a label by now; {rules.minimum_rows:,} are needed"
        return PerformanceReport("insufficient-data", sentence, len(keys), findings=findings)
    labels, predictions = _as_metric_needs(rules.metric, truth.loc[keys], answers.loc[keys])
    try:
        value = _measure(rules.metric, labels, predictions)
    except MetricUndefinedError as exc:
        return PerformanceReport("insufficient-data", str(exc), len(keys), findings=findings)
    # Judged by the confidence bound on the good side: a few bad rows by chance must not alarm.
    low, high = bounds(rules.metric, labels, predictions, value)
    metric = METRICS[rules.metric]
    doubt, bound = ("at most", high) if metric.bound == "at_least" else ("at least", low)
    measured = f"{rules.metric} is {value:.3f} on {len(keys):,} labelled rows ({doubt} {bound:.3f}, 95 % sure)"
    sentence = f"{measured}; {rules.bound_words} is asked for"
    verdict: Literal["worse", "good-enough"] = "worse" if metric.is_worse(bound, than=rules.bound) else "good-enough"
    return PerformanceReport(verdict, sentence, len(keys), value, high, low, findings)


def bounds(metric: str, labels: Column, predictions: Column, value: float) -> tuple[float, float]:
    """Return the lower and upper percentile-bootstrap bound of `value`, each 95 % sure; infinite when unknown.

    The same rows in the same order give the same bounds.
    """
    chance = np.random.default_rng(len(labels))
    size = min(len(labels), RESAMPLED_ROWS)
    values = []
    for _ in range(RESAMPLES):
        chosen = chance.integers(0, len(labels), size)
        try:
            values.append(_measure(metric, labels[chosen], predictions[chosen]))
        except MetricUndefinedError:  # a resample without one of the classes says nothing
            continue
    if not values:
        return -math.inf, math.inf
    low, high = np.quantile(values, (1 - CONFIDENCE, CONFIDENCE))
    # The error shrinks with the square root of the rows, so that resamples of a large table can be smaller than it.
    narrower = math.sqrt(size / len(labels))
    return value + (float(low) - value) * narrower, value + (float(high) - value) * narrower


def _as_metric_needs(metric: str, truth: pd.Series[Any], answers: pd.Series[Any]) -> tuple[Column, Column]:
    """Return both as numbers; as codes when the metric is of classes and the labels are not 0 and 1.

    Raises:
        ValueError: the metric needs numbers, and a label is none.
    """
    labels = numbers_of(truth)
    if metric in OF_CLASSES and not bool(np.isin(labels, (0.0, 1.0)).all()):
        return class_codes(metric, truth.tolist(), answers.tolist())
    if METRICS[metric].needs == VALUES and np.isnan(labels).any():
        raise ValueError(f"{metric} needs numbers as labels; got e.g. {truth.iloc[int(np.argmax(np.isnan(labels)))]!r}")
    return labels, numbers_of(answers)


def _measure(metric: str, labels: Column, predictions: Column) -> float:
    if labels.dtype.kind == "i":
        return measure_codes(metric, labels, predictions)
    return measure_metric(metric, labels, predictions)


def by_key(frame: pd.DataFrame, key: str) -> pd.DataFrame:
    """Return the last row of each key, by the key's text: 7, 7.0 and "7" are one. Rows without a key are left out."""
    named = frame[frame[key].notna()]
    return named.set_index(named[key].map(key_of).to_numpy(dtype=object)).loc[
        lambda rows: ~rows.index.duplicated("last")
    ]


def _require(frame: pd.DataFrame, columns: set[str], whose: str) -> None:
    """Check that the columns exist.

    Raises:
        ValueError: one is missing.
    """
    missing = sorted(columns - set(frame.columns))
    if missing:
        raise ValueError(f"{whose} no column {', '.join(missing)}; there are {', '.join(map(str, frame.columns))}")
