"""Azure ML through its own SDK, imported at first use (about a second)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any, TypeVar

from shared.adapters.azure_ml.batch import AzureBatchEndpoints
from shared.adapters.azure_ml.errors import translated
from shared.adapters.azure_ml.failures import deployment_failure, job_failure
from shared.adapters.azure_ml.pipeline_job import pipeline_job, recipe_of
from shared.adapters.azure_ml.quota import quota_of, within_quota
from shared.adapters.azure_ml.records import deployment_record, job_record, model_record, traffic_split, word
from shared.adapters.azure_ml.run_metrics import run_metrics, trials_of
from shared.adapters.azure_ml.scoring import ask_deployment, send_probes
from shared.adapters.azure_ml.unwatched import unwatched
from shared.adapters.credentials import allow_loopback_http, workspace_credential
from shared.adapters.patience import patient
from shared.adapters.punctual import in_time, sent_by
from shared.adapters.renewal import Renewable
from shared.domain.assets import asset_reference, split_reference
from shared.domain.failure import Failure
from shared.domain.ids import DeploymentName, EndpointName, JobName, ModelName, ModelVersion
from shared.domain.releases.plan import KubernetesPlan
from shared.domain.training import Recipe
from shared.errors import AccessRefusedError, WorkspaceError
from shared.logs import fields
from shared.ports.clock import Deadline
from shared.ports.endpoints import DeploymentRecord, DeploymentRequest, EndpointRecord, ListedEndpoint
from shared.ports.jobs import JobRecord, JobRequest
from shared.ports.workspace import Answer, DataVersion, ModelRecord
from shared.settings import Settings

# Source: azure-ai-ml 1.35.2, `_azure_environments.py`, read 2026-11-20.
SOVEREIGN_CLOUDS = {
    "https://management.azure.com": "AzureCloud",
    "https://management.usgovcloudapi.net": "AzureUSGovernment",
    "https://management.chinacloudapi.cn": "AzureChinaCloud",
}
# The SDK's own ten retries last minutes, longer than the claim that a worker holds meanwhile; the queue tries again.
RETRIES: dict[str, Any] = {"retry_total": 2, "retry_backoff_factor": 0.3}
T = TypeVar("T")
log = logging.getLogger("vigia.workspace")


class AzureWorkspace:
    """The Workspace port over MLClient. Writes return when the service accepted them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: Renewable[Any] = Renewable(self._client)
        self.batch = AzureBatchEndpoints(self._read, self._do)

    @property
    def ml(self) -> Any:
        """Return the MLClient; building it takes about a second, once."""
        return self._clients.client

    def _client(self) -> Any:
        from azure.ai.ml import MLClient

        s = self._settings
        retry_policy, patience = patient("Azure ML", **RETRIES)
        quota = quota_of(s.subscription_id, s.workspace_identity_client_id)
        client = MLClient(
            workspace_credential(s),
            s.subscription_id,
            s.resource_group,
            s.workspace,
            enable_telemetry=False,
            show_progress=False,
            # The deadline last: what it is about may have passed while a call waited for its turn.
            per_call_policies=[allow_loopback_http(), patience, within_quota(quota), in_time()],
            retry_policy=retry_policy,
            **_cloud(s.arm_endpoint),
        )
        return unwatched(client)

    def model(self, name: ModelName, version: ModelVersion) -> ModelRecord | None:
        model = self._read(f"model {name}:{version}", lambda ml: ml.models.get(name, version=version))
        return None if model is None else model_record(model)

    def models_after(self, name: ModelName, since: datetime, most: int) -> tuple[ModelRecord, ...]:
        def read(ml: Any) -> list[ModelRecord]:
            records = (model_record(model) for model in islice(_newest_first(ml, ml.models, name, most), most))
            return list(takewhile(lambda record: record.created_at > since, records))

        return tuple(self._read(f"versions of model {name}", read) or ())

    def data_versions(self, reference: str, most: int) -> tuple[DataVersion, ...]:
        name, _ = split_reference(reference)

        def read(ml: Any) -> list[DataVersion]:
            assets = islice(_newest_first(ml, ml.data, name, most), most)
            return [DataVersion(asset_reference(a.name, a.version), a.creation_context.created_at) for a in assets]

        return tuple(self._read(f"versions of data {name}", read) or ())

    def job(self, name: JobName) -> JobRecord | None:
        job = self._read(f"job {name}", lambda ml: ml.jobs.get(name))
        return None if job is None else job_record(job)

    def job_metrics(self, name: JobName) -> Mapping[str, float]:
        try:
            return self._read(f"metrics of job {name}", lambda ml: run_metrics(ml, name)) or {}
        except (WorkspaceError, AccessRefusedError) as exc:
            # They are evidence where there are some; who needs them says that they lack.
            log.info("metrics.unreadable", extra=fields(job=name, reason=exc.message))
            return {}

    def trials(self, name: JobName) -> tuple[JobRecord, ...]:
        return self._read(f"trials of job {name}", lambda ml: trials_of(ml, name)) or ()

    def job_failure(self, name: JobName) -> Failure:
        return job_failure(self.ml, name)

    def recent_jobs(self, since: datetime, most: int) -> tuple[JobRecord, ...]:
        def read(ml: Any) -> list[JobRecord]:
            # The newest comes first. From memory; not verified: no order can be requested. The SDK leaves a None for
            # a job of a kind it does not know.
            records = (job_record(job) for job in islice(ml.jobs.list(), most) if job is not None)
            return list(takewhile(lambda record: record.created_at is None or record.created_at > since, records))

        return tuple(self._read("jobs", read) or ())

    def submit_job(self, request: JobRequest, deadline: Deadline | None = None) -> JobRecord:
        def submit(ml: Any) -> Any:
            job = pipeline_job(ml, request)
            try:
                return ml.jobs.create_or_update(job)
            except Exception as exc:
                # The name is derived from what caused the job, so the job that has it is this one, submitted before.
                # Source: azure-docs issue 122250, read 2026-11-20.
                if "JobPropertyImmutable" not in str(exc):
                    raise
                return ml.jobs.get(request.name)

        with sent_by(deadline):
            return job_record(self._do(f"job {request.name}", submit))

    def cancel_job(self, name: JobName) -> None:
        job = self.job(name)
        # Azure ML refuses to cancel what has ended.
        if job is not None and not job.has_ended:
            self._do(f"job {name}", lambda ml: ml.jobs.begin_cancel(name))

    def recipe(self, component: str, inputs: Mapping[str, str]) -> Recipe:
        return self._do(f"component {component}", lambda ml: recipe_of(ml, component, inputs))

    def data_uri(self, reference: str) -> str:
        """Return the azureml:// URI behind "azureml:NAME:VERSION" or "azureml:NAME@latest"."""
        return str(self._data(reference).path)

    def pinned_data(self, reference: str) -> str:
        """Return "azureml:NAME:VERSION" for what the reference means now."""
        asset = self._data(reference)
        return asset_reference(asset.name, asset.version)

    def register_data(self, name: str, version: str, folder: str, tags: Mapping[str, str]) -> None:
        from azure.ai.ml.entities import Data

        asset = Data(name=name, version=version, path=folder, type="uri_folder", tags=dict(tags))
        self._do(f"data {name}:{version}", lambda ml: ml.data.create_or_update(asset))

    def _data(self, reference: str) -> Any:
        name, version = split_reference(reference)
        selector = {"label": "latest"} if version is None else {"version": version}
        asset = self._read(f"data {reference}", lambda ml: ml.data.get(name, **selector))
        if asset is None:
            raise WorkspaceError("workspace.no_data", f"the workspace has no data asset {reference}")
        return asset

    def listing(self) -> tuple[ListedEndpoint, ...]:
        entities = self._do("endpoints", lambda ml: list(ml.online_endpoints.list()))
        return tuple(
            ListedEndpoint(EndpointName(entity.name), word(entity.provisioning_state), traffic_split(entity.traffic))
            for entity in entities
        )

    def endpoint(self, name: EndpointName) -> EndpointRecord | None:
        entity = self._read(f"endpoint {name}", lambda ml: _endpoint(ml, name))
        if entity is None:
            return None
        return EndpointRecord(
            name=name,
            state=word(entity.provisioning_state),
            traffic=traffic_split(entity.traffic),
            mirror_traffic=traffic_split(entity.mirror_traffic),
            deployments=self.deployments(name),
            scoring_uri=entity.scoring_uri or "",
        )

    def deployments(self, endpoint: EndpointName) -> tuple[DeploymentRecord, ...]:
        entities = self._read(f"endpoint {endpoint}", lambda ml: list(ml.online_deployments.list(endpoint)))
        return tuple(deployment_record(entity) for entity in entities or ())

    def create_endpoint(self, name: EndpointName, cluster: str = "") -> None:
        from azure.ai.ml.entities import KubernetesOnlineEndpoint, ManagedOnlineEndpoint

        values: dict[str, Any] = {"name": name, "auth_mode": "key"}
        endpoint = KubernetesOnlineEndpoint(compute=cluster, **values) if cluster else ManagedOnlineEndpoint(**values)
        self._do(f"endpoint {name}", lambda ml: ml.online_endpoints.begin_create_or_update(endpoint))

    def create_deployment(self, request: DeploymentRequest, deadline: Deadline | None = None) -> None:
        subject = f"deployment {request.endpoint}/{request.name}"

        def create(ml: Any) -> None:
            ml.online_deployments.begin_create_or_update(_deployment(request), skip_script_validation=True)

        # A PUT has no "only if it is missing", and would undo later changes of the deployment, such as its scale.
        with sent_by(deadline):
            if self._read(subject, lambda ml: ml.online_deployments.get(request.name, request.endpoint)) is None:
                self._do(subject, create)

    def set_traffic(
        self, endpoint: EndpointName, traffic: Mapping[DeploymentName, int], deadline: Deadline | None = None
    ) -> None:
        def write(ml: Any) -> None:
            entity = _endpoint(ml, endpoint)
            if traffic_split(entity.traffic) == traffic_split(traffic):
                # Another worker has written it; the same write again would keep the endpoint busy for minutes.
                return
            entity.traffic = dict(traffic)
            ml.online_endpoints.begin_create_or_update(entity)

        with sent_by(deadline):
            self._do(f"traffic of endpoint {endpoint}", write)

    def set_mirror(
        self, endpoint: EndpointName, mirror: Mapping[DeploymentName, int], deadline: Deadline | None = None
    ) -> None:
        def write(ml: Any) -> None:
            entity = ml.online_endpoints.get(endpoint)
            entity.mirror_traffic = dict(mirror)
            ml.online_endpoints.begin_create_or_update(entity)

        with sent_by(deadline):
            self._do(f"mirrored traffic of endpoint {endpoint}", write)

    def score(self, endpoint: EndpointName, deployment: DeploymentName, request: str) -> Answer:
        uri, key = self._do(f"keys of endpoint {endpoint}", lambda ml: _address(ml, endpoint))
        return ask_deployment(uri, key, deployment, request)

    def probe(
        self,
        endpoint: EndpointName,
        requests: Sequence[tuple[DeploymentName, str]],
        within: timedelta,
        per_second: float = 0.0,
    ) -> tuple[Answer | None, ...]:
        uri, key = self._do(f"keys of endpoint {endpoint}", lambda ml: _address(ml, endpoint))
        return send_probes(uri, key, requests, within, per_second)

    def scale_deployment(
        self,
        endpoint: EndpointName,
        deployment: DeploymentName,
        instance_count: int,
        deadline: Deadline | None = None,
    ) -> None:
        def scale(ml: Any) -> None:
            entity = ml.online_deployments.get(name=deployment, endpoint_name=endpoint)
            entity.instance_count = instance_count
            # The SDK cannot send back the collections that it reads: it reads their data as ids, and sends objects.
            entity.data_collector = _data_collector() if entity.data_collector else None
            ml.online_deployments.begin_create_or_update(entity, skip_script_validation=True)

        with sent_by(deadline):
            self._do(f"deployment {endpoint}/{deployment}", scale)

    def deployment_failure(self, endpoint: EndpointName, deployment: DeploymentName) -> Failure:
        return deployment_failure(self.ml, self.ml.online_deployments, endpoint, deployment)

    def delete_deployment(
        self, endpoint: EndpointName, deployment: DeploymentName, deadline: Deadline | None = None
    ) -> None:
        record = self.endpoint(endpoint)
        # Azure ML refuses this, too, but not for a deployment that only gets mirrored requests.
        if record and (record.traffic.get(deployment) or record.mirror_traffic.get(deployment)):
            raise WorkspaceError("workspace.serving", f"deployment {endpoint}/{deployment} has traffic: it stays")
        with sent_by(deadline):
            self._do(
                f"deployment {endpoint}/{deployment}",
                lambda ml: ml.online_deployments.begin_delete(name=deployment, endpoint_name=endpoint),
            )

    def stop_compute_instances(self, only: Sequence[str] = ()) -> tuple[str, ...]:
        names = {name.lower() for name in only}

        def stop(ml: Any) -> tuple[str, ...]:
            running = [c.name for c in ml.compute.list(compute_type="ComputeInstance") if c.state == "Running"]
            running = [name for name in running if not names or name.lower() in names]
            for name in running:
                ml.compute.begin_stop(name)
            return tuple(running)

        return self._do("compute instances", stop)

    def _read(self, subject: str, call: Callable[[Any], T]) -> T | None:
        from azure.core.exceptions import ResourceNotFoundError

        with translated(subject):
            try:
                return self._clients.call(subject, call)
            except ResourceNotFoundError:
                return None

    def _do(self, subject: str, call: Callable[[Any], T]) -> T:
        with translated(subject):
            return self._clients.call(subject, call)


