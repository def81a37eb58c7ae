"""What the core does with batch endpoints. Their default deployment is read and written as 100 % of the traffic."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from shared.domain.ids import DeploymentName, EndpointName, JobName
from shared.ports.clock import Deadline
from shared.ports.endpoints import Endpoints
from shared.ports.jobs import JobRecord


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """One invocation of a batch deployment.

    Args:
        name: by which the job is found again. Azure ML calls it otherwise and only shows this name.
        data: "azureml:NAME:VERSION", the batch to score; or the azureml:// URI of a file or a folder, as `kind` says.
        output: azureml:// URI of the file that the predictions are to be in; a job whose file exists fails.
    """

    name: JobName
    endpoint: EndpointName
    deployment: DeploymentName
    data: str
    output: str
    experiment: str
    kind: Literal["", "uri_file", "uri_folder"] = ""


@dataclass(frozen=True, slots=True)
class BatchRun:
    """A job of an endpoint that has completed.

    Args:
        ended_at: UTC.
        data: the file or folder that it scored, by azureml:// URI or data asset; "" when the service does not say.
        predictions: azureml:// URI of the file that it wrote.
    """

    name: JobName
    ended_at: datetime
    data: str
    predictions: str


class BatchEndpoints(Endpoints, Protocol):
    """Reads return None for what does not exist, writes once the service accepted them. Raises as `Workspace`."""

    def score(self, request: BatchRequest, deadline: Deadline | None = None) -> JobName:
        """Have a deployment score a batch, whichever is the default, and return what the job is called.

        Asking twice makes two jobs: the caller must remember the request. Past the deadline nothing is asked.
        """
        ...

    def submitted_job(self, request: BatchRequest) -> JobName | None:
        """Return the job that an earlier `score` of this very request made."""
        ...

    def jobs_since(self, endpoint: EndpointName, deployment: DeploymentName, since: datetime) -> tuple[JobRecord, ...]:
        """Return the deployment's jobs that were made at or after that moment, at most the newest 50.

        Their `inputs` hold the one input, by its kind ("uri_file", "uri_folder"), as far as the service says it.
        """
        ...

    def completed_runs(
        self, endpoint: EndpointName, deployment: DeploymentName, since: datetime
    ) -> tuple[BatchRun, ...]:
        """Return the deployment's jobs that completed at or after that moment, oldest first: of the newest 500."""
        ...
