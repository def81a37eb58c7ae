"""AzureWorkspace through the real SDK, against the emulated workspace: records, refusals, and trouble on the way."""

from __future__ import annotations

import io
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from azure.ai.ml import load_component
from azure.ai.ml.entities import Data, Environment, Model

from benchmarks.harness.storage import counted_requests
from shared.adapters.azure_ml.workspace import AzureWorkspace
from shared.domain.failure import Failure
from shared.domain.ids import DeploymentName, EndpointName, JobName, ModelName, ModelVersion
from shared.errors import AccessRefusedError, RetryableError, WorkspaceBusyError, WorkspaceError
from shared.ports.clock import Deadline
from shared.ports.endpoints import DeploymentRequest, EndpointRecord
from shared.ports.jobs import JobRecord, JobRequest
from tests.fakes.clock import FakeClock
from tests.local.azureml.conftest import System, system, write_toy_model  # noqa: F401 (system is a fixture)
from tests.settings import settings_for

COMPONENT = """\
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
type: command
name: train_churn
environment: azureml:contract:1
inputs:
  customers: {type: uri_folder}
  rounds: {type: integer, default: 1}
outputs:
  model: {type: mlflow_model}
command: >-
  cp -r ${{inputs.customers}}/. ${{outputs.model}} && echo ${{inputs.rounds}}
"""
PATHS = "azureml://datastores/workspaceblobstore/paths"


@pytest.fixture(scope="module")
def workspace(system: System, tmp_path_factory: pytest.TempPathFactory) -> AzureWorkspace:  # noqa: F811
    """The adapter, in a workspace with a component, its data, and a model."""
    folder = tmp_path_factory.mktemp("contract")
    (folder / "component.yaml").write_text(COMPONENT)
    system.ml.environments.create_or_update(Environment(name="contract", version="1", image="python:3.11"))
    system.ml.components.create_or_update(load_component(folder / "component.yaml"))
    uri = system.upload(write_toy_model(folder / "toy"), "contract/toy")
    for version in ("1", "2"):
        system.ml.data.create_or_update(Data(name="customers", version=version, type="uri_folder", path=uri))
    system.ml.models.create_or_update(Model(name="toy", version="1", type="mlflow_model", path=uri, tags={"team": "x"}))
    return adapter(system)


def adapter(services: System) -> AzureWorkspace:
    return AzureWorkspace(settings_for(VIGIA_ARM_ENDPOINT=services.addresses.url("azureml")))


@pytest.fixture
def faults(system: System) -> Iterator[Callable[..., None]]:  # noqa: F811
    url = f"{system.addresses.url('azureml')}/_local/faults"

    def set_faults(**faults: Any) -> None:
        assert requests.post(url, json=faults, timeout=5).status_code == 200

    yield set_faults
    requests.post(url, json=dict.fromkeys(requests.get(url, timeout=5).json(), 0), timeout=5)


def a_request(**changes: Any) -> JobRequest:
    values: dict[str, Any] = {
        "name": JobName(f"job-{uuid.uuid4().hex[:12]}"),
        "component": "azureml:train_churn@latest",
        "inputs": {"customers": "azureml:customers@latest"},
        "experiment": "churn-training",
        "display_name": "Train churn: drift",
        "tags": {"vigia.cause": "drift"},
    }
    return JobRequest(**(values | changes))


def jobs_named(system: System, name: str) -> list[dict[str, Any]]:  # noqa: F811
    answer = requests.get(f"{system.addresses.url('azureml')}/_local/jobs", timeout=5).json()
    return [job for job in answer if job["name"] == name]


def ended(workspace: AzureWorkspace, name: JobName) -> JobRecord:
    job: JobRecord = until(lambda: (job := workspace.job(name)) is not None and job.has_ended and job)
    return job


def until(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError("it did not come about in 30 s")


def test_no_thread_polls_what_was_begun(workspace: AzureWorkspace, faults: Callable[..., None]) -> None:
    endpoint = EndpointName(f"unwatched-{uuid.uuid4().hex[:8]}")
    faults(slow_operations_ms=2000)

    workspace.create_endpoint(endpoint)

    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("LROPoller")] == []
    record = workspace.endpoint(endpoint)
    assert record is not None
    assert record.state == "Creating"


