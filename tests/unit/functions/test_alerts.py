"""The action groups' endpoint: what it answers decides whether the alert comes again."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import azure.functions as func
import pytest

import shared.bootstrap
from functions.alerts import alerts
from shared.engine.notices.outbox import NoticeOutbox
from shared.errors import RetryableError
from tests.unit.cli.world import FakeApp

GOLDEN = Path(__file__).parents[2] / "golden" / "events" / "alert-budget-legacy.json"
ALERT = json.dumps(json.loads(GOLDEN.read_text(encoding="utf-8"))["body"]).encode()
SERVICE_HEALTH = json.dumps(
    json.loads((GOLDEN.parent / "alert-service-health.json").read_text(encoding="utf-8"))["body"]
).encode()


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> FakeApp:
    made = FakeApp()
    monkeypatch.setattr(shared.bootstrap, "get_app", lambda: made)
    return made


def post(body: bytes = ALERT, caller: str = "", role: str = "") -> tuple[int, str]:
    token_claims = {"azp": caller, "idtyp": "app", **({"roles": role} if role else {})}
    claims = {"auth_typ": "aad", "claims": [{"typ": name, "val": value} for name, value in token_claims.items()]}
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


def test_the_application_must_have_its_role_where_one_is_asked_for(
    app: FakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "true")
    app.settings = replace(app.settings, uses_loopback_credential=False, alerts_role="ActionGroupsSecureWebhook")
    assert post(caller=app.settings.alerts_caller)[0] == 401
    assert post(caller=app.settings.alerts_caller, role="ActionGroupsSecureWebhook")[0] == 202


def test_one_that_is_not_for_us_is_noted(app: FakeApp) -> None:
    reason = "service health is about Azure's regions, not about an endpoint"
    assert post(SERVICE_HEALTH) == (202, f"ignored: {reason}")
    assert [item.reason for _, item in app.quarantine.ignored()] == [reason]
    assert (app.topic.events, list(app.quarantine.items())) == ([], [])


def test_people_hear_of_one_that_cannot_be_read(app: FakeApp) -> None:
    post(b"{}")
    post(b"{}")
    assert [record.notice.kind.value for record in app.outbox_store.records()] == ["event-quarantined"]


PARTS = ["the settings", "the topic", "the quarantine", "the outbox", "the record of what is ignored"]


@pytest.mark.parametrize("error", [RetryableError("x", "later"), OSError("connection reset"), KeyError("x")], ids=repr)
@pytest.mark.parametrize("part", PARTS)
def test_whatever_part_fails_the_alert_is_asked_for_again_and_never_with_a_500(
    app: FakeApp, monkeypatch: pytest.MonkeyPatch, part: str, error: Exception
) -> None:
    def fail(*args: object, **named: object) -> NoReturn:
        raise error

    body = {"the quarantine": b"{}", "the outbox": b"{}", PARTS[4]: SERVICE_HEALTH}.get(part, ALERT)
    match part:
        case "the settings":
            monkeypatch.setattr(shared.bootstrap, "get_app", fail)
        case "the topic":
            monkeypatch.setattr(app.topic, "publish", fail)
        case "the outbox":
            monkeypatch.setattr(NoticeOutbox, "post", fail)
        case _:
            monkeypatch.setattr(app.memory, "create", fail)
    status, text = post(body)
    assert status == 503
    assert text.startswith("try again: ")
    if not isinstance(error, RetryableError):
        assert str(error) not in text
    if part == "the outbox":
        assert len(list(app.quarantine.items())) == 1
