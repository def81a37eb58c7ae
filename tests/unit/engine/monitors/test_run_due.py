"""Monitors: which rows a look sees, what it compares them with, and that drift is announced once per window."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from shared.domain.fact import DriftDetected
from shared.domain.ids import DeploymentName, EndpointName, JobName, ModelVersion
from shared.errors import PermanentError, RetryableError
from shared.policy.sections.model import Policy
from shared.ports.endpoints import DeploymentRecord, EndpointRecord
from shared.ports.jobs import JobRecord
from shared.store.monitors.look_claims import LEASE
from shared.store.monitors.monitors import MonitorRun, MonitorState, MonitorStates
from shared.store.monitors.profiles import profile_name
from shared.store.monitors.reports import MonitorReports
from tests.fakes.app import MemoryApp, look_at_models
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.clock import FakeClock
from tests.fakes.data import FakeData
from tests.fakes.outbox import FakeOutbox
from tests.fakes.publisher import FakePublisher
from tests.fakes.workspace import FakeWorkspace
from tests.unit.engine.fact_world import ENDPOINT, MODEL, POLICY, SETTINGS, Killed, a_policy
from tests.unit.events.wire import WORKSPACE, cloud, fact_from

HOUR = timedelta(hours=1)
WATCHED = a_policy(POLICY + "monitor: {every: 1h, data_drift: {minimum_rows: 500}}\n")
LAST_WINDOW = a_policy(POLICY + "monitor: {reference: last-window, every: 1h, data_drift: {minimum_rows: 500}}\n")
TRAINED_ON = "azureml:customers:1"


class TimedData(FakeData):
    """Collected requests that are kept with their time, so that a window's borders matter."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[tuple[str, datetime, pd.DataFrame]] = []
        self.windows: list[tuple[datetime, datetime]] = []

    def collected_inputs(
        self, endpoint: EndpointName, deployment: DeploymentName, start: datetime, end: datetime
    ) -> pd.DataFrame:
        if self.errors:
            raise self.errors.pop(0)
        self.windows.append((start, end))
        frames = [frame for name, at, frame in self.requests if name == deployment and start <= at < end]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


class World:
    def __init__(self, *policies: Policy) -> None:
        self.policies = policies or (WATCHED,)
        self.clock = FakeClock()
        self.blobs, self.files = MemoryBlobStore(self.clock.now), MemoryBlobStore(self.clock.now)
        self.outbox = FakeOutbox()
        self.reports = MonitorReports(self.blobs)
        self.workspace, self.data, self.topic = FakeWorkspace(), TimedData(), FakePublisher()
        self.random = np.random.default_rng(11)
        self.data.tables[TRAINED_ON] = self.customers(5000)
        for version in ("1", "2"):
            self.workspace.register("churn", version, job=f"job-{version}")
            inputs = {"training_data": TRAINED_ON}
            self.workspace.jobs[f"job-{version}"] = JobRecord(JobName(f"job-{version}"), "Completed", {}, "ana", inputs)
        self.serve("1")

    def customers(self, rows: int, shift: float = 0.0) -> pd.DataFrame:
        return pd.DataFrame({"age": self.random.normal(40 + shift, 10, rows)})

    def serve(self, version: str, percent: int = 100, model: str | None = "churn") -> None:
        made = DeploymentRecord(DeploymentName(f"v-{version}"), MODEL, ModelVersion(version), "Succeeded")
        made = replace(made, model=model)  # type: ignore[arg-type]
        traffic = {made.name: percent} if percent else {}
        self.workspace.endpoints[ENDPOINT] = EndpointRecord(ENDPOINT, "Succeeded", traffic, {}, (made,), "")

    def traffic(self, rows: int, shift: float = 0.0, version: str = "1") -> None:
        """Have requests scored now."""
        self.data.requests.append((f"v-{version}", self.clock.now(), self.customers(rows, shift)))

    def look(self, wait: timedelta = HOUR) -> None:
        self.clock.advance(wait)
        app = MemoryApp(
            SETTINGS,
            self.clock,
            self.policies,
            blobs=self.blobs,
            workspace=self.workspace,
            workspace_files=self.files,
            data=self.data,
            publisher=self.topic,
            outbox=self.outbox,
        )
        look_at_models(app)

    @property
    def state(self) -> MonitorState:
        state, _ = MonitorStates(self.blobs).read(MODEL)
        assert state is not None
        return state

    @property
    def runs(self) -> tuple[MonitorRun, ...]:
        return self.state.runs

    @property
    def verdicts(self) -> list[str]:
        return [run.verdict for run in self.runs]


def test_data_like_the_training_data_is_no_drift() -> None:
    world = World()
    world.traffic(1000)
    world.look()
    assert (world.verdicts, world.runs[0].rows, world.topic.events) == (["no-drift"], 1000, [])


