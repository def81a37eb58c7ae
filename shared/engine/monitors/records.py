"""Whether the look that an event reports was taken: a publisher can claim anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.domain.fact import DriftDetected, Fact
from shared.domain.ids import JobName
from shared.drift.results.signals import MonitorReport
from shared.errors import PermanentError
from shared.events.alerts.external import SOURCE as TOOLS
from shared.policy.sections.model import Policy
from shared.policy.sections.monitoring import Monitor
from shared.ports.workspace import Workspace
from shared.store.facts.posted_results import PostedResults
from shared.store.monitors.monitors import MonitorRun, MonitorStates
from shared.store.monitors.reports import MonitorReports


@dataclass(frozen=True)
class MonitorRecords:
    """Looks the run of a monitor up where it must be: among our own runs and reports, among the results that other
    tools posted, or among the workspace's jobs.

    Args:
        source: the workspace's ARM id; the looks of other workspaces cannot be looked up here.
    """

    states: MonitorStates
    reports: MonitorReports
    results: PostedResults
    workspace: Workspace
    source: str

    def doubt(self, fact: Fact, policy: Policy) -> str:
        """Return why the look is in no record; "" when it is, or cannot be looked up.

        Raises:
            RetryableError: the records cannot be read now.
        """
        body = fact.body
        if not isinstance(body, DriftDetected):
            return ""
        if body.model is None:
            return self._doubt_job(body, policy)
        if fact.source.startswith(TOOLS):
            is_posted = self.results.has(body.monitor, body.run, body.signal)
            return (
                "" if is_posted else f"no result {body.run} of monitor {body.monitor} was posted to the alert endpoint"
            )
        if fact.source != self.source.lower():
            return ""
        return "" if self._is_ours(body) else f"no look {body.run} of the app's own monitor found {body.signal}"

    def _doubt_job(self, body: DriftDetected, policy: Policy) -> str:
        """Anybody may give a job of theirs the tag of a breach; a monitor's run is in the experiment of its name."""
        job = self.workspace.job(JobName(body.run))
        if job is None:
            return f"the workspace has no run {body.run}"
        monitor = policy.section(Monitor)
        names = {azure_monitor.name.lower() for azure_monitor in monitor.azure} if monitor else set()
        if job.experiment and job.experiment.lower() not in names:
            return f"run {body.run} is of experiment {job.experiment}, which is no monitor of the policy"
        return ""

    def _is_ours(self, body: DriftDetected) -> bool:
        state, _ = self.states.read(body.model) if body.model else (None, "")
        if state and any(_is_run(run, body) for run in state.runs):
            return True
        # A look is announced before its run is saved, and runs are deleted before reports are.
        try:
            report = self.reports.read(body.model or "", body.report) if body.report else None
        except PermanentError:
            return False
        return report is not None and _confirms(report, body)


def _is_run(run: MonitorRun, body: DriftDetected) -> bool:
    return run.verdict == "drift" and run.signal == body.signal and run.name == body.run


def _confirms(report: MonitorReport, body: DriftDetected) -> bool:
    version, _, look = body.run.partition("@")
    has_drift = any(signal.signal == body.signal and signal.verdict == "drift" for signal in report.signals)
    return has_drift and version == report.model_version and (look == report.start.isoformat() or not _is_moment(look))


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
