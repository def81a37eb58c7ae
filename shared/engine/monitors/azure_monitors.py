"""Watches Azure ML's own model monitors: which fail, do not run, or contradict their own numbers.

A monitor's run is a pipeline job of the workspace, in an experiment that has the monitor's name. Each signal leaves a
file `signals/NAME.json` in one of the run's outputs (source: azureml-assets, model_monitor_metric_outputter, read
2026-11-20). That a scheduled run's experiment has the monitor's name is from a sample event; not verified.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.assets import datastore_path
from shared.domain.fact import Fact
from shared.domain.notice import Notice, NoticeKind
from shared.drift.signals.azure_signals import AzureSignal, read_signal
from shared.engine.notices.access import notify_refusal
from shared.errors import VigiaError
from shared.events.monitor_breach import BREACH_TAG, breach_text
from shared.events.registry import parse_fact
from shared.events.sent.polled import run_status_changed
from shared.events.wire.envelope import read_events
from shared.logs import fields
from shared.policy.sections.model import Policy
from shared.policy.sections.monitoring import AzureMonitor, Monitor
from shared.ports.blobs import BlobStore
from shared.ports.clock import Clock
from shared.ports.jobs import JobRecord
from shared.ports.outbox import Outbox
from shared.ports.queues import EVENTS, MessageQueue
from shared.ports.workspace import Workspace
from shared.store.facts.ledger import Ledger

log = logging.getLogger("vigia.azure_monitors")

# A run may start late, and takes its time; after so many intervals without one, the monitor is silent.
INTERVALS_TO_SILENCE = 2
# Jobs are listed page by page, newest first; more than these in the time span are not read.
MOST_JOBS = 5000
# The event of a breach may still be on its way; a run is judged when it began so long ago.
SETTLED_AFTER = timedelta(hours=2)


@dataclass(frozen=True)
class AzureMonitors:
    """Looks at the newest run of every monitor that policies list. It may run at any time: the keys of its facts and
    notices make repeats harmless.

    `files` is the container behind datastore `workspaceblobstore`.
    """

    policies: tuple[Policy, ...]
    workspace: Workspace
    files: BlobStore
    ledger: Ledger
    queue: MessageQueue
    outbox: Outbox
    clock: Clock
    source: str

    def run(self) -> None:
        """Look at each monitor; one that fails does not stop the others."""
        listed = [(policy, monitor) for policy in self.policies for monitor in _listed(policy)]
        if not listed:
            return
        now = self.clock.now()
        longest = max(monitor.every for _, monitor in listed)
        since = now - (INTERVALS_TO_SILENCE + 1) * longest
        try:
            jobs = self.workspace.recent_jobs(since, MOST_JOBS)
        except VigiaError as exc:
            self._delayed("jobs", exc)
            return
        if len(jobs) == MOST_JOBS:
            since = max(since, min((job.created_at for job in jobs if job.created_at), default=now))
        for policy, monitor in listed:
            try:
                runs = [job for job in jobs if _is_run_of(job, monitor.name)]
                self._look(policy, monitor, runs, since, now)
            except VigiaError as exc:
                self._delayed(monitor.name, exc)

    def _look(
        self, policy: Policy, monitor: AzureMonitor, runs: Sequence[JobRecord], since: datetime, now: datetime
    ) -> None:
        if reason := _silence(monitor, runs, since, now):
            self._notify(policy, monitor, f"{now:%Y-%m-%d}", reason)
        newest = next((job for job in runs if job.has_ended), None)
        if newest and not newest.has_succeeded:
            self._notify(policy, monitor, newest.name, f"run {newest.name} ended as {newest.status}", job=newest.name)
        settled = next((job for job in runs if job.has_succeeded and _is_settled(job, now)), None)
        # A listing omits the outputs.
        ended = self.workspace.job(settled.name) if settled else None
        if ended is None:
            return
        signals, problems = self._signals(ended)
        if not signals and not problems:
            problems = [f"run {ended.name} left no measurements"]
        for problem in problems:
            self._notify(policy, monitor, f"{ended.name}/unreadable", problem, job=ended.name)
        for signal in signals:
            self._judge(policy, monitor, ended, signal, now)

    def _signals(self, run: JobRecord) -> tuple[list[AzureSignal], list[str]]:
        """Return the signals in the run's outputs, and what is wrong with those that cannot be read."""
        signals, problems = [], []
        for path in self._signal_files(run):
            blob = self.files.get(path)
            try:
                signals += [read_signal(blob.body, path)] if blob else []
            except ValueError as exc:
                problems.append(str(exc))
        return signals, problems

    def _signal_files(self, run: JobRecord) -> Iterator[str]:
        for uri in run.outputs.values():
            path = datastore_path(uri)
            if path is not None:
                folder = f"{path.rstrip('/')}/signals/"
                yield from (item.name for item in self.files.list(folder) if item.name.endswith(".json"))

    def _judge(self, policy: Policy, monitor: AzureMonitor, run: JobRecord, signal: AzureSignal, now: datetime) -> None:
        """Report a breach that the monitor measured but did not publish.

        It is sent as the event that Azure ML should have sent, so that the two are one fact if that one arrives late.
        """
        if not signal.breached:
            return
        tags = {**run.tags, BREACH_TAG: breach_text(signal.name, signal.breached)}
        body = run_status_changed(self.source, replace(run, tags=tags), now)
        (envelope,) = read_events(body)
        fact = parse_fact(envelope)
        if not isinstance(fact, Fact) or self.ledger.entry(fact.key) is not None:
            return
        self.queue.send(EVENTS, body)
        first = signal.breached[0]
        reason = (
            f"run {run.name} measured {first.metric} of {first.feature or 'all rows'} at {first.value:g}, beyond its "
            f"bound of {first.threshold:g}, and said nothing"
        )
        self._notify(policy, monitor, f"{run.name}/{signal.name}", reason, job=run.name, signal=signal.name)

    def _notify(self, policy: Policy, monitor: AzureMonitor, about: str, reason: str, **parameters: str) -> None:
        log.warning("azure_monitor.trouble", extra=fields(model=policy.model, monitor=monitor.name, reason=reason))
        key = f"{NoticeKind.MONITOR_TROUBLE}/{policy.model}/{monitor.name}/{about}"
        parameters = {"monitor": monitor.name, "reason": reason, **parameters}
        self.outbox.post([Notice(NoticeKind.MONITOR_TROUBLE, key, policy.model, parameters)])

    def _delayed(self, what: str, exc: VigiaError) -> None:
        log.warning("azure_monitor.delayed", extra=fields(subject=what, code=exc.code, reason=exc.message))
        notify_refusal(exc, self.outbox, self.clock.now())


