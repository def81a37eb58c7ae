"""Files in the workspace's own blob container, by the paths that Azure ML gives them."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from local.addresses import WORKSPACE_CONTAINER, Addresses

if TYPE_CHECKING:
    import pandas as pd
    from azure.storage.blob import ContainerClient

DATASTORE = "azureml://datastores/workspaceblobstore/paths/"


class WorkspaceFiles:
    """Uploads to the container behind datastore workspaceblobstore, which must exist or may be created."""

    def __init__(self, connection_string: str, container: str = WORKSPACE_CONTAINER) -> None:
        self._connection_string = connection_string
        self._name = container

    @classmethod
    def at(cls, addresses: Addresses) -> WorkspaceFiles:
        return cls(addresses.storage_connection_string)

    def upload_frame(self, frame: pd.DataFrame, path: str) -> str:
        """Write the rows as one parquet file at `path`, replacing what was there; return its azureml:// URI."""
        buffer = io.BytesIO()
        frame.to_parquet(buffer, index=False)
        with self._container() as container:
            container.upload_blob(path, buffer.getvalue(), overwrite=True)
        return DATASTORE + path

    def upload_folder(self, folder: Path, path: str) -> str:
        """Upload every file below `folder` to below `path`; return the azureml:// URI of the latter."""
        with self._container() as container:
            for file in sorted(folder.rglob("*")):
                if file.is_file() and "__pycache__" not in file.parts:
                    name = f"{path}/{file.relative_to(folder).as_posix()}"
                    container.upload_blob(name, file.read_bytes(), overwrite=True)
        return DATASTORE + path

    def download_folder(self, uri: str, folder: Path) -> None:
        """Write every file below `uri` (azureml://…/paths/…) to the same place below `folder`."""
        path = uri.partition("/paths/")[2].rstrip("/") + "/"
        with self._container() as container:
            for name in container.list_blob_names(name_starts_with=path):
                target = folder / name.removeprefix(path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(container.download_blob(name).readall())

    def _container(self) -> ContainerClient:
        from azure.core.exceptions import ResourceExistsError
        from azure.storage.blob import ContainerClient

        container = ContainerClient.from_connection_string(self._connection_string, self._name)
        with suppress(ResourceExistsError):
            container.create_container()
        return container
