"""Runs monitors that are due: keeps the report of each look, and announces drift as an event of our own."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from shared.domain.ids import ModelName
from shared.domain.notice import Notice
from shared.drift.results.signals import MonitorReport
from shared.engine.monitors.look import Given, Look, MonitorLook
from shared.engine.monitors.runs import after_labels, after_window, labelled_run, lasts, run_of
from shared.engine.monitors.silence import Trouble, silence, trouble_notice, troubles_of
from shared.engine.monitors.spark_window import SparkWindows
from shared.engine.monitors.subject import Subject, Watched
from shared.engine.monitors.watchdog import silent_monitors
from shared.engine.notices.access import tell_refusal
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
    """Runs every policy's monitor that is due; without `reports` none is kept, without `large` every window is read
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
        """Run the monitors that are due; one model's trouble does not keep the others from being watched.

        The model whose look was begun the longest ago comes first, so that one whose look is killed every time gets
        its next turn after all others. What was killed cannot tell: the next run does, before anything is looked at.
        """
        watched = [(policy, monitor) for policy in self.policies if (monitor := policy.section(Monitor))]
        for notice in silent_monitors(watched, self.states.looks, self.clock.now()):
            self._post(notice)
        began, beats = self.clock.now(), self._beats()
        for policy, monitor in _longest_ago_first(watched, beats):
            if self.clock.now() - began >= BEGIN_WITHIN:
                log.warning("monitor.later", extra=fields(model=policy.model))
                continue
            try:
                self._run_if_due(policy, monitor, was_killed=beats.get(policy.model, Beat()).is_cut_off)
            except VigiaError as exc:
                log.error("monitor.failed", extra=fields(model=policy.model, code=exc.code, reason=str(exc)))
                tell_refusal(exc, self.outbox, self.clock.now())
                self._tell_silence(policy, monitor, str(exc), is_certain=isinstance(exc, PermanentError))
            except Exception as exc:
                # Whatever it is, it must not stand between the other models and their monitors.
                log.exception("monitor.mistake", extra=fields(model=policy.model))
                why = f"a mistake in the code: {type(exc).__name__}: {exc}"
                self._tell_silence(policy, monitor, why, is_certain=True)

    def _beats(self) -> Mapping[ModelName, Beat]:
        try:
            return {ModelName(name): beat for name, beat in self.states.looks.read().items()}
        except VigiaError as exc:
            log.warning("monitor.order_unknown", extra=fields(code=exc.code, reason=exc.message))
            return {}

    def _run_if_due(self, policy: Policy, monitor: Monitor, *, was_killed: bool) -> None:
        state, etag = self.states.read(policy.model)
        if state is not None and not state.counting and self.clock.now() - state.looked_at < monitor.every:
            return
        self.states.looks.begin(policy.model)
        try:
            # Labels are the longest part of a look: after one that was killed the window gets its turn without them.
            self._run(policy, monitor, state, etag, Given(has_labels=not was_killed))
        except Exception:
            # It failed, and says so itself; only what was killed does not get here.
            self.states.looks.end(policy.model)
            raise
        self.states.looks.end(policy.model)

    def _run(self, policy: Policy, monitor: Monitor, state: MonitorState | None, etag: str, given: Given) -> None:
        now = self.clock.now()
        looking = MonitorLook(self.workspace, self.data, self.profiles, keeps_first=True)
        watched = looking.watched(policy)
        if watched is None:
            why = f"endpoint {policy.endpoint.name} serves no version of {policy.model}"
            # Before its first release a model serves nobody, and nothing is wrong with that.
            is_certain = state is None and looking.serves_another(policy)
            self._tell_silence(policy, monitor, why, is_certain=is_certain)
            return
        if state is None or state.model_version != watched.version:
            # Stored before anything is published: the window's start is part of what makes two events one fact.
            start = now - monitor.every
            state = MonitorState(policy.model, watched.version, start, start, state.runs if state else ())
            etag = self.states.save(state, etag)
        end, subject = now, Subject(policy, monitor, watched, state.window_start, now, self._report_before(state))
        if self.large and not state.counting and (counting := self.large.frozen(subject)):
            # Stored before its job is submitted: whoever finds it submits the same again.
            state = replace(state, counting=counting)
            etag = self.states.save(state, etag)
        if self.large and state.counting:
            end, counted = state.counting.end, self.large.look(subject, state, now)
            if counted is None:
                return
            look, state = counted
        else:
            look = looking.look(policy, monitor, watched, state, now, subject.before, given)
        state = self._noted(policy, monitor, watched, state, look, end)
        self.states.save(replace(state, looked_at=end), etag)
        self._tell(policy, *troubles_of(state, monitor, now))

    def _noted(
        self, policy: Policy, monitor: Monitor, watched: Watched, state: MonitorState, look: Look, now: datetime
    ) -> MonitorState:
        """Keep the report, announce drift that lasts, and return the state with a run per signal."""
        by_labels = {each.signal.signal for each in look.labelled}
        signals = [each for each in look.report.signals if each.signal not in by_labels]
        window = [run_of(each, watched, state.window_start, now, monitor.top) for each in signals]
        cleaned = [replace(each, signal=look.signal(each.signal.signal) or each.signal) for each in look.labelled]
        labelled = [labelled_run(each, watched, now, monitor.top) for each in cleaned]
        held = {run.signal for run in (*window, *labelled) if run.verdict == "drift" and not lasts(state, run, monitor)}
        kept = self._kept(_with_what_is_held(look.report, held, monitor))
        announced = [
            [self._announced(replace(run, report=kept), policy, is_held=run.signal in held) for run in runs]
            for runs in (window, labelled)
        ]
        return after_labels(after_window(state, announced[0], monitor, now), announced[1])

    def _tell_silence(self, policy: Policy, monitor: Monitor, why: str, *, is_certain: bool = False) -> None:
        """Tell that a monitor does not look: at once when that will not pass by itself, else when it has lasted."""
        if is_certain:
            self._tell(policy, Trouble(why))
            return
        try:
            state, _ = self.states.read(policy.model)
        except VigiaError as exc:
            log.warning("monitor.unread", extra=fields(model=policy.model, code=exc.code, reason=exc.message))
            return
        if state and (trouble := silence(state, monitor, self.clock.now(), why)):
            self._tell(policy, trouble)

    def _tell(self, policy: Policy, *troubles: Trouble) -> None:
        now = self.clock.now()
        for each in troubles:
            log.warning("monitor.trouble", extra=fields(model=policy.model, signal=each.signal, reason=each.reason))
        self._post(*(trouble_notice(policy, each, now) for each in troubles))

    def _post(self, *notices: Notice) -> None:
        try:
            self.outbox.post(notices)
        except VigiaError as exc:
            # The next look tells it again.
            log.error("monitor.untold", extra=fields(code=exc.code, reason=exc.message))

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

    def _announced(self, run: MonitorRun, policy: Policy, *, is_held: bool) -> MonitorRun:
        """Return the run, announced if it found drift: before it is noted, so that after a crash in between the
        same window gives the same event again."""
        if run.verdict == "drift" and not is_held:
            self.publisher.publish(self._announcement(run, policy))
        about = fields(model=policy.model, signal=run.signal, verdict=run.verdict, rows=run.rows, held=is_held)
        log.info("monitor.ran", extra=about)
        return run

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


def _with_what_is_held(report: MonitorReport, held: Collection[str], monitor: Monitor) -> MonitorReport:
    """Return the report, saying of drift that has not lasted yet that it was not announced."""
    lasting = monitor.persistence
    word = f"not announced yet: {lasting.alarms} of the last {lasting.of} windows have to drift"
    signals = tuple(
        replace(each, findings=(*each.findings, word)) if each.signal in held else each for each in report.signals
    )
    return replace(report, signals=signals)


def _longest_ago_first(
    watched: Sequence[tuple[Policy, Monitor]], beats: Mapping[ModelName, Beat]
) -> list[tuple[Policy, Monitor]]:
    never = datetime.min.replace(tzinfo=UTC)
    return sorted(watched, key=lambda each: beats.get(each[0].model, Beat()).begun_at or never)
