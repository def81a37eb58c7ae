"""Looks at one policy's data and returns what there is to say about it. Announces nothing and notes nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.domain.ids import ModelName
from shared.drift.results.assemble import DATA_DRIFT, About, assemble, drift_signal, rules_in_words
from shared.drift.results.comparison import DriftRules
from shared.drift.results.signals import MonitorReport, SignalReport
from shared.engine.monitors.labelled_signals import LabelledLook, look_at_labels
from shared.engine.monitors.references import VersionReferences
from shared.engine.monitors.subject import NotYetError, Subject, Watched, said
from shared.engine.monitors.window_signals import WindowSignals
from shared.policy.sections.model import Policy
from shared.policy.sections.monitoring import Monitor
from shared.policy.sections.signals import DataDrift
from shared.ports.data import DataReader
from shared.ports.endpoints import EndpointRecord
from shared.ports.workspace import Workspace
from shared.store.monitors.monitors import MonitorRun, MonitorState
from shared.store.monitors.profiles import Profiles, profile_name

if TYPE_CHECKING:
    import pandas as pd

    from shared.drift.profiles.counts import WindowCounts
    from shared.drift.profiles.profile import Profile
    from shared.drift.rows.sample import Rows


@dataclass(frozen=True, slots=True)
class Reference:
    """What a window is compared with: where it is from, in words, and where its profile is kept, if it is."""

    words: str
    profile: Profile
    kept: str = ""


@dataclass(frozen=True, slots=True)
class Given:
    """What a look goes by in place of what the workspace has, and whether it reads labels."""

    reference: Reference | None = None
    rows: pd.DataFrame | None = None
    importances: Mapping[str, float] | None = None
    has_labels: bool = True


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found: the report, and of its signals those that labels gave."""

    report: MonitorReport
    labelled: tuple[LabelledLook, ...] = ()

    def signal(self, name: str) -> SignalReport | None:
        return next((each for each in self.report.signals if each.signal == name), None)


@dataclass(frozen=True)
class MonitorLook:
    """Reads a window, what it is compared with, and labels, from the workspace.

    `keeps_first`: what it makes to compare with is kept, and a version's first window is the reference of later ones
    where a signal needs one. Without it nothing is kept.
    """

    workspace: Workspace
    data: DataReader
    profiles: Profiles
    keeps_first: bool = False

    def watched(self, policy: Policy) -> Watched | None:
        """Return what serves most of the policy's requests; None when that is not a version of its model."""
        return _watched(self.workspace.endpoint(policy.endpoint.name), policy.model)

    def serves_another(self, policy: Policy) -> bool:
        """Return whether the endpoint serves, but not this model: then nobody would ever look."""
        endpoint = self.workspace.endpoint(policy.endpoint.name)
        return endpoint is not None and any(endpoint.traffic.values()) and _watched(endpoint, policy.model) is None

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
        subject = Subject(policy, monitor, watched, state.window_start, now, before, self.keeps_first)
        parts = self._parts(subject, given)
        signals, reference = self._of_window(parts, state, given)
        labelled = look_at_labels(self.data, subject, parts.references, state) if given.has_labels else ()
        signals += [each.signal for each in labelled]
        rules = monitor.data_drift
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

    def _parts(self, subject: Subject, given: Given) -> WindowSignals:
        from shared.drift.rows.sample import Rows

        names = subject.policy.endpoint.name, subject.watched.deployment
        times = subject.start, subject.end
        # What somebody brings along was not answered by the endpoint.
        is_served = given.rows is None
        inputs = self.data.collected_batches(*names, *times) if is_served else given.rows
        scored = self.data.scored_batches(*names, *times) if is_served else ()
        references = VersionReferences(self.workspace, self.data, self.profiles, subject)
        return WindowSignals(subject, references, Rows(inputs), Rows(scored))

    def _of_window(
        self, parts: WindowSignals, state: MonitorState, given: Given
    ) -> tuple[list[SignalReport], Reference | None]:
        monitor, reference = parts.subject.monitor, given.reference
        signals: list[SignalReport] = []
        parts.want()
        if rules := monitor.data_drift:
            found: list[Reference | None] = []
            signals.append(said(DATA_DRIFT, lambda: self._data_drift(parts, rules, state, given, found)))
            reference = found[0] if found else None
        if quality := monitor.data_quality:
            signals.append(said("data-quality", lambda: parts.data_quality(quality)))
        if vectors := monitor.embedding_drift:
            signals.append(said("embedding-drift", lambda: parts.embedding_drift(vectors)))
        if answers := monitor.prediction_drift:
            signals.append(said("prediction-drift", lambda: parts.prediction_drift(answers)))
        if estimated := monitor.estimated_performance:
            signals.append(said("estimated-performance", lambda: parts.estimated_performance(estimated)))
        return signals, reference

    def _data_drift(
        self, parts: WindowSignals, rules: DataDrift, state: MonitorState, given: Given, found: list[Reference | None]
    ) -> SignalReport:
        from shared.drift.comparison.verdict import compare
        from shared.drift.profiles.counting import count

        if not parts.inputs.columns:
            raise NotYetError("no rows yet")
        reference = given.reference or self._reference(parts, rules, state)
        found.append(reference)
        if reference is None:
            raise NotYetError("the first window: later ones are compared with it", _row_count(parts.inputs))
        importance = given.importances or parts.subject.monitor.importance
        if given.reference:
            return compared(parts.inputs, reference.profile, drift_rules(rules), importance)
        counts, subject = count(reference.profile, parts.inputs), parts.subject
        served = served_only(drift_rules(rules), reference.profile, counts, subject)
        past = subject.past(DATA_DRIFT) if given.rows is None else ()
        return drift_signal(compare(reference.profile, counts, served, past, importance))

    def _reference(self, parts: WindowSignals, rules: DataDrift, state: MonitorState) -> Reference | None:
        policy, monitor, watched = parts.subject.policy, parts.subject.monitor, parts.subject.watched
        if monitor.reference == "training":
            made = parts.references.training_profile()
            return Reference(_reference_words(monitor, watched), made, profile_name(policy.model, watched.version))
        if before := _earlier_window(state, rules):
            return Reference(f"the window before, {_span(before)}", self._window_profile(policy, watched, before))
        return None

    def _window_profile(self, policy: Policy, watched: Watched, before: MonitorRun) -> Profile:
        """Return the profile of an earlier window."""
        from shared.drift.profiles.profile import profile

        return profile(self.data.collected_batches(policy.endpoint.name, watched.deployment, before.start, before.end))


