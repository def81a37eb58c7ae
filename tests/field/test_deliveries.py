"""Deliveries as they really come: binary data, half characters, foreign sources, floods, other clouds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from azure.functions.eventgrid import EventGridEventInConverter
from azure.functions.meta import Datum

from shared.domain.fact import Fact
from shared.events.registry import read_fact
from shared.events.wire.handshake import consent, subscribers
from tests.fakes.clock import FakeClock
from tests.field.explained import acted, explained, inputs
from tests.unit.engine.fact_world import World
from tests.unit.events.wire import WORKSPACE, grid
from tests.unit.functions.test_webhook import app, call
from tests.unit.test_function_app import queued_message

__all__ = ["app"]
NOW = FakeClock().now()
BINARY = "05_cloudevent_data_base64.json"
FOREIGN = WORKSPACE.replace("ws-fake", "ws-other")


def _through_the_trigger(event: object) -> str:
    """Return the queue message of an event that Microsoft's own converter reads."""
    return queued_message(EventGridEventInConverter.decode(Datum(json.dumps(event), "json"), trigger_metadata=None))


def test_binary_data_comes_through_the_trigger() -> None:
    event = inputs(BINARY)
    through, straight = (read_fact(text, NOW) for text in (_through_the_trigger(event), json.dumps(event)))
    assert isinstance(through, Fact)
    assert through == straight
    assert through.kind == "retraining-requested"


def test_extension_attributes_come_through_the_trigger() -> None:
    event = {**inputs(BINARY), "dataversion": "1.0", "traceparent": "00-1-2-01"}
    through = json.loads(_through_the_trigger(event))
    assert (through["dataversion"], through["traceparent"]) == ("1.0", "00-1-2-01")


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(grid("ModelRegistered", {"ModelName": "\ud800", "ModelVersion": "7"}), id="in_the_data"),
        pytest.param(grid("ModelRegistered", {"\udfff": 1}), id="in_a_key"),
        pytest.param(grid("ModelRegistered", {}, subject="\ud83d"), id="in_the_subject"),
        pytest.param({**inputs(BINARY), "note": "\udc00"}, id="in_an_extension"),
    ],
)
def test_half_a_character_ends_in_quarantine_and_not_in_an_exception(event: object) -> None:
    world = World()
    world.process(_through_the_trigger(event))
    ((_, item),) = world.quarantine.items()
    assert item.code == "event.not_unicode"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"data_base64": "!!!"}, id="no_base64"),
        pytest.param({"data_base64": "AAECAw=="}, id="no_json_inside"),
        pytest.param({"data_base64": 7}, id="a_number"),
    ],
)
def test_binary_data_that_cannot_be_read_ends_in_quarantine_with_its_data(change: dict[str, Any]) -> None:
    world = World()
    world.process(_through_the_trigger({**inputs(BINARY), **change}))
    ((_, item),) = world.quarantine.items()
    assert json.dumps(change["data_base64"]) in item.body


def test_a_cloud_event_without_a_time_is_read_and_is_one_fact_whenever_it_comes(tmp_path: Path) -> None:
    event = {name: value for name, value in inputs(BINARY).items() if name != "time"}
    arrived = {**event, "type": "Vigia.DataArrived", "data": {"data": "flights", "location": "azureml:x"}}
    del arrived["data_base64"]
    first, again, other = explained(tmp_path, [arrived, arrived, {**arrived, "id": "e2"}])
    assert first["key"] == again["key"] != other["key"]
    assert explained(tmp_path, event)[0]["outcome"] == "fact"


def test_a_time_with_an_offset_is_that_moment(tmp_path: Path) -> None:
    event = inputs(BINARY)
    moments = [{**event, "time": "2026-11-20T09:00:00+02:00"}, {**event, "time": "2026-11-20T07:00:00.1234567Z"}]
    facts = [read_fact(json.dumps(event), NOW) for event in moments]
    assert [f.occurred_at.isoformat()[:19] for f in facts if isinstance(f, Fact)] == ["2026-11-20T07:00:00"] * 2


@pytest.mark.parametrize(
    "source",
    [
        FOREIGN,
        f"{FOREIGN}/onlineEndpoints/churn",
        "/subscriptions/1/resourceGroups/rg/providers/Microsoft.EventGrid/topics/other",
        "/subscriptions/1/resourceGroups/rg/providers/Microsoft.MachineLearningServices/registries/shared",
    ],
    ids=["workspace", "in_a_workspace", "topic", "registry"],
)
def test_what_a_foreign_source_tells_is_noted_and_not_acted_on(source: str) -> None:
    world = World()
    world.process(json.dumps(grid("ModelRegistered", {"ModelName": "churn", "ModelVersion": "7"}, topic=source)))
    assert (world.entries(), list(world.releases.items())) == ([], [])
    ((_, note),) = world.quarantine.ignored()
    assert "is neither our workspace nor our topic" in note.reason


def test_a_foreign_source_counts_where_it_is_listed(tmp_path: Path) -> None:
    event = grid("ModelRegistered", {"ModelName": "flight-delay", "ModelVersion": "7"}, topic=FOREIGN.upper())
    ours = ("--workspace", WORKSPACE)
    assert explained(tmp_path, event, *ours)[0]["outcome"] == "ignored"
    assert explained(tmp_path, event, *ours, "--source", FOREIGN)[0]["outcome"] == "fact"
    assert explained(tmp_path, event)[0]["outcome"] == "fact"


def test_an_alert_about_a_foreign_workspaces_endpoint_takes_nothing_back(tmp_path: Path) -> None:
    answers = explained(tmp_path, "09_alert_on_champion.json", "--workspace", WORKSPACE)
    assert (answers[0]["outcome"], acted(answers)) == ("ignored", [])


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(f"[{','.join(['{}'] * 300_001)}]", id="too_many"),
        pytest.param(f"[{','.join(['{}'] * 5001)}]", id="one_too_many"),
        pytest.param(f"[{' ' * 3_000_000}]", id="too_large"),
    ],
)
def test_more_than_event_grid_ever_delivers_is_refused_whole(body: str) -> None:
    answer, messages = call(body)
    assert (answer.status_code, messages) == (413, [])


@pytest.mark.usefixtures("app")
def test_as_many_as_event_grid_delivers_are_taken() -> None:
    answer, messages = call(f"[{','.join(['{}'] * 5000)}]")
    assert (answer.status_code, len(messages)) == (202, 5000)


def test_a_queue_message_of_too_many_events_is_set_aside_once() -> None:
    world = World()
    world.process(f"[{','.join(['{}'] * 6000)}]")
    assert len(list(world.quarantine.items())) == 1


@pytest.mark.parametrize(
    ("origin", "listed", "is_heard"),
    [
        ("eventgrid.azure.net", None, True),
        ("eventgrid.azure.us", None, True),
        ("EventGrid.Azure.CN", None, True),
        ("eventgrid.azure.us", "eventgrid.azure.net", False),
        ("eventgrid.azure.net.example.com", None, False),
        ("example.com", None, False),
        ("", None, False),
    ],
)
def test_the_handshake_is_answered_in_the_clouds_that_are_listed(
    origin: str, listed: str | None, is_heard: bool
) -> None:
    make: Callable[..., Any] = subscribers
    expected = make("models", WORKSPACE, "", *([listed] if listed else []))
    answer = consent({"WebHook-Request-Origin": origin}, expected)
    assert answer.get("WebHook-Allowed-Origin") == (origin.lower() if is_heard else None)