def test_drift_is_announced_with_what_drifted() -> None:
    world = World()
    world.traffic(1000, shift=15)
    world.look()
    assert world.verdicts == ["drift"]
    (event,) = world.topic.events
    fact = fact_from(cloud(event))
    assert (fact.kind, fact.source) == ("drift-detected", WORKSPACE.lower())
    assert [feature.feature for feature in world.runs[0].features] == ["age"]
    assert "age" in str(event.data["detail"])


def test_a_monitor_that_is_not_due_does_not_look() -> None:
    world = World()
    world.traffic(1000)
    world.look()
    world.look(wait=timedelta(minutes=59))
    assert len(world.runs) == 1
    world.look(wait=timedelta(minutes=1))
    assert len(world.runs) == 2


def test_windows_touch_and_do_not_overlap() -> None:
    world = World()
    for _ in range(3):
        world.traffic(600)
        world.look()
    borders = [(run.start, run.end) for run in world.runs]
    assert [end for _, end in borders[:-1]] == [start for start, _ in borders[1:]]
    assert [run.rows for run in world.runs] == [600, 600, 600]


def test_too_few_rows_leave_the_window_open_and_only_the_last_look_at_it_is_kept() -> None:
    world = World()
    for rows in (200, 200, 200):
        world.traffic(rows)
        world.look()
    assert [(run.verdict, run.rows) for run in world.runs] == [("no-drift", 600)]
    assert world.runs[0].end - world.runs[0].start == 3 * HOUR

    world.look()
    world.look()
    assert [(run.verdict, run.rows) for run in world.runs] == [("no-drift", 600), ("insufficient-data", 0)]


@pytest.mark.parametrize("window", ["first", "later"])
def test_a_death_between_announcing_and_noting_announces_the_same_fact_again(window: str) -> None:
    world = World()
    if window == "later":
        world.traffic(1000)
        world.look()
    world.traffic(1000, shift=15)

    class DiesAfterPublishing(FakePublisher):
        def publish(self, event: object) -> None:
            super().publish(event)  # type: ignore[arg-type]
            raise Killed

    world.topic, published = DiesAfterPublishing(), FakePublisher()
    with pytest.raises(Killed):
        world.look()
    (first,), world.topic = world.topic.events, published
    world.look(wait=LEASE)

    (second,) = published.events
    assert first.id == second.id
    one, other = fact_from(cloud(first)), fact_from(cloud(second))
    assert (one.key, one.payload_digest) == (other.key, other.payload_digest)
    assert world.verdicts[-1] == "drift"


def test_a_topic_that_does_not_answer_leaves_the_window_as_it_was() -> None:
    world = World()
    world.traffic(1000, shift=15)
    world.topic.errors.append(RetryableError("publisher.refused", "later"))
    world.look()
    assert world.runs == ()
    world.look(wait=timedelta(minutes=5))
    assert (world.verdicts, len(world.topic.events)) == (["drift"], 1)


def test_two_windows_with_drift_are_two_facts() -> None:
    world = World()
    for _ in range(2):
        world.traffic(1000, shift=15)
        world.look()
    assert len({event.id for event in world.topic.events}) == 2


def test_a_new_champion_starts_a_window_of_its_own() -> None:
    world = World()
    world.traffic(300)
    world.look()
    world.clock.advance(HOUR)
    world.serve("2")
    world.traffic(1000, version="2")
    world.look(wait=timedelta(minutes=1))
    assert world.state.model_version == "2"
    assert [(run.model_version, run.rows) for run in world.runs] == [("1", 300), ("2", 1000)]
    assert world.runs[-1].end - world.runs[-1].start == HOUR


@pytest.mark.parametrize(
    "hide",
    [
        pytest.param(lambda world: world.workspace.endpoints.clear(), id="no_endpoint"),
        pytest.param(lambda world: world.serve("1", percent=0), id="no_traffic"),
        pytest.param(lambda world: world.serve("1", model="another"), id="another_model_serves"),
        pytest.param(lambda world: world.serve("1", model=None), id="an_unknown_model_serves"),
    ],
)
def test_a_model_that_serves_no_requests_is_not_looked_at(hide: object) -> None:
    world = World()
    world.traffic(1000)
    hide(world)  # type: ignore[operator]
    world.look()
    assert MonitorStates(world.blobs).read(MODEL) == (None, "")


def test_a_policy_without_a_monitor_is_left_alone() -> None:
    world = World(a_policy())
    world.look()
    assert world.data.windows == []


