"""Runs monitors that are due: keeps the report of each look, and announces drift as an event of our own."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime

from shared.domain.fact import FeatureDrift
from shared.drift.assemble import DATA_DRIFT
from shared.drift.signal import MonitorReport, SignalReport
from shared.engine.access import tell_refusal
from shared.engine.monitor_look import Look, MonitorLook, Watched
from shared.engine.performance import LabelledLook
from shared.errors import PermanentError, VigiaError
from shared.events.outgoing import drift_detected
from shared.logs import fields
from shared.policy.model import Policy
from shared.policy.monitoring import Monitor
from shared.policy.signals import DataDrift
from shared.ports.clock import Clock
from shared.ports.data import DataReader
from shared.ports.outbox import Outbox
from shared.ports.publisher import OutgoingEvent, Publisher
from shared.ports.workspace import Workspace
from shared.store.monitor_reports import MonitorReports
from shared.store.monitors import KEPT_RUNS, MonitorRun, MonitorState, MonitorStates
from shared.store.profiles import Profiles
from shared.texts.monitor_report.page import render_report

log = logging.getLogger("vigia.monitors")

# The strongest drifted columns travel in the event; all of them are in the monitor's report.
MOST_FEATURES = 20


@dataclass(frozen=True)
class Monitors:
    """Runs every policy's monitor that is due; without `reports` none is kept."""

    policies: tuple[Policy, ...]
    workspace: Workspace
    data: DataReader
    profiles: Profiles
    states: MonitorStates
    publisher: Publisher
    clock: Clock
    source: str
    outbox: Outbox
    reports: MonitorReports | None = None

    def run_due(self) -> None:
        """Run the monitors that are due; one model's trouble does not keep the others from being watched."""
        for policy in self.policies:
            monitor = policy.section(Monitor)
            if monitor is None:
                continue
            try:
                self._run_if_due(policy, monitor)
            except VigiaError as exc:
                log.error("monitor.failed", extra=fields(model=policy.model, code=exc.code, reason=str(exc)))
                tell_refusal(exc, self.outbox, self.clock.now())

    def _run_if_due(self, policy: Policy, monitor: Monitor) -> None:
        now = self.clock.now()
        state, etag = self.states.read(policy.model)
        if state is not None and now - state.looked_at < monitor.every:
            return
        looking = MonitorLook(self.workspace, self.data, self.profiles)
        watched = looking.watched(policy)
        if watched is None:
            return
        if state is None or state.model_version != watched.version:
            # Stored before anything is published: the window's start is part of what makes two events one fact.
            start = now - monitor.every
            state = MonitorState(policy.model, watched.version, start, start, state.runs if state else ())
            etag = self.states.save(state, etag)
        look = looking.look(policy, monitor, watched, state, now, self._report_before(state))
        kept = self._kept(look.report)
        if (signal := look.signal(DATA_DRIFT)) and monitor.data_drift:
            run = _run(signal, watched, state.window_start, now, kept)
            state = _after(state, self._announced(run, policy), monitor.data_drift, now)
        if look.labelled:
            state = _after_labels(state, self._announced(_labelled_run(look, watched, now, kept), policy))
        self.states.save(replace(state, looked_at=now), etag)

    def _report_before(self, state: MonitorState) -> MonitorReport | None:
        """Return the newest report that is still there and can be read: its past is carried on."""
        known = next((run.report for run in reversed(state.runs) if run.report), "")
        try:
            return self.reports.read(state.model, known) if self.reports and known else None
        except PermanentError as exc:
            log.warning("monitor.report_unreadable", extra=fields(model=state.model, report=known, reason=str(exc)))
            return None

    def _kept(self, report: MonitorReport) -> str:
        """Store a report that says anything, before it is announced, and return its id."""
        if self.reports is None or report.verdict == "insufficient-data":
            return ""
        self.reports.save(report, render_report(report))
        return report.id

    def _announced(self, run: MonitorRun, policy: Policy) -> MonitorRun:
        """Return the run, announced if it found drift: before it is noted, so that after a crash in between the
        same window gives the same event again."""
        if run.verdict == "drift":
            self.publisher.publish(self._announcement(run, policy))
        about = fields(model=policy.model, signal=run.signal, verdict=run.verdict, rows=run.rows)
        log.info("monitor.ran", extra=about)
        return run

    def _announcement(self, run: MonitorRun, policy: Policy) -> OutgoingEvent:
        return drift_detected(
            self.source,
            run.end,
            model=policy.model,
            monitor=f"{policy.model}-{run.signal}",
            signal=run.signal,
            run=f"{run.model_version}@{run.evidence or run.start.isoformat()}",
            features=run.features,
            detail=run.sentence,
            report=run.report,
        )


def _run(signal: SignalReport, watched: Watched, start: datetime, end: datetime, report: str) -> MonitorRun:
    drifted = [each for each in signal.columns if each.is_drifted]
    strongest = sorted(drifted, key=lambda each: (each.effect or 0.0) / each.floor, reverse=True)[:MOST_FEATURES]
    features = tuple(FeatureDrift(each.name, each.statistic, each.effect or 0.0, each.floor) for each in strongest)
    return MonitorRun(
        watched.version,
        signal.signal,
        start,
        end,
        signal.rows,
        signal.verdict,
        signal.sentence,
        features,
        report=report,
    )


def _labelled_run(look: Look, watched: Watched, now: datetime, report: str) -> MonitorRun:
    labelled: LabelledLook | None = look.labelled
    assert labelled is not None
    signal = look.signal(labelled.signal.signal) or labelled.signal
    return replace(_run(signal, watched, labelled.start, now, report), evidence=labelled.evidence)


def _after(state: MonitorState, run: MonitorRun, rules: DataDrift, now: datetime) -> MonitorState:
    """Return the state with the run noted. Too few rows leave the window open; of its looks the last is kept."""
    window = (run.model_version, run.signal, run.start)
    runs = tuple(old for old in state.runs if (old.model_version, old.signal, old.start) != window)
    is_open = run.verdict == "insufficient-data" and run.rows < rules.minimum_rows
    return replace(
        state,
        window_start=state.window_start if is_open else now,
        runs=(*runs, run)[-KEPT_RUNS:],
    )


def _after_labels(state: MonitorState, run: MonitorRun) -> MonitorState:
    """Return the state with the run noted. Too few labelled rows are looked at again, with more rows, next time."""
    runs = tuple(old for old in state.runs if (old.signal, old.evidence) != (run.signal, run.evidence))
    is_open = run.verdict == "insufficient-data"
    return replace(
        state,
        labels_seen=state.labels_seen if is_open else run.evidence,
        runs=(*runs, run)[-KEPT_RUNS:],
    )
