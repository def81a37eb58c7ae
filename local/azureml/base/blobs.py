"""The workspace's storage account: folders and files in Azurite, for jobs, models and collected data."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from azure.storage.blob.aio import BlobServiceClient

from local.addresses import ACCOUNT, WORKSPACE_CONTAINER, Addresses


@dataclass(frozen=True)
class BlobPath:
    """A blob, or the prefix of a folder of blobs; `path` has no leading or trailing slash."""

    container: str
    path: str

    def __truediv__(self, name: str) -> BlobPath:
        return BlobPath(self.container, f"{self.path}/{name}".strip("/"))

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


def in_workspace(path: str) -> BlobPath:
    """A path in the container behind datastore `workspaceblobstore`."""
    return BlobPath(WORKSPACE_CONTAINER, path.strip("/"))


class BlobsMissingError(Exception):
    """Nothing is stored where something was expected; the text names the place."""


class Blobs:
    """Downloads and uploads. One HTTP session for all."""

    def __init__(self, addresses: Addresses) -> None:
        self._connection_string = addresses.storage_connection_string
        self._account_url = f"{addresses.url('blob')}/{ACCOUNT}"
        self._service: BlobServiceClient | None = None

    async def start(self) -> None:
        """Connect, and create the workspace's container."""
        self._service = BlobServiceClient.from_connection_string(self._connection_string)
        await self.create_container(WORKSPACE_CONTAINER)

    async def stop(self) -> None:
        if self._service is not None:
            await self._service.close()
            self._service = None

    def url(self, where: BlobPath) -> str:
        return f"{self._account_url}/{where.container}/{where.path}".rstrip("/")

    async def create_container(self, name: str) -> None:
        try:
            await self._connected.create_container(name)
        except ResourceExistsError:
            return

    async def download(self, source: BlobPath, folder: Path) -> Path:
        """Copy a blob into `folder`, or all blobs below a prefix; return the file or the folder.

        Raises:
            BlobsMissingError: there is neither.
        """
        folder.mkdir(parents=True, exist_ok=True)
        container = self._connected.get_container_client(source.container)
        # With the slash: the folder `models/a` does not contain `models/ab`.
        below = f"{source.path}/" if source.path else ""
        is_empty = True
        try:
            async for blob in container.list_blobs(name_starts_with=source.path or None):
                if blob.name == source.path:
                    target = folder / source.name
                    await _save(target, await (await container.download_blob(blob.name)).readall())
                    return target
                if blob.name.startswith(below):
                    target = folder / blob.name.removeprefix(below)
                    await _save(target, await (await container.download_blob(blob.name)).readall())
                    is_empty = False
        except ResourceNotFoundError as exc:
            raise BlobsMissingError(f"container {source.container} does not exist") from exc
        if is_empty:
            raise BlobsMissingError(f"nothing is stored at {source.path!r} in container {source.container}")
        return folder

    async def exists(self, where: BlobPath) -> bool:
        return await self._connected.get_blob_client(where.container, where.path).exists()

    async def upload(self, source: Path, target: BlobPath) -> None:
        """Copy a file to a blob, or a folder's files below a prefix; what was there is overwritten."""
        if source.is_file():
            await self.write(target, await asyncio.to_thread(source.read_bytes))
            return
        for path in sorted(source.rglob("*")):
            if path.is_file():
                content = await asyncio.to_thread(path.read_bytes)
                await self.write(target / path.relative_to(source).as_posix(), content)

    async def write(self, target: BlobPath, data: bytes) -> None:
        client = self._connected.get_blob_client(target.container, target.path)
        await client.upload_blob(data, overwrite=True)

    async def append(self, target: BlobPath, data: bytes) -> None:
        """Add to the end of an append blob, which is created when missing."""
        client = self._connected.get_blob_client(target.container, target.path)
        try:
            await client.append_block(data)
        except ResourceNotFoundError:
            await client.create_append_blob()
            await client.append_block(data)

    @property
    def _connected(self) -> BlobServiceClient:
        if self._service is None:
            raise RuntimeError("Blobs.start() was not awaited")
        return self._service


async def _save(target: Path, content: bytes) -> None:
    """Write a file off the event loop: large ones would hold up the requests that are being scored."""
    target.parent.mkdir(parents=True, exist_ok=True)
    await asyncio.to_thread(target.write_bytes, content)
