"""Azure ML through its own SDK, imported at first use (about a second)."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from shared.adapters.credentials import allow_loopback_http, credential_for
from shared.adapters.pipeline_job import pipeline_job, split_reference
from shared.domain.ids import DeploymentName, EndpointName, JobName, ModelName, ModelVersion
from shared.errors import RetryableError, WorkspaceBusyError, WorkspaceError
from shared.ports.workspace import (
    DeploymentRecord,
    DeploymentRequest,
    EndpointRecord,
    JobRecord,
    JobRequest,
    ModelRecord,
)
from shared.settings import Settings

# Source: azure-ai-ml 1.35.2, `_azure_environments.py`, read 2026-11-20.
SOVEREIGN_CLOUDS = {
    "https://management.azure.com": "AzureCloud",
    "https://management.usgovcloudapi.net": "AzureUSGovernment",
    "https://management.chinacloudapi.cn": "AzureChinaCloud",
}
# The SDK's own ten retries last minutes, longer than the claim that a worker holds meanwhile; the queue tries again.
RETRIES: dict[str, Any] = {"retry_total": 2, "retry_backoff_factor": 0.3}
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class AzureWorkspace:
    """The Workspace port over MLClient. Writes return when the service accepted them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()

    @property
    def ml(self) -> Any:
        """Return the MLClient; building it takes about a second, once."""
        with self._lock:
            return self._client

    @cached_property
    def _client(self) -> Any:
        from azure.ai.ml import MLClient

        s = self._settings
        return MLClient(
            credential_for(s),
            s.subscription_id,
            s.resource_group,
            s.workspace,
            enable_telemetry=False,
            show_progress=False,
            per_call_policies=[allow_loopback_http()],
            **RETRIES,
            **_cloud(s.arm_endpoint),
        )

    def model(self, name: ModelName, version: ModelVersion) -> ModelRecord | None:
        found = self._read(f"model {name}:{version}", lambda ml: ml.models.get(name, version=version))
        if found is None:
            return None
        created = found.creation_context
        return ModelRecord(
            name=ModelName(found.name),
            version=ModelVersion(str(found.version)),
            type=found.type or "",
            path=found.path or "",
            created_at=created.created_at,
            created_by=created.created_by or "",
            job=JobName(found.job_name) if found.job_name else None,
            tags=dict(found.tags or {}),
        )

    def job(self, name: JobName) -> JobRecord | None:
        found = self._read(f"job {name}", lambda ml: ml.jobs.get(name))
        return None if found is None else _job_record(found)

    def submit_job(self, request: JobRequest) -> JobRecord:
        with _translated(f"job {request.name}"):
            job = pipeline_job(self.ml, request)
            try:
                submitted = self.ml.jobs.create_or_update(job)
            except Exception as exc:
                # The name is ours and derived from what caused the job: whoever holds it is this very job,
                # submitted before. Source: azure-docs issue 122250, read 2026-11-20.
                if "JobPropertyImmutable" not in str(exc):
                    raise
                submitted = self.ml.jobs.get(request.name)
        return _job_record(submitted)

    def data_uri(self, reference: str) -> str:
        """Return the azureml:// URI behind "azureml:NAME:VERSION" or "azureml:NAME@latest"."""
        return str(self._data(reference).path)

    def pinned_data(self, reference: str) -> str:
        """Return "azureml:NAME:VERSION" for what the reference means now."""
        found = self._data(reference)
        return f"azureml:{found.name}:{found.version}"

    def _data(self, reference: str) -> Any:
        name, version = split_reference(reference)
        which = {"label": "latest"} if version is None else {"version": version}
        found = self._read(f"data {reference}", lambda ml: ml.data.get(name, **which))
        if found is None:
            raise WorkspaceError("workspace.no_data", f"the workspace has no data asset {reference}")
        return found

    def endpoint(self, name: EndpointName) -> EndpointRecord | None:
        found = self._read(f"endpoint {name}", lambda ml: ml.online_endpoints.get(name))
        if found is None:
            return None
        deployments = self._read(f"endpoint {name}", lambda ml: list(ml.online_deployments.list(name))) or []
        return EndpointRecord(
            name=name,
            state=_word(found.provisioning_state),
            traffic=_split(found.traffic),
            mirror_traffic=_split(found.mirror_traffic),
            deployments=tuple(_deployment_record(each) for each in deployments),
            scoring_uri=found.scoring_uri or "",
        )

    def create_endpoint(self, name: EndpointName) -> None:
        from azure.ai.ml.entities import ManagedOnlineEndpoint

        with _translated(f"endpoint {name}"):
            self.ml.online_endpoints.begin_create_or_update(ManagedOnlineEndpoint(name=name, auth_mode="key"))

    def create_deployment(self, request: DeploymentRequest) -> None:
        with _translated(f"deployment {request.endpoint}/{request.name}"):
            self.ml.online_deployments.begin_create_or_update(_deployment(request), skip_script_validation=True)

    def set_traffic(self, endpoint: EndpointName, traffic: Mapping[DeploymentName, int]) -> None:
        with _translated(f"traffic of endpoint {endpoint}"):
            entity = self.ml.online_endpoints.get(endpoint)
            entity.traffic = dict(traffic)
            self.ml.online_endpoints.begin_create_or_update(entity)

    def delete_deployment(self, endpoint: EndpointName, deployment: DeploymentName) -> None:
        with _translated(f"deployment {endpoint}/{deployment}"):
            self.ml.online_deployments.begin_delete(name=deployment, endpoint_name=endpoint)

    def stop_compute_instances(self) -> tuple[str, ...]:
        with _translated("compute instances"):
            running = [c.name for c in self.ml.compute.list(compute_type="ComputeInstance") if c.state == "Running"]
            for name in running:
                self.ml.compute.begin_stop(name)
        return tuple(running)

    def _read(self, what: str, call: Any) -> Any:
        from azure.core.exceptions import ResourceNotFoundError

        with _translated(what):
            try:
                return call(self.ml)
            except ResourceNotFoundError:
                return None


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
    from azure.ai.ml.entities import CodeConfiguration, DataCollector, DeploymentCollection, ManagedOnlineDeployment

    collected = {name: DeploymentCollection(enabled="true") for name in ("model_inputs", "model_outputs")}
    own_code: dict[str, Any] = {
        "environment": request.environment,
        "code_configuration": CodeConfiguration(code=request.code, scoring_script=request.scoring_script),
    }
    return ManagedOnlineDeployment(
        name=request.name,
        endpoint_name=request.endpoint,
        model=f"azureml:{request.model}:{request.version}",
        instance_type=request.instance_type,
        instance_count=request.instance_count,
        data_collector=DataCollector(collections=collected) if request.collect_data else None,
        **(own_code if request.code else {}),
    )


