"""Versioned assets: environments, data, codes, components and models, each a container of versions."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from local.addresses import WORKSPACE_ID
from local.azureml.base import component_spec
from local.azureml.base.arm import (
    PREFIX,
    Json,
    Resource,
    bad_request,
    caller,
    not_found,
    page,
    read_json,
    resource,
    stamp,
)

# The member that may not change once a version exists. None: nothing but tags and the like may change.
_LOCATION = {
    "environments": "image",
    "data": "dataUri",
    "codes": "codeUri",
    "components": "componentSpec",
    "models": "modelUri",
}
_SINGULAR = {
    "environments": "Environment",
    "data": "Data",
    "codes": "Code",
    "components": "Component",
    "models": "Model",
}
# Source: https://learn.microsoft.com/azure/machine-learning/how-to-manage-models, from memory; not verified.
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$")


@dataclass
class Container:
    """All versions of one asset, oldest first."""

    resource: Resource
    versions: dict[str, Resource] = field(default_factory=dict)

    def latest(self) -> Resource | None:
        active = [version for version in self.versions.values() if not version.properties.get("isArchived")]
        return active[-1] if active else None

    def next_version(self) -> str:
        if self.resource.type == "components" and self.versions:
            return component_spec.next_version()
        return str(max((int(version) for version in self.versions if version.isdigit()), default=0) + 1)

    def json(self) -> Json:
        latest = self.latest()
        body = self.resource.json()
        body["properties"] = {
            **self.resource.properties,
            "latestVersion": None if latest is None else latest.name,
            "nextVersion": self.next_version(),
        }
        return body


class Assets:
    """The store of one workspace's assets and its ARM routes. `on_model` is called for each new model version."""

    def __init__(self, on_model: Callable[[str, str, Resource], None]) -> None:
        self.kinds: dict[str, dict[str, Container]] = {kind: {} for kind in _LOCATION}
        self._on_model = on_model

    def routes(self) -> list[web.RouteDef]:
        base = PREFIX + "/{kind:environments|data|codes|components|models}"
        return [
            web.get(base, self._list_containers),
            web.get(base + "/{name}", self._get_container),
            web.put(base + "/{name}", self._put_container),
            web.get(base + "/{name}/versions", self._list_versions),
            web.get(base + "/{name}/versions/{version}", self._get_version),
            web.put(base + "/{name}/versions/{version}", self._put_version),
        ]

    def container(self, kind: str, name: str) -> Container:
        """Return all versions of a name.

        Raises:
            ArmError: 404, the name is unknown.
        """
        if name not in self.kinds[kind]:
            raise not_found(_SINGULAR[kind], f"{kind}/{name}")
        return self.kinds[kind][name]

    def get(self, kind: str, name: str, version: str) -> Resource:
        """Return one version.

        Raises:
            ArmError: 404, the name or version is unknown.
        """
        if kind == "components" and version == component_spec.DEFAULT_VERSION:
            return self.latest(kind, name)
        if is_curated(kind, name, version):
            return curated_environment(name, version)
        versions = self.container(kind, name).versions
        if version not in versions:
            raise not_found(_SINGULAR[kind], f"{kind}/{name}/versions/{version}")
        return versions[version]

    def latest(self, kind: str, name: str) -> Resource:
        if is_curated(kind, name, "latest"):
            return curated_environment(name, "latest")
        latest = self.container(kind, name).latest()
        if latest is None:
            raise not_found(_SINGULAR[kind], f"{kind}/{name} has no version")
        return latest

    def next_version(self, kind: str, name: str) -> str:
        container = self.kinds[kind].get(name)
        return "1" if container is None else container.next_version()

    def put(self, kind: str, name: str, version: str, properties: Json, by: Json) -> tuple[Resource, bool]:
        """Create or update a version; return it and whether it is new.

        Raises:
            ArmError: 400, a name that the service refuses, or another location: that can't change.
        """
        if not (_NAME.match(name) and _NAME.match(version)):
            text = f"{kind}/{name}/versions/{version}: a name has up to 255 letters, digits, '-', '_' and '.'"
            raise bad_request(f"{text}, and begins with a letter or digit", "InvalidAssetName")
        if kind == "models":
            properties = {**properties, "flavors": properties.get("flavors") or {}}
        if kind == "components":
            given = properties.get("componentSpec") or {}
            if name == component_spec.ANONYMOUS:
                version = component_spec.version_of(given)
            spec = component_spec.completed(given, version)
            properties = {**properties, "componentSpec": spec}
        if kind == "data" and properties.get("dataType") in ("uri_folder", "mltable"):
            # The service ends the place of a folder so, whatever it was sent.
            properties = {**properties, "dataUri": str(properties.get("dataUri")).rstrip("/") + "/"}
        container = self.kinds[kind].get(name)
        if container is None:
            top: Json = {"isArchived": False, "tags": {}, "properties": {}}
            if kind == "data":
                top["dataType"] = properties.get("dataType")
            container = Container(resource(f"{kind}/{name}", kind, top, by))
            self.kinds[kind][name] = container
        existing = container.versions.get(version)
        if existing is None:
            made = resource(f"{kind}/{name}/versions/{version}", f"{kind}/versions", properties, by)
            made.properties.setdefault("isArchived", False)
            container.versions[version] = made
            if kind == "models":
                self._on_model(name, version, made)
            return made, True
        self._update(kind, existing, properties, by)
        return existing, False

    def _update(self, kind: str, existing: Resource, properties: Json, by: Json) -> None:
        member = _LOCATION[kind]
        previous, updated = existing.properties.get(member), properties.get(member)
        if kind == "components":
            previous, updated = component_spec.fixed_part(previous or {}), component_spec.fixed_part(updated or {})
        if previous != updated:
            raise bad_request(
                f"Asset paths cannot be updated. {kind}/…/{existing.name}: {member} can't be changed; register "
                f"a new version instead. It is {previous!r}, the request says {updated!r}.",
                "AssetPathChanged" if kind != "components" else "ComponentImmutable",
            )
        # A registered model keeps the job that made it, whatever a later update leaves out.
        fixed = {key: existing.properties[key] for key in ("jobName",) if existing.properties.get(key)}
        existing.properties = {**properties, **fixed}
        existing.properties.setdefault("isArchived", False)
        existing.system_data["lastModifiedAt"] = stamp()
        existing.system_data["lastModifiedBy"] = by["createdBy"]

    async def _list_containers(self, request: web.Request) -> web.Response:
        containers = self.kinds[request.match_info["kind"]].values()
        return page([container.json() for container in containers if _is_shown(container.resource, request)])

    async def _get_container(self, request: web.Request) -> web.Response:
        return web.json_response(self.container(request.match_info["kind"], request.match_info["name"]).json())

    async def _put_container(self, request: web.Request) -> web.Response:
        container = self.container(request.match_info["kind"], request.match_info["name"])
        container.resource.properties = (await read_json(request)).get("properties", {})
        return web.json_response(container.json())

    async def _list_versions(self, request: web.Request) -> web.Response:
        kind, name = request.match_info["kind"], request.match_info["name"]
        if kind == "codes" and "hash" in request.query:
            return page(self._codes_with_hash(request.query["hash"]))
        versions = [version for version in self.container(kind, name).versions.values() if _is_shown(version, request)]
        if "desc" in request.query.get("$orderBy", request.query.get("orderBy", "desc")):
            versions.reverse()
        if "$top" in request.query:
            versions = versions[: int(request.query["$top"])]
        return page([version.json() for version in versions])

    def _codes_with_hash(self, content_hash: str) -> list[Json]:
        """Code of this content, whatever its name: the SDK asks under a new name before it uploads a folder."""
        return [
            version.json()
            for container in self.kinds["codes"].values()
            for version in container.versions.values()
            if (version.properties.get("properties") or {}).get("hash_sha256") == content_hash
        ]

    async def _get_version(self, request: web.Request) -> web.Response:
        info = request.match_info
        asset = self.get(info["kind"], info["name"], info["version"]).json()
        if info["version"] == component_spec.DEFAULT_VERSION:
            asset["id"] = f"{WORKSPACE_ID}/components/{info['name']}/labels/default"
        return web.json_response(asset)

    async def _put_version(self, request: web.Request) -> web.Response:
        info = request.match_info
        body = await read_json(request)
        if not isinstance(body.get("properties"), dict):
            raise bad_request(f"PUT {request.path}: the body has no object `properties`")
        made, is_new = self.put(info["kind"], info["name"], info["version"], body["properties"], caller(request))
        return web.json_response(made.json(), status=201 if is_new else 200)


def is_curated(kind: str, name: str, version: str) -> bool:
    """Return whether this is one of Azure ML's own environments; any `AzureML-` name of a plausible version is."""
    return kind == "environments" and name.startswith("AzureML-") and (version.isdigit() or version == "latest")


def curated_environment(name: str, version: str) -> Resource:
    """Return an environment of the registry `azureml`, which every workspace sees."""
    image = f"mcr.microsoft.com/azureml/curated/{name.removeprefix('AzureML-')}:{version}"
    by = {"createdBy": "Microsoft", "createdByType": "User"}
    properties: Json = {"image": image, "isArchived": False, "tags": {}, "properties": {}}
    return resource(f"environments/{name}/versions/{version}", "environments/versions", properties, by)


def _is_shown(asset: Resource, request: web.Request) -> bool:
    view = request.query.get("listViewType", "ActiveOnly")
    is_archived = bool(asset.properties.get("isArchived"))
    stage = request.query.get("stage")
    if stage and asset.properties.get("stage") != stage:
        return False
    return view == "All" or is_archived == (view == "ArchivedOnly")
