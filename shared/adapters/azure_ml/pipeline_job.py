"""A job for Azure ML: a pipeline of a registered component or of a definition, its inputs checked and pinned."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.adapters.azure_ml.job_definition import Definition, definition_job
from shared.adapters.azure_ml.job_inputs import checked_inputs, plain, require_outputs
from shared.domain.assets import split_reference
from shared.domain.training import Recipe
from shared.errors import WorkspaceError
from shared.ports.jobs import JobRequest, SparkResources

# What runs as the only step of a pipeline that we make, beside Spark.
_STEP_TYPES = {"command", "parallel", "pipeline"}


def pipeline_job(ml: Any, request: JobRequest) -> Any:
    """Return a pipeline of one step: a registered component cannot be submitted alone without naming
    its environment a second time.

    Raises:
        WorkspaceError: the component has no such input or output, or is not of the requested type.
    """
    from azure.ai.ml import Output, dsl
    from azure.ai.ml.entities import PipelineJobSettings

    if not request.component.startswith("azureml:"):
        return _labelled(definition_job(ml, request), request)
    component = _component(ml, request.component)
    owner = _named(component)
    inputs = checked_inputs(ml, owner, _kinds(component.inputs), request.inputs, str(component.type) == "spark")
    require_outputs(owner, _kinds(component.outputs), request)
    _require_kind(component, request)

    def build() -> dict[str, Any]:
        step = component(**inputs)
        if request.spark:
            _set_resources(step, request.spark)
        return {output: step.outputs[output] for output in component.outputs}

    job = _labelled(dsl.pipeline(build)(), request)
    if not request.spark:
        job.settings = PipelineJobSettings(default_compute=request.compute)
    for output, model in request.registers.items():
        job.outputs[output] = Output(type=component.outputs[output].type, name=model)
    for output, uri in request.outputs.items():
        mode = {"mode": "direct"} if request.spark else {}
        job.outputs[output] = Output(type=component.outputs[output].type, path=uri, **mode)
    return job


def _labelled(job: Any, request: JobRequest) -> Any:
    job.name = request.name
    job.display_name = request.display_name
    job.experiment_name = request.experiment
    job.tags = {**(job.tags or {}), **request.tags}
    return job


def recipe_of(ml: Any, reference: str, given: Mapping[str, str]) -> Recipe:
    """Return what a pipeline job of the component with those inputs would run now.

    Raises:
        WorkspaceError: the component has no such input.
    """
    if not reference.startswith("azureml:"):
        return Definition.read(ml, reference).recipe(ml, given)
    component = _component(ml, reference)
    is_spark = str(component.type) == "spark"
    inputs = checked_inputs(ml, _named(component), _kinds(component.inputs), given, is_spark)
    return Recipe(f"{component.name}:{split_reference(component.id)[1]}", plain(inputs))


def _named(component: Any) -> str:
    return f"component {component.name}:{component.version}"


def _kinds(declared: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value.type) for name, value in declared.items()}


def _component(ml: Any, reference: str) -> Any:
    name, version = split_reference(reference)
    selector = {"label": "latest"} if version is None else {"version": version}
    return ml.components.get(name, **selector)


def _require_kind(component: Any, request: JobRequest) -> None:
    kind = str(component.type)
    if kind not in ({"spark"} if request.spark else _STEP_TYPES):
        raise WorkspaceError(
            code="workspace.wrong_component",
            message=f"component {component.name}:{component.version} is of type {component.type}",
            hint="name a component of type spark"
            if request.spark
            else f"name one of type {', '.join(sorted(_STEP_TYPES))}, or a job's definition: jobs/NAME.yml",
        )


def _set_resources(step: Any, spark: SparkResources) -> None:
    """Set what a step runs on, serverless Spark, and under which identity."""
    from azure.ai.ml import ManagedIdentityConfiguration, UserIdentityConfiguration
    from azure.ai.ml.entities import SparkResourceConfiguration

    step.resources = SparkResourceConfiguration(instance_type=spark.instance_type, runtime_version=spark.runtime)
    step.executor_instances = spark.executors
    step.identity = UserIdentityConfiguration() if spark.identity == "user" else ManagedIdentityConfiguration()