def _job_record(job: Any) -> JobRecord:
    return JobRecord(
        name=JobName(job.name),
        status=_word(job.status),
        tags={k: str(v) for k, v in (job.tags or {}).items()},
        created_by=job.creation_context.created_by or "" if job.creation_context else "",
        inputs=_paths(job, "inputs"),
        outputs=_paths(job, "outputs"),
    )


def _paths(job: Any, which: str) -> dict[str, str]:
    """Return input or output name to path, of the pipeline itself and, under it, of its steps."""
    found: dict[str, str] = {}
    for node in [*(getattr(job, "jobs", None) or {}).values(), job]:
        for name, value in (getattr(node, which, None) or {}).items():
            if path := _path(value):
                found[name] = path
    return found


def _word(state: Any) -> str:
    # The SDK answers with an enumeration here and with text there.
    return str(getattr(state, "value", state) or "")


def _path(value: Any) -> str:
    """Return where an input or output is; "" for a literal, whose `path` the SDK refuses to give."""
    from azure.ai.ml.exceptions import ValidationException

    try:
        return str(getattr(value, "path", None) or "")
    except ValidationException:
        return ""


def _split(traffic: Mapping[str, Any] | None) -> dict[DeploymentName, int]:
    # The SDK adds a 0 for every deployment without traffic.
    return {DeploymentName(name): int(share) for name, share in (traffic or {}).items() if share}


def _deployment_record(deployment: Any) -> DeploymentRecord:
    model, version = _model_of(deployment.model)
    return DeploymentRecord(
        name=DeploymentName(deployment.name), model=model, version=version, state=_word(deployment.provisioning_state)
    )


def _model_of(reference: object) -> tuple[ModelName | None, ModelVersion | None]:
    if not reference:
        return None, None
    name, version = split_reference(str(reference))
    return ModelName(name), ModelVersion(version) if version else None


@contextmanager
def _translated(what: str) -> Iterator[None]:
    """Turn the SDK's errors into ours."""
    from azure.ai.ml.exceptions import MlException
    from azure.core.exceptions import AzureError, HttpResponseError

    try:
        yield
    except HttpResponseError as exc:
        raise _refusal(what, exc) from exc
    except MlException as exc:
        # The SDK colours its messages for terminals and explains at length; the first sentence says what is wrong.
        plain = _COLOURS.sub("", str(exc.message or exc)).strip()
        raise WorkspaceError("workspace.invalid", f"{what}: {plain}") from exc
    except AzureError as exc:
        raise RetryableError("workspace.unreachable", f"{what}: Azure ML cannot be reached") from exc


def _refusal(what: str, exc: Any) -> Exception:
    status = exc.status_code or 0
    reason = getattr(exc.error, "message", None) or exc.reason or exc.message or ""
    if status == 409:
        return WorkspaceBusyError("workspace.busy", f"{what}: {reason}")
    # 401 and 403 too: a rotated secret or a late role assignment is mended outside, and the event must survive it.
    # Without a status nobody refused anything: the identity could not get a token.
    if status in {0, 401, 403, 408, 429} or status >= 500:
        return RetryableError("workspace.retry", f"{what}: {status or 'no answer'} {reason}")
    return WorkspaceError("workspace.refused", f"{what}: {status} {reason}")
