"""How well a model probably does before any label arrives, and whether that is worse than its reference was.

The estimate rests on three assumptions, which nothing in the window can confirm:

- the reference's scores and labels calibrate the window's scores: rows of one score are as often 1 as they were;
- the label depends on the features as it did (no concept drift);
- the window's rows lie where the reference had rows, too (covariate shift within the support).

So it sees a model that meets more of the cases in which it was always unsure, and cannot see a world that changed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shared.drift.profiles.stored import reading
from shared.drift.results.signals import SignalReport, SignalVerdict
from shared.drift.rows.equal import numbers_of
from shared.drift.signals.expectations import (
    PREDICTION,
    OfClasses,
    OfNumbers,
    expect_classes,
    expect_numbers,
    expectation_of,
)
from shared.drift.signals.questions import Answers
from shared.metrics.binary import MetricUndefinedError
from shared.metrics.catalogue import find_metric
from shared.metrics.expected import EXPECTED, Curve, expected_metric, isotonic_curve

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Numbers = NDArray[np.float64]

FORMAT = 1
SIGNAL = "estimated-performance"
SMALLEST_CHUNK = 250
# A spread is taken from at least so many chunks, or past windows.
ENOUGH_CHUNKS = 8
STANDARD_DEVIATIONS = 3.0
OUTSIDE_WORTH_A_WORD = 0.01
ASSUMPTIONS = (
    "provided that scores mean what they meant in the reference and the label depends on the features as before"
)


@dataclass(frozen=True, slots=True)
class EstimateRules:
    """What is estimated and what counts.

    Args:
        metric: one that scores and a calibration tell, of what the model `answers`: see expected.py, expectations.py.
        min_change: smallest worsening that matters, in the metric's unit.
        threshold: a score of at least this counts as 1, where a metric needs classes.
        minimum_rows: fewer rows are insufficient data.
        bound: what the metric may be at worst: only a worsening to beyond it, by more than the reference's own chunks
            vary, alarms. None lets every worsening count.
    """

    metric: str = "roc_auc"
    min_change: float = 0.02
    threshold: float = 0.5
    minimum_rows: int = 500
    bound: float | None = None
    answers: Answers = "flags"

    def __post_init__(self) -> None:
        if self.answers == "flags" and self.metric not in EXPECTED:
            raise ValueError(f"{self.metric!r} cannot be estimated without labels; write one of {', '.join(EXPECTED)}")
        if not self.min_change > 0:
            raise ValueError(f"min_change must be above 0, e.g. 0.02; got {self.min_change}")


@dataclass(frozen=True, slots=True)
class EstimateReference:
    """A labelled reference: how answers become what to expect of them, and how the estimate varies from chunk to chunk.

    `spreads` are (rows of a chunk, standard deviation of the estimate over consecutive chunks), by rows.
    """

    metric: str
    threshold: float
    rows: int
    curve: Curve | OfClasses | OfNumbers
    value: float
    spreads: tuple[tuple[int, float], ...]

    def spread_at(self, rows: int) -> float:
        """Return the standard deviation for windows of so many rows, between the sizes measured; as for the longest
        beyond it, which is too much rather than too little."""
        # In logarithms: a spread that falls by a power of the rows is a straight line there. Not the root of the rows,
        # as for independent ones: neighbours resemble one another.
        sizes, spreads = zip(*self.spreads, strict=True)
        logs = np.log(np.maximum(spreads, 1e-12))
        return math.exp(float(np.interp(math.log(rows), np.log(sizes), logs)))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-ready data that `from_dict` reads back to an equal reference."""
        return {"format": FORMAT, **dataclasses.asdict(self)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> EstimateReference:
        """Return the reference that `to_dict` wrote.

        Raises:
            ValueError: written in another format, or damaged.
        """
        with reading(stored, "reference", FORMAT, "make it again"):
            curve = expectation_of(stored["curve"])
            spreads = tuple((int(rows), float(spread)) for rows, spread in stored["spreads"])
            return cls(
                stored["metric"], stored["threshold"], int(stored["rows"]), curve, float(stored["value"]), spreads
            )


def estimate_reference(scores: ArrayLike, labels: ArrayLike, rules: EstimateRules | None = None) -> EstimateReference:
    """Return what estimates need of a labelled reference, its rows in the order of time, not those of training.

    Raises:
        ValueError: too few rows, scores that are not finite, or labels other than 0 and 1 (or of one kind only).
    """
    rules = rules or EstimateRules()
    predicted, truth = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    if predicted.ndim != 1 or predicted.shape != truth.shape:
        raise ValueError(f"the reference needs one label per score; got shapes {predicted.shape} and {truth.shape}")
    least = SMALLEST_CHUNK * ENOUGH_CHUNKS
    if len(predicted) < least:
        raise ValueError(f"the reference has {len(predicted):,} labelled rows; at least {least:,} are needed")
    if not bool(np.isfinite(predicted).all()):
        raise ValueError(f"{int((~np.isfinite(predicted)).sum()):,} scores of the reference are not finite")
    if set(np.unique(truth).tolist()) != {0.0, 1.0}:
        raise ValueError(f"the reference needs labels 0 and 1, both; got {np.unique(truth)[:5].tolist()}")
    return _reference(isotonic_curve(predicted, truth), predicted, rules)


def estimate_reference_of(frame: pd.DataFrame, label: str, rules: EstimateRules, ignore: set[str]) -> EstimateReference:
    """Return the same of whatever the model answers: rows with `prediction`, and `prediction_CLASS` or features.

    Raises:
        ValueError: too few rows, or answers and labels are not of the kind that the rules say.
    """
    if rules.answers == "flags":
        return estimate_reference(numbers_of(frame[PREDICTION]), numbers_of(frame[label]), rules)
    least = SMALLEST_CHUNK * ENOUGH_CHUNKS
    if len(frame) < least:
        raise ValueError(f"the reference has {len(frame):,} labelled rows; at least {least:,} are needed")
    if rules.answers == "classes":
        curve: OfClasses | OfNumbers = expect_classes(frame, label)
    else:
        curve = expect_numbers(frame, label, rules.metric, ignore)
    return _reference(curve, curve.answers(frame), rules)


def _expected(curve: Curve | OfClasses | OfNumbers, answers: Numbers, rules: EstimateRules) -> float:
    if isinstance(curve, Curve):
        return expected_metric(rules.metric, answers, curve.at(answers), rules.threshold)
    return curve.value(rules.metric, answers)


def _reference(curve: Curve | OfClasses | OfNumbers, predicted: Numbers, rules: EstimateRules) -> EstimateReference:
    # Value and spread of the estimate, not of the metric itself: windows have no labels to compare that with.
    value = _expected(curve, predicted, rules)
    spreads = []
    size = SMALLEST_CHUNK
    while size <= len(predicted) // ENOUGH_CHUNKS:
        spreads.append((size, _spread(rules, predicted, curve, size)))
        size *= 2
    return EstimateReference(rules.metric, rules.threshold, len(predicted), curve, value, tuple(spreads))


def estimate_performance(
    reference: EstimateReference, scores: ArrayLike, rules: EstimateRules | None = None, past: Sequence[float] = ()
) -> SignalReport:
    """Return the metric to expect on the window, and whether that is worse than chunks of its length ever were.

    It alarms when the estimate is worse than the reference's by more than `min_change` and by more than 3 standard
    deviations of the reference's own chunks of this length, and of `past` windows when there are at least 8; with a
    bound, only when it is beyond that, too.

    Args:
        scores: the window's answers, as the reference's curve takes them; NaN and infinite ones are left out.
        past: estimates of earlier windows of about this length, in any order.

    Raises:
        ValueError: the rules ask for another metric or threshold than the reference was made for.
    """
    rules = rules or EstimateRules(reference.metric, threshold=reference.threshold)
    if (rules.metric, rules.threshold) != (reference.metric, reference.threshold):
        raise ValueError(f"the reference was made for {reference.metric} cut at {reference.threshold:g}; make it again")
    given = np.asarray(scores, dtype=np.float64)
    finite = given[np.isfinite(given.reshape(len(given), -1)).all(axis=1)]
    # Before any verdict: what is odd about the scores is worth a word also when they are too few.
    findings = _findings(reference, finite, len(given) - len(finite), rules)
    if len(finite) < rules.minimum_rows:
        text = f"Insufficient data: {len(finite):,} scores in the window, at least {rules.minimum_rows:,} are needed."
        return SignalReport(SIGNAL, "insufficient-data", text, len(finite), measure=rules.metric, findings=findings)
    try:
        value = _expected(reference.curve, finite, rules)
    except MetricUndefinedError as exc:
        text = f"Insufficient data: {exc}."
        return SignalReport(SIGNAL, "insufficient-data", text, len(finite), measure=rules.metric, findings=findings)
    threshold, reason = _threshold(reference, len(finite), rules, past)
    is_worse = find_metric(rules.metric).is_worse(value, than=threshold)
    text = (
        f"Estimated without labels: {rules.metric} {value:.3f} on {len(finite):,} rows, {reference.value:.3f} in the "
        f"reference; {'beyond' if is_worse else 'within'} {threshold:.3f} (set by {reason}), {ASSUMPTIONS}."
    )
    verdict: SignalVerdict = "drift" if is_worse else "no-drift"
    return SignalReport(
        SIGNAL, verdict, text, len(finite), value, threshold, f"estimated {rules.metric}", findings=findings
    )


def _threshold(
    reference: EstimateReference, rows: int, rules: EstimateRules, past: Sequence[float]
) -> tuple[float, str]:
    """Return beyond which value it alarms, and what sets it: the worse of a worsening that counts and the bound."""
    metric = find_metric(rules.metric)
    sign = -1.0 if metric.bound == "at_least" else 1.0
    noise = STANDARD_DEVIATIONS * reference.spread_at(rows)
    margins = [(rules.min_change, "the smallest change that matters"), (noise, "the reference's own chunks")]
    if len(past) >= ENOUGH_CHUNKS:
        # Past windows that were off by themselves widen the margin, in whichever direction they were.
        away = abs(float(np.mean(past)) - reference.value)
        margins.append((away + STANDARD_DEVIATIONS * float(np.std(past, ddof=1)), "past windows"))
    # The widest: a change within any of them does not matter or has another explanation.
    margin, reason = max(margins)
    worsened = reference.value + sign * margin
    # The bound is judged with the same noise: a model at its bound would otherwise alarm in every other window.
    if rules.bound is None or not metric.is_worse(rules.bound + sign * noise, than=worsened):
        return worsened, reason
    side = metric.bound.replace("_", " ")
    return rules.bound + sign * noise, f"the {side} {rules.bound:g} asked for and the reference's own chunks"


def _spread(rules: EstimateRules, scores: Numbers, curve: Curve | OfClasses | OfNumbers, size: int) -> float:
    values = []
    for start in range(0, len(scores) - size + 1, size):
        part = slice(start, start + size)
        # A chunk of one class has no roc_auc; the others still show how much it varies.
        try:
            values.append(_expected(curve, scores[part], rules))
        except MetricUndefinedError:
            continue
    # How much it varies is unknown: then no window is worse than that.
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.inf


def _findings(reference: EstimateReference, scores: Numbers, dropped: int, rules: EstimateRules) -> tuple[str, ...]:
    findings = [f"{dropped:,} scores are not finite; they are left out"] if dropped else []
    outside = reference.curve.outside(scores) if len(scores) and isinstance(reference.curve, Curve) else 0.0
    if outside > OUTSIDE_WORTH_A_WORD:
        findings.append(f"{outside:.1%} of the scores lie beyond all of the reference's: the estimate guesses there")
    if rules.bound is not None and find_metric(rules.metric).is_worse(reference.value, than=rules.bound):
        findings.append(
            f"{rules.metric} was {reference.value:.3f} in the reference, beyond the {rules.bound:g} asked for: "
            "only what is worse than it was alarms"
        )
    return tuple(findings)
