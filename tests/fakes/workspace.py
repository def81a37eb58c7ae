"""An Azure ML workspace in memory: writes take effect, jobs and deployments end as the test says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from shared.domain.failure import Failure
from shared.domain.ids import DeploymentName, EndpointName, JobName, ModelName, ModelVersion
from shared.domain.training import Recipe
from shared.errors import WorkspaceError
from shared.ports.clock import Deadline
from shared.ports.endpoints import DeploymentRecord, DeploymentRequest, EndpointRecord
from shared.ports.jobs import JobRecord, JobRequest
from shared.ports.workspace import Answer, DataVersion, ModelRecord
from tests.fakes.batch_endpoints import FakeBatchEndpoints
from tests.fakes.endpoints import FakeEndpoints

BORN = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass
class FakeWorkspace(FakeEndpoints):
    """A `Workspace`.

    `deployment_outcome` is the provisioning state new deployments get, `scaling_state` that of those that are scaled,
    `job_outcome` the status new jobs get, `job_outcomes` that of single ones.
    `errors` are raised, first come first served, by the next calls of the method they are filed under.
    `calls` lists the writes that were accepted, in order. `answers` to `score`
    come one after the other, the last again. `latest` is the newest version of components and data assets.
    """

    called_at = "score"

    models: dict[tuple[str, str], ModelRecord] = field(default_factory=dict)
    jobs: dict[str, JobRecord] = field(default_factory=dict)
    endpoints: dict[str, EndpointRecord] = field(default_factory=dict)
    requests: list[JobRequest | DeploymentRequest] = field(default_factory=list)
    versions: dict[str, list[DataVersion]] = field(default_factory=dict)
    compute_instances: list[str] = field(default_factory=list)
    deployment_outcome: str = "Succeeded"
    scaling_state: str = "Succeeded"
    job_outcome: str = "Completed"
    job_outcomes: dict[str, str] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=lambda: [Answer(200, 0.1, "[0.5]")])
    probes: list[tuple[DeploymentName, str]] = field(default_factory=list)
    latest: dict[str, str] = field(default_factory=dict)
    data: dict[tuple[str, str], tuple[str, dict[str, str]]] = field(default_factory=dict)
    errors: dict[str, list[Exception]] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    failures: dict[str, Failure] = field(default_factory=dict)
    batch: FakeBatchEndpoints = field(init=False)

    def __post_init__(self) -> None:
        self.batch = FakeBatchEndpoints(self.jobs)

    def data_versions(self, reference: str, most: int) -> tuple[DataVersion, ...]:
        """Return what is filed under the reference, newest first."""
        self._raise("data_versions")
        return tuple(self.versions.get(reference, ())[:most])

    def register(
        self,
        name: str,
        version: str,
        created_at: datetime = BORN,
        tags: Mapping[str, str] | None = None,
        job: str | None = None,
        by: str = "ana@example.com",
    ) -> ModelRecord:
        """Add a model to the registry."""
        record = ModelRecord(
            ModelName(name),
            ModelVersion(version),
            "mlflow_model",
            f"azureml://models/{name}/{version}",
            created_at,
            by,
            JobName(job) if job else None,
            dict(tags or {}),
        )
        self.models[name, version] = record
        return record

    def register_data(self, name: str, version: str, folder: str, tags: Mapping[str, str]) -> None:
        if self.data.get((name, version)) is None:
            self.calls.append(("register_data", f"{name}:{version}"))
            self.data[name, version] = folder, dict(tags)
            self.latest[name] = version

    def serve(self, model: str, version: str) -> None:
        """Have the endpoint of the model's name answer by that version alone."""
        made = DeploymentRecord(DeploymentName(f"v-{version}"), ModelName(model), ModelVersion(version), "Succeeded")
        endpoint = EndpointName(model)
        self.endpoints[model] = EndpointRecord(endpoint, "Succeeded", {made.name: 100}, {}, (made,), "")

    def end_job(self, name: str, status: str, outputs: Mapping[str, str] | None = None) -> None:
        self.jobs[name] = replace(self.jobs[name], status=status, outputs=dict(outputs or {}))

    def set_deployment_state(self, endpoint: str, deployment: str, state: str) -> None:
        record = self.endpoints[endpoint]
        changed = tuple(replace(d, state=state) if d.name == deployment else d for d in record.deployments)
        self.endpoints[endpoint] = replace(record, deployments=changed)

    def model(self, name: ModelName, version: ModelVersion) -> ModelRecord | None:
        self._raise("model")
        return self.models.get((name, version))

    def models_after(self, name: ModelName, since: datetime, most: int) -> tuple[ModelRecord, ...]:
        self._raise("models_after")
        matches = [model for model in self.models.values() if model.name == name and model.created_at > since]
        return tuple(sorted(matches, key=lambda model: model.created_at, reverse=True)[:most])

    def job(self, name: JobName) -> JobRecord | None:
        self._raise("job")
        return self.jobs.get(name)

    def job_metrics(self, name: JobName) -> Mapping[str, float]:
        self._raise("job_metrics")
        return self.jobs[name].metrics if name in self.jobs else {}

    def trials(self, name: JobName) -> tuple[JobRecord, ...]:
        self._raise("trials")
        return tuple(job for job in self.jobs.values() if job.name.startswith(f"{name}_"))

    def job_failure(self, name: JobName) -> Failure:
        return self.failures.get(name, Failure())

    def recent_jobs(self, since: datetime, most: int) -> tuple[JobRecord, ...]:
        self._raise("recent_jobs")
        matches = [job for job in self.jobs.values() if (job.created_at or BORN) > since]
        return tuple(sorted(matches, key=lambda job: job.created_at or BORN, reverse=True)[:most])

    def submit_job(self, request: JobRequest, deadline: Deadline | None = None) -> JobRecord:
        self._raise("submit_job")
        if deadline:
            deadline.require()
        if request.name not in self.jobs:
            self.calls.append(("submit_job", request.name))
            self.requests.append(request)
            self.jobs[request.name] = JobRecord(
                request.name,
                self.job_outcomes.get(request.name, self.job_outcome),
                dict(request.tags),
                "vigia",
                dict(request.inputs),
                recipe=self._recipe(request.component, request.inputs),
            )
        return self.jobs[request.name]

    def cancel_job(self, name: JobName) -> None:
        self._raise("cancel_job")
        job = self.jobs.get(name)
        if job and not job.has_ended:
            self.calls.append(("cancel_job", name))
            self.jobs[name] = replace(job, status="Canceled")

    def recipe(self, component: str, inputs: Mapping[str, str]) -> Recipe:
        self._raise("recipe")
        return self._recipe(component, inputs)

    def _recipe(self, component: str, inputs: Mapping[str, str]) -> Recipe:
        pinned = {name: self._pinned(value) for name, value in inputs.items()}
        return Recipe(self._pinned(component).removeprefix("azureml:"), pinned)

    def _pinned(self, reference: str) -> str:
        name = reference.removeprefix("azureml:").removesuffix("@latest")
        return f"azureml:{name}:{self.latest[name]}" if name in self.latest else reference

    def deployments(self, endpoint: EndpointName) -> tuple[DeploymentRecord, ...]:
        self._raise("deployments")
        record = self.endpoints.get(endpoint)
        return record.deployments if record else ()

    def set_traffic(
        self, endpoint: EndpointName, traffic: Mapping[DeploymentName, int], deadline: Deadline | None = None
    ) -> None:
        self._raise("set_traffic")
        if deadline:
            deadline.require()
        record = self._existing(endpoint)
        names = {deployment.name for deployment in record.deployments}
        if sum(traffic.values()) not in {0, 100} or not set(traffic) <= names:
            raise WorkspaceError("workspace.traffic", f"traffic {dict(traffic)} is impossible on {endpoint}")
        if any(percent and record.mirror_traffic.get(name) for name, percent in traffic.items()):
            raise WorkspaceError("workspace.traffic", f"{dict(traffic)} serves from what is mirrored to")
        self.calls.append(("set_traffic", ",".join(f"{name}={percent}" for name, percent in sorted(traffic.items()))))
        self.endpoints[endpoint] = replace(record, traffic={n: p for n, p in traffic.items() if p})

    def set_mirror(
        self, endpoint: EndpointName, mirror: Mapping[DeploymentName, int], deadline: Deadline | None = None
    ) -> None:
        self._raise("set_mirror")
        if deadline:
            deadline.require()
        record = self._existing(endpoint)
        names = {deployment.name for deployment in record.deployments}
        if sum(mirror.values()) > 50 or not set(mirror) <= names or any(record.traffic.get(name) for name in mirror):
            raise WorkspaceError("workspace.mirror", f"mirrored traffic {dict(mirror)} is impossible on {endpoint}")
        self.calls.append(("set_mirror", ",".join(f"{name}={percent}" for name, percent in sorted(mirror.items()))))
        self.endpoints[endpoint] = replace(record, mirror_traffic={n: p for n, p in mirror.items() if p})

    def score(self, endpoint: EndpointName, deployment: DeploymentName, request: str) -> Answer:
        self._raise("score")
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def probe(
        self,
        endpoint: EndpointName,
        requests: Sequence[tuple[DeploymentName, str]],
        within: timedelta,
        per_second: float = 0.0,
    ) -> tuple[Answer | None, ...]:
        self._raise("probe")
        self.probes += requests
        return tuple(self.answered(deployment, request) for deployment, request in requests)

    def answered(self, deployment: DeploymentName, request: str) -> Answer | None:
        """Return what a probe is answered."""
        return Answer(200, 0.1, "[0.5]")

    def scale_deployment(
        self,
        endpoint: EndpointName,
        deployment: DeploymentName,
        instance_count: int,
        deadline: Deadline | None = None,
    ) -> None:
        self._raise("scale_deployment")
        if deadline:
            deadline.require()
        record = self._existing(endpoint)
        assert any(other.name == deployment for other in record.deployments)
        resized = (
            replace(d, instances=instance_count, state=self.scaling_state) if d.name == deployment else d
            for d in record.deployments
        )
        self.endpoints[endpoint] = replace(record, deployments=tuple(resized))
        self.calls.append(("scale_deployment", f"{deployment}={instance_count}"))

    def delete_deployment(
        self, endpoint: EndpointName, deployment: DeploymentName, deadline: Deadline | None = None
    ) -> None:
        self._raise("delete_deployment")
        if deadline:
            deadline.require()
        record = self._existing(endpoint)
        if record.traffic.get(deployment) or record.mirror_traffic.get(deployment):
            raise WorkspaceError("workspace.serving", f"{deployment} still has traffic")
        self.calls.append(("delete_deployment", deployment))
        self.remove_deployment(endpoint, deployment)

    def stop_compute_instances(self, only: Sequence[str] = ()) -> tuple[str, ...]:
        self._raise("stop_compute_instances")
        stopped = tuple(name for name in self.compute_instances if not only or name in only)
        self.compute_instances = [name for name in self.compute_instances if name not in stopped]
        return stopped
