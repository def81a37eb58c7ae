"""A function host that answers as told, a place for dead letters, and Event Grid between them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from local.eventgrid import EventGrid, Faults, StorageQueue, Subscription
from local.eventgrid.dead_letters import DeadLetterUnavailableError
from local.listener import Listener
from tests.local.running import LoopThread, call, running, wait_for

MODEL_REGISTERED = "Microsoft.MachineLearningServices.ModelRegistered"
BUDGET = "Vigia.BudgetAlert"
MODELS = Subscription("models", "workspace", "model_registered", "event-grid", (MODEL_REGISTERED,))
BUDGETS = Subscription("budgets", "custom", "budget_alert", "cloud-events", (BUDGET,))


def model_event(number: int = 1, **changes: Any) -> dict[str, Any]:
    """An Azure ML event in the Event Grid schema."""
    return {
        "id": f"event-{number}",
        "subject": f"models/flight-delay:{number}",
        "eventType": MODEL_REGISTERED,
        "eventTime": "2026-11-20T07:01:02.1234567Z",
        "data": {"ModelName": "flight-delay", "ModelVersion": str(number)},
        **changes,
    }


def budget_event(**changes: Any) -> dict[str, Any]:
    """One of our own events, as a CloudEvent."""
    return {"id": "b1", "source": "/budgets", "type": BUDGET, "specversion": "1.0", "data": {"percent": 80}, **changes}


@dataclass(frozen=True)
class Received:
    function: str
    headers: dict[str, str]
    body: Any

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = self.body[0] if isinstance(self.body, list) else self.body
        return event


class FakeFunctions:
    """Answers each delivery with the next status of `answers`, then with 202; holds functions named in `slow`."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: list[int] = []
        self.slow: set[str] = set()
        self._listener = Listener("fake functions", 0)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.port}"

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/runtime/webhooks/eventgrid", self._take)
        await self._listener.start(app)

    async def stop(self) -> None:
        await self._listener.stop()

    async def _take(self, request: web.Request) -> web.Response:
        function = request.query["functionName"]
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(function, headers, await request.json()))
        if function in self.slow:
            await asyncio.sleep(20)
        return web.Response(status=self.answers.pop(0) if self.answers else 202)


@dataclass
class MemoryDeadLetters:
    """Refuses the first `failures` writes."""

    blobs: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    failures: int = 0

    async def write(self, name: str, content: bytes) -> None:
        if self.failures:
            self.failures -= 1
            raise DeadLetterUnavailableError("not now")
        self.blobs[name] = json.loads(content)


@dataclass
class Grid:
    """A running Event Grid and what is around it."""

    emulator: EventGrid
    functions: FakeFunctions
    dead_letters: MemoryDeadLetters
    thread: LoopThread

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.emulator.port}"

    def publish(self, topic: str, *events: dict[str, Any]) -> None:
        self.thread.run(self.emulator.publish(topic, list(events)))

    def settle(self) -> None:
        """Wait until nothing is in flight or waiting."""
        wait_for(lambda: call("GET", f"{self.url}/_local/idle")[1]["idle"])

    def attempts(self) -> list[dict[str, Any]]:
        attempts: list[dict[str, Any]] = call("GET", f"{self.url}/_local/deliveries")[1]
        return attempts


@contextmanager
def running_grid(
    *subscriptions: Subscription,
    faults: Faults | None = None,
    time_scale: float = 0.0001,
    answer_timeout: timedelta = timedelta(seconds=5),
    queue: StorageQueue | None = None,
) -> Iterator[Grid]:
    functions, dead_letters = FakeFunctions(), MemoryDeadLetters()
    with running(functions):
        grid = EventGrid(
            0,
            list(subscriptions),
            functions.url,
            dead_letters,
            time_scale,
            faults,
            answer_timeout=answer_timeout,
            queue=queue,
        )
        with running(grid) as thread:
            yield Grid(grid, functions, dead_letters, thread)


@pytest.fixture
def grid() -> Iterator[Grid]:
    with running_grid(MODELS, BUDGETS) as running:
        yield running
