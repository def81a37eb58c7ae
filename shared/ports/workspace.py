"""What the core reads from and changes in an Azure ML workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

from shared.domain.failure import Failure
from shared.domain.ids import DeploymentName, EndpointName, JobName, ModelName, ModelVersion
from shared.domain.training import Recipe
from shared.ports.batch_endpoints import BatchEndpoints
from shared.ports.clock import Deadline
from shared.ports.endpoints import DeploymentRecord, DeploymentRequest, EndpointRecord, Endpoints, ListedEndpoint
from shared.ports.jobs import JobRecord, JobRequest

# How a probe's ids begin: the client's, which the traffic log has as XMSClientRequestId, and the one that the data
# collector correlates by. Not verified on Azure: that these headers fill those fields.
# Source of the column: learn.microsoft.com, AmlOnlineEndpointTrafficLog, read 2026-11-20.
PROBE_MARK = "vigia-probe-"


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """A registered model. `created_by` is who registered it, as Azure records it; `job` is the run that made it."""

    name: ModelName
    version: ModelVersion
    type: str
    path: str
    created_at: datetime
    created_by: str
    job: JobName | None
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class DataVersion:
    """One version of a data asset: "azureml:NAME:VERSION", and when it was registered, UTC."""

    asset: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What a deployment answered to one request. `status` is HTTP's; `text` begins like the body."""

    status: int
    seconds: float
    text: str


class Workspace(Protocol):
    """Reads return None for what does not exist. Writes return once the service accepted them; their progress
    is seen by reading. After its deadline a write is not sent any more, and raises RetryableError.
    Raises WorkspaceBusyError, RetryableError or WorkspaceError. Endpoints are online ones."""

    @property
    def batch(self) -> BatchEndpoints:
        """Return the workspace's batch endpoints."""
        ...

    def model(self, name: ModelName, version: ModelVersion) -> ModelRecord | None: ...

    def models_after(self, name: ModelName, since: datetime, most: int) -> tuple[ModelRecord, ...]:
        """Return the versions created after that moment, newest first: the `most` newest, archived ones left out."""
        ...

    def data_versions(self, reference: str, most: int) -> tuple[DataVersion, ...]:
        """Return the newest versions of the data asset "azureml:NAME@latest", newest first; archived ones left out."""
        ...

    def job(self, name: JobName) -> JobRecord | None: ...

    def job_metrics(self, name: JobName) -> Mapping[str, float]:
        """Return the last value of each metric that a job and its steps logged to MLflow; none when they cannot be read
        by this identity."""
        ...

    def trials(self, name: JobName) -> tuple[JobRecord, ...]:
        """Return the trials of a job that searches (a sweep, AutoML), each with what it logged."""
        ...

    def job_failure(self, name: JobName) -> Failure:
        """Return what can be read of why a job failed; never raises."""
        ...

    def recent_jobs(self, since: datetime, most: int) -> tuple[JobRecord, ...]:
        """Return the jobs created after that moment by anybody, newest first: the `most` newest, steps of
        pipelines and archived jobs left out."""
        ...

    def submit_job(self, request: JobRequest, deadline: Deadline | None = None) -> JobRecord:
        """Submit the job, or return the one that has its name already. Past the deadline nothing is submitted."""
        ...

    def cancel_job(self, name: JobName) -> None:
        """Have a job end that nobody needs any more; nothing happens when there is none, or it has ended."""
        ...

    def recipe(self, component: str, inputs: Mapping[str, str]) -> Recipe:
        """Return what a job of that component with those inputs would run if it were submitted now."""
        ...

    def register_data(self, name: str, version: str, folder: str, tags: Mapping[str, str]) -> None:
        """Make the folder at that URI a version of a data asset; one that is there stays."""
        ...

    def listing(self) -> tuple[ListedEndpoint, ...]:
        """Return all endpoints, without their deployments, by one request for many of them."""
        ...

    def endpoint(self, name: EndpointName) -> EndpointRecord | None: ...

    def deployments(self, endpoint: EndpointName) -> tuple[DeploymentRecord, ...]:
        """Return the deployments of an endpoint; none when there is no such endpoint. Cheaper than `endpoint`."""
        ...

    def create_endpoint(self, name: EndpointName, cluster: str = "") -> None:
        """Make an endpoint: on that attached Kubernetes cluster, or one that Azure manages."""
        ...

    def create_deployment(self, request: DeploymentRequest, deadline: Deadline | None = None) -> None:
        """Make a deployment; one that has the name stays as it is, whatever became of it."""
        ...

    def set_traffic(
        self, endpoint: EndpointName, traffic: Mapping[DeploymentName, int], deadline: Deadline | None = None
    ) -> None:
        """Ask for a traffic split; read the endpoint to see whether it holds (there is no compare-and-set)."""
        ...

    def set_mirror(
        self, endpoint: EndpointName, mirror: Mapping[DeploymentName, int], deadline: Deadline | None = None
    ) -> None:
        """Ask for copies of requests, at most 50 %, to one deployment without traffic; empty for none."""
        ...

    def score(self, endpoint: EndpointName, deployment: DeploymentName, request: str) -> Answer:
        """Send one request to a deployment, whatever the traffic. Raises RetryableError when nothing answers."""
        ...

    def probe(
        self,
        endpoint: EndpointName,
        requests: Sequence[tuple[DeploymentName, str]],
        within: timedelta,
        per_second: float = 0.0,
    ) -> tuple[Answer | None, ...]:
        """Send requests, each to its deployment, whatever the traffic, marked as ours, and return their answers in
        order, None where nothing answered. What is not sent `within` is left out.

        Args:
            per_second: their rate, whether or not earlier ones are answered; 0 for one after the other.
        """
        ...

    def scale_deployment(
        self,
        endpoint: EndpointName,
        deployment: DeploymentName,
        instance_count: int,
        deadline: Deadline | None = None,
    ) -> None: ...

    def deployment_failure(self, endpoint: EndpointName, deployment: DeploymentName) -> Failure:
        """Return what can be read of why a deployment did not come up; never raises."""
        ...

    def delete_deployment(
        self, endpoint: EndpointName, deployment: DeploymentName, deadline: Deadline | None = None
    ) -> None:
        """Delete a deployment. Raises WorkspaceError when it has traffic, mirrored or not."""
        ...

    def stop_compute_instances(self, only: Sequence[str] = ()) -> tuple[str, ...]:
        """Stop every running compute instance, or of those that are named, and return their names."""
        ...


def endpoints_of(workspace: Workspace, kind: Literal["online", "batch"]) -> Endpoints:
    return workspace.batch if kind == "batch" else workspace
