"""Batch endpoints through Azure ML's own SDK."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from shared.adapters.azure_ml.failures import deployment_failure
from shared.adapters.azure_ml.records import deployment_record, word
from shared.adapters.punctual import sent_by
from shared.domain.assets import asset_reference, split_reference
from shared.domain.failure import Failure
from shared.domain.ids import DeploymentName, EndpointName, JobName
from shared.errors import RetryableError, WorkspaceError
from shared.ports.batch_endpoints import BatchRequest, BatchRun
from shared.ports.clock import Deadline
from shared.ports.endpoints import DeploymentRequest, EndpointRecord, ListedEndpoint
from shared.ports.jobs import JobRecord

# Calls the SDK with the client and turns its errors into ours; the first gives None for what does not exist.
Call = Callable[[str, Callable[[Any], Any]], Any]
MOST_JOBS = 50
# Of a job that ended lately; one that took longer is not found.
MOST_RUNS, LONGEST_RUN = 500, timedelta(days=7)
STEP, OUTPUT = "batchscoring", "score"
PREDICTIONS_FILE = "predictions.csv"
# The SDK writes each invocation's deployment into one dictionary of headers that all of them share.
# Source: azure-ai-ml 1.35.2, `EndpointInvokeFields.DEFAULT_HEADER`, read 2026-11-20.
_INVOKING = threading.Lock()
_KINDS = {"urifile": "uri_file", "urifolder": "uri_folder"}


class AzureBatchEndpoints:
    """The BatchEndpoints port over MLClient."""

    def __init__(self, read: Call, do: Call) -> None:
        self._read = read
        self._do = do
        self._created: dict[str, datetime] = {}
        self._ended: dict[str, BatchRun] = {}

    def listing(self) -> tuple[ListedEndpoint, ...]:
        entities = self._do("batch endpoints", lambda ml: list(ml.batch_endpoints.list()))
        return tuple(
            ListedEndpoint(EndpointName(entity.name), word(entity.provisioning_state), _default(entity))
            for entity in entities
        )

    def endpoint(self, name: EndpointName) -> EndpointRecord | None:
        entity = self._read(f"batch endpoint {name}", lambda ml: ml.batch_endpoints.get(name))
        if entity is None:
            return None
        deployments = self._read(f"batch endpoint {name}", lambda ml: list(ml.batch_deployments.list(name))) or []
        return EndpointRecord(
            name=name,
            state=word(entity.provisioning_state),
            traffic=_default(entity),
            mirror_traffic={},
            deployments=tuple(deployment_record(deployment) for deployment in deployments),
            scoring_uri=entity.scoring_uri or "",
        )

    def create_endpoint(self, name: EndpointName) -> None:
        from azure.ai.ml.entities import BatchEndpoint

        endpoint = BatchEndpoint(name=name, tags={})
        self._do(f"batch endpoint {name}", lambda ml: ml.batch_endpoints.begin_create_or_update(endpoint))

    def create_deployment(self, request: DeploymentRequest, deadline: Deadline | None = None) -> None:
        what = f"batch deployment {request.endpoint}/{request.name}"

        def create(ml: Any) -> None:
            ml.batch_deployments.begin_create_or_update(_deployment(request), skip_script_validation=True)

        with sent_by(deadline):
            if self._read(what, lambda ml: ml.batch_deployments.get(request.name, request.endpoint)) is None:
                self._do(what, create)

    def set_traffic(
        self, endpoint: EndpointName, traffic: Mapping[DeploymentName, int], deadline: Deadline | None = None
    ) -> None:
        if list(traffic.values()) != [100]:
            raise WorkspaceError("workspace.traffic", f"a batch endpoint has one default deployment, not {traffic}")

        def write(ml: Any) -> None:
            entity = ml.batch_endpoints.get(endpoint)
            entity.defaults = {"deployment_name": next(iter(traffic))}
            ml.batch_endpoints.begin_create_or_update(entity)

        with sent_by(deadline):
            self._do(f"default deployment of batch endpoint {endpoint}", write)

    def deployment_failure(self, endpoint: EndpointName, deployment: DeploymentName) -> Failure:
        what = f"batch deployment {endpoint}/{deployment}"
        failure: Failure = self._do(what, lambda ml: deployment_failure(ml, ml.batch_deployments, endpoint, deployment))
        return failure

    def delete_deployment(
        self, endpoint: EndpointName, deployment: DeploymentName, deadline: Deadline | None = None
    ) -> None:
        record = self.endpoint(endpoint)
        # From memory; not verified: that Azure ML itself refuses this.
        if record and record.traffic.get(deployment):
            raise WorkspaceError("workspace.serving", f"deployment {endpoint}/{deployment} is the default: it stays")
        with sent_by(deadline):
            self._do(
                f"batch deployment {endpoint}/{deployment}",
                lambda ml: ml.batch_deployments.begin_delete(name=deployment, endpoint_name=endpoint),
            )

    def score(self, request: BatchRequest, deadline: Deadline | None = None) -> JobName:
        def invoke(ml: Any) -> Any:
            from azure.ai.ml import Input, Output

            kind: str = request.kind
            if not kind:
                name, version = split_reference(request.data)
                kind = ml.data.get(name, version=version).type
            with _invoking_once(ml) as operations:
                return operations.invoke(
                    endpoint_name=request.endpoint,
                    deployment_name=request.deployment,
                    inputs={"batch": Input(type=kind, path=request.data)},
                    outputs={"score": Output(type="uri_file", path=request.output)},
                    job_name=request.name,
                    experiment_name=request.experiment,
                )

        with sent_by(deadline):
            job = self._do(f"invocation of {request.endpoint}/{request.deployment}", invoke)
        return JobName(job.name)

    def submitted_job(self, request: BatchRequest) -> JobName | None:
        """Return the job that was submitted under the request's name; Azure ML keeps that as the display name."""

        def find(ml: Any) -> JobName | None:
            for job in _listed(ml, request.endpoint, request.deployment):
                if ml.jobs.get(job.name).display_name == request.name:
                    return JobName(job.name)
            return None

        existing: JobName | None = self._do(f"jobs of {request.endpoint}/{request.deployment}", find)
        return existing

    def jobs_since(self, endpoint: EndpointName, deployment: DeploymentName, since: datetime) -> tuple[JobRecord, ...]:
        def read(ml: Any) -> tuple[JobRecord, ...]:
            with _recording(ml) as heard:
                jobs = _listed(ml, endpoint, deployment)
            inputs = _inputs_of(heard)
            return tuple(
                JobRecord(JobName(job.name), word(job.status), {}, "", inputs.get(job.name, {}))
                for job in jobs
                if self._created_at(ml, job.name) >= since
            )

        records: tuple[JobRecord, ...] = self._do(f"jobs of {endpoint}/{deployment}", read)
        return records

    def completed_runs(
        self, endpoint: EndpointName, deployment: DeploymentName, since: datetime
    ) -> tuple[BatchRun, ...]:
        def read(ml: Any) -> list[BatchRun]:
            with _recording(ml) as heard:
                jobs = _listed(ml, endpoint, deployment, MOST_RUNS)
            inputs, runs = _inputs_of(heard), list[BatchRun]()
            for job in jobs:
                if self._created_at(ml, job.name) < since - LONGEST_RUN:
                    break
                if word(job.status) == "Completed":
                    # What has ended stays as it is, so that each job is read once.
                    self._ended[job.name] = run = self._ended.get(job.name) or _run(ml, job.name, inputs)
                    runs.append(run)
            return sorted((run for run in runs if run.ended_at >= since), key=lambda run: run.ended_at)

        return tuple(self._do(f"jobs of {endpoint}/{deployment}", read))

    def _created_at(self, ml: Any, job: str) -> datetime:
        # The SDK drops the time from the list's answer, so each job is read once for it.
        if job not in self._created:
            self._created[job] = ml.jobs.get(job).creation_context.created_at
        return self._created[job]