def _endpoint(ml: Any, name: EndpointName) -> Any:
    """Return an endpoint by one read: the SDK's own `get` also lists the deployments, for shares of 0.

    Source: azure-ai-ml 1.35.2, read 2026-11-30.
    """
    from azure.ai.ml.entities import OnlineEndpoint

    resource = ml.online_endpoints._online_operation.get(ml.resource_group_name, ml.workspace_name, name)
    return OnlineEndpoint._from_rest_object(resource)


def _address(ml: Any, endpoint: EndpointName) -> tuple[str, str]:
    """Return an endpoint's scoring URI and its key."""
    return _endpoint(ml, endpoint).scoring_uri, ml.online_endpoints.get_keys(endpoint).primary_key


def _cloud(arm_endpoint: str) -> dict[str, Any]:
    if arm_endpoint in SOVEREIGN_CLOUDS:
        return {"cloud": SOVEREIGN_CLOUDS[arm_endpoint]}
    base = arm_endpoint + "/"
    return {
        "cloud": f"Custom-{arm_endpoint.rsplit(':', 1)[-1]}",
        "cloud_metadata": {
            "azure_portal": "https://portal.azure.com/",
            "resource_manager": base,
            "active_directory": base,
            "aml_resource_id": "https://ml.azure.com/",
            "storage_endpoint": "core.windows.net",
            "registry_discovery_endpoint": base,
        },
    }


