"""Metrics of several classes agree with scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.drift.classes import OF_CLASSES, OF_PROBABILITIES, measure_classes, measure_probabilities
from shared.drift.metrics import MetricUndefinedError

CLASSES = ["prepaid", "street", "upmarket"]
SKLEARN: dict[str, Any] = {
    "accuracy": sklearn.metrics.accuracy_score,
    "precision": lambda labels, guess: sklearn.metrics.precision_score(labels, guess, average="macro", zero_division=0),
    "recall": lambda labels, guess: sklearn.metrics.recall_score(labels, guess, average="macro", zero_division=0),
    "f1": lambda labels, guess: sklearn.metrics.f1_score(labels, guess, average="macro", zero_division=0),
    "log_loss": lambda labels, scores: sklearn.metrics.log_loss(labels, scores, labels=CLASSES),
    "brier": lambda labels, scores: sklearn.metrics.brier_score_loss(labels, scores, labels=CLASSES),
    "roc_auc": lambda labels, scores: sklearn.metrics.roc_auc_score(labels, scores, multi_class="ovr", labels=CLASSES),
}


@pytest.mark.parametrize("name", OF_CLASSES)
@given(rows=st.lists(st.tuples(st.sampled_from(CLASSES), st.sampled_from([*CLASSES, "new"])), min_size=1))
@settings(max_examples=60, deadline=None)
def test_metrics_of_classes(name: str, rows: list[tuple[str, str]]) -> None:
    labels, guess = [label for label, _ in rows], [each for _, each in rows]
    assert measure_classes(name, labels, guess) == pytest.approx(SKLEARN[name](labels, guess), abs=1e-12)


@pytest.mark.parametrize("name", OF_PROBABILITIES)
@pytest.mark.parametrize("seed", range(5))
def test_metrics_of_probabilities(name: str, seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.choice(CLASSES, 200).tolist()
    scores = random.dirichlet([1.0, 2.0, 0.5], 200)
    found = measure_probabilities(name, labels, scores, CLASSES)
    assert found == pytest.approx(SKLEARN[name](labels, scores), abs=1e-12)


def test_whole_numbers_are_one_class_however_they_are_stored() -> None:
    assert measure_classes("accuracy", [1.0, 2.0, True], ["1", 2, 1]) == 1.0


@pytest.mark.parametrize(
    ("labels", "scores", "error", "message"),
    [
        pytest.param(["street"], [[0.2, 0.2, 0.2]], ValueError, "sum to 1; got sums 0.6", id="no_probabilities"),
        pytest.param(["cash"], [[0.2, 0.4, 0.4]], ValueError, "'cash' is none of the classes", id="unknown_class"),
        pytest.param(["street"], [[0.5, 0.5]], ValueError, "needs 1 x 3 probabilities", id="shape"),
        pytest.param(["street"], [[0.5, np.nan, 0.5]], MetricUndefinedError, "1 scores are not finite", id="nan"),
        pytest.param([None], [[0.5, 0.0, 0.5]], MetricUndefinedError, "1 classes are missing", id="no_label"),
    ],
)
def test_what_cannot_be_measured_says_why(
    labels: list[Any], scores: list[list[float]], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        measure_probabilities("log_loss", labels, np.array(scores), CLASSES)
