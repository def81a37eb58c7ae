"""An event is a hint: drift that no monitor here measured trains nothing, through the app's own processor."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from shared.domain.fact import DriftDetected
from shared.domain.ids import JobName
from shared.domain.messages import PostedAlert
from shared.events.sent import outgoing
from shared.ports.jobs import JobRecord
from shared.ports.publisher import cloud_event
from tests.unit.cli.world import MODEL, NOW, FakeApp
from tests.unit.events.wire import grid

RESULT = Path(__file__).parents[3] / "field" / "inputs" / "02_evidently_m_ks.json"
BREACH = "azureml_modelmonitor_threshold_breached"


@pytest.fixture
def app() -> FakeApp:
    """The app, whose endpoint serves version 2, and whose monitor found drift in it."""
    made = FakeApp()
    made.azureml.register(MODEL, "2")
    made.serve(v_2=100)
    made.watch()
    return made


def drift(app: FakeApp, run: str = "", signal: str = "data-drift", source: str = "") -> str:
    state, _ = app.monitor_states.read(MODEL)
    assert state
    event = outgoing.drift_detected(
        source or app.settings.workspace_id,
        NOW,
        model=MODEL,
        monitor="m",
        signal=signal,
        run=run or state.runs[0].name,
    )
    return json.dumps(cloud_event(event))


def held_by(app: FakeApp, body: str) -> str:
    """Process the event and return reason no training started; "" when one did."""
    app.processor.process(body)
    outcomes = [
        outcome
        for key in app.ledger.keys()  # noqa: SIM118 (a ledger is no mapping)
        if (entry := app.ledger.entry(key))
        for outcome in entry.outcomes
        if outcome.reaction == "start-training"
    ]
    (outcome,) = outcomes
    submitted = [name for call, name in app.azureml.calls if call == "submit_job"]
    assert bool(submitted) == (outcome.status == "done")
    return "" if outcome.status == "done" else outcome.detail


def test_drift_that_our_monitor_found_starts_a_training(app: FakeApp) -> None:
    assert held_by(app, drift(app)) == ""


@pytest.mark.parametrize(
    ("run", "signal"),
    [("2@made-up", "data-drift"), ("1@2026-11-20T07:00:00+00:00", "data-drift"), ("", "performance")],
    ids=["no_such_look", "another_version", "another_signal"],
)
def test_drift_that_no_monitor_measured_starts_none(app: FakeApp, run: str, signal: str) -> None:
    assert "not confirmed: no look" in held_by(app, drift(app, run, signal))


def test_drift_of_a_model_that_is_not_served_or_not_registered_starts_none(app: FakeApp) -> None:
    del app.azureml.models[MODEL, "2"]
    assert "the registry has no version" in held_by(app, drift(app))
    other = FakeApp()
    other.watch()
    assert "serves no version of flight-delay" in held_by(other, drift(other))


def test_a_result_of_another_tool_counts_when_it_was_posted(app: FakeApp) -> None:
    made_up = drift(app, run="evidently@x", source="/monitors/evidently")
    assert "no result evidently@x" in held_by(app, made_up)

    posted = FakeApp()
    posted.azureml.register(MODEL, "2")
    posted.serve(v_2=100)
    result = {"tool": "evidently", "model": MODEL, "result": json.loads(RESULT.read_text())}
    alert = PostedAlert(json.dumps({"schemaId": "vigiaMonitorResult", "data": result}), posted.time.now())
    assert held_by(posted, posted.alerts.events_of(alert.to_body(posted.large_events.store))) == ""


@pytest.mark.parametrize(
    ("experiment", "reason"),
    [("flight-azure", ""), ("somebodys-own", "is no monitor of the policy"), (None, "the workspace has no run mon-1")],
)
def test_the_tag_of_a_foreign_job_starts_none(app: FakeApp, experiment: str | None, reason: str) -> None:
    policy = app.policies[0]
    monitor = policy.sections["monitor"].model_copy(update={"azure_monitors": ("flight-azure",)})  # type: ignore[attr-defined]
    app.__dict__["policies"] = (replace(policy, sections={**policy.sections, "monitor": monitor}),)
    if experiment:
        record = JobRecord(JobName("mon-1"), "Completed", {}, "ana", experiment=experiment)
        app.azureml.jobs["mon-1"] = record
    text = "The signal 'flight-azure-data-drift' has failed due to one or more features.\n[]\n"
    data = {"runId": "mon-1", "runStatus": "Completed", "runTags": {BREACH: text}, "runProperties": {}}
    body = json.dumps(grid("RunStatusChanged", {**data, "experimentName": "flight-azure"}))
    assert reason in held_by(app, body)


def test_what_a_listed_workspace_measured_cannot_be_looked_up_here(app: FakeApp) -> None:
    app.processor.process(drift(app))
    (key,) = app.ledger.keys()
    entry = app.ledger.entry(key)
    assert entry
    assert isinstance(entry.fact.body, DriftDetected)
    foreign = replace(entry.fact, source="/elsewhere", body=replace(entry.fact.body, run="2@other"))
    assert app.monitor_records.doubt(foreign, app.policies[0]) == ""
    assert app.monitor_records.doubt(replace(foreign, source=entry.fact.source), app.policies[0]) != ""
