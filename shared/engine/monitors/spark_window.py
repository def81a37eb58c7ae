"""A window that is too large for one process: a Spark job counts it, and its counts are compared as ours would be."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.domain.assets import datastore_uri
from shared.domain.ids import JobName
from shared.drift.results.assemble import DATA_DRIFT
from shared.drift.results.signals import SignalReport
from shared.engine.monitors.look import Look, complete_look
from shared.engine.monitors.references import VersionReferences
from shared.engine.monitors.subject import NotYetError, Reference, Subject, attempt
from shared.engine.monitors.window_signals import compare_counts
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
    model, version = subject.policy.model, subject.version
    _, deployment, start, end = subject.window
    whole = "\n".join((model, version, deployment, start.isoformat(), end.isoformat()))
    readable = re.sub(r"[^A-Za-z0-9_-]", "-", f"{model}-{version}")[:60]
    return JobName(f"count-{readable}-{start:%Y%m%d%H%M}-{hashlib.sha256(whole.encode()).hexdigest()[:12]}")


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
        spark = subject.monitor.spark
        if not subject.monitor.signals:
            return None
        size = self._size(subject)
        if not is_too_large(size, spark):
            return None
        job = job_name(subject) if spark else None
        return Counting(job, subject.deployment, subject.start, subject.end, size)

    def _size(self, subject: Subject) -> int:
        """Return how many bytes the window's signals would read: those of answers read the requests once more."""
        monitor = subject.monitor
        size = self.data.collected_bytes(*subject.window)
        if monitor.prediction_drift or monitor.estimated_performance:
            size += self.data.scored_bytes(*subject.window)
        return size

    def look(self, subject: Subject, counting: Counting, now: datetime) -> Look | None:
        """Return what the frozen window shows, which is the subject's; None while it is being counted.

        A job that is missing is submitted, also when an earlier worker crashed before it did.

        Raises:
            RetryableError: a service did not answer.
        """
        counted = attempt(DATA_DRIFT, lambda: self._counted(subject, counting, now))
        if counted is None:
            return None
        drift, reference = (counted, None) if isinstance(counted, SignalReport) else counted
        return complete_look(subject, reference, _with_others(drift, subject.monitor, counting))

    def _counted(self, subject: Subject, counting: Counting, now: datetime) -> tuple[SignalReport, Reference] | None:
        """Return what the job's counts show and what they were compared with; None before there are any.

        Raises:
            PermanentError: there is no job to count the window, or it failed.
            ValueError: the job's result is missing or damaged.
        """
        if counting.job is None:
            raise _too_large(counting)
        if not self._has_ended(subject, counting, counting.job, now):
            return None
        return self._compared(subject, counting, counting.job)

    def _has_ended(self, subject: Subject, counting: Counting, name: JobName, now: datetime) -> bool:
        """Return whether the job has succeeded; submit it when it is not there.

        Raises:
            PermanentError: it failed, cannot be submitted, or has run for too long.
        """
        job = self.workspace.job(name)
        if job is None:
            self.workspace.submit_job(self._request(subject, counting, name))
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

    def _request(self, subject: Subject, counting: Counting, name: JobName) -> JobRequest:
        policy, spark, counted_by = subject.policy, subject.monitor.spark, subject.state.counted_by
        if spark is None:
            raise _too_large(counting)
        folder = datastore_uri(f"modelDataCollector/{policy.endpoint.name}/{subject.deployment}/model_inputs")
        inputs = {
            "collected": folder,
            "start": counting.start.isoformat(),
            "end": counting.end.isoformat(),
            "leave_out": PROBE_MARK,
        }
        # The profile of the version's training data is made once; later jobs count around it.
        inputs |= {PROFILE: _uri(policy.model, counted_by)} if counted_by else self._training(subject)
        return JobRequest(
            name=name,
            component=spark.component,
            inputs=inputs,
            experiment=f"{policy.model}-monitor",
            display_name=f"Count {counting.start:%Y-%m-%d %H:%M} to {counting.end:%Y-%m-%d %H:%M} of {policy.model}",
            tags={"vigia.model": policy.model, "vigia.version": subject.version},
            outputs={RESULT: _uri(policy.model, name)},
            spark=SparkResources(spark.instance_type, spark.runtime, spark.instances),
        )

    def _training(self, subject: Subject) -> dict[str, str]:
        """Return what to profile.

        Raises:
            NotYetError: the window's hours hold no requests of its own.
            PermanentError: the training data of the version is unknown.
        """
        from shared.drift.rows.sample import Rows

        # The size that was too large is of whole hours; the window itself may hold no requests.
        if not Rows(self.data.collected_batches(*subject.window)).columns:
            raise NotYetError("no rows yet")
        return {"training_data": VersionReferences(self.workspace, self.data, self.profiles, subject).training_uri()}

    def _compared(self, subject: Subject, counting: Counting, job: JobName) -> tuple[SignalReport, Reference]:
        """Return the signal of what the job counted, and what it counted around.

        Raises:
            ValueError: its result is missing or damaged.
        """
        from shared.drift.profiles.profile import Profile
        from shared.drift.profiles.stored import counts_from_bytes

        section, model, version = subject.monitor.data_drift or DataDrift(), subject.policy.model, subject.version
        profile = Profile.from_bytes(self._part(model, job, PROFILE))
        counts = counts_from_bytes(self._part(model, job, COUNTS))
        drift = compare_counts(subject, section, profile, counts, subject.past(DATA_DRIFT))
        # Stored after the comparison: a profile that fails in it is made again by the next job.
        self.profiles.save(model, version, profile, ON_SPARK)
        finding = f"{_words(counting)} were counted by the Spark job {job}"
        reference = Reference(subject.reference_words, profile, profile_name(model, version, ON_SPARK))
        return replace(drift, findings=(*drift.findings, finding)), reference

    def _part(self, model: str, job: JobName, part: str) -> bytes:
        """Return one part of the job's result.

        Raises:
            ValueError: it is missing or damaged.
        """
        folder = f"{_path(model, job)}/{part}"
        names = [item.name for item in self.files.list(f"{folder}/part-")]
        blobs = [blob.body for name in names if (blob := self.files.get(name))]
        if not blobs:
            raise ValueError(f"the Spark job {job} has succeeded, and there is no result in {folder}")
        try:
            return base64.b64decode(b"".join(blobs).strip(), validate=True)
        except binascii.Error as exc:
            raise ValueError(f"what the Spark job {job} wrote to {folder} is damaged: {exc}") from exc


def after_counting(state: MonitorState, counting: Counting, look: Look) -> MonitorState:
    """Return the state after the look at the frozen window. A profile that served the comparison is counted around
    again; without one the next job makes it."""
    return replace(state, counting=None, counted_by=(state.counted_by or counting.job) if look.report.profile else None)


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
    """Return the signals of such a look: those that need the rows themselves say why they have no verdict."""
    reason = f"not looked at: {_words(counting)} were left to Spark, which counts for data-drift alone"
    own = [drift] if monitor.data_drift else []
    if counting.job is None:
        return [replace(drift, signal=name) for name in monitor.signals]
    return [
        *own,
        *(SignalReport(name, "insufficient-data", reason, 0) for name in monitor.signals if name != DATA_DRIFT),
    ]
