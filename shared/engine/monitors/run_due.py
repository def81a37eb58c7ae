"""Asks for the looks that are due, takes one, stores its report, and announces drift as an event of our own."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from shared.domain.ids import DeploymentName, ModelName, ModelVersion
from shared.domain.messages import LookAt
from shared.domain.notice import Notice
from shared.drift.results.rows import monitor_rows
from shared.drift.results.signals import MonitorReport
from shared.engine.monitors.look import Look, MonitorLook
from shared.engine.monitors.rows.batch_jobs import silent_jobs
from shared.engine.monitors.rows.budget import Budget
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
from shared.ports.queues import LOOKS, MessageQueue
from shared.ports.workspace import Workspace
from shared.store.monitors.beats import Beat
from shared.store.monitors.look_claims import LookClaims
from shared.store.monitors.monitors import MonitorRun, MonitorState, MonitorStates, Standing
from shared.store.monitors.profiles import Profiles
from shared.store.monitors.reports import PREFIX as REPORTS
from shared.store.monitors.reports import MonitorReports
from shared.store.monitors.rows import MonitorRows
from shared.texts.monitor_report.page import render_report

log = logging.getLogger("vigia.monitors")


@dataclass(frozen=True)
class Monitors:
    """Takes looks, and asks for those that are due; without `reports` none is stored, without `large` every window is
    read here, however large."""

    policies: tuple[Policy, ...]
    workspace: Workspace
    data: DataReader
    profiles: Profiles
    states: MonitorStates
    claims: LookClaims
    queue: MessageQueue
    publisher: Publisher
    clock: Clock
    source: str
    outbox: Outbox
    reports: MonitorReports | None = None
    rows: MonitorRows | None = None
    large: SparkWindows | None = None

    def ask_for_due(self) -> None:
        """Put a message on queue `looks` for each monitor that is due: the one whose look was begun the longest ago
        comes first, so that one whose look is killed every time gets its next turn after all others.

        A killed look cannot report itself: this does, before it asks for any.
        """
        monitored = [(policy, monitor) for policy in self.policies if (monitor := policy.section(Monitor))]
        self._post(silent_monitors(monitored, self.states.looks, self.clock.now()))
        now, standings = self.clock.now(), self.states.standings()
        for policy, monitor in _longest_ago_first(monitored, self._beats()):
            if _is_due(standings.get(policy.model), monitor, now):
                self.queue.send(LOOKS, LookAt("monitor", now, policy.model).to_body())

    def look(self, model: ModelName, *, is_of_labels: bool = False) -> None:
        """Take the model's look, if it is due and nobody else takes it; what goes wrong is reported, not raised.

        Args:
            is_of_labels: look at the labels alone, which the look at the window had no time for.
        """
        policy = next((policy for policy in self.policies if policy.model == model), None)
        monitor = policy.section(Monitor) if policy else None
        if policy is None or monitor is None:
            return
        try:
            self._look(policy, monitor, is_of_labels=is_of_labels)
        except VigiaError as exc:
            log.error("monitor.failed", extra=fields(model=model, code=exc.code, reason=str(exc)))
            notify_refusal(exc, self.outbox, self.clock.now())
            self._report_no_look(policy, monitor, str(exc), is_permanent=isinstance(exc, PermanentError))
        except Exception as exc:
            # Whatever it is, trying the message again would not help; the timer asks for the look again.
            log.exception("monitor.unexpected_error", extra=fields(model=model))
            reason = f"a mistake in the code: {type(exc).__name__}: {exc}"
            self._report_no_look(policy, monitor, reason, is_permanent=True)

    def _beats(self) -> Mapping[ModelName, Beat]:
        try:
            return {ModelName(name): beat for name, beat in self.states.looks.read().items()}
        except VigiaError as exc:
            log.warning("monitor.order_unknown", extra=fields(code=exc.code, reason=exc.message))
            return {}

    def _look(self, policy: Policy, monitor: Monitor, *, is_of_labels: bool) -> None:
        # Most messages that come late are not due any more, and cost this one read.
        state, etag = self.states.read(policy.model)
        if not is_of_labels and not _is_due(state, monitor, self.clock.now()):
            return
        with self.claims.held(f"monitor/{policy.model}", self.clock.now()) as claim:
            if claim is None:
                log.info("monitor.under_way", extra=fields(model=policy.model))
                return
            # Another worker may have looked while this one took the claim.
            state, etag = self.states.read(policy.model)
            if is_of_labels:
                self._run_labels(policy, monitor, state, etag)
            elif _is_due(state, monitor, self.clock.now()):
                self._run_recorded(policy, monitor, state, etag, was_cut_off=claim.was_cut_off)

    def _run_recorded(
        self, policy: Policy, monitor: Monitor, state: MonitorState | None, etag: str, *, was_cut_off: bool
    ) -> None:
        self.states.looks.begin(policy.model)
        try:
            # Labels are the longest part of a look: after one that was killed the window gets its turn without them.
            self._run(policy, monitor, state, etag, reads_labels=not was_cut_off)
        except Exception:
            # A look that fails has ended; only a killed one does not get here.
            self.states.looks.end(policy.model)
            raise
        self.states.looks.end(policy.model)

    def _run(
        self, policy: Policy, monitor: Monitor, state: MonitorState | None, etag: str, *, reads_labels: bool
    ) -> None:
        now = self.clock.now()
        looking = MonitorLook(self.workspace, self.data, self.profiles, Budget(self.clock, now))
        deployment = looking.deployment(policy)
        if deployment is None or deployment.version is None:
            reason = f"endpoint {policy.endpoint.name} serves no version of {policy.model}"
            # Before its first release a model serves no requests, and that is in order.
            is_permanent = state is None and looking.serves_another_model(policy)
            self._report_no_look(policy, monitor, reason, is_permanent=is_permanent)
            return
        if state is None or state.model_version != deployment.version:
            state, etag = self._begin(policy, monitor, deployment.version, state, etag)
        subject = self._subject(policy, monitor, deployment.name, state, now)
        subject = replace(subject, reads_labels=reads_labels)
        # What a batch endpoint's jobs read lies elsewhere than Spark looks; the look's own time bounds it.
        is_online = policy.endpoint.type == "online"
        if self.large and is_online and not state.counting and (counting := self.large.frozen(subject)):
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
            state = replace(state, data_rows=look.data_rows)
        state = self._publish(look, policy, monitor, state)
        self.states.save(replace(state, looked_at=subject.end), etag)
        if look.leaves_labels:
            self.queue.send(LOOKS, LookAt("labels", now, policy.model).to_body())
        jobs = silent_jobs(policy, self.workspace, deployment.name, state.window_start, now)
        silence = [monitor_trouble(policy, jobs, now, "jobs")] if jobs else []
        self._report_troubles(policy, [*signal_troubles(policy, monitor, state, now), *silence])

    def _run_labels(self, policy: Policy, monitor: Monitor, state: MonitorState | None, etag: str) -> None:
        """Look at the labels alone, which the look at the window left; the version may have changed since."""
        now = self.clock.now()
        looking = MonitorLook(self.workspace, self.data, self.profiles, Budget(self.clock, now))
        deployment = looking.deployment(policy)
        if state is None or deployment is None or deployment.version != state.model_version:
            return
        look = looking.look_at_labels(self._subject(policy, monitor, deployment.name, state, now))
        if look is not None:
            published = self._publish(look, policy, monitor, state)
            self.states.save(replace(published, window_start=state.window_start), etag)

    def _subject(
        self, policy: Policy, monitor: Monitor, deployment: DeploymentName, state: MonitorState, end: datetime
    ) -> Subject:
        previous = self._previous_report(state)
        return Subject(policy, monitor, deployment, state, end=end, previous=previous, stores_references=True)

    def _begin(
        self, policy: Policy, monitor: Monitor, version: ModelVersion, state: MonitorState | None, etag: str
    ) -> tuple[MonitorState, str]:
        """Return the state before a version's first look, and its etag; the runs of earlier versions stay in it."""
        start = self.clock.now() - monitor.every
        begun = MonitorState(policy.model, version, start, start)
        begun = replace(begun, runs=state.runs, data_rows=state.data_rows) if state else begun
        # Stored before anything is published: the window's start is part of what makes two events one fact.
        return begun, self.states.save(begun, etag)

    def _publish(self, look: Look, policy: Policy, monitor: Monitor, state: MonitorState) -> MonitorState:
        """Store the report, announce drift that lasts, and return the state with a run per signal."""
        runs = (*look.window_runs, *look.label_runs)
        held = {run.signal for run in runs if run.verdict == "drift" and not lasts(state, run, monitor)}
        shown = _with_held(look.report, held, monitor)
        report = self._store(shown)
        self._write_rows(shown, report, monitor.top)
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

    def _write_rows(self, report: MonitorReport, stored: str, most: int) -> None:
        """Keep the look's rows as a table, and log its signals and the columns that drifted most."""
        blob = f"{REPORTS}{report.model}/{stored}.json" if stored else ""
        rows = monitor_rows(report, self.source.rsplit("/", 1)[-1], blob)
        if self.rows:
            self.rows.save(report.id, rows)
        drifted = [row for row in rows if row.column and row.verdict == "drift"][:most]
        for row in (*(row for row in rows if not row.column), *drifted):
            times = {name: getattr(row, name).isoformat() for name in ("looked_at", "window_start", "window_end")}
            log.info("monitor.row", extra=fields(**{**asdict(row), **times}))

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


def _is_due(state: MonitorState | Standing | None, monitor: Monitor, now: datetime) -> bool:
    # A window that is being counted is looked after every time: its job may have ended.
    return state is None or state.is_counting or now - state.looked_at >= monitor.every


def _longest_ago_first(
    monitored: Sequence[tuple[Policy, Monitor]], beats: Mapping[ModelName, Beat]
) -> list[tuple[Policy, Monitor]]:
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(monitored, key=lambda pair: beats.get(pair[0].model, Beat()).begun_at or never)
