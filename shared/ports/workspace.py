"""What the core reads from and changes in an Azure ML workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, Protocol

from shared.domain.batch import BatchResources
from shared.domain.failure import Failure
from shared.domain.ids import DeploymentName, EndpointName, JobName, ModelName, ModelVersion
from shared.domain.training import Recipe

if TYPE_CHECKING:
    from shared.ports.batch_endpoints import BatchEndpoints
    from shared.ports.clock import Deadline

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
class SparkResources:
    """What serverless Spark gives a job: `executors` machines beside the driver's, and its runtime, e.g. "3.4".

    `identity` is whose permissions read and write the data: of who submits ("user"), or of the workspace ("managed").
    """

    instance_type: str = "standard_e4s_v3"
    runtime: str = "3.4"
    executors: int = 2
    identity: Literal["user", "managed"] = "managed"


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job to submit under a name of ours, so that submitting it again is harmless.

    Args:
        component: "azureml:NAME@latest" or "azureml:NAME:VERSION", a registered command component.
        inputs: input name to "azureml:NAME@latest", "azureml:NAME:VERSION", an azureml:// URI, or a literal.
        registers: pipeline output name to the model name it is registered under on success.
        outputs: pipeline output name to the azureml:// URI of the folder to write it to; by default Azure ML chooses.
        spark: for a Spark component, which has no `compute`.
    """

    name: JobName
    component: str
    inputs: Mapping[str, str]
    experiment: str
    display_name: str
    tags: Mapping[str, str]
    compute: str = "serverless"
    registers: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    spark: SparkResources | None = None


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job as the workspace knows it. `status` in Azure ML's words; `outputs` name to URI, when known.

    `ran` says what was run: each step to its component, or code and environment of a job without steps. `recipe` is of
    a pipeline of one registered component, None of other jobs. `created_at` is UTC.
    """

    name: JobName
    status: str
    tags: Mapping[str, str]
    created_by: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    experiment: str = ""
    ran: Mapping[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    recipe: Recipe | None = None

    @property
    def has_ended(self) -> bool:
        return self.status in {"Completed", "Failed", "Canceled", "NotResponding"}

    @property
    def has_succeeded(self) -> bool:
        return self.status == "Completed"


@dataclass(frozen=True, slots=True)
class DeploymentRecord:
    """`state` is Azure's provisioning state: Creating, Updating, Succeeded, Failed, Deleting.

    `operation` names the change that made the deployment what it is, unlike any other; "" when the service did not say.
    `instances` is how many it runs on; None of a batch deployment, which has some only while a job runs.
    """

    name: DeploymentName
    model: ModelName | None
    version: ModelVersion | None
    state: str
    operation: str = ""
    instances: int | None = None


@dataclass(frozen=True, slots=True)
class EndpointRecord:
    """`traffic` is whole percents per deployment, summing to 0 or 100, without zeros."""

    name: EndpointName
    state: str
    traffic: Mapping[DeploymentName, int]
    mirror_traffic: Mapping[DeploymentName, int]
    deployments: tuple[DeploymentRecord, ...]
    scoring_uri: str

    @property
    def serving(self) -> DeploymentName | None:
        """Return the deployment that answers most requests; None when none does."""
        return max(self.traffic, key=lambda name: self.traffic[name], default=None)


@dataclass(frozen=True, slots=True)
class DeploymentRequest:
    """`environment`, `code` and `scoring_script` stay empty for MLflow models, which need none.

    `batch` is what a batch deployment runs on; None for an online deployment.
    """

    endpoint: EndpointName
    name: DeploymentName
    model: ModelName
    version: ModelVersion
    instance_type: str = "Standard_DS3_v2"
    instance_count: int = 1
    environment: str = ""
    code: str = ""
    scoring_script: str = ""
    collect_data: bool = True
    batch: BatchResources | None = None


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

    def models_after(self, name: ModelName, after: datetime, most: int) -> tuple[ModelRecord, ...]:
        """Return the versions created after that moment, newest first: the `most` newest, archived ones left out."""
        ...

    def job(self, name: JobName) -> JobRecord | None: ...

    def job_failure(self, name: JobName) -> Failure:
        """Return what can be read of why a job failed; never raises."""
        ...

    def recent_jobs(self, after: datetime, most: int) -> tuple[JobRecord, ...]:
        """Return the jobs created after that moment, whoever submitted them, newest first: the `most` newest, steps of
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

    def endpoint(self, name: EndpointName) -> EndpointRecord | None: ...

    def deployments(self, endpoint: EndpointName) -> tuple[DeploymentRecord, ...]:
        """Return the deployments of an endpoint; none when there is no such endpoint. Cheaper than `endpoint`."""
        ...

    def create_endpoint(self, name: EndpointName) -> None: ...

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

    def probe(self, endpoint: EndpointName, requests: Sequence[tuple[DeploymentName, str]], within: timedelta) -> int:
        """Send requests one after the other, each to its deployment, whatever the traffic, marked as ours, and return
        how many were answered. What is not sent `within` is left out."""
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
