"""The workspace itself, its diagnosis, and the SAS addresses that code is uploaded to."""

from __future__ import annotations

import uuid
from datetime import timedelta

from aiohttp import web
from azure.storage.blob import ContainerSasPermissions, generate_container_sas

from local.addresses import (
    ACCOUNT,
    ACCOUNT_KEY,
    RESOURCE_GROUP,
    SUBSCRIPTION_ID,
    WORKSPACE,
    WORKSPACE_ID,
    Addresses,
)
from local.azureml.base.arm import PREFIX, PROVIDER, Json, in_any_case, now, page, resource
from local.azureml.base.blobs import BlobPath, Blobs

_BY = {"createdBy": "local-user", "createdByType": "User"}
_STORAGE_ID = (
    f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{RESOURCE_GROUP}/providers/Microsoft.Storage"
    f"/storageAccounts/{ACCOUNT}"
)
_ALL = in_any_case(f"/subscriptions/{SUBSCRIPTION_ID}/providers/{PROVIDER}/workspaces")
_FINDINGS = (
    "userDefinedRoute",
    "networkSecurityRule",
    "resourceLock",
    "dnsResolution",
    "storageAccount",
    "keyVault",
    "containerRegistry",
    "applicationInsights",
    "other",
)


class Workspace:
    """ARM routes for the one workspace, and where its data plane is."""

    def __init__(self, addresses: Addresses, blobs: Blobs) -> None:
        self._addresses = addresses
        self._blobs = blobs

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(PREFIX, self._get),
            web.get(PREFIX.rsplit("/", 1)[0], self._list),
            web.get(_ALL, self._list),
            web.post(PREFIX + "/diagnose", self._diagnose),
            web.get("/discovery", self._discovery),
            web.post(PREFIX + "/codes/{name}/versions/{version}/startPendingUpload", self._start_upload),
        ]

    async def _get(self, _: web.Request) -> web.Response:
        return web.json_response(self._json())

    async def _list(self, _: web.Request) -> web.Response:
        return page([self._json()])

    async def _diagnose(self, _: web.Request) -> web.Response:
        """Nothing is ever wrong with it: each list of findings is empty."""
        return web.json_response({"value": {f"{kind}Results": [] for kind in _FINDINGS}})

    def _json(self) -> Json:
        return {
            "id": WORKSPACE_ID,
            "name": WORKSPACE,
            "type": f"{PROVIDER}/workspaces",
            "location": "local",
            "kind": "Default",
            "sku": {"name": "Basic", "tier": "Basic"},
            "tags": {},
            "identity": {
                "type": "SystemAssigned",
                "principalId": str(uuid.uuid5(uuid.NAMESPACE_URL, WORKSPACE_ID)),
            },
            "systemData": resource("", "", {}, _BY).system_data,
            "properties": {
                "friendlyName": WORKSPACE,
                "workspaceId": str(uuid.uuid5(uuid.NAMESPACE_URL, WORKSPACE_ID)),
                "storageAccount": _STORAGE_ID,
                "discoveryUrl": f"{self._addresses.url('azureml')}/discovery",
                "mlFlowTrackingUri": f"azureml://127.0.0.1:{self._addresses.azureml}/mlflow/v1.0{WORKSPACE_ID}",
                "publicNetworkAccess": "Enabled",
                "provisioningState": "Succeeded",
            },
        }

    async def _discovery(self, _: web.Request) -> web.Response:
        """Where the workspace's data plane is. The SDK asks before it lists the jobs of a batch endpoint."""
        return web.json_response({"api": self._addresses.url("azureml")})

    async def _start_upload(self, _: web.Request) -> web.Response:
        """Make a container for one upload, and a SAS for it: the service does the same per snapshot of code."""
        container = f"code-{uuid.uuid4()}"
        await self._blobs.create_container(container)
        sas = generate_container_sas(
            ACCOUNT,
            container,
            account_key=ACCOUNT_KEY,
            permission=ContainerSasPermissions(read=True, add=True, create=True, write=True, list=True),
            expiry=now() + timedelta(hours=8),
        )
        url = self._blobs.url(BlobPath(container, ""))
        return web.json_response(
            {
                "pendingUploadId": str(uuid.uuid4()),
                "pendingUploadType": "TemporaryBlobReference",
                "blobReferenceForConsumption": {
                    "blobUri": url,
                    "storageAccountArmId": _STORAGE_ID,
                    "credential": {"credentialType": "SAS", "sasUri": f"{url}?{sas}"},
                },
            }
        )