def test_a_wait_that_azure_asks_for_is_handed_on_instead_of_slept(
    system: System,  # noqa: F811
    faults: Callable[..., None],
) -> None:
    workspace = adapter(system)
    faults(throttled_share=1, retry_after_seconds=300)
    with pytest.raises(RetryableError, match="429 Received too many requests") as throttled:
        workspace.endpoint(EndpointName("any"))
    faults(throttled_share=0)

    with pytest.raises(RetryableError, match="Azure ML asks not to be called for") as waiting:
        workspace.endpoint(EndpointName("any"))

    assert throttled.value.retry_after == timedelta(seconds=300)
    assert waiting.value.retry_after is not None


def test_a_role_that_is_taken_away_and_given_back(workspace: AzureWorkspace, faults: Callable[..., None]) -> None:
    endpoint = EndpointName(f"roles-{uuid.uuid4().hex[:8]}")
    faults(roles_removed=["write"])

    with pytest.raises(AccessRefusedError, match="does not have authorization"):
        workspace.create_endpoint(endpoint)
    assert workspace.endpoint(endpoint) is None

    faults(roles_removed=0)
    workspace.create_endpoint(endpoint)
    assert workspace.endpoint(endpoint) is not None


def test_a_job_is_canceled_once_and_one_that_ended_is_left(workspace: AzureWorkspace) -> None:
    request = a_request(inputs={"customers": "azureml:customers@latest", "rounds": "3"})
    workspace.submit_job(request)

    workspace.cancel_job(request.name)
    job = ended(workspace, request.name)
    workspace.cancel_job(request.name)
    workspace.cancel_job(JobName("nobody-knows"))

    assert job.status == "Canceled"


def test_a_job_trains_and_registers_what_its_record_names(workspace: AzureWorkspace) -> None:
    inputs = {"customers": "azureml:customers@latest", "rounds": "3"}
    request = a_request(inputs=inputs, registers={"model": "trained-churn"})
    submitted = workspace.submit_job(request)
    assert (submitted.name, submitted.has_ended) == (request.name, False)

    job = ended(workspace, request.name)

    assert (job.status, job.has_succeeded, dict(job.tags)) == ("Completed", True, {"vigia.cause": "drift"})
    # What it read is known by version, although the request said "latest".
    assert "customers" in job.inputs["customers"]
    assert job.inputs["customers"].endswith(("customers:2", "customers/versions/2"))
    assert list(job.ran.values()) == ["train_churn:1"]
    # The same job again would be the same training, and another parameter another one.
    assert job.recipe == workspace.recipe("azureml:train_churn@latest", inputs)
    assert job.recipe != workspace.recipe("azureml:train_churn@latest", {**inputs, "rounds": "4"})
    assert job.recipe.inputs == {"customers": "azureml:customers:2", "rounds": "3"}
    model = workspace.model(ModelName("trained-churn"), ModelVersion("1"))
    assert model is not None
    assert (model.job, model.type) == (request.name, "mlflow_model")
    assert model.created_at.tzinfo is not None


def test_submitting_again_is_one_job(workspace: AzureWorkspace, system: System) -> None:  # noqa: F811
    request = a_request()
    first = workspace.submit_job(request)
    again = workspace.submit_job(request)
    assert first.name == again.name == request.name
    assert len(jobs_named(system, request.name)) == 1


def test_a_changed_request_under_the_same_name_is_the_job_that_was_submitted(
    workspace: AzureWorkspace,
    system: System,  # noqa: F811
) -> None:
    request = a_request(inputs={"customers": "azureml:customers:1"})
    workspace.submit_job(request)
    changed = a_request(name=request.name, inputs={"customers": "azureml:customers:2", "rounds": "7"})
    again = workspace.submit_job(changed)
    assert again.name == request.name
    assert again.inputs["customers"].endswith(("customers:1", "customers/versions/1"))
    assert len(jobs_named(system, request.name)) == 1


def test_what_does_not_exist_reads_as_none(workspace: AzureWorkspace) -> None:
    assert workspace.model(ModelName("toy"), ModelVersion("99")) is None
    assert workspace.model(ModelName("nothing"), ModelVersion("1")) is None
    assert workspace.job(JobName("job-nothing")) is None
    assert workspace.endpoint(EndpointName("nothing-here")) is None


