"""What the Azure ML SDK returns, as the records of the Workspace port."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from shared.adapters.azure_ml.job_definition import DEFINITION_TAG
from shared.domain.arm_ids import OPERATION_PROPERTY, operation_of
from shared.domain.assets import pinned, split_reference
from shared.domain.ids import DeploymentName, JobName, ModelName, ModelVersion
from shared.domain.training import Recipe
from shared.ports.endpoints import DeploymentRecord
from shared.ports.jobs import JobRecord
from shared.ports.workspace import ModelRecord

_OF_PIPELINE = re.compile(r"\$\{\{parent\.inputs\.([^}]+)\}\}")


def model_record(model: Any) -> ModelRecord:
    created = model.creation_context
    return ModelRecord(
        name=ModelName(model.name),
        version=ModelVersion(str(model.version)),
        type=model.type or "",
        path=model.path or "",
        created_at=created.created_at,
        created_by=created.created_by or "",
        job=JobName(model.job_name) if model.job_name else None,
        tags=dict(model.tags or {}),
    )


def job_record(job: Any) -> JobRecord:
    return JobRecord(
        name=JobName(job.name),
        status=word(job.status),
        tags={k: str(v) for k, v in (job.tags or {}).items()},
        created_by=job.creation_context.created_by or "" if job.creation_context else "",
        inputs=_paths(job, "inputs"),
        outputs=_paths(job, "outputs"),
        experiment=job.experiment_name or "",
        ran=_ran(job),
        created_at=job.creation_context.created_at if job.creation_context else None,
        recipe=_recipe(job),
    )


def deployment_record(deployment: Any) -> DeploymentRecord:
    model, version = _model_of(deployment.model)
    return DeploymentRecord(
        name=DeploymentName(deployment.name),
        model=model,
        version=version,
        state=word(deployment.provisioning_state),
        operation=operation_of((deployment.properties or {}).get(OPERATION_PROPERTY)),
        instances=_instances(deployment),
    )


def _instances(deployment: Any) -> int | None:
    """Return an online deployment's size; a batch deployment's count is that of its jobs."""
    from azure.ai.ml.entities import OnlineDeployment

    return deployment.instance_count if isinstance(deployment, OnlineDeployment) else None


def traffic_split(traffic: Mapping[Any, Any] | None) -> dict[DeploymentName, int]:
    # The SDK adds a 0 for every deployment without traffic.
    return {DeploymentName(name): int(share) for name, share in (traffic or {}).items() if share}


def word(state: Any) -> str:
    # The SDK answers with an enumeration here and with text there.
    return str(getattr(state, "value", state) or "")


def _paths(job: Any, field: str) -> dict[str, str]:
    """Return input or output name to path, of the pipeline itself and, under it, of its steps."""
    paths: dict[str, str] = {}
    for node in [*(getattr(job, "jobs", None) or {}).values(), job]:
        for name, value in (getattr(node, field, None) or {}).items():
            if path := _path(value):
                paths[name] = path
    return paths


def _ran(job: Any) -> dict[str, str]:
    """Return each step of a pipeline to its component; of another job its code and its environment."""
    steps = getattr(job, "jobs", None) or {}
    if steps:
        return {
            f"step {name}": _reference(getattr(step, "component", None) or getattr(step, "trial", None))
            for name, step in steps.items()
        }
    return {name: _reference(getattr(job, name, None)) for name in ("code", "environment") if hasattr(job, name)}


def _recipe(job: Any) -> Recipe | None:
    """Return the component and the inputs of a pipeline's only step; an input of the pipeline is followed to its value.

    What the step does not name keeps the component's default, which its version fixes.
    """
    if definition := (job.tags or {}).get(DEFINITION_TAG):
        return Recipe(str(definition), {name: _value(value, {}) for name, value in job.inputs.items()})
    steps = list((getattr(job, "jobs", None) or {}).values())
    if len(steps) != 1 or not (reference := _reference(getattr(steps[0], "component", None))):
        return None
    name, version = split_reference(reference)
    own = getattr(job, "inputs", None) or {}
    return Recipe(f"{name}:{version}", {key: _value(value, own) for key, value in steps[0].inputs.items()})


def _value(given: Any, of_pipeline: Mapping[str, Any]) -> str:
    """Return a data asset's version, the place, or the literal that an input was given."""
    if path := _path(given):
        return pinned(path)
    # Neither `path` nor any other public name gives a literal. Source: azure-ai-ml 1.35.2, read 2026-11-30.
    literal = str(getattr(given, "_data", given))
    bound = _OF_PIPELINE.fullmatch(literal)
    return _value(of_pipeline[bound[1]], {}) if bound and bound[1] in of_pipeline else literal


def _reference(asset: Any) -> str:
    return str(asset if isinstance(asset, str) else getattr(asset, "id", None) or "")


def _path(value: Any) -> str:
    """Return where an input or output is; "" for a literal, whose `path` the SDK refuses to give."""
    from azure.ai.ml.exceptions import ValidationException

    try:
        return str(getattr(value, "path", None) or "")
    except ValidationException:
        return ""


def _model_of(reference: object) -> tuple[ModelName | None, ModelVersion | None]:
    if not reference:
        return None, None
    name, version = split_reference(str(reference))
    return ModelName(name), ModelVersion(version) if version else None
