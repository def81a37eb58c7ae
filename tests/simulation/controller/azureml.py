"""Azure ML as it is, without faults: endpoints whose changes take a while, and everything that was ever accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.domain.ids import DeploymentName, EndpointName, JobName, ModelName, ModelVersion
from shared.errors import WorkspaceBusyError, WorkspaceError
from shared.ports.endpoints import DeploymentRecord, DeploymentRequest, EndpointRecord
from shared.ports.jobs import JobRecord


@dataclass(slots=True)
class Deployment:
    """`ready_at` is when the change that it is in ends, as `outcome`; `down_since` is set while it does not answer."""

    name: DeploymentName
    model: ModelName
    version: ModelVersion
    instances: int
    ready_at: datetime
    outcome: str = "Succeeded"
    down_since: datetime | None = None

    def state(self, now: datetime) -> str:
        if now < self.ready_at:
            return "Creating"
        return "Failed" if self.down_since else self.outcome


@dataclass(slots=True)
class Endpoint:
    """`coming` is traffic that was accepted and takes effect later."""

    name: EndpointName
    traffic: dict[DeploymentName, int] = field(default_factory=dict)
    mirror: dict[DeploymentName, int] = field(default_factory=dict)
    deployments: dict[DeploymentName, Deployment] = field(default_factory=dict)
    coming: tuple[datetime, dict[DeploymentName, int]] | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A write that Azure ML accepted: by whom (a worker's name, or "hand"), and what the endpoint was like before."""

    at: datetime
    by: str
    what: str
    endpoint: EndpointName
    deployment: DeploymentName | None = None
    split: Mapping[DeploymentName, int] = field(default_factory=dict)
    previous: Mapping[DeploymentName, int] = field(default_factory=dict)
    down: Mapping[DeploymentName, datetime] = field(default_factory=dict)
    is_there: bool = False
    gone_at: datetime | None = None


@dataclass(slots=True)
class Job:
    """It runs until `ends_at` and ends as `outcome`, unless somebody cancels it. `request` is what it was asked for as,
    and `output` where it writes."""

    name: JobName
    request: JobName
    ends_at: datetime
    outcome: str
    inputs: Mapping[str, str]
    output: str = ""
    deployment: str = ""
    canceled_at: datetime | None = None

    def record(self, now: datetime) -> JobRecord:
        status = "Canceled" if self.canceled_at else "Running" if now < self.ends_at else self.outcome
        return JobRecord(self.name, status, {}, "vigia", self.inputs)

    def was_running(self, at: datetime) -> bool:
        return at < min(self.ends_at, self.canceled_at or self.ends_at)


