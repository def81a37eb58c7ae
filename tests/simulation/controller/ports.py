"""The ports of the release controller."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import ClassVar, TypeVar

from shared.domain.failure import UNKNOWN, Failure
from shared.domain.ids import DeploymentName, EndpointName, JobName, ModelName, ModelVersion
from shared.domain.notice import Notice
from shared.domain.releases.measurement import Interval
from shared.ports.batch_endpoints import BatchRequest
from shared.ports.blobs import Blob, Written
from shared.ports.clock import Deadline
from shared.ports.endpoints import DeploymentRecord, DeploymentRequest, EndpointRecord, ListedEndpoint
from shared.ports.jobs import JobRecord, JobRequest
from shared.ports.workspace import Answer, ModelRecord
from tests.fakes.workspace import FakeWorkspace
from tests.simulation.controller.azureml import AzureMl, Job
from tests.simulation.controller.evidence import Truth
from tests.simulation.controller.sky import Sky
from tests.simulation.run import Run
from tests.simulation.services import Blobs

T = TypeVar("T")
# Intervals of a window that the traffic log still has.
MOST_MEASURED = 8
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class ServiceTime:
    """The services' clock, which production goes by."""

    run: Run

    def now(self) -> datetime:
        return self.run.now


@dataclass
class WatchedBlobs(Blobs):
    """The blob service, with areas that cannot be read, and with what each worker read last.

    Args:
        reads: (worker, blob) to the ETag of its last read of it, and when that was.
    """

    container: ClassVar[str] = ""  # the app's records and the decisions in one
    sky: Sky = field(default_factory=Sky)
    run: Run | None = None
    reads: dict[tuple[str, str], tuple[str | None, datetime]] = field(default_factory=dict)
    writers: dict[str, str] = field(default_factory=dict)

    def get(self, name: str, now: datetime) -> Blob | None:
        self.sky.check(f"{name.partition('/')[0]} r", now, _worker(self.run))
        blob = super().get(name, now)
        if self.run and self.run.active:
            self.reads[self.run.active.name, name] = (blob.etag if blob else None, now)
        return blob

    def put(self, name: str, body: bytes, metadata: Mapping[str, str] | None, now: datetime) -> Written:
        self.sky.check(f"{name.partition('/')[0]} w", now, _worker(self.run))
        written = super().put(name, body, metadata, now)
        self.writers[written.etag] = self.run.active.name if self.run and self.run.active else "late"
        return written


