"""The storage adapters against Azurite: the conditions and clocks that the ledger relies on."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from local.addresses import Addresses
from shared.adapters.storage.blobs import AzureBlobStore, queue_service
from shared.adapters.storage.queues import AzureMessageQueue, WorkspaceQueue
from shared.errors import RetryableError
from shared.ports.queues import text_digest
from shared.settings import Settings
from tests.settings import settings_for


@pytest.fixture
def settings(azurite: Addresses) -> Settings:
    return settings_for(AzureWebJobsStorage=azurite.storage_connection_string)


@pytest.fixture
def blobs(settings: Settings, request: pytest.FixtureRequest) -> AzureBlobStore:
    return AzureBlobStore(settings, container=f"test-{abs(hash(request.node.name))}")


def test_create_writes_once(blobs: AzureBlobStore) -> None:
    assert blobs.create("a/b.json", b"1", {"state": "claimed"}) is not None
    assert blobs.create("a/b.json", b"2") is None
    blob = blobs.get("a/b.json")
    assert blob is not None
    assert blob.body == b"1"
    assert timedelta(0) <= blob.read_at - blob.last_modified < timedelta(minutes=1)


def test_replace_needs_the_version_that_was_read(blobs: AzureBlobStore) -> None:
    first = blobs.create("x", b"1")
    assert first is not None
    second = blobs.replace("x", b"2", first.etag)
    assert second is not None
    assert blobs.replace("x", b"3", first.etag) is None
    assert blobs.replace("never-written", b"3", first.etag) is None
    blob = blobs.get("x")
    assert blob is not None
    assert (blob.body, blob.etag) == (b"2", second.etag)


def test_list_tells_metadata_without_reading_the_blobs(blobs: AzureBlobStore) -> None:
    blobs.put("l/1", b"", {"state": "done"})
    blobs.put("l/2", b"", {"state": "claimed"})
    blobs.put("m/1", b"")
    assert [(item.name, item.metadata["state"]) for item in blobs.list("l/")] == [("l/1", "done"), ("l/2", "claimed")]


def test_missing_blobs_read_as_none_and_delete_quietly(blobs: AzureBlobStore) -> None:
    assert blobs.get("nothing") is None
    blobs.delete("nothing")


def test_one_of_many_racing_creators_wins(blobs: AzureBlobStore) -> None:
    blobs.put("warm", b"")
    winners: list[int] = []

    def create(number: int) -> None:
        if blobs.create("race", str(number).encode()) is not None:
            winners.append(number)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(winners) == 1


def test_a_message_arrives_as_it_was_sent(settings: Settings) -> None:
    AzureMessageQueue(settings).send("test-messages", '{"release": "ação-1"}')
    from azure.storage.queue import TextBase64DecodePolicy

    client = queue_service(settings).get_queue_client("test-messages", message_decode_policy=TextBase64DecodePolicy())
    message = client.receive_message()
    assert message is not None
    assert message.content == '{"release": "ação-1"}'


def test_a_message_that_was_sent_waits_for_ever(settings: Settings) -> None:
    queues = AzureMessageQueue(settings)
    queues.send("test-patience", "x")
    assert [message.expires_at for message in queues.peek("test-patience")] == [None]


def put_raw(settings: Settings, queue: str, *contents: str) -> None:
    client = queue_service(settings).get_queue_client(queue)
    client.create_queue()
    for content in contents:
        client.send_message(content)


def test_peeking_shows_what_waits_and_takes_nothing(settings: Settings) -> None:
    queues = AzureMessageQueue(settings)
    assert (queues.peek("test-none-poison"), queues.length("test-none-poison")) == ((), 0)
    put_raw(settings, "test-peek-poison", "eyJhIjogMX0=", "{not base64", "/w==")

    for _ in range(2):
        waitings = queues.peek("test-peek-poison")

    assert [message.text for message in waitings] == ['{"a": 1}', "{not base64", "/w=="]
    lifetimes = [message.expires_at - message.inserted_at for message in waitings if message.expires_at]
    assert lifetimes == [timedelta(days=7)] * 3
    assert queues.length("test-peek-poison") == 3


def test_moving_takes_only_the_named_messages_and_moved_ones_never_expire(settings: Settings) -> None:
    queues = AzureMessageQueue(settings)
    put_raw(settings, "test-move-poison", *(f"message {number}" for number in range(40)), "{not base64")
    digests = {text_digest("message 39"), text_digest("{not base64")}

    assert queues.move("test-move-poison", digests, "test-move") == digests

    moved = queues.peek("test-move")
    assert [(message.text, message.expires_at) for message in moved] == [("message 39", None), ("{not base64", None)]
    assert queues.length("test-move-poison") == 39
    assert len(queues.peek("test-move-poison")) == 32  # the others are not left hidden
    assert len(queues.move("test-move-poison", {text_digest("message 3")}, None)) == 1
    assert queues.move("test-move-poison", digests, "test-move") == frozenset()
    assert queues.length("test-move-poison") == 38


def test_a_queue_is_looked_through_whole_and_nothing_is_left_hidden(settings: Settings) -> None:
    queues = AzureMessageQueue(settings)
    put_raw(settings, "test-look-poison", *(f"message {number}" for number in range(70)))

    for _ in range(2):
        waitings = queues.look_through("test-look-poison")

    assert {message.text for message in waitings} == {f"message {number}" for number in range(70)}
    assert (len(queues.peek("test-look-poison")), queues.length("test-look-poison")) == (32, 70)
    assert queues.look_through("test-none-poison") == ()


def test_of_a_queue_that_workspaces_share_each_sees_and_moves_its_own(settings: Settings) -> None:
    queues = AzureMessageQueue(settings)
    staging, own = WorkspaceQueue(queues, "staging"), WorkspaceQueue(queues, "")
    for number in range(20):
        staging.send("test-shared-poison", f"message {number}")
        own.send("test-shared-poison", f"message {number}")
    digests = {text_digest("message 7"), text_digest("message 8")}

    assert staging.move("test-shared-poison", digests, "test-shared") == digests

    assert sorted(message.text for message in staging.peek("test-shared")) == ["message 7", "message 8"]
    assert own.peek("test-shared") == ()
    assert len(staging.look_through("test-shared-poison")) == 18
    assert len(own.look_through("test-shared-poison")) == 20


def test_unreachable_storage_is_worth_another_try() -> None:
    nowhere = Addresses(1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
    blobs = AzureBlobStore(settings_for(AzureWebJobsStorage=nowhere.storage_connection_string))
    with pytest.raises(RetryableError):
        blobs.get("x")
