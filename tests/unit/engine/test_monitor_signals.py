"""Every signal by policy: what each needs and says, that none stops another, and how long drift has to last."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from shared.domain.fact import DriftDetected
from shared.domain.ids import DeploymentName, EndpointName
from shared.engine.monitors import Monitors
from shared.store.monitor_reports import MonitorReports
from shared.store.monitors import MonitorRun, MonitorStates
from shared.store.profiles import Profiles
from tests.fakes.outbox import FakeOutbox
from tests.unit.engine.fact_world import MODEL, POLICY, a_policy
from tests.unit.engine.test_monitors import HOUR, TRAINED_ON, TimedData, World
from tests.unit.events.wire import WORKSPACE, cloud, fact_from

SCORED = "azureml:churn-scored:1"
LABELS = "azureml:customers-labelled@latest"
PERFORMANCE = f"performance: {{metric: roc_auc, at_least: 0.6, key: id, labels_within: 1d, labels: '{LABELS}'}}"
LABELLED = f"labelled: {{data: '{SCORED}'}}"


def a_monitor(*parts: str) -> str:
    return f"{POLICY}monitor: {{every: 1h, {', '.join(parts)}}}\n"


class ScoredData(TimedData):
    """Requests that were answered, too."""

    def collected_predictions(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> pd.DataFrame:
        found = [frame for name, at, frame in self.answered if name == deployment and start <= at < end]
        return pd.concat(found, ignore_index=True) if found else pd.DataFrame()

    def __init__(self) -> None:
        super().__init__()
        self.answered: list[tuple[str, datetime, pd.DataFrame]] = []


class SignalWorld(World):
    def __init__(self, *parts: str) -> None:
        super().__init__(a_policy(a_monitor(*parts)))
        self.data: ScoredData = ScoredData()
        self.data.tables[TRAINED_ON] = self.customers(5000)
        self.outbox, self.served = FakeOutbox(), 0
        self.labels = pd.DataFrame({"id": [], "label": []})

    def people(self, rows: int, shift: float = 0.0, turned: float = 0.0) -> pd.DataFrame:
        """Return served rows with scores that mean what they say, but for a share whose labels are turned round."""
        frame = self.customers(rows, shift)
        score = 1 / (1 + np.exp(-(frame["age"] - 40) / 5))
        truth = self.random.random(rows) < score
        truth = np.where(self.random.random(rows) < turned, ~truth, truth)
        ids = range(self.served, self.served + rows)
        self.served += rows
        return frame.assign(id=ids, prediction=score, label=truth.astype(int))

    def serve_people(self, rows: int, shift: float = 0.0, turned: float = 0.0, *, is_labelled: bool = True) -> None:
        found = self.people(rows, shift, turned)
        now = self.clock.now()
        vectors = self.random.normal(shift / 15, 1, (rows, 4))
        inputs = found[["age", "id"]].assign(vector=list(vectors.tolist()))
        self.data.requests.append(("v-1", now, inputs))
        self.data.answered.append(("v-1", now, found[["age", "id", "prediction"]]))
        if is_labelled:
            self.labels = pd.concat([self.labels, found[["id", "label"]]])

    def labels_arrive(self, version: int) -> None:
        self.data.latest[LABELS] = f"azureml:customers-labelled:{version}"
        self.data.tables[self.data.latest[LABELS]] = self.labels

    def add_scored(self, rows: int = 4000, version: str = "1") -> None:
        self.data.tables[SCORED] = self.people(rows).assign(model_version=version)

    def look(self, after: timedelta = HOUR) -> None:
        self.clock.advance(after)
        Monitors(
            self.policies,
            self.workspace,
            self.data,
            Profiles(self.blobs),
            MonitorStates(self.blobs),
            self.topic,
            self.clock,
            WORKSPACE,
            self.outbox,
            MonitorReports(self.blobs),
        ).run_due()

    @property
    def newest(self) -> Mapping[str, MonitorRun]:
        return {run.signal: run for run in self.runs}

    @property
    def said(self) -> dict[str, str]:
        return {name: run.verdict for name, run in self.newest.items()}

    @property
    def announced(self) -> list[str]:
        bodies = [fact_from(cloud(event)).body for event in self.topic.events]
        return [body.signal for body in bodies if isinstance(body, DriftDetected)]

    @property
    def troubles(self) -> list[str]:
        return [notice.parameters["reason"] for notice in self.outbox.notices.values()]


ALL = (
    "data_drift: {ignore: [id]}",
    "data_quality: {ignore: [id]}",
    "prediction_drift: {}",
    "estimated_performance: {}",
    "embedding_drift: {column: vector}",
    "concept_drift: {}",
    PERFORMANCE,
    LABELLED,
)


def test_all_signals_on_ordinary_windows_say_no_drift_and_nothing_is_announced() -> None:
    world = SignalWorld(*ALL)
    world.add_scored()
    for version in (1, 2):
        world.serve_people(3000)
        world.labels_arrive(version)
        world.look()
    assert set(world.said.values()) == {"no-drift"}
    assert len(world.said) == 7
    assert (world.announced, world.troubles) == ([], [])
    report = world.reports.last(MODEL)
    assert report is not None
    assert {each.signal for each in report.signals} == set(world.said)


def test_each_signal_that_drifts_is_an_event_of_its_own_with_the_same_report() -> None:
    world = SignalWorld(*ALL)
    world.add_scored()
    world.serve_people(3000)
    world.labels_arrive(1)
    world.look()
    world.serve_people(3000, shift=15, turned=0.5)
    world.labels_arrive(2)
    world.look()
    assert sorted(world.announced) == [
        "concept-drift",
        "data-drift",
        "embedding-drift",
        "prediction-drift",
    ]
    assert len({event.id for event in world.topic.events}) == 4
    assert {event.data["report"] for event in world.topic.events} == {world.runs[-1].report}


def test_a_signal_that_cannot_look_is_an_error_of_its_own_that_people_are_told_once_a_day() -> None:
    world = SignalWorld("data_drift: {ignore: [id]}", "embedding_drift: {column: pixels}")
    for _ in range(3):
        world.serve_people(2000)
        world.look()
    assert world.said == {"data-drift": "no-drift", "embedding-drift": "error"}
    assert "no column 'pixels'" in world.newest["embedding-drift"].sentence
    assert len({notice.key for notice in world.outbox.notices.values()}) == 1
    assert {notice.parameters["signal"] for notice in world.outbox.notices.values()} == {"embedding-drift"}


def test_what_a_library_cannot_take_is_that_signals_error_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise ZeroDivisionError("odd rows")

    monkeypatch.setattr("shared.drift.quality.check_quality", breaks)
    world = SignalWorld("data_drift: {ignore: [id]}", "data_quality: {}")
    world.serve_people(2000)
    world.look()
    assert world.said == {"data-drift": "no-drift", "data-quality": "error"}
    assert "ZeroDivisionError: odd rows" in world.newest["data-quality"].sentence


def test_broken_data_is_told_as_such() -> None:
    world = SignalWorld("data_quality: {ignore: [id]}")
    world.serve_people(2000)
    world.data.requests[-1][2].loc[:500, "age"] = None
    world.look()
    assert world.announced == ["data-quality"]
    assert "age" in world.newest["data-quality"].sentence


def test_without_labelled_rows_the_first_window_is_what_predictions_are_held_to() -> None:
    world = SignalWorld("prediction_drift: {}", PERFORMANCE)
    world.labels_arrive(1)
    for shift in (0, 0, 15):
        world.serve_people(2000, shift)
        world.look()
    runs = [run for run in world.runs if run.signal == "prediction-drift"]
    assert [run.verdict for run in runs] == ["insufficient-data", "no-drift", "drift"]
    assert runs[0].sentence == "the first window: later ones are compared with it"


def test_an_estimate_is_held_to_the_owners_bound() -> None:
    world = SignalWorld("estimated_performance: {metric: accuracy, at_least: 0.9}", LABELLED)
    world.add_scored()
    world.serve_people(3000)
    world.look()
    assert world.announced == ["estimated-performance"]
    assert "at least 0.9 asked for" in world.newest["estimated-performance"].sentence


def test_the_first_labels_of_served_rows_calibrate_estimates_and_concept() -> None:
    world = SignalWorld("estimated_performance: {}", "concept_drift: {}", PERFORMANCE)
    world.labels_arrive(1)
    world.serve_people(3000)
    world.look()
    assert world.said["estimated-performance"] == "insufficient-data"
    assert "monitor.labelled" in world.newest["estimated-performance"].sentence
    world.labels_arrive(2)
    world.serve_people(3000)
    world.look()
    assert world.newest["concept-drift"].sentence == "the first window: later ones are compared with it"
    world.serve_people(3000, turned=0.6)
    world.labels_arrive(3)
    world.look()
    assert world.said["estimated-performance"] == "no-drift"  # blind to it by construction
    assert world.said["concept-drift"] == "drift"
    assert world.newest["concept-drift"].rows == 3000  # without those that it is held to


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(lambda frame: frame.drop(columns="prediction"), "has no column prediction", id="no_scores"),
        pytest.param(lambda frame: frame.assign(model_version="7"), "no rows scored by version 1", id="other_version"),
        pytest.param(lambda frame: frame.head(500), "at least 2,000 are needed", id="too_few"),
    ],
)
def test_labelled_rows_that_will_not_do_say_what_to_write(change: object, told: str) -> None:
    world = SignalWorld("estimated_performance: {}", LABELLED)
    world.add_scored()
    world.data.tables[SCORED] = change(world.data.tables[SCORED])  # type: ignore[operator]
    world.serve_people(2000)
    world.look()
    assert told in world.newest["estimated-performance"].sentence
    assert world.announced == []


def test_references_are_made_once_per_version() -> None:
    world = SignalWorld(*ALL)
    world.add_scored()
    world.serve_people(3000)
    world.labels_arrive(1)
    world.look()
    for uri in (SCORED, TRAINED_ON):
        del world.data.tables[uri]
    world.serve_people(3000)
    world.labels_arrive(2)
    world.look()
    assert set(world.said.values()) == {"no-drift"}


def test_drift_that_has_to_last_is_announced_when_it_has() -> None:
    world = SignalWorld("persistence: {alarms: 2, of: 3}", "data_drift: {ignore: [id]}")
    for shift, announced in ((15, 0), (0, 0), (15, 1), (15, 2), (0, 2), (0, 2), (15, 2)):
        world.serve_people(2000, shift)
        world.look()
        assert len(world.announced) == announced
    report = world.reports.last(MODEL)
    assert report is not None
    assert (report.verdict, report.signals[0].findings[-1]) == (
        "drift",
        "not announced yet: 2 of the last 3 windows have to drift",
    )


def test_a_window_that_is_looked_at_again_counts_once_towards_lasting() -> None:
    world = SignalWorld(
        "persistence: {alarms: 2, of: 2}",
        "data_quality: {ignore: [id]}",
        "data_drift: {ignore: [id], minimum_rows: 5000}",
    )
    for _ in range(3):  # 1,000 broken rows an hour: enough for quality, too few for drift, so the window stays open
        world.serve_people(1000)
        world.data.requests[-1][2].loc[:500, "age"] = None
        world.look()
    assert world.announced == []


def test_importance_weighs_and_top_bounds_what_is_announced() -> None:
    world = SignalWorld("top: 1", "importance: {age: 3, other: 1}", "data_drift: {ignore: [id]}")
    frame = world.data.tables[TRAINED_ON]
    world.data.tables[TRAINED_ON] = frame.assign(other=frame["age"])
    world.serve_people(2000, shift=15)
    world.data.requests[-1][2]["other"] = world.data.requests[-1][2]["age"]
    world.look()
    (run,) = world.runs
    assert [each.feature for each in run.features] == ["age"]
    report = world.reports.last(MODEL)
    assert report is not None
    assert [each.importance for each in report.signals[0].columns] == [0.75, 0.25]


def test_answers_that_are_never_collected_do_not_keep_the_window_open_and_are_told_after_a_day() -> None:
    world = SignalWorld("data_drift: {ignore: [id]}", "prediction_drift: {}", LABELLED)
    world.add_scored()
    for _ in range(26):
        world.serve_people(1000)
        world.data.answered.clear()
        world.look()
    assert all(run.end - run.start == HOUR for run in world.runs)
    (reason,) = set(world.troubles)
    assert reason.endswith("no answers were collected yet")


def test_nothing_collected_for_a_day_is_told() -> None:
    world = SignalWorld("data_drift: {}")
    for _ in range(23):
        world.look()
    assert world.troubles == []
    world.look()
    world.look()
    assert {reason.rpartition("UTC: ")[2] for reason in world.troubles} == {"no rows yet"}


def test_labels_of_other_rows_are_too_little_data() -> None:
    world = SignalWorld("concept_drift: {}", PERFORMANCE)
    world.serve_people(1000, is_labelled=False)
    world.labels_arrive(1)
    world.look()
    assert world.newest["performance"].sentence == "0 scored rows have a label by now; 200 are needed"
    assert set(world.said.values()) == {"insufficient-data"}


def test_labels_that_stay_away_are_told_when_they_have_taken_twice_as_long_as_they_may() -> None:
    world = SignalWorld("data_drift: {ignore: [id]}", PERFORMANCE)
    world.serve_people(1000)
    world.labels_arrive(1)
    for hour in range(52):
        world.look()
        world.serve_people(1000)
        assert (hour >= 49) == bool(world.troubles)
    (reason,) = set(world.troubles)
    assert reason.startswith("no new labels have come since azureml:customers-labelled:1 (")


def test_an_endpoint_that_is_gone_is_told_when_two_looks_are_missing() -> None:
    world = SignalWorld("data_drift: {ignore: [id]}")
    world.serve_people(2000)
    world.look()
    world.workspace.endpoints.clear()
    world.look()
    world.look()
    assert world.troubles == []
    world.look()
    assert "endpoint churn serves no version of churn" in world.troubles[0]


def test_an_endpoint_that_has_only_ever_served_another_model_is_told() -> None:
    world = SignalWorld("data_drift: {}")
    world.workspace.endpoints.clear()  # not released yet
    world.look()
    assert world.troubles == []
    world.serve("1", model="another")
    world.look()
    assert world.troubles == ["endpoint churn serves no version of churn"]


def test_a_mistake_met_in_one_model_is_told_and_the_next_model_is_looked_at() -> None:
    other = a_monitor("data_drift: {}").replace("churn", "other", 2).replace("name: churn", "name: other")
    world = SignalWorld("data_drift: {ignore: [id]}")
    world.policies = (a_policy(other), *world.policies)
    world.workspace.errors["endpoint"] = [UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")]
    world.serve_people(2000)
    world.look()
    assert world.said == {"data-drift": "no-drift"}
    (notice,) = world.outbox.notices.values()
    assert (notice.model, "UnicodeEncodeError" in notice.parameters["reason"]) == ("other", True)


def test_rows_that_repeat_without_the_columns_left_out_did_so_in_the_reference() -> None:
    world = SignalWorld("data_quality: {ignore: [id]}")

    def whole_ages(rows: int) -> pd.DataFrame:
        return world.customers(rows).round().assign(id=range(rows))

    world.data.tables[TRAINED_ON] = whole_ages(5000)
    world.data.requests.append(("v-1", world.clock.now(), whole_ages(2000)))
    world.look()
    assert world.said == {"data-quality": "no-drift"}


@pytest.mark.parametrize(
    "kind", ["quality-a56145270ce6", "predictions", "estimate-roc_auc-0.5", "concept", "embedding-dmVjdG9y"]
)
def test_a_reference_that_is_damaged_is_made_anew(kind: str) -> None:
    world = SignalWorld(*ALL)
    world.add_scored()
    world.serve_people(3000)
    world.labels_arrive(1)
    world.look()
    name = f"profiles/churn/1/{kind}.json.gz"
    kept = world.blobs.get(name)
    assert kept is not None
    world.blobs.put(name, b"damaged")
    world.serve_people(3000)
    world.labels_arrive(2)
    world.look()
    made = world.blobs.get(name)
    assert made is not None
    assert made.body != b"damaged"
    assert "error" not in world.said.values()