def _deployment(request: DeploymentRequest) -> Any:
    from azure.ai.ml.entities import CodeConfiguration, KubernetesOnlineDeployment, ManagedOnlineDeployment

    own_code: dict[str, Any] = {
        "environment": request.environment,
        "code_configuration": CodeConfiguration(code=request.code, scoring_script=request.scoring_script),
    }
    values: dict[str, Any] = {
        "name": request.name,
        "endpoint_name": request.endpoint,
        "model": asset_reference(request.model, request.version),
        "instance_count": request.instance_count,
        "data_collector": _data_collector() if request.collect_data else None,
        **(own_code if request.code else {}),
    }
    if request.kubernetes is None:
        return ManagedOnlineDeployment(instance_type=request.instance_type, **values)
    return KubernetesOnlineDeployment(
        instance_type=request.kubernetes.instance_type or None, resources=_resources(request.kubernetes), **values
    )


def _resources(plan: KubernetesPlan) -> Any:
    from azure.ai.ml.entities import ResourceRequirementsSettings, ResourceSettings

    requests, limits = (
        ResourceSettings(**quantities) if quantities else None for quantities in (plan.requests, plan.limits)
    )
    return ResourceRequirementsSettings(requests=requests, limits=limits) if requests or limits else None


def _data_collector() -> Any:
    from azure.ai.ml.entities import DataCollector, DeploymentCollection

    collected = {name: DeploymentCollection(enabled="true") for name in ("model_inputs", "model_outputs")}
    return DataCollector(collections=collected)


def _newest_first(ml: Any, operations: Any, name: str, most: int) -> Iterable[Any]:
    """Return the active versions of a model or a data asset, whose `operations` of the SDK are given.

    The SDK's own `list` takes no order and promises none; it makes this very call without one.
    Source: azure-ai-ml 1.35.2, read 2026-11-20.
    """
    from azure.ai.ml.entities import Data, Model

    is_model = operations is ml.models
    entity, versions = (Model, operations._model_versions_operation) if is_model else (Data, operations._operation)
    listed: Iterable[Any] = versions.list(
        name=name,
        workspace_name=ml.workspace_name,
        resource_group_name=ml.resource_group_name,
        order_by="createdtime desc",
        top=most,
        list_view_type="ActiveOnly",
        cls=lambda page: [entity._from_rest_object(version) for version in page],
    )
    return listed
