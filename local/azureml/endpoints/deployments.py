"""What online and batch deployments do alike over ARM: read, and written or deleted by one operation at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

from aiohttp import web

from local.azureml.base.arm import PREFIX, ArmError, Resource, bad_request, caller, conflict, not_found, page, resource
from local.azureml.base.config import AzureMlConfig
from local.azureml.base.operations import Operations
from local.azureml.base.references import References
from local.azureml.endpoints.provisioned import Provisioned, ProvisionedEndpoint
from local.azureml.endpoints.routes import EndpointRoutes, check_name, take_busy

D = TypeVar("D", bound=Provisioned)
E = TypeVar("E", bound=ProvisionedEndpoint[Any])


class DeploymentRoutes(ABC, Generic[E, D]):
    """ARM routes for the deployments of endpoints of one kind."""

    delete_operation: ClassVar[str]  # how the id of such an operation begins

    def __init__(
        self, config: AzureMlConfig, endpoints: EndpointRoutes[E], references: References, operations: Operations
    ) -> None:
        self._config = config
        self._endpoints = endpoints
        self._references = references
        self._operations = operations

    def routes(self) -> list[web.RouteDef]:
        base = f"{PREFIX}/{self._endpoints.path}/{{endpoint}}/deployments"
        return [
            web.get(base, self._list),
            web.get(base + "/{name}", self._get),
            web.put(base + "/{name}", self._put),
            web.delete(base + "/{name}", self._delete),
        ]

    def _find(self, request: web.Request) -> D:
        endpoint, name = self._endpoints.find(request), request.match_info["name"]
        if name not in endpoint.deployments:
            raise not_found(f"{self._endpoints.kind}Deployment", self._path(endpoint, name))
        deployment: D = endpoint.deployments[name]
        return deployment

    async def _list(self, request: web.Request) -> web.Response:
        return page([deployment.json() for deployment in self._endpoints.find(request).deployments.values()])

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._find(request).json())

    def _writable(self, endpoint: E, name: str) -> D | None:
        """Return the deployment to change, None to create it.

        Raises:
            ArmError: 409, another operation runs.
        """
        take_busy(self._config.faults)
        check_name(name)
        existing: D | None = endpoint.deployments.get(name)
        if existing is not None:
            _require_settled(existing)
        if endpoint.state == "Deleting":
            raise conflict(f"endpoint {endpoint.name} is being deleted", "EndpointBusy")
        if self._config.conditions.profile.refuse_while_updating and not endpoint.is_settled:
            # Text: azure-sdk-for-net #36961. Whether its status is 409 or 400 is not documented.
            text = f"Cannot create a deployment in endpoint {endpoint.name} because it is in {endpoint.state}"
            raise conflict(f"{text} provisioning state.", "EndpointBusy")
        if existing is not None:
            existing.keep_showing(self._config.stale_seconds)
        return existing

    def _made(self, endpoint: E, name: str, request: web.Request) -> Resource:
        """Return a new deployment's resource, still without properties."""
        return resource(self._path(endpoint, name), f"{self._endpoints.path}/deployments", {}, caller(request))

    def _path(self, endpoint: E, name: str) -> str:
        return f"{self._endpoints.path}/{endpoint.name}/deployments/{name}"

    def _model(self, name: str, reference: str) -> Resource:
        try:
            return self._references.asset(reference, "models")
        except ArmError as exc:
            raise bad_request(f"deployment {name}: model {reference}: {exc.message}", "ModelNotFound") from exc

    async def _delete(self, request: web.Request) -> web.Response:
        endpoint = self._endpoints.find(request)
        if request.match_info["name"] not in endpoint.deployments:
            return web.Response(status=204)
        take_busy(self._config.faults)
        deployment = self._find(request)
        self._check_unused(endpoint, deployment)
        _require_settled(deployment)
        deployment.state = "Deleting"
        work = self._remove(endpoint, deployment)
        return self._operations.accepted(self._operations.begin(self.delete_operation, work))

    @abstractmethod
    async def _put(self, request: web.Request) -> web.Response: ...

    @abstractmethod
    def _check_unused(self, endpoint: E, deployment: D) -> None:
        """Raise ArmError 400 while callers would miss the deployment."""

    @abstractmethod
    async def _remove(self, endpoint: E, deployment: D) -> None:
        """End what the deployment runs, and forget it."""


def _require_settled(deployment: Provisioned) -> None:
    if not deployment.is_settled:
        raise conflict(f"deployment {deployment.name} is {deployment.state}; try again later", "DeploymentBusy")


def needs_script(model: Resource) -> bool:
    """Return whether a model can't be served as it is."""
    return model.properties.get("modelType") != "mlflow_model"
