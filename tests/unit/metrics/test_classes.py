"""Metrics of several classes agree with scikit-learn."""

from __future__ import annotations

from typing import Any

import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from shared.metrics.classes import OF_CLASSES, class_codes, measure_codes

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
def test_metrics_of_classes(name: str, rows: list[tuple[str, str]]) -> None:
    labels, guess = [label for label, _ in rows], [predicted for _, predicted in rows]
    assert measure_codes(name, *class_codes(name, labels, guess)) == pytest.approx(
        SKLEARN[name](labels, guess), abs=1e-12
    )


def test_whole_numbers_are_one_class_however_they_are_stored() -> None:
    assert measure_codes("accuracy", *class_codes("accuracy", [1.0, 2.0, True], ["1", 2, 1])) == 1.0
