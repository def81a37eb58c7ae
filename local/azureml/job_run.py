"""Runs jobs: each command is a real subprocess in a copy of its code folder."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from local.azureml.arm import ArmError, Json, caller_of, resource
from local.azureml.config import AzureMlConfig
from local.azureml.events import Outbox
from local.azureml.expressions import binding, render
from local.azureml.job import ENDED, Job, JobFailedError
from local.azureml.job_data import JobData, Output
from local.azureml.processes import kill, spawn
from local.azureml.references import References

_GUARD = Path(__file__).with_name("guard.py")
_PYTHON = re.compile(r"^\s*python3?(?=\s)")


@dataclass(frozen=True)
class Command:
    """One command to run: `inputs` are values ready for the text (None: an optional one without a value)."""

    text: str
    code: str | None
    inputs: dict[str, str | None]
    outputs: dict[str, Output]
    environment: dict[str, str]


class JobRunner:
    """Runs at most `concurrent_jobs` jobs at once, in the order of submission; the steps of a pipeline in turn."""

    def __init__(
        self, config: AzureMlConfig, data: JobData, references: References, outbox: Outbox, jobs: dict[str, Job]
    ) -> None:
        self._config = config
        self._data = data
        self._references = references
        self._outbox = outbox
        self._jobs = jobs
        self._slots = asyncio.Semaphore(config.concurrent_jobs)
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def submit(self, job: Job) -> None:
        self._tasks[job.name] = asyncio.create_task(self._run(job))

    async def cancel(self, job: Job) -> None:
        """End a job and return when it is Canceled (or had ended before)."""
        if job.status in ENDED:
            return
        job.is_cancel_requested = True
        job.move("CancelRequested", self._outbox)
        task = self._tasks.get(job.name)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._end(job, "Canceled")

    async def stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def _run(self, job: Job) -> None:
        job.move("Queued", self._outbox)
        try:
            async with self._slots:
                if job.resource.properties["jobType"] == "Pipeline":
                    await self._pipeline(job)
                else:
                    await self._single(job)
                job.move("Finalizing", self._outbox)
                await self._data.upload_log(job)
        except (JobFailedError, ArmError) as exc:
            job.error = str(exc)
            job.note(f"the job failed: {exc}")
            await self._data.upload_log(job)
            self._end(job, "Failed")
        except Exception as exc:
            job.error = f"the emulator failed: {type(exc).__name__}: {exc}"
            self._end(job, "Failed")
            raise
        else:
            self._end(job, "Completed")

    def _end(self, job: Job, status: str) -> None:
        """End a job, and the steps of it that had not ended."""
        for each in [*self._steps_of(job), job]:
            each.move(status, self._outbox)

    def _steps_of(self, job: Job) -> list[Job]:
        return [each for each in self._jobs.values() if each.resource.properties.get("parentJobName") == job.name]

    async def _single(self, job: Job) -> None:
        job.move("Starting", self._outbox)
        properties = job.resource.properties
        inputs: dict[str, str | None] = {}
        for name, spec in (properties.get("inputs") or {}).items():
            inputs[name] = None if spec is None else await self._data.fetch(spec, job.folder / "inputs" / name)
        outputs = {
            name: self._data.plan(name, spec or {}, job.name, job.folder / "outputs")
            for name, spec in (properties.get("outputs") or {}).items()
        }
        environment = {str(k): str(v) for k, v in (properties.get("environmentVariables") or {}).items()}
        await self._execute(job, Command(properties["command"], properties.get("codeId"), inputs, outputs, environment))
        self._register(job, properties.get("outputs") or {}, outputs)

    async def _pipeline(self, job: Job) -> None:
        job.move("Starting", self._outbox)
        properties = job.resource.properties
        nodes: dict[str, Json] = properties.get("jobs") or {}
        parent_inputs: dict[str, str | None] = {}
        for name, spec in (properties.get("inputs") or {}).items():
            parent_inputs[name] = None if spec is None else await self._data.fetch(spec, job.folder / "inputs" / name)
        parent_specs: Json = properties.get("outputs") or {}
        parent_outputs = {
            name: self._data.plan(name, spec or {}, job.name, job.folder / "outputs")
            for name, spec in parent_specs.items()
        }
        job.move("Running", self._outbox)
        made: dict[str, dict[str, Output]] = {}
        for step in _in_order(nodes):
            made[step] = await self._step(job, step, nodes[step], parent_inputs, parent_outputs, made)
        self._register(job, parent_specs, parent_outputs)

    async def _step(
        self,
        job: Job,
        step: str,
        node: Json,
        parent_inputs: dict[str, str | None],
        parent_outputs: dict[str, Output],
        made: dict[str, dict[str, Output]],
    ) -> dict[str, Output]:
        spec = self._references.asset(str(node.get("componentId")), "components").properties["componentSpec"]
        child = self._child(job, step, spec)
        child.move("Starting", self._outbox)
        try:
            inputs = await self._node_inputs(child, spec, node, parent_inputs, made)
            outputs = self._node_outputs(child, spec, node, parent_outputs)
            variables = {**(spec.get("environment_variables") or {}), **(node.get("environment_variables") or {})}
            environment = {str(key): str(value) for key, value in variables.items()}
            await self._execute(child, Command(spec["command"], spec.get("code"), inputs, outputs, environment))
        except (JobFailedError, ArmError) as exc:
            child.error = str(exc)
            child.note(f"the step failed: {exc}")
            child.move("Failed", self._outbox)
            raise JobFailedError(f"step {step}: {exc}") from exc
        finally:
            await self._data.upload_log(child)
            _append_log(job, child, step)
        child.move("Finalizing", self._outbox)
        child.move("Completed", self._outbox)
        return outputs

    def _child(self, job: Job, step: str, component: Json) -> Job:
        name = f"{job.name}_{step}"
        properties: Json = {
            "jobType": "Command",
            "displayName": step,
            "command": component["command"],
            "environmentId": component.get("environment"),
            "experimentName": job.resource.properties.get("experimentName"),
            "computeId": job.resource.properties.get("computeId"),
            "parentJobName": job.name,
            "inputs": {},
            "outputs": {},
            "tags": {},
            "properties": {"azureml.pipelinerunid": job.name, "azureml.nodeid": step},
            "status": "NotStarted",
        }
        made = resource(f"jobs/{name}", "jobs", properties, caller_of(job.resource))
        child = Job(made, {}, job.folder / "steps" / step, "azureml.StepRun", submissions=0)
        self._jobs[name] = child
        return child

    async def _node_inputs(
        self,
        child: Job,
        component: Json,
        node: Json,
        parent_inputs: dict[str, str | None],
        made: dict[str, dict[str, Output]],
    ) -> dict[str, str | None]:
        given = node.get("inputs") or {}
        values: dict[str, str | None] = {}
        for name, declared in (component.get("inputs") or {}).items():
            spec = given.get(name)
            path = binding((spec or {}).get("value") or (spec or {}).get("uri") or (spec or {}).get("path"))
            if path is not None and path[0] == "inputs":
                values[name] = parent_inputs.get(path[1])
            elif path is not None and path[0] == "jobs":
                values[name] = str(made[path[1]][path[3]].local)
            elif spec is not None:
                values[name] = await self._data.fetch(spec, child.folder / "inputs" / name)
            else:
                values[name] = None
            if values[name] is None and declared.get("default") is not None:
                values[name] = str(declared["default"])
            if values[name] is None and str(declared.get("optional", False)).lower() != "true":
                raise JobFailedError(
                    f"input {name!r} of component {component.get('name')!r} is required and was not given"
                )
        return values

    def _node_outputs(
        self, child: Job, component: Json, node: Json, parent_outputs: dict[str, Output]
    ) -> dict[str, Output]:
        given = node.get("outputs") or {}
        outputs: dict[str, Output] = {}
        for name, declared in (component.get("outputs") or {}).items():
            spec = given.get(name) or {}
            bound = spec if isinstance(spec, str) else spec.get("value") or spec.get("path") or spec.get("uri")
            path = binding(bound)
            if path is not None and path[0] == "outputs" and path[1] in parent_outputs:
                outputs[name] = parent_outputs[path[1]]
            else:
                outputs[name] = self._data.plan(name, {**declared}, child.name, child.folder / "outputs")
        return outputs

    async def _execute(self, job: Job, command: Command) -> None:
        """Run a command to its end and upload its outputs. Raise JobFailedError when it doesn't exit with 0."""
        code = job.folder / "code"
        code.mkdir(parents=True, exist_ok=True)
        if command.code:
            await self._data.fetch_code(command.code, code)
        values: dict[str, str | None] = {f"inputs.{name}": value for name, value in command.inputs.items()}
        values |= {f"outputs.{name}": str(output.local) for name, output in command.outputs.items()}
        text = _PYTHON.sub(shlex.quote(self._config.python), render(command.text, values))
        job.move("Running", self._outbox)
        job.note(f"runs: {text}")
        process = await spawn(
            [self._config.python, "-I", "-S", str(_GUARD), text], code, self._environment(job, command), job.log
        )
        job.process = process
        try:
            exit_code = await process.wait()
        finally:
            await kill(process)
        if exit_code != 0:
            raise JobFailedError(f"the command ended with exit code {exit_code}; see its log {job.log}")
        for output in command.outputs.values():
            await self._data.upload(output)

    def _environment(self, job: Job, command: Command) -> dict[str, str]:
        return {
            "AZUREML_RUN_ID": job.name,
            "AZUREML_EXPERIMENT_NAME": str(job.resource.properties.get("experimentName") or "Default"),
            "AZUREML_JOB_TAGS": json.dumps(job.tags),
            "PYTHONUNBUFFERED": "1",
            **command.environment,
        }

    def _register(self, job: Job, specs: Json, outputs: dict[str, Output]) -> None:
        for name, spec in specs.items():
            registered = self._data.register(spec or {}, outputs[name], job)
            if registered is not None:
                job.note(f"registered output {name} as {registered}")


def _in_order(nodes: dict[str, Json]) -> list[str]:
    """Return the steps so that each comes after those whose outputs it reads. Raise JobFailedError on a circle."""
    needs = {
        name: {
            path[1]
            for spec in (node.get("inputs") or {}).values()
            for path in [binding((spec or {}).get("value") or (spec or {}).get("uri") or (spec or {}).get("path"))]
            if path is not None and path[0] == "jobs"
        }
        for name, node in nodes.items()
    }
    order: list[str] = []
    while len(order) < len(nodes):
        ready = [name for name in nodes if name not in order and needs[name] <= set(order)]
        if not ready:
            raise JobFailedError(
                f"the steps wait for each other or for unknown ones: {sorted(set(nodes) - set(order))}"
            )
        order.extend(ready)
    return order


def _append_log(job: Job, child: Job, step: str) -> None:
    job.note(f"step {step}:")
    if child.log.exists():
        with job.log.open("a") as file:
            file.write(child.log.read_text(errors="replace"))
