"""The Event Grid webhook answers as the Functions extension does."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from local.eventgrid import EventGrid, Subscription
from tests.local.eventgrid.conftest import MemoryDeadLetters
from tests.local.functions_host.conftest import ToyFolder

URL = "/runtime/webhooks/eventgrid?functionName="
NOTIFICATION = {"aeg-event-type": "Notification"}
GRID_EVENT: dict[str, Any] = {
    "id": "e-1",
    "topic": "/workspaces/ws",
    "subject": "models/m:1",
    "eventType": "Microsoft.MachineLearningServices.ModelRegistered",
    "eventTime": "2026-11-20T07:00:00.1234567Z",
    "dataVersion": "2",
    "data": {"modelName": "m"},
}
CLOUD_EVENT: dict[str, Any] = {
    "id": "c-1",
    "specversion": "1.0",
    "source": "/workspaces/ws",
    "type": "Vigia.DriftDetected",
    "time": "2026-11-20T07:00:00Z",
    "data": {"model": "m"},
}
APP = """
@app.event_grid_trigger(arg_name="event")
def note(event: func.EventGridEvent):
    kind = event.type if isinstance(event, func.CloudEvent) else event.event_type
    calls.append((type(event).__name__, event.id, kind, event.get_json()))
    if (event.get_json() or {}).get("fail"):
        raise ValueError(f"{event.id} is broken")

@app.event_grid_trigger(arg_name="event")
async def meet(event: func.CloudEvent):
    # Ends only when two calls run at once.
    calls.append(event.id)
    while len(calls) < 2:
        await asyncio.sleep(0.01)
"""


async def post(toy: ToyFolder, name: str, body: str, headers: dict[str, str]) -> tuple[int, str, list[Any]]:
    async with (
        toy.running(APP) as app,
        app.client.post(URL + name, data=body, headers=headers, timeout=10) as answer,  # type: ignore[arg-type]
    ):
        return answer.status, await answer.text(), app.calls


def test_notification_in_either_schema_is_decoded_by_content(toy: ToyFolder) -> None:
    status, _, calls = asyncio.run(post(toy, "note", json.dumps([GRID_EVENT, CLOUD_EVENT]), NOTIFICATION))

    assert status == 202
    assert sorted(calls) == [
        ("CloudEvent", "c-1", "Vigia.DriftDetected", {"model": "m"}),
        ("EventGridEvent", "e-1", "Microsoft.MachineLearningServices.ModelRegistered", {"modelName": "m"}),
    ]


def test_single_cloud_event_object_is_accepted(toy: ToyFolder) -> None:
    status, _, calls = asyncio.run(post(toy, "note", json.dumps(CLOUD_EVENT), NOTIFICATION))

    assert (status, len(calls)) == (202, 1)


def test_one_failing_event_fails_the_request_and_the_others_still_ran(toy: ToyFolder) -> None:
    broken = {**CLOUD_EVENT, "id": "c-2", "data": {"fail": True}}

    status, text, calls = asyncio.run(post(toy, "note", json.dumps([broken, GRID_EVENT]), NOTIFICATION))

    assert (status, text) == (500, "c-2 is broken")
    assert len(calls) == 2


def test_events_of_one_request_run_at_the_same_time(toy: ToyFolder) -> None:
    pair = [CLOUD_EVENT, {**CLOUD_EVENT, "id": "c-2"}]

    status, _, _ = asyncio.run(post(toy, "meet", json.dumps(pair), NOTIFICATION))

    assert status == 202


def test_malformed_event_time_fails_before_the_function_runs(toy: ToyFolder) -> None:
    body = json.dumps([{**GRID_EVENT, "eventTime": "yesterday"}])

    status, _, calls = asyncio.run(post(toy, "note", body, NOTIFICATION))

    assert (status, calls) == (500, [])


VALIDATION = {"data": {"validationCode": "code-1", "validationUrl": "https://example.com"}}


@pytest.mark.parametrize(
    ("name", "headers", "body", "status", "text"),
    [
        pytest.param("nobody", NOTIFICATION, "[]", 404, "cannot find function: 'nobody'", id="unknown_function"),
        pytest.param("note", {}, "[]", 400, "aeg-event-type is ''", id="no_event_type"),
        pytest.param("note", {"aeg-event-type": "Hello"}, "[]", 400, "'hello'", id="unknown_event_type"),
        pytest.param("note", {"aeg-event-type": "Unsubscribe"}, "", 202, "", id="unsubscribe"),
        pytest.param("note", NOTIFICATION, "{", 500, "Expecting", id="not_json"),
        pytest.param("note", NOTIFICATION, "[1]", 500, "not a JSON object", id="not_an_event"),
        pytest.param(
            "note",
            {"aeg-event-type": "SubscriptionValidation"},
            json.dumps([VALIDATION]),
            200,
            '{"validationResponse": "code-1"}',
            id="validation",
        ),
        pytest.param(
            "note",
            {"aeg-event-type": "SubscriptionValidation"},
            json.dumps({**CLOUD_EVENT, "data": json.dumps(VALIDATION["data"])}),
            200,
            '{"validationResponse": "code-1"}',
            id="validation_as_cloud_event",
        ),
    ],
)
def test_other_requests_get_the_documented_answer(
    toy: ToyFolder, name: str, headers: dict[str, str], body: str, status: int, text: str
) -> None:
    answer = asyncio.run(post(toy, name, body, headers))

    assert answer[0] == status
    assert text in answer[1]


def test_options_consents_to_the_asking_origin(toy: ToyFolder) -> None:
    async def ask() -> str | None:
        headers = {"WebHook-Request-Origin": "eventgrid.azure.net"}
        async with toy.running(APP) as app, app.client.options(URL + "note", headers=headers) as answer:
            return answer.headers.get("WebHook-Allowed-Origin")

    assert asyncio.run(ask()) == "eventgrid.azure.net"


def test_what_a_cold_start_rejects_event_grid_brings_again(toy: ToyFolder) -> None:
    types = ("Vigia.DriftDetected",)
    subscriptions = [Subscription(name, "custom", name, "cloud-events", types) for name in ("note", "meet")]

    async def deliver() -> tuple[list[Any], list[tuple[str, int | None]]]:
        async with toy.running(APP, rejects_first=2) as app:
            url, dead_letters = f"http://127.0.0.1:{app.host.port}", MemoryDeadLetters()
            grid = EventGrid(0, subscriptions, url, dead_letters, time_scale=0.0001)
            await grid.start()
            await grid.publish("custom", [CLOUD_EVENT])
            await app.wait_for(lambda: len(app.calls) == 2)
            await app.wait_for(lambda: sum(attempt.status == 202 for attempt in grid.records.attempts) == 2)
            await grid.stop()
            return app.calls, [(attempt.subscription, attempt.status) for attempt in grid.records.attempts]

    calls, attempts = asyncio.run(deliver())

    assert sorted(map(str, calls)) == ["('CloudEvent', 'c-1', 'Vigia.DriftDetected', {'model': 'm'})", "c-1"]
    for name in ("note", "meet"):
        assert [status for subscription, status in attempts if subscription == name] == [401, 401, 202]
