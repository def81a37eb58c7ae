"""Dead letters over the storage emulator."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import pytest
from azure.storage.blob import BlobServiceClient

from local.addresses import Addresses
from local.eventgrid import BlobDeadLetters
from local.eventgrid.dead_letters import DeadLetterUnavailableError


@pytest.fixture
def store(azurite: Addresses) -> Iterator[BlobDeadLetters]:
    store = BlobDeadLetters(azurite.storage_connection_string, "dead-letters-test")
    yield store
    store.close()


def test_blob_is_written_and_the_container_made(store: BlobDeadLetters, azurite: Addresses) -> None:
    asyncio.run(store.write("MODELS/2026/11/20/7/a.json", b'[{"id": "1"}]'))
    asyncio.run(store.write("MODELS/2026/11/20/7/b.json", b'[{"id": "2"}]'))
    with BlobServiceClient.from_connection_string(azurite.storage_connection_string) as service:
        container = service.get_container_client("dead-letters-test")
        contents = [json.loads(container.download_blob(name).readall()) for name in container.list_blob_names()]
    assert contents == [[{"id": "1"}], [{"id": "2"}]]


def test_unreachable_storage_is_a_reason_to_try_later() -> None:
    store = BlobDeadLetters(Addresses.free().storage_connection_string)
    with pytest.raises(DeadLetterUnavailableError):
        asyncio.run(store.write("a.json", b"[]"))
    store.close()
