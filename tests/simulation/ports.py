"""The ports that production code is given: every call through one is a place where things go wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.failure import Failure
from shared.domain.ids import EndpointName, JobName, ModelName, ModelVersion
from shared.domain.training import Recipe
from shared.errors import WorkspaceError
from shared.ports.blobs import Blob, BlobItem, Written
from shared.ports.channels import Message, Recipient
from shared.ports.workspace import EndpointRecord, JobRecord, JobRequest, ModelRecord
from tests.fakes.workspace import FakeWorkspace
from tests.simulation.run import Run
from tests.simulation.services import Blobs, Inbox, Queues


@dataclass(frozen=True)
class SimulatedClock:
    """The clock of the worker that has its turn, as wrong as that worker's is."""

    run: Run

    def now(self) -> datetime:
        return self.run.worker_clock()


@dataclass(frozen=True)
class SimulatedBlobs:
    run: Run
    blobs: Blobs

    def get(self, name: str) -> Blob | None:
        return self.run.read(f"{_area(name)} r", f"get {name[:24]}", lambda: self.blobs.get(name, self.run.now))

    def create(self, name: str, body: bytes, metadata: Mapping[str, str] | None = None) -> Written | None:
        def land() -> Written | None:
            return self.blobs.create(name, body, metadata, self.run.now)

        return self.run.write(f"{_area(name)} w", f"create {name[:24]}", land, is_conditional=True)

    def replace(self, name: str, body: bytes, etag: str, metadata: Mapping[str, str] | None = None) -> Written | None:
        def land() -> Written | None:
            return self.blobs.replace(name, body, etag, metadata, self.run.now)

        return self.run.write(f"{_area(name)} w", f"replace {name[:24]} if {etag}", land, is_conditional=True)

    def put(self, name: str, body: bytes, metadata: Mapping[str, str] | None = None) -> Written:
        return self.run.write(
            f"{_area(name)} w", f"put {name[:24]}", lambda: self.blobs.put(name, body, metadata, self.run.now)
        )

    def delete(self, name: str) -> None:
        self.run.write(f"{_area(name)} w", f"delete {name[:24]}", lambda: self.blobs.history.pop(name, None))

    def list(self, prefix: str) -> Iterator[BlobItem]:
        yield from self.run.read("list r", f"list {prefix}", lambda: self.blobs.list(prefix))


@dataclass(frozen=True)
class SimulatedQueue:
    run: Run
    queues: Queues

    def send(self, queue: str, text: str, delay: timedelta = timedelta(0)) -> None:
        self.run.write(
            "queues w", f"send {queue} {text[:30]}", lambda: self.queues.send(queue, text, self.run.now + delay)
        )


@dataclass(frozen=True)
class SimulatedWorkspace:
    """The calls that the reactions make. `refused` are models whose jobs Azure ML refuses for good."""

    run: Run
    fake: FakeWorkspace
    refused: frozenset[str]

    def model(self, name: ModelName, version: ModelVersion) -> ModelRecord | None:
        return self.run.read("models r", f"model {name}:{version}", lambda: self.fake.model(name, version))

    def models_after(self, name: ModelName, after: datetime, most: int) -> tuple[ModelRecord, ...]:
        return self.run.read("models r", f"models {name}", lambda: self.fake.models_after(name, after, most))

    def endpoint(self, name: EndpointName) -> EndpointRecord | None:
        return self.run.read("endpoints r", f"endpoint {name}", lambda: self.fake.endpoint(name))

    def recipe(self, component: str, inputs: Mapping[str, str]) -> Recipe:
        return self.run.read("components r", f"component {component}", lambda: self.fake.recipe(component, inputs))

    def job(self, name: JobName) -> JobRecord | None:
        return self.run.read("jobs r", f"job {name}", lambda: self.fake.job(name))

    def job_failure(self, name: JobName) -> Failure:
        return self.run.read("jobs r", f"failure of job {name}", lambda: self.fake.job_failure(name))

    def submit_job(self, request: JobRequest) -> JobRecord:
        if request.tags["vigia.model"] in self.refused:
            self.run.read("jobs r", f"submit {request.name} (refused for good)", lambda: None)
            raise WorkspaceError("workspace.refused", "there is no such component")
        return self.run.write("jobs w", f"submit {request.name}", lambda: self.fake.submit_job(request))

    def stop_compute_instances(self, only: Sequence[str] = ()) -> tuple[str, ...]:
        return self.run.write("compute w", "stop compute instances", lambda: self.fake.stop_compute_instances(only))


@dataclass(frozen=True)
class SimulatedChannel:
    run: Run
    inbox: Inbox

    def send(self, message: Message, to: Recipient) -> None:
        came = (message.key, to.email)
        self.run.write("inbox w", f"tell {to.email} {message.key[:40]}", lambda: self.inbox.came.append(came))


def release_of(text: str) -> str:
    """Return the id of the release that a message of queue `releases` asks to look at."""
    return str(json.loads(text)["release"])


def _area(name: str) -> str:
    return name.partition("/")[0]
