"""Concept drift and estimates of whatever a model answers, by its task or by the metric that it is judged by."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from shared.policy.reading.problems import PolicyProblemsError
from tests.unit.drift.signals.test_expectations import predicted_numbers as estimated_numbers
from tests.unit.drift.signals.test_questions import predicted_classes, predicted_numbers
from tests.unit.engine.fact_world import POLICY, a_policy
from tests.unit.engine.signal_world import LABELS, SignalWorld


def performance(metric: str) -> str:
    return f"performance: {{metric: {metric}, key: id, labels_within: 1d, labels: '{LABELS}'}}"


class KindWorld(SignalWorld):
    """Rows that are scored and labelled, whatever is predicted."""

    def __init__(self, metric: str, signal: str = "concept_drift: {}") -> None:
        super().__init__()
        gated = POLICY.replace("metric: roc_auc, at_least: 0.7", f"metric: {metric}")
        self.policies = (a_policy(f"{gated}monitor: {{every: 1h, {signal}, {performance(metric)}}}\n"),)

    def answer(self, frame: pd.DataFrame) -> None:
        frame = frame.assign(id=range(self.served, self.served + len(frame)))
        self.served += len(frame)
        self.data.answered.append(("v-1", self.clock.now(), frame.drop(columns="label")))
        self.labels = pd.concat([self.labels, frame[["id", "label"]]])
        self.labels_arrive(self.served)
        self.look()
        self.clock.advance(timedelta(days=2))


def test_numbers_are_followed_where_the_metric_is_of_numbers() -> None:
    world = KindWorld("mae, at_most: 90")
    verdicts = []
    for seed, above in ((1, 0.0), (2, 0.0), (3, 0.7)):
        world.answer(predicted_numbers(4000, seed, above=above))
        verdicts.append(world.verdict_by_signal["concept-drift"])
    assert verdicts == ["insufficient-data", "no-drift", "drift"]
    assert "values are above the prediction" in world.newest["concept-drift"].sentence


def test_classes_are_followed_by_name() -> None:
    world = KindWorld("f1_macro, at_least: 0.1")
    verdicts = []
    for seed, turned in ((1, 0.0), (2, 0.0), (3, 0.2)):
        world.answer(predicted_classes(4000, seed, turned))
        verdicts.append(world.verdict_by_signal["concept-drift"])
    assert verdicts == ["insufficient-data", "no-drift", "drift"]
    assert "in whether labels are" in world.newest["concept-drift"].sentence


@pytest.mark.parametrize(("metric", "bound"), [("mae", "mae, at_most: 90"), ("f1_macro", "f1_macro, at_least: 0.1")])
def test_estimates_are_made_of_the_first_rows_whose_labels_arrive(metric: str, bound: str) -> None:
    make = estimated_numbers if metric == "mae" else predicted_classes
    world = KindWorld(bound, f"estimated_performance: {{metric: {metric}}}")
    verdicts = []
    for seed, moved in ((1, 0.0), (2, 0.0), (3, 1.0 if metric == "mae" else -0.8)):
        world.answer(make(4000, seed, moved=moved))
        verdicts.append(world.verdict_by_signal["estimated-performance"])
    assert verdicts == ["insufficient-data", "no-drift", "drift"]


def test_several_labels_of_one_row_are_refused() -> None:
    policy = "task: multilabel-classification\n" + POLICY.replace("roc_auc", "f1_micro")
    with pytest.raises(PolicyProblemsError, match="one label of each row"):
        a_policy(f"{policy}monitor: {{concept_drift: {{}}, {performance('f1_micro, at_least: 0.1')}}}\n")
