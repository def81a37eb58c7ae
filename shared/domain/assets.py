"""How Azure ML's assets, and places in the workspace's own datastore, are written."""

from __future__ import annotations

# The default datastore of every workspace, which has this name everywhere.
DATASTORE = "azureml://datastores/workspaceblobstore/paths/"
_STORE, _PATHS, _ = DATASTORE.rpartition("/paths/")


def datastore_uri(path: str) -> str:
    """Return the URI of a file or a folder in the workspace's own datastore."""
    return DATASTORE + path


def datastore_path(uri: str) -> str | None:
    """Return the path in the workspace's own datastore, "" for all of it; None when the URI names another place.

    Args:
        uri: in the short form, or with the workspace written out, as the studio and the service's answers show it.
    """
    store, separator, path = uri.partition(_PATHS)
    is_long = store.startswith("azureml://") and store.endswith(_STORE.removeprefix("azureml:/"))
    return path if separator and (store == _STORE or is_long) else None


def asset_reference(name: str, version: str) -> str:
    """Return how one version of an asset is referred to: azureml:NAME:VERSION."""
    return f"azureml:{name}:{version}"


def split_reference(reference: str) -> tuple[str, str | None]:
    """Return (name, version) of "azureml:NAME:VERSION" or an ARM id, and no version for "azureml:NAME@latest"."""
    if "/versions/" in reference:
        path, version = reference.rsplit("/versions/", 1)
        return path.rsplit("/", 1)[-1], version
    name = reference.removeprefix("azureml:")
    if name.endswith("@latest"):
        return name.removesuffix("@latest"), None
    name, _, version = name.partition(":")
    return name, version


def pinned(path: str) -> str:
    """Return an asset's ARM id or short form as "azureml:NAME:VERSION", and the URI of a place as it is."""
    if "/versions/" not in path:
        # The inputs of a pipeline keep the short form without its scheme.
        is_bare = path.count(":") == 1 and "/" not in path and not path.startswith("azureml:")
        return f"azureml:{path}" if is_bare else path
    name, version = split_reference(path)
    return asset_reference(name, version or "")
