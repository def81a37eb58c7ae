"""The HTTP functions: who gets in, and that the platform's headers count only where the platform stands."""

from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Callable
from types import SimpleNamespace

import azure.functions as func
import pytest

from functions.approvals import decide_approval, list_approvals, show_approval, show_version_card
from functions.sign_in import is_called_by
from shared.bootstrap import Workspaces
from tests.fakes.cards import a_card
from tests.settings import settings_for
from tests.unit.approvals.questions import ANA, RELEASE, a_request
from tests.unit.console.test_approval_pages import Console, _form


def _call(function: object) -> Callable[[func.HttpRequest], func.HttpResponse]:
    """Return the plain function under the decorator."""
    call: Callable[[func.HttpRequest], func.HttpResponse] = function._function.get_user_function()  # type: ignore[attr-defined]
    return call


def _principal(email: str = ANA, role: str = "Approver") -> dict[str, str]:
    claims = [{"typ": "preferred_username", "val": email}, {"typ": "roles", "val": role}]
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps({"claims": claims}).encode()).decode()}


def _request(method: str = "GET", headers: dict[str, str] | None = None, body: bytes = b"") -> func.HttpRequest:
    return func.HttpRequest(
        method,
        f"https://vigia.example/api/approvals/{RELEASE}?next=https://evil.example",
        headers=headers or {},
        route_params={"release": RELEASE},
        body=body,
    )


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console()
    console.approvals.open(a_request())
    app = SimpleNamespace(approval_pages=console.pages, settings=settings_for())
    workspaces = Workspaces(app)  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "shared.bootstrap", SimpleNamespace(get_workspaces=lambda: workspaces))
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")
    return console


@pytest.mark.parametrize("value", ["", "False", "0", "1", None])
def test_without_the_platforms_sign_in_nobody_is_believed(
    console: Console, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", value) if value is not None else monkeypatch.delenv(
        "WEBSITE_AUTH_ENABLED"
    )
    for function in (list_approvals, show_approval, decide_approval):
        answer = _call(function)(_request(headers=_principal()))
        assert answer.status_code == 503
        assert b"Sign-in is switched off" in answer.get_body()
    assert not is_called_by(_request(headers=_principal()), "", "")


def test_reading_unsigned_leads_to_sign_in_and_back_here(console: Console) -> None:
    answer = _call(show_approval)(_request())
    assert answer.status_code == 302
    assert answer.headers["Location"] == (
        "/.auth/login/aad?post_login_redirect_uri=%2Fapi%2Fapprovals%2Fflight-delay-3"
    )


def test_deciding_unsigned_is_refused_with_a_way_in(console: Console) -> None:
    answer = _call(decide_approval)(_request("POST", body=b"choice=approve"))
    assert answer.status_code == 401
    assert b"/.auth/login/aad" in answer.get_body()
    assert console.approvals.decision(RELEASE, "d1") is None


def test_a_signed_in_approver_decides_over_http(console: Console) -> None:
    shown = _call(show_approval)(_request(headers=_principal()))
    assert shown.status_code == 200
    assert shown.headers["Content-Type"] == "text/html; charset=utf-8"
    form = _form(console.show())
    body = f"choice=approve&reason=&digest={form['digest']}&token={form['token']}".encode()
    answer = _call(decide_approval)(_request("POST", headers=_principal(), body=body))
    assert answer.status_code == 200
    decision = console.approvals.decision(RELEASE, "d1")
    assert decision is not None
    assert decision.by == (ANA,)


def test_a_garbled_principal_is_nobody(console: Console) -> None:
    assert _call(list_approvals)(_request(headers={"X-MS-CLIENT-PRINCIPAL": "%%%"})).status_code == 302


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({"Origin": "https://vigia.example", "Sec-Fetch-Site": "same-origin"}, 200, id="ours"),
        pytest.param({"Origin": "https://evil.example"}, 403, id="another_origin"),
        pytest.param({"Origin": "https://vigia.example.evil.example"}, 403, id="a_longer_name"),
        pytest.param({"Origin": "null"}, 403, id="an_origin_that_hides"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, 403, id="another_site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, 403, id="a_neighbour"),
        pytest.param({"Origin": "https://vigia.example", "Sec-Fetch-Site": "cross-site"}, 403, id="they_contradict"),
        pytest.param({}, 200, id="no_browser_of_today"),
    ],
)
def test_a_form_that_another_site_sent_is_refused(console: Console, headers: dict[str, str], status: int) -> None:
    form = _form(console.show())
    body = f"choice=approve&reason=&digest={form['digest']}&token={form['token']}".encode()

    answer = _call(decide_approval)(_request("POST", headers=_principal() | headers, body=body))

    assert answer.status_code == status
    assert (console.approvals.decision(RELEASE, "d1") is not None) == (status == 200)


def test_the_card_of_a_version_is_shown_by_the_same_rules_as_its_question(console: Console) -> None:
    show = _call(show_version_card)
    assert show(_request()).status_code == 302
    assert show(_request(headers=_principal(role="Reader"))).status_code == 403
    assert show(_request(headers=_principal())).status_code == 404
    console.pages.releases.save_card(a_card())
    shown = show(_request(headers=_principal()))
    body = shown.get_body().decode()
    assert shown.status_code == 200
    assert "Rejected before it served. 1 of 2 gates passed." in body
    assert "&lt;script&gt;" in body
    assert "<script>" not in body
    assert f'href="/api/approvals/{RELEASE}"' in body
    nonce = re.search(r"style-src 'nonce-([^']+)'", shown.headers["Content-Security-Policy"])
    assert nonce is not None
    assert f'<style nonce="{nonce[1]}">' in body
    assert f'href="/api/approvals/{RELEASE}/card"' in console.show().body
