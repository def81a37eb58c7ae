"""Event Grid delivering to a storage queue instead of functions."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.messaging import CloudEvent
from azure.storage.queue import QueueClient

from local.addresses import Addresses
from local.eventgrid import StorageQueue
from tests.local.eventgrid.conftest import BUDGETS, MODELS, Grid, budget_event, model_event, running_grid
from tests.local.running import wait_for


@pytest.fixture
def queue(azurite: Addresses) -> Iterator[QueueClient]:
    """A queue that is not there yet."""
    name = f"events-{uuid.uuid4().hex}"
    with QueueClient.from_connection_string(azurite.storage_connection_string, name) as client:
        yield client


@pytest.fixture
def grid(azurite: Addresses, queue: QueueClient) -> Iterator[Grid]:
    destination = StorageQueue(azurite.storage_connection_string, queue.queue_name)
    with running_grid(MODELS, BUDGETS, queue=destination) as running:
        yield running


def events_on(queue: QueueClient) -> list[dict[str, Any]]:
    return [json.loads(base64.b64decode(message.content)) for message in queue.receive_messages()]


def outcomes(grid: Grid) -> list[tuple[int | None, str]]:
    return [(attempt["status"], attempt["outcome"]) for attempt in grid.attempts()]


def test_each_event_is_one_message_in_its_subscription_s_schema_and_stays_until_it_is_taken(
    grid: Grid, queue: QueueClient
) -> None:
    queue.create_queue()
    grid.publish("workspace", model_event())
    grid.publish("custom", budget_event())
    grid.settle()

    (peeked, *_) = queue.peek_messages(2)
    assert peeked.expires_on is not None
    assert peeked.expires_on > datetime.now(UTC) + timedelta(days=365)
    by_id = {event["id"]: event for event in events_on(queue)}
    assert by_id["event-1"]["eventType"] == MODELS.types[0]
    assert by_id["event-1"]["metadataVersion"] == "1"
    assert CloudEvent.from_dict(by_id["b1"]).data == {"percent": 80}
    assert grid.functions.received == []


def test_a_subscription_that_names_its_function_is_delivered_to_it(azurite: Addresses, queue: QueueClient) -> None:
    queue.create_queue()
    destination = StorageQueue(azurite.storage_connection_string, queue.queue_name)
    with running_grid(replace(MODELS, delivery="function"), BUDGETS, queue=destination) as grid:
        grid.publish("workspace", model_event())
        grid.publish("custom", budget_event())
        grid.settle()
        assert [received.event["id"] for received in grid.functions.received] == ["event-1"]
        assert [event["id"] for event in events_on(queue)] == ["b1"]


def test_a_queue_that_is_missing_gets_its_events_once_it_is_there(grid: Grid, queue: QueueClient) -> None:
    grid.publish("custom", budget_event())
    wait_for(lambda: (404, "NotFound") in outcomes(grid))
    queue.create_queue()
    grid.settle()

    assert [event["id"] for event in events_on(queue)] == ["b1"]
    assert outcomes(grid)[-1] == (201, "Delivered")
    assert grid.dead_letters.blobs == {}


@pytest.mark.parametrize(("characters", "is_taken"), [(48 * 1024 - 200, True), (48 * 1024, False)])
def test_what_is_too_large_for_a_message_is_a_dead_letter_at_once(
    grid: Grid, queue: QueueClient, characters: int, is_taken: bool
) -> None:
    queue.create_queue()
    grid.publish("custom", budget_event(data="x" * characters))
    grid.settle()

    assert len(events_on(queue)) == is_taken
    assert outcomes(grid) == [(201, "Delivered") if is_taken else (413, "PayloadTooLarge")]
    reasons = [event["deadletterreason"] for (event,) in grid.dead_letters.blobs.values()]
    assert reasons == ([] if is_taken else ["UndeliverableDueToHttpRequestEntityTooLarge"])
