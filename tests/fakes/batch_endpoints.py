"""Batch endpoints in memory: invocations become jobs that end as the test says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from shared.domain.failure import Failure
from shared.domain.ids import DeploymentName, EndpointName, JobName
from shared.errors import WorkspaceError
from shared.ports.batch_endpoints import BatchRequest, BatchRun
from shared.ports.clock import Deadline
from shared.ports.endpoints import DeploymentRequest, EndpointRecord
from shared.ports.jobs import JobRecord
from tests.fakes.endpoints import FakeEndpoints


@dataclass
class FakeBatchEndpoints(FakeEndpoints):
    """A `BatchEndpoints`.

    Args:
        jobs: the workspace's; invocations add to them.
        outcome: the status that a deployment's jobs get; `outcomes` by deployment go before.
        invoked: every invocation that was accepted, in order.
        errors: raised, first come first served, by the next calls of the method they are filed under.
        scored: called with each accepted request, to write predictions.
    """

    called_at = "jobs"

    jobs: dict[str, JobRecord]
    endpoints: dict[str, EndpointRecord] = field(default_factory=dict)
    outcome: str = "Completed"
    outcomes: dict[str, str] = field(default_factory=dict)
    deployment_outcome: str = "Succeeded"
    invoked: list[BatchRequest] = field(default_factory=list)
    ran: list[tuple[str, datetime, JobRecord]] = field(default_factory=list)
    requests: list[DeploymentRequest] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    errors: dict[str, list[Exception]] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    scored: Callable[[BatchRequest], None] = lambda _: None
    runs: list[tuple[str, BatchRun]] = field(default_factory=list)
    now: Callable[[], datetime] = lambda: datetime(2026, 11, 20, tzinfo=UTC)

    def set_traffic(
        self, endpoint: EndpointName, traffic: Mapping[DeploymentName, int], deadline: Deadline | None = None
    ) -> None:
        self._raise("set_traffic")
        if deadline:
            deadline.require()
        record = self._existing(endpoint)
        names = {deployment.name for deployment in record.deployments}
        if list(traffic.values()) != [100] or not set(traffic) <= names:
            raise WorkspaceError("workspace.traffic", f"{dict(traffic)} is no default of endpoint {endpoint}")
        self.calls.append(("set_traffic", next(iter(traffic))))
        self.endpoints[endpoint] = replace(record, traffic=dict(traffic))

    def delete_deployment(
        self, endpoint: EndpointName, deployment: DeploymentName, deadline: Deadline | None = None
    ) -> None:
        self._raise("delete_deployment")
        if deadline:
            deadline.require()
        record = self._existing(endpoint)
        if record.traffic.get(deployment):
            raise WorkspaceError("workspace.serving", f"{deployment} is the default")
        self.calls.append(("delete_deployment", deployment))
        self.remove_deployment(endpoint, deployment)

    def score(self, request: BatchRequest, deadline: Deadline | None = None) -> JobName:
        self._raise("score")
        if deadline:
            deadline.require()
        self.invoked.append(request)
        name = JobName(f"batchjob-{len(self.invoked)}")
        self.scored(request)
        self._run(name, request.deployment, self.outcomes.get(request.deployment, self.outcome))
        return name

    def submitted_job(self, request: BatchRequest) -> JobName | None:
        self._raise("submitted_job")
        numbers = [number for number, invoked in enumerate(self.invoked, start=1) if invoked == request]
        return JobName(f"batchjob-{numbers[0]}") if numbers else None

    def jobs_since(self, endpoint: EndpointName, deployment: DeploymentName, since: datetime) -> tuple[JobRecord, ...]:
        self._raise("jobs_since")
        return tuple(job for name, at, job in self.ran if name == deployment and at >= since)

    def completed_runs(
        self, endpoint: EndpointName, deployment: DeploymentName, since: datetime
    ) -> tuple[BatchRun, ...]:
        self._raise("completed_runs")
        return tuple(run for name, run in self.runs if name == deployment and run.ended_at >= since)

    def run_default(self, endpoint: str, status: str = "Completed", data: str = "") -> None:
        """Have somebody invoke the endpoint, as is done every night; `data` is the folder that is scored."""
        deployment = next(iter(self.endpoints[endpoint].traffic))
        self._run(JobName(f"nightly-{len(self.ran)}"), deployment, status, {"uri_folder": data} if data else {})

    def set_default(self, endpoint: str, deployment: str) -> None:
        """Change the default behind everybody's back."""
        self.endpoints[endpoint] = replace(self.endpoints[endpoint], traffic={DeploymentName(deployment): 100})

    def _run(
        self, name: JobName, deployment: DeploymentName, status: str, inputs: Mapping[str, str] | None = None
    ) -> None:
        self.jobs[name] = JobRecord(name, status, {}, "vigia", dict(inputs or {}))
        self.ran.append((deployment, self.now(), self.jobs[name]))
