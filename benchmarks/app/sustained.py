"""Events arriving steadily at the queue: how long from publishing to done, with duplicates and with many models."""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import azure.functions as func

import shared.bootstrap
from benchmarks.app.intake import POLICY
from benchmarks.harness.spec import Benchmark, BenchmarkError, Figure, Goal, Run
from benchmarks.harness.storage import azurite_settings
from benchmarks.harness.timing import quantile
from functions.process import process
from shared.bootstrap import App
from shared.ports.queues import poison_queue
from shared.settings import Settings

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient, QueueMessage

QUEUE = "events"
SHORT_SECONDS, LONG_SECONDS = 20, 600
WORKERS, THREADS = 2, 4
BATCH = 16
# As host.json says.
MOST_TRIES, AGAIN_AFTER_SECONDS = 5, 5
LARGE, ONE_IN_LARGE = 100_000, 100
BURST_FACTS, BURST_COPIES = 100, 8
FEW_MODELS, MANY_MODELS, SAMPLE = 10, 10_000, 200


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast events come, and how late 99 of 100 may be done; `prefix` is that of the figures."""

    prefix: str
    per_second: float
    p99_ms: float


USUAL, FULL = Pace("", 100, 250), Pace("full_", 10_000 / 60, 2_000)


def event(name: str, sent_at: float = 0.0, characters: int = 0) -> str:
    """Return the end of a run that is not ours: most events of a busy workspace. Its experiment carries the time.

    Args:
        characters: how long a property of the run is that nobody reads.
    """
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"event-{name}",
            "type": "Microsoft.MachineLearningServices.RunCompleted",
            "source": "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-local/providers"
            "/Microsoft.MachineLearningServices/workspaces/ws-local",
            "subject": f"experiments/1/runs/{name}",
            "time": datetime.now(UTC).isoformat(),
            "data": {
                "experimentId": "1",
                "experimentName": f"{sent_at}",
                "runId": name,
                "runType": "azureml.PipelineRun",
                "runTags": {},
                "runProperties": {"azureml.git.diff": "x" * characters} if characters else {},
            },
        }
    )


class HostMessage(func.QueueMessage):
    """A message as the Functions host hands it over."""

    def __init__(self, identifier: str, content: str, dequeue_count: int) -> None:
        super().__init__(id=identifier, body=content.encode())
        self._tries = dequeue_count

    @property
    def dequeue_count(self) -> int:
        return self._tries


def call_process(message: HostMessage) -> None:
    """Have the app's own function take the message."""
    function: Any = process
    function._function.get_user_function()(message)


def take(message: QueueMessage, queue: QueueClient, poison: QueueClient) -> bool:
    """Have the app's own function process the message and settle it as the host does; return whether it succeeded.

    What fails comes again after five seconds, and after the fifth time lies in the poison queue (host.json).
    """
    tries = message.dequeue_count or 1
    try:
        call_process(HostMessage(message.id, str(message.content), tries))
    except Exception:
        if tries < MOST_TRIES:
            queue.update_message(message, visibility_timeout=AGAIN_AFTER_SECONDS)
            return False
        poison.send_message(message.content)
        queue.delete_message(message)
        return False
    queue.delete_message(message)
    return True


def work(settings: Settings, orders: Connection) -> None:
    """Take messages as the Functions host does, until stopped; then send when each event was sent, and how many
    seconds later it was done."""
    from azure.storage.queue import QueueClient, TextBase64DecodePolicy, TextBase64EncodePolicy

    app = App(settings)
    shared.bootstrap.get_app = lambda: app
    queue, poison = (
        QueueClient.from_connection_string(
            settings.storage,
            name,
            message_encode_policy=TextBase64EncodePolicy(),
            message_decode_policy=TextBase64DecodePolicy(),
        )
        for name in (QUEUE, poison_queue(QUEUE))
    )
    call_process(HostMessage("warm-up", event(f"warm-up-{os.getpid()}"), 1))
    latencies: list[tuple[float, float]] = []

    def handle(message: QueueMessage) -> None:
        content = app.large_events.open(str(message.content))
        if take(message, queue, poison):
            sent_at = float(json.loads(content)["data"]["experimentName"])
            latencies.append((sent_at, time.time() - sent_at))

    orders.send("ready")
    with ThreadPoolExecutor(THREADS) as pool:
        while not orders.poll():
            messages = list(queue.receive_messages(max_messages=BATCH, visibility_timeout=60))
            list(pool.map(handle, messages))
            if not messages:
                time.sleep(0.02)
    orders.recv()
    orders.send(latencies)


