"""What online and batch endpoints do alike over ARM: create, change and delete, one operation at a time."""

from __future__ import annotations

import asyncio
import itertools
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar, Generic, TypeVar

from aiohttp import web

from local.azureml.base.arm import (
    PREFIX,
    ArmError,
    Json,
    Resource,
    bad_request,
    caller,
    conflict,
    not_found,
    page,
    read_json,
    resource,
    stamp,
)
from local.azureml.base.config import AzureMlConfig, Faults
from local.azureml.base.operations import Operations
from local.azureml.endpoints.provisioned import ProvisionedEndpoint
from local.azureml.endpoints.region import Region

_NAME = re.compile(r"^[a-zA-Z][a-zA-Z0-9-]{1,30}[a-zA-Z0-9]$")
E = TypeVar("E", bound=ProvisionedEndpoint[Any])


def check_name(name: str) -> None:
    """Check the name of an endpoint or deployment.

    Source: azure-ai-ml 1.35.2, `_endpoint_helpers.validate_endpoint_or_deployment_name`, read 2026-11-30.

    Raises:
        ArmError: 400, the service would not take it.
    """
    if not _NAME.match(name):
        text = f"The name {name!r} must have 3 to 32 letters, digits and hyphens, beginning with a letter."
        raise bad_request(text, "InvalidName")


def take_busy(faults: Faults) -> None:
    """Show the fault "the next n writes meet a busy endpoint".

    Raises:
        ArmError: 409, this write is one of them.
    """
    if faults.busy_endpoint > 0:
        faults.busy_endpoint -= 1
        raise conflict("The endpoint is being updated by another operation; try again later.", "EndpointBusy")


class EndpointRoutes(ABC, Generic[E]):
    """ARM routes for endpoints of one kind. `writes` records each accepted one, in order."""

    # As the service spells them: "Online" in errors, and how the ids of a write's and a delete's operation begin.
    kind: ClassVar[str]
    write_operation: ClassVar[str]
    delete_operation: ClassVar[str]

    def __init__(self, config: AzureMlConfig, operations: Operations, endpoints: dict[str, E], region: Region) -> None:
        self._config = config
        self._region = region
        self._operations = operations
        self._endpoints = endpoints
        self._order = itertools.count(1)
        self.writes: list[Json] = []

    @property
    def path(self) -> str:
        """Where these endpoints are in the workspace, such as `onlineEndpoints`."""
        return f"{self.kind.lower()}Endpoints"

    def routes(self) -> list[web.RouteDef]:
        base = f"{PREFIX}/{self.path}"
        return [
            web.get(base, self._list),
            web.get(base + "/{endpoint}", self._get),
            web.put(base + "/{endpoint}", self._put),
            web.delete(base + "/{endpoint}", self._delete),
        ]

    def find(self, request: web.Request) -> E:
        """Return the endpoint that the path of a request names.

        Raises:
            ArmError: 404, there is none of this name.
        """
        name = request.match_info["endpoint"]
        if name not in self._endpoints:
            raise not_found(f"{self.kind}Endpoint", f"{self.path}/{name}")
        return self._endpoints[name]

    def deployments(self) -> Iterator[Any]:
        """Yield the deployments of all endpoints."""
        for endpoint in self._endpoints.values():
            yield from endpoint.deployments.values()

    async def _list(self, _: web.Request) -> web.Response:
        return page([endpoint.json() for endpoint in self._endpoints.values()])

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self.find(request).json())

    async def _put(self, request: web.Request) -> web.Response:
        name, body = request.match_info["endpoint"], await read_json(request)
        take_busy(self._config.faults)
        existing = self._endpoints.get(name)
        if existing is not None and not existing.is_settled:
            raise conflict(f"endpoint {name} is {existing.state}; try again later", "EndpointBusy")
        self._check(body, existing)
        if existing is not None:
            existing.keep_showing(self._config.stale_seconds)
        endpoint = existing or self._create(name, request)
        about = self._write(endpoint, body)
        endpoint.state = "Creating" if existing is None else "Updating"
        endpoint.resource.system_data["lastModifiedAt"] = stamp()
        self.writes.append({"order": next(self._order), "endpoint": name, **about, "time": stamp()})
        operation = self._operations.begin(self.write_operation, self._settle(endpoint))
        made = endpoint.resource
        return self._operations.accepted_write(operation, made.json(), made.id, created=existing is None)

    def _create(self, name: str, request: web.Request) -> E:
        check_name(name)
        self._region.check_name(name)
        self._endpoints[name] = self._new(resource(f"{self.path}/{name}", self.path, {}, caller(request)))
        return self._endpoints[name]

    async def _settle(self, endpoint: E) -> None:
        is_new = endpoint.state == "Creating"
        await asyncio.sleep(self._config.updating_seconds)
        if is_new and self._config.conditions.takes("failing_endpoints"):
            endpoint.state = "Failed"
            # The code is Azure's, the words are ours.
            raise ArmError(500, "InternalServerError", f"endpoint {endpoint.name} could not be provisioned")
        endpoint.state = "Succeeded"

    async def _delete(self, request: web.Request) -> web.Response:
        """Delete an endpoint with its deployments.

        Raises:
            ArmError: 409 while an operation on the endpoint is under way.
        """
        name = request.match_info["endpoint"]
        if name not in self._endpoints:
            return web.Response(status=204)
        take_busy(self._config.faults)
        endpoint = self.find(request)
        busy = [deployment.name for deployment in endpoint.deployments.values() if not deployment.is_settled]
        if busy or not endpoint.is_settled:
            text = f"endpoint {name} is {endpoint.state}; deployments at work: {busy or 'none'}"
            raise conflict(text, "EndpointBusy")
        endpoint.state = "Deleting"
        return self._operations.accepted(self._operations.begin(self.delete_operation, self._forget(endpoint)))

    async def _forget(self, endpoint: E) -> None:
        await self._remove(endpoint)
        self._region.keep(endpoint.name)

    @abstractmethod
    def _check(self, body: Json, existing: E | None) -> None:
        """Raise ArmError 400 when the service would not take this write."""

    @abstractmethod
    def _new(self, made: Resource) -> E: ...

    @abstractmethod
    def _write(self, endpoint: E, body: Json) -> Json:
        """Take over the body, and return its entry in the record of writes."""

    @abstractmethod
    async def _remove(self, endpoint: E) -> None:
        """End what the endpoint runs, and forget it."""
