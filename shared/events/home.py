"""Where we live: the workspace and its storage, by which events that name a place are told apart."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from shared.domain.fact import DataArrived, Fact, Ignored, PolicyStateChanged

DATASTORE = "azureml://datastores/workspaceblobstore/paths/"

_BLOB_ENDPOINT = re.compile(r"(?:^|;)BlobEndpoint=([^;]+)", re.IGNORECASE)
_ACCOUNT = re.compile(r"(?:^|;)AccountName=([^;]+)", re.IGNORECASE)
_SUFFIX = re.compile(r"(?:^|;)EndpointSuffix=([^;]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Home:
    """Args:
    workspace: the workspace's ARM id.
    container_url: address of the container behind its datastore `workspaceblobstore`.
    """

    workspace: str
    container_url: str

    def place(self, told: Fact | Ignored) -> Fact | Ignored:
        """Return the fact as it looks from here.

        A blob in our container gets the name that policies give it; a policy's verdict about a resource of another
        workspace is none of our business.
        """
        match told:
            case Fact(body=DataArrived(location=location) as body):
                return replace(told, body=replace(body, location=self._named(location)))
            case Fact(body=PolicyStateChanged(resource=resource)) if not self._is_ours(resource):
                reason = f"{resource} is neither our workspace nor in it"
                return Ignored(told.event_id, told.kind, reason, is_known=True)
        return told

    def _named(self, location: str) -> str:
        root = self.container_url.rstrip("/") + "/"
        return DATASTORE + location.removeprefix(root) if location.startswith(root) else location

    def _is_ours(self, resource: str) -> bool:
        workspace = self.workspace.rstrip("/").lower()
        return resource == workspace or resource.startswith(workspace + "/")


def container_url(storage: str, container: str) -> str:
    """Return the address of a container; `storage` is the blob service's URI or a connection string."""
    service = storage
    if found := _BLOB_ENDPOINT.search(storage):
        service = found[1]
    elif found := _ACCOUNT.search(storage):
        suffix = _SUFFIX.search(storage)
        service = f"https://{found[1]}.blob.{suffix[1] if suffix else 'core.windows.net'}"
    scheme, _, rest = service.rstrip("/").partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.lower()}://{host.lower()}{slash}{path}/{container}"
