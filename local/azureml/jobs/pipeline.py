"""Runs the steps of a pipeline job one after the other: components, sweeps, AutoML, pipelines."""

from __future__ import annotations

from dataclasses import dataclass, field

from local.azureml.base.arm import ArmError, Json
from local.azureml.base.events import Outbox
from local.azureml.base.expressions import binding
from local.azureml.base.references import References
from local.azureml.jobs.automl import BEST, automl_of, data_of
from local.azureml.jobs.command import Command, CommandRunner
from local.azureml.jobs.job import Job, JobFailedError, Output, child_of
from local.azureml.jobs.job_data import JobData
from local.azureml.jobs.spark import spark_command, spark_environment, spark_python
from local.azureml.jobs.sweep import BEST as BEST_TRIAL
from local.azureml.jobs.sweep import SweepRunner, sweep_of

_JOB_TYPES = {"spark": "Spark", "sweep": "Sweep", "automl": "AutoML", "pipeline": "Pipeline"}


@dataclass
class PipelineData:
    """The pipeline's own inputs and outputs, and those that its steps have made so far, by step and name."""

    inputs: dict[str, str | None]
    outputs: dict[str, Output]
    made: dict[str, dict[str, Output]] = field(default_factory=dict)


class PipelineRunner:
    """Each step is a job of its own (`PIPELINE_STEP`) that is added to `jobs`."""

    def __init__(
        self, commands: CommandRunner, data: JobData, references: References, outbox: Outbox, jobs: dict[str, Job]
    ) -> None:
        self._commands = commands
        self._data = data
        self._references = references
        self._outbox = outbox
        self._jobs = jobs
        self._sweeps = SweepRunner(commands, data, outbox, jobs)

    async def run(self, job: Job, pipeline: PipelineData) -> None:
        """Run all steps. Raise JobFailedError, with the step's name, at the first that fails."""
        nodes: dict[str, Json] = job.resource.properties.get("jobs") or {}
        job.move("Running", self._outbox)
        for step in in_order(nodes):
            pipeline.made[step] = await self._step(job, step, nodes[step], pipeline)

    async def _step(self, job: Job, step: str, node: Json, pipeline: PipelineData) -> dict[str, Output]:
        kind = node.get("type")
        if kind == "automl":
            spec = {"type": "automl", "outputs": {"best_model": {"type": "mlflow_model"}}}
            return await self.run_step(job, step, spec, node, pipeline)
        owner = node.get("trial") or {} if kind == "sweep" else node
        component = self._references.asset(str(owner.get("componentId")), "components").properties["componentSpec"]
        if kind != "sweep":
            return await self.run_step(job, step, component, node, pipeline)
        searched = sweep_of(node).space
        inputs = {name: spec for name, spec in (component.get("inputs") or {}).items() if name not in searched}
        return await self.run_step(job, step, {**component, "type": "sweep", "inputs": inputs}, node, pipeline)

    async def run_step(
        self, job: Job, step: str, component: Json, node: Json, pipeline: PipelineData
    ) -> dict[str, Output]:
        """Run one component as step `step` of `job`; return what it made.

        Raises:
            JobFailedError: it failed, with the step's name and reason.
        """
        child = self._child(job, step, component)
        child.move("Starting", self._outbox)
        try:
            if component.get("type") == "spark":
                spark_python(self._commands.config)
            inputs = await self._inputs(child, component, node, pipeline)
            outputs = self._outputs(child, component, node, pipeline)
            child.outputs = outputs
            variables = {**(component.get("environment_variables") or {}), **(node.get("environment_variables") or {})}
            environment = {str(key): str(value) for key, value in variables.items()}
            await self._run(child, component, node, pipeline, self._command(component, inputs, outputs, environment))
        except (JobFailedError, ArmError) as exc:
            child.error = str(exc)
            child.note(f"the step failed: {exc}")
            child.move("Failed", self._outbox)
            raise JobFailedError(f"step {step}: {exc}") from exc
        finally:
            # After a failure too: its log is where a person looks then.
            await self._data.upload_log(child)
            job.note(f"step {step}:")
            job.add_log_of(child)
        child.move("Finalizing", self._outbox)
        child.move("Completed", self._outbox)
        return outputs

    async def _run(self, child: Job, component: Json, node: Json, pipeline: PipelineData, command: Command) -> None:
        """Do what a step is: a command, a sweep, AutoML, or a pipeline of its own."""
        match component.get("type"):
            case "sweep":
                await self._sweeps.run(child, sweep_of(node), command, command.outputs)
            case "automl":
                await self.automl(child, node, command.outputs, pipeline)
            case "pipeline":
                child.resource.properties["jobs"] = component.get("jobs")
                await self.run(child, PipelineData(command.inputs, command.outputs))
            case _:
                await self._commands.run(child, command)

    async def automl(self, job: Job, spec: Json, outputs: dict[str, Output], pipeline: PipelineData) -> None:
        """Run AutoML as a job or a step; its best model becomes the job's output."""
        given = data_of(spec, "training_data")
        data = await self._input(job, "training_data", given, pipeline)
        sweep, trial = automl_of(spec, str(data))
        await self._sweeps.run(job, sweep, trial, outputs)
        tags = {**job.tags, BEST: job.resource.properties["properties"].pop(BEST_TRIAL)}
        job.resource.properties["tags"] = tags

    def _command(
        self, component: Json, inputs: dict[str, str | None], outputs: dict[str, Output], environment: dict[str, str]
    ) -> Command:
        if component.get("type") != "spark":
            text = str(component.get("command") or "").replace("${{search_space.", "${{inputs.")
            return Command(text, component.get("code"), inputs, outputs, environment)
        environment |= spark_environment(component, self._commands.config)
        return Command(spark_command(component), component.get("code"), inputs, outputs, environment, is_spark=True)

    def _child(self, job: Job, step: str, component: Json) -> Job:
        name = f"{job.name}_{step}"
        child = child_of(
            job,
            name,
            job.folder / "steps" / step,
            jobType=_JOB_TYPES.get(str(component.get("type")), "Command"),
            displayName=step,
            command=component.get("command"),
            environmentId=component.get("environment"),
            properties={"azureml.pipelinerunid": job.name, "azureml.nodeid": step},
        )
        self._jobs[name] = child
        child.move("NotStarted", self._outbox)
        return child

    async def _inputs(self, child: Job, component: Json, node: Json, pipeline: PipelineData) -> dict[str, str | None]:
        given = node.get("inputs") or {}
        values: dict[str, str | None] = {}
        for name, declared in (component.get("inputs") or {}).items():
            spec = given.get(name)
            if component.get("type") == "spark" and isinstance(spec, dict):
                # There is no file system here that Spark could read azureml:// with: data is brought to it.
                spec = {**spec, "mode": None}
            value = await self._input(child, name, spec, pipeline)
            if value is None and declared.get("default") is not None:
                value = str(declared["default"])
            if value is None and str(declared.get("optional", False)).lower() != "true":
                component_name = component.get("name")
                raise JobFailedError(f"input {name!r} of component {component_name!r} is required and was not given")
            values[name] = value
        return values

    async def _input(self, child: Job, name: str, spec: Json | str | None, pipeline: PipelineData) -> str | None:
        path = _bound(spec)
        if path is not None and path[0] == "inputs":
            return pipeline.inputs.get(path[1])
        if path is not None and path[0] == "jobs":
            return str(pipeline.made[path[1]][path[3]].local)
        if spec is None or isinstance(spec, str):
            return spec
        return await self._data.fetch(spec, child.folder / "inputs" / name)

    def _outputs(self, child: Job, component: Json, node: Json, pipeline: PipelineData) -> dict[str, Output]:
        given = node.get("outputs") or {}
        outputs: dict[str, Output] = {}
        for name, declared in (component.get("outputs") or {}).items():
            path = _bound(given.get(name))
            if path is not None and path[0] == "outputs" and path[1] in pipeline.outputs:
                outputs[name] = pipeline.outputs[path[1]]
            else:
                spec = {**declared, **_place(given.get(name))}
                outputs[name] = self._data.plan(name, spec, child.name, child.folder / "outputs")
        return outputs


