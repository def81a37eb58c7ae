"""What a job, model or deployment points to, and where in storage that is."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from local.addresses import ACCOUNT
from local.azureml.base.arm import Resource, bad_request, not_found
from local.azureml.base.assets import Assets, curated_environment
from local.azureml.base.blobs import BlobPath, in_workspace

_DATASTORE = re.compile(
    r"^azureml://(?:subscriptions/.+/workspaces/[^/]+/)?datastores/(?P<store>[^/]+)/paths/(?P<path>.*)$"
)
_JOB_OUTPUT = re.compile(
    r"^azureml://(?:subscriptions/.+/workspaces/[^/]+/)?jobs/(?P<job>[^/]+)/outputs/(?P<output>[^/]+)(?:/paths)?/?(?P<path>.*)$"
)
_ARM = re.compile(r"/(?P<kind>environments|data|codes|components|models)/(?P<name>[^/]+)/versions/(?P<version>[^/]+)$")
_ARM_LABEL = re.compile(
    r"/(?P<kind>environments|data|codes|components|models)/(?P<name>[^/]+)/labels/(?:latest|default)$"
)
_REGISTRY = re.compile(
    r"^(?:azureml:)?//registries/(?P<registry>[^/]+)/(?P<kind>\w+)/(?P<name>[^/]+)/(?:versions|labels)/(?P<version>[^/]+)$"
)
_SHORT = re.compile(r"^(?P<name>[\w.-]+)(?::(?P<version>[\w.-]+)|@(?:latest|default))$")
_LOCATION = {"data": "dataUri", "models": "modelUri", "codes": "codeUri"}
DATASTORE = "workspaceblobstore"
OWN = (DATASTORE, "workspaceartifactstore")  # the second is where logs are


class References:
    """Resolves references against the workspace's assets."""

    def __init__(self, assets: Assets) -> None:
        self._assets = assets

    def asset(self, reference: str, kind: str) -> Resource:
        """Return the version behind an ARM id, `azureml:name:version` or `azureml:name@latest`.

        Raises:
            ArmError: 404 when it isn't registered, 400 when the reference has another form.
        """
        if match := _REGISTRY.match(reference):
            if (match["registry"], match["kind"]) != ("azureml", "environments"):
                raise not_found("Registry", reference)
            return curated_environment(match["name"], match["version"])
        text = reference.removeprefix("azureml:")
        if match := _ARM.search(text):
            return self._assets.get(match["kind"], match["name"], match["version"])
        if match := _ARM_LABEL.search(text):
            return self._assets.latest(match["kind"], match["name"])
        if match := _SHORT.match(text):
            if match["version"] is None:
                return self._assets.latest(kind, match["name"])
            return self._assets.get(kind, match["name"], match["version"])
        raise bad_request(f"{reference!r} is no asset; write azureml:NAME:VERSION, azureml:NAME@latest or an ARM id")

    def blob(self, reference: str, kind: str = "data") -> BlobPath:
        """Return where the data of a reference is; `kind` is what a short asset name means.

        Raises:
            ArmError: 404, there is no such asset; 400, its data is not in the workspace's storage.
        """
        if match := _DATASTORE.match(reference):
            if match["store"] not in OWN:
                raise bad_request(
                    f"{reference!r}: datastore {match['store']!r} does not exist; the only one is {DATASTORE}"
                )
            return in_workspace(match["path"])
        if match := _JOB_OUTPUT.match(reference):
            return in_workspace(f"azureml/{match['job']}/{match['output']}/{match['path']}")
        if reference.startswith(("http://", "https://")):
            return _blob_of_url(reference)
        asset = self.asset(reference, kind)
        kind_of_id = asset.type.split("/", 1)[0]
        if kind_of_id not in _LOCATION:
            raise bad_request(f"{reference!r} is one of the {kind_of_id}, which hold no files")
        return self.blob(asset.properties[_LOCATION[kind_of_id]], kind)


def _blob_of_url(url: str) -> BlobPath:
    parts = urlsplit(url).path.strip("/").split("/", 2)
    if len(parts) < 2 or parts[0] != ACCOUNT:
        raise bad_request(f"{url!r} is not in the workspace's storage account {ACCOUNT}")
    return BlobPath(parts[1], parts[2].strip("/") if len(parts) > 2 else "")
