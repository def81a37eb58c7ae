"""Endpoints and their deployments: what online and batch ones have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from shared.domain.failure import Failure
from shared.domain.ids import DeploymentName, EndpointName, ModelName, ModelVersion
from shared.domain.releases.batch import BatchResources
from shared.domain.releases.plan import KubernetesPlan
from shared.ports.clock import Deadline


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
class ListedEndpoint:
    """What a listing of all endpoints tells of one: as in `EndpointRecord`, without the deployments."""

    name: EndpointName
    state: str
    traffic: Mapping[DeploymentName, int]


@dataclass(frozen=True, slots=True)
class DeploymentRequest:
    """`environment`, `code` and `scoring_script` stay empty for MLflow models, which need none.

    `batch` is what a batch deployment runs on; None for an online deployment. `kubernetes` is what one runs on that
    Azure does not manage, and which `instance_type` is nothing to.
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
    kubernetes: KubernetesPlan | None = None


class Endpoints(Protocol):
    """What online and batch endpoints have in common."""

    def listing(self) -> tuple[ListedEndpoint, ...]:
        """Return all endpoints of the workspace, by one request for many of them."""
        ...

    def endpoint(self, name: EndpointName) -> EndpointRecord | None: ...

    def create_endpoint(self, name: EndpointName) -> None: ...

    def create_deployment(self, request: DeploymentRequest, deadline: Deadline | None = None) -> None: ...

    def set_traffic(
        self, endpoint: EndpointName, traffic: Mapping[DeploymentName, int], deadline: Deadline | None = None
    ) -> None: ...

    def deployment_failure(self, endpoint: EndpointName, deployment: DeploymentName) -> Failure: ...

    def delete_deployment(
        self, endpoint: EndpointName, deployment: DeploymentName, deadline: Deadline | None = None
    ) -> None: ...
