"""A window that is too large for one process: a Spark job counts it, and its counts are compared as ours would be."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared.domain.assets import datastore_uri
from shared.domain.ids import JobName
from shared.drift.results.assemble import DATA_DRIFT, About, assemble, rules_in_words
from shared.drift.results.signals import SignalReport
from shared.engine.monitors.look import Look, drift_rules, served_only
from shared.engine.monitors.references import VersionReferences
from shared.engine.monitors.subject import NotYetError, Subject, said
from shared.errors import PermanentError
from shared.policy.sections.monitoring import Monitor
from shared.policy.sections.quantities import size_text
from shared.policy.sections.signals import DataDrift
from shared.policy.sections.spark import MOST_IN_PROCESS, SparkCounting
from shared.ports.blobs import BlobStore
from shared.ports.data import DataReader
from shared.ports.jobs import JobRequest, SparkResources
from shared.ports.workspace import PROBE_MARK, Workspace
from shared.store.monitors.monitors import Counting, MonitorState
from shared.store.monitors.profiles import Profiles, profile_name

if TYPE_CHECKING:
    from shared.drift.profiles.profile import Profile

# What a job writes, and the part of the result that another job may count around: see shared/drift/spark/job.py.
RESULT, COUNTS, PROFILE = "result", "counts", "profile"
ON_SPARK = "training-spark"
# A job that has not ended by then is given up.
LONGEST_JOB = timedelta(days=1)
REMEDY = "shorten monitor.every, or have windows counted on Spark: monitor.spark"


def is_too_large(size: int, spark: SparkCounting | None) -> bool:
    """Return whether a window of so many bytes is not read in one process."""
    return size > (spark.when_above if spark else MOST_IN_PROCESS)


def job_name(subject: Subject) -> JobName:
    """Return the name of the job that counts the subject's window; equal windows give equal names."""
    model, version = subject.policy.model, subject.watched.version
    deployment, start, end = subject.watched.deployment, subject.start, subject.end
    whole = "\n".join((model, version, deployment, start.isoformat(), end.isoformat()))
    readable = re.sub(r"[^A-Za-z0-9_-]", "-", f"{model}-{version}")[:60]
    return JobName(f"count-{readable}-{start:%Y%m%d%H%M}-{hashlib.sha256(whole.encode()).hexdigest()[:12]}")


@dataclass
class _Found:
    """What came of looking after a job: whether it is still at it, or else the profile it counted around."""

    is_awaited: bool = False
    profile: Profile | None = None


