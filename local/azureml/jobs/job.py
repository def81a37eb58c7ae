"""A job: what was submitted, and how it goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from local.azureml.base import events
from local.azureml.base.arm import Json, Resource, caller_of, resource, stamp
from local.azureml.base.blobs import BlobPath
from local.azureml.base.events import Outbox

ENDED = {"Completed", "Failed", "Canceled"}


class JobFailedError(Exception):
    """A job can't go on; the text is written to its log."""


@dataclass(frozen=True)
class Output:
    """Where an output is written on disk, and where it goes in storage."""

    type: str
    local: Path
    remote: BlobPath


@dataclass
class Job:
    """`resource` is the answer to GET; `submitted` the properties of the first PUT, to compare a later one with."""

    resource: Resource
    submitted: Json
    folder: Path
    run_type: str  # azureml.PipelineRun | azureml.StepRun | azureml.commandrun
    submissions: int = 1
    times: dict[str, str] = field(default_factory=dict)  # status -> when it was reached
    error: str | None = None
    outputs: dict[str, Output] = field(default_factory=dict)  # known once the job runs
    metrics: dict[str, list[Json]] = field(default_factory=dict)  # by name, MLflow's points in the order they came
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def ended_at(self) -> str | None:
        return next((at for status, at in self.times.items() if status in ENDED), None)

    @property
    def name(self) -> str:
        return self.resource.name

    @property
    def status(self) -> str:
        return str(self.resource.properties["status"])

    @property
    def log(self) -> Path:
        return self.folder / "std_log.txt"

    @property
    def tags(self) -> Json:
        return self.resource.properties.get("tags") or {}

    def note(self, line: str) -> None:
        """Add a line of the emulator's own to the job's log."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("a") as file:
            file.write(f"[{stamp()}] {line}\n")

    def add_log_of(self, step: Job) -> None:
        """Add a step's log to this one, so that a pipeline's log is complete."""
        if step.log.exists():
            with self.log.open("a") as file:
                file.write(step.log.read_text(errors="replace"))

    def move(self, status: str, outbox: Outbox) -> None:
        """Change the status and raise the events of the change. An ended job stays as it is."""
        if self.status in ENDED:
            return
        self.resource.properties["status"] = status
        self.times[status] = stamp()
        run = events.run_data(
            self.name,
            self.run_type,
            str(self.resource.properties.get("experimentName") or "Default"),
            str(self.resource.system_data["createdBy"]),
            dict(self.tags),
            dict(self.resource.properties.get("properties") or {}),
        )
        outbox.emit(events.run_status_changed(run, status))
        if status == "Completed":
            outbox.emit(events.run_completed(run))


def child_of(parent: Job, name: str, folder: Path, **properties: object) -> Job:
    """Return a step or a trial of a job, not started yet."""
    of_parent = parent.resource.properties
    shared: Json = {
        "jobType": "Command",
        "experimentName": of_parent.get("experimentName"),
        "computeId": of_parent.get("computeId"),
        "parentJobName": parent.name,
        "rootJobName": of_parent.get("rootJobName") or parent.name,
        "inputs": {},
        "outputs": {},
        "tags": {},
        "properties": {},
        "status": "NotStarted",
    }
    made = resource(f"jobs/{name}", "jobs", {**shared, **properties}, caller_of(parent.resource))
    return Job(made, {}, folder, "azureml.StepRun", submissions=0)