def drift_rules(rules: DataDrift) -> DriftRules:
    """Return the policy's rules as the comparison takes them."""
    return DriftRules(
        rules.min_effect,
        rules.false_alarms / 100,
        rules.minimum_rows,
        ignore=frozenset(rules.ignore),
        min_effects=rules.min_effects,
    )


def served_only(rules: DriftRules, reference: Profile, counts: WindowCounts, subject: Subject) -> DriftRules:
    """Return the rules without the reference's columns that were never served, such as its label: neither in this
    window nor in the one before. A column that was served and is no more is drift."""
    served = {name for name, column in counts.columns.items() if column.rows}
    if (before := subject.before) and before.model_version == subject.watched.version:
        served |= {each.name for signal in before.signals if signal.signal == DATA_DRIFT for each in signal.columns}
    never = {each.name for each in reference.columns} - served
    return replace(rules, ignore=rules.ignore | never)


def compared(
    window: pd.DataFrame | Iterable[Any],
    reference: Profile,
    rules: DriftRules,
    importances: Mapping[str, float] | None = None,
) -> SignalReport:
    """Return the signal "data-drift" of a window: a frame, or pieces that start anew each time."""
    from shared.drift.comparison.verdict import compare

    return drift_signal(compare(reference, window, rules, importance=importances))


def _row_count(rows: Rows) -> int:
    from shared.drift.rows.batches import row_count

    return sum(map(row_count, rows))


def _reference_words(monitor: Monitor, watched: Watched) -> str:
    return f"the training data of version {watched.version}" if monitor.reference == "training" else "the window before"


def _span(run: MonitorRun) -> str:
    return f"{run.start:%Y-%m-%d %H:%M} to {run.end:%Y-%m-%d %H:%M} UTC"


def _watched(endpoint: EndpointRecord | None, model: ModelName) -> Watched | None:
    for deployment in endpoint.deployments if endpoint else ():
        if endpoint and deployment.name == endpoint.serving and deployment.model == model and deployment.version:
            return Watched(deployment.name, deployment.version)
    return None


def _earlier_window(state: MonitorState, rules: DataDrift) -> MonitorRun | None:
    """Return the newest window of this version that had enough rows to compare others with."""
    usable = (
        run for run in reversed(state.runs) if (run.model_version, run.signal) == (state.model_version, DATA_DRIFT)
    )
    return next((run for run in usable if run.verdict != "error" and run.rows >= rules.minimum_rows), None)
