"""Azure ML's own monitors: silent, failed, contradicting their own numbers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.assets import DATASTORE
from shared.domain.fact import DriftDetected, FeatureDrift, MonitorContradicted
from shared.domain.ids import JobName
from shared.errors import PolicyError, RetryableError
from shared.events.monitor_breach import BREACH_TAG, breach_text
from shared.events.sent.polled import run_status_changed
from shared.ports.jobs import JobRecord
from tests.fakes.blobs import MemoryBlobStore
from tests.unit.engine.fact_world import POLICY, World, a_policy
from tests.unit.events.wire import WORKSPACE, fact_from

WATCHED = POLICY + "monitor: {azure_monitors: [churn_monitor]}\n"
NAME = "monitor-trouble"
BREACH = {"NormalizedWassersteinDistance": {"groups": {"tenure": {"value": 0.7, "threshold": 0.5}}}}
GOOD = {"Accuracy": {"value": 0.95, "threshold": 0.9}}
BAD = {"Accuracy": {"value": 0.5, "threshold": 0.9}}


class MonitorWorld(World):
    def __init__(self) -> None:
        super().__init__(a_policy(WATCHED))
        self.files = MemoryBlobStore(self.clock.now)

    def ran(
        self, job: str, hours_ago: float, metrics: Mapping[str, Any] | None = None, status: str = "Completed"
    ) -> None:
        outputs = {"output": f"{DATASTORE}azureml/{job}/output/"}
        created = self.clock.now() - timedelta(hours=hours_ago)
        self.azureml.jobs[job] = JobRecord(
            JobName(job), status, {}, "a schedule", {}, outputs, "churn_monitor", created_at=created
        )
        if metrics:
            body = {"signalName": "churn_monitor_drift", "signalType": "DataDrift", "metrics": metrics}
            self.files.put(f"azureml/{job}/output/signals/churn_monitor_drift.json", json.dumps(body).encode())

    def look(self) -> list[str]:
        self.app.azure_monitors.run()
        while message := self.queues.take("events"):
            self.process(message)
        return [
            record.notice.parameters["reason"] for record in self.outbox.store.records() if record.notice.kind == NAME
        ]


def test_a_monitor_that_is_well_is_not_talked_of() -> None:
    world = MonitorWorld()
    world.ran("run-1", 5, GOOD)
    assert world.look() == []
    assert world.entries() == []


def test_a_monitor_that_never_ran_is_silent() -> None:
    assert MonitorWorld().look() == ["it should run every 24 h, and no run of it is known"]


def add_jobs(world: MonitorWorld, count: int, hours_ago: float) -> None:
    created = world.clock.now() - timedelta(hours=hours_ago)
    for number in range(count):
        name = f"job-{hours_ago}-{number}"
        world.azureml.jobs[name] = JobRecord(JobName(name), "Completed", {}, "ana", created_at=created)


def test_a_run_behind_thousands_of_other_jobs_is_found() -> None:
    world = MonitorWorld()
    world.ran("run-1", 20, GOOD)
    add_jobs(world, 4000, 1)
    assert world.look() == []


def test_nobody_says_that_a_monitor_never_ran_where_the_listing_ends_before() -> None:
    world = MonitorWorld()
    world.ran("run-1", 20, GOOD)
    add_jobs(world, 5000, 1)
    (reason,) = world.look()
    assert reason.startswith("the workspace's newest 5,000 jobs go back to ")
    assert reason.endswith("it is unknown whether it runs every 24 h")


def test_a_monitor_that_stopped_running_is_silent_once_a_day() -> None:
    world = MonitorWorld()
    world.ran("run-1", 50, GOOD)
    for _ in range(3):
        (reason,) = world.look()
        assert reason.startswith("it should run every 24 h, and last did at ")
    world.clock.advance(timedelta(days=1))
    assert len(world.look()) == 2


def test_a_run_that_failed_is_reported_once() -> None:
    world = MonitorWorld()
    world.ran("run-1", 1, status="Failed")
    assert world.look() == world.look() == ["run run-1 ended as Failed"]


def test_a_run_without_measurements_is_reported() -> None:
    world = MonitorWorld()
    world.ran("run-1", 5)
    assert world.look() == ["run run-1 left no measurements"]


def test_measurements_that_cannot_be_read_are_reported() -> None:
    world = MonitorWorld()
    world.ran("run-1", 5)
    world.files.put("azureml/run-1/output/signals/x.json", b"<html>")
    (reason,) = world.look()
    assert reason.startswith("azureml/run-1/output/signals/x.json is no signal of an Azure ML monitor")


@pytest.mark.parametrize(
    ("metrics", "feature", "metric"), [(BREACH, "tenure", "NormalizedWassersteinDistance"), (BAD, "", "Accuracy")]
)
def test_a_breach_that_it_did_not_tell_becomes_drift_once(
    metrics: Mapping[str, Any], feature: str, metric: str
) -> None:
    world = MonitorWorld()
    world.ran("run-1", 5, metrics)
    assert world.look() == world.look()
    (entry,) = world.entries()
    assert isinstance(entry.fact.body, DriftDetected)
    assert [(measured.feature, measured.metric) for measured in entry.fact.body.features] == [(feature, metric)]
    (reason,) = world.look()
    assert reason.endswith("and said nothing")


def test_a_breach_that_it_published_is_the_same_fact() -> None:
    world = MonitorWorld()
    world.ran("run-1", 5, BREACH)
    tag = breach_text("churn_monitor_drift", (FeatureDrift("tenure", "NormalizedWassersteinDistance", 0.7, 0.5),))
    tagged = JobRecord(JobName("run-1"), "Completed", {BREACH_TAG: tag}, "")
    world.process(run_status_changed(WORKSPACE, tagged, world.clock.now()))
    assert world.look() == []
    assert len(world.entries()) == 1


def test_a_run_is_given_time_to_tell() -> None:
    world = MonitorWorld()
    world.ran("run-1", 1, BREACH)
    assert world.look() == []
    assert world.entries() == []


def test_good_news_called_a_breach_is_a_contradiction_and_no_drift() -> None:
    world = MonitorWorld()
    tag = breach_text("churn_monitor_drift", (FeatureDrift("", "Accuracy", 0.95, 0.9),))
    job = JobRecord(JobName("run-1"), "Completed", {BREACH_TAG: tag}, "")
    body = run_status_changed(WORKSPACE, job, world.clock.now())
    assert isinstance(fact_from(body).body, MonitorContradicted)
    world.process(body)
    assert world.kinds == [NAME]
    (entry,) = world.entries()
    assert [reaction.name for reaction in entry.plan] == ["notify"]


def test_of_a_breach_only_what_is_bad_remains() -> None:
    good, bad = FeatureDrift("", "Accuracy", 0.95, 0.9), FeatureDrift("", "Recall", 0.5, 0.9)
    job = JobRecord(
        JobName("r"), "Completed", {"azureml_modelmonitor_threshold_breached": breach_text("s", (good, bad))}, ""
    )
    body = fact_from(run_status_changed(WORKSPACE, job, World().clock.now())).body
    assert isinstance(body, DriftDetected)
    assert body.features == (bad,)


def test_trouble_on_the_way_is_no_verdict() -> None:
    world = MonitorWorld()
    world.ran("run-1", 5, BREACH)
    world.azureml.errors["recent_jobs"] = [RetryableError("workspace.busy", "429")]
    assert world.look() == []


def test_how_often_it_runs_must_be_possible() -> None:
    with pytest.raises(PolicyError, match="monitors run hourly at most"):
        a_policy(POLICY + "monitor: {azure_monitors: [{name: x, every: 5m}]}\n")