@pytest.mark.parametrize(
    ("break_it", "sentence"),
    [
        pytest.param(
            lambda world: world.workspace.jobs.pop("job-1"),
            "churn:1 was not made by a job with an input 'training_data' "
            "(name the input that holds the training data in monitor.training_input)",
            id="no_job",
        ),
        pytest.param(lambda world: world.workspace.models.clear(), "churn:1 was not made by a job", id="model_is_gone"),
        pytest.param(lambda world: world.data.tables.clear(), f"there is nothing at {TRAINED_ON}", id="no_data"),
        pytest.param(
            lambda world: world.data.errors.append(PermanentError("data.unreadable", "x.jsonl, line 3 is broken")),
            "x.jsonl, line 3 is broken",
            id="window_cannot_be_read",
        ),
    ],
)
def test_a_look_that_cannot_be_made_is_an_error_with_its_reason(break_it: object, sentence: str) -> None:
    world = World()
    world.traffic(1000)
    break_it(world)  # type: ignore[operator]
    world.look()
    assert world.verdicts == ["error"]
    assert world.runs[0].sentence.startswith(sentence)
    assert world.topic.events == []


def test_passing_trouble_leaves_the_window_as_it_was() -> None:
    world = World()
    world.traffic(1000)
    world.data.errors.append(RetryableError("data.unreachable", "later"))
    world.look()
    world.look(wait=timedelta(minutes=5))
    assert [(run.verdict, run.rows) for run in world.runs] == [("no-drift", 1000)]


def test_one_models_trouble_does_not_keep_another_from_being_watched() -> None:
    text = POLICY.replace("churn", "other", 2).replace("name: churn", "name: other") + "monitor: {data_drift: {}}\n"
    world = World(a_policy(text), WATCHED)
    world.traffic(1000)
    world.workspace.errors["endpoint"] = [RetryableError("workspace.retry", "down")]
    world.look()
    assert world.verdicts == ["no-drift"]


def test_the_training_data_is_read_once_per_version() -> None:
    world = World()
    world.traffic(1000)
    world.look()
    world.data.tables.clear()
    world.traffic(1000)
    world.look()
    assert world.verdicts == ["no-drift", "no-drift"]


def test_the_last_window_is_the_reference_when_the_policy_says_so() -> None:
    world = World(LAST_WINDOW)
    world.data.tables.clear()
    for shift in (15, 15, 30):  # unlike the training data from the first, and then unlike itself
        world.traffic(1000, shift)
        world.look()
    assert world.verdicts == ["insufficient-data", "no-drift", "drift"]
    assert world.runs[0].sentence == "the first window: later ones are compared with it"
    assert len(world.topic.events) == 1


def test_a_new_champion_is_not_compared_with_the_windows_of_the_old_one() -> None:
    world = World(LAST_WINDOW)
    world.traffic(1000)
    world.look()
    world.serve("2")
    world.traffic(1000, shift=15, version="2")
    world.look()
    assert world.verdicts == ["insufficient-data", "insufficient-data"]


def test_every_look_that_says_something_leaves_a_report_with_the_past_in_it() -> None:
    world = World()
    for shift in (0, 0, 15):
        world.traffic(1000, shift)
        world.look()
    newest, *older = world.reports.newest(MODEL)
    assert [newest.verdict, *(run.verdict for run in older)] == ["drift", "no-drift", "no-drift"]
    assert newest.id == world.runs[-1].report
    report = world.reports.read(MODEL, newest.id)
    assert report is not None
    assert (report.reference, report.reference_rows, report.profile) == (
        "the training data of version 1",
        5000,
        profile_name(MODEL, ModelVersion("1")),
    )
    assert [point.verdict for point in report.trend if not point.column] == ["no-drift", "no-drift", "drift"]
    assert report.policy_digest == WATCHED.digest
    assert "age" in (world.reports.page(MODEL, newest.id) or "")


def test_the_announcement_names_the_report_and_stays_the_same_fact() -> None:
    world = World()
    world.traffic(1000, shift=15)
    world.look()
    (event,) = world.topic.events
    body = fact_from(cloud(event)).body
    assert isinstance(body, DriftDetected)
    assert body.report == world.runs[0].report
    without = replace(event, data={key: value for key, value in event.data.items() if key != "report"})
    assert fact_from(cloud(without)).key == fact_from(cloud(event)).key
    assert fact_from(cloud(without)).payload_digest == fact_from(cloud(event)).payload_digest


def test_a_look_at_too_little_leaves_no_report() -> None:
    world = World()
    world.traffic(200)
    world.look()
    assert (world.runs[0].report, world.reports.newest(MODEL)) == ("", ())


def test_a_damaged_report_costs_the_past_and_nothing_else() -> None:
    world = World()
    world.traffic(1000)
    world.look()
    world.blobs.put(f"monitor-reports/churn/{world.runs[0].report}.json", b"{}")
    world.traffic(1000)
    world.look()
    report = world.reports.last(MODEL)
    assert report is not None
    assert len({point.at for point in report.trend}) == 1
