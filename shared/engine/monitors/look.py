"""One look at one model's data: a subject in, a report and its runs out. Announces nothing and changes no state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.domain.ids import ModelName
from shared.drift.results.assemble import ReportHeader, assemble, rules_in_words
from shared.drift.results.signals import MonitorReport, SignalReport
from shared.engine.monitors.freshness import DataAssets
from shared.engine.monitors.labelled_signals import measure_labelled
from shared.engine.monitors.references import VersionReferences
from shared.engine.monitors.rows.batch_jobs import served_rows
from shared.engine.monitors.rows.budget import Budget, within
from shared.engine.monitors.runs import label_run, window_run
from shared.engine.monitors.subject import Reference, Subject
from shared.engine.monitors.window_signals import WindowSignals, drift_rules
from shared.policy.sections.model import Policy
from shared.ports.data import DataReader
from shared.ports.endpoints import DeploymentRecord, EndpointRecord
from shared.ports.workspace import Workspace, endpoints_of
from shared.store.monitors.monitors import MonitorRun, VersionRows
from shared.store.monitors.profiles import Profiles


@dataclass(frozen=True, slots=True)
class Look:
    """What a look returns: the report, which people read, and per signal the run that the monitor's state stores.
    `label_runs` are those of signals that were measured on newly arrived labels; `leaves_labels` says that these were
    not looked at."""

    report: MonitorReport
    window_runs: tuple[MonitorRun, ...]
    label_runs: tuple[MonitorRun, ...] = ()
    leaves_labels: bool = False
    data_rows: tuple[VersionRows, ...] = ()


@dataclass(frozen=True)
class MonitorLook:
    """Reads a window, its reference and labels from the workspace; without `budget` for as long as it takes."""

    workspace: Workspace
    data: DataReader
    profiles: Profiles
    budget: Budget | None = None

    def _rows(self, policy: Policy) -> DataReader:
        data = served_rows(policy, self.workspace, self.data)
        return within(self.budget, data) if self.budget else data

    def deployment(self, policy: Policy) -> DeploymentRecord | None:
        """Return the deployment that serves most requests; None when its model is not the policy's."""
        return _monitored(self._endpoint(policy), policy.model)

    def serves_another_model(self, policy: Policy) -> bool:
        """Return whether the endpoint serves requests, but not of this model: then no look would ever be taken."""
        endpoint = self._endpoint(policy)
        return endpoint is not None and any(endpoint.traffic.values()) and _monitored(endpoint, policy.model) is None

    def _endpoint(self, policy: Policy) -> EndpointRecord | None:
        return endpoints_of(self.workspace, policy.endpoint.type).endpoint(policy.endpoint.name)

    def look(self, subject: Subject) -> Look:
        """Return what the subject's window shows, and what labels show that are new to its state.

        Raises:
            RetryableError: a service did not answer; whatever else goes wrong is in the report.
        """
        from shared.drift.rows.sample import Rows

        data = self._rows(subject.policy)
        references = VersionReferences(self.workspace, data, self.profiles, subject)
        # Rows that a person brings along were not answered by the endpoint.
        is_served = subject.rows is None
        requests = Rows(data.collected_batches(*subject.window) if is_served else subject.rows)
        answers = Rows(data.scored_batches(*subject.window) if is_served else ())
        window, reference = WindowSignals(subject, references, requests, answers).measure()
        assets = DataAssets(subject, self.workspace, data, subject.state.data_rows)
        of_data = assets.measure()
        # The window comes first: a look that is killed while it reads labels is repeated without them.
        if not subject.reads_labels or (self.budget and not self.budget.has_time_for_labels):
            leaves_labels = subject.monitor.performance is not None
            look = replace(complete_look(subject, reference, window, of_data), leaves_labels=leaves_labels)
        else:
            labelled, labels = measure_labelled(data, subject, references)
            look = complete_look(subject, reference, window, [*of_data, *labelled], labels)
        return replace(look, data_rows=assets.counts)

    def look_at_labels(self, subject: Subject) -> Look | None:
        """Return what labels show that are new to the subject's state; None when there are none.

        Raises:
            RetryableError: a service did not answer; whatever else goes wrong is in the report.
        """
        data = self._rows(subject.policy)
        references = VersionReferences(self.workspace, data, self.profiles, subject)
        labelled, labels = measure_labelled(data, subject, references)
        return complete_look(subject, None, (), labelled, labels) if labelled else None


def complete_look(
    subject: Subject,
    reference: Reference | None,
    window: Sequence[SignalReport],
    labelled: Sequence[SignalReport] = (),
    labels: str = "",
) -> Look:
    """Return the look that measured these signals; `labels` is the version of the labels, "" when unread."""
    report = assemble(_header(subject, reference), [*window, *labelled], subject.previous)
    # Runs are made of the report's form of each signal, which can be stored: no infinite number, no broken text.
    window_runs = [window_run(signal, subject) for signal in report.signals[: len(window)]]
    label_runs = [label_run(signal, subject, labels) for signal in report.signals[len(window) :]]
    return Look(report, tuple(window_runs), tuple(label_runs))


def _header(subject: Subject, reference: Reference | None) -> ReportHeader:
    rules = subject.monitor.data_drift
    return ReportHeader(
        model=subject.policy.model,
        start=subject.start,
        end=subject.end,
        reference=reference.words if reference else subject.reference_words,
        model_version=subject.version,
        endpoint=subject.policy.endpoint.name,
        deployment=subject.deployment,
        made_at=subject.end,
        reference_rows=reference.profile.rows if reference else None,
        rules=rules_in_words(drift_rules(rules)) if rules else (),
        profile=reference.blob if reference else "",
        policy_digest=subject.policy.digest,
    )


def _monitored(endpoint: EndpointRecord | None, model: ModelName) -> DeploymentRecord | None:
    for deployment in endpoint.deployments if endpoint else ():
        if endpoint and deployment.name == endpoint.serving and deployment.model == model and deployment.version:
            return deployment
    return None
