"""Publishing: the real client's requests are taken, and the wrong ones refused with a reason."""

from __future__ import annotations

import base64
import datetime
import json
import time
from typing import Any

import pytest
from azure.core.credentials import AccessToken, AzureKeyCredential, AzureSasCredential
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridEvent, EventGridPublisherClient, generate_sas

from local.eventgrid import LOCAL_KEY
from local.eventgrid.schemas import MalformedEventError
from tests.local.eventgrid.conftest import BUDGET, Grid, budget_event, model_event
from tests.local.running import call

KEY = {"aeg-sas-key": LOCAL_KEY}
CLOUD_EVENTS = {"content-type": "application/cloudevents-batch+json; charset=utf-8", **KEY}


def custom_topic(grid: Grid) -> str:
    return f"{grid.url}/topics/custom/api/events"


def test_real_client_with_a_key_publishes_cloud_events(grid: Grid) -> None:
    event = CloudEvent(source="/budgets", type=BUDGET, data={"percent": 80}, subject="budgets/ml")
    with EventGridPublisherClient(custom_topic(grid), AzureKeyCredential(LOCAL_KEY)) as client:
        client.send([event])
    grid.settle()
    [received] = grid.functions.received
    assert received.function == "budget_alert"
    assert received.body["id"] == event.id
    assert received.body["data"] == {"percent": 80}
    assert received.body["subject"] == "budgets/ml"


def test_real_client_with_a_shared_access_signature_publishes(grid: Grid) -> None:
    expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    signature = generate_sas(custom_topic(grid), LOCAL_KEY, expires)
    with EventGridPublisherClient(custom_topic(grid), AzureSasCredential(signature)) as client:
        client.send(CloudEvent(source="/budgets", type=BUDGET))
    assert len(call("GET", f"{grid.url}/_local/events")[1]) == 1


@pytest.mark.parametrize("audience", ["https://eventgrid.azure.net", "https://eventgrid.azure.net/"])
def test_real_client_with_a_token_publishes(grid: Grid, audience: str) -> None:
    class Credential:
        def get_token(self, *scopes: str, **kwargs: Any) -> AccessToken:
            claims = json.dumps({"aud": audience, "exp": time.time() + 60}).encode()
            return AccessToken(f"e30.{base64.urlsafe_b64encode(claims).rstrip(b'=').decode()}.", int(time.time()) + 60)

    with EventGridPublisherClient(custom_topic(grid), Credential()) as client:
        client.send(CloudEvent(source="/budgets", type=BUDGET), enforce_https=False)
    assert len(call("GET", f"{grid.url}/_local/events")[1]) == 1


def test_event_grid_schema_from_the_real_client_reaches_the_workspace_topic(grid: Grid) -> None:
    event = EventGridEvent(
        "models/a:1", "Microsoft.MachineLearningServices.ModelRegistered", {"ModelName": "a"}, data_version="1"
    )
    with EventGridPublisherClient(f"{grid.url}/topics/workspace/api/events", AzureKeyCredential(LOCAL_KEY)) as client:
        client.send([event])
    grid.settle()
    [received] = grid.functions.received
    assert received.event["topic"].endswith("/workspaces/ws-local")
    assert received.event["metadataVersion"] == "1"


def test_wrong_key_is_unauthorized_for_the_real_client(grid: Grid) -> None:
    client = EventGridPublisherClient(custom_topic(grid), AzureKeyCredential("d3Jvbmc="))
    with client, pytest.raises(ClientAuthenticationError, match="not authorized for CUSTOM"):
        client.send(CloudEvent(source="/budgets", type=BUDGET))


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"aeg-sas-token": "r=x&e=2099-01-01&s=wrong"}, id="wrong_signature"),
        pytest.param(
            {"aeg-sas-token": generate_sas("x", LOCAL_KEY, datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC))},
            id="expired_signature",
        ),
        pytest.param({"Authorization": "Bearer not-a-token"}, id="broken_token"),
    ],
)
def test_request_without_a_valid_credential_is_401(grid: Grid, headers: dict[str, str]) -> None:
    status, body, _ = call("POST", custom_topic(grid), [budget_event()], headers)
    assert status == 401
    assert body["error"]["code"] == "Unauthorized"