@dataclass(frozen=True)
class Workers:
    connections: Sequence[Connection]

    def stop(self) -> list[float]:
        """Return how long each event took, in the order in which they were sent."""
        for connection in self.connections:
            connection.send("stop")
        return [latency for _, latency in sorted(pair for connection in self.connections for pair in connection.recv())]


@contextmanager
def workers(settings: Settings) -> Iterator[Workers]:
    context = multiprocessing.get_context("spawn")
    pairs = [context.Pipe() for _ in range(WORKERS)]
    crew = [context.Process(target=work, args=(settings, theirs), daemon=True) for _, theirs in pairs]
    for member in crew:
        member.start()
    ours = [mine for mine, _ in pairs]
    try:
        for connection in ours:
            if not connection.poll(60):
                raise BenchmarkError("a worker did not start within a minute")
            connection.recv()
        yield Workers(ours)
    finally:
        for member in crew:
            member.join(10)
            member.kill()


def publish_steadily(app: App, pace: Pace, seconds: int, run: Run) -> int:
    """Put unique events on the queue, as Event Grid does, some of them too large for it; return how many went out."""

    def publish(number: int) -> None:
        characters = LARGE if number % ONE_IN_LARGE == 0 else 0
        app.queue.send(QUEUE, app.large_events.message(event(f"run-{number}", time.time(), characters)))

    start, sent = time.monotonic(), 0
    with ThreadPoolExecutor(2) as pool:
        while (elapsed := time.monotonic() - start) < seconds:
            due = int(elapsed * pace.per_second) - sent
            list(pool.map(publish, range(sent, sent + due)))
            sent += due
            run.progress(f"{sent:,} events sent, {elapsed:.0f} of {seconds} s")
            time.sleep(0.01)
    return sent


def steady(settings: Settings, pace: Pace, seconds: int, run: Run) -> list[Figure]:
    app = App(settings)
    app.queue.send(QUEUE, event("first", time.time()))
    with workers(settings) as crew:
        start = time.monotonic()
        sent = publish_steadily(app, pace, seconds, run) + 1
        duration = time.monotonic() - start
        _wait_until(lambda: _facts(app) >= sent + WORKERS, "every event is done")
        latencies = crew.stop()
    p50, p99 = quantile(latencies, 0.5) * 1000, quantile(latencies, 0.99) * 1000
    what = f"from the queue to done, {WORKERS} workers, {duration:.0f} s"
    lost, poison = sent + WORKERS - _facts(app), app.queue.length(poison_queue(QUEUE))
    part = len(latencies) // 5
    growth = median(latencies[-part:]) / median(latencies[:part])
    name = f"sustained.{pace.prefix}"
    return [
        Figure(f"{name}events_per_second", sent / duration, "/s", what, Goal(">=", pace.per_second * 0.98)),
        Figure(f"{name}p50_ms", p50, "ms", f"one event, publishing to done and deleted, of {len(latencies):,}"),
        Figure(f"{name}p99_ms", p99, "ms", "the same, 99th percentile", Goal("<=", pace.p99_ms)),
        Figure(f"{name}growth", growth, "x", "median of the last fifth / of the first fifth", Goal("<=", 1.5)),
        Figure(f"{name}lost", lost, "facts", "published and not in the ledger", Goal("=", 0)),
        Figure(f"{name}poison", poison, "messages", "given up", Goal("=", 0)),
    ]


