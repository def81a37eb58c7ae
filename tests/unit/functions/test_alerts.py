"""The action groups' endpoint: what it answers decides whether the alert comes again, and what was kept acts."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import azure.functions as func
import pytest

import shared.bootstrap
from functions import alerts as endpoint
from functions import events
from functions.alerts import alerts
from functions.process import process
from shared.domain.messages import LARGEST_MESSAGE
from shared.errors import RetryableError
from shared.ports.queues import EVENTS
from tests.unit.cli.world import FakeApp
from tests.unit.functions.test_queues import Tried

GOLDEN = Path(__file__).parents[2] / "golden" / "events" / "alert-budget-legacy.json"
ALERT = json.dumps(json.loads(GOLDEN.read_text(encoding="utf-8"))["body"]).encode()


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    made = FakeApp()
    monkeypatch.setattr(shared.bootstrap, "get_app", lambda: made)
    monkeypatch.setattr(endpoint, "read_settings", lambda: made.settings)
    monkeypatch.setattr(events, "open_queue", lambda: made.queues)
    monkeypatch.setattr(events, "open_large_events", lambda: made.large_events)
    return made


def post(body: bytes = ALERT, caller: str = "", role: str = "") -> tuple[int, str]:
    token_claims = {"azp": caller, "idtyp": "app", **({"roles": role} if role else {})}
    claims = {"auth_typ": "aad", "claims": [{"typ": name, "val": value} for name, value in token_claims.items()]}
    headers = {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(claims).encode()).decode()} if caller else {}
    answer = alerts(func.HttpRequest("POST", "http://127.0.0.1/api/alerts", headers=headers, body=body))
    return answer.status_code, answer.get_body().decode()


def work(app: FakeApp) -> None:
    """Have the queue's function process what was kept."""
    while body := app.queues.take(EVENTS):
        process(Tried(body, 1))


def facts(app: FakeApp) -> list[str]:
    return [entry.fact.kind for key in app.ledger.keys() if (entry := app.ledger.entry(key))]  # noqa: SIM118


def test_an_alert_is_kept_and_becomes_one_fact_however_often_it_comes(app: FakeApp) -> None:
    assert [post(), post()] == [(202, "kept")] * 2
    work(app)
    assert facts(app) == ["budget-crossed"]
    assert app.topic.events == [], "the topic is not on its way"


def test_a_large_one_goes_through_a_blob(app: FakeApp) -> None:
    assert post(ALERT + b" " * LARGEST_MESSAGE) == (202, "kept")
    assert max(map(len, app.queues.texts(EVENTS))) < 200
    work(app)
    assert facts(app) == ["budget-crossed"]


@pytest.mark.parametrize("body", [b"{}", b"\xff", b"", ALERT[:-1]], ids=["empty", "no_utf8", "nothing", "half"])
def test_one_that_cannot_be_read_is_set_aside_and_people_hear_it_once(app: FakeApp, body: bytes) -> None:
    for _ in range(2):
        assert post(body) == (202, "kept")
    work(app)
    assert len(list(app.quarantine.items())) == 1
    assert [record.notice.kind.value for record in app.outbox_store.records()] == ["event-quarantined"]


def test_one_whose_processing_fails_waits_among_the_poison_as_what_it_tells(app: FakeApp) -> None:
    post()
    app.queues.move(EVENTS, {message.digest for message in app.queues.peek(EVENTS)}, "events-poison")
    (item,) = app.dead_letters.items()
    assert (item.prospect, [reading.type for reading in item.readings]) == ("act", ["Vigia.BudgetAlert"])
    assert app.replay.replay(item, "ana", "fixed") == "replayed"
    work(app)
    assert facts(app) == ["budget-crossed"]


@pytest.mark.parametrize(
    ("is_behind_sign_in", "is_action_group", "status"),
    [(True, True, 202), (True, False, 401), (False, True, 401)],
    ids=["the_action_group", "somebody_else", "headers_that_anyone_could_send"],
)
def test_on_azure_only_action_groups_may_call(
    app: FakeApp, monkeypatch: pytest.MonkeyPatch, is_behind_sign_in: bool, is_action_group: bool, status: int
) -> None:
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", str(is_behind_sign_in))
    app.settings = replace(app.settings, uses_loopback_credential=False)
    caller = app.settings.alerts_caller if is_action_group else "11111111-1111-1111-1111-111111111111"
    assert post(caller=caller)[0] == status
    assert app.queues.length(EVENTS) == (1 if status == 202 else 0)


def test_the_application_must_have_its_role_where_one_is_asked_for(
    app: FakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "true")
    app.settings = replace(app.settings, uses_loopback_credential=False, alerts_role="ActionGroupsSecureWebhook")
    assert post(caller=app.settings.alerts_caller)[0] == 401
    assert post(caller=app.settings.alerts_caller, role="ActionGroupsSecureWebhook")[0] == 202


@pytest.mark.parametrize("error", [RetryableError("x", "later"), OSError("connection reset"), KeyError("x")], ids=repr)
@pytest.mark.parametrize("part", ["read_settings", "send", "store_large"])
def test_whatever_part_fails_the_alert_is_asked_for_again_and_never_with_a_500(
    app: FakeApp, monkeypatch: pytest.MonkeyPatch, part: str, error: Exception
) -> None:
    def fail(*_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(endpoint, part, fail)
    status, text = post(ALERT + b" " * (LARGEST_MESSAGE if part == "store_large" else 0))
    assert (status, text) == (503, "try again: it could not be kept, see the log")
    assert app.queues.texts(EVENTS) == []
