"""How many events pass through the processor, beside the bare writes that exactly-once needs."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path

from benchmarks.harness.spec import Benchmark, BenchmarkError, Figure, Goal, Run
from benchmarks.harness.storage import azurite_settings, floor_on
from benchmarks.harness.timing import quantile
from shared.bootstrap import App
from shared.domain.ids import FactKey
from shared.settings import Settings
from shared.store.codec import encode

# Each event is a fact of its own that a policy reads: below the threshold nothing follows, above it a notice is sent.
POLICY = """\
model: flight-delay
kind: tabular
endpoint: {name: flight-delay, type: online}
people: {owner: ana@example.com}
budget:
  - {at: 80%, do: [notify]}
"""
THREADS = (1, 4)
BELOW, ABOVE = 10.0, 90.0
ROUNDS, EVENTS, LONG_EVENTS, WARM_UP = 3, 300, 3000, 10


def event(number: int, percent: float = BELOW) -> str:
    """Return the queue message of a budget alert with a fact of its own."""
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"event-{number}",
            "type": "Vigia.BudgetAlert",
            "source": "/subscriptions/00000000-0000-0000-0000-000000000001",
            "subject": f"budgets/team-{number}",
            "time": "2026-11-20T09:00:00Z",
            "data": {
                "budget": f"team-{number}",
                "basis": "actual",
                "percent": percent,
                "amount": 1000.0,
                "spent": 10 * percent,
                "currency": "USD",
                "periodStart": "2026-11-01",
            },
        }
    )


@dataclass
class Load:
    """Work done by some threads: seconds in all, and seconds of each piece."""

    total: float = 0.0
    seconds: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return len(self.seconds) / self.total

    def add(self, work: Callable[[int], object], numbers: Sequence[int], threads: int) -> None:
        """Do `work` for every number, by so many threads, and note how long it took."""

        def timed(number: int) -> float:
            start = time.perf_counter()
            work(number)
            return time.perf_counter() - start

        start = time.perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            self.seconds += pool.map(timed, numbers)
        self.total += time.perf_counter() - start


def measure(settings: Settings, events: int, rounds: int, run: Run) -> list[Figure]:
    """Return the figures of `events` events per number of threads, in rounds that take turns with the floor."""
    app = App(settings)
    process, numbers, previous = app.processor.process, count(), frozenset(app.ledger.keys())
    for number in islice(numbers, WARM_UP):
        process(event(number))
    floor = floor_on(settings, encode(app.ledger.entry(next(app.ledger.keys()))))
    ours, bare = {threads: Load() for threads in THREADS}, {threads: Load() for threads in THREADS}
    acting = Load()
    for round_number in range(rounds):
        for threads in THREADS:
            run.progress(f"round {round_number + 1} of {rounds}, {threads} at a time")
            block = list(islice(numbers, events // rounds))
            ours[threads].add(lambda number: process(event(number)), block, threads)
            bare[threads].add(lambda number: floor.write_twice(f"fact-{number}"), block, threads)
        run.progress(f"round {round_number + 1} of {rounds}, with notices")
        acting.add(lambda number: process(event(number, ABOVE)), list(islice(numbers, events // rounds)), 1)
    _require_done(app, previous, next(numbers))
    quiet = [figure for threads in THREADS for figure in figures(threads, ours[threads], bare[threads])]
    ratio = bare[1].per_second / acting.per_second
    what = "the same for a fact with a notice: plan claimed, notice in the outbox"
    return [*quiet, Figure("intake.acting_ratio", ratio, "x", what)]


def figures(threads: int, ours: Load, floor: Load) -> list[Figure]:
    prefix, how = f"intake.{threads}_thread{'s' if threads > 1 else ''}", f"{threads} at a time"
    p50, p99 = quantile(ours.seconds, 0.5) * 1000, quantile(ours.seconds, 0.99) * 1000
    return [
        Figure(f"{prefix}_per_second", ours.per_second, "/s", f"events from message to done, {how}"),
        Figure(f"{prefix}_floor_per_second", floor.per_second, "/s", f"two bare conditional PUTs each, {how}"),
        Figure(
            f"{prefix}_ratio", floor.per_second / ours.per_second, "x", "time per event, ours / floor", Goal("<=", 1.5)
        ),
        Figure(f"{prefix}_p50_ms", p50, "ms", f"one event, median of {len(ours.seconds):,}"),
        Figure(f"{prefix}_p99_ms", p99, "ms", "one event, 99th percentile"),
    ]


def _require_done(app: App, previous: frozenset[FactKey], expected: int) -> None:
    """Check that every event was recorded as a fact of its own and is done; else something else was measured."""
    recorded, still_open = set(app.ledger.keys()) - previous, set(app.ledger.open_keys()) - previous
    if len(recorded) != expected or still_open:
        raise BenchmarkError(
            f"of {expected} events {len(recorded)} are in the ledger, {len(still_open)} of them not done"
        )


def run(run: Run) -> list[Figure]:
    run.progress("starting Azurite")
    with tempfile.TemporaryDirectory(prefix="vigia-bench-") as folder:
        write_policy(Path(folder))
        with azurite_settings(VIGIA_POLICIES=folder) as settings:
            return measure(settings, LONG_EVENTS if run.is_long else EVENTS, ROUNDS, run)


def write_policy(folder: Path) -> None:
    (folder / "flight-delay.yaml").write_text(POLICY, encoding="utf-8")


SPEC = Benchmark("intake", "events per second from queue message to done, beside the bare writes they need", run)
