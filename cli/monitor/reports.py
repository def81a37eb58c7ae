"""The runs of a model's monitor, and the report that a person means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cli.kit.errors import CommandError
from shared.policy.sections.quantities import size_text

if TYPE_CHECKING:
    from shared.bootstrap import App
    from shared.drift.results.signals import MonitorReport
    from shared.store.monitors.monitors import Counting

MOST_RUNS = 30


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run. `report` is the id of its report, "" when it left none; `sentence` is "" for a report whose run the
    state no longer has. `verdict` is also "counting", of a window that a Spark job counts."""

    at: datetime
    report: str
    signal: str
    verdict: str
    sentence: str


def runs_of(app: App, model: str) -> tuple[RunLine, ...]:
    """Return a model's runs, newest first: those whose reports are there, and those that the state still has."""
    from shared.domain.ids import ModelName

    stored = app.monitor_reports.newest(model, MOST_RUNS)
    state, _ = app.monitor_states.read(ModelName(model))
    recent = [
        RunLine(run.end, run.report, run.signal, run.verdict, run.sentence) for run in (state.runs if state else ())
    ]
    if state and state.counting:
        recent.append(_counting(state.counting))
    recent_ids = {line.report for line in recent}
    older = [
        RunLine(_ended(report.id), report.id, "", report.verdict or "", "")
        for report in stored
        if report.id not in recent_ids
    ]
    return tuple(sorted((*recent, *older), key=lambda line: line.at, reverse=True)[:MOST_RUNS])


def find_report(app: App, model: str, text: str | None) -> MonitorReport:
    """Return the report with that id, or whose id contains the text; without one the newest.

    Raises:
        CommandError: there is none, or the text fits several.
    """
    exact = app.monitor_reports.read(model, text) if text and text.startswith(model) else None
    if exact is not None:
        return exact
    ids = [report.id for report in app.monitor_reports.newest(model, 10_000)]
    fitting = [report_id for report_id in ids if text in report_id] if text else ids[:1]
    if not fitting:
        missing = f"no report {text!r}" if text else "no report yet"
        hint = f"`vigia monitor show {model}` lists them" if ids else f"`vigia monitor run {model}` looks now"
        raise CommandError("cli.no_report", f"{model} has {missing}", hint)
    if len(fitting) > 1:
        raise CommandError("cli.many_reports", f"{text!r} fits {len(fitting)} reports", f"e.g. {fitting[0]}")
    report = app.monitor_reports.read(model, fitting[0])
    if report is None:
        raise CommandError("cli.no_report", f"report {fitting[0]} was just deleted", "try another one")
    return report


def _counting(window: Counting) -> RunLine:
    size = size_text(window.size, 3)
    by = f"the Spark job {window.job} counts it" if window.job else "one process cannot read it"
    return RunLine(window.end, "", "data-drift", "counting", f"the window holds {size} of collected requests: {by}")


def _ended(report: str) -> datetime:
    try:
        return datetime.strptime(report[-16:], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
