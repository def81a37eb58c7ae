"""Batch endpoints over ARM: create, set the default deployment, delete.

Shapes and operations: recorded from the service (azure-sdk-for-python, tests/recordings/batch_services).
"""

from __future__ import annotations

import asyncio
import itertools

from aiohttp import web

from local.azureml.arm import PREFIX, Json, bad_request, caller, conflict, not_found, page, read_json, resource, stamp
from local.azureml.batch import BatchEndpoint, check_tags
from local.azureml.config import AzureMlConfig
from local.azureml.deployment import SETTLED
from local.azureml.endpoints import check_name, take_busy
from local.azureml.operations import Operations


class BatchEndpoints:
    """ARM routes for batch endpoints. `default_writes` records each accepted default deployment, in order."""

    def __init__(self, config: AzureMlConfig, operations: Operations, endpoints: dict[str, BatchEndpoint]) -> None:
        self._config = config
        self._operations = operations
        self._endpoints = endpoints
        self._order = itertools.count(1)
        self.default_writes: list[Json] = []

    def routes(self) -> list[web.RouteDef]:
        base = PREFIX + "/batchEndpoints"
        return [
            web.get(base, self._list),
            web.get(base + "/{endpoint}", self._get),
            web.put(base + "/{endpoint}", self._put),
            web.delete(base + "/{endpoint}", self._delete),
        ]

    def find(self, request: web.Request) -> BatchEndpoint:
        name = request.match_info["endpoint"]
        if name not in self._endpoints:
            raise not_found("BatchEndpoint", f"batchEndpoints/{name}")
        return self._endpoints[name]

    async def _list(self, _: web.Request) -> web.Response:
        return page([each.json() for each in self._endpoints.values()])

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self.find(request).json())

    async def _put(self, request: web.Request) -> web.Response:
        name, body = request.match_info["endpoint"], await read_json(request)
        take_busy(self._config.faults)
        known = self._endpoints.get(name)
        if known is not None and known.state not in SETTLED:
            raise conflict(f"endpoint {name} is {known.state}; try again later", "EndpointBusy")
        check_tags(body.get("tags") or {})
        properties: Json = dict(body.get("properties") or {})
        mode, default = str(properties.get("authMode", "AADToken")), _default_of(properties)
        if mode.lower() != "aadtoken":
            raise bad_request(f"endpoint {name}: authMode must be AADToken for a batch endpoint, not {mode!r}")
        if default and (known is None or default not in known.deployments):
            # From memory; not verified: that the service checks it, and how it says so.
            text = f"endpoint {name}: the default deployment {default!r} does not exist; create it first"
            raise bad_request(text, "DeploymentNotFound")
        endpoint = known or self._create(name, request)
        if known is not None:
            endpoint.keep_showing(self._config.faults.stale_reads_ms)
        self._write(endpoint, body, default)
        operation = self._operations.begin("bebes", self._settle(endpoint))
        return self._operations.accepted_write(
            operation, endpoint.resource.json(), endpoint.resource.id, created=known is None
        )

    def _create(self, name: str, request: web.Request) -> BatchEndpoint:
        check_name(name)
        self._endpoints[name] = BatchEndpoint(
            resource(f"batchEndpoints/{name}", "batchEndpoints", {"scoringUri": None}, caller(request))
        )
        return self._endpoints[name]

    def _write(self, endpoint: BatchEndpoint, body: Json, default: str | None) -> None:
        before = endpoint.resource.properties
        properties = body.get("properties") or {}
        endpoint.resource.top = {"location": body.get("location") or "local", "tags": body.get("tags") or {}}
        endpoint.resource.properties = {
            "description": properties.get("description"),
            # Properties can be added, not removed. Source: the SDK's EndpointPropertiesBase.
            "properties": {**(before.get("properties") or {}), **(properties.get("properties") or {})},
            "scoringUri": before["scoringUri"],
            "swaggerUri": None,
            "authMode": "AADToken",
            "defaults": {"deploymentName": default},
            "provisioningState": "Updating" if "authMode" in before else "Creating",
        }
        endpoint.resource.system_data["lastModifiedAt"] = stamp()
        self.default_writes.append(
            {"order": next(self._order), "endpoint": endpoint.name, "default": default, "time": stamp()}
        )

    async def _settle(self, endpoint: BatchEndpoint) -> None:
        await asyncio.sleep(self._config.updating_seconds)
        url = f"{self._config.addresses.url('azureml')}/batch/{endpoint.name}/jobs"
        endpoint.resource.properties |= {"scoringUri": url, "provisioningState": "Succeeded"}

    async def _delete(self, request: web.Request) -> web.Response:
        """Delete an endpoint with its deployments. Its jobs stay. Source: how-to-mlflow-batch, "Clean up"."""
        name = request.match_info["endpoint"]
        if name not in self._endpoints:
            return web.Response(status=204)
        take_busy(self._config.faults)
        endpoint = self.find(request)
        busy = [each.name for each in endpoint.deployments.values() if each.state not in SETTLED]
        if endpoint.state not in SETTLED or busy:
            raise conflict(
                f"endpoint {name} is {endpoint.state}; deployments at work: {busy or 'none'}", "EndpointBusy"
            )
        endpoint.resource.properties["provisioningState"] = "Deleting"
        return self._operations.accepted(self._operations.begin("be", self._remove(name)))

    async def _remove(self, name: str) -> None:
        await asyncio.sleep(self._config.updating_seconds)
        del self._endpoints[name]


def _default_of(properties: Json) -> str | None:
    found = (properties.get("defaults") or {}).get("deploymentName")
    return str(found) if found else None
