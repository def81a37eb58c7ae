"""Looks at one policy's data and returns what there is to say about it. Announces nothing and notes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.domain.ids import DeploymentName, ModelName, ModelVersion
from shared.drift.assemble import DATA_DRIFT, About, assemble, drift_signal, rules_in_words
from shared.drift.report import DriftRules
from shared.drift.signal import MonitorReport, SignalReport
from shared.engine.performance import LabelledLook, look_at_performance
from shared.errors import PermanentError
from shared.policy.model import Policy
from shared.policy.monitoring import Monitor
from shared.policy.signals import DataDrift
from shared.ports.data import DataReader
from shared.ports.workspace import EndpointRecord, Workspace
from shared.store.monitors import MonitorRun, MonitorState
from shared.store.profiles import Profiles, profile_name

if TYPE_CHECKING:
    import pandas as pd

    from shared.drift.profile import Profile


@dataclass(frozen=True, slots=True)
class Watched:
    """The deployment that serves most requests, and the model version in it."""

    deployment: DeploymentName
    version: ModelVersion


@dataclass(frozen=True, slots=True)
class Reference:
    """What a window is compared with: where it is from, in words, and where its profile is kept, if it is."""

    words: str
    profile: Profile
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """What a person brings along in place of what the workspace has."""

    reference: Reference | None = None
    rows: pd.DataFrame | None = None
    importances: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found. `labelled` is set when performance was looked at, too."""

    report: MonitorReport
    labelled: LabelledLook | None = None

    def signal(self, name: str) -> SignalReport | None:
        return next((each for each in self.report.signals if each.signal == name), None)


@dataclass(frozen=True)
class MonitorLook:
    """Reads a window, what it is compared with, and labels, from the workspace."""

    workspace: Workspace
    data: DataReader
    profiles: Profiles

    def watched(self, policy: Policy) -> Watched | None:
        """Return what serves most of the policy's requests; None when that is not a version of its model."""
        return _watched(self.workspace.endpoint(policy.endpoint.name), policy.model)

    def look(
        self,
        policy: Policy,
        monitor: Monitor,
        watched: Watched,
        state: MonitorState,
        now: datetime,
        before: MonitorReport | None = None,
        given: Given | None = None,
    ) -> Look:
        """Return what the window from the state's start until now shows, and what labels show that are new to it.

        Raises:
            RetryableError: something did not answer; what cannot be done is in the report instead.
        """
        given = given or Given()
        signals: list[SignalReport] = []
        reference, rules = given.reference, monitor.data_drift
        if rules:
            signal, reference = self._data_drift(policy, monitor, rules, watched, state, now, given)
            signals.append(signal)
        labelled = None
        if wanted := monitor.performance:
            labelled = look_at_performance(self.data, policy, wanted, watched.deployment, state, now)
            signals += [labelled.signal] if labelled else []
        about = About(
            model=policy.model,
            start=state.window_start,
            end=now,
            reference=reference.words if reference else _reference_words(monitor, watched),
            model_version=watched.version,
            endpoint=policy.endpoint.name,
            deployment=watched.deployment,
            made_at=now,
            reference_rows=reference.profile.rows if reference else None,
            rules=rules_in_words(drift_rules(rules)) if rules else (),
            profile=reference.kept if reference else "",
            policy_digest=policy.digest,
        )
        return Look(assemble(about, signals, before), labelled)

    def _data_drift(
        self,
        policy: Policy,
        monitor: Monitor,
        rules: DataDrift,
        watched: Watched,
        state: MonitorState,
        now: datetime,
        given: Given,
    ) -> tuple[SignalReport, Reference | None]:
        try:
            window = given.rows
            if window is None:
                window = self.data.collected_inputs(policy.endpoint.name, watched.deployment, state.window_start, now)
            if window.empty:
                return _unsaid("no rows yet"), None
            reference = given.reference or self._reference(
                policy, monitor, rules, watched, state, tuple(window.columns)
            )
        except PermanentError as exc:
            return SignalReport(DATA_DRIFT, "error", str(exc), 0), None
        if reference is None:
            return _unsaid("the first window: later ones are compared with it", len(window)), None
        return compared(window, reference.profile, drift_rules(rules), given.importances), reference

    def _reference(
        self,
        policy: Policy,
        monitor: Monitor,
        rules: DataDrift,
        watched: Watched,
        state: MonitorState,
        columns: tuple[str, ...],
    ) -> Reference | None:
        if monitor.reference == "training":
            made = self._training_profile(policy.model, watched.version, monitor, columns)
            return Reference(_reference_words(monitor, watched), made, profile_name(policy.model, watched.version))
        if before := _earlier_window(state, rules):
            return Reference(f"the window before, {_span(before)}", self._window_profile(policy, watched, before))
        return None

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


def drift_rules(rules: DataDrift) -> DriftRules:
    """Return the policy's rules as the comparison takes them."""
    return DriftRules(rules.min_effect, rules.false_alarms / 100, rules.minimum_rows, ignore=frozenset(rules.ignore))


def compared(
    window: pd.DataFrame | Iterable[Any],
    reference: Profile,
    rules: DriftRules,
    importances: Mapping[str, float] | None = None,
) -> SignalReport:
    """Return the signal "data-drift" of a window: a frame, or pieces that start anew each time."""
    from shared.drift.compare import compare

    return drift_signal(compare(reference, window, rules, importance=importances))


def _unsaid(why: str, rows: int = 0) -> SignalReport:
    return SignalReport(DATA_DRIFT, "insufficient-data", why, rows)


def _reference_words(monitor: Monitor, watched: Watched) -> str:
    return f"the training data of version {watched.version}" if monitor.reference == "training" else "the window before"


def _span(run: MonitorRun) -> str:
    return f"{run.start:%Y-%m-%d %H:%M} to {run.end:%Y-%m-%d %H:%M} UTC"


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
    usable = (
        run for run in reversed(state.runs) if (run.model_version, run.signal) == (state.model_version, DATA_DRIFT)
    )
    return next((run for run in usable if run.verdict != "error" and run.rows >= rules.minimum_rows), None)