@dataclass(frozen=True)
class SparkWindows:
    """Freezes windows that are too large, has them counted, and reads the counts. `files` are the container behind the
    workspace's own datastore."""

    workspace: Workspace
    data: DataReader
    profiles: Profiles
    files: BlobStore

    def frozen(self, subject: Subject) -> Counting | None:
        """Return the subject's window when one process cannot read it: to be stored before its job is submitted."""
        deployment, spark = subject.watched.deployment, subject.monitor.spark
        if not subject.monitor.signals:
            return None
        size = self._size(subject)
        if not is_too_large(size, spark):
            return None
        job = job_name(subject) if spark else None
        return Counting(job, deployment, subject.start, subject.end, size)

    def _size(self, subject: Subject) -> int:
        """Return how many bytes the window's signals would read: those of answers read the requests once more."""
        monitor, endpoint = subject.monitor, subject.policy.endpoint.name
        where = (endpoint, subject.watched.deployment, subject.start, subject.end)
        size = self.data.collected_bytes(*where)
        if monitor.prediction_drift or monitor.estimated_performance:
            size += self.data.scored_bytes(*where)
        return size

    def look(self, subject: Subject, state: MonitorState, now: datetime) -> tuple[Look, MonitorState] | None:
        """Return what the state's frozen window shows, and the state without it; None while it is being counted.

        A job that is not there is submitted, also when an earlier worker did not come to it.

        Raises:
            RetryableError: something did not answer.
        """
        counting, found = state.counting, _Found()
        assert counting is not None
        watched = replace(subject.watched, deployment=counting.deployment)
        subject = replace(subject, start=counting.start, end=counting.end, watched=watched)
        drift = said(DATA_DRIFT, lambda: self._drift(subject, state, now, found))
        if found.is_awaited:
            return None
        signals = _with_others(drift, subject.monitor, counting)
        look = Look(assemble(_about(subject, found.profile), signals, subject.before))
        # A profile that did not serve is made anew.
        by = (state.counted_by or counting.job) if found.profile else None
        return look, replace(state, counting=None, counted_by=by)

    def _drift(self, subject: Subject, state: MonitorState, now: datetime, found: _Found) -> SignalReport:
        """Return what the job's counts show; before there are any, `found` says so."""
        counting = state.counting
        assert counting is not None
        if counting.job is None:
            raise _too_large(counting)
        if not self._has_ended(subject, state, counting, counting.job, now):
            found.is_awaited = True
            return SignalReport(DATA_DRIFT, "insufficient-data", f"the Spark job {counting.job} counts the window", 0)
        return self._compared(subject, counting, counting.job, found)

    def _has_ended(
        self, subject: Subject, state: MonitorState, counting: Counting, name: JobName, now: datetime
    ) -> bool:
        """Return whether the job has succeeded; submit it when it is not there.

        Raises:
            PermanentError: it failed, cannot be submitted, or has run for too long.
        """
        job = self.workspace.job(name)
        if job is None:
            self.workspace.submit_job(self._request(subject, state, counting, name))
            return False
        if job.has_succeeded:
            return True
        what = f"the Spark job {name}, which counts {_words(counting)},"
        if job.has_ended:
            raise PermanentError("monitor.spark_failed", f"{what} ended as {job.status}", "see its log in the studio")
        if now - counting.end > LONGEST_JOB:
            hint = "see in the studio what it waits for; the window is given up"
            raise PermanentError("monitor.spark_silent", f"{what} is {job.status} after more than a day", hint)
        return False

    def _request(self, subject: Subject, state: MonitorState, counting: Counting, name: JobName) -> JobRequest:
        policy, spark, watched = subject.policy, subject.monitor.spark, subject.watched
        if spark is None:
            raise _too_large(counting)
        folder = datastore_uri(f"modelDataCollector/{policy.endpoint.name}/{watched.deployment}/model_inputs")
        inputs = {
            "collected": folder,
            "start": counting.start.isoformat(),
            "end": counting.end.isoformat(),
            "leave_out": PROBE_MARK,
        }
        inputs |= {PROFILE: _uri(policy.model, state.counted_by)} if state.counted_by else self._training(subject)
        return JobRequest(
            name=name,
            component=spark.component,
            inputs=inputs,
            experiment=f"{policy.model}-monitor",
            display_name=f"Count {counting.start:%Y-%m-%d %H:%M} to {counting.end:%Y-%m-%d %H:%M} of {policy.model}",
            tags={"vigia.model": policy.model, "vigia.version": watched.version},
            outputs={RESULT: _uri(policy.model, name)},
            spark=SparkResources(spark.instance_type, spark.runtime, spark.instances),
        )

    def _training(self, subject: Subject) -> dict[str, str]:
        """Return what to profile.

        Raises:
            NotYetError: the window's hours hold no requests of its own.
            PermanentError: where the training data is, nobody noted.
        """
        from shared.drift.rows.sample import Rows

        names = subject.policy.endpoint.name, subject.watched.deployment
        if not Rows(self.data.collected_batches(*names, subject.start, subject.end)).columns:
            raise NotYetError("no rows yet")
        return {"training_data": VersionReferences(self.workspace, self.data, self.profiles, subject).training_uri()}

    def _compared(self, subject: Subject, counting: Counting, job: JobName, found: _Found) -> SignalReport:
        """Return the signal of what the job counted.

        Raises:
            ValueError: its result is not there, or damaged.
        """
        from shared.drift.comparison.verdict import compare
        from shared.drift.profiles.profile import Profile
        from shared.drift.profiles.stored_counts import counts_from_bytes
        from shared.drift.results.assemble import drift_signal

        rules = subject.monitor.data_drift or DataDrift()
        model, version = subject.policy.model, subject.watched.version
        reference = Profile.from_bytes(self._part(model, job, PROFILE))
        counts = counts_from_bytes(self._part(model, job, COUNTS))
        served = served_only(drift_rules(rules), reference, counts, subject)
        drift = drift_signal(compare(reference, counts, served, subject.past(DATA_DRIFT), subject.monitor.importance))
        self.profiles.save(model, version, reference, ON_SPARK)
        found.profile = reference
        return replace(drift, findings=(*drift.findings, f"{_words(counting)} were counted by the Spark job {job}"))

    def _part(self, model: str, job: JobName, part: str) -> bytes:
        folder = f"{_path(model, job)}/{part}"
        names = [item.name for item in self.files.list(f"{folder}/part-")]
        blobs = [blob.body for name in names if (blob := self.files.get(name))]
        if not blobs:
            raise ValueError(f"the Spark job {job} has succeeded, and there is no result in {folder}")
        try:
            return base64.b64decode(b"".join(blobs).strip(), validate=True)
        except binascii.Error as exc:
            raise ValueError(f"what the Spark job {job} wrote to {folder} is damaged: {exc}") from exc


def _path(model: str, job: JobName) -> str:
    return f"vigia/windows/{model}/{job}"


def _uri(model: str, job: JobName) -> str:
    return datastore_uri(_path(model, job))


def _words(counting: Counting) -> str:
    return f"{size_text(counting.size, 3)} of collected requests"


def _too_large(counting: Counting) -> PermanentError:
    message = f"the window's hours hold {_words(counting)}; one process reads {size_text(MOST_IN_PROCESS)} at most"
    return PermanentError("monitor.too_large", message, REMEDY)


def _with_others(drift: SignalReport, monitor: Monitor, counting: Counting) -> list[SignalReport]:
    """Return the signals of such a look: those that need the rows themselves say that nobody read them."""
    why = f"not looked at: {_words(counting)} were left to Spark, which counts for data-drift alone"
    own = [drift] if monitor.data_drift else []
    if counting.job is None:
        return [replace(drift, signal=name) for name in monitor.signals]
    return [*own, *(SignalReport(name, "insufficient-data", why, 0) for name in monitor.signals if name != DATA_DRIFT)]


def _about(subject: Subject, profile: Profile | None) -> About:
    policy, watched, rules = subject.policy, subject.watched, subject.monitor.data_drift
    return About(
        model=policy.model,
        start=subject.start,
        end=subject.end,
        reference=f"the training data of version {watched.version}",
        model_version=watched.version,
        endpoint=policy.endpoint.name,
        deployment=watched.deployment,
        made_at=subject.end,
        reference_rows=profile.rows if profile else None,
        rules=rules_in_words(drift_rules(rules)) if rules else (),
        profile=profile_name(policy.model, watched.version, ON_SPARK) if profile else "",
        policy_digest=policy.digest,
    )
