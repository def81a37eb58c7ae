"""Batch endpoints through the real SDK against the emulated workspace, and releases on them with real scoring jobs."""

from __future__ import annotations

import functools
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from azure.ai.ml.entities import Data, Model

from local.addresses import WORKSPACE_CONTAINER
from shared.adapters.azure_ml.workspace import AzureWorkspace
from shared.adapters.tables.data import WorkspaceData
from shared.domain.assets import datastore_path
from shared.domain.ids import DeploymentName, EndpointName, FactKey, JobName, ModelName, ModelVersion, ReleaseId
from shared.domain.releases.batch import BatchPlan, BatchResources, BatchTolerances, PredictionLayout
from shared.domain.releases.release import Release, ReleaseState
from shared.domain.state import ModelState
from shared.engine.releases.cards import Cards
from shared.engine.releases.desk import ReleaseDesk
from shared.engine.releases.reconcile import Reconciler
from shared.engine.releases.reopen import Wish
from shared.engine.releases.undo import Undoer
from shared.errors import RetryableError, WorkspaceError
from shared.policy.deciding.decide import decide
from shared.ports.batch_endpoints import BatchRequest
from shared.ports.endpoints import DeploymentRequest, EndpointRecord
from shared.ports.jobs import JobRecord
from shared.ports.workspace import ModelRecord
from shared.release.open_release import Opening, new_release
from shared.store.monitors.profiles import Profiles
from shared.store.releases.endpoints import EndpointStore
from shared.store.releases.releases import ReleaseStore
from tests.fakes.app import MemoryApp, look_at_models
from tests.fakes.approvals import FakeApprovals
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.outbox import FakeOutbox
from tests.fakes.publisher import FakePublisher
from tests.fakes.queues import FakeQueues
from tests.fakes.releases import a_plan
from tests.fakes.telemetry import FakeTelemetry
from tests.local.azureml.conftest import System, system, write_toy_model  # noqa: F401 (system is a fixture)
from tests.settings import settings_for
from tests.unit.engine.fact_world import SETTINGS, a_policy
from tests.unit.engine.monitors.rows.test_batch_jobs import BATCH
from tests.unit.events.wire import cloud, fact_from

MODEL = ModelName("batch-contract")
V1, V2, V3 = (DeploymentName(f"v-{version}") for version in "123")
SECONDS = 300  # each job starts a process that loads pandas, which takes long on a busy machine
PATHS = "azureml://datastores/workspaceblobstore/paths"


@pytest.fixture(scope="module")
def workspace(system: System, tmp_path_factory: pytest.TempPathFactory) -> AzureWorkspace:  # noqa: F811
    """A model whose versions 1 and 2 predict the same, and 3 adds 100; and 300 rows to score in three files."""
    folder = tmp_path_factory.mktemp("batch-contract")
    for version, offset in (("1", 0), ("2", 0), ("3", 100)):
        uri = system.upload(write_toy_model(folder / version, offset), f"contract/batch-{version}")
        system.ml.models.create_or_update(Model(name=MODEL, version=version, type="mlflow_model", path=uri))
    for number in range(3):
        rows = pd.DataFrame({"a": range(100), "b": [number] * 100})
        system.storage.upload_blob(f"contract/sample/{number}.csv", rows.to_csv(index=False).encode())
    sample = Data(name="batch-sample", version="1", type="uri_folder", path=f"{PATHS}/contract/sample/")
    system.ml.data.create_or_update(sample)
    return AzureWorkspace(settings_for(VIGIA_ARM_ENDPOINT=system.addresses.url("azureml")))


def until(settled_endpoint: Callable[[], Any], seconds: float = SECONDS) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if value := settled_endpoint():
                return value
        except RetryableError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"it did not come about in {seconds} s")


def retrying(call: Callable[[], None]) -> None:
    def done() -> bool:
        call()
        return True

    until(done)


def serving(workspace: AzureWorkspace, name: EndpointName, *versions: str) -> None:
    """Make an endpoint with a deployment per version; the first is the default."""
    retrying(lambda: workspace.batch.create_endpoint(name))
    settled(workspace, name)
    for version in versions:
        request = DeploymentRequest(
            name, DeploymentName(f"v-{version}"), MODEL, ModelVersion(version), batch=BatchResources("cpu-cluster")
        )
        retrying(lambda request=request: workspace.batch.create_deployment(request))  # type: ignore[misc]
    settled(workspace, name, len(versions))
    retrying(lambda: workspace.batch.set_traffic(name, {DeploymentName(f"v-{versions[0]}"): 100}))
    settled(workspace, name, len(versions))


