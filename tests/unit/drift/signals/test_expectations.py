"""Metrics of several classes and of numbers, estimated without labels: near the truth, and quiet by themselves."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from sklearn.ensemble import HistGradientBoostingRegressor

from shared.drift.signals.estimated import (
    EstimateReference,
    EstimateRules,
    estimate_performance,
    estimate_reference_of,
)
from shared.drift.signals.expectations import OfClasses, expect_classes
from shared.metrics.binary import MetricUndefinedError
from shared.metrics.expected import Curve
from tests.unit.drift.signals.test_questions import predicted_classes

NAMES = ["fir", "oak", "elm", "ash"]


def predicted_numbers(rows: int, seed: int, moved: float = 0.0) -> pd.DataFrame:
    """Return rows whose error grows with x, which says nothing of the value itself."""
    chance = np.random.default_rng(seed)
    x, z = chance.normal(moved, 1, rows), chance.normal(0, 1, rows)
    error = chance.normal(0, 1, rows) * np.exp(0.6 * x)
    return pd.DataFrame({"x": x, "z": z, "prediction": 2 * z, "label": 2 * z + error})


def true_value(metric: str, frame: pd.DataFrame) -> float:
    if metric in {"mae", "rmse"}:
        error = (frame["label"] - frame["prediction"]).to_numpy()
        return float(np.abs(error).mean() if metric == "mae" else np.sqrt((error**2).mean()))
    labels, chosen = frame["label"], frame["prediction"]
    if metric in {"log_loss", "roc_auc_macro"}:
        names = sorted(NAMES)
        scores = frame[[f"prediction_{name}" for name in names]].to_numpy()
        if metric == "log_loss":
            return float(metrics.log_loss(labels, scores, labels=names))
        return float(metrics.roc_auc_score(labels, scores, multi_class="ovr", labels=names))
    if metric == "accuracy":
        return float(metrics.accuracy_score(labels, chosen))
    base, average = metric.split("_")
    score = {"f1": metrics.f1_score, "precision": metrics.precision_score, "recall": metrics.recall_score}[base]
    return float(score(labels, chosen, average=average))


def an_estimate(metric: str, moved: float, seed: int = 1) -> tuple[Any, float]:
    """Return the report on a window, and the metric that its labels show."""
    kind, make = ("numbers", predicted_numbers) if metric in {"mae", "rmse"} else ("classes", predicted_classes)
    rules = EstimateRules(metric, answers=kind)  # type: ignore[arg-type]
    reference = estimate_reference_of(make(6000, seed), "label", rules, set())
    window = make(4000, 100 + seed, moved=moved)
    assert not isinstance(reference.curve, Curve)
    return estimate_performance(reference, reference.curve.answers(window), rules), true_value(metric, window)


@pytest.mark.parametrize("moved", [0.0, 0.5, -0.8])
@pytest.mark.parametrize(
    "metric", ["accuracy", "f1_macro", "f1_micro", "f1_weighted", "precision_macro", "recall_macro", "roc_auc_macro"]
)
def test_classes_are_estimated_as_their_labels_turn_out(metric: str, moved: float) -> None:
    report, true = an_estimate(metric, moved)
    assert report.value == pytest.approx(true, abs=0.03)


@pytest.mark.parametrize("moved", [0.0, 0.5, -0.8])
def test_log_loss_is_estimated_as_labels_turn_out(moved: float) -> None:
    report, true = an_estimate("log_loss", moved)
    assert report.value == pytest.approx(true, abs=0.06)


@pytest.mark.parametrize("metric", ["mae", "rmse"])
def test_a_model_that_meets_more_of_what_it_errs_on_is_seen(metric: str) -> None:
    same, true = an_estimate(metric, 0.0)
    assert (same.verdict, same.value) == ("no-drift", pytest.approx(true, rel=0.05))
    harder, true = an_estimate(metric, 0.5)
    assert (harder.verdict, harder.value) == ("drift", pytest.approx(true, rel=0.12))
    assert harder.value < true  # what lies beyond the outermost tenth is taken for as hard as that


def test_losses_are_learned_about_as_well_as_by_trees() -> None:
    """NannyML's rule is LightGBM's, of which scikit-learn's histogram gradient boosting is the kind."""
    frame, window = predicted_numbers(6000, 3), predicted_numbers(4000, 4, moved=0.5)
    rules = EstimateRules("mae", answers="numbers")
    reference = estimate_reference_of(frame, "label", rules, set())
    ours = reference.curve.value("mae", reference.curve.answers(window))  # type: ignore[union-attr]
    columns = ["x", "z", "prediction"]
    trees: Any = HistGradientBoostingRegressor
    loss = (frame["label"] - frame["prediction"]).abs()
    theirs = float(trees(random_state=0).fit(frame[columns], loss).predict(window[columns]).mean())
    assert ours == pytest.approx(theirs, rel=0.05)


@pytest.mark.parametrize(("metric", "kind"), [("f1_macro", "classes"), ("rmse", "numbers")])
def test_what_is_stored_reads_back_to_an_equal_reference(metric: str, kind: Any) -> None:
    frame = predicted_numbers(2000, 1) if kind == "numbers" else predicted_classes(2000, 1)
    reference = estimate_reference_of(frame, "label", EstimateRules(metric, answers=kind), set())
    assert EstimateReference.from_dict(json.loads(json.dumps(reference.to_dict()))) == reference


def test_rows_that_do_not_fit_are_refused_by_what_is_missing() -> None:
    frame = predicted_classes(2000, 1)
    with pytest.raises(ValueError, match="needs a column prediction_CLASS"):
        expect_classes(frame[["prediction", "label"]], "label")
    with pytest.raises(ValueError, match="labels yew have none"):
        expect_classes(frame.assign(label="yew"), "label")
    expected = expect_classes(frame, "label")
    with pytest.raises(ValueError, match="no column prediction_oak"):
        expected.answers(frame.drop(columns="prediction_oak"))
    with pytest.raises(ValueError, match="2,000 predictions name no class"):
        expected.answers(frame.assign(prediction="yew"))
    with pytest.raises(MetricUndefinedError):
        OfClasses(("a", "b"), expected.curves[:2]).value("accuracy", np.empty((0, 3)))
    numbers = predicted_numbers(2000, 1)
    reference = estimate_reference_of(numbers, "label", EstimateRules("mae", answers="numbers"), set())
    with pytest.raises(ValueError, match="no column x, by which"):
        reference.curve.answers(numbers.drop(columns="x"))  # type: ignore[union-attr]