@pytest.mark.parametrize(
    ("event", "message"),
    [
        pytest.param({"id": "1"}, "'source' must be a text", id="missing_field"),
        pytest.param(budget_event(specversion="0.3"), "specversion must be '1.0'", id="version"),
        pytest.param(budget_event(time="yesterday"), "time must be an ISO 8601 time", id="time"),
        pytest.param(budget_event(data_base64="AA=="), "exclude each other", id="two_payloads"),
        pytest.param(budget_event(TraceId="x"), "attribute name 'TraceId'", id="attribute_name"),
        pytest.param("text", "must be a JSON object", id="no_object"),
    ],
)
def test_malformed_cloud_event_is_400_and_none_of_the_request_is_accepted(grid: Grid, event: Any, message: str) -> None:
    status, body, _ = call("POST", custom_topic(grid), [budget_event(), event], CLOUD_EVENTS)
    assert status == 400
    assert body["error"]["message"].startswith("event 1")
    assert message in body["error"]["message"]
    assert call("GET", f"{grid.url}/_local/events")[1] == []


@pytest.mark.parametrize(
    ("event", "message"),
    [
        pytest.param(model_event(eventTime="soon"), "eventTime must be an ISO 8601 time", id="time"),
        pytest.param(model_event(metadataVersion="2"), "metadataVersion", id="metadata_version"),
        pytest.param(model_event(topic="/elsewhere"), "topic must be absent or equal", id="topic"),
        pytest.param(model_event(extra=1), "'extra' is not a field", id="closed_schema"),
    ],
)
def test_malformed_event_grid_event_is_refused(grid: Grid, event: dict[str, Any], message: str) -> None:
    with pytest.raises(MalformedEventError, match=message):
        grid.publish("workspace", event)


@pytest.mark.parametrize(
    ("headers", "body", "message"),
    [
        pytest.param({"content-type": "text/plain"}, b"[]", "content type", id="content_type"),
        pytest.param({"content-type": "application/json"}, b"[{}]", "takes CloudEvents", id="schema_of_other_topic"),
        pytest.param(CLOUD_EVENTS, b"{", "not JSON", id="json"),
        pytest.param(CLOUD_EVENTS, b"[]", "at least one event", id="empty"),
    ],
)
def test_malformed_request_is_400(grid: Grid, headers: dict[str, str], body: bytes, message: str) -> None:
    status, answer, _ = call("POST", custom_topic(grid), body, {**KEY, **headers})
    assert status == 400
    assert message in answer["error"]["message"]


def test_more_than_a_megabyte_or_5000_events_is_413(grid: Grid) -> None:
    large = json.dumps([budget_event(data="x" * 1_536_000)]).encode()
    many = [{"id": "1", "source": "s", "type": "t", "specversion": "1.0"}] * 5001
    assert call("POST", custom_topic(grid), large, CLOUD_EVENTS)[0] == 413
    assert call("POST", custom_topic(grid), many, CLOUD_EVENTS)[0] == 413
    with (
        EventGridPublisherClient(custom_topic(grid), AzureKeyCredential(LOCAL_KEY), retry_total=0) as client,
        pytest.raises(HttpResponseError, match=r"maximum size \(1536000\) has been exceeded"),
    ):
        client.send(CloudEvent(source="/budgets", type=BUDGET, data="x" * 1_536_000))


def test_unknown_topic_is_404(grid: Grid) -> None:
    status, body, _ = call("POST", f"{grid.url}/topics/other/api/events", [], KEY)
    assert status == 404
    assert "workspace, custom" in body["error"]["message"]
