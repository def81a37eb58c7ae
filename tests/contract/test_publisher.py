"""EventGridPublisher through the real client, against the emulated topic and a function that takes the event."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from local.eventgrid import LOCAL_KEY, Subscription
from shared.adapters.publisher import EventGridPublisher
from shared.domain.fact import FeatureDrift, RetrainingRequested
from shared.domain.ids import ModelName
from shared.errors import RetryableError
from shared.events.sent import outgoing
from tests.local.eventgrid.conftest import Grid, running_grid
from tests.local.running import call
from tests.settings import settings_for
from tests.unit.events.wire import WORKSPACE, fact_from

NOW = datetime(2026, 11, 20, 9, 0, 0, 123456, tzinfo=UTC)
SUBSCRIPTIONS = tuple(
    Subscription(name, "custom", name.replace("-", "_"), "cloud-events", (kind,))
    for name, kind in (("drift-detected", "Vigia.DriftDetected"), ("retraining-requested", "Vigia.RetrainingRequested"))
)
REQUEST = outgoing.retraining_requested(
    WORKSPACE, NOW, model=ModelName("previsão"), request="r-1", reason="é preciso", requested_by="ana@example.com"
)


def publisher(url: str, key: str = LOCAL_KEY) -> EventGridPublisher:
    endpoint = f"{url}/topics/custom/api/events"
    return EventGridPublisher(settings_for(VIGIA_TOPIC_ENDPOINT=endpoint, VIGIA_TOPIC_KEY=key))


@pytest.fixture
def grid() -> Iterator[Grid]:
    with running_grid(*SUBSCRIPTIONS) as grids:
        yield grids


def test_an_event_arrives_at_its_function_as_the_fact_it_was_built_from(grid: Grid) -> None:
    publisher(grid.url).publish(REQUEST)
    grid.settle()
    (received,) = grid.functions.received
    assert received.function == "retraining_requested"
    assert received.event["id"] == REQUEST.id
    fact = fact_from(received.event)
    assert fact.body == RetrainingRequested(ModelName("previsão"), "r-1", "é preciso", "ana@example.com")
    assert (fact.source, fact.occurred_at) == (WORKSPACE.lower(), NOW)


def test_drift_with_its_features_arrives_whole(grid: Grid) -> None:
    features = [FeatureDrift(f"feature-{n}", "KS", 0.2, 0.1) for n in range(20)]
    event = outgoing.drift_detected(
        WORKSPACE, NOW, model=ModelName("churn"), monitor="m", signal="data-drift", run="1@x", features=features
    )
    publisher(grid.url).publish(event)
    grid.settle()
    body = fact_from(grid.functions.received[0].event).body
    assert getattr(body, "features", ()) == tuple(features)


def test_publishing_again_is_the_same_event(grid: Grid) -> None:
    for _ in range(2):
        publisher(grid.url).publish(REQUEST)
    grid.settle()
    assert {delivery.event["id"] for delivery in grid.functions.received} == {REQUEST.id}
    assert len({fact_from(delivery.event).key for delivery in grid.functions.received}) == 1


@pytest.mark.parametrize("where", ["wrong_key", "unreachable"])
def test_what_was_not_taken_is_said_so_that_nothing_is_lost(grid: Grid, where: str) -> None:
    refused = publisher(grid.url, key="d3Jvbmc=") if where == "wrong_key" else publisher("http://127.0.0.1:1")
    started = time.monotonic()
    with pytest.raises(RetryableError, match=r"event Vigia\.RetrainingRequested could not be published"):
        refused.publish(REQUEST)
    assert time.monotonic() - started < 10
    assert call("GET", f"{grid.url}/_local/events")[1] == []
