"""Runs jobs in the order of their submission, and ends them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from local.azureml.base.arm import ArmError, Json
from local.azureml.base.config import AzureMlConfig
from local.azureml.base.events import Outbox
from local.azureml.base.references import References
from local.azureml.jobs.command import Command, CommandRunner
from local.azureml.jobs.job import ENDED, Job, JobFailedError, Output
from local.azureml.jobs.job_data import JobData
from local.azureml.jobs.pipeline import PipelineData, PipelineRunner
from local.azureml.jobs.sweep import SweepRunner, children, sweep_of

_MODEL = {"type": "mlflow_model"}


class JobRunner:
    """Runs at most `concurrent_jobs` jobs at once; the others wait as Queued."""

    def __init__(
        self, config: AzureMlConfig, data: JobData, references: References, outbox: Outbox, jobs: dict[str, Job]
    ) -> None:
        self._data = data
        self._outbox = outbox
        self._jobs = jobs
        self._commands = CommandRunner(config, data, outbox)
        self._pipelines = PipelineRunner(self._commands, data, references, outbox, jobs)
        self._sweeps = SweepRunner(self._commands, data, outbox, jobs)
        self._slots = asyncio.Semaphore(config.concurrent_jobs)
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def submit(self, job: Job, work: Callable[[Job], Awaitable[None]] | None = None) -> None:
        """Start a job when its turn comes. `work` replaces what the job's own properties say to do."""
        self._tasks[job.name] = asyncio.create_task(self._run(job, work or self._work))

    async def cancel(self, job: Job) -> None:
        """End a job and return when it is Canceled (or had ended before)."""
        if job.status in ENDED:
            return
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

    async def _run(self, job: Job, work: Callable[[Job], Awaitable[None]]) -> None:
        job.move("Queued", self._outbox)
        try:
            async with self._slots:
                job.move("Starting", self._outbox)
                await work(job)
                job.move("Finalizing", self._outbox)
                await self._data.upload_log(job)
        except (JobFailedError, ArmError) as exc:
            job.error = str(exc)
            job.note(f"the job failed: {exc}")
            await self._data.upload_log(job)
            self._end(job, "Failed")
        except Exception as exc:
            # A fault of the emulator itself: without this the job would stay Running for ever.
            job.error = f"the emulator failed: {type(exc).__name__}: {exc}"
            job.note(job.error)
            self._end(job, "Failed")
            raise
        else:
            self._end(job, "Completed")

    async def _work(self, job: Job) -> None:
        properties = job.resource.properties
        specs: Json = properties.get("outputs") or {}
        inputs: dict[str, str | None] = {}
        for name, spec in (properties.get("inputs") or {}).items():
            inputs[name] = None if spec is None else await self._data.fetch(spec, job.folder / "inputs" / name)
        folder = job.folder / "outputs"
        outputs = {name: self._data.plan(name, spec or {}, job.name, folder) for name, spec in specs.items()}
        job.outputs = outputs
        match properties["jobType"]:
            case "Pipeline":
                await self._pipelines.run(job, PipelineData(inputs, outputs))
            case "Sweep":
                trial = _command(properties["trial"], inputs, outputs)
                text = trial.text.replace("${{search_space.", "${{inputs.")
                await self._sweeps.run(job, sweep_of(properties), replace(trial, text=text), outputs)
            case "AutoML":
                # The best model is an output of every AutoML job, named or not.
                outputs.setdefault("best_model", self._data.plan("best_model", _MODEL, job.name, folder))
                await self._pipelines.automl(job, properties, outputs, PipelineData(inputs, outputs))
            case _:
                await self._commands.run(job, _command(properties, inputs, outputs))
        self._register(job, specs, outputs)

    def _register(self, job: Job, specs: Json, outputs: dict[str, Output]) -> None:
        for name, spec in specs.items():
            registered = self._data.register(spec or {}, outputs[name], job)
            if registered is not None:
                job.note(f"registered output {name} as {registered}")

    def _end(self, job: Job, status: str) -> None:
        """End a job, and the steps of it that had not ended."""
        for step in list(children(self._jobs, job)):
            self._end(step, status)
        job.move(status, self._outbox)


def _command(spec: Json, inputs: dict[str, str | None], outputs: dict[str, Output]) -> Command:
    """Return the command of a job, or of a sweep's trial."""
    variables = {str(key): str(value) for key, value in (spec.get("environmentVariables") or {}).items()}
    return Command(spec["command"], spec.get("codeId"), inputs, outputs, variables)
