"""How well a model does on rows whose labels arrived, and whether that is below what its owner asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from shared.drift.metrics import MetricUndefinedError, measure_metric

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

RESAMPLES = 200
UPPER_BOUND = 0.95
PREDICTION = "prediction"


@dataclass(frozen=True, slots=True)
class PerformanceRules:
    """What is asked for. `key` names the column that both tables share; `label` the one with the truth."""

    metric: str
    at_least: float
    key: str
    label: str
    minimum_rows: int = 200


@dataclass(frozen=True, slots=True)
class PerformanceReport:
    """`value` is the metric, `at_most` its upper 95 % bound; both None when there was too little to measure."""

    verdict: Literal["worse", "good-enough", "insufficient-data"]
    sentence: str
    rows: int
    value: float | None = None
    at_most: float | None = None


def judge_performance(scored: pd.DataFrame, labelled: pd.DataFrame, rules: PerformanceRules) -> PerformanceReport:
    """Return whether the metric is below the bound beyond doubt: its upper bootstrap bound is, not just its value.

    Args:
        scored: rows as they were served, with their `prediction`.
        labelled: rows whose truth is known; a key that stands there twice counts once, the last one.

    Raises:
        ValueError: a column is missing, or the metric does not fit the labels.
    """
    _require(scored, {rules.key, PREDICTION}, "the scored rows have")
    _require(labelled, {rules.key, rules.label}, "the labels have")
    truth = labelled.drop_duplicates(rules.key, keep="last").set_index(rules.key)[rules.label]
    known = scored.drop_duplicates(rules.key, keep="last").set_index(rules.key)[PREDICTION]
    both = known.index.intersection(truth.index)
    if len(both) < rules.minimum_rows:
        sentence = f"{len(both):,} scored rows have a label by now; {rules.minimum_rows:,} are needed"
        return PerformanceReport("insufficient-data", sentence, len(both))
    labels = truth.loc[both].to_numpy(dtype=np.float64)
    predictions = known.loc[both].to_numpy(dtype=np.float64)
    try:
        value = measure_metric(rules.metric, labels, predictions)
    except MetricUndefinedError as exc:
        return PerformanceReport("insufficient-data", str(exc), len(both))
    at_most = _upper_bound(rules.metric, labels, predictions)
    measured = f"{rules.metric} is {value:.3f} on {len(both):,} labelled rows (at most {at_most:.3f}, 95 % sure)"
    sentence = f"{measured}; at least {rules.at_least:g} is asked for"
    return PerformanceReport(
        "worse" if at_most < rules.at_least else "good-enough", sentence, len(both), value, at_most
    )


def _upper_bound(metric: str, labels: NDArray[np.float64], predictions: NDArray[np.float64]) -> float:
    """Return the percentile-bootstrap bound; the same rows give the same bound."""
    chance = np.random.default_rng(len(labels))
    values = []
    for _ in range(RESAMPLES):
        chosen = chance.integers(0, len(labels), len(labels))
        try:
            values.append(measure_metric(metric, labels[chosen], predictions[chosen]))
        except MetricUndefinedError:  # a resample without one of the classes says nothing
            continue
    return float(np.quantile(values, UPPER_BOUND)) if values else float("inf")


def _require(frame: pd.DataFrame, columns: set[str], whose: str) -> None:
    missing = sorted(columns - set(frame.columns))
    if missing:
        raise ValueError(f"{whose} no column {', '.join(missing)}; there are {', '.join(map(str, frame.columns))}")