def test_a_model_is_read_with_its_tags_and_without_a_job(workspace: AzureWorkspace) -> None:
    model = workspace.model(ModelName("toy"), ModelVersion("1"))
    assert model is not None
    assert (model.name, model.version, model.job, dict(model.tags)) == ("toy", "1", None, {"team": "x"})
    assert model.path.endswith("contract/toy")


def test_versions_are_listed_newest_first_since_a_moment_in_one_call(
    workspace: AzureWorkspace,
    system: System,  # noqa: F811
) -> None:
    name, path = ModelName("listed"), f"{PATHS}/contract/toy"
    for version in ("9", "10", "alpha", "1"):
        system.ml.models.create_or_update(Model(name=name, version=version, path=path, type="mlflow_model"))
    nine, everything = workspace.model(name, ModelVersion("9")), datetime(1970, 1, 1, tzinfo=UTC)
    assert nine is not None

    with counted_requests() as sent:
        assert [model.version for model in workspace.models_after(name, everything, 100)] == ["1", "alpha", "10", "9"]
        assert sent() == 1
    assert [model.version for model in workspace.models_after(name, nine.created_at, 100)] == ["1", "alpha", "10"]
    assert [model.version for model in workspace.models_after(name, everything, 2)] == ["1", "alpha"]
    system.ml.models.archive(name, version="1")
    assert workspace.models_after(name, everything, 1)[0].version == "alpha"
    assert workspace.models_after(ModelName("nothing-listed"), everything, 100) == ()


def test_data_is_found_by_version_and_as_the_latest(workspace: AzureWorkspace) -> None:
    for reference in ("azureml:customers:1", "azureml:customers@latest"):
        assert workspace.data_uri(reference).endswith("/paths/contract/toy/")
    with pytest.raises(WorkspaceError, match="the workspace has no data asset azureml:customers:99"):
        workspace.data_uri("azureml:customers:99")
    (newest, *_) = workspace.data_versions("azureml:customers@latest", 3)
    assert newest.asset == workspace.pinned_data("azureml:customers@latest")
    assert newest.created_at < datetime.now(UTC)
    assert workspace.data_versions("azureml:nobody@latest", 3) == ()


def test_a_folder_becomes_a_version_of_a_data_asset_once(workspace: AzureWorkspace) -> None:
    for _ in range(2):
        workspace.register_data("labels", "1-ab", f"{PATHS}/labelling/toy/labels/1-ab", {"vigia.model": "toy"})
    assert workspace.data_uri("azureml:labels@latest").endswith("/paths/labelling/toy/labels/1-ab/")
    assert workspace.pinned_data("azureml:labels@latest") == "azureml:labels:1-ab"
    with pytest.raises(WorkspaceError, match="can't be changed"):
        workspace.register_data("labels", "1-ab", f"{PATHS}/elsewhere", {})


