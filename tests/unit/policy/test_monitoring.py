"""The monitor section: what it refuses, with what to write instead; and that its catalogue is the real one."""

from __future__ import annotations

import typing

import pytest

from shared.metrics.catalogue import METRICS
from shared.metrics.expected import EXPECTED
from shared.policy.reading.problems import PolicyProblemsError
from shared.policy.sections.monitoring import Monitor
from shared.policy.sections.signals import EstimatedMetricName
from tests.unit.engine.fact_world import POLICY, a_policy


def test_metrics_that_may_be_estimated_are_those_that_can_be() -> None:
    several = {name for name in typing.get_args(EstimatedMetricName) if METRICS[name].base}
    assert set(typing.get_args(EstimatedMetricName)) == {*EXPECTED, "mae", "mse", "rmse", *several}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        pytest.param("performance: {metric: rmse, at_least: 3}", "write at_most", id="the_good_side"),
        pytest.param("performance: {metric: roc_auc}", "write at_least", id="no_bound"),
        pytest.param("performance: {metric: roc_auc, at_least: 70}", "lies between 0 and 1", id="percent"),
        pytest.param(
            "estimated_performance: {metric: brier, at_least: 0.1}, performance: {metric: brier, at_most: 0.1}",
            "write at_most",
            id="estimated_good_side",
        ),
        pytest.param("estimated_performance: {}", "add labelled", id="estimate_without_labels"),
        pytest.param("concept_drift: {}", "add performance", id="concept_without_labels"),
        pytest.param(
            "persistence: {alarms: 3, of: 2}", "alarms must not be more than the windows", id="impossible_persistence"
        ),
        pytest.param("importance: {age: -1}", "0 or more", id="negative_importance"),
        pytest.param("data_quality: {min_share: 0%}", "between 0% and 100%", id="no_share"),
        pytest.param("embedding_drift: {column: v, false_alarms: 0%}", "between 0% and 100%", id="no_false_alarms"),
        pytest.param("embedding_drift: {}", "column", id="no_column"),
        pytest.param("spark: {component: azureml:c@latest}", "add data_drift", id="spark_without_drift"),
        pytest.param(
            "reference: last-window, data_drift: {}, spark: {component: azureml:c@latest}",
            "write reference: training",
            id="spark_on_windows",
        ),
        pytest.param("spark: {when_above: 5GB}, data_drift: {}", "spark.component", id="spark_of_nothing"),
        pytest.param(
            "spark: {component: azureml:c@latest, when_above: 20GB}, data_drift: {}",
            "at most 10GB",
            id="spark_too_late",
        ),
        pytest.param(
            "spark: {component: azureml:c@latest, when_above: 5}, data_drift: {}",
            "write it with its unit",
            id="no_unit",
        ),
    ],
)
def test_what_cannot_work_is_refused_with_what_to_write(written: str, message: str) -> None:
    with pytest.raises(PolicyProblemsError) as refused:
        a_policy(f"{POLICY}monitor: {{{written}}}\n")
    assert message in str(refused.value)


def test_signals_are_those_that_are_switched_on() -> None:
    policy = a_policy(POLICY + "monitor: {data_quality: {}, performance: {metric: brier, at_most: 0.2}}\n")
    monitor = policy.section(Monitor)
    assert monitor is not None
    assert list(monitor.signals) == ["data-quality", "performance"]
