"""A job's definition for Azure ML: a pipeline of one registered component, with its inputs checked and pinned."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from shared.domain.assets import asset_reference, pinned, split_reference
from shared.domain.training import Recipe
from shared.errors import WorkspaceError
from shared.ports.jobs import JobRequest, SparkResources

_LITERALS = {
    "string": re.compile(r"(?s).*"),
    "number": re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"),
    "integer": re.compile(r"[-+]?[0-9]+"),
    "boolean": re.compile(r"(?i)true|false"),
}
_MODEL_TYPES = {"custom_model", "mlflow_model", "triton_model"}


def pipeline_job(ml: Any, request: JobRequest) -> Any:
    """Return a pipeline of one step: a registered component cannot be submitted alone without naming
    its environment a second time.

    Raises:
        WorkspaceError: the component has no such input or output, or is not of the requested type.
    """
    from azure.ai.ml import Output, dsl
    from azure.ai.ml.entities import PipelineJobSettings

    component = _component(ml, request.component)
    inputs = _inputs(ml, component, request.inputs)
    _require_declared("output", {*request.registers, *request.outputs}, component.outputs, component)
    _require_kind(component, request)

    def build() -> dict[str, Any]:
        step = component(**inputs)
        if request.spark:
            _set_resources(step, request.spark)
        return {output: step.outputs[output] for output in component.outputs}

    job = dsl.pipeline(build)()
    job.name = request.name
    job.display_name = request.display_name
    job.experiment_name = request.experiment
    job.tags = dict(request.tags)
    if not request.spark:
        job.settings = PipelineJobSettings(default_compute=request.compute)
    for output, model in request.registers.items():
        job.outputs[output] = Output(type=component.outputs[output].type, name=model)
    for output, uri in request.outputs.items():
        mode = {"mode": "direct"} if request.spark else {}
        job.outputs[output] = Output(type=component.outputs[output].type, path=uri, **mode)
    return job


def recipe_of(ml: Any, reference: str, given: Mapping[str, str]) -> Recipe:
    """Return what a pipeline job of the component with those inputs would run now.

    Raises:
        WorkspaceError: the component has no such input.
    """
    component = _component(ml, reference)
    inputs = _inputs(ml, component, given)
    plain = {name: value if isinstance(value, str) else pinned(value.path) for name, value in inputs.items()}
    return Recipe(f"{component.name}:{split_reference(component.id)[1]}", plain)


def _component(ml: Any, reference: str) -> Any:
    name, version = split_reference(reference)
    selector = {"label": "latest"} if version is None else {"version": version}
    return ml.components.get(name, **selector)


def _require_kind(component: Any, request: JobRequest) -> None:
    is_spark = str(component.type) == "spark"
    if is_spark != bool(request.spark):
        raise WorkspaceError(
            code="workspace.wrong_component",
            message=f"component {component.name}:{component.version} is of type {component.type}",
            hint="name a component of type spark" if request.spark else "name one of type command",
        )


def _set_resources(step: Any, spark: SparkResources) -> None:
    """Set what a step runs on, serverless Spark, and under which identity."""
    from azure.ai.ml import ManagedIdentityConfiguration, UserIdentityConfiguration
    from azure.ai.ml.entities import SparkResourceConfiguration

    step.resources = SparkResourceConfiguration(instance_type=spark.instance_type, runtime_version=spark.runtime)
    step.executor_instances = spark.executors
    step.identity = UserIdentityConfiguration() if spark.identity == "user" else ManagedIdentityConfiguration()


def _inputs(ml: Any, component: Any, given: Mapping[str, str]) -> dict[str, Any]:
    _require_declared("input", given, component.inputs, component)
    kinds = {name: str(component.inputs[name].type) for name in given}
    wrong = [
        f"{name} is not {kinds[name]}: {value!r}" for name, value in given.items() if not _fits(kinds[name], value)
    ]
    if wrong:
        raise WorkspaceError(
            code="workspace.wrong_input",
            message=f"component {component.name}:{component.version} cannot take its inputs: {'; '.join(wrong)}",
            hint="write what the component declares",
        )
    is_spark = str(component.type) == "spark"
    return {name: _input(ml, kinds[name], value, is_spark) for name, value in given.items()}


def _require_declared(kind: str, named: Iterable[str], declared: Iterable[str], component: Any) -> None:
    unknown = sorted(set(named) - set(declared))
    if unknown:
        raise WorkspaceError(
            code=f"workspace.unknown_{kind}",
            message=f"component {component.name}:{component.version} has no {kind} {', '.join(unknown)}",
            hint=f"it has {', '.join(declared)}",
        )


def _fits(kind: str, value: str) -> bool:
    """Return whether a literal is of its kind; only Azure ML can say it of an asset."""
    return kind not in _LITERALS or _LITERALS[kind].fullmatch(value) is not None


def _input(ml: Any, kind: str, value: str, is_spark: bool) -> Any:
    """Return a literal, or an asset pinned to its version, so that the job's record says what it read."""
    from azure.ai.ml import Input

    if kind in _LITERALS:
        return value
    if value.startswith("azureml:") and value.endswith("@latest"):
        name, _ = split_reference(value)
        asset = (ml.models if kind in _MODEL_TYPES else ml.data).get(name, label="latest")
        value = asset_reference(asset.name, asset.version)
    # Spark reads storage itself; nothing is mounted for it.
    return Input(type=kind, path=value, mode="direct") if is_spark else Input(type=kind, path=value)