def _listed(policy: Policy) -> tuple[AzureMonitor, ...]:
    monitor = policy.section(Monitor)
    return monitor.azure if monitor else ()


def _is_run_of(job: JobRecord, monitor: str) -> bool:
    return job.experiment.lower() == monitor.lower()


def _is_settled(job: JobRecord, now: datetime) -> bool:
    return job.created_at is not None and now - job.created_at > SETTLED_AFTER


def _silence(monitor: AzureMonitor, runs: Sequence[JobRecord], since: datetime, now: datetime) -> str:
    """Return why the monitor counts as silent, or that this cannot be decided; "" when it runs.

    Args:
        runs: those created after `since`.
    """
    longest = INTERVALS_TO_SILENCE * monitor.every
    created = [job.created_at for job in runs if job.created_at]
    if not created and now - since < longest:
        return (
            f"the workspace's newest {MOST_JOBS:,} jobs go back to {since:%Y-%m-%d %H:%M} UTC only, none of them its: "
            f"it is unknown whether it runs every {_hours(monitor.every)}"
        )
    if not created:
        return f"it should run every {_hours(monitor.every)}, and no run of it is known"
    if now - max(created) > longest:
        return f"it should run every {_hours(monitor.every)}, and last did at {max(created):%Y-%m-%d %H:%M} UTC"
    return ""


def _hours(span: timedelta) -> str:
    return f"{span / timedelta(hours=1):g} h"