def _default(endpoint: Any) -> dict[DeploymentName, int]:
    """Return the default deployment as a split: all requests are its."""
    name = getattr(endpoint.defaults, "deployment_name", None)
    return {DeploymentName(name): 100} if name else {}


def _listed(ml: Any, endpoint: EndpointName, deployment: DeploymentName, most: int = MOST_JOBS) -> list[Any]:
    """Return the newest jobs; the newest are first. Source: recorded answers in the SDK's own tests."""
    return list(islice(ml.batch_deployments.list_jobs(endpoint, name=deployment), most))


def _run(ml: Any, name: str, inputs: Mapping[str, Mapping[str, str]]) -> BatchRun:
    """Return a completed job as its one step ran: when it ended, and where its output is.

    The job itself names no output; its step's is found as the SDK's own `jobs.download` finds it.
    Source: azure-ai-ml 1.35.2, `_job_ops_helper.py`, read 2026-11-30.

    Raises:
        RetryableError: run history does not know the step's end or output yet.
    """
    from azure.ai.ml.operations._job_ops_helper import get_job_output_uris_from_dataplane

    runs, scope = ml.jobs._runs_operations, (ml.subscription_id, ml.resource_group_name, ml.workspace_name)
    steps = list(runs._operation.get_child(*scope, name))
    step = next((step for step in steps if step.display_name == STEP or len(steps) == 1), None)
    if step is None or step.end_time_utc is None or OUTPUT not in (step.outputs or {}):
        raise RetryableError("workspace.run_incomplete", f"job {name} has completed, and its output is not known yet")
    files = ml.jobs._dataset_dataplane_operations
    uri = get_job_output_uris_from_dataplane(step.run_id, runs, files, None, OUTPUT)[OUTPUT]
    if word(step.outputs[OUTPUT].type).replace("_", "").lower() != "urifile":
        uri = f"{uri.rstrip('/')}/{PREDICTIONS_FILE}"
    return BatchRun(JobName(name), step.end_time_utc, next(iter(inputs.get(name, {}).values()), ""), uri)


