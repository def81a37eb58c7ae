"""Online endpoints over ARM: create, traffic, keys, delete.

Rules for traffic: recorded from the service. That a map may only name deployments that exist is the
service's own validation ("deployments … do not exist").
"""

from __future__ import annotations

import asyncio
import itertools
import re

from aiohttp import web

from local.azureml.arm import (
    PREFIX,
    Json,
    bad_request,
    caller,
    conflict,
    not_found,
    page,
    read_json,
    resource,
    stamp,
)
from local.azureml.config import AzureMlConfig, Faults
from local.azureml.deployment import SETTLED, Endpoint
from local.azureml.operations import Operations
from local.azureml.processes import kill

_NAME = re.compile(r"^[a-zA-Z][a-zA-Z0-9-]{1,30}[a-zA-Z0-9]$")


def check_name(name: str) -> None:
    """Raise ArmError 400 when an endpoint may not be called so."""
    if not _NAME.match(name):
        raise bad_request(
            f"endpoint name {name!r}: 3 to 32 letters, digits and hyphens, beginning with a letter",
            "InvalidEndpointName",
        )


def take_busy(faults: Faults) -> None:
    """Show the fault "the next n writes meet a busy endpoint"."""
    if faults.busy_endpoint > 0:
        faults.busy_endpoint -= 1
        raise conflict("The endpoint is being updated by another operation; try again later.", "EndpointBusy")


def check_traffic(traffic: Json, mirror: Json, known: set[str]) -> None:
    """Check both maps. Raise ArmError 400 that names the first rule that is broken."""
    for label, percents in (("traffic", traffic), ("mirrorTraffic", mirror)):
        unknown = sorted(set(percents) - known)
        if unknown:
            raise bad_request(f"{label} names deployments that do not exist: {', '.join(unknown)}", "InvalidTraffic")
        for name, percent in percents.items():
            if isinstance(percent, bool) or not isinstance(percent, int) or not 0 <= percent <= 100:
                raise bad_request(
                    f"{label} of {name!r} must be a whole percent, 0 to 100, not {percent!r}", "InvalidTraffic"
                )
    if sum(traffic.values()) not in {0, 100}:
        raise bad_request(f"traffic must sum to 0 or 100, not {sum(traffic.values())}", "InvalidTraffic")
    if sum(mirror.values()) > 50:
        raise bad_request(f"mirrorTraffic must be at most 50, not {sum(mirror.values())}", "InvalidTraffic")


class Endpoints:
    """ARM routes for online endpoints. `traffic_writes` records each accepted map, in order."""

    def __init__(self, config: AzureMlConfig, operations: Operations, endpoints: dict[str, Endpoint]) -> None:
        self._config = config
        self._operations = operations
        self._endpoints = endpoints
        self._order = itertools.count(1)
        self.traffic_writes: list[Json] = []

    def routes(self) -> list[web.RouteDef]:
        base = PREFIX + "/onlineEndpoints"
        return [
            web.get(base, self._list),
            web.get(base + "/{endpoint}", self._get),
            web.put(base + "/{endpoint}", self._put),
            web.delete(base + "/{endpoint}", self._delete),
            web.post(base + "/{endpoint}/listKeys", self._keys),
            web.post(base + "/{endpoint}/regenerateKeys", self._regenerate),
        ]

    def find(self, request: web.Request) -> Endpoint:
        name = request.match_info["endpoint"]
        if name not in self._endpoints:
            raise not_found("OnlineEndpoint", f"onlineEndpoints/{name}")
        return self._endpoints[name]

    async def _list(self, _: web.Request) -> web.Response:
        return page([each.json() for each in self._endpoints.values()])

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self.find(request).json())

    async def _put(self, request: web.Request) -> web.Response:
        name, body = request.match_info["endpoint"], await read_json(request)
        take_busy(self._config.faults)
        properties: Json = dict(body.get("properties") or {})
        known = self._endpoints.get(name)
        if known is not None and known.state not in SETTLED:
            raise conflict(f"endpoint {name} is {known.state}; try again later", "EndpointBusy")
        traffic, mirror = dict(properties.get("traffic") or {}), dict(properties.get("mirrorTraffic") or {})
        check_traffic(traffic, mirror, set(known.deployments) if known else set())
        if known is None:
            endpoint = self._create(name, request)
        else:
            endpoint = known
            endpoint.keep_showing(self._config.faults.stale_reads_ms)
        self._write(endpoint, body, traffic, mirror)
        operation = self._operations.begin("oe", self._settle(endpoint))
        answer = {**endpoint.resource.json()}
        return self._operations.accepted_write(operation, answer, endpoint.resource.id, known is None)

    def _create(self, name: str, request: web.Request) -> Endpoint:
        check_name(name)
        made = resource(f"onlineEndpoints/{name}", "onlineEndpoints", {}, caller(request))
        endpoint = Endpoint(made)
        endpoint.make_keys()
        self._endpoints[name] = endpoint
        return endpoint

    def _write(self, endpoint: Endpoint, body: Json, traffic: Json, mirror: Json) -> None:
        is_new = not endpoint.resource.properties
        endpoint.resource.top = {
            "location": body.get("location") or "local",
            "tags": body.get("tags") or {},
            "identity": body.get("identity") or {"type": "SystemAssigned"},
            "kind": "Managed",
        }
        given = {key: value for key, value in (body.get("properties") or {}).items() if key != "keys"}
        url = f"{self._config.addresses.url('scoring')}/endpoints/{endpoint.name}"
        endpoint.resource.properties = {
            "authMode": "Key",
            "properties": {},
            **given,
            "traffic": traffic,
            "mirrorTraffic": mirror,
            "scoringUri": f"{url}/score",
            "swaggerUri": f"{url}/swagger.json",
            "provisioningState": "Creating" if is_new else "Updating",
        }
        endpoint.resource.system_data["lastModifiedAt"] = stamp()
        self.traffic_writes.append(
            {
                "order": next(self._order),
                "endpoint": endpoint.name,
                "traffic": traffic,
                "mirror": mirror,
                "time": stamp(),
            }
        )

    async def _settle(self, endpoint: Endpoint) -> None:
        await asyncio.sleep(self._config.updating_seconds)
        endpoint.resource.properties["provisioningState"] = "Succeeded"

    async def _delete(self, request: web.Request) -> web.Response:
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
        return self._operations.accepted(self._operations.begin("oe", self._remove(endpoint)))

    async def _remove(self, endpoint: Endpoint) -> None:
        for deployment in endpoint.deployments.values():
            if deployment.server is not None:
                await kill(deployment.server.process)
        del self._endpoints[endpoint.name]

    async def _keys(self, request: web.Request) -> web.Response:
        return web.json_response(self.find(request).keys)

    async def _regenerate(self, request: web.Request) -> web.Response:
        endpoint, kind = self.find(request), (await read_json(request)).get("keyType")
        if kind not in {"Primary", "Secondary"}:
            raise bad_request(f"keyType must be Primary or Secondary, not {kind!r}")
        old = dict(endpoint.keys)
        endpoint.make_keys()
        kept = "secondaryKey" if kind == "Primary" else "primaryKey"
        endpoint.keys[kept] = old[kept]
        return web.json_response(endpoint.keys)
