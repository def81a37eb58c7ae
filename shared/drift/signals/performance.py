"""How well a model does on rows whose labels arrived, and whether that is beyond what its owner asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from shared.domain.releases.outcome import Better
from shared.drift.results.signals import SignalReport, SignalVerdict
from shared.drift.rows.equal import key_of
from shared.metrics.bounds import value_bounds
from shared.metrics.catalogue import CLASSES, Metric, find_metric
from shared.metrics.classes import class_text, is_list
from shared.metrics.estimates import UnusableEvidenceError, WrongEvidenceError, measured, require_enough
from shared.metrics.rows import Layout, read_sample

if TYPE_CHECKING:
    import pandas as pd

CONFIDENCE = 0.95
PREDICTION = "prediction"


@dataclass(frozen=True, slots=True)
class PerformanceRules:
    """What the policy requires: `at_least` where higher is better, else `at_most`.

    Args:
        key: names the column that both tables share.
        label: names the one with the truth.
        better: which way is good of a metric of the user's own, the mean of a column of either table.

    Raises:
        ValueError: an unknown metric, or a bound on the side where the metric is good, or one it can never have.
    """

    metric: str
    at_least: float | None
    key: str
    label: str
    minimum_rows: int = 200
    at_most: float | None = None
    better: Better | None = None

    def __post_init__(self) -> None:
        if problem := self.measure.bound_problem(self.at_least, self.at_most):
            raise ValueError(problem)

    @property
    def measure(self) -> Metric:
        return find_metric(self.metric, self.better)

    @property
    def bound(self) -> float:
        return next(bound for bound in (self.at_least, self.at_most) if bound is not None)

    @property
    def bound_words(self) -> str:
        return f"{self.measure.bound.replace('_', ' ')} {self.bound:g}"


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
    """Return whether the metric is beyond the bound without doubt: its confidence bound on the good side is, too.

    Rows count as if they were independent. Rows that share a bad day are not; for those the bounds are too narrow.

    Args:
        scored: rows as they were served, with their `prediction`, or one column `prediction_CLASS` of each class.
        labelled: rows whose truth is known; a key that stands there twice counts once, the last one. Rows without a
            label are not known yet.

    Raises:
        ValueError: a column is missing, or the metric does not fit the labels.
    """
    _require(scored, {rules.key}, "the scored rows have")
    _require(labelled, {rules.key, rules.label}, "the labels have")
    truth = by_key(labelled, rules.key).dropna(subset=[rules.label]).drop(columns=rules.key)
    answers = by_key(scored, rules.key)
    keys = answers.index.intersection(truth.index)
    rows = answers.loc[keys].drop(columns=truth.columns, errors="ignore").join(truth.loc[keys])
    unanswered = rows[PREDICTION].isna() if PREDICTION in rows else rows.index != rows.index
    findings: tuple[str, ...] = ()
    if left_out := int(unanswered.sum()):
        findings = (f"{left_out:,} labelled rows have an empty prediction; they are left out",)
        rows = rows[~unanswered]
    if len(rows) < rules.minimum_rows:
        sentence = f"{len(rows):,} scored rows have a label by now; {rules.minimum_rows:,} are needed"
        return PerformanceReport("insufficient-data", sentence, len(rows), findings=findings)
    try:
        sample = read_sample(_fitting(rules.measure, rows[rules.label]), rows, Layout.of_served(rules.label))
        estimate = measured(sample)
        require_enough(sample)
    except WrongEvidenceError:
        raise
    except UnusableEvidenceError as exc:
        return PerformanceReport("insufficient-data", f"{rules.metric}: {exc}", len(rows), findings=findings)
    # Judged by the confidence bound on the good side: a few bad rows by chance must not alarm.
    low, high = value_bounds(estimate, CONFIDENCE)
    doubt, bound = ("at most", high) if rules.measure.is_higher_better else ("at least", low)
    measured_words = f"{rules.metric} is {estimate.value:.3f} on {len(rows):,} labelled rows"
    sentence = f"{measured_words} ({doubt} {bound:.3f}, 95 % sure); {rules.bound_words} is asked for"
    is_worse = rules.measure.is_worse(bound, than=rules.bound)
    verdict: Literal["worse", "good-enough"] = "worse" if is_worse else "good-enough"
    return PerformanceReport(verdict, sentence, len(rows), estimate.value, high, low, findings)


def _fitting(metric: Metric, labels: pd.Series[Any]) -> Metric:
    """Return the metric; of precision, recall and F1 the mean over the classes where labels are not just 0 and 1."""
    if metric.needs != CLASSES or metric.name == "accuracy":
        return metric
    are_flags = not any(map(is_list, labels)) and {class_text(label) for label in labels.unique()} <= {"0", "1"}
    return metric if are_flags else find_metric(f"{metric.name}_macro")


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
