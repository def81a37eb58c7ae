"""Performance on late labels: looked at when labels arrive, announced once per version of them."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from shared.domain.fact import DriftDetected
from shared.domain.ids import DeploymentName, ModelVersion
from shared.policy.sections.model import Policy
from shared.ports.endpoints import DeploymentRecord, EndpointRecord
from shared.store.monitors.monitors import MonitorRun, MonitorStates
from tests.fakes.app import MemoryApp, look_at_models
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.clock import FakeClock
from tests.fakes.data import FakeData
from tests.fakes.outbox import FakeOutbox
from tests.fakes.publisher import FakePublisher
from tests.fakes.workspace import FakeWorkspace
from tests.unit.engine.fact_world import ENDPOINT, MODEL, POLICY, SETTINGS, a_policy
from tests.unit.events.wire import cloud, fact_from

LABELS = "azureml:churned@latest"
WATCHED = a_policy(
    POLICY
    + f"monitor: {{performance: {{metric: roc_auc, at_least: 0.8, labels: '{LABELS}', key: customer, label: left}}}}\n"
)


FAIR = a_policy(
    POLICY
    + f"monitor: {{performance: {{metric: roc_auc, at_least: 0.6, labels: '{LABELS}', key: customer, label: left}}, "
    "fairness: {by: [gender, region], criterion: equal-opportunity, at_most: 0.1}}\n"
)


OF_NO_GATES = "\n".join(line for line in POLICY.splitlines() if "roc_auc" not in line) + "\n"


class World:
    def __init__(self, policy: Policy = WATCHED) -> None:
        self.policy = policy
        self.clock, self.data, self.topic, self.workspace = FakeClock(), FakeData(), FakePublisher(), FakeWorkspace()
        self.blobs = MemoryBlobStore(self.clock.now)
        self.states = MonitorStates(self.blobs)
        v1 = DeploymentRecord(DeploymentName("v-1"), MODEL, ModelVersion("1"), "Succeeded")
        self.workspace.endpoints[ENDPOINT] = EndpointRecord(ENDPOINT, "Succeeded", {v1.name: 100}, {}, (v1,), "")

    def labels_arrive(self, version: int, noise: float, rows: int = 1000) -> None:
        chance = np.random.default_rng(version)
        truth = chance.integers(0, 2, rows)
        keys = [f"c{number}" for number in range(rows)]
        served = pd.DataFrame({"customer": keys, "prediction": truth * 0.5 + chance.normal(0, noise, rows)})
        self.data.predictions[ENDPOINT, "v-1"] = served
        self.data.latest[LABELS] = f"azureml:churned:{version}"
        self.data.tables[f"azureml:churned:{version}"] = pd.DataFrame({"customer": keys, "left": truth})

    def look(self) -> None:
        self.clock.advance(timedelta(hours=1))
        app = MemoryApp(
            SETTINGS,
            self.clock,
            (self.policy,),
            blobs=self.blobs,
            workspace=self.workspace,
            data=self.data,
            publisher=self.topic,
            outbox=FakeOutbox(),
        )
        look_at_models(app)

    @property
    def runs(self) -> tuple[MonitorRun, ...]:
        state, _ = self.states.read(MODEL)
        return state.runs if state else ()


def test_a_model_that_got_worse_is_announced_once_per_version_of_the_labels() -> None:
    world = World()
    world.labels_arrive(1, noise=2.0)
    world.look()
    world.look()
    assert [run.verdict for run in world.runs] == ["drift"]
    (event,) = world.topic.events
    body = fact_from(cloud(event)).body
    assert isinstance(body, DriftDetected)
    assert (body.signal, body.run) == ("performance", "1@azureml:churned:1")
    assert "at least 0.8 is asked for" in body.detail


@pytest.mark.parametrize(
    ("metric", "right", "verdict"),
    [
        ("f1_macro, at_least: 0.8", 0.95, "no-drift"),
        ("f1_macro, at_least: 0.8", 0.5, "drift"),
        ("roc_auc_macro, at_least: 0.8", 0.95, "no-drift"),
        ("log_loss, at_most: 0.5", 0.5, "drift"),
        ("'recall[c]', at_least: 0.8", 0.5, "drift"),
        ("revenue, better: higher, at_least: 2", 0.5, "drift"),
    ],
)
def test_models_of_several_classes_and_own_outcomes_are_watched(metric: str, right: float, verdict: str) -> None:
    performance = f"{{metric: {metric}, labels: '{LABELS}', key: customer, label: left}}"
    world = World(a_policy(OF_NO_GATES + f"monitor: {{performance: {performance}}}\n"))
    chance, keys = np.random.default_rng(1), [f"c{number}" for number in range(900)]
    truth = chance.choice(["a", "b", "c"], 900)
    guess = np.where(chance.random(900) < right, truth, chance.choice(["a", "b", "c"], 900))
    served = pd.DataFrame({"customer": keys, "prediction": guess, "age": 3})
    for name in "abc":
        served[f"prediction_{name}"] = np.where(guess == name, 0.8, 0.1)
    world.data.predictions[ENDPOINT, "v-1"] = served
    world.data.latest[LABELS] = "azureml:churned:1"
    world.data.tables["azureml:churned:1"] = pd.DataFrame({"customer": keys, "left": truth, "revenue": 1.0})
    world.look()
    assert [run.verdict for run in world.runs] == [verdict]


def test_newer_labels_are_looked_at_again() -> None:
    world = World()
    world.labels_arrive(1, noise=2.0)
    world.look()
    world.labels_arrive(2, noise=0.1)
    world.look()
    assert [(run.evidence, run.verdict) for run in world.runs] == [
        ("azureml:churned:1", "drift"),
        ("azureml:churned:2", "no-drift"),
    ]
    assert len(world.topic.events) == 1


def test_too_few_labels_wait_for_more_rows() -> None:
    world = World()
    world.labels_arrive(1, noise=0.1, rows=50)
    world.look()
    assert [run.verdict for run in world.runs] == ["insufficient-data"]
    world.labels_arrive(1, noise=0.1)
    world.look()
    assert [run.verdict for run in world.runs] == ["no-drift"]


def test_labels_without_the_named_column_are_an_error_that_names_it() -> None:
    world = World()
    world.labels_arrive(1, noise=0.1)
    world.data.tables["azureml:churned:1"] = pd.DataFrame({"customer": ["c1"], "gone": [1]})
    world.look()
    (run,) = world.runs
    assert (run.verdict, "no column left" in run.sentence) == ("error", True)


def test_a_monitor_of_labels_alone_has_a_window_that_moves_on() -> None:
    world = World()
    world.labels_arrive(1, noise=0.1)
    for _ in range(3):
        world.look()
    state, _ = world.states.read(MODEL)
    assert state is not None
    assert state.window_start == state.looked_at == world.clock.now()


class UnequalWorld(World):
    """Region is served; gender, which no model should see, stands beside the labels."""

    def __init__(self) -> None:
        super().__init__(FAIR)

    def labels_arrive(self, version: int, noise: float, rows: int = 4000, gap: float = 0.0) -> None:
        super().labels_arrive(version, noise, rows)
        served, labels = self.data.predictions[ENDPOINT, "v-1"], self.data.tables[f"azureml:churned:{version}"]
        labels["gender"] = np.where(np.arange(rows) % 2, "F", "M")
        served["region"] = np.where(np.arange(rows) % 3, "north", "south")
        chance = np.random.default_rng(version + 1).random(rows)
        chosen = np.where(labels["gender"] == "F", 0.8 - gap, 0.8)
        served["prediction"] = np.where(chance < np.where(labels["left"] == 1, chosen, 0.2), 0.9, 0.1)


def test_bias_that_grows_is_announced_as_a_signal_of_its_own() -> None:
    world = UnequalWorld()
    world.labels_arrive(1, noise=0.5)
    world.look()
    world.labels_arrive(2, noise=0.5, gap=0.3)
    world.look()
    assert [(run.signal, run.verdict) for run in world.runs] == [
        ("performance", "no-drift"),
        ("fairness", "no-drift"),
        ("performance", "no-drift"),
        ("fairness", "drift"),
    ]
    (event,) = world.topic.events
    body = fact_from(cloud(event)).body
    assert isinstance(body, DriftDetected)
    assert body.signal == "fairness"
    assert "of gender F; the difference over all groups is" in body.detail


def test_a_column_that_neither_rows_nor_labels_have_is_an_error_of_fairness_alone() -> None:
    world = UnequalWorld()
    world.labels_arrive(1, noise=0.5)
    del world.data.tables["azureml:churned:1"]["gender"]
    world.look()
    assert [(run.signal, run.verdict) for run in world.runs] == [("performance", "no-drift"), ("fairness", "error")]
    assert "no column gender" in world.runs[1].sentence


def test_rows_that_the_criterion_does_not_fit_are_an_error_and_no_bias() -> None:
    world = UnequalWorld()
    world.labels_arrive(1, noise=0.5)
    world.data.tables["azureml:churned:1"]["left"] = 0
    world.look()
    (run,) = [run for run in world.runs if run.signal == "fairness"]
    assert run.verdict == "error"
    assert "no row has the favourable label 1; there are 0" in run.sentence