class _Once:
    """The SDK's pipeline without retries: a job may run although its answer was lost.

    The SDK itself sends five times when there is no answer, and again on 500, 503 and 504; each starts another job.
    Source: azure-ai-ml 1.35.2, `BatchEndpointOperations.invoke`; azure-sdk-for-python issue 31166, read 2026-11-20.
    """

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline

    def post(self, url: str, **options: Any) -> Any:
        from azure.core.exceptions import ServiceRequestError, ServiceResponseError

        try:
            return self._pipeline.post(url, retry_total=0, **options)
        except (ServiceRequestError, ServiceResponseError) as exc:
            raise RetryableError("workspace.unanswered", "the invocation was not answered") from exc


@contextmanager
def _invoking_once(ml: Any) -> Iterator[Any]:
    """Give the operations of batch endpoints without retries; one thread at a time may invoke."""
    operations = ml.batch_endpoints
    with _INVOKING:
        usual = operations._requests_pipeline
        operations._requests_pipeline = _Once(usual)
        try:
            yield operations
        finally:
            operations._requests_pipeline = usual


class _Recording:
    """The SDK's pipeline, recording the answers' bodies: the SDK drops a job's input from them."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self.bodies: list[str] = []

    def get(self, url: str, **options: Any) -> Any:
        answer = self._pipeline.get(url, **options)
        self.bodies.append(answer.text())
        return answer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipeline, name)


@contextmanager
def _recording(ml: Any) -> Iterator[list[str]]:
    """Give the bodies that the listing of a deployment's jobs answers; one thread at a time may read them."""
    operations = ml.batch_deployments
    with _INVOKING:
        usual = operations._requests_pipeline
        operations._requests_pipeline = recording = _Recording(usual)
        try:
            yield recording.bodies
        finally:
            operations._requests_pipeline = usual


def _inputs_of(bodies: list[str]) -> dict[str, dict[str, str]]:
    """Return each job's one input by its kind, from `properties.inputData` of the listing.

    Source: recorded answers in the SDK's own tests (tests/recordings/batch_services), read 2026-11-20.
    """
    inputs: dict[str, dict[str, str]] = {}
    for body in bodies:
        listed = json.loads(body)
        for job in listed.get("value") or () if isinstance(listed, dict) else ():
            data = list(((job.get("properties") or {}).get("inputData") or {}).values())
            kind = _KINDS.get(str(data[0].get("jobInputType", "")).lower()) if len(data) == 1 else None
            if kind and data[0].get("uri"):
                inputs[str(job.get("name"))] = {kind: str(data[0]["uri"])}
    return inputs


def _deployment(request: DeploymentRequest) -> Any:
    from azure.ai.ml.entities import (
        BatchRetrySettings,
        CodeConfiguration,
        ModelBatchDeployment,
        ModelBatchDeploymentSettings,
        ResourceConfiguration,
    )

    if request.batch is None:
        raise WorkspaceError("workspace.no_compute", f"deployment {request.name} has no compute to run batches on")
    own_code: dict[str, Any] = {
        "environment": request.environment,
        "code_configuration": CodeConfiguration(code=request.code, scoring_script=request.scoring_script),
    }
    batch = request.batch
    settings = ModelBatchDeploymentSettings(
        mini_batch_size=batch.mini_batch_size,
        max_concurrency_per_instance=batch.concurrency,
        output_action="append_row",
        output_file_name=PREDICTIONS_FILE,
        error_threshold=batch.error_threshold,
        retry_settings=BatchRetrySettings(
            max_retries=batch.max_retries, timeout=max(1, round(batch.timeout.total_seconds()))
        ),
    )
    return ModelBatchDeployment(
        name=request.name,
        endpoint_name=request.endpoint,
        model=asset_reference(request.model, request.version),
        compute=batch.compute,
        resources=ResourceConfiguration(instance_count=request.instance_count),
        settings=settings,
        **(own_code if request.code else {}),
    )
