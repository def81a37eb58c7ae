"""The action groups' endpoint: what it answers decides whether the alert comes again."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import azure.functions as func
import pytest

import shared.bootstrap
from functions.alerts import alerts
from shared.errors import RetryableError
from tests.unit.cli.world import FakeApp

GOLDEN = Path(__file__).parents[2] / "golden" / "events" / "alert-budget-legacy.json"
ALERT = json.dumps(json.loads(GOLDEN.read_text(encoding="utf-8"))["body"]).encode()


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    made = FakeApp()
    monkeypatch.setattr(shared.bootstrap, "get_app", lambda: made)
    return made


def post(body: bytes = ALERT, caller: str = "") -> tuple[int, str]:
    claims = {"auth_typ": "aad", "claims": [{"typ": "azp", "val": caller}, {"typ": "idtyp", "val": "app"}]}
    headers = {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(claims).encode()).decode()} if caller else {}
    answer = alerts(func.HttpRequest("POST", "http://127.0.0.1/api/alerts", headers=headers, body=body))
    return answer.status_code, answer.get_body().decode()


def test_an_alert_is_taken(app: FakeApp) -> None:
    assert post() == (202, "published Vigia.BudgetAlert about budgets/bud-fake")
    assert [event.type for event in app.topic.events] == ["Vigia.BudgetAlert"]


def test_one_that_cannot_be_read_is_taken_too_for_it_would_not_get_better(app: FakeApp) -> None:
    status, text = post(b"{}")
    assert (status, text.partition(":")[0]) == (202, "not understood, set aside")
    assert len(list(app.quarantine.items())) == 1


def test_one_that_cannot_be_published_is_asked_for_again(app: FakeApp) -> None:
    app.topic.errors.append(RetryableError("publisher.refused", "the topic does not answer"))
    assert post() == (503, "try again: the topic does not answer")


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
    assert len(app.topic.events) == (1 if status == 202 else 0)
