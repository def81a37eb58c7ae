"""What a look at the workspace tells is the very fact that the event would have told."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.arm_ids import OPERATION_PROPERTY
from shared.domain.fact import Fact, Ignored, ModelRegistered, RunEnded
from shared.domain.ids import DeploymentName, EndpointName, JobName, ModelName, ModelVersion
from shared.events.registry import parse_fact
from shared.events.sent import polled
from shared.events.wire.envelope import read_events
from shared.ports.endpoints import DeploymentRecord
from shared.ports.jobs import JobRecord
from shared.ports.workspace import ModelRecord
from tests.unit.events.wire import WORKSPACE, fact_from, grid

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
GOLDEN = Path(__file__).parents[2] / "golden" / "events"

# Names as Azure ML takes them.
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,60}", fullmatch=True)
STATUSES = {"Completed": "completed", "Failed": "failed", "Canceled": "canceled"}


def a_model(name: str, version: str) -> ModelRecord:
    return ModelRecord(ModelName(name), ModelVersion(version), "mlflow_model", "x", NOW, "ana@example.com", None, {})


def a_job(name: str, status: str, tags: dict[str, str], experiment: str = "") -> JobRecord:
    return JobRecord(JobName(name), status, tags, "vigia", experiment=experiment)


def same(fact: Fact, event: Fact) -> None:
    assert (fact.key, fact.payload_digest, fact.body) == (event.key, event.payload_digest, event.body)


@given(name=NAMES, version=st.one_of(NAMES, st.integers(0, 10**9)), upper=st.booleans())
def test_a_registered_model(name: str, version: str | int, upper: bool) -> None:
    data = {"ModelName": name, "ModelVersion": version, "ModelTags": {"a": "b"}, "ModelProperties": {}}
    event = grid("ModelRegistered", data, topic=WORKSPACE.upper() if upper else WORKSPACE)

    same(fact_from(polled.model_registered(WORKSPACE, a_model(name, str(version)))), fact_from(event))


@given(run=NAMES, status=st.sampled_from(sorted(STATUSES)), model=st.none() | NAMES, cause=st.none() | NAMES)
def test_a_run_that_ended(run: str, status: str, model: str | None, cause: str | None) -> None:
    all_tags = {"vigia.model": model, "vigia.cause": cause, "other": "tag"}
    tags = {name: value for name, value in all_tags.items() if value is not None}
    data = {"runId": run, "runStatus": status, "experimentName": "x", "runTags": tags, "runProperties": {"a": "b"}}
    fact = fact_from(polled.run_status_changed(WORKSPACE, a_job(run, status, tags, "x"), NOW))

    same(fact, fact_from(grid("RunStatusChanged", data)))
    if status == "Completed":
        same(fact, fact_from(grid("RunCompleted", data)))


ON_RECORD = [
    file
    for file in sorted([*GOLDEN.glob("model-registered*.json"), *GOLDEN.glob("run-*.json")])
    if json.loads(file.read_text(encoding="utf-8"))["expected"]["result"] == "Fact"
]


@pytest.mark.parametrize("file", ON_RECORD, ids=lambda path: path.stem)
def test_every_event_on_record(file: Path) -> None:
    (envelope,) = read_events(json.dumps(json.loads(file.read_text(encoding="utf-8"))["body"]))
    event = parse_fact(envelope)
    assert isinstance(event, Fact)

    match event.body:
        case ModelRegistered(model=model, version=version):
            body = polled.model_registered(event.source, a_model(model, version))
        case RunEnded(run=run, outcome=outcome, model=ours, cause=cause, experiment=experiment):
            status = next(word for word, meaning in STATUSES.items() if meaning == outcome)
            tags = {name: value for name, value in (("vigia.model", ours), ("vigia.cause", cause)) if value}
            body = polled.run_status_changed(event.source, a_job(run, status, tags, experiment), NOW)
        case _:
            raise AssertionError(event.kind)

    same(fact_from(body), event)


@pytest.mark.parametrize("status", ["Running", "Queued", "Starting", "CancelRequested", "NotResponding"])
def test_a_run_that_goes_on_tells_nothing(status: str) -> None:
    (envelope,) = read_events(polled.run_status_changed(WORKSPACE, a_job("job-1", status, {}), NOW))

    assert isinstance(parse_fact(envelope), Ignored)


@given(operation=st.uuids(), model=NAMES, others=st.lists(NAMES, max_size=2), upper=st.booleans())
def test_a_deployment_is_known_by_its_operation(operation: UUID, model: str, others: list[str], upper: bool) -> None:
    where = f"https://management.azure.com/x/mfeOperationsStatus/odidp:{operation}:{operation}"
    deployment = DeploymentRecord(
        DeploymentName("blue"), ModelName(model), ModelVersion("7"), "Succeeded", f"odidp:{operation}:{operation}"
    )
    properties = {OPERATION_PROPERTY: f"{where.upper() if upper else where}?api-version=2023-04-01-preview"}
    ids = ",".join(f"{name}:7" for name in (model, *others))
    data = {"serviceName": "churn", "modelIds": ids, "serviceProperties": properties}

    event = fact_from(grid("ModelDeployed", data, eventTime="2026-11-20T07:01:00Z"))

    polled_fact = fact_from(polled.model_deployed(WORKSPACE, EndpointName("churn"), deployment, NOW))
    assert (polled_fact.key, polled_fact.payload_digest) == (event.key, event.payload_digest)


def test_a_deployment_without_an_operation_is_known_by_its_moment() -> None:
    data = {"ServiceName": "churn", "ModelIds": "churn:7"}
    first, second = (
        fact_from(grid("ModelDeployed", data, eventTime=f"2026-11-20T07:0{minute}:00Z")) for minute in (1, 2)
    )

    assert first.body == second.body
    assert first.key != second.key
