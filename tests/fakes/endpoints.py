"""What online and batch endpoints in memory have in common."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

from shared.domain.failure import Failure
from shared.domain.ids import DeploymentName, EndpointName
from shared.errors import WorkspaceError
from shared.ports.clock import Deadline
from shared.ports.endpoints import DeploymentRecord, DeploymentRequest, EndpointRecord, ListedEndpoint


class FakeEndpoints:
    """The part of an `Endpoints` that is alike; a fake declares the fields.

    `errors` are raised, first come first served, by the next calls of the method they are filed under.
    `calls` lists the writes that were accepted, in order. `deployment_outcome` is the provisioning state new
    deployments get. `failures` are why jobs ("NAME") and deployments ("ENDPOINT/NAME") failed.
    """

    called_at: ClassVar[str]
    endpoints: dict[str, EndpointRecord]
    requests: list[Any]
    calls: list[tuple[str, str]]
    errors: dict[str, list[Exception]]
    deployment_outcome: str
    failures: dict[str, Failure]

    def listing(self) -> tuple[ListedEndpoint, ...]:
        self._raise("listing")
        return tuple(ListedEndpoint(record.name, record.state, record.traffic) for record in self.endpoints.values())

    def endpoint(self, name: EndpointName) -> EndpointRecord | None:
        self._raise("endpoint")
        return self.endpoints.get(name)

    def deployment_failure(self, endpoint: EndpointName, deployment: DeploymentName) -> Failure:
        return self.failures.get(f"{endpoint}/{deployment}", Failure())

    def create_endpoint(self, name: EndpointName, cluster: str = "") -> None:
        self._raise("create_endpoint")
        self.calls.append(("create_endpoint", f"{name} on {cluster}" if cluster else name))
        uri = f"https://{name}.example.com/{self.called_at}"
        self.endpoints.setdefault(name, EndpointRecord(name, "Succeeded", {}, {}, (), uri))

    def create_deployment(self, request: DeploymentRequest, deadline: Deadline | None = None) -> None:
        self._raise("create_deployment")
        if deadline:
            deadline.require()
        if any(deployment.name == request.name for deployment in self._existing(request.endpoint).deployments):
            return
        self.calls.append(("create_deployment", request.name))
        self.requests.append(request)
        record = self._existing(request.endpoint)
        others = tuple(d for d in record.deployments if d.name != request.name)
        made = DeploymentRecord(
            request.name,
            request.model,
            request.version,
            self.deployment_outcome,
            instances=None if request.batch else request.instance_count,
        )
        self.endpoints[request.endpoint] = replace(record, deployments=(*others, made))

    def remove_deployment(self, endpoint: str, deployment: str) -> None:
        """Delete a deployment behind everybody's back, traffic or not."""
        record = self.endpoints[endpoint]
        traffic = {name: percent for name, percent in record.traffic.items() if name != deployment}
        others = tuple(d for d in record.deployments if d.name != deployment)
        mirror = {name: percent for name, percent in record.mirror_traffic.items() if name != deployment}
        self.endpoints[endpoint] = replace(record, deployments=others, traffic=traffic, mirror_traffic=mirror)

    def _existing(self, endpoint: EndpointName) -> EndpointRecord:
        if endpoint not in self.endpoints:
            raise WorkspaceError("workspace.no_endpoint", f"endpoint {endpoint} does not exist")
        return self.endpoints[endpoint]

    def _raise(self, method: str) -> None:
        if self.errors.get(method):
            raise self.errors[method].pop(0)
