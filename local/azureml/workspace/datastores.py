"""Datastores: the workspace's own, and those that are registered beside it. Nothing but its own is ever read."""

from __future__ import annotations

from aiohttp import web

from local.addresses import ACCOUNT, ACCOUNT_KEY, WORKSPACE_CONTAINER, Addresses
from local.azureml.base.arm import PREFIX, Json, Resource, bad_request, caller, find_named, page, read_json, resource
from local.azureml.base.references import DATASTORE, OWN

_BY = {"createdBy": "local-user", "createdByType": "User"}


class Datastores:
    """ARM routes for datastores. What reads show of credentials is their kind; the secrets are kept apart."""

    def __init__(self, addresses: Addresses) -> None:
        self.datastores = {name: _own(name, addresses) for name in OWN}
        self.secrets: dict[str, Json] = {name: {"secretsType": "AccountKey", "key": ACCOUNT_KEY} for name in OWN}

    def routes(self) -> list[web.RouteDef]:
        one = PREFIX + "/datastores/{name}"
        return [
            web.get(PREFIX + "/datastores", self._list),
            web.get(one, self._get),
            web.put(one, self._put),
            web.delete(one, self._delete),
            web.post(one + "/listSecrets", self._list_secrets),
        ]

    def _find(self, request: web.Request) -> Resource:
        return find_named(self.datastores, request, "Datastore")

    async def _list(self, request: web.Request) -> web.Response:
        only = request.query.get("isDefault", "").lower() == "true"
        shown = [datastore for datastore in self.datastores.values() if datastore.properties["isDefault"] or not only]
        return page([datastore.json() for datastore in shown])

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._find(request).json())

    async def _put(self, request: web.Request) -> web.Response:
        name, properties = request.match_info["name"], (await read_json(request)).get("properties") or {}
        if "datastoreType" not in properties:
            raise bad_request(f"datastore {name}: properties.datastoreType is missing")
        credentials = properties.get("credentials") or {"credentialsType": "None"}
        self.secrets[name] = credentials.get("secrets") or {}
        shown = {key: value for key, value in credentials.items() if key != "secrets"}
        made = resource(
            f"datastores/{name}",
            "datastores",
            {"isDefault": False, "tags": {}, "properties": {}, **properties, "credentials": shown},
            caller(request),
        )
        is_new = name not in self.datastores
        self.datastores[name] = made
        return web.json_response(made.json(), status=201 if is_new else 200)

    async def _delete(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name in OWN:
            raise bad_request(f"{name} is the workspace's own datastore, which can't be deleted.")
        return web.Response(status=204 if self.datastores.pop(name, None) is None else 200)

    async def _list_secrets(self, request: web.Request) -> web.Response:
        return web.json_response(self.secrets[self._find(request).name])


def _own(name: str, addresses: Addresses) -> Resource:
    """Return one of the workspace's own; both are the same container here."""
    properties = {
        "datastoreType": "AzureBlob",
        "accountName": ACCOUNT,
        "containerName": WORKSPACE_CONTAINER,
        "endpoint": addresses.url("blob").removeprefix("http://"),
        "protocol": "http",
        "isDefault": name == DATASTORE,
        "credentials": {"credentialsType": "AccountKey"},
        "tags": {},
        "properties": {},
    }
    return resource(f"datastores/{name}", "datastores", properties, _BY)
