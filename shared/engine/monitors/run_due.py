"""Runs monitors that are due: stores the report of each look, and announces drift as an event of our own."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from shared.domain.ids import ModelName, ModelVersion
from shared.domain.notice import Notice
from shared.drift.results.signals import MonitorReport
from shared.engine.monitors.look import Look, MonitorLook
from shared.engine.monitors.runs import lasts, with_label_runs, with_window_runs
from shared.engine.monitors.silence import is_overdue, monitor_trouble, signal_troubles, silent_monitors
from shared.engine.monitors.spark_window import SparkWindows, after_counting
from shared.engine.monitors.subject import Subject
from shared.engine.notices.access import notify_refusal
from shared.errors import PermanentError, VigiaError
from shared.events.sent.outgoing import drift_detected
from shared.logs import fields
from shared.policy.sections.model import Policy
from shared.policy.sections.monitoring import Monitor
from shared.ports.clock import Clock
from shared.ports.data import DataReader
from shared.ports.outbox import Outbox
from shared.ports.publisher import OutgoingEvent, Publisher
from shared.ports.workspace import Workspace
from shared.store.monitors.beats import Beat
from shared.store.monitors.monitors import MonitorRun, MonitorState, MonitorStates
from shared.store.monitors.profiles import Profiles
from shared.store.monitors.reports import MonitorReports
from shared.texts.monitor_report.page import render_report

log = logging.getLogger("vigia.monitors")

# A function may run for ten minutes. Looks that would begin later than this wait for the next run, whose first they
# are, so that each has as long again.
BEGIN_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True)
class Monitors:
    """Runs every policy's monitor that is due; without `reports` none is stored, without `large` every window is read
    here, however large."""

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
    large: SparkWindows | None = None

    def run_due(self) -> None:
        """Run the monitors that are due; one that fails does not stop the others.

        The model whose look was begun the longest ago comes first, so that one whose look is killed every time gets
        its next turn after all others. A killed look cannot report itself: the next run does, before any look.
        """
        monitored = [(policy, monitor) for policy in self.policies if (monitor := policy.section(Monitor))]
        self._post(silent_monitors(monitored, self.states.looks, self.clock.now()))
        began, beats = self.clock.now(), self._beats()
        for policy, monitor in _longest_ago_first(monitored, beats):
            if self.clock.now() - began >= BEGIN_WITHIN:
                log.warning("monitor.postponed", extra=fields(model=policy.model))
                continue
            try:
                self._run_if_due(policy, monitor, was_killed=beats.get(policy.model, Beat()).is_cut_off)
            except VigiaError as exc:
                log.error("monitor.failed", extra=fields(model=policy.model, code=exc.code, reason=str(exc)))
                notify_refusal(exc, self.outbox, self.clock.now())
                self._report_no_look(policy, monitor, str(exc), is_permanent=isinstance(exc, PermanentError))
            except Exception as exc:
                # Whatever it is, it must not stand between the other models and their monitors.
                log.exception("monitor.unexpected_error", extra=fields(model=policy.model))
                reason = f"a mistake in the code: {type(exc).__name__}: {exc}"
                self._report_no_look(policy, monitor, reason, is_permanent=True)

    def _beats(self) -> Mapping[ModelName, Beat]:
        try:
            return {ModelName(name): beat for name, beat in self.states.looks.read().items()}
        except VigiaError as exc:
            log.warning("monitor.order_unknown", extra=fields(code=exc.code, reason=exc.message))
            return {}

    def _run_if_due(self, policy: Policy, monitor: Monitor, *, was_killed: bool) -> None:
        state, etag = self.states.read(policy.model)
        # A window that is being counted is looked after on every run, due or not: its job may have ended.
        if state is not None and not state.counting and self.clock.now() - state.looked_at < monitor.every:
            return
        self.states.looks.begin(policy.model)
        try:
            # Labels are the longest part of a look: after one that was killed the window gets its turn without them.
            self._run(policy, monitor, state, etag, reads_labels=not was_killed)
        except Exception:
            # A look that fails has ended; only a killed one does not get here.
            self.states.looks.end(policy.model)
            raise
        self.states.looks.end(policy.model)

    def _run(
        self, policy: Policy, monitor: Monitor, state: MonitorState | None, etag: str, *, reads_labels: bool
    ) -> None:
        now = self.clock.now()
        looking = MonitorLook(self.workspace, self.data, self.profiles)
        deployment = looking.deployment(policy)
        if deployment is None or deployment.version is None:
            reason = f"endpoint {policy.endpoint.name} serves no version of {policy.model}"
            # Before its first release a model serves no requests, and that is in order.
            is_permanent = state is None and looking.serves_another_model(policy)
            self._report_no_look(policy, monitor, reason, is_permanent=is_permanent)
            return
        if state is None or state.model_version != deployment.version:
            state, etag = self._begin(policy, monitor, deployment.version, state, etag)
        subject = Subject(
            policy,
            monitor,
            deployment.name,
            state,
            end=now,
            previous=self._previous_report(state),
            stores_references=True,
            reads_labels=reads_labels,
        )
        if self.large and not state.counting and (counting := self.large.frozen(subject)):
            # Stored before its job is submitted: the worker that finds it submits the same job again.
            state = replace(state, counting=counting)
            etag = self.states.save(state, etag)
        if self.large and (counting := state.counting):
            subject = replace(subject, state=state, deployment=counting.deployment, end=counting.end)
            look = self.large.look(subject, counting, now)
            if look is None:
                return
            state = after_counting(state, counting, look)
        else:
            look = looking.look(subject)
        state = self._publish(look, policy, monitor, state)
        self.states.save(replace(state, looked_at=subject.end), etag)
        self._report_troubles(policy, signal_troubles(policy, monitor, state, now))

    def _begin(
        self, policy: Policy, monitor: Monitor, version: ModelVersion, state: MonitorState | None, etag: str
    ) -> tuple[MonitorState, str]:
        """Return the state before a version's first look, and its etag; the runs of earlier versions stay in it."""
        start = self.clock.now() - monitor.every
        begun = MonitorState(policy.model, version, start, start, state.runs if state else ())
        # Stored before anything is published: the window's start is part of what makes two events one fact.
        return begun, self.states.save(begun, etag)

    def _publish(self, look: Look, policy: Policy, monitor: Monitor, state: MonitorState) -> MonitorState:
        """Store the report, announce drift that lasts, and return the state with a run per signal."""
        runs = (*look.window_runs, *look.label_runs)
        held = {run.signal for run in runs if run.verdict == "drift" and not lasts(state, run, monitor)}
        report = self._store(_with_held(look.report, held, monitor))
        window_runs, label_runs = (
            [replace(run, report=report) for run in group] for group in (look.window_runs, look.label_runs)
        )
        for run in (*window_runs, *label_runs):
            self._announce(run, policy, is_held=run.signal in held)
        state = with_window_runs(state, window_runs, monitor, look.report.end)
        return with_label_runs(state, label_runs)

    def _report_no_look(self, policy: Policy, monitor: Monitor, reason: str, *, is_permanent: bool = False) -> None:
        """Notify that a monitor does not look: at once when that will not pass by itself, else when it has lasted."""
        now = self.clock.now()
        if not is_permanent:
            try:
                state, _ = self.states.read(policy.model)
            except VigiaError as exc:
                log.warning(
                    "monitor.state_unreadable", extra=fields(model=policy.model, code=exc.code, reason=exc.message)
                )
                return
            if state is None or not is_overdue(state, monitor, now):
                return
            reason = f"it last looked at {state.looked_at:%Y-%m-%d %H:%M} UTC: {reason}"
        self._report_troubles(policy, [monitor_trouble(policy, reason, now)])

    def _report_troubles(self, policy: Policy, notices: Iterable[Notice]) -> None:
        notices = list(notices)
        for notice in notices:
            signal, reason = notice.parameters.get("signal", ""), notice.parameters["reason"]
            log.warning("monitor.trouble", extra=fields(model=policy.model, signal=signal, reason=reason))
        self._post(notices)

    def _post(self, notices: Sequence[Notice]) -> None:
        try:
            self.outbox.post(notices)
        except VigiaError as exc:
            # The next look posts it again.
            log.error("monitor.notice_not_posted", extra=fields(code=exc.code, reason=exc.message))

    def _previous_report(self, state: MonitorState) -> MonitorReport | None:
        """Return the newest report that is still there and can be read: its past is carried on."""
        newest = next((run.report for run in reversed(state.runs) if run.report), "")
        try:
            return self.reports.read(state.model, newest) if self.reports and newest else None
        except PermanentError as exc:
            log.warning("monitor.report_unreadable", extra=fields(model=state.model, report=newest, reason=str(exc)))
            return None

    def _store(self, report: MonitorReport) -> str:
        """Store a report with a verdict, before it is announced, and return its id; "" when it is not stored."""
        if self.reports is None or report.verdict == "insufficient-data":
            return ""
        self.reports.save(report, render_report(report))
        return report.id

    def _announce(self, run: MonitorRun, policy: Policy, *, is_held: bool) -> None:
        # Published before the state is saved: after a crash in between, the same window gives the same event again.
        if run.verdict == "drift" and not is_held:
            self.publisher.publish(self._announcement(run, policy))
        details = fields(model=policy.model, signal=run.signal, verdict=run.verdict, rows=run.rows, held=is_held)
        log.info("monitor.ran", extra=details)

    def _announcement(self, run: MonitorRun, policy: Policy) -> OutgoingEvent:
        return drift_detected(
            self.source,
            run.end,
            model=policy.model,
            monitor=f"{policy.model}-{run.signal}",
            signal=run.signal,
            run=run.name,
            features=run.features,
            detail=run.sentence,
            report=run.report,
        )


def _with_held(report: MonitorReport, held: Collection[str], monitor: Monitor) -> MonitorReport:
    """Return the report, with a finding on drift that has not lasted yet and is not announced."""
    lasting = monitor.persistence
    finding = f"not announced yet: {lasting.alarms} of the last {lasting.of} windows have to drift"
    signals = tuple(
        replace(signal, findings=(*signal.findings, finding)) if signal.signal in held else signal
        for signal in report.signals
    )
    return replace(report, signals=signals)


def _longest_ago_first(
    monitored: Sequence[tuple[Policy, Monitor]], beats: Mapping[ModelName, Beat]
) -> list[tuple[Policy, Monitor]]:
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(monitored, key=lambda pair: beats.get(pair[0].model, Beat()).begun_at or never)
