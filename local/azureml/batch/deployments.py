"""Batch deployments over ARM. Nothing runs until the endpoint is invoked.

Shapes: recorded from the service. Defaults:
https://learn.microsoft.com/azure/machine-learning/reference-yaml-deployment-batch.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from local.azureml.base.arm import Json, bad_request, read_json, stamp
from local.azureml.base.config import AzureMlConfig
from local.azureml.base.operations import Operations
from local.azureml.base.references import References
from local.azureml.batch.endpoint import BatchDeployment, BatchEndpoint, check_tags
from local.azureml.batch.endpoints import BatchEndpoints
from local.azureml.endpoints.deployments import DeploymentRoutes, needs_script
from local.azureml.workspace.requirements import Requirements

_DEFAULTS: Json = {
    "description": None,
    "properties": {},
    "codeConfiguration": None,
    "environmentId": None,
    "environmentVariables": {},
    "errorThreshold": -1,
    "retrySettings": {"maxRetries": 3, "timeout": "PT30S"},
    "miniBatchSize": 10,
    "loggingLevel": "Info",
    "maxConcurrencyPerInstance": 1,
    "outputAction": "AppendRow",
    "outputFileName": "predictions.csv",
    "resources": {"instanceCount": 1, "instanceType": None, "properties": None},
}
# What the service writes, whatever case the request has ("info" became "Info").
_SPELLINGS = {"loggingLevel": ("Info", "Warning", "Debug"), "outputAction": ("AppendRow", "SummaryOnly")}
_LOWEST = {"errorThreshold": -1, "miniBatchSize": 1, "maxConcurrencyPerInstance": 1}


class BatchDeployments(DeploymentRoutes[BatchEndpoint, BatchDeployment]):
    """ARM routes for batch deployments of a model; deployments of pipeline components are not imitated."""

    delete_operation = "bd"

    def __init__(
        self,
        config: AzureMlConfig,
        endpoints: BatchEndpoints,
        references: References,
        requirements: Requirements,
        operations: Operations,
    ) -> None:
        super().__init__(config, endpoints, references, operations)
        self._requirements = requirements

    async def _put(self, request: web.Request) -> web.Response:
        endpoint, name, body = self._endpoints.find(request), request.match_info["name"], await read_json(request)
        existing = self._writable(endpoint, name)
        check_tags(body.get("tags") or {})
        properties = complete(name, body.get("properties") or {})
        self._check(name, properties)
        deployment = existing or self._create(endpoint, name, request)
        deployment.resource.top = {"location": body.get("location") or "local", "tags": body.get("tags") or {}}
        deployment.resource.properties = {**properties, "provisioningState": "Updating"}
        deployment.resource.system_data["lastModifiedAt"] = stamp()
        operation = self._operations.begin("bdbes", self._settle(deployment))
        return self._operations.accepted_write(
            operation, deployment.resource.json(), deployment.resource.id, created=existing is None
        )

    def _check(self, name: str, properties: Json) -> None:
        reference = (properties.get("model") or {}).get("assetId")
        if not reference:
            raise bad_request(f"deployment {name}: properties.model.assetId is missing; give a registered model's id")
        model = self._model(name, str(reference))
        if properties["codeConfiguration"] and not properties["environmentId"]:
            raise bad_request(f"deployment {name}: a scoring script needs an environment too; set environmentId")
        if needs_script(model) and not properties["codeConfiguration"]:
            raise bad_request(f"deployment {name}: a model that is no mlflow_model needs a codeConfiguration")
        self._requirements.of_batch_deployment(properties)

    def _create(self, endpoint: BatchEndpoint, name: str, request: web.Request) -> BatchDeployment:
        endpoint.deployments[name] = BatchDeployment(self._made(endpoint, name, request))
        return endpoint.deployments[name]

    async def _settle(self, deployment: BatchDeployment) -> None:
        await asyncio.sleep(self._config.updating_seconds)
        deployment.state = "Succeeded"

    def _check_unused(self, endpoint: BatchEndpoint, deployment: BatchDeployment) -> None:
        if endpoint.default == deployment.name:
            # From memory; not verified: the default can't be deleted, but status and text are ours.
            who = f"deployment {deployment.name} is the default of endpoint {endpoint.name}"
            raise bad_request(f"{who}; make another one the default first", "DeploymentIsDefault")

    async def _remove(self, endpoint: BatchEndpoint, deployment: BatchDeployment) -> None:
        await asyncio.sleep(self._config.updating_seconds)
        del endpoint.deployments[deployment.name]


def complete(name: str, given: Json) -> Json:
    """Return a deployment's properties with the service's defaults and spellings.

    Raises:
        ArmError: 400, one of them has a value that the service refuses.
    """
    properties = {**_DEFAULTS, **{key: value for key, value in given.items() if value is not None}}
    for key, allowed in _SPELLINGS.items():
        spelled = {value.lower(): value for value in allowed}
        if str(properties[key]).lower() not in spelled:
            raise bad_request(f"deployment {name}: {key} must be {' or '.join(allowed)}, not {properties[key]!r}")
        properties[key] = spelled[str(properties[key]).lower()]
    for key, lowest in _LOWEST.items():
        value = properties[key]
        if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
            raise bad_request(f"deployment {name}: {key} must be a whole number from {lowest}, not {value!r}")
    if properties["outputAction"] == "SummaryOnly":
        properties["outputFileName"] = None
    return properties