def _place(spec: Json | str | None) -> Json:
    """Return where a step itself says that an output goes; empty when it leaves that to the service."""
    if not isinstance(spec, dict) or _bound(spec) is not None:
        return {}
    uri = spec.get("uri") or spec.get("path")
    return {"uri": uri} if uri else {}


def _bound(spec: Json | str | None) -> list[str] | None:
    """Return the path that a node's input or output is bound to, or None."""
    if isinstance(spec, dict):
        return binding(spec.get("value") or spec.get("uri") or spec.get("path"))
    return binding(spec)


def in_order(nodes: dict[str, Json]) -> list[str]:
    """Return the steps so that each comes after those whose outputs it reads.

    Raises:
        JobFailedError: steps wait for each other.
    """
    needs: dict[str, set[str]] = {}
    for name, node in nodes.items():
        paths = [_bound(spec) for spec in [*(node.get("inputs") or {}).values(), node.get("training_data")]]
        needs[name] = {path[1] for path in paths if path is not None and path[0] == "jobs"}
    order: list[str] = []
    while len(order) < len(nodes):
        # A round takes every step whose inputs are made; a round without one means a circle.
        ready = [name for name in nodes if name not in order and needs[name] <= set(order)]
        if not ready:
            cyclic = sorted(set(nodes) - set(order))
            raise JobFailedError(f"the steps wait for each other or for unknown ones: {', '.join(cyclic)}")
        order.extend(ready)
    return order
