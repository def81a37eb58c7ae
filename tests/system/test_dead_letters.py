"""From Event Grid's giving up to the one effect: the emulated Event Grid, real storage, the app's own queues."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from local.addresses import Addresses
from local.eventgrid import BlobDeadLetters, EventGrid, Subscription
from local.eventgrid.subscription import Retry
from local.storage import Azurite
from shared.adapters.storage.blobs import queue_service
from shared.bootstrap import App
from shared.ports.queues import EVENTS, text_digest
from shared.store.facts.queue_errors import LAST_TRY
from tests.fakes.workspace import FakeWorkspace
from tests.local.running import running, wait_for
from tests.settings import settings_for
from tests.unit.cli.world import ROOT

REQUESTED = "Vigia.RetrainingRequested"
SUBSCRIPTION = Subscription(
    "retraining-requested", "custom", "retraining_requested", "cloud-events", (REQUESTED,), retry=Retry(max_attempts=2)
)
EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "request-1",
    "source": "/subscriptions/00000000-0000-0000-0000-000000000001/resourcegroups/rg-local",
    "type": REQUESTED,
    "subject": "models/flight-delay",
    "time": "2026-11-20T06:10:00Z",
    "data": {"model": "flight-delay", "request": "r-1", "reason": "new labels", "requestedBy": "ana@example.com"},
}


@pytest.fixture
def storage() -> Iterator[Addresses]:
    """Storage of this test alone: the app's containers and queues have fixed names."""
    addresses = Addresses.free()
    with Azurite(addresses):
        yield addresses


@pytest.fixture
def app(storage: Addresses) -> App:
    values = {"AzureWebJobsStorage": storage.storage_connection_string, "VIGIA_POLICIES": str(ROOT / "policies")}
    made = App(settings_for(**values))
    made.workspace = FakeWorkspace(job_outcome="Running")  # type: ignore[assignment]
    return made


def azureml(app: App) -> FakeWorkspace:
    assert isinstance(app.workspace, FakeWorkspace)
    return app.workspace


def work(app: App) -> None:
    """Process what is on the queue of events, as the Functions host would."""
    while waiting := app.queue.peek(EVENTS):
        app.processor.process(app.large_events.open(waiting[0].text))
        app.queue.move(EVENTS, {waiting[0].digest}, None)


def test_what_event_grid_gave_up_is_seen_replayed_and_acts_once(app: App, storage: Addresses) -> None:
    nobody = f"http://127.0.0.1:{storage.functions}"
    dead_letters = BlobDeadLetters(storage.storage_connection_string)
    grid = EventGrid(0, [SUBSCRIPTION], nobody, dead_letters, time_scale=0.0005)
    with running(grid) as thread:
        thread.run(grid.publish("custom", [EVENT, {**EVENT, "id": "request-1-again"}]))
        wait_for(lambda: len(app.dead_letters.items()) == 2, seconds=30)
    dead_letters.close()

    assert app.arrivals.look() == 2
    assert app.arrivals.look() == 0
    items = app.dead_letters.items()
    assert {item.prospect for item in items} == {"act"}
    assert {item.reason.split(":")[0] for item in items} == {"Event Grid gave it up after 2 attempts"}

    assert [app.replay.replay(item, "ana", "the host was down") for item in items] == ["replayed"] * 2
    work(app)

    assert [call for call, _ in azureml(app).calls] == ["submit_job"]
    assert app.dead_letters.items() == []
    assert list(app.dead_letter_blobs.list("")) == []


def test_a_poison_message_is_seen_with_its_reason_moved_back_and_acts_once(app: App) -> None:
    body = json.dumps(EVENT)
    with pytest.raises(KeyError), app.queue_errors.recording(EVENTS, body, LAST_TRY):
        raise KeyError("a mistake")
    poison = queue_service(app.settings).get_queue_client("events-poison")
    app.queue.send("events-poison", body)
    poison.send_message("{neither base64 nor JSON")

    valid, odd = app.dead_letters.items()
    assert (valid.prospect, odd.prospect) == ("act", "refused")
    assert "KeyError: 'a mistake'" in valid.reason
    assert app.replay.replay(valid, "ana", "fixed") == "replayed"
    assert app.replay.dismiss(odd, "ana", "typed by hand")
    assert [message.digest for message in app.queue.peek(EVENTS)] == [text_digest(body)]
    work(app)

    assert [call for call, _ in azureml(app).calls] == ["submit_job"]
    assert app.dead_letters.items() == []
