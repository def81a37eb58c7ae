"""The pages on which people see what the monitors saw. They only show."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

from shared.console.page import Page, message_page, page_headers, render_page, within
from shared.console.principal import Principal
from shared.domain.ids import ModelName
from shared.errors import PermanentError, RetryableError
from shared.policy.reading.people import Directory
from shared.store.monitors.monitors import MonitorRun, MonitorState, MonitorStates, last_look, worst
from shared.store.monitors.reports import MonitorReports, StoredReport
from shared.texts.catalogue import section
from shared.texts.languages import preferred
from shared.texts.monitor_report.page import render_report
from shared.texts.values import ValueWriter

HOME = "/api/monitors"


@dataclass(frozen=True, slots=True)
class Line:
    """A run or a monitor in a list. `path` is empty when there is nothing more to see."""

    name: str
    verdict: str
    sentence: str
    path: str


@dataclass(frozen=True, slots=True)
class MonitorPages:
    """Each method answers one request of a signed-in principal, whatever its role.

    Args:
        workspace: whose models these are, by its name in workspaces.yaml; "" for the app's own.
        elsewhere: the states of the other workspaces, by name, for the overview.
    """

    reports: MonitorReports
    states: MonitorStates
    people: Directory
    workspace: str = ""
    elsewhere: Mapping[str, MonitorStates] = field(default_factory=dict)

    def overview(self, principal: Principal, accept_language: str) -> Page:
        """List the monitored models of all workspaces with what was seen last."""

        def page(writer: ValueWriter) -> Page:
            places = {self.workspace: self.states, **self.elsewhere}
            placed = ((them.read(model)[0], name) for name, them in places.items() for model in them.models())
            return _list(writer, principal, "", [_monitor(state, writer, name) for state, name in placed if state])

        return self._answered(principal, accept_language, page)

    def runs(self, model: str, principal: Principal, accept_language: str) -> Page:
        """List a model's reports, newest first, and what was seen last."""

        def page(writer: ValueWriter) -> Page:
            stored = self.reports.newest(model)
            state, _ = self.states.read(ModelName(model))
            if state is None and not stored:
                return message_page(404, writer.locale, "no_report", email=principal.email)
            sentences = _sentences(state)
            lines = [_run(model, report, sentences.get(report.id, ""), writer, self.workspace) for report in stored]
            return _list(writer, principal, model, [*_unreported(state, writer), *lines])

        return self._answered(principal, accept_language, page)

    def report(self, model: str, report: str, principal: Principal, accept_language: str) -> Page:
        """Show one report as it is rendered today."""

        def page(writer: ValueWriter) -> Page:
            stored = self.reports.read(model, report)
            if stored is None:
                return message_page(404, writer.locale, "no_report", email=principal.email)
            nonce = secrets.token_urlsafe(16)
            body = render_report(stored, nonce=nonce, back=within(f"{HOME}/{quote(model, safe='')}", self.workspace))
            return Page(200, body, page_headers(nonce))

        return self._answered(principal, accept_language, page)

    def _answered(self, principal: Principal, accept_language: str, page: Callable[[ValueWriter], Page]) -> Page:
        writer = self._writer(principal, accept_language)
        if not principal.may_decide:
            return message_page(403, writer.locale, "no_role", email=principal.email)
        try:
            return page(writer)
        except PermanentError:
            return message_page(404, writer.locale, "no_report", email=principal.email)
        except RetryableError:
            return message_page(503, writer.locale, "unavailable", email=principal.email)

    def _writer(self, principal: Principal, accept_language: str) -> ValueWriter:
        person = self.people.people.get(principal.email)
        if person is None:
            return ValueWriter(preferred(accept_language), "UTC")
        return ValueWriter(person.locale, person.time_zone)


def _list(writer: ValueWriter, principal: Principal, model: str, lines: list[Line]) -> Page:
    return render_page(
        "monitors.html.j2",
        200,
        writer.locale,
        email=principal.email,
        model=model,
        lines=lines,
        verdicts=section(writer.locale, "monitor-verdict"),
        home=HOME,
    )


def _monitor(state: MonitorState, writer: ValueWriter, workspace: str) -> Line:
    path = within(f"{HOME}/{quote(state.model, safe='')}", workspace)
    name = f"{state.model} · {workspace}" if workspace else state.model
    last = last_look(state)
    if last is None:
        return Line(name, "insufficient-data", "", path)
    return Line(name, last.verdict, f"{writer.moment(last.end)}: {last.sentence}", path)


def _unreported(state: MonitorState | None, writer: ValueWriter) -> list[Line]:
    """Return the newest look when it left no report: people ask why there is none."""
    last = last_look(state)
    if last is None or last.report:
        return []
    return [Line(writer.moment(last.end), last.verdict, last.sentence, "")]


def _sentences(state: MonitorState | None) -> dict[str, str]:
    """Return, by report, the sentence of the signal with the worst verdict."""
    by_report: dict[str, list[MonitorRun]] = {}
    for run in state.runs if state else ():
        by_report.setdefault(run.report, []).append(run)
    return {report: worst(runs).sentence for report, runs in by_report.items() if report}


def _run(model: str, stored: StoredReport, sentence: str, writer: ValueWriter, workspace: str) -> Line:
    path = within(f"{HOME}/{quote(model, safe='')}/{quote(stored.id, safe='')}", workspace)
    return Line(_moment(stored.id, writer), stored.verdict or "", sentence, path)


def _moment(report: str, writer: ValueWriter) -> str:
    """Return when the window ended, which the id ends with."""
    try:
        return writer.moment(datetime.strptime(report[-16:], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC))
    except ValueError:
        return report
