"""Long-running operations: what `Azure-AsyncOperation` and `Location` headers point to.

Source: recorded traffic of the service.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass

from aiohttp import web

from local.addresses import SUBSCRIPTION_ID
from local.azureml.base.arm import PROVIDER, ArmError, Json, in_any_case, not_found, stamp
from local.profile import NONE, Conditions

_BASE = f"/subscriptions/{SUBSCRIPTION_ID}/providers/{PROVIDER}/locations/local"
_QUICK_SECONDS = 0.05
# The SDK polls deployments every 5 s, endpoints every 30, as Azure's answers say nothing of when to come back.
_POLL_MINUTES = 5 / 60


@dataclass
class Operation:
    id: str
    started: str
    status: str = "Updating"  # Updating | Succeeded | Failed
    error: Json | None = None

    def json(self) -> Json:
        body: Json = {"id": f"{_BASE}/mfeOperationsStatus/{self.id}", "name": self.id, "status": self.status}
        body["startTime"] = self.started
        if self.error is not None:
            body["error"] = self.error
        return body


class Operations:
    """Runs the work behind an operation and answers questions about it."""

    def __init__(self, base_url: str, conditions: Conditions) -> None:
        self._base_url = base_url
        self._conditions = conditions
        self._operations: dict[str, Operation] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(in_any_case(_BASE) + "/mfeOperationsStatus/{id}", self._status),
            web.get(in_any_case(_BASE) + "/mfeOperationResults/{id}", self._result),
        ]

    def begin(self, prefix: str, work: Coroutine[None, None, None]) -> Operation:
        """Run `work` in the background; an ArmError raised by it fails the operation."""
        operation = Operation(f"{prefix}:{uuid.uuid4()}", stamp())
        self._operations[operation.id] = operation
        task = asyncio.get_running_loop().create_task(self._run(operation, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return operation

    async def _run(self, operation: Operation, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except ArmError as exc:
            operation.error = exc.body()["error"]
            operation.status = "Failed"
        except Exception as exc:
            # Without this a fault of the emulator would look like an operation that never ends.
            operation.error = {"code": "InternalServerError", "message": f"{type(exc).__name__}: {exc}"}
            operation.status = "Failed"
            raise
        else:
            operation.status = "Succeeded"

    def accepted_write(self, operation: Operation, resource: Json, resource_path: str, created: bool) -> web.Response:
        """The answer to PUT: 201 or 200 with the resource and the address of the operation's status."""
        headers = {
            "Azure-AsyncOperation": self.status_url(operation),
            "Location": f"{self._base_url}{resource_path}?api-version=2023-04-01-preview",
            "x-ms-async-operation-timeout": "PT1H",
            **self._come_back(),
        }
        return web.json_response(resource, status=201 if created else 200, headers=headers)

    def accepted(self, operation: Operation) -> web.Response:
        """The answer to DELETE and to actions: 202, body `null`, Location of the result."""
        headers = {"Location": self._url("mfeOperationResults", operation), **self._come_back()}
        return web.json_response(None, status=202, headers=headers)

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def status_url(self, operation: Operation) -> str:
        return self._url("mfeOperationsStatus", operation)

    def _url(self, kind: str, operation: Operation) -> str:
        return f"{self._base_url}{_BASE}/{kind}/{operation.id}?api-version=2023-04-01-preview"

    def _come_back(self) -> dict[str, str]:
        """Have the SDK poll at the emulator's pace: its own is that of a clock with minutes of 60 seconds."""
        profile = self._conditions.profile
        is_slow = profile.deployment_minutes != NONE
        seconds = profile.seconds(_POLL_MINUTES) if is_slow else _QUICK_SECONDS
        return {"retry-after-ms": str(round(seconds * 1000))}

    def _find(self, request: web.Request) -> Operation:
        name = request.match_info["id"]
        if name not in self._operations:
            raise not_found("Operation", f"operation {name}")
        return self._operations[name]

    async def _status(self, request: web.Request) -> web.Response:
        return web.json_response(self._find(request).json(), headers=self._come_back())

    async def _result(self, request: web.Request) -> web.Response:
        operation = self._find(request)
        if operation.status == "Updating":
            return self.accepted(operation)
        if operation.error is not None:
            return web.json_response({"error": operation.error}, status=400)
        return web.Response(status=204)
