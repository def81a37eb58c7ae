"""Looks at production data when a policy's monitor is due, and announces drift as an event of our own."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from shared.domain.fact import FeatureDrift
from shared.domain.ids import DeploymentName, ModelName, ModelVersion
from shared.engine.access import tell_refusal
from shared.engine.performance import look_at_performance
from shared.errors import PermanentError, VigiaError
from shared.events.outgoing import drift_detected
from shared.logs import fields
from shared.policy.model import Policy
from shared.policy.monitoring import DataDrift, Monitor
from shared.ports.clock import Clock
from shared.ports.data import DataReader
from shared.ports.outbox import Outbox
from shared.ports.publisher import OutgoingEvent, Publisher
from shared.ports.workspace import EndpointRecord, Workspace
from shared.store.monitors import KEPT_RUNS, MonitorRun, MonitorState, MonitorStates
from shared.store.profiles import Profiles

if TYPE_CHECKING:
    import pandas as pd

    from shared.drift.profile import Profile
    from shared.drift.report import DriftReport

log = logging.getLogger("vigia.monitors")

SIGNAL = "data-drift"
# The strongest drifted columns travel in the event; all of them are in the monitor's record.
MOST_FEATURES = 20


@dataclass(frozen=True, slots=True)
class Watched:
    """The deployment that serves most requests, and the model version in it."""

    deployment: DeploymentName
    version: ModelVersion


@dataclass(frozen=True)
class Monitors:
    """Runs every policy's monitor that is due."""

    policies: tuple[Policy, ...]
    workspace: Workspace
    data: DataReader
    profiles: Profiles
    states: MonitorStates
    publisher: Publisher
    clock: Clock
    source: str
    outbox: Outbox

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
        watched = _watched(self.workspace.endpoint(policy.endpoint.name), policy.model)
        if watched is None:
            return
        if state is None or state.model_version != watched.version:
            # Stored before anything is published: the window's start is part of what makes two events one fact.
            start = now - monitor.every
            state = MonitorState(policy.model, watched.version, start, start, state.runs if state else ())
            etag = self.states.save(state, etag)
        before = state
        if rules := monitor.data_drift:
            run = self._announced(self._look(policy, monitor, rules, watched, before, now), policy)
            state = _after(state, run, rules, now)
        if wanted := monitor.performance:
            found = look_at_performance(self.data, policy, wanted, watched.deployment, before, now)
            state = _after_labels(state, self._announced(found, policy)) if found else state
        self.states.save(replace(state, looked_at=now), etag)

    def _announced(self, run: MonitorRun, policy: Policy) -> MonitorRun:
        """Return the run, announced if it found drift: before it is noted, so that after a crash in between the
        same window gives the same event again."""
        if run.verdict == "drift":
            self.publisher.publish(self._announcement(run, policy))
        about = fields(model=policy.model, signal=run.signal, verdict=run.verdict, rows=run.rows)
        log.info("monitor.ran", extra=about)
        return run

    def _look(
        self, policy: Policy, monitor: Monitor, rules: DataDrift, watched: Watched, state: MonitorState, now: datetime
    ) -> MonitorRun:
        """Return what the window from the state's start until now shows."""
        seen = MonitorRun(watched.version, SIGNAL, state.window_start, now, 0, "insufficient-data", "no rows yet")
        try:
            window = self.data.collected_inputs(policy.endpoint.name, watched.deployment, state.window_start, now)
        except PermanentError as exc:
            return replace(seen, verdict="error", sentence=str(exc))
        if window.empty:
            return seen
        seen = replace(seen, rows=len(window))
        try:
            if monitor.reference == "training":
                reference = self._training_profile(policy.model, watched.version, monitor, tuple(window.columns))
            elif before := _earlier_window(state, rules):
                reference = self._window_profile(policy, watched, before)
            else:
                return replace(seen, sentence="the first window: later ones are compared with it")
        except PermanentError as exc:
            return replace(seen, verdict="error", sentence=str(exc))
        return _judged(seen, reference, window, rules)

    def _window_profile(self, policy: Policy, watched: Watched, before: MonitorRun) -> Profile:
        """Return the profile of an earlier window."""
        from shared.drift.profile import profile

        return profile(self.data.collected_inputs(policy.endpoint.name, watched.deployment, before.start, before.end))

    def _training_profile(
        self, model: ModelName, version: ModelVersion, monitor: Monitor, columns: tuple[str, ...]
    ) -> Profile:
        """Return the profile of the version's training data, made once and kept."""
        from shared.drift.profile import profile

        kept = self.profiles.read(model, version)
        if kept is not None:
            return kept
        frame = self.data.table(self._training_data(model, version, monitor))
        made = profile(frame[[column for column in columns if column in frame.columns]])
        self.profiles.save(model, version, made)
        return made

    def _training_data(self, model: ModelName, version: ModelVersion, monitor: Monitor) -> str:
        registered = self.workspace.model(model, version)
        job = self.workspace.job(registered.job) if registered and registered.job else None
        if job is None or monitor.training_input not in job.inputs:
            raise PermanentError(
                code="monitor.no_reference",
                message=f"{model}:{version} was not made by a job with an input {monitor.training_input!r}",
                hint="name the input that holds the training data in monitor.training_input",
            )
        return job.inputs[monitor.training_input]

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
        )


def _watched(endpoint: EndpointRecord | None, model: ModelName) -> Watched | None:
    if endpoint is None or not endpoint.traffic:
        return None
    serving = max(endpoint.traffic, key=lambda name: endpoint.traffic[name])
    for deployment in endpoint.deployments:
        if deployment.name == serving and deployment.model == model and deployment.version:
            return Watched(serving, deployment.version)
    return None


def _earlier_window(state: MonitorState, rules: DataDrift) -> MonitorRun | None:
    """Return the newest window of this version that had enough rows to compare others with."""
    usable = (run for run in reversed(state.runs) if (run.model_version, run.signal) == (state.model_version, SIGNAL))
    return next((run for run in usable if run.verdict != "error" and run.rows >= rules.minimum_rows), None)


def _judged(seen: MonitorRun, reference: Profile, window: pd.DataFrame, rules: DataDrift) -> MonitorRun:
    from shared.drift.compare import compare
    from shared.drift.report import DriftRules

    drift_rules = DriftRules(
        rules.min_effect, rules.false_alarms / 100, rules.minimum_rows, ignore=frozenset(rules.ignore)
    )
    report = compare(reference, window, drift_rules)
    return replace(seen, verdict=report.verdict, sentence=report.sentence, features=_features(report))


def _features(report: DriftReport) -> tuple[FeatureDrift, ...]:
    return tuple(
        FeatureDrift(column.name, column.statistic, column.effect or 0.0, column.floor)
        for column in report.drifted[:MOST_FEATURES]
    )


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
