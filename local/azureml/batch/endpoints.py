"""Batch endpoints over ARM: create, set the default deployment, delete.

Shapes and operations: recorded from the service (azure-sdk-for-python, tests/recordings/batch_services).
"""

from __future__ import annotations

import asyncio

from local.azureml.base.arm import Json, Resource, bad_request
from local.azureml.batch.endpoint import BatchEndpoint, check_tags
from local.azureml.endpoints.routes import EndpointRoutes


class BatchEndpoints(EndpointRoutes[BatchEndpoint]):
    """ARM routes for batch endpoints. `writes` records each accepted default deployment, in order."""

    kind = "Batch"
    write_operation = "bebes"
    delete_operation = "be"

    def _check(self, body: Json, existing: BatchEndpoint | None) -> None:
        check_tags(body.get("tags") or {})
        properties: Json = dict(body.get("properties") or {})
        mode, default = str(properties.get("authMode", "AADToken")), _default_of(properties)
        if mode.lower() != "aadtoken":
            raise bad_request(f"authMode must be AADToken for a batch endpoint, not {mode!r}")
        if default and (existing is None or default not in existing.deployments):
            # From memory; not verified: that the service checks it, and its text.
            text = f"the default deployment {default!r} does not exist; create it first"
            raise bad_request(text, "DeploymentNotFound")

    def _new(self, made: Resource) -> BatchEndpoint:
        return BatchEndpoint(made)

    def _write(self, endpoint: BatchEndpoint, body: Json) -> Json:
        previous, properties = endpoint.resource.properties, body.get("properties") or {}
        default = _default_of(properties)
        endpoint.resource.top = {"location": body.get("location") or "local", "tags": body.get("tags") or {}}
        endpoint.resource.properties = {
            "description": properties.get("description"),
            # Properties can be added, not removed. Source: the SDK's EndpointPropertiesBase.
            "properties": {**(previous.get("properties") or {}), **(properties.get("properties") or {})},
            "scoringUri": previous.get("scoringUri"),
            "swaggerUri": None,
            "authMode": "AADToken",
            "defaults": {"deploymentName": default},
        }
        return {"default": default}

    async def _settle(self, endpoint: BatchEndpoint) -> None:
        await super()._settle(endpoint)
        endpoint.resource.properties["scoringUri"] = (
            f"{self._config.addresses.url('azureml')}/batch/{endpoint.name}/jobs"
        )

    async def _remove(self, endpoint: BatchEndpoint) -> None:
        """Jobs stay. Source: how-to-mlflow-batch, "Clean up"."""
        await asyncio.sleep(self._config.updating_seconds)
        del self._endpoints[endpoint.name]


def _default_of(properties: Json) -> str | None:
    default = (properties.get("defaults") or {}).get("deploymentName")
    return str(default) if default else None
