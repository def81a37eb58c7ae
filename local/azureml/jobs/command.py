"""Runs one command of a job as a subprocess in a copy of its code folder."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from local.azureml.base.config import AzureMlConfig
from local.azureml.base.environments import requirements_of, requirements_of_model
from local.azureml.base.events import Outbox
from local.azureml.base.expressions import render
from local.azureml.base.processes import kill, spawn
from local.azureml.jobs.job import Job, JobFailedError, Output
from local.azureml.jobs.job_data import JobData
from local.azureml.jobs.spark import spark_python
from local.azureml.jobs.tracking import PREFIX as TRACKING

_GUARD = Path(__file__).parents[1] / "base" / "guard.py"
_PYTHON = re.compile(r"^\s*python3?(?=\s)")


@dataclass(frozen=True)
class Command:
    """One command to run: `inputs` are values ready for the text (None: an optional one without a value)."""

    text: str
    code: str | None
    inputs: dict[str, str | None]
    outputs: dict[str, Output]
    environment: dict[str, str]
    is_spark: bool = False


class CommandRunner:
    """Prepares the code folder, runs the command to its end, and uploads what it wrote."""

    def __init__(self, config: AzureMlConfig, data: JobData, outbox: Outbox) -> None:
        self.config = config
        self._data = data
        self._outbox = outbox

    async def run(self, job: Job, command: Command) -> None:
        """Move `job` to Running and return when its outputs are stored.

        Raises:
            JobFailedError: the exit code is not 0.
        """
        code = job.folder / "code"
        code.mkdir(parents=True, exist_ok=True)
        if command.code:
            await self._data.fetch_code(command.code, code)
        values: dict[str, str | None] = {f"inputs.{name}": value for name, value in command.inputs.items()}
        values |= {f"outputs.{name}": str(output.local) for name, output in command.outputs.items()}
        python = spark_python(self.config) if command.is_spark else await self._python(job, command)
        text = _PYTHON.sub(shlex.quote(python), render(command.text, values))
        job.move("Running", self._outbox)
        job.note(f"runs: {text}")
        guarded = [self.config.python, "-I", "-S", str(_GUARD), text]
        variables = _environment(job, command, self.config.addresses.url("azureml"))
        process = await spawn(guarded, code, variables, job.log)
        try:
            exit_code = await process.wait()
        finally:
            await kill(process)
        if exit_code != 0:
            raise JobFailedError(f"the command ended with exit code {exit_code}; see its log {job.log}")
        for output in command.outputs.values():
            await self._data.upload(output)

    async def _python(self, job: Job, command: Command) -> str:
        """Return the interpreter with the packages of the job's environment, or of the MLflow model that it scores."""
        reference, model = job.resource.properties.get("environmentId"), command.inputs.get("model")
        requirements = requirements_of(self._data.environment(str(reference))) if reference else []
        if not reference and model:
            requirements = requirements_of_model(Path(model))
        return await self.config.environments.interpreter(requirements, job.note)


def _environment(job: Job, command: Command, address: str) -> dict[str, str]:
    return {
        "AZUREML_RUN_ID": job.name,
        "MLFLOW_RUN_ID": job.name,
        "AZUREML_ROOT_RUN_ID": str(job.resource.properties.get("rootJobName") or job.name),
        "MLFLOW_TRACKING_URI": f"{address}{TRACKING}",
        "AZUREML_EXPERIMENT_NAME": str(job.resource.properties.get("experimentName") or "Default"),
        "AZUREML_JOB_TAGS": json.dumps(job.tags),  # not in the service
        "PYTHONUNBUFFERED": "1",
        **command.environment,
    }
