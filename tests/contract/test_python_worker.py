"""The app is indexed and run by Microsoft's own Python worker, as on Azure; a broken app is not."""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.storage.queue import QueueClient, TextBase64DecodePolicy

from local.addresses import Addresses
from local.app_settings import settings_for
from local.eventgrid import StorageQueue
from shared.adapters.storage.blobs import AzureBlobStore, create_if_missing
from shared.settings import Settings
from shared.store.facts.ledger import Ledger
from tests.contract.worker import Call, Report, drive

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 13),
    reason="Microsoft's worker library needs Python 3.13; `dev.py test` runs this file there",
)

ROOT = Path(__file__).parents[2]
GRID_EVENT: dict[str, Any] = {
    "id": "e-1",
    "topic": "/workspaces/ws",
    "subject": "models/m:1",
    "eventType": "Microsoft.MachineLearningServices.ModelRegistered",
    "eventTime": "2026-11-20T07:00:00.1234567Z",
    "dataVersion": "2",
    "data": {"modelName": "m", "modelVersion": "1"},
}
CLOUD_EVENT: dict[str, Any] = {
    "id": "c-1",
    "specversion": "1.0",
    "source": "/vigia",
    "type": "Vigia.DriftDetected",
    "time": "2026-11-20T07:00:00Z",
    "data": {},
}
TIMER = {"IsPastDue": False, "ScheduleStatus": {}, "Schedule": {}}
MESSAGE = {"Id": "m-1", "DequeueCount": "2", "InsertionTime": "2026-11-20T07:00:00Z", "PopReceipt": "r"}
TOY = """
import azure.functions as func

app = func.FunctionApp()

@app.event_grid_trigger(arg_name="event")
@app.queue_output(arg_name="message", queue_name="events", connection="AzureWebJobsStorage")
def note(event: func.EventGridEvent, message: func.Out[str]):
    message.set(f"{type(event).__name__} {event.id}")

@app.queue_trigger(arg_name="message", queue_name="events", connection="AzureWebJobsStorage")
def take(message: func.QueueMessage):
    if message.dequeue_count != 2 or message.get_json() != {"a": 1}:
        raise ValueError(message.get_body())

@app.timer_trigger(arg_name="timer", schedule="%SCHEDULE%")
async def tick(timer: func.TimerRequest):
    raise RuntimeError(f"past due: {timer.past_due}")

@app.route(route="page/{name}", methods=["GET"])
def page(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(req.route_params["name"] + req.params["q"], status_code=203)
"""


EVENT_FUNCTIONS = {
    "model_registered",
    "model_deployed",
    "run_completed",
    "run_status_changed",
    "drift_detected",
    "budget_alert",
    "endpoint_alert",
    "data_arrived",
    "retraining_requested",
    "policy_state_changed",
    "image_pushed",
}


@pytest.fixture
def queue(azurite: Addresses) -> Iterator[QueueClient]:
    """Queue `events`, empty."""
    storage, policy = settings_for(azurite)["AzureWebJobsStorage"], TextBase64DecodePolicy()
    with QueueClient.from_connection_string(storage, "events", message_decode_policy=policy) as client:
        create_if_missing(client)
        client.clear_messages()
        yield client


def test_app_is_indexed_and_keeps_events_of_both_schemas(azurite: Addresses, queue: QueueClient) -> None:
    names = sorted(EVENT_FUNCTIONS)
    calls = [Call(name, "json", event) for name in names for event in (GRID_EVENT, CLOUD_EVENT)]

    report = drive(ROOT, calls, settings_for(azurite))

    assert report.error is None
    assert set(report.functions) >= EVENT_FUNCTIONS
    bindings = [binding for function in report.functions.values() for binding in function]
    assert {binding["queueName"] for binding in bindings if binding["type"] == "queueTrigger"} == {
        "events",
        "releases",
        "notices",
        "looks",
    }
    assert {binding["schedule"] for binding in bindings if binding["type"] == "timerTrigger"} == {
        "%VIGIA_SWEEP_SCHEDULE%",
        "%VIGIA_MONITOR_SCHEDULE%",
        "%VIGIA_SCHEDULES_SCHEDULE%",
        "%VIGIA_POLL_SCHEDULE%",
    }
    assert [result["error"] for result in report.results] == [None] * len(calls)
    messages = list(queue.receive_messages())
    assert [json.loads(message.content)["id"] for message in messages] == ["e-1", "c-1"] * len(names)
    assert {message.expires_on.year for message in messages if message.expires_on} == {9999}, "they wait for ever"