@dataclass
class AzureMl:
    """Args:
    takes: how long a change of traffic takes.
    outcome: how deployments by name come up; "Succeeded" where nothing is said.
    is_batch: whether its endpoints are batch endpoints, whose default is read as 100 % of the traffic.
    splits: (when, endpoint, traffic) from when on requests were split so.
    """

    takes: timedelta = timedelta(0)
    coming_up: timedelta = timedelta(minutes=2)
    outcome: dict[str, str] = field(default_factory=dict)
    is_batch: bool = False
    jobs: dict[JobName, Job] = field(default_factory=dict)
    splits: list[tuple[datetime, EndpointName, Mapping[DeploymentName, int]]] = field(default_factory=list)
    endpoints: dict[EndpointName, Endpoint] = field(default_factory=dict)
    accepted: list[Accepted] = field(default_factory=list)
    gone: dict[tuple[EndpointName, DeploymentName], datetime] = field(default_factory=dict)

    def at(self, name: EndpointName, now: datetime) -> Endpoint | None:
        """Return the endpoint as it is now."""
        endpoint = self.endpoints.get(name)
        if endpoint and endpoint.coming and endpoint.coming[0] <= now:
            self.splits.append((endpoint.coming[0], name, dict(endpoint.coming[1])))
            endpoint.traffic, endpoint.coming = endpoint.coming[1], None
        return endpoint

    def splits_of(self, name: EndpointName, start: datetime, end: datetime) -> list[Mapping[DeploymentName, int]]:
        """Return how the requests were split between the two moments, oldest first."""
        changes = [(at, split) for at, endpoint, split in self.splits if endpoint == name and at <= end]
        first = max((number for number, (at, _) in enumerate(changes) if at <= start), default=0)
        return [split for _, split in changes[first:]]

    def record(self, name: EndpointName, now: datetime) -> EndpointRecord | None:
        endpoint = self.at(name, now)
        if endpoint is None:
            return None
        deployments = tuple(
            DeploymentRecord(d.name, d.model, d.version, d.state(now), instances=None if self.is_batch else d.instances)
            for d in endpoint.deployments.values()
        )
        state = "Updating" if endpoint.coming else "Succeeded"
        return EndpointRecord(
            name, state, dict(endpoint.traffic), dict(endpoint.mirror), deployments, "https://scoring"
        )

    def serve(self, name: EndpointName, model: ModelName, version: str, now: datetime) -> None:
        """Have an endpoint that serves a version since long ago."""
        deployment = DeploymentName(f"v-{version}")
        served = Deployment(deployment, model, ModelVersion(version), 1, now)
        self.endpoints[name] = Endpoint(name, {deployment: 100}, {}, {deployment: served})
        self.splits.append((now, name, {deployment: 100}))

    def create_endpoint(self, name: EndpointName, now: datetime, by: str) -> None:
        if self.at(name, now) is None:
            self.endpoints[name] = Endpoint(name)
            self.accepted.append(Accepted(now, by, "create endpoint", name))

    def create_deployment(self, request: DeploymentRequest, now: datetime, by: str) -> None:
        """Make the deployment, or make it what the request says: a PUT knows no "only if it is not there"."""
        endpoint, name = self._idle(request.endpoint, now), request.name
        deployment = endpoint.deployments.get(name)
        if deployment and deployment.state(now) == "Creating":
            raise WorkspaceBusyError("workspace.busy", f"deployment {name} is being changed")
        outcome = self.outcome.get(name, "Succeeded")
        ready_at = now + (timedelta(0) if deployment else self.coming_up)
        endpoint.deployments[name] = Deployment(
            name, request.model, request.version, request.instance_count, ready_at, outcome
        )
        gone_at = self.gone.get((endpoint.name, name))
        self.accepted.append(
            Accepted(now, by, "deployment", endpoint.name, name, is_there=deployment is not None, gone_at=gone_at)
        )

    def set_traffic(self, name: EndpointName, split: Mapping[DeploymentName, int], now: datetime, by: str) -> None:
        endpoint = self._idle(name, now)
        shares = {deployment_name: share for deployment_name, share in split.items() if share}
        if self.is_batch and len(shares) != 1:
            raise WorkspaceError("workspace.traffic", f"{shares} is no default of {name}")
        if sum(shares.values()) not in {0, 100} or not shares.keys() <= endpoint.deployments.keys():
            raise WorkspaceError("workspace.traffic", f"traffic {shares} is impossible on {name}")
        if any(endpoint.mirror.get(deployment_name) for deployment_name in shares):
            raise WorkspaceError("workspace.traffic", f"{shares} serves from what is mirrored to")
        down = {
            deployment.name: deployment.down_since
            for deployment in endpoint.deployments.values()
            if deployment.down_since
        }
        previous = dict(endpoint.traffic)
        self.accepted.append(Accepted(now, by, "traffic", name, None, dict(shares), previous, down))
        endpoint.coming = (now + self.takes, shares)
        self.at(name, now)

    def set_mirror(self, name: EndpointName, mirror: Mapping[DeploymentName, int], now: datetime, by: str) -> None:
        endpoint = self._idle(name, now)
        if not mirror.keys() <= endpoint.deployments.keys() or any(
            endpoint.traffic.get(deployment_name) for deployment_name in mirror
        ):
            raise WorkspaceError("workspace.mirror", f"mirrored traffic {dict(mirror)} is impossible on {name}")
        self.accepted.append(Accepted(now, by, "mirror", name, None, dict(mirror), dict(endpoint.mirror)))
        endpoint.mirror = {deployment_name: share for deployment_name, share in mirror.items() if share}

    def delete_deployment(self, name: EndpointName, deployment: DeploymentName, now: datetime, by: str) -> None:
        endpoint = self._idle(name, now)
        if endpoint.traffic.get(deployment) or endpoint.mirror.get(deployment):
            raise WorkspaceError("workspace.serving", f"{deployment} still has traffic")
        self.remove(name, deployment, now, by)

    def remove(self, name: EndpointName, deployment: DeploymentName, now: datetime, by: str) -> None:
        """Delete it, whatever it serves."""
        endpoint = self.at(name, now)
        if endpoint and endpoint.deployments.pop(deployment, None):
            endpoint.traffic.pop(deployment, None)
            endpoint.mirror.pop(deployment, None)
            endpoint.coming = None
            self.splits.append((now, name, dict(endpoint.traffic)))
            self.gone[name, deployment] = now
            self.accepted.append(Accepted(now, by, "delete", name, deployment))

    def scale(self, name: EndpointName, deployment: DeploymentName, count: int, now: datetime, by: str) -> None:
        endpoint = self.at(name, now)
        if endpoint and deployment in endpoint.deployments:
            endpoint.deployments[deployment].instances = count
            self.accepted.append(Accepted(now, by, "scale", name, deployment))

    def _idle(self, name: EndpointName, now: datetime) -> Endpoint:
        endpoint = self.at(name, now)
        if endpoint is None:
            raise WorkspaceError("workspace.no_endpoint", f"endpoint {name} does not exist")
        if endpoint.coming:
            raise WorkspaceBusyError("workspace.busy", f"endpoint {name} is being changed")
        return endpoint
