"""The ports that production code is given: every call through one is a place where things go wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar, TypeVar

from shared.domain.failure import Failure
from shared.domain.ids import EndpointName, JobName, ModelName, ModelVersion
from shared.domain.messages import WakeRelease
from shared.domain.training import Recipe
from shared.errors import WorkspaceError
from shared.ports import channels
from shared.ports.blobs import Blob, BlobItem, Written
from shared.ports.channels import Recipient
from shared.ports.endpoints import EndpointRecord
from shared.ports.jobs import JobRecord, JobRequest
from shared.ports.queues import Waiting, poison_queue, text_digest
from shared.ports.workspace import ModelRecord
from tests.fakes.workspace import FakeWorkspace
from tests.simulation.controller.sky import Sky
from tests.simulation.run import Run
from tests.simulation.services import Blobs, Inbox, Message, Queues

T = TypeVar("T")
# The name of outages of everything that the workspace is asked for.
AZURE_ML = "azureml"


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

    def delete(self, name: str, etag: str | None = None) -> None:
        def land() -> None:
            if etag is None or self.blobs.is_newest(name, etag):
                self.blobs.history.pop(name, None)

        self.run.write(f"{_area(name)} w", f"delete {name[:24]}", land)

    def list(self, prefix: str) -> Iterator[BlobItem]:
        def look() -> list[BlobItem]:
            self.blobs.forget_all(prefix, self.run.now)
            return self.blobs.list(prefix)

        yield from self.run.read("list r", f"list {prefix}", look)


@dataclass(frozen=True)
class SimulatedQueue:
    """An `OpenQueues`: of the queues that can be looked into there are the poison queues."""

    run: Run
    queues: Queues
    # How much of a queue is shown. The service shows 32; of eight the same is to be learned from fewer messages.
    page: ClassVar[int] = 8
    # How long what we put on a queue stays there; None for good.
    lifetime: ClassVar[timedelta | None] = None

    def send(self, queue: str, text: str, delay: timedelta = timedelta(0)) -> None:
        def land() -> None:
            self.queues.send(queue, text, self.run.now + delay, self._expires_at())

        self.run.write("queues w", f"send {queue} {text[:30]}", land)

    def _expires_at(self) -> datetime | None:
        return self.run.now + self.lifetime if self.lifetime else None

    def peek(self, queue: str) -> tuple[Waiting, ...]:
        return self.run.read("queues r", f"peek {queue}", lambda: self._waiting(queue)[: self.page])

    def look_through(self, queue: str) -> tuple[Waiting, ...]:
        return self.run.read("queues r", f"look through {queue}", lambda: self._waiting(queue))

    def length(self, queue: str) -> int:
        return self.run.read("queues r", f"length of {queue}", lambda: len(self._waiting(queue)))

    def move(self, queue: str, digests: Collection[str], to: str | None) -> frozenset[str]:
        moved = self.run.read("queues r", f"receive {queue}", lambda: self._messages(queue))
        for message in moved:
            if text_digest(message.text) in digests:
                self.run.write("queues w", f"put {message.number} on {to}", partial(self._put, message, to))
                self.run.write("queues w", f"take {message.number} off {queue}", partial(self._take_off, message))
        return frozenset(digests) & {text_digest(message.text) for message in moved}

    def _messages(self, queue: str) -> list[Message]:
        return [message for message in self.queues.poison if poison_queue(message.queue) == queue]

    def _waiting(self, queue: str) -> tuple[Waiting, ...]:
        return tuple(Waiting(message.text, message.visible_at, message.expires_at) for message in self._messages(queue))

    def _put(self, message: Message, to: str | None) -> None:
        now, expires_at = self.run.now, self._expires_at()
        if to == poison_queue(message.queue):
            self.queues.poison.append(replace(message, visible_at=now, expires_at=expires_at))
        elif to is not None:
            self.queues.send(to, message.text, now, expires_at)

    def _take_off(self, message: Message) -> None:
        self.queues.poison = [other for other in self.queues.poison if other is not message]


@dataclass(frozen=True)
class SimulatedWorkspace:
    """The calls that the reactions make. `refused` are models whose jobs Azure ML refuses for good."""

    run: Run
    fake: FakeWorkspace
    refused: frozenset[str]
    sky: Sky

    def model(self, name: ModelName, version: ModelVersion) -> ModelRecord | None:
        return self._read("models r", f"model {name}:{version}", lambda: self.fake.model(name, version))

    def models_after(self, name: ModelName, since: datetime, most: int) -> tuple[ModelRecord, ...]:
        return self._read("models r", f"models {name}", lambda: self.fake.models_after(name, since, most))

    def endpoint(self, name: EndpointName) -> EndpointRecord | None:
        return self._read("endpoints r", f"endpoint {name}", lambda: self.fake.endpoint(name))

    def recipe(self, component: str, inputs: Mapping[str, str]) -> Recipe:
        return self._read("components r", f"component {component}", lambda: self.fake.recipe(component, inputs))

    def job(self, name: JobName) -> JobRecord | None:
        return self._read("jobs r", f"job {name}", lambda: self.fake.job(name))

    def job_metrics(self, name: JobName) -> Mapping[str, float]:
        return self._read("jobs r", f"metrics of job {name}", lambda: self.fake.job_metrics(name))

    def job_failure(self, name: JobName) -> Failure:
        return self._read("jobs r", f"failure of job {name}", lambda: self.fake.job_failure(name))

    def submit_job(self, request: JobRequest) -> JobRecord:
        if request.tags["vigia.model"] in self.refused:
            self._read("jobs r", f"submit {request.name} (permanently rejected)", lambda: None)
            raise WorkspaceError("workspace.refused", "there is no such component")
        return self.run.write("jobs w", f"submit {request.name}", lambda: self.fake.submit_job(request))

    def stop_compute_instances(self, only: Sequence[str] = ()) -> tuple[str, ...]:
        return self.run.write("compute w", "stop compute instances", lambda: self.fake.stop_compute_instances(only))

    def _read(self, where: str, label: str, look: Callable[[], T]) -> T:
        def answered() -> T:
            self.sky.check(AZURE_ML, self.run.now)
            return look()

        return self.run.read(where, label, answered)


@dataclass(frozen=True)
class SimulatedChannel:
    run: Run
    inbox: Inbox

    def send(self, message: channels.Message, to: Recipient) -> None:
        came = (message.key, to.email)
        self.run.write("inbox w", f"tell {to.email} {message.key[:40]}", lambda: self.inbox.came.append(came))


def release_of(text: str) -> str:
    """Return the id of the release that a message of queue `releases` asks to look at."""
    return str(WakeRelease.from_body(text).release)


def _area(name: str) -> str:
    return name.partition("/")[0]
