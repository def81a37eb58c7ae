"""Metrics agree with scikit-learn, and have no value where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from shared.metrics.binary import MetricUndefinedError
from shared.metrics.catalogue import METRICS, Direction
from shared.metrics.estimates import UnusableEvidenceError, WrongEvidenceError
from tests.unit.metrics.measuring import measure_metric


def _root_mean_squared(labels: list[float], scores: list[float]) -> float:
    return float(np.sqrt(sklearn.metrics.mean_squared_error(labels, scores)))


def _cut(scores: list[float]) -> list[int]:
    return [int(score >= 0.5) for score in scores]


SKLEARN = {
    "roc_auc": sklearn.metrics.roc_auc_score,
    "accuracy": lambda labels, scores: sklearn.metrics.accuracy_score(labels, _cut(scores)),
    "precision": lambda labels, scores: sklearn.metrics.precision_score(labels, _cut(scores)),
    "recall": lambda labels, scores: sklearn.metrics.recall_score(labels, _cut(scores)),
    "f1": lambda labels, scores: sklearn.metrics.f1_score(labels, _cut(scores)),
    "log_loss": lambda labels, scores: sklearn.metrics.log_loss(labels, scores, labels=[0, 1]),
    "pr_auc": sklearn.metrics.average_precision_score,
    "brier": sklearn.metrics.brier_score_loss,
    "mae": sklearn.metrics.mean_absolute_error,
    "mse": sklearn.metrics.mean_squared_error,
    "mape": sklearn.metrics.mean_absolute_percentage_error,
    "r2": sklearn.metrics.r2_score,
    "rmse": _root_mean_squared,
}

# Few distinct scores, so that ties, zeros and ones are common.
rows = st.lists(st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.500001, 0.9, 1.0])), min_size=1)


@pytest.mark.parametrize("name", sorted(SKLEARN))
@given(rows=rows)
def test_metric_agrees_with_sklearn_or_is_undefined(name: str, rows: list[tuple[int, float]]) -> None:
    labels, scores = [label for label, _ in rows], [score for _, score in rows]
    try:
        value = measure_metric(name, labels, scores)
    except (MetricUndefinedError, WrongEvidenceError):
        nothing_flagged = not any(_cut(scores))
        undefined = {
            "roc_auc": len(set(labels)) < 2,
            "precision": nothing_flagged,
            "recall": not any(labels),
            "pr_auc": not any(labels),
            "mape": not all(labels),
            "r2": len(set(labels)) < 2,
            "f1": nothing_flagged and not any(labels),
        }
        assert undefined[name]
    else:
        assert value == pytest.approx(SKLEARN[name](labels, scores), rel=1e-12, abs=1e-12)


numbers = st.floats(-1e6, 1e6).filter(lambda number: abs(number) > 1e-3)


@pytest.mark.parametrize("name", ["mae", "mse", "rmse", "mape", "r2"])
@given(rows=st.lists(st.tuples(numbers, numbers), min_size=2))
def test_metric_of_numbers_agrees_with_sklearn(name: str, rows: list[tuple[float, float]]) -> None:
    labels, scores = [label for label, _ in rows], [score for _, score in rows]
    if name == "r2" and np.ptp(labels) == 0:
        labels[0] += 1.0
    assert measure_metric(name, labels, scores) == pytest.approx(SKLEARN[name](labels, scores), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        pytest.param([], [], "the evaluation has no rows", id="no_rows"),
        pytest.param([1, 1], [0.2, 0.3], "all 2 labels are 1", id="one_class"),
        pytest.param([0, 1], [0.2, math.nan], "1 of 2 values of challenger_score are not finite", id="nan_score"),
        pytest.param([0, math.nan], [0.2, 0.3], "1 of 2 values of label are not finite", id="nan_label"),
    ],
)
def test_roc_auc_without_a_value_says_why(labels: list[float], scores: list[float], message: str) -> None:
    with pytest.raises((MetricUndefinedError, UnusableEvidenceError), match=message):
        measure_metric("roc_auc", labels, scores)


@pytest.mark.parametrize(
    ("name", "labels", "scores", "message"),
    [
        pytest.param("recall", [0, 2], [0.1, 0.9], "needs labels 0 and 1", id="labels_not_binary"),
        pytest.param("log_loss", [0, 1], [0.1, 1.2], "needs probabilities", id="not_probabilities"),
        pytest.param("mape", [0, 1], [0.1, 1.2], "1 labels are 0; write smape", id="nothing_to_divide_by"),
    ],
)
def test_misuse_is_refused(name: str, labels: list[float], scores: list[float], message: str) -> None:
    with pytest.raises(WrongEvidenceError, match=message):
        measure_metric(name, labels, scores)


def test_errors_are_better_when_lower() -> None:
    lower = {name for name, metric in METRICS.items() if metric.direction is Direction.LOWER_IS_BETTER}
    assert lower == {"log_loss", "brier", "mae", "mse", "rmse", "mape", "smape", "mase"}


def test_a_bound_is_on_the_side_where_a_metric_gets_worse() -> None:
    for metric in METRICS.values():
        assert metric.bound == ("at_most" if metric.direction is Direction.LOWER_IS_BETTER else "at_least")


@pytest.mark.parametrize(
    ("name", "at_least", "at_most", "problem"),
    [
        pytest.param("roc_auc", 0.7, None, "", id="right"),
        pytest.param("rmse", None, 12.5, "", id="right_below"),
        pytest.param("r2", -0.5, None, "", id="r2_may_be_negative"),
        pytest.param(
            "roc_auc", None, 0.7, "for roc_auc higher is better; write at_least: 0.7, and only that", id="side"
        ),
        pytest.param("rmse", 1.0, 2.0, "for rmse lower is better; write at_most, and only that", id="both"),
        pytest.param("roc_auc", 70.0, None, "roc_auc lies between 0 and 1, and 70 does not; write 0.7", id="percent"),
        pytest.param(
            "mae",
            None,
            math.nan,
            "mae lies between 0 and inf, and nan does not; write a number in that range",
            id="nan",
        ),
        pytest.param(
            "mae",
            None,
            math.inf,
            "mae lies between 0 and inf, and inf does not; write a number in that range",
            id="inf",
        ),
        pytest.param("mae", 10.0, None, "for mae lower is better; write at_most: 10, and only that", id="other_side"),
        pytest.param(
            "recall",
            -0.1,
            None,
            "recall lies between 0 and 1, and -0.1 does not; write a share, e.g. 0.05",
            id="negative",
        ),
    ],
)
def test_bounds_that_can_never_be_are_refused(
    name: str, at_least: float | None, at_most: float | None, problem: str
) -> None:
    assert METRICS[name].bound_problem(at_least, at_most) == problem


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        pytest.param("roc_auc", 0.005, "", id="right"),
        pytest.param("mae", 5.0, "", id="in_its_own_unit"),
        pytest.param("roc_auc", 5.0, "so that 5 allows everything; write 0.05", id="percent"),
        pytest.param("brier", 1.0, "so that 1 allows everything; write a share, e.g. 0.05", id="whole_range"),
        pytest.param("mae", -1.0, "-1 is no amount of mae; write 0 or more, in its own unit", id="negative"),
        pytest.param("mae", math.inf, "inf is no amount of mae; write 0 or more, in its own unit", id="inf"),
    ],
)
def test_changes_that_allow_everything_are_refused(name: str, change: float, problem: str) -> None:
    assert METRICS[name].change_problem(change).endswith(problem)