@dataclass(frozen=True)
class ControllerWorkspace:
    """What the controller reads from and changes in Azure ML: what all endpoints have, and what online ones have."""

    run: Run
    azureml: AzureMl
    fake: FakeWorkspace
    sky: Sky
    truth: Truth
    is_batch: ClassVar[bool] = False

    @property
    def batch(self) -> ControllerBatch:
        return ControllerBatch(self.run, self.azureml, self.fake, self.sky, self.truth)

    def model(self, name: ModelName, version: ModelVersion) -> ModelRecord | None:
        return self._read("models r", f"model {name}:{version}", lambda: self.fake.model(name, version))

    def job(self, name: JobName) -> JobRecord | None:
        return self._read("jobs r", f"job {name}", lambda: self._job(name))

    def _job(self, name: JobName) -> JobRecord | None:
        job = self.azureml.jobs.get(name)
        return job.record(self.run.now) if job else None

    def submit_job(self, request: JobRequest, deadline: Deadline | None = None) -> JobRecord:
        def land(_: str) -> JobRecord:
            now = self.run.now
            job = Job(request.name, request.name, now + self.truth.job_takes, self.truth.evaluation, request.inputs)
            return self.azureml.jobs.setdefault(request.name, job).record(now)

        return self._write("jobs w", f"submit {request.name}", land, deadline)

    def cancel_job(self, name: JobName) -> None:
        def land(_: str) -> None:
            job = self.azureml.jobs.get(name)
            if job and job.was_running(self.run.now):
                job.canceled_at = self.run.now

        self._write("jobs w", f"cancel {name}", land)

    def job_metrics(self, name: JobName) -> Mapping[str, float]:
        return {}

    def job_failure(self, name: JobName) -> Failure:
        return UNKNOWN

    def deployment_failure(self, endpoint: EndpointName, deployment: DeploymentName) -> Failure:
        return UNKNOWN

    def listing(self) -> tuple[ListedEndpoint, ...]:
        raise NotImplementedError("a keeper of so few endpoints checks each of them")

    def endpoint(self, name: EndpointName) -> EndpointRecord | None:
        return self._read("endpoint r", f"endpoint {name}", lambda: self._endpoint(name))

    def _endpoint(self, name: EndpointName) -> EndpointRecord | None:
        return self.azureml.record(name, self.run.now) if self.azureml.is_batch is self.is_batch else None

    def deployments(self, endpoint: EndpointName) -> tuple[DeploymentRecord, ...]:
        record = self.endpoint(endpoint)
        return record.deployments if record else ()

    def create_endpoint(self, name: EndpointName, cluster: str = "") -> None:
        self._write(
            "endpoint w", f"PUT endpoint {name}", lambda by: self.azureml.create_endpoint(name, self.run.now, by)
        )

    def create_deployment(self, request: DeploymentRequest, deadline: Deadline | None = None) -> None:
        def land(by: str) -> None:
            endpoint = self.azureml.at(request.endpoint, self.run.now)
            if endpoint is None or request.name not in endpoint.deployments:
                self.azureml.create_deployment(request, self.run.now, by)

        self._write("deployment w", f"PUT deployment {request.endpoint}/{request.name}", land, deadline)

    def set_traffic(
        self, endpoint: EndpointName, traffic: Mapping[DeploymentName, int], deadline: Deadline | None = None
    ) -> None:
        def land(by: str) -> None:
            self.azureml.set_traffic(endpoint, traffic, self.run.now, by)

        self._write("traffic w", f"PUT traffic {endpoint} {dict(traffic)}", land, deadline)

    def set_mirror(
        self, endpoint: EndpointName, mirror: Mapping[DeploymentName, int], deadline: Deadline | None = None
    ) -> None:
        def land(by: str) -> None:
            self.azureml.set_mirror(endpoint, mirror, self.run.now, by)

        self._write("traffic w", f"PUT mirror {endpoint} {dict(mirror)}", land, deadline)

    def score(self, endpoint: EndpointName, deployment: DeploymentName, request: str) -> Answer:
        return self._read("score r", f"score {endpoint}/{deployment}", lambda: Answer(200, 0.1, request))

    def probe(
        self,
        endpoint: EndpointName,
        requests: Sequence[tuple[DeploymentName, str]],
        within: timedelta,
        per_second: float = 0.0,
    ) -> tuple[Answer | None, ...]:
        answer = Answer(200, 0.1, "")
        return self._read("score r", f"probe {endpoint} within {within}", lambda: tuple(answer for _ in requests))

    def scale_deployment(
        self,
        endpoint: EndpointName,
        deployment: DeploymentName,
        instance_count: int,
        deadline: Deadline | None = None,
    ) -> None:
        def land(by: str) -> None:
            self.azureml.scale(endpoint, deployment, instance_count, self.run.now, by)

        self._write("deployment w", f"scale {endpoint}/{deployment} to {instance_count}", land, deadline)

    def delete_deployment(
        self, endpoint: EndpointName, deployment: DeploymentName, deadline: Deadline | None = None
    ) -> None:
        def land(by: str) -> None:
            self.azureml.delete_deployment(endpoint, deployment, self.run.now, by)

        self._write("deployment w", f"DELETE deployment {endpoint}/{deployment}", land, deadline)

    def _read(self, where: str, label: str, look: Callable[[], T]) -> T:
        def look_once() -> T:
            self.sky.check(where, self.run.now, _worker(self.run))
            return look()

        return self.run.read(where, label, look_once)

    def _write(self, where: str, label: str, land: Callable[[str], T], deadline: Deadline | None = None) -> T:
        by = self.run.active.name if self.run.active else "late"

        def arrive() -> T:
            assert self.azureml.is_batch is self.is_batch or where == "jobs w", f"{label}: the other kind of endpoint"
            self.sky.check(where, self.run.now, _worker(self.run))
            return land(by)

        return self.run.write(where, label, arrive, require=deadline.require if deadline else lambda: None)


