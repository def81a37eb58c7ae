"""Compute: one instance (`ci-local`) and one cluster (`cpu-cluster`) that can be read, replaced,
stopped, started and deleted; others can be made.

They are names with a state: jobs run whatever it is.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from local.azureml.base.arm import (
    PREFIX,
    ArmError,
    Json,
    Resource,
    bad_request,
    caller,
    find_named,
    page,
    read_json,
    resource,
)
from local.azureml.base.config import AzureMlConfig
from local.azureml.base.operations import Operations

_BY = {"createdBy": "local-user", "createdByType": "User"}


def _instance() -> Json:
    inner = {"vmSize": "STANDARD_DS3_V2", "state": "Running", "applicationSharingPolicy": "Personal"}
    return {"computeType": "ComputeInstance", "provisioningState": "Succeeded", "properties": inner}


def _cluster() -> Json:
    inner = {
        "vmSize": "STANDARD_DS3_V2",
        "vmPriority": "Dedicated",
        "scaleSettings": {"minNodeCount": 0, "maxNodeCount": 4, "nodeIdleTimeBeforeScaleDown": "PT2M"},
        "allocationState": "Steady",
        "currentNodeCount": 0,
        "targetNodeCount": 0,
    }
    return {"computeType": "AmlCompute", "provisioningState": "Succeeded", "properties": inner}


# What is allowed when, what it looks like meanwhile, and how it ends.
_CHANGES = {
    "start": ("Stopped", "Starting", "Running"),
    "stop": ("Running", "Stopping", "Stopped"),
    "restart": ("Running", "Restarting", "Running"),
}


def _state(kind: str, existing: Resource | None) -> Json:
    """Return what only the service writes; it stays when a compute is replaced."""
    fresh: dict[str, Json] = {
        "ComputeInstance": {"state": "Creating"},
        "AmlCompute": {"allocationState": "Steady", "currentNodeCount": 0, "targetNodeCount": 0},
    }
    inner = existing.properties.get("properties") or {} if existing else {}
    return {key: inner.get(key, value) for key, value in fresh.get(kind, {}).items()}


class Compute:
    """ARM routes for compute."""

    def __init__(self, operations: Operations, config: AzureMlConfig) -> None:
        self._operations = operations
        self._config = config
        self.computes: dict[str, Resource] = {}
        for name, properties in (("ci-local", _instance()), ("cpu-cluster", _cluster())):
            self.computes[name] = resource(f"computes/{name}", "computes", properties, _BY, {"location": "local"})

    def has(self, reference: str) -> bool:
        """Whether a compute of this name or ARM id exists."""
        return reference.rsplit("/", 1)[-1] in self.computes

    def kind(self, reference: str) -> str:
        """The type of the compute of this name or ARM id; empty when there is none."""
        compute = self.computes.get(reference.rsplit("/", 1)[-1])
        return str(compute.properties["computeType"]) if compute else ""

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(PREFIX + "/computes", self._list),
            web.get(PREFIX + "/computes/{name}", self._get),
            web.put(PREFIX + "/computes/{name}", self._put),
            web.delete(PREFIX + "/computes/{name}", self._delete),
            web.post(PREFIX + "/computes/{name}/{action:start|stop|restart}", self._act),
        ]

    def _find(self, request: web.Request) -> Resource:
        return find_named(self.computes, request, "Compute")

    async def _list(self, _: web.Request) -> web.Response:
        return page([compute.json() for compute in self.computes.values()])

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._find(request).json())

    async def _put(self, request: web.Request) -> web.Response:
        """Replace the whole compute, as the service does; members that are left out are gone.

        Raises:
            ArmError: 400 for a compute without a type.
        """
        name = request.match_info["name"]
        body = await read_json(request)
        properties = body.get("properties") or {}
        if "computeType" not in properties:
            raise bad_request(f"compute {name}: properties.computeType is missing")
        existing = self.computes.get(name)
        properties["properties"] = {
            **(properties.get("properties") or {}),
            **_state(properties["computeType"], existing),
        }
        properties["provisioningState"] = "Updating" if existing else "Creating"
        top = {"location": body.get("location") or "local", "tags": body.get("tags") or {}}
        made = resource(f"computes/{name}", "computes", properties, caller(request), top)
        self.computes[name] = made
        operation = self._operations.begin("compute", self._settle(made))
        return self._operations.accepted_write(operation, made.json(), made.id, existing is None)

    async def _settle(self, made: Resource) -> None:
        await self._work()
        made.properties["provisioningState"] = "Succeeded"
        if made.properties["properties"].get("state") == "Creating":
            made.properties["properties"]["state"] = "Running"

    async def _delete(self, request: web.Request) -> web.Response:
        compute = self._find(request)
        compute.properties["provisioningState"] = "Deleting"
        return self._operations.accepted(self._operations.begin("compute", self._remove(compute)))

    async def _remove(self, compute: Resource) -> None:
        await self._work()
        self.computes.pop(compute.name, None)

    async def _act(self, request: web.Request) -> web.Response:
        compute, action = self._find(request), request.match_info["action"]
        inner = compute.properties.get("properties") or {}
        if compute.properties["computeType"] != "ComputeInstance":
            message = f"{compute.name} is {compute.properties['computeType']}; only a compute instance can {action}."
            raise bad_request(f"{message} Scale a cluster down to 0 nodes instead.", "ComputeTypeNotSupported")
        start, during, end = _CHANGES[action]
        if inner.get("state") not in {start, end}:
            raise ArmError(
                409, "UserError", f"{compute.name} is {inner.get('state')}; try again later.", "InvalidState"
            )
        inner["state"] = during
        return self._operations.accepted(self._operations.begin(action, self._change(inner, end)))

    async def _change(self, inner: Json, state: str) -> None:
        await self._work()
        inner["state"] = state

    async def _work(self) -> None:
        await asyncio.sleep(self._config.taking(self._config.conditions.profile.compute_minutes))