def burst(settings: Settings, run: Run) -> list[Figure]:
    """Every event arrives eight times, spread over four threads."""
    app = App(settings)
    previous = _facts(app)
    bodies = [event(f"storm-{n}") for n in range(BURST_FACTS)] * BURST_COPIES
    run.progress(f"{len(bodies)} deliveries of {BURST_FACTS} facts")
    start = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(app.processor.process, bodies))
    milliseconds = (time.perf_counter() - start) / len(bodies) * 1000
    return [
        Figure(
            "sustained.storm_ms",
            milliseconds,
            "ms",
            f"per delivery when each of {BURST_FACTS} comes {BURST_COPIES} times",
        ),
        Figure("sustained.storm_facts", _facts(app) - previous, "facts", "recorded", Goal("=", BURST_FACTS)),
    ]


def flatness(settings_with: dict[int, Settings], run: Run) -> list[Figure]:
    """The cost of a fact about one model, with few and with many models under policies."""
    cost: dict[int, float] = {}
    for models, settings in settings_with.items():
        run.progress(f"reading {models:,} policies")
        app = App(settings)
        app.processor.process(deployed(SAMPLE, models))
        start = time.perf_counter()
        for number in range(SAMPLE):
            app.processor.process(deployed(number, models))
        cost[models] = (time.perf_counter() - start) / SAMPLE * 1000
    few, many = cost[FEW_MODELS], cost[MANY_MODELS]
    return [
        Figure("sustained.few_models_ms", few, "ms", f"a deployment's fact, {FEW_MODELS} models"),
        Figure("sustained.many_models_ms", many, "ms", f"the same, {MANY_MODELS:,} models"),
        Figure("sustained.flatness", many / few, "x", "cost with many models / with few", Goal("<=", 1.25)),
    ]


def deployed(number: int, models: int) -> str:
    """Return a deployment on the last model's endpoint: a fact that names one policy, which has nothing to do."""
    workspace = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-local/providers"
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"deployed-{models}-{number}",
            "type": "Microsoft.MachineLearningServices.ModelDeployed",
            "source": f"{workspace}/Microsoft.MachineLearningServices/workspaces/ws-local",
            "subject": f"endpoints/{model_name(models - 1)}",
            "time": f"2026-11-20T09:00:{models % 60:02}.{number:06}Z",
            "data": {"serviceName": model_name(models - 1), "serviceComputeType": "Managed", "modelIds": ""},
        }
    )


def model_name(number: int) -> str:
    return f"model-{number:05}"


def write_policies(folder: Path, models: int) -> Path:
    for number in range(models):
        text = POLICY.replace("flight-delay", model_name(number))
        (folder / f"{model_name(number)}.yaml").write_text(text, encoding="utf-8")
    return folder


def _facts(app: App) -> int:
    return sum(1 for _ in app.ledger.keys())  # noqa: SIM118 (a ledger is no mapping)


def _wait_until(is_so: object, what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise BenchmarkError(f"after {seconds:.0f} s still waiting until {what}")
        time.sleep(0.5)


def run(run: Run) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="vigia-bench-") as name:
        folder = Path(name)
        few, many = folder / "few", folder / "many"
        few.mkdir()
        many.mkdir()
        write_policies(few, FEW_MODELS)
        write_policies(many, MANY_MODELS)
        run.progress("starting Azurite")
        seconds = LONG_SECONDS if run.is_long else SHORT_SECONDS
        with azurite_settings(VIGIA_POLICIES=str(few)) as settings:
            figures = steady(settings, USUAL, SHORT_SECONDS, run)
            figures += burst(settings, run)
        with azurite_settings(VIGIA_POLICIES=str(few)) as settings:
            figures += steady(settings, FULL, seconds, run)
        with azurite_settings(VIGIA_POLICIES=str(few)) as with_few:
            figures += flatness({FEW_MODELS: with_few, MANY_MODELS: replace(with_few, policies=many)}, run)
    return figures


SPEC = Benchmark(
    "sustained",
    "100 events a second, 10,000 a minute, a burst of duplicates, and the cost with many models",
    run,
)
