"""Monitors of batch endpoints: what their jobs read and predicted is the window, and jobs that stop coming are told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pandas as pd
import pytest

from shared.domain.ids import DeploymentName, JobName
from shared.domain.releases.batch import PredictionLayout
from shared.engine.monitors.rows.batch_jobs import served_rows
from shared.policy.reading.problems import PolicyProblemsError
from shared.ports.batch_endpoints import BatchRun
from shared.release.states.batch import PREDICTIONS
from tests.unit.engine.fact_world import ENDPOINT, POLICY, a_policy
from tests.unit.engine.monitors.test_run_due import HOUR
from tests.unit.engine.signal_world import LABELLED, PERFORMANCE, SignalWorld

DAY = timedelta(days=1)
PATHS = "azureml://datastores/workspaceblobstore/paths"
_head, _, _rest = POLICY.partition("rollout:")
BATCH = _head.replace("type: online", "type: batch") + "budget:" + _rest.partition("budget:")[2]
ROLLOUT = (
    "rollout: {{strategy: batch, watch_for: 1d, batch: {{sample: 'azureml:s@latest', compute: c, "
    "classes: {{changed_at_most: 1%}}, predictions: {0}}}}}\n"
)


class BatchWorld(SignalWorld):
    """A nightly job scores two files; `layout` is that of its predictions."""

    layout = PredictionLayout()

    def __init__(self, *parts: str, rollout: str = "") -> None:
        super().__init__()
        self.policies = (a_policy(f"{BATCH}monitor: {{every: 1h, {', '.join(parts)}}}\n{rollout}"),)
        self.azure = self.workspace.batch
        self.azure.endpoints = self.workspace.endpoints
        # Nothing is where an online endpoint has it.
        self.workspace.endpoints = {}

    def run(self, rows: int = 1000, shift: float = 0.0, turned: float = 0.0, folder: str = "") -> None:
        """Have a job score a batch, and end now."""
        people, number = self.people(rows, shift, turned), len(self.azure.runs)
        data, output = folder or f"{PATHS}/in/{number}", f"{PATHS}/out/{number}/predictions.csv"
        halves = {"a.csv": people[: rows // 2], "b.csv": people[rows // 2 :]}
        for name, half in halves.items():
            self.data.tables[f"{data}/{name}"] = half[["age", "id"]].reset_index(drop=True)
        self.data.tables[output] = self._lines(halves)
        self.labels = pd.concat([self.labels, people[["id", "label"]]])
        run = BatchRun(JobName(f"batchjob-{number}"), self.clock.now(), data, output)
        self.azure.runs.append(("v-1", run))

    def _lines(self, halves: dict[str, pd.DataFrame]) -> pd.DataFrame:
        # Mini batches end in any order, and the file holds texts.
        frames = [
            pd.DataFrame({"row": range(len(half)), "prediction": half["prediction"].to_numpy(), "file": name})
            for name, half in reversed(halves.items())
        ]
        return pd.concat(frames).astype(str)


def test_a_jobs_inputs_are_the_window_in_which_it_completed() -> None:
    world = BatchWorld("data_drift: {ignore: [id]}")
    world.run(1000)
    world.look()
    world.run(1000, shift=15)
    world.look()
    assert [(run.verdict, run.rows) for run in world.runs] == [("no-drift", 1000), ("drift", 1000)]
    assert world.announced == ["data-drift"]


def test_every_signal_of_tables_works_on_jobs() -> None:
    signals = ("data_drift: {ignore: [id]}", "data_quality: {ignore: [id]}", "prediction_drift: {}")
    world = BatchWorld(*signals, "estimated_performance: {}", "concept_drift: {}", PERFORMANCE, LABELLED)
    world.add_scored()
    world.run(2000)
    world.labels_arrive(1)
    world.look()
    assert world.verdict_by_signal == dict.fromkeys(world.newest, "no-drift")
    assert {name: run.rows for name, run in world.newest.items()} == dict.fromkeys(world.newest, 2000)
    assert len(world.newest) == 6

    # The same people, and nobody does what the model says of them any more.
    world.run(2000, turned=1.0)
    world.labels_arrive(2)
    world.look()
    assert world.verdict_by_signal["data-drift"] == "no-drift"
    assert {world.verdict_by_signal[name] for name in ("performance", "concept-drift")} == {"drift"}


def test_predictions_are_found_by_a_column_that_the_inputs_have() -> None:
    class Keyed(BatchWorld):
        def _lines(self, halves: dict[str, pd.DataFrame]) -> pd.DataFrame:
            people = pd.concat(halves.values())[["id", "prediction"]].sample(frac=1, random_state=1)
            lines: pd.DataFrame = people.rename(columns={"prediction": "score"}).astype(str)
            return lines

    predictions = "{columns: [id, score], key: [id], prediction: score, separator: ' '}"
    world = Keyed("prediction_drift: {}", LABELLED, rollout=ROLLOUT.format(predictions))
    world.add_scored()
    world.run(1500)
    world.look()
    assert world.newest["prediction-drift"].rows == 1500
    assert world.newest["prediction-drift"].verdict == "no-drift"


def scored(world: BatchWorld) -> pd.DataFrame:
    window = (ENDPOINT, DeploymentName("v-1"), world.clock.now() - HOUR, world.clock.now() + HOUR)
    reader = served_rows(world.policies[0], world.workspace, world.data)
    frames: list[pd.DataFrame] = list(reader.scored_batches(*window))
    return pd.concat(frames)


def test_each_row_gets_the_prediction_of_its_own_file_and_line() -> None:
    world = BatchWorld("prediction_drift: {}")
    world.run(10)
    frame = scored(world)
    expected = world.data.tables[f"{PATHS}/out/0/predictions.csv"]
    for name, rows in (("a.csv", frame[:5]), ("b.csv", frame[5:])):
        assert [str(value) for value in rows["prediction"]] == list(expected[expected["file"] == name]["prediction"])
    assert list(frame["id"]) == list(range(10))


def test_rows_without_a_prediction_are_left_out_and_told() -> None:
    world = BatchWorld("prediction_drift: {minimum_rows: 100}", LABELLED)
    world.add_scored()
    world.run(1000)
    lines = world.data.tables[f"{PATHS}/out/0/predictions.csv"]
    world.data.tables[f"{PATHS}/out/0/predictions.csv"] = lines[100:]
    reader = served_rows(world.policies[0], world.workspace, world.data)
    rows = reader.scored_batches(ENDPOINT, DeploymentName("v-1"), world.clock.now(), world.clock.now() + HOUR)
    assert sum(map(len, rows)) == 900
    assert rows.findings == ("100 of 1,000 rows of job batchjob-0 have no prediction",)


def test_a_batch_that_was_scored_twice_counts_once() -> None:
    world = BatchWorld("data_drift: {ignore: [id]}")
    world.run(1000, folder=f"{PATHS}/in/march")
    world.run(1000, folder=f"{PATHS}/in/march")
    world.look()
    assert world.newest["data-drift"].rows == 1000


def test_the_batch_on_which_a_release_compares_versions_is_not_served() -> None:
    world = BatchWorld("data_drift: {ignore: [id]}")
    world.run(1000, shift=15)
    name, run = world.azure.runs.pop()
    output = f"{PREDICTIONS}score-churn-2/predictions.csv".replace(
        "azureml://", "azureml://subscriptions/s/resourcegroups/g/workspaces/w/"
    )
    world.azure.runs.append((name, BatchRun(run.name, run.ended_at, run.data, output)))
    world.look()
    assert world.verdicts == ["insufficient-data"]


def test_a_repeated_key_is_an_error_of_the_signals_that_need_predictions() -> None:
    world = BatchWorld("data_drift: {ignore: [id]}", "prediction_drift: {}", LABELLED)
    world.add_scored()
    world.run(1000)
    output = f"{PATHS}/out/0/predictions.csv"
    world.data.tables[output] = pd.concat([world.data.tables[output]] * 2)
    world.look()
    assert world.verdict_by_signal == {"data-drift": "no-drift", "prediction-drift": "error"}
    assert "1,000 lines of job batchjob-0 have the key" in world.newest["prediction-drift"].sentence


@pytest.mark.parametrize(
    ("parts", "waits", "is_told"),
    [
        pytest.param(("jobs_every: 1d",), [DAY, 1.9 * DAY], False, id="late_but_not_yet"),
        pytest.param(("jobs_every: 1d",), [DAY, 2.1 * DAY], True, id="by_the_policy"),
        pytest.param((), [DAY, DAY, DAY, 2.1 * DAY], True, id="as_seen"),
        pytest.param((), [DAY, DAY, 3 * DAY, 2.1 * DAY], False, id="weekends_were_seen"),
        pytest.param((), [DAY, 5 * DAY], False, id="nobody_knows_yet"),
    ],
)
def test_jobs_that_stop_coming_are_told(parts: Sequence[str], waits: Sequence[timedelta], is_told: bool) -> None:
    world = BatchWorld("data_drift: {ignore: [id]}", *parts)
    world.run()
    world.look()
    for wait in waits[:-1]:
        world.clock.advance(wait - HOUR)
        world.run()
        world.look()
    world.look(waits[-1])
    silent = [reason for reason in world.troubles if "has completed no job since" in reason]
    assert bool(silent) == is_told
    # Only the schedule of the jobs says that: a day without rows is in order.
    assert not [reason for reason in world.troubles if "has had no verdict" in reason]


def test_an_endpoint_without_any_job_is_told_by_the_policys_schedule() -> None:
    world = BatchWorld("data_drift: {}", "jobs_every: 1d")
    world.look()
    started: datetime = world.clock.now() - HOUR
    world.look(3 * DAY)
    assert any(f"since {started:%Y-%m-%d %H:%M}" in reason for reason in world.troubles)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        pytest.param(BATCH + "monitor: {embedding_drift: {column: v}}", "columns of numbers", id="vectors"),
        pytest.param(
            BATCH + "monitor: {data_drift: {}, spark: {component: 'azureml:c@latest'}}", "leave it", id="spark"
        ),
        pytest.param(BATCH + "monitor: {jobs_every: 0s}", "e.g. 1d", id="no_time"),
        pytest.param(POLICY + "monitor: {jobs_every: 1d}", "type: batch", id="online"),
        pytest.param(
            BATCH.replace("kind: tabular", "kind: vision") + "monitor: {data_drift: {}}", "as tables", id="images"
        ),
        pytest.param(
            BATCH + "monitor: {prediction_drift: {}}\n" + ROLLOUT.format("{key: [file]}"), "[file, row]", id="key"
        ),
    ],
)
def test_what_a_batch_endpoint_cannot_show_is_refused_with_what_to_write(policy: str, message: str) -> None:
    with pytest.raises(PolicyProblemsError) as refused:
        a_policy(policy + "\n")
    assert message in str(refused.value)
