"""Online deployments over ARM; each is a real scoring process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path

from aiohttp import web

from local.azureml.base import events
from local.azureml.base.arm import PREFIX, ArmError, Json, Resource, bad_request, read_json, stamp
from local.azureml.base.config import AzureMlConfig
from local.azureml.base.events import Outbox
from local.azureml.base.operations import Operations
from local.azureml.base.processes import kill, tail
from local.azureml.base.references import References
from local.azureml.endpoints.deployments import DeploymentRoutes, needs_script
from local.azureml.endpoints.region import Region
from local.azureml.online.deploy import Deployer, not_ready
from local.azureml.online.deployment import Deployment, Endpoint, Server
from local.azureml.online.endpoints import Endpoints
from local.azureml.workspace.requirements import Requirements

# A change of one of these needs a new process; others (such as the data collector) are taken over at once.
_PROCESS_MEMBERS = ("model", "codeConfiguration", "environmentVariables", "environmentId", "requestSettings")
_DRAIN_SECONDS = 0.02


class Deployments(DeploymentRoutes[Endpoint, Deployment]):
    """ARM routes for online deployments."""

    delete_operation = "od"

    def __init__(
        self,
        config: AzureMlConfig,
        endpoints: Endpoints,
        references: References,
        requirements: Requirements,
        deployer: Deployer,
        operations: Operations,
        outbox: Outbox,
        region: Region,
    ) -> None:
        super().__init__(config, endpoints, references, operations)
        self._requirements = requirements
        self._deployer = deployer
        self._outbox = outbox
        self._region = region

    def routes(self) -> list[web.RouteDef]:
        one = f"{PREFIX}/{self._endpoints.path}/{{endpoint}}/deployments/{{name}}"
        return [*super().routes(), web.post(one + "/getLogs", self._logs)]

    async def _put(self, request: web.Request) -> web.Response:
        endpoint, name, body = self._endpoints.find(request), request.match_info["name"], await read_json(request)
        existing = self._writable(endpoint, name)
        model = self._model_of(name, body, endpoint)
        if not self._config.conditions.profile.quota_in_operation:
            self._check_cores(body, existing)
        deployment = existing or self._new(endpoint, name, request)
        previous = dict(deployment.resource.properties)
        self._write(deployment, body, model, is_new=existing is None)
        operation = self._operations.begin("odidp", self._deploy(endpoint, deployment, previous))
        deployment.resource.properties["properties"] = {
            **deployment.resource.properties["properties"],
            # Source: answers of the service that people published, e.g. of `az ml online-deployment show`, 2026.
            "AzureAsyncOperationUri": self._operations.status_url(operation),
        }
        return self._operations.accepted_write(
            operation, deployment.resource.json(), deployment.resource.id, existing is None
        )

    def _check_cores(self, body: Json, itself: Deployment | None) -> None:
        if _is_on_cluster(body):
            return
        others = (deployment for deployment in self._endpoints.deployments() if deployment is not itself)
        self._region.check_cores(body, (other.resource.json() for other in others))

    def _model_of(self, name: str, body: Json, endpoint: Endpoint) -> Resource:
        reference = (body.get("properties") or {}).get("model")
        if not reference:
            raise bad_request(f"deployment {name}: properties.model is missing; give the id of a registered model")
        model = self._model(name, str(reference))
        if needs_script(model) and not (body.get("properties") or {}).get("codeConfiguration"):
            text = f"Could not find driver program in the request. ({name}: no mlflow_model, no codeConfiguration)"
            raise bad_request(text, "MissingDriverProgram")
        if _is_on_cluster(body) != bool(endpoint.compute):
            kind = "Kubernetes" if endpoint.compute else "Managed"
            # Words and code are ours.
            raise bad_request(f"endpoint {endpoint.name} takes deployments of type {kind} only", "WrongComputeType")
        self._requirements.of_deployment(body.get("properties") or {})
        return model

    def _new(self, endpoint: Endpoint, name: str, request: web.Request) -> Deployment:
        log = self._folder(endpoint, name) / "console.log"
        endpoint.deployments[name] = Deployment(self._made(endpoint, name, request), "", log)
        return endpoint.deployments[name]

    def _folder(self, endpoint: Endpoint, name: str) -> Path:
        return self._config.workdir / "deployments" / endpoint.name / name

    def _write(self, deployment: Deployment, body: Json, model: Resource, *, is_new: bool) -> None:
        name, version = model.id.split("/models/", 1)[1].split("/versions/")
        deployment.model = f"{name}:{version}"
        deployment.error = None
        deployment.resource.top = {
            "location": body.get("location") or "local",
            "tags": body.get("tags") or {},
            "sku": body.get("sku") or {"name": "Default", "capacity": 1},
            "kind": "K8S" if _is_on_cluster(body) else "Managed",
        }
        properties = {key: value for key, value in (body.get("properties") or {}).items() if value is not None}
        for collection in ((properties.get("dataCollector") or {}).get("collections") or {}).values():
            # The SDK writes "enabled" and reads "Enabled". Source: azure-ai-ml 1.35.2, `deployment_collection.py`.
            collection["dataCollectionMode"] = str(collection.get("dataCollectionMode") or "Disabled").capitalize()
        deployment.resource.properties = {
            "endpointComputeType": "Managed",
            "scaleSettings": {"scaleType": "Default"},
            "properties": {},
            **properties,
            "provisioningState": "Creating" if is_new else "Updating",
        }
        deployment.resource.system_data["lastModifiedAt"] = stamp()

    async def _deploy(self, endpoint: Endpoint, deployment: Deployment, previous: Json) -> None:
        updated = deployment.resource.properties
        is_same = all(previous.get(member) == updated.get(member) for member in _PROCESS_MEMBERS)
        if is_same and deployment.server is not None and deployment.server.is_alive:
            await asyncio.sleep(self._config.updating_seconds)
            deployment.state = "Succeeded"
            return
        seconds = self._config.taking(self._config.conditions.profile.deployment_minutes)
        least = asyncio.create_task(asyncio.sleep(seconds))
        try:
            server = await self._started(endpoint, deployment, least)
        except ArmError as exc:
            deployment.error = exc.message
            deployment.state = "Failed"
            raise
        except BaseException:
            deployment.state = "Failed"
            raise
        old, deployment.server = deployment.server, server
        if old is not None:
            await _retire(old, deployment.timeout_seconds)
        deployment.state = "Succeeded"
        properties = {str(key): str(value) for key, value in (updated.get("properties") or {}).items()}
        self._outbox.emit(
            events.model_deployed(endpoint.name, [deployment.model], dict(deployment.resource.top["tags"]), properties)
        )

    async def resume(self, endpoints: Iterable[Endpoint]) -> None:
        """Start the scoring processes of the deployments that an earlier start has left, each as it was."""
        deployments = [(endpoint, deployment) for endpoint in endpoints for deployment in endpoint.deployments.values()]
        for endpoint, _ in deployments:
            endpoint.state = "Succeeded"
        await asyncio.gather(*(self._resume(*one) for one in deployments if one[1].state != "Failed"))

    async def _resume(self, endpoint: Endpoint, deployment: Deployment) -> None:
        try:
            deployment.server = await self._deployer.start(endpoint.name, deployment)
        except ArmError as exc:
            deployment.error, deployment.state = exc.message, "Failed"
        else:
            deployment.state = "Succeeded"

    async def _started(self, endpoint: Endpoint, deployment: Deployment, least: asyncio.Task[None]) -> Server:
        """Return a process that answers, when as much time has passed as Azure takes for it.

        Raises:
            ArmError: the deployment has no process that answers.
        """
        try:
            self._check_cores(deployment.resource.json(), deployment)
            if self._config.conditions.takes("failing_deployments"):
                raise not_ready(deployment)
            return await self._deployer.start(endpoint.name, deployment)
        finally:
            await least

    def _check_unused(self, endpoint: Endpoint, deployment: Deployment) -> None:
        for label, percents in (("traffic", endpoint.traffic), ("mirror traffic", endpoint.mirror)):
            percent = percents.get(deployment.name, 0)
            if percent > 0:
                text = f"deployment {deployment.name} has {percent}% {label}; set it to 0 before deleting"
                raise bad_request(text, "DeploymentHasTraffic")

    async def _remove(self, endpoint: Endpoint, deployment: Deployment) -> None:
        if deployment.server is not None:
            await kill(deployment.server.process)
        await asyncio.sleep(self._config.updating_seconds)
        del endpoint.deployments[deployment.name]

    async def _logs(self, request: web.Request) -> web.Response:
        deployment, body = self._find(request), await read_json(request)
        return web.json_response({"content": tail(deployment.log, int(body.get("tail") or 100))})


def _is_on_cluster(body: Json) -> bool:
    return bool((body.get("properties") or {}).get("endpointComputeType") == "Kubernetes")


async def _retire(server: Server, timeout_seconds: float) -> None:
    """End a replaced process once it has answered its open requests."""
    deadline = time.monotonic() + timeout_seconds
    while server.waiting and server.is_alive and time.monotonic() < deadline:
        await asyncio.sleep(_DRAIN_SECONDS)
    await kill(server.process)