@dataclass(frozen=True)
class SimulatedTelemetry:
    """Every minute's requests by the traffic there is, healthy or not as `error_share` (0 to 1) says."""

    run: Run
    azureml: AzureMl
    sky: Sky
    random: Random
    error_share: dict[str, float]

    def intervals(
        self, endpoint: EndpointName, start: datetime, end: datetime, width: timedelta, quantile: float | None = None
    ) -> tuple[Interval, ...]:
        def look() -> tuple[Interval, ...]:
            self.sky.check("telemetry r", self.run.now, _worker(self.run))
            return tuple(self._measured(endpoint, start, end, width))

        return self.run.read("telemetry r", f"traffic log of {endpoint}", look)

    def _measured(self, endpoint: EndpointName, start: datetime, end: datetime, width: timedelta) -> list[Interval]:
        record = self.azureml.at(endpoint, self.run.now)
        if record is None:
            return []
        serving = {**record.traffic, **record.mirror}
        # What is long past is not looked at again: hours of it would cost more than everything else.
        count = min(max(0, (end - start) // width), MOST_MEASURED)
        return [
            Interval(name, start + number * width, 40_000, round(40_000 * self.error_share.get(name, 0.001)), 4.0)
            for number in range(count)
            for name in sorted(serving)
        ]


class ControllerBatch(ControllerWorkspace):
    """The same of batch endpoints, whose deployments score a batch when they are asked to: twice when asked twice."""

    is_batch = True

    def score(self, request: BatchRequest, deadline: Deadline | None = None) -> JobName:  # type: ignore[override]
        def land(_: str) -> JobName:
            name, now = JobName(f"batchjob-{len(self.azureml.jobs) + 1}"), self.run.now
            outcome = (self.truth.nightly if request.kind else self.truth.scoring)(request.deployment)
            inputs = {str(request.kind or "data"): request.data}
            self.azureml.jobs[name] = Job(
                name, request.name, now + self.truth.job_takes, outcome, inputs, request.output, request.deployment
            )
            return name

        return self._write("scoring w", f"score {request.name}", land, deadline)

    def submitted_job(self, request: BatchRequest) -> JobName | None:
        def look() -> JobName | None:
            return next((job.name for job in self.azureml.jobs.values() if job.request == request.name), None)

        return self._read("jobs r", f"was {request.name} asked for", look)

    def jobs_since(self, endpoint: EndpointName, deployment: DeploymentName, since: datetime) -> tuple[JobRecord, ...]:
        """Return a job of every minute in which the deployment was the default."""

        def look() -> tuple[JobRecord, ...]:
            count = min(max(0, (self.run.now - since) // MINUTE), MOST_MEASURED)
            moments = [since + number * MINUTE for number in range(count)]
            return tuple(
                JobRecord(
                    JobName(f"nightly-{at:%d%H%M}"),
                    self.truth.nightly(deployment),
                    {},
                    "vigia",
                    {"uri_folder": f"azureml://datastores/nightly/paths/{at:%d%H%M}/"},
                )
                for at in moments
                if {deployment: 100} in self.azureml.splits_of(endpoint, at, at)
            )

        return self._read("jobs r", f"jobs of {deployment} since {since:%H:%M}", look)


@dataclass
class Notices:
    """What people were told: each notice with the time it was first posted."""

    run: Run
    sky: Sky
    notices: dict[str, tuple[datetime, Notice]] = field(default_factory=dict)

    def post(self, notices: Sequence[Notice]) -> None:
        def land() -> None:
            self.sky.check("outbox w", self.run.now, _worker(self.run))
            for notice in notices:
                self.notices.setdefault(notice.key, (self.run.now, notice))

        self.run.write("outbox w", f"tell {[str(n.key) for n in notices]}", land)


def _worker(run: Run | None) -> str:
    return run.active.name if run and run.active else ""
