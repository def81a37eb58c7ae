"""The handshake of webhook subscriptions: ours are accepted in either form, others are not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.errors import EventError
from shared.events.wire.handshake import consent, subscribers, validation_answer
from tests.unit.events.wire import WORKSPACE

HOME = "/subscriptions/00000000-0000-0000-0000-000000000001"
TOPIC = f"{HOME}/resourceGroups/rg-vigia/providers/Microsoft.EventGrid/topics/evgt-vigia"
EXPECTED = subscribers(
    "Models-By-Webhook, runs", (WORKSPACE,), "https://evgt-vigia.westeurope-1.eventgrid.azure.net/api/events"
)
CLOSED = subscribers("", (WORKSPACE,), "https://evgt-vigia.westeurope-1.eventgrid.azure.net/api/events")
GOLDEN = Path(__file__).parents[2] / "golden" / "events" / "subscription-validation.json"


def grid_form(topic: str = WORKSPACE, code: object = "code-1") -> str:
    event = json.loads(GOLDEN.read_text(encoding="utf-8"))["body"][0]
    return json.dumps([{**event, "topic": topic, "data": {**event["data"], "validationCode": code}}])


def cloud_form(topic: str = WORKSPACE, code: str = "code-1") -> str:
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": "v-1",
        "source": topic,
        "type": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "time": "2026-11-20T07:00:00.1234567Z",
        "data": json.dumps({"validationCode": code, "validationUrl": "https://x.eventgrid.azure.net:553/y"}),
    }
    return json.dumps(event)


@pytest.mark.parametrize("form", [grid_form, cloud_form])
@pytest.mark.parametrize(
    "topic",
    [
        WORKSPACE,
        WORKSPACE.upper(),
        TOPIC,
        HOME,
        f"{HOME}/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/st",
    ],
    ids=["workspace", "in_capitals", "own_topic", "as_the_documented_sample_names_it", "storage"],
)
def test_a_subscription_of_ours_is_accepted(form: Any, topic: str) -> None:
    assert validation_answer(form(topic), "MODELS-BY-WEBHOOK", EXPECTED) == "code-1"


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        pytest.param("models", WORKSPACE, id="a_name_nobody_gave"),
        pytest.param("", WORKSPACE, id="no_name"),
        pytest.param("runs", WORKSPACE + "-2", id="another_workspace"),
        pytest.param("runs", TOPIC + "-2", id="another_topic"),
        pytest.param("runs", WORKSPACE.replace("000000000001", "000000000002"), id="another_azure_subscription"),
        pytest.param("runs", HOME + "1", id="an_azure_subscription_that_begins_alike"),
    ],
)
@pytest.mark.parametrize("form", [grid_form, cloud_form])
def test_a_strangers_subscription_is_not(form: Any, name: str, topic: str) -> None:
    assert validation_answer(form(topic), name, EXPECTED) is None


def test_nothing_is_accepted_while_no_name_is_given() -> None:
    assert validation_answer(grid_form(), "runs", CLOSED) is None
    assert validation_answer(grid_form(), "", CLOSED) is None


@pytest.mark.parametrize(
    "body",
    ["", "[]", "[1]", "{}", "null", grid_form(code=None), grid_form(code={}), cloud_form().replace("\\", ""), '"x"'],
)
def test_what_is_no_handshake_is_an_event_error(body: str) -> None:
    with pytest.raises(EventError):
        validation_answer(body, "runs", EXPECTED)


@pytest.mark.parametrize("origin", ["eventgrid.azure.net", "EventGrid.Azure.Net "])
def test_event_grid_gets_consent(origin: str) -> None:
    assert consent({"WebHook-Request-Origin": origin, "WebHook-Request-Rate": "120"}, EXPECTED) == {
        "Allow": "POST, OPTIONS",
        "WebHook-Allowed-Origin": "eventgrid.azure.net",
        "WebHook-Allowed-Rate": "*",
    }


@pytest.mark.parametrize("origin", ["", "*", "evil.example", "eventgrid.azure.net.evil.example"])
def test_nobody_else_gets_consent(origin: str) -> None:
    assert consent({"WebHook-Request-Origin": origin}, EXPECTED) == {"Allow": "POST, OPTIONS"}
    assert consent({"WebHook-Request-Origin": "eventgrid.azure.net"}, CLOSED) == {"Allow": "POST, OPTIONS"}