def settled(workspace: AzureWorkspace, name: EndpointName, deployments: int = 0) -> EndpointRecord:
    def settled_endpoint() -> EndpointRecord | None:
        endpoint = workspace.batch.endpoint(name)
        states = {endpoint.state, *(deployment.state for deployment in endpoint.deployments)} if endpoint else set()
        return endpoint if endpoint and states == {"Succeeded"} and len(endpoint.deployments) == deployments else None

    record: EndpointRecord = until(settled_endpoint)
    return record


def a_request(endpoint: EndpointName, deployment: DeploymentName = V1) -> BatchRequest:
    name = JobName(f"score-{uuid.uuid4().hex[:8]}")
    return BatchRequest(
        name,
        endpoint,
        deployment,
        "azureml:batch-sample:1",
        f"{PATHS}/vigia/batch/{name}/predictions.csv",
        "comparison",
    )


def test_the_default_deployment_is_read_and_written_as_all_the_traffic(workspace: AzureWorkspace) -> None:
    name = EndpointName("batch-default")
    assert workspace.batch.endpoint(name) is None
    serving(workspace, name, "1", "3")

    endpoint = settled(workspace, name, 2)
    assert dict(endpoint.traffic) == {V1: 100}
    assert {(deployment.name, deployment.model, deployment.version) for deployment in endpoint.deployments} == {
        (V1, MODEL, "1"),
        (V3, MODEL, "3"),
    }
    assert endpoint.scoring_uri.endswith("/jobs")

    retrying(lambda: workspace.batch.set_traffic(name, {V3: 100}))
    assert dict(settled(workspace, name, 2).traffic) == {V3: 100}
    assert [dict(item.traffic) for item in workspace.batch.listing() if item.name == name] == [{V3: 100}]
    with pytest.raises(WorkspaceError, match="is the default: it stays"):
        workspace.batch.delete_deployment(name, V3)
    with pytest.raises(WorkspaceError, match="one default deployment"):
        workspace.batch.set_traffic(name, {V1: 50, V3: 50})
    with pytest.raises(WorkspaceError, match="v-9"):
        retrying(lambda: workspace.batch.set_traffic(name, {DeploymentName("v-9"): 100}))
    retrying(lambda: workspace.batch.delete_deployment(name, V1))
    until(
        lambda: (
            (settled_endpoint := workspace.batch.endpoint(name)) is not None and len(settled_endpoint.deployments) == 1
        )
    )


def test_a_deployment_scores_a_batch_whichever_is_the_default(workspace: AzureWorkspace, system: System) -> None:  # noqa: F811
    name = EndpointName("batch-scoring")
    serving(workspace, name, "1", "3")
    now = datetime.now(UTC)
    request = a_request(name, V3)
    assert workspace.batch.submitted_job(request) is None

    job = workspace.batch.score(request)

    assert workspace.batch.submitted_job(request) == job
    assert workspace.batch.submitted_job(a_request(name, V3)) is None
    assert (
        until(
            lambda: (settled_endpoint := workspace.job(job)) and settled_endpoint.has_ended and settled_endpoint
        ).status
        == "Completed"
    )
    rows = reader(system, workspace).batch_predictions(request.output, PredictionLayout())
    assert len(rows) == 300
    assert set(rows["file"]) == {"0.csv", "1.csv", "2.csv"}
    assert rows.set_index(["file", "row"]).loc[("2.csv", "40"), "prediction"] in {"142", "142.0"}
    since = now - timedelta(minutes=1)
    (run,) = workspace.batch.completed_runs(name, V3, since)
    assert (run.name, now < run.ended_at < datetime.now(UTC)) == (job, True)
    # In the long form, as the service writes it.
    assert datastore_path(run.predictions) == datastore_path(request.output)
    assert workspace.batch.completed_runs(name, V1, since) == ()
    assert workspace.batch.completed_runs(name, V3, datetime.now(UTC)) == ()
    assert [(record.name, record.status) for record in workspace.batch.jobs_since(name, V3, since)] == [
        (job, "Completed")
    ]
    assert workspace.batch.jobs_since(name, V1, since) == ()
    assert workspace.batch.jobs_since(name, V3, datetime.now(UTC) + timedelta(minutes=1)) == ()

    # What it read is known, so that another deployment can be tried on the same.
    ((kind, data),) = workspace.batch.jobs_since(name, V3, since)[0].inputs.items()
    assert kind == "uri_folder"
    again = replace(a_request(name, V1), data=data, kind="uri_folder")
    tried = workspace.batch.score(again)
    assert (
        until(
            lambda: (settled_endpoint := workspace.job(tried)) and settled_endpoint.has_ended and settled_endpoint
        ).status
        == "Completed"
    )


def submitted(workspace: AzureWorkspace, request: BatchRequest) -> JobName:
    return workspace.batch.submitted_job(request) or workspace.batch.score(request)


