"""The webhook endpoint: what it answers decides whether an event comes again, and whose it takes."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import azure.functions as func
import pytest

from functions import events, webhook
from functions.webhook import event_webhook
from shared.domain.messages import LARGEST_MESSAGE, PostedAlert
from shared.errors import RetryableError
from shared.ports.queues import EVENTS
from tests.fakes.queues import FakeQueues
from tests.unit.cli.world import SAMPLE, FakeApp
from tests.unit.engine.fact_world import budget, drift, registered

# What Event Grid takes as the end of an event: success, or never again.
SUCCESS = {200, 201, 202, 203, 204}
DROPPED = {400, 401, 403, 413}


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    made = FakeApp()
    made.settings = replace(made.settings, events_subscriptions="models-by-webhook")
    monkeypatch.setattr(webhook, "read_settings", lambda: made.settings)
    monkeypatch.setattr(events, "open_queue", lambda: made.queue)
    monkeypatch.setattr(events, "open_large_events", lambda: made.large_events)
    return made


def call(
    body: str | bytes = "", kind: str = "Notification", method: str = "POST", **headers: str
) -> tuple[func.HttpResponse, list[str]]:
    queue = events.open_queue()
    assert isinstance(queue, FakeQueues)
    queue.messages.clear()
    request = func.HttpRequest(
        method,
        "http://127.0.0.1/api/events",
        headers={"aeg-event-type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}},
        body=body.encode() if isinstance(body, str) else body,
    )
    return event_webhook(request), queue.texts(EVENTS)


def test_each_event_of_a_batch_is_a_message_of_its_own(app: FakeApp) -> None:
    answer, messages = call(f"[{registered()}, {drift()},\n{budget()}]")
    assert answer.status_code == 202
    assert messages == [registered(), drift(), budget()]


@pytest.mark.parametrize("kind", ["Notification", "notification", "", "SomethingNew"])
def test_a_single_cloud_event_is_taken_whatever_the_header_says(app: FakeApp, kind: str) -> None:
    answer, messages = call(drift(), kind)
    assert (answer.status_code, messages) == (202, [drift()])


BINARY = {
    "ce_id": "e-1",
    "ce_source": "/a%20b",
    "ce_type": "T",
    "ce_specversion": "1.0",
    "ce_time": "2026-11-20T07:00:00Z",
    "Content_Type": "application/json; charset=utf-8",
}
ATTRIBUTES = {
    "id": "e-1",
    "source": "/a b",
    "type": "T",
    "specversion": "1.0",
    "time": "2026-11-20T07:00:00Z",
    "datacontenttype": "application/json; charset=utf-8",
}


@pytest.mark.parametrize(
    ("body", "data"),
    [
        pytest.param('{"ModelName": "a"}', {"data": {"ModelName": "a"}}, id="json"),
        pytest.param("[1, 2]", {"data": [1, 2]}, id="an_array_is_data_and_no_batch"),
        pytest.param(b"\xff", {"data_base64": base64.b64encode(b"\xff").decode()}, id="bytes"),
        pytest.param("{broken", {"data_base64": base64.b64encode(b"{broken").decode()}, id="no_json"),
        pytest.param("", {}, id="nothing"),
    ],
)
def test_a_cloud_event_in_binary_mode_is_put_together(app: FakeApp, body: str | bytes, data: dict[str, Any]) -> None:
    answer, messages = call(body, "", **BINARY, ce_data="no attribute")
    assert (answer.status_code, [json.loads(message) for message in messages]) == (202, [{**ATTRIBUTES, **data}])


def test_data_of_a_binary_event_is_read_as_it_was_sent(app: FakeApp) -> None:
    _, messages = call('{"a": 1, "a": 2}', "", **BINARY)
    assert messages[0].endswith('"data": {"a": 1, "a": 2}}')


def test_a_structured_event_stays_itself_whatever_headers_it_has(app: FakeApp) -> None:
    _, messages = call(drift(), "", **BINARY | {"Content_Type": "application/cloudevents+json"})
    assert messages == [drift()]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(b"{broken", ["{broken"], id="no_json"),
        pytest.param(b"\xff\xfe", ["\\xff\\xfe"], id="no_utf8"),
        pytest.param(b"[1, {}", ["[1, {}"], id="half_a_batch"),
        pytest.param(b'[{"id": NaN}, 7]', ['{"id": NaN}', "7"], id="a_batch_of_nonsense"),
        pytest.param(b"[" * 5000, ["[" * 5000], id="deep"),
        pytest.param(b"[]", [], id="an_empty_batch"),
        pytest.param(b"  ", [], id="nothing"),
    ],
)
def test_poison_is_taken_and_left_to_the_quarantine(app: FakeApp, body: bytes, expected: list[str]) -> None:
    answer, messages = call(body)
    assert (answer.status_code, messages) == (202, expected)
    for message in messages:
        app.processor.process(app.large_events.open(message))
    assert len(list(app.quarantine.items())) == len(expected)


def test_what_passes_itself_off_as_a_message_of_ours_is_judged_as_an_event(app: FakeApp) -> None:
    alert = PostedAlert('{"schemaId": "AIP Budget Notification"}', app.time.now()).to_body(app.large_events.store)
    _, messages = call(alert)
    assert PostedAlert.from_body(alert)
    assert [app.alerts.events_of(message).strip() for message in messages] == [alert]


def test_a_large_event_goes_through_a_blob_and_the_others_beside_it(app: FakeApp) -> None:
    large = json.dumps({**json.loads(drift()), "padding": "ã" * LARGEST_MESSAGE}, ensure_ascii=False)
    answer, messages = call(f"[{large},{budget()}]")
    assert answer.status_code == 202
    assert [app.large_events.open(message) for message in messages] == [large, budget()]
    assert all(len(message) < LARGEST_MESSAGE for message in messages)


def _cannot_keep(app: FakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> Any:
        raise RetryableError("storage.busy", "the storage does not answer")

    monkeypatch.setattr(app.memory, "put", fail)


def _cannot_start(app: FakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Any:
        raise RuntimeError("AccountKey=secret")

    monkeypatch.setattr(webhook, "read_settings", fail)


@pytest.mark.parametrize("broken", [_cannot_keep, _cannot_start])
def test_what_could_not_be_kept_is_asked_for_again_whole(
    app: FakeApp, monkeypatch: pytest.MonkeyPatch, broken: Any
) -> None:
    broken(app, monkeypatch)
    answer, messages = call(f"[{budget()}, {json.dumps({'id': 'x' * LARGEST_MESSAGE})}]")
    assert (answer.status_code, messages) == (503, [])
    assert answer.get_body() == b"try again"


def validation(topic: str) -> str:
    return json.dumps([{"id": "v", "topic": topic, "data": {"validationCode": "code-1"}}])


def test_the_handshake_in_event_grids_schema(app: FakeApp) -> None:
    answer, messages = call(
        validation(app.settings.workspace_id), "SubscriptionValidation", aeg_subscription_name="MODELS-BY-WEBHOOK"
    )
    assert (answer.status_code, answer.mimetype, messages) == (200, "application/json", [])
    assert json.loads(answer.get_body()) == {"validationResponse": "code-1"}


@pytest.mark.parametrize(
    ("body", "name"),
    [(validation("/subscriptions/2"), "models-by-webhook"), (validation("x"), ""), ("{", "models-by-webhook")],
    ids=["another_subscription", "no_name", "no_json"],
)
def test_a_handshake_that_is_not_ours_is_not_answered(app: FakeApp, body: str, name: str) -> None:
    answer, messages = call(body, "SubscriptionValidation", aeg_subscription_name=name)
    assert (answer.status_code, answer.get_body(), messages) == (404, b"", [])


def test_the_handshake_of_cloud_events(app: FakeApp) -> None:
    answer, messages = call(method="OPTIONS", WebHook_Request_Origin="eventgrid.azure.net", WebHook_Request_Rate="100")
    assert (answer.status_code, messages) == (200, [])
    assert answer.headers["WebHook-Allowed-Origin"] == "eventgrid.azure.net"
    assert answer.headers["WebHook-Allowed-Rate"] == "*"
    assert answer.headers["Allow"] == "POST, OPTIONS"


def test_a_stranger_who_asks_for_consent_gets_none(app: FakeApp) -> None:
    answer, _ = call(method="OPTIONS", WebHook_Request_Origin="evil.example")
    assert "WebHook-Allowed-Origin" not in answer.headers


@pytest.mark.parametrize("kind", ["SubscriptionDeletion", "Unsubscribe"])
def test_a_subscription_that_ends_is_let_go(app: FakeApp, kind: str) -> None:
    answer, messages = call(drift(), kind)
    assert (answer.status_code, messages) == (200, [])


def principal(application: str, *roles: str) -> str:
    claims = [{"typ": "appid", "val": application}, *({"typ": "roles", "val": role} for role in roles)]
    return base64.b64encode(json.dumps({"claims": claims}).encode()).decode()


EVENT_GRID = "4962773b-9cdb-44cf-a8bf-237846a00ab7"


@pytest.mark.parametrize(
    ("is_behind_sign_in", "who", "status"),
    [
        pytest.param(True, principal(EVENT_GRID, "Subscriber"), 202, id="event_grid"),
        pytest.param(True, principal(EVENT_GRID), 404, id="event_grid_without_its_role"),
        pytest.param(True, principal("11111111-1111-1111-1111-111111111111", "Subscriber"), 404, id="somebody_else"),
        pytest.param(True, "", 404, id="nobody"),
        pytest.param(True, "%%%", 404, id="garbled"),
        pytest.param(False, principal(EVENT_GRID, "Subscriber"), 404, id="a_header_that_anyone_could_send"),
    ],
)
@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
def test_on_azure_only_event_grid_is_let_in_and_nobody_is_told_why(
    app: FakeApp, monkeypatch: pytest.MonkeyPatch, is_behind_sign_in: bool, who: str, status: int, method: str
) -> None:
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", str(is_behind_sign_in))
    app.settings = replace(app.settings, uses_loopback_credential=False, events_role="Subscriber")
    answer, messages = call(drift(), method=method, X_MS_CLIENT_PRINCIPAL=who)
    expected = 200 if (method, status) == ("OPTIONS", 202) else status
    assert answer.status_code == expected
    assert answer.status_code not in DROPPED
    assert (answer.get_body() == b"", messages) == (True, [drift()] if (method, status) == ("POST", 202) else [])


def test_the_settings_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in json.loads(SAMPLE.read_text(encoding="utf-8"))["Values"].items():
        monkeypatch.setenv(name, value)
    queues = FakeQueues()
    monkeypatch.setattr(events, "open_queue", lambda: queues)
    events.read_settings.cache_clear()
    answer, messages = call(drift())
    events.read_settings.cache_clear()
    assert (answer.status_code, messages) == (202, [drift()])


def test_an_empty_caller_lets_nobody_in(app: FakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "true")
    app.settings = replace(app.settings, uses_loopback_credential=False, events_caller="")
    answer, messages = call(drift(), X_MS_CLIENT_PRINCIPAL=principal(""))
    assert (answer.status_code, messages) == (404, [])
