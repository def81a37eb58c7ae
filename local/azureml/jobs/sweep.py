"""Runs a sweep: one command as often as its limits say, with other values each time; the best is the one whose run
logged the best value of the primary metric.

Source: https://learn.microsoft.com/azure/machine-learning/how-to-tune-hyperparameters, from memory; not verified. Early
termination is taken and ends nothing; Bayesian sampling is refused.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from local.azureml.base.arm import Json, bad_request
from local.azureml.base.events import Outbox
from local.azureml.jobs.command import Command, CommandRunner
from local.azureml.jobs.job import Job, JobFailedError, Output, child_of
from local.azureml.jobs.job_data import JobData

BEST = "best_child_run_id"
MOST_TRIALS = 1000


@dataclass(frozen=True)
class Sweep:
    """What is searched. `space` is name to (distribution, its numbers or its values)."""

    space: dict[str, tuple[str, list[Any]]]
    algorithm: str
    goal: str
    metric: str
    most: int
    at_once: int
    seed: int = 0

    def trials(self) -> list[Json]:
        """Return the values of each trial.

        Raises:
            ArmError: 400, the sampling or a distribution is not emulated.
        """
        if self.algorithm == "grid":
            others = [name for name, (kind, _) in self.space.items() if kind != "choice"]
            if others:
                raise bad_request(f"grid sampling takes choices only: {', '.join(others)} is none")
            grid = itertools.product(*(values for _, values in self.space.values()))
            return [dict(zip(self.space, point, strict=True)) for point in itertools.islice(grid, self.most)]
        if self.algorithm != "random":
            raise bad_request(f"{self.algorithm} sampling is not emulated; write random or grid")
        source = random.Random(self.seed)
        return [{name: _drawn(source, *part) for name, part in self.space.items()} for _ in range(self.most)]


def sweep_of(spec: Json) -> Sweep:
    """Return the sweep that a job's properties or a pipeline's node describe.

    Raises:
        ArmError: 400, it has no goal or no metric, or is not emulated.
    """
    limits, objective = spec.get("limits") or {}, spec.get("objective") or {}
    algorithm = spec.get("samplingAlgorithm") or spec.get("sampling_algorithm") or "random"
    if isinstance(algorithm, dict):
        algorithm = algorithm.get("samplingAlgorithmType") or algorithm.get("type")
    metric = objective.get("primaryMetric") or objective.get("primary_metric")
    if not metric or not objective.get("goal"):
        raise bad_request("a sweep needs objective.goal and objective.primary_metric")
    space = spec.get("searchSpace") or spec.get("search_space") or {}
    made = Sweep(
        space={name: _distribution(part) for name, part in space.items()},
        algorithm=str(algorithm).lower(),
        goal=str(objective["goal"]).lower(),
        metric=str(metric),
        most=min(int(limits.get("maxTotalTrials") or limits.get("max_total_trials") or MOST_TRIALS), MOST_TRIALS),
        at_once=int(limits.get("maxConcurrentTrials") or limits.get("max_concurrent_trials") or 1),
    )
    made.trials()
    return made


def _distribution(part: Any) -> tuple[str, list[Any]]:
    """Return a distribution's kind and arguments: as ARM has it, ["uniform", [0, 1]], or as a pipeline's node does."""
    if isinstance(part, list):
        kind, arguments = str(part[0]), list(part[1])
        return kind, list(arguments[0]) if kind == "choice" and isinstance(arguments[0], list) else arguments
    kind = str(part.get("type"))
    if kind == "choice":
        return kind, list(part["values"])
    names = ("upper",) if kind == "randint" else ("mu", "sigma") if "normal" in kind else ("min_value", "max_value")
    return kind, [part[name] for name in names]


def _drawn(source: random.Random, kind: str, arguments: list[Any]) -> Any:
    draw: dict[str, Callable[..., Any]] = {
        "choice": lambda *values: source.choice(values),
        "uniform": source.uniform,
        "loguniform": lambda low, high: math.exp(source.uniform(low, high)),
        "normal": source.gauss,
        "lognormal": source.lognormvariate,
        "randint": lambda upper: source.randrange(int(upper)),
    }
    if kind not in draw:
        raise bad_request(f"the distribution {kind} is not emulated; write one of {', '.join(draw)}")
    return draw[kind](*arguments)


class SweepRunner:
    """Each trial is a job `SWEEP_NUMBER`, added to `jobs`."""

    def __init__(self, commands: CommandRunner, data: JobData, outbox: Outbox, jobs: dict[str, Job]) -> None:
        self._commands = commands
        self._data = data
        self._outbox = outbox
        self._jobs = jobs

    async def run(self, job: Job, sweep: Sweep, trial: Command, outputs: dict[str, Output]) -> None:
        """Run the trials, and give the sweep the outputs of the best.

        Raises:
            JobFailedError: no trial completed and logged the metric.
        """
        job.move("Running", self._outbox)
        slots = asyncio.Semaphore(sweep.at_once)
        async with asyncio.TaskGroup() as group:
            for number, values in enumerate(sweep.trials()):
                group.create_task(self._try(job, number, values, trial, outputs, slots))
        best = self._best(job, sweep)
        job.resource.properties["properties"] = {**(job.resource.properties.get("properties") or {}), BEST: best.name}
        job.note(f"the best of its trials by {sweep.metric} is {best.name}: {best.metrics[sweep.metric][-1]['value']}")
        for name, output in outputs.items():
            await take_over(best.outputs[name], output, self._data)

    async def _try(
        self, job: Job, number: int, values: Json, trial: Command, outputs: dict[str, Output], slots: asyncio.Semaphore
    ) -> None:
        child = child_of(job, f"{job.name}_{number}", job.folder / "trials" / str(number), command=trial.text)
        child.resource.properties["displayName"] = f"trial {number}"
        child.parameters.update({name: str(value) for name, value in values.items()})
        child.outputs = {
            name: self._data.plan(name, {"type": output.type}, child.name, child.folder / "outputs")
            for name, output in outputs.items()
        }
        self._jobs[child.name] = child
        child.move("NotStarted", self._outbox)
        given = {**trial.inputs, **{name: str(value) for name, value in values.items()}}
        async with slots:
            try:
                await self._commands.run(child, replace(trial, inputs=given, outputs=child.outputs))
                child.move("Completed", self._outbox)
            except JobFailedError as exc:
                # The others go on: a sweep fails when none completes.
                child.error = str(exc)
                child.move("Failed", self._outbox)
            finally:
                await self._data.upload_log(child)

    def _best(self, job: Job, sweep: Sweep) -> Job:
        trials = [trial for trial in children(self._jobs, job) if trial.status == "Completed"]
        measured = [trial for trial in trials if sweep.metric in trial.metrics]
        if not measured:
            raise JobFailedError(f"none of {len(trials)} completed trials logged {sweep.metric}")
        sign = 1 if sweep.goal == "maximize" else -1
        return max(measured, key=lambda trial: sign * float(trial.metrics[sweep.metric][-1]["value"]))


def children(jobs: dict[str, Job], parent: Job) -> Iterator[Job]:
    """Yield the steps or trials of a job."""
    yield from (job for job in jobs.values() if job.resource.properties.get("parentJobName") == parent.name)


async def take_over(made: Output, output: Output, data: JobData) -> None:
    """Have an output hold what another one does."""
    if made.local.is_dir():
        shutil.copytree(made.local, output.local, dirs_exist_ok=True)
    elif made.local.exists():
        shutil.copy(made.local, output.local)
    await data.upload(output)