def test_app_takes_a_webhook_delivery_apart_and_answers_the_handshake(azurite: Addresses, queue: QueueClient) -> None:
    batch = json.dumps([GRID_EVENT, CLOUD_EVENT])
    http = {"method": "POST", "url": "http://localhost/api/events", "body": batch}
    handshake = {"method": "OPTIONS", "url": http["url"], "headers": {"WebHook-Request-Origin": "eventgrid.azure.net"}}
    settings = {**settings_for(azurite), "VIGIA_EVENTS_SUBSCRIPTIONS": "models-by-webhook"}

    report = drive(ROOT, [Call("event_webhook", "http", request) for request in (http, handshake)], settings)

    delivered, consented = report.results
    assert delivered["return"]["status"] == "202"
    messages = list(queue.receive_messages())
    assert [json.loads(message.content) for message in messages] == [GRID_EVENT, CLOUD_EVENT]
    assert consented["return"]["headers"]["WebHook-Allowed-Origin"] == "eventgrid.azure.net"


def test_app_takes_a_queued_event_that_it_does_not_know(azurite: Addresses) -> None:
    unknown = json.dumps({**CLOUD_EVENT, "type": "Somebody.ElsesEvent"})

    report = drive(ROOT, [Call("process", "string", unknown, MESSAGE)], settings_for(azurite))

    assert [result["error"] for result in report.results] == [None]


def test_an_event_is_the_same_fact_by_the_queue_and_by_its_function(azurite: Addresses, queue: QueueClient) -> None:
    values = settings_for(azurite)
    settings = Settings.read(values)
    event = {**GRID_EVENT, "topic": settings.workspace_id, "subject": "models/two-ways:1"}
    event["data"] = {"modelName": "two-ways", "modelVersion": "1"}
    asyncio.run(delivered(event, values["AzureWebJobsStorage"]))
    by_queue = queue.receive_message()
    drive(ROOT, [Call("model_registered", "json", event)], values)
    by_function = queue.receive_message()
    assert by_queue
    assert by_function

    calls = [Call("process", "string", message.content, MESSAGE) for message in (by_queue, by_function)]
    report = drive(ROOT, calls, values)

    assert [result["error"] for result in report.results] == [None] * 2
    ledger = Ledger(AzureBlobStore(settings), timedelta(minutes=2))
    facts = [entry.fact.subject for key in ledger.keys() if (entry := ledger.entry(key)) and entry.state == "done"]  # noqa: SIM118
    assert facts.count(event["subject"]) == 1


async def delivered(event: dict[str, Any], connection_string: str) -> None:
    """Put the event on the queue as Event Grid does."""
    destination = StorageQueue(connection_string, "events")
    assert (await destination.put({**event, "metadataVersion": "1"})).is_success
    await destination.close()


def drive_toy(folder: Path, source: str, calls: list[Call]) -> Report:
    (folder / "function_app.py").write_text(textwrap.dedent(source))
    return drive(folder, calls, {})


def test_harness_calls_every_kind_of_function(tmp_path: Path) -> None:
    http = {"method": "GET", "url": "http://localhost/api/page/x", "params": {"name": "x"}, "query": {"q": "y"}}

    report = drive_toy(
        tmp_path,
        TOY,
        [
            Call("note", "json", GRID_EVENT),
            Call("note", "json", CLOUD_EVENT),
            Call("take", "string", '{"a": 1}', MESSAGE),
            Call("tick", "json", TIMER),
            Call("page", "http", http),
        ],
    )

    assert report.error is None
    assert sorted(report.functions) == ["note", "page", "take", "tick"]
    grid, cloud, taken, ticked, shown = report.results
    assert grid == {"error": None, "return": None, "outputs": {"message": "EventGridEvent e-1"}}
    assert cloud["outputs"] == {"message": "CloudEvent c-1"}
    assert taken["error"] is None
    assert "past due: False" in ticked["error"]
    assert (shown["return"]["status"], shown["return"]["body"]) == ("203", "xy")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param(
            "def take(message:", "def take(msg:", "parameters are declared in Python but not", id="wrong_argument_name"
        ),
        pytest.param(
            "event: func.EventGridEvent,", "event: dict,", "do not match the corresponding", id="wrong_annotation"
        ),
        pytest.param("import azure.functions as func", "import nothing_like_it", "nothing_like_it", id="import_fails"),
    ],
)
def test_broken_app_is_not_indexed(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TOY

    report = drive_toy(tmp_path, TOY.replace(old, new), [])

    assert message in (report.error or "")


def test_returning_a_value_without_a_binding_fails_the_call(tmp_path: Path) -> None:
    source = TOY.replace('raise RuntimeError(f"past due: {timer.past_due}")', "return 1")

    report = drive_toy(tmp_path, source, [Call("tick", "json", TIMER)])

    assert "without a $return binding" in report.results[0]["error"]
