"""Pages of the monitors: who may read them, what they list, and that nothing in a report acts."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import azure.functions as func
import pytest

from functions.monitors import list_monitor_runs, list_monitors, show_monitor_report
from shared.bootstrap import Workspaces
from shared.console.monitor_pages import MonitorPages
from shared.console.principal import Principal
from shared.domain.ids import ModelName, ModelVersion
from shared.drift.results.signals import MonitorReport
from shared.errors import RetryableError
from shared.policy.reading.people import Directory, Person
from shared.store.monitors.monitors import MonitorRun, MonitorState, MonitorStates
from shared.store.monitors.reports import MonitorReports
from tests.fakes.blobs import MemoryBlobStore
from tests.fakes.clock import FakeClock
from tests.fakes.monitor_reports import a_report
from tests.settings import settings_for
from tests.unit.approvals.questions import ANA, BEN
from tests.unit.console.test_functions import _call, _principal

REPORT = a_report(2)
MODEL = ModelName(REPORT.model)
READER = Principal(ANA, frozenset({"Approver"}))


class Console:
    def __init__(self) -> None:
        blobs = MemoryBlobStore(FakeClock().now)
        self.reports, self.states = MonitorReports(blobs), MonitorStates(blobs)
        self.pages = MonitorPages(
            self.reports, self.states, Directory({BEN: Person(BEN, "Ben", "pt-BR", "America/Sao_Paulo")})
        )

    def see(self, report: MonitorReport, *, keep: bool = True) -> None:
        state, etag = self.states.read(MODEL)
        run = MonitorRun(
            ModelVersion("3"),
            "data-drift",
            report.start,
            report.end,
            9,
            report.verdict,
            f"<i>{report.sentence}</i>",
            report=report.id if keep else "",
        )
        runs = state.runs if state else ()
        self.states.save(MonitorState(MODEL, run.model_version, run.end, run.end, (*runs, run)), etag)
        if keep:
            self.reports.save(report, "")


@pytest.fixture
def console() -> Console:
    console = Console()
    console.see(REPORT)
    return console


def test_the_list_leads_to_the_models_and_on_to_their_reports(console: Console) -> None:
    assert 'href="/api/monitors/flight-delay"' in console.pages.overview(READER, "").body
    page = console.pages.runs(MODEL, READER, "")
    assert f'href="/api/monitors/flight-delay/{REPORT.id}"' in page.body
    assert "12 Jul 2026, 03:00 (UTC)" in page.body
    assert "drift" in page.body
    assert "&lt;i&gt;2 of 7 columns" in page.body


def test_lists_speak_the_readers_language(console: Console) -> None:
    page = console.pages.runs(MODEL, replace(READER, email=BEN), "")
    assert "Verificações do monitor de flight-delay" in page.body
    assert "12 de jul. de 2026, 00:00 (UTC-3)" in page.body


def test_a_last_look_without_a_report_says_why_there_is_none(console: Console) -> None:
    report = replace(REPORT, end=REPORT.end + timedelta(hours=1), sentence="12 rows", verdict="insufficient-data")
    console.see(report, keep=False)
    body = console.pages.runs(MODEL, READER, "").body
    assert body.index("12 rows") < body.index(REPORT.id)
    assert "too little data" in body


def test_a_report_is_shown_under_a_policy_that_lets_nothing_run(console: Console) -> None:
    page = console.pages.report(MODEL, REPORT.id, READER, "")
    assert page.status == 200
    assert "2 of 7 columns no longer look like the reference" in page.body
    policy = page.headers["Content-Security-Policy"]
    nonce = policy.split("'nonce-")[1].split("'")[0]
    assert "default-src 'none'" in policy
    assert f'<style nonce="{nonce}">' in page.body
    assert 'href="/api/monitors/flight-delay"' in page.body


@pytest.mark.parametrize(
    ("model", "report"),
    [("flight-delay", "flight-delay-20200101T000000Z"), ("flight-delay", "../x"), ("other", REPORT.id), ("../x", "y")],
)
def test_what_is_not_there_is_not_found(console: Console, model: str, report: str) -> None:
    assert console.pages.report(model, report, READER, "").status == 404


@pytest.mark.parametrize("model", ["other", "../secrets", "a/b"])
def test_a_model_that_nobody_monitors_is_not_found(console: Console, model: str) -> None:
    assert console.pages.runs(model, READER, "").status == 404


def test_without_a_role_nothing_is_shown(console: Console) -> None:
    stranger = Principal("eve@example.com", frozenset({"Reader"}))
    pages = [
        console.pages.overview(stranger, ""),
        console.pages.runs(MODEL, stranger, ""),
        console.pages.report(MODEL, REPORT.id, stranger, ""),
    ]
    assert [page.status for page in pages] == [403, 403, 403]
    assert all("dep_delay" not in page.body for page in pages)


def test_storage_that_does_not_answer_is_said_so(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(*_: object) -> None:
        raise RetryableError("storage.unreachable", "down")

    monkeypatch.setattr(console.reports, "read", down)
    assert console.pages.report(MODEL, REPORT.id, READER, "").status == 503


def test_over_http_the_pages_stand_behind_the_sign_in(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    app = SimpleNamespace(monitor_pages=console.pages, settings=settings_for())
    workspaces = Workspaces(app)  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "shared.bootstrap", SimpleNamespace(get_workspaces=lambda: workspaces))
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")
    for function in (list_monitors, list_monitor_runs, show_monitor_report):
        assert _call(function)(_at_report(None)).status_code == 302
        assert _call(function)(_at_report(_principal())).status_code == 200
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "")
    assert _call(show_monitor_report)(_at_report(_principal())).status_code == 503


def _at_report(headers: dict[str, str] | None) -> func.HttpRequest:
    url = f"https://vigia.example/api/monitors/{MODEL}/{REPORT.id}"
    parameters = {"model": MODEL, "report": REPORT.id}
    return func.HttpRequest("GET", url, headers=headers or {}, route_params=parameters, body=b"")
