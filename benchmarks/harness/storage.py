"""Storage to measure against: Azurite, started for one benchmark, and the plain SDK as the floor."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.harness.spec import BenchmarkError
from local.addresses import WORKSPACE_CONTAINER, Addresses
from local.errors import LocalSystemError
from local.storage import Azurite
from shared.settings import Settings

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient


@contextmanager
def azurite_settings(**more: str) -> Iterator[Settings]:
    """Start Azurite in memory, and yield settings whose storage it is.

    Raises:
        BenchmarkError: Azurite is not installed or did not start.
    """
    addresses = Addresses.free()
    azurite = Azurite(addresses)
    try:
        azurite.start()
    except LocalSystemError as exc:
        raise BenchmarkError(str(exc)) from exc
    try:
        yield settings_on(addresses, **more)
    finally:
        azurite.stop()


def settings_on(addresses: Addresses, **more: str) -> Settings:
    """Return settings of an app whose storage is at `addresses`; nothing else that they name exists."""
    storage = addresses.storage_connection_string
    return Settings.read(
        {
            "AzureWebJobsStorage": storage,
            "VIGIA_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000001",
            "VIGIA_RESOURCE_GROUP": "rg-local",
            "VIGIA_WORKSPACE": "ws-local",
            "VIGIA_WORKSPACE_STORAGE": storage,
            "VIGIA_WORKSPACE_CONTAINER": WORKSPACE_CONTAINER,
            "VIGIA_TOPIC_ENDPOINT": addresses.url("eventgrid"),
            "VIGIA_LOGS_WORKSPACE_ID": "00000000-0000-0000-0000-000000000002",
            "VIGIA_PUBLIC_URL": addresses.url("functions"),
            "VIGIA_ARM_ENDPOINT": addresses.url("azureml"),
            "VIGIA_MONITOR_ENDPOINT": addresses.url("monitor"),
            "VIGIA_CREDENTIAL": "loopback",
            **more,
        }
    )


@dataclass(frozen=True)
class Floor:
    """What any exactly-once record costs at least: one conditional PUT to claim, one to finish."""

    container: ContainerClient
    body: bytes

    def write_twice(self, name: str) -> None:
        from azure.core import MatchConditions

        blob = self.container.get_blob_client(name)
        first = blob.upload_blob(self.body, overwrite=True, match_condition=MatchConditions.IfMissing)
        etag = first["etag"]
        blob.upload_blob(self.body, overwrite=True, etag=etag, match_condition=MatchConditions.IfNotModified)


def floor_on(settings: Settings, body: bytes) -> Floor:
    """Return the floor in a container of its own, by the SDK's own client with its own defaults."""
    from azure.storage.blob import ContainerClient

    container = ContainerClient.from_connection_string(settings.storage, f"floor-{uuid.uuid4().hex}")
    container.create_container()
    return Floor(container, body)


@contextmanager
def counted_requests() -> Iterator[Callable[[], int]]:
    """Yield a function that says how many HTTP requests the Azure SDK has sent since, retries included."""
    from azure.core.pipeline.transport import RequestsTransport

    sent = 0
    send = RequestsTransport.send

    def count(self: RequestsTransport, request: Any, **options: Any) -> Any:
        nonlocal sent
        sent += 1
        return send(self, request, **options)

    RequestsTransport.send = count
    try:
        yield lambda: sent
    finally:
        RequestsTransport.send = send
