"""Delivery: what arrives at the function host, and what follows each answer."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta

import pytest

from local.addresses import WORKSPACE_ID
from local.eventgrid import EventGrid, Faults
from local.eventgrid.subscription import Retry
from local.listener import Listener
from tests.local.eventgrid.conftest import (
    BUDGETS,
    MODELS,
    FakeFunctions,
    Grid,
    MemoryDeadLetters,
    budget_event,
    model_event,
    running_grid,
)
from tests.local.running import call, running, wait_for

CONVERTED = dataclasses.replace(MODELS, name="converted", function="converted", schema="cloud-events")


def test_event_grid_schema_arrives_as_an_array_with_the_documented_headers(grid: Grid) -> None:
    grid.publish("workspace", model_event())
    grid.settle()
    [received] = grid.functions.received
    assert received.function == "model_registered"
    assert isinstance(received.body, list)
    assert received.event["data"] == {"ModelName": "flight-delay", "ModelVersion": "1"}
    assert received.event["dataVersion"] == ""
    expected = {
        "content-type": "application/json; charset=utf-8",
        "aeg-event-type": "Notification",
        "aeg-subscription-name": "MODELS",
        "aeg-delivery-count": "0",
        "aeg-metadata-version": "1",
        "aeg-data-version": "",
        "aeg-output-event-id": "event-1",
    }
    assert {name: received.headers[name] for name in expected} == expected


def test_cloud_event_arrives_as_one_object(grid: Grid) -> None:
    grid.publish("custom", budget_event())
    grid.settle()
    [received] = grid.functions.received
    assert received.body == budget_event()
    assert received.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    assert received.headers["aeg-metadata-version"] == "1.0"
    assert "aeg-data-version" not in received.headers


def test_system_event_is_converted_for_a_cloud_events_subscription() -> None:
    with running_grid(CONVERTED) as grid:
        grid.publish("workspace", model_event())
        grid.settle()
        assert grid.functions.received[0].body == {
            "id": "event-1",
            "source": WORKSPACE_ID,
            "type": "Microsoft.MachineLearningServices.ModelRegistered",
            "subject": "models/flight-delay:1",
            "time": "2026-11-20T07:01:02.1234567Z",
            "specversion": "1.0",
            "data": {"ModelName": "flight-delay", "ModelVersion": "1"},
        }


def test_failed_delivery_is_repeated_until_it_is_taken(grid: Grid) -> None:
    grid.functions.answers = [500, 503]
    grid.publish("workspace", model_event())
    grid.settle()
    assert [request.headers["aeg-delivery-count"] for request in grid.functions.received] == ["0", "1", "2"]
    attempts = grid.attempts()
    assert [(attempt["attempt"], attempt["status"], attempt["outcome"]) for attempt in attempts] == [
        (1, 500, "Busy"),
        (2, 503, "Busy"),
        (3, 202, "Delivered"),
    ]
    assert {attempt["event_id"] for attempt in attempts} == {"event-1"}
    assert grid.dead_letters.blobs == {}


@pytest.mark.parametrize(
    ("status", "outcome", "reason"),
    [
        (400, "BadRequest", "UndeliverableDueToHttpBadRequest"),
        (403, "Forbidden", "UndeliverableDueToHttpForbidden"),
        (413, "PayloadTooLarge", "UndeliverableDueToHttpRequestEntityTooLarge"),
    ],
)
def test_final_refusal_is_dead_lettered_after_one_attempt(grid: Grid, status: int, outcome: str, reason: str) -> None:
    grid.functions.answers = [status]
    grid.publish("workspace", model_event())
    grid.settle()
    [(name, [record])] = grid.dead_letters.blobs.items()
    assert re.fullmatch(r"MODELS/\d{4}/[1-9]\d?/[1-9]\d?/\d{1,2}/[0-9a-f-]{36}\.json", name)
    assert record["deadLetterReason"] == reason
    assert record["deliveryAttempts"] == 1
    assert record["lastDeliveryOutcome"] == outcome
    assert record["lastHttpStatusCode"] == status
    assert record.keys() >= {"publishTime", "lastDeliveryAttemptTime", "topic", "eventType", "data"}


def test_dead_lettered_cloud_event_has_lower_case_fields(grid: Grid) -> None:
    grid.functions.answers = [400]
    grid.publish("custom", budget_event())
    grid.settle()
    [[record]] = grid.dead_letters.blobs.values()
    added = record.keys() - budget_event().keys()
    assert added == {
        "deadletterreason",
        "deliveryattempts",
        "lastdeliveryoutcome",
        "publishtime",
        "lastdeliveryattempttime",
        "lasthttpstatuscode",
    }


def test_attempts_run_out() -> None:
    subscription = dataclasses.replace(MODELS, retry=Retry(max_attempts=2))
    with running_grid(subscription) as grid:
        grid.functions.answers = [500, 500, 500]
        grid.publish("workspace", model_event())
        grid.settle()
        [[record]] = grid.dead_letters.blobs.values()
    assert len(grid.functions.received) == 2
    assert record["deadLetterReason"] == "MaxDeliveryAttemptsExceeded"
    assert record["deliveryAttempts"] == 2


def test_time_to_live_is_looked_at_when_the_next_attempt_is_due() -> None:
    # On the documented schedule attempts are made at about 0, 10, 40 and 100 s; the next would be due after 400 s.
    subscription = dataclasses.replace(MODELS, retry=Retry(ttl_minutes=5))
    with running_grid(subscription, time_scale=0.002) as grid:
        grid.functions.answers = [500] * 10
        grid.publish("workspace", model_event())
        grid.settle()
        [[record]] = grid.dead_letters.blobs.values()
    assert record["deadLetterReason"] == "TimeToLiveExceeded"
    assert record["deliveryAttempts"] == 4


def test_answer_that_comes_too_late_counts_as_timed_out() -> None:
    subscription = dataclasses.replace(MODELS, retry=Retry(max_attempts=1))
    with running_grid(subscription, answer_timeout=timedelta(seconds=0.05)) as grid:
        grid.functions.slow = {"model_registered"}
        grid.publish("workspace", model_event())
        grid.settle()
        [[record]] = grid.dead_letters.blobs.values()
        assert record["lastDeliveryOutcome"] == "TimedOut"
        assert "lastHttpStatusCode" not in record
        assert grid.attempts()[0]["status"] is None


def test_functions_that_start_late_get_their_events() -> None:
    functions = FakeFunctions()
    with running(functions):
        url = functions.url
    grid = EventGrid(0, [MODELS], url, MemoryDeadLetters(), time_scale=0.001)
    with running(grid) as thread:
        thread.run(grid.publish("workspace", [model_event()]))
        wait_for(lambda: grid.records.attempts)
        assert grid.records.attempts[0].outcome == "SocketError"
        functions._listener = Listener("fake functions", int(url.rsplit(":", 1)[1]))
        with running(functions):
            wait_for(lambda: functions.received)


def test_slow_function_does_not_hold_up_another_one() -> None:
    slow = dataclasses.replace(MODELS, name="slow", function="slow")
    with running_grid(slow, MODELS) as grid:
        grid.functions.slow = {"slow"}
        grid.publish("workspace", *(model_event(number) for number in range(200)))
        wait_for(lambda: len(grid.attempts()) == 200)
        assert {attempt["subscription"] for attempt in grid.attempts()} == {"models"}
        assert call("GET", f"{grid.url}/_local/idle")[1] == {"idle": False, "open_deliveries": 200}


def test_dead_letter_waits_for_its_store() -> None:
    with running_grid(MODELS) as grid:
        grid.dead_letters.failures = 3
        grid.functions.answers = [400]
        grid.publish("workspace", model_event())
        grid.settle()
        assert len(grid.dead_letters.blobs) == 1


def test_duplicates_are_sent_once_more_and_marked() -> None:
    with running_grid(MODELS, BUDGETS, faults=Faults(duplicate=1.0)) as grid:
        grid.publish("workspace", model_event())
        grid.settle()
        assert sorted(attempt["was_duplicate"] for attempt in grid.attempts()) == [False, True]
        assert len({request.event["id"] for request in grid.functions.received}) == 1


def test_reordering_changes_the_order_and_loses_nothing() -> None:
    with running_grid(MODELS, faults=Faults(reorder=True, seed=7)) as grid:
        grid.publish("workspace", *(model_event(number) for number in range(20)))
        grid.settle()
        arrived = [request.event["id"] for request in grid.functions.received]
    published = [f"event-{number}" for number in range(20)]
    assert arrived != published
    assert sorted(arrived) == sorted(published)


def test_without_faults_events_arrive_in_order(grid: Grid) -> None:
    grid.publish("workspace", *(model_event(number) for number in range(20)))
    grid.settle()
    attempts = [attempt["event_id"] for attempt in sorted(grid.attempts(), key=lambda attempt: attempt["time"])]
    assert attempts == [f"event-{number}" for number in range(20)]


def test_dropped_attempts_are_repeated() -> None:
    with running_grid(MODELS, faults=Faults(drop=0.5, seed=1)) as grid:
        grid.publish("workspace", *(model_event(number) for number in range(20)))
        grid.settle()
        assert len(grid.functions.received) == 20
        assert any(attempt["outcome"] == "SocketError" for attempt in grid.attempts())


def test_faults_change_at_run_time(grid: Grid) -> None:
    status, faults, _ = call("POST", f"{grid.url}/_local/faults", {"duplicate": 1.0, "delay_ms": [0, 5]})
    assert status == 200
    assert faults == {"duplicate": 1.0, "reorder": False, "delay_ms": [0, 5], "drop": 0.0, "seed": None}
    grid.publish("workspace", model_event())
    grid.settle()
    assert len(grid.functions.received) == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"duplicates": 1}, "unknown fault 'duplicates'; known: duplicate, reorder"),
        ({"drop": 2}, "drop must be a number from 0 to 1, found 2"),
        ({"drop": True}, "drop must be a number"),
        ({"delay_ms": [5, 1]}, "delay_ms must be [least, most]"),
        ({"delay_ms": 5}, "delay_ms must be [least, most]"),
        ({"reorder": "yes"}, "reorder must be true or false"),
        ({"seed": "x"}, "seed must be a whole number or null"),
        ([], "expected a JSON object"),
    ],
)
def test_senseless_faults_are_refused(grid: Grid, changes: object, message: str) -> None:
    status, body, _ = call("POST", f"{grid.url}/_local/faults", changes)
    assert status == 400
    assert message in body["error"]["message"]