REFUSED = [
    pytest.param(
        {"inputs": {"customers": "azureml:customers:1", "round": "2", "depth": "3"}},
        r"component train_churn:\S+ has no input depth, round \(it has customers, rounds\)",
        id="unknown_inputs",
    ),
    pytest.param(
        {"registers": {"modell": "churn"}},
        r"component train_churn:\S+ has no output modell \(it has model\)",
        id="unknown_output",
    ),
    pytest.param({"inputs": {}}, "customers", id="missing_input"),
    pytest.param({"component": "azureml:train_nothing@latest"}, "train_nothing", id="no_component"),
    pytest.param({"component": "azureml:train_churn:99"}, "99", id="no_version_of_it"),
    pytest.param({"inputs": {"customers": "azureml:nobody@latest"}}, "nobody", id="no_data"),
    pytest.param(
        {"inputs": {"customers": "azureml:customers:1", "rounds": "2.5"}},
        "rounds is not integer: '2.5'",
        id="no_integer",
    ),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
def test_a_request_that_can_never_work_is_refused_by_name(
    workspace: AzureWorkspace,
    system: System,  # noqa: F811
    changes: dict[str, Any],
    message: str,
) -> None:
    request = a_request(**changes)
    with pytest.raises(WorkspaceError, match=message) as refused:
        workspace.submit_job(request)
    assert "\x1b" not in str(refused.value)
    assert jobs_named(system, request.name) == []


def test_an_endpoint_is_asked_for_and_seen_by_reading(workspace: AzureWorkspace) -> None:
    endpoint, deployment = EndpointName("churn-contract"), DeploymentName("v-1")
    workspace.create_endpoint(endpoint)
    made: EndpointRecord = until(
        lambda: (record := workspace.endpoint(endpoint)) is not None and record.state == "Succeeded" and record
    )
    assert (dict(made.traffic), made.deployments) == ({}, ())
    assert made.scoring_uri.startswith("http://127.0.0.1:")

    started = time.monotonic()
    workspace.create_deployment(DeploymentRequest(endpoint, deployment, ModelName("toy"), ModelVersion("1")))
    took = time.monotonic() - started
    record = workspace.endpoint(endpoint)
    assert record is not None
    assert (record.deployments[0].name, record.deployments[0].state) in {
        (deployment, "Creating"),
        (deployment, "Updating"),
    }
    assert took < 5

    until(lambda: (e := workspace.endpoint(endpoint)) is not None and e.deployments[0].state == "Succeeded")
    retrying(lambda: workspace.set_traffic(endpoint, {deployment: 100}))
    final: EndpointRecord = until(lambda: (e := workspace.endpoint(endpoint)) is not None and e.traffic and e)
    assert dict(final.traffic) == {deployment: 100}
    listed = {item.name: dict(item.traffic) for item in workspace.listing()}
    assert listed[endpoint] == {deployment: 100}
    assert (final.deployments[0].model, final.deployments[0].version) == ("toy", "1")

    with pytest.raises(WorkspaceError, match="v-1"):
        retrying(lambda: workspace.delete_deployment(endpoint, deployment))
    with pytest.raises(WorkspaceError, match="v-9"):
        retrying(lambda: workspace.set_traffic(endpoint, {DeploymentName("v-9"): 100}))
    retrying(lambda: workspace.set_traffic(endpoint, {deployment: 0}))
    retrying(lambda: workspace.delete_deployment(endpoint, deployment))
    until(lambda: (e := workspace.endpoint(endpoint)) is not None and not e.deployments)


def test_copies_a_single_request_and_the_size_of_a_deployment(workspace: AzureWorkspace) -> None:
    endpoint, first, second = EndpointName("shadow-contract"), DeploymentName("v-1"), DeploymentName("v-2")
    workspace.create_endpoint(endpoint)
    until(lambda: (record := workspace.endpoint(endpoint)) is not None and record.state == "Succeeded")
    for name in (first, second):
        request = DeploymentRequest(endpoint, name, ModelName("toy"), ModelVersion("1"))
        retrying(lambda request=request: workspace.create_deployment(request))  # type: ignore[misc]

    def states() -> set[str]:
        record = workspace.endpoint(endpoint)
        return {deployment.state for deployment in record.deployments} if record else set()

    until(lambda: states() == {"Succeeded"})
    retrying(lambda: workspace.set_traffic(endpoint, {first: 100}))
    retrying(lambda: workspace.set_mirror(endpoint, {second: 30}))
    mirrored: EndpointRecord = until(lambda: (e := workspace.endpoint(endpoint)) is not None and e.mirror_traffic and e)
    assert (dict(mirrored.traffic), dict(mirrored.mirror_traffic)) == ({first: 100}, {second: 30})

    answer = workspace.score(endpoint, second, "[[1, 2, 3]]")
    assert (answer.seconds > 0, bool(answer.text), 200 <= answer.status < 500) == (True, True, True)
    answers = workspace.probe(endpoint, [(first, "[[1]]"), (second, "[[1]]")] * 2, timedelta(seconds=20))
    assert [answer is not None for answer in answers] == [True] * 4
    assert workspace.probe(endpoint, [(first, "[[1]]")], timedelta(0)) == ()
    load = workspace.probe(endpoint, [(first, "[[1]]")] * 30, timedelta(seconds=20), per_second=100)
    assert [answer is not None for answer in load] == [True] * 30
    with pytest.raises(WorkspaceError, match="has traffic: it stays"):
        retrying(lambda: workspace.delete_deployment(endpoint, second))
    with pytest.raises(WorkspaceError, match="at most 50"):
        retrying(lambda: workspace.set_mirror(endpoint, {second: 60}))

    retrying(lambda: workspace.set_mirror(endpoint, {}))
    until(lambda: (e := workspace.endpoint(endpoint)) is not None and not e.mirror_traffic)
    retrying(lambda: workspace.scale_deployment(endpoint, second, instance_count=2))
    until(lambda: states() == {"Succeeded"})
    assert {deployment.name: deployment.instances for deployment in workspace.deployments(endpoint)} == {
        first: 1,
        second: 2,
    }
    # A worker that was stopped asks for it again: what was done to it since stays.
    workspace.create_deployment(DeploymentRequest(endpoint, second, ModelName("toy"), ModelVersion("1")))
    assert workspace.ml.online_deployments.get(second, endpoint).instance_count == 2
    with pytest.raises(RetryableError, match="seen too long ago"):
        workspace.set_traffic(endpoint, {second: 100}, Deadline(FakeClock(), FakeClock().now() - timedelta(seconds=1)))
    untouched = workspace.endpoint(endpoint)
    assert untouched is not None
    assert dict(untouched.traffic) == {first: 100}
    retrying(lambda: workspace.delete_deployment(endpoint, second))


FAILING = """\
$schema: https://azuremlschemas.azureedge.net/latest/commandComponent.schema.json
type: command
name: train_badly
environment: azureml:contract:1
outputs:
  model: {type: mlflow_model}
command: >-
  echo reading the rows && echo password=hunter2 && echo "ValueError: no rows are left" && exit 3
"""


def test_why_a_job_failed_is_its_steps_error_and_the_end_of_its_log(
    workspace: AzureWorkspace,
    system: System,  # noqa: F811
    tmp_path: Path,
) -> None:
    (tmp_path / "component.yaml").write_text(FAILING)
    system.ml.components.create_or_update(load_component(tmp_path / "component.yaml"))
    job = workspace.submit_job(a_request(component="azureml:train_badly@latest", inputs={}))
    assert ended(workspace, job.name).status == "Failed"

    failure = workspace.job_failure(job.name)

    assert "exit" in failure.reason
    assert "ValueError: no rows are left" in failure.log.splitlines()
    assert "hunter2" not in failure.log
    assert failure.link.endswith(f"{job.name}/log")
    assert workspace.job_failure(JobName("job-unknown")).words == ""


def test_why_a_deployment_did_not_come_up_is_its_operations_error_and_the_end_of_its_log(
    workspace: AzureWorkspace,
    system: System,  # noqa: F811
    tmp_path: Path,
) -> None:
    loader = "raise RuntimeError('there is no layer 7')\n"
    uri = system.upload(write_toy_model(tmp_path / "toy", loader=loader), "contract/broken")
    system.ml.models.create_or_update(Model(name="broken", version="1", type="mlflow_model", path=uri))
    endpoint, name = EndpointName("broken-contract"), DeploymentName("v-1")
    workspace.create_endpoint(endpoint)
    until(lambda: (record := workspace.endpoint(endpoint)) is not None and record.state == "Succeeded")
    request = DeploymentRequest(endpoint, name, ModelName("broken"), ModelVersion("1"))
    retrying(lambda: workspace.create_deployment(request))
    until(lambda: workspace.deployments(endpoint)[0].state == "Failed")

    failure = workspace.deployment_failure(endpoint, name)

    assert failure.reason
    assert "there is no layer 7" in failure.log


def test_what_azure_refuses_or_cannot_make_is_told_by_its_innermost_words(
    workspace: AzureWorkspace, faults: Callable[..., None]
) -> None:
    endpoint = EndpointName("refused-contract")
    workspace.create_endpoint(endpoint)
    until(lambda: (record := workspace.endpoint(endpoint)) is not None and record.state == "Succeeded")

    def failure_of(name: str) -> Failure:
        workspace.create_deployment(
            DeploymentRequest(endpoint, DeploymentName(name), ModelName("toy"), ModelVersion("1"))
        )
        until(lambda: any(d.name == name and d.state == "Failed" for d in workspace.deployments(endpoint)))
        return workspace.deployment_failure(endpoint, DeploymentName(name))

    faults(quota_cores=1, wrapped_refusals=True)
    with pytest.raises(WorkspaceError, match=r": 400 Not enough quota available for .* Additional needed: \d"):
        failure_of("v-1")
    assert workspace.deployments(endpoint) == ()

    faults(quota_in_operation=True)
    assert failure_of("v-1").reason.startswith("Not enough quota available for ")

    faults(quota_cores=0, failing_deployments=1)
    not_ready = failure_of("v-2")
    assert not_ready.reason.startswith("ResourceNotReady: User container has crashed")
    assert "No module named 'catboost'" in not_ready.log


def retrying(call: Callable[[], None]) -> None:
    """Do what the queue does: come back while Azure ML is still updating."""
    deadline = time.monotonic() + 20
    while True:
        try:
            call()
        except WorkspaceBusyError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def test_a_busy_endpoint_is_told_apart_from_a_refusal(workspace: AzureWorkspace, faults: Callable[..., None]) -> None:
    endpoint = EndpointName("busy-contract")
    workspace.create_endpoint(endpoint)
    until(lambda: (record := workspace.endpoint(endpoint)) is not None and record.state == "Succeeded")
    request = DeploymentRequest(endpoint, DeploymentName("v-1"), ModelName("toy"), ModelVersion("1"))
    writes: tuple[Callable[[], None], ...] = (
        lambda: workspace.create_endpoint(endpoint),
        lambda: workspace.create_deployment(request),
        lambda: workspace.set_traffic(endpoint, {request.name: 100}),
    )
    for write in writes:
        faults(busy_endpoint=20)
        with pytest.raises(WorkspaceBusyError, match=str(endpoint)):
            write()
    # The split that is there is not written again, or it would meet the busy endpoint.
    workspace.set_traffic(endpoint, {request.name: 0})
    faults(busy_endpoint=0)


def test_throttling_that_passes_quickly_is_not_noticed(workspace: AzureWorkspace, faults: Callable[..., None]) -> None:
    faults(status_429=1)
    assert workspace.model(ModelName("toy"), ModelVersion("1")) is not None


@pytest.mark.parametrize("fault", ["status_429", "lost_replies"])
def test_trouble_on_the_way_is_worth_another_try_and_leaves_one_job(
    workspace: AzureWorkspace,
    system: System,  # noqa: F811
    faults: Callable[..., None],
    fault: str,
) -> None:
    request = a_request()
    faults(**{fault: 50})
    started = time.monotonic()
    with pytest.raises(RetryableError):
        workspace.submit_job(request)
    assert time.monotonic() - started < 20  # a claim is held meanwhile
    faults(**{fault: 0})

    assert workspace.submit_job(request).name == request.name
    assert len(jobs_named(system, request.name)) == 1


def test_running_compute_instances_are_stopped_once(workspace: AzureWorkspace) -> None:
    assert workspace.stop_compute_instances() == ("ci-local",)
    until(lambda: workspace.ml.compute.get("ci-local").state == "Stopped")
    assert workspace.stop_compute_instances() == ()


def test_a_workspace_that_cannot_be_reached_is_worth_another_try(tmp_path: Path) -> None:
    nowhere = AzureWorkspace(settings_for(VIGIA_ARM_ENDPOINT="http://127.0.0.1:1"))
    with pytest.raises(RetryableError, match="model toy:1"):
        nowhere.model(ModelName("toy"), ModelVersion("1"))


LOGS = "import json, os, urllib.request as u;"
LOG_METRIC = (
    "u.urlopen(u.Request(os.environ['MLFLOW_TRACKING_URI'] + '/api/2.0/mlflow/runs/log-metric', json.dumps(dict("
    "run_id=os.environ['AZUREML_RUN_ID'], key='%s', value=%s)).encode(), {'Content-Type': 'application/json'}))"
)


def test_metrics_are_what_the_steps_of_a_job_logged_last(workspace: AzureWorkspace, system: System) -> None:  # noqa: F811
    logged = "; ".join(LOG_METRIC % pair for pair in (("auc", 0.5), ("auc", 0.75), ("broken", "float('nan')")))
    component = COMPONENT.replace("train_churn", "train_logging").replace(
        "echo ${{inputs.rounds}}", f'python -c "{LOGS} {logged}"'
    )
    system.ml.components.create_or_update(load_component(io.StringIO(component)))
    job = workspace.submit_job(a_request(component="azureml:train_logging@latest"))
    assert ended(workspace, job.name).status == "Completed"

    assert workspace.job_metrics(job.name) == {"auc": 0.75}
    assert workspace.job_metrics(JobName("nobody")) == {}
    assert workspace.trials(job.name) == ()