def test_a_jobs_shifted_inputs_are_drift_that_retrains(workspace: AzureWorkspace, system: System) -> None:  # noqa: F811
    name, container = EndpointName("batch-watched"), system.storage
    serving(workspace, name, "1")
    data = reader(system, workspace)
    trained_on = f"{PATHS}/contract/trained-on.csv"
    registered = workspace.model(MODEL, ModelVersion("1"))
    assert registered is not None
    made = replace(registered, job=JobName("made-it"))
    training = JobRecord(JobName("made-it"), "Completed", {}, "ana", {"training_data": trained_on})

    class Trained(AzureWorkspace):
        """The job that made the toy is not in the emulated workspace."""

        def model(self, _: ModelName, version: ModelVersion) -> ModelRecord | None:
            return replace(made, version=version)

        def job(self, job: JobName) -> JobRecord | None:
            return training if job == training.name else super().job(job)

    def upload(name: str, rows: int, step: int, shift: int = 0) -> None:
        numbers = range(0, rows * step, step)
        frame = pd.DataFrame({"a": [n % 500 + shift for n in numbers], "b": [n % 800 for n in numbers]})
        container.upload_blob(name, frame.to_csv(index=False).encode())

    upload("contract/trained-on.csv", 4000, 41)
    policy = a_policy(
        BATCH.replace("model: churn", f"model: {MODEL}").replace("{name: churn,", f"{{name: {name},")
        + "monitor: {every: 1s, data_drift: {minimum_rows: 1000}, prediction_drift: {minimum_rows: 1000}}\n"
    )
    topic, blobs = FakePublisher(), MemoryBlobStore(lambda: datetime.now(UTC))
    app = MemoryApp(
        SETTINGS,
        WallClock(),
        (policy,),
        blobs=blobs,
        workspace=Trained(workspace._settings),
        data=data,
        publisher=topic,
        outbox=FakeOutbox(),
    )
    look_at_models(app)
    verdicts = []
    for number, shift in enumerate((0, 300)):
        folder = f"contract/nightly/{number}"
        upload(f"{folder}/0.csv", 800, 37, shift)
        upload(f"{folder}/1.csv", 800, 43, shift)
        request = replace(
            a_request(name), data=f"{PATHS}/{folder}/", kind="uri_folder", output=f"{PATHS}/o/{number}.csv"
        )
        # The job's own name cannot be asked for a second time: a lost answer is looked up.
        job = until(functools.partial(submitted, workspace, request))
        assert system.wait_for_job(job, SECONDS) == "Completed"

        def looked(rows: int = 1600) -> dict[str, str]:
            look_at_models(app)
            state, _ = app.monitor_states.read(MODEL)
            runs = state.runs if state else ()
            return {run.signal: run.verdict for run in runs[-2:]} if runs and runs[-1].rows == rows else {}

        verdicts.append(until(looked))
        time.sleep(1.1)
    # The first window of predictions is what later ones are compared with.
    assert verdicts[0] == {"data-drift": "no-drift", "prediction-drift": "insufficient-data"}
    assert verdicts[1] == {"data-drift": "drift", "prediction-drift": "drift"}
    fact = fact_from(cloud(topic.events[0]))
    decided = decide(fact, policy, ModelState(MODEL), fact.occurred_at)
    assert ("start-training", None) in [(reaction.name, reaction.suppressed) for reaction in decided]


def test_an_invocation_is_sent_once_even_when_nobody_answers(workspace: AzureWorkspace) -> None:
    name = EndpointName("batch-once")
    serving(workspace, name, "1")
    sent: list[str] = []
    operations = workspace.ml.batch_endpoints
    usual = operations._requests_pipeline

    class Deaf:
        def post(self, url: str, **options: Any) -> Any:
            from azure.core.exceptions import ServiceResponseError

            sent.append(url)
            usual.post(url, **options)
            raise ServiceResponseError("the connection was closed")

    operations._requests_pipeline = Deaf()
    request = a_request(name)
    try:
        with pytest.raises(RetryableError, match="was not answered"):
            workspace.batch.score(request)
    finally:
        operations._requests_pipeline = usual
    assert len(sent) == 1
    assert workspace.batch.submitted_job(request) is not None


def test_what_cannot_be_scored_is_refused_by_name(workspace: AzureWorkspace) -> None:
    name = EndpointName("batch-refused")
    serving(workspace, name, "1")
    with pytest.raises(WorkspaceError, match="v-9"):
        workspace.batch.score(a_request(name, DeploymentName("v-9")))


