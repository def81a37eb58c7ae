"""The catalogue: how a metric is named, what it judges, and what is said to who names it wrongly."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.metrics.catalogue import METRICS, OWN, find_metric, task_problem


@pytest.mark.parametrize(
    ("name", "base", "part", "of_class"),
    [
        ("f1_macro", "f1", "macro", ""),
        ("recall[Iris setosa]", "recall", "[Iris setosa]", "Iris setosa"),
        ("roc_auc[a[0]]", "roc_auc", "[a[0]]", "a[0]"),
        ("top_3_accuracy", "top", "3", ""),
        ("pinball_90", "pinball", "90", ""),
        ("pinball_2.5", "pinball", "2.5", ""),
    ],
)
def test_a_name_says_what_is_measured(name: str, base: str, part: str, of_class: str) -> None:
    metric = find_metric(name)
    assert (metric.name, metric.base, metric.part, metric.of_class) == (name, base, part, of_class)


def test_a_metric_of_ones_own_is_the_mean_of_a_column() -> None:
    higher, lower = find_metric("iou", "higher"), find_metric("edit_distance", "lower")
    assert (higher.needs, higher.bound, lower.bound) == (OWN, "at_least", "at_most")
    assert higher.bound_problem(-3.0, None) == ""


@pytest.mark.parametrize(
    ("name", "better", "remedy"),
    [
        ("F1Score", None, "'F1Score' is not a metric; write f1;"),
        ("f1-macro", None, "write f1_macro;"),
        ("balanced_accuracy", None, "write recall_macro;"),
        ("f1_marco", None, "did you mean f1_macro?"),
        ("iou", None, "for one of your own add better: higher, or lower"),
        ("top_0_accuracy", None, "did you mean top_3_accuracy?"),
        ("pinball_100", None, "did you mean pinball_90?"),
        ("recall[]", None, "is not a metric"),
        ("f1", "higher", "which way f1 is good is known; leave better out"),
        ("score_a", "higher", "cannot name a metric of your own"),
        ("my metric", "lower", "cannot name a metric of your own"),
    ],
)
def test_a_wrong_name_is_refused_with_the_remedy(name: str, better: Any, remedy: str) -> None:
    with pytest.raises(ValueError, match=r"^") as refused:
        find_metric(name, better)
    assert remedy in str(refused.value)


@given(name=st.text(max_size=30), better=st.sampled_from([None, "higher", "lower"]))
def test_no_name_brings_it_down(name: str, better: Any) -> None:
    with contextlib.suppress(ValueError):
        assert find_metric(name, better).name == name


@pytest.mark.parametrize(
    ("name", "task", "remedy"),
    [
        ("roc_auc", "binary-classification", ""),
        ("f1", "classification", "not of classification; write f1_macro, f1_micro or f1_weighted"),
        ("f1_macro", "binary-classification", "write f1"),
        ("roc_auc", "classification", "write roc_auc_macro or roc_auc_weighted"),
        ("mae", "multilabel-classification", "not of multilabel-classification; write accuracy"),
        ("mase", "regression", "is a metric of forecasting, not of regression"),
        ("mae", "other", ""),
    ],
)
def test_a_metric_of_another_task_is_refused_with_those_of_the_task(name: str, task: Any, remedy: str) -> None:
    problem = task_problem(find_metric(name), task)
    assert (remedy in problem, bool(problem)) == (True, bool(remedy))


def test_every_metric_judges_a_task() -> None:
    assert all(metric.tasks and metric.lowest < metric.highest for metric in METRICS.values())


def test_naming_metrics_loads_no_numbers() -> None:
    code = "import sys, shared.metrics.catalogue, shared.policy.sections.measured; print('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
