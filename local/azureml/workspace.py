"""The workspace itself, its datastore, its schedules, and the SAS addresses that code is uploaded to."""

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
    WORKSPACE_CONTAINER,
    WORKSPACE_ID,
    Addresses,
)
from local.azureml.arm import PREFIX, PROVIDER, Json, Resource, caller, not_found, now, page, read_json, resource
from local.azureml.blobs import BlobPath, Blobs
from local.azureml.references import DATASTORE

_BY = {"createdBy": "local-user", "createdByType": "User"}
_STORAGE_ID = (
    f"/subscriptions/{SUBSCRIPTION_ID}/resourceGroups/{RESOURCE_GROUP}/providers/Microsoft.Storage"
    f"/storageAccounts/{ACCOUNT}"
)


class Workspace:
    """GET of the workspace and its one datastore; schedules are stored but never fire."""

    def __init__(self, addresses: Addresses, blobs: Blobs) -> None:
        self._addresses = addresses
        self._blobs = blobs
        self._schedules: dict[str, Resource] = {}
        self._datastore = resource(
            f"datastores/{DATASTORE}",
            "datastores",
            {
                "datastoreType": "AzureBlob",
                "accountName": ACCOUNT,
                "containerName": WORKSPACE_CONTAINER,
                "endpoint": addresses.url("blob").removeprefix("http://"),
                "protocol": "http",
                "isDefault": True,
                "credentials": {"credentialsType": "AccountKey"},
                "tags": {},
                "properties": {},
            },
            _BY,
        )

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(PREFIX, self._get),
            web.get("/discovery", self._discovery),
            web.get(PREFIX + "/datastores", self._list_datastores),
            web.get(PREFIX + "/datastores/{name}", self._get_datastore),
            web.post(PREFIX + "/datastores/{name}/listSecrets", self._secrets),
            web.post(PREFIX + "/codes/{name}/versions/{version}/startPendingUpload", self._start_upload),
            web.get(PREFIX + "/schedules", self._list_schedules),
            web.get(PREFIX + "/schedules/{name}", self._get_schedule),
            web.put(PREFIX + "/schedules/{name}", self._put_schedule),
        ]

    async def _get(self, _: web.Request) -> web.Response:
        return web.json_response(
            {
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
                "systemData": self._datastore.system_data,
                "properties": {
                    "friendlyName": WORKSPACE,
                    "workspaceId": str(uuid.uuid5(uuid.NAMESPACE_URL, PREFIX)),
                    "storageAccount": _STORAGE_ID,
                    "discoveryUrl": f"{self._addresses.url('azureml')}/discovery",
                    "mlFlowTrackingUri": f"azureml://127.0.0.1:{self._addresses.azureml}/mlflow/v1.0{PREFIX}",
                    "publicNetworkAccess": "Enabled",
                    "provisioningState": "Succeeded",
                },
            }
        )

    async def _discovery(self, _: web.Request) -> web.Response:
        """Where the workspace's data plane is. The SDK asks before it lists the jobs of a batch endpoint."""
        return web.json_response({"api": self._addresses.url("azureml")})

    async def _list_datastores(self, _: web.Request) -> web.Response:
        return page([self._datastore.json()])

    def _require_datastore(self, request: web.Request) -> None:
        if request.match_info["name"] != DATASTORE:
            raise not_found("Datastore", f"datastores/{request.match_info['name']}")

    async def _get_datastore(self, request: web.Request) -> web.Response:
        self._require_datastore(request)
        return web.json_response(self._datastore.json())

    async def _secrets(self, request: web.Request) -> web.Response:
        self._require_datastore(request)
        return web.json_response({"secretsType": "AccountKey", "key": ACCOUNT_KEY})

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

    async def _list_schedules(self, request: web.Request) -> web.Response:
        view = request.query.get("listViewType", "EnabledOnly")
        return page(
            [
                each.json()
                for each in self._schedules.values()
                if view == "All" or bool(each.properties.get("isEnabled", True)) == (view == "EnabledOnly")
            ]
        )

    async def _get_schedule(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in self._schedules:
            raise not_found("Schedule", f"schedules/{name}")
        return web.json_response(self._schedules[name].json())

    async def _put_schedule(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        properties: Json = (await read_json(request)).get("properties") or {}
        is_new = name not in self._schedules
        made = resource(
            f"schedules/{name}", "schedules", {**properties, "provisioningState": "Succeeded"}, caller(request)
        )
        self._schedules[name] = made
        return web.json_response(made.json(), status=201 if is_new else 200)