def reader(system: System, workspace: AzureWorkspace) -> WorkspaceData:  # noqa: F811
    connection = system.addresses.storage_connection_string
    settings = settings_for(VIGIA_WORKSPACE_STORAGE=connection, VIGIA_WORKSPACE_CONTAINER=WORKSPACE_CONTAINER)
    return WorkspaceData(settings, workspace)


class WallClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class Office:
    """Releases with stores in memory, and everything of Azure ML real but the service."""

    def __init__(self, system: System, workspace: AzureWorkspace, endpoint: EndpointName) -> None:  # noqa: F811
        clock, blobs = WallClock(), MemoryBlobStore(lambda: datetime.now(UTC))
        self.endpoint, self.workspace, self.clock = endpoint, workspace, clock
        self.queue = FakeQueues(clock)
        self.releases, self.endpoints = ReleaseStore(blobs), EndpointStore(blobs)
        data, approvals = reader(system, workspace), FakeApprovals()
        self.reconciler = Reconciler(
            workspace,
            FakeTelemetry(),
            data,
            approvals,
            FakeOutbox(),
            self.releases,
            self.endpoints,
            self.queue,
            clock,
            Cards(workspace, data, approvals, self.releases, Profiles(blobs), clock),
        )
        self.plan = a_plan(
            evaluation=None,
            gates=(),
            approval=replace(a_plan().approval, when="never"),
            strategy="batch",
            steps=(100,),
            decide_within=timedelta(minutes=5),
            watch_for=timedelta(seconds=3),
            batch=BatchPlan(
                "azureml:batch-sample@latest", BatchResources("cpu-cluster"), BatchTolerances(shift_at_most=1.0)
            ),
            judge=replace(a_plan().judge, interval=timedelta(seconds=1)),
        )

    def open(self, version: str, number: int = 1) -> ReleaseId:
        """Open a release; another one of the same version has another number, as its jobs write other files."""
        opening = Opening(MODEL, ModelVersion(version), self.endpoint, FactKey(version), None, "a test", number=number)
        release = new_release(opening, self.plan, self.clock.now())
        self.releases.create(release)
        return release.id

    def run(self, release: ReleaseId, until_state: ReleaseState | None = None) -> Release:
        def looked() -> Release | None:
            self.reconciler.reconcile(release)
            stored = self.releases.load(release)
            assert stored is not None
            return stored.release if stored.release.is_settled or stored.release.state is until_state else None

        try:
            settled_endpoint: Release = until(looked)
        except AssertionError as exc:
            stored = self.releases.load(release)
            raise AssertionError(f"it stayed {stored.release if stored else 'unknown'}") from exc
        return settled_endpoint

    @property
    def default(self) -> str:
        endpoint = self.workspace.batch.endpoint(self.endpoint)
        return ",".join(endpoint.traffic) if endpoint else ""


def test_releases_swap_keep_and_swap_back_the_default(workspace: AzureWorkspace, system: System) -> None:  # noqa: F811
    name = EndpointName("batch-releases")
    serving(workspace, name, "1")
    office = Office(system, workspace, name)

    same = office.run(office.open("2"))
    assert (same.state, office.default) == (ReleaseState.FINISHED, "v-2"), same.reason
    assert same.sample == "azureml:batch-sample:1"
    assert "all 300 rows predicted, the mean moved by +0" in next(
        entry.reason for entry in same.history if entry.entered is ReleaseState.CANARY
    )

    other = office.run(office.open("3"))
    assert (other.state, office.default) == (ReleaseState.REJECTED, "v-2"), other.reason
    assert "the mean moved by +100" in other.reason
    assert [len(workspace.batch.jobs_since(name, version, other.opened_at)) for version in (V2, V3)] == [1, 1]

    wish = Wish(MODEL, name, ModelVersion("1"), "ana@example.com", "the scores of March were better")
    undoer = Undoer(workspace, office.releases, office.endpoints, office.queue, office.clock)
    undone = office.run(undoer.open(wish, office.plan).id)
    assert (undone.state, office.default) == (ReleaseState.FINISHED, "v-1"), undone.reason


def test_an_abort_while_it_is_watched_swaps_back(workspace: AzureWorkspace, system: System) -> None:  # noqa: F811
    name = EndpointName("batch-abort")
    serving(workspace, name, "1")
    office = Office(system, workspace, name)
    office.plan = replace(office.plan, watch_for=timedelta(minutes=5))
    release = office.open("2", number=7)
    watched = office.run(release, ReleaseState.WATCHING)
    assert watched.state is ReleaseState.WATCHING, watched.reason
    assert office.default == "v-2"

    ReleaseDesk(office.releases, office.endpoints, office.queue, office.clock).request_abort(release, "ana", "no")
    ended = office.run(release)

    assert (ended.state, office.default) == (ReleaseState.ABORTED, "v-1")
