"""The inbox as Azure Communication Services: what it takes, refuses, and recognises."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from local.inbox import Inbox
from tests.local.inbox.conftest import messages
from tests.local.running import call

REQUEST = "6f1c6f0e-52a3-4ac6-8e22-1c1f6d1f2a01"


def a_mail(**changes: Any) -> dict[str, Any]:
    return {
        "senderAddress": "vigia@example.com",
        "content": {"subject": "Versão 3 revertida", "plainText": "Look.", "html": "<p>Look.</p>"},
        "recipients": {"to": [{"address": "ana@example.com", "displayName": "Ana"}]},
        "headers": {"X-Vigia-Kind": "rolled-back", "X-Vigia-Key": "k1"},
        **changes,
    }


def repeatable(identifier: str = REQUEST, ago: timedelta = timedelta(0)) -> dict[str, str]:
    first_sent = format_datetime(datetime.now(UTC).replace(microsecond=0) - ago, usegmt=True)
    return {"Repeatability-Request-ID": identifier, "Repeatability-First-Sent": first_sent}


def send(
    inbox: Inbox, body: object, headers: dict[str, str] | None = None, query: str = "?api-version=2025-09-01"
) -> tuple[int, Any, dict[str, str]]:
    url = f"http://127.0.0.1:{inbox.port}/acs/emails:send{query}"
    return call("POST", url, body, {"Authorization": "Bearer x", **(headers or {})})


def test_a_mail_is_taken_listed_and_shown(inbox: Inbox) -> None:
    operation = str(uuid.uuid4())
    status, answer, headers = send(inbox, a_mail(), {"Operation-Id": operation})

    assert (status, answer["id"], answer["status"]) == (202, operation, "Running")
    assert operation in headers["Operation-Location"]
    [message] = messages(inbox)
    assert (message["channel"], message["kind"], message["key"]) == ("email", "rolled-back", "k1")
    assert (message["to"], message["subject"]) == (["ana@example.com"], "Versão 3 revertida")
    assert "Versão 3 revertida" in call("GET", f"http://127.0.0.1:{inbox.port}/")[1]


def test_a_repeated_request_is_one_mail_with_one_answer(inbox: Inbox) -> None:
    headers = repeatable()
    answers = [send(inbox, a_mail(), headers)[:2] for _ in range(3)]

    assert answers[0][0] == 202
    assert answers[0] == answers[1] == answers[2]
    assert len(messages(inbox)) == 1


def test_other_requests_are_other_mails(inbox: Inbox) -> None:
    for headers in (repeatable(), repeatable(str(uuid.uuid4())), {}, {}):
        assert send(inbox, a_mail(), headers)[0] == 202
    assert len(messages(inbox)) == 4


# Made when the test runs: a request made when the tests were collected may be forgotten by then.
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param(lambda: repeatable("7"), 400, id="no_guid"),
        pytest.param(lambda: {"Repeatability-Request-ID": REQUEST}, 400, id="half"),
        pytest.param(lambda: {**repeatable(), "Repeatability-First-Sent": "today"}, 400, id="no_date"),
        pytest.param(lambda: repeatable(ago=timedelta(minutes=6)), 412, id="no_longer_remembered"),
        pytest.param(lambda: {"Authorization": "none"}, 401, id="no_token"),
    ],
)
def test_headers_that_the_service_refuses(inbox: Inbox, headers: Callable[[], dict[str, str]], status: int) -> None:
    assert send(inbox, a_mail(), headers())[0] == status
    assert messages(inbox) == []


def test_the_same_request_with_another_body_is_refused(inbox: Inbox) -> None:
    headers = repeatable()
    send(inbox, a_mail(), headers)
    assert send(inbox, a_mail(senderAddress="other@example.com"), headers)[0] == 400


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "not JSON"),
        ([], "must be a JSON object"),
        (a_mail(senderAddress=""), "senderAddress"),
        (a_mail(content={"subject": "x"}), "plainText or html"),
        (a_mail(content="x"), "content must be an object"),
        (a_mail(recipients={"to": []}), "recipients.to"),
        (a_mail(recipients={"to": [{"address": "ana"}]}), "needs an address"),
    ],
)
def test_a_body_that_the_service_refuses(inbox: Inbox, body: object, message: str) -> None:
    status, answer, _ = send(inbox, body)
    assert status == 400
    assert message in answer["error"]["message"]


def test_busy_on_demand(inbox: Inbox) -> None:
    faults = f"http://127.0.0.1:{inbox.port}/_local/acs-faults"
    assert call("PUT", faults, {"busy": 1, "retry_after_seconds": 7})[0] == 204
    status, _, headers = send(inbox, a_mail())
    assert (status, headers["Retry-After"]) == (429, "7")
    assert send(inbox, a_mail())[0] == 202
    assert call("PUT", faults, {"bussy": 1})[0] == 400
