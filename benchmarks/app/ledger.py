"""What exactly-once costs: claiming and finishing a fact, beside two bare conditional PUTs."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from statistics import median

from benchmarks.harness.spec import Benchmark, BenchmarkError, Figure, Goal, Run
from benchmarks.harness.storage import Floor, azurite_settings, counted_requests, floor_on
from benchmarks.harness.timing import quantile, seconds
from shared.adapters.storage.blobs import AzureBlobStore
from shared.domain.fact import Fact, ModelRegistered
from shared.domain.ids import ModelName, ModelVersion
from shared.domain.reaction import Reaction, ReactionResult
from shared.ports.blobs import BlobStore
from shared.settings import Settings
from shared.store.codec import encode
from shared.store.facts.ledger import Claimed, Entry, Ledger

PAIRS, LONG_PAIRS, WARM_UP = 400, 4000, 20
LEASE = timedelta(minutes=2)
PLAN = (Reaction("open-release", ModelName("flight-delay"), "model flight-delay 7 was registered"),)
DONE = (ReactionResult("open-release", "done", "release flight-delay-7 opened", "flight-delay-7"),)


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds, one per fact."""

    ours: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Trips:
    """HTTP requests to storage, per fact."""

    new: int
    duplicate: int
    takeover: int


def fact(number: int | str) -> Fact:
    version = str(number)
    return Fact(
        ModelRegistered(ModelName("flight-delay"), ModelVersion(version)),
        source="/subscriptions/00000000-0000-0000-0000-000000000001/resourcegroups/rg-local/workspaces/ws-local",
        subject=f"models/flight-delay:{version}",
        identity=("flight-delay", version),
        occurred_at=datetime(2026, 11, 20, 9, 0, tzinfo=UTC),
        event_id=f"event-{version}",
    )


def handle(ledger: Ledger, fact: Fact) -> None:
    """Claim a new fact and finish it.

    Raises:
        BenchmarkError: somebody knew it, so that something else would be measured.
    """
    claim = ledger.claim(fact, PLAN, ("digest",), ())
    if not isinstance(claim, Claimed) or ledger.finish(claim, DONE, ()) is None:
        raise BenchmarkError(f"the ledger did not give us fact {fact.key[:16]}: {type(claim).__name__}")


def time_pairs(ledger: Ledger, floor: Floor, count: int, run: Run) -> Timings:
    """Time both, fact by fact in turn; the order alternates."""
    timings = Timings()
    for number in range(-WARM_UP, count):
        pieces = [
            (timings.ours, partial(handle, ledger, fact(number))),
            (timings.floor, partial(floor.write_twice, f"fact-{number}")),
        ]
        for times, work in pieces if number % 2 else reversed(pieces):
            took = seconds(work)
            if number >= 0:
                times.append(took)
        if number % 100 == 0:
            run.progress(f"{number} of {count} facts")
    return timings


def count_trips(blobs: BlobStore) -> Trips:
    """Count the requests of a new fact, of its duplicate, and of a fact whose first worker died."""
    ledger, impatient = Ledger(blobs, LEASE), Ledger(blobs, timedelta(0))
    abandoned = fact("abandoned")
    with counted_requests() as sent:
        handle(ledger, fact("new"))
        new = sent()
        ledger.claim(fact("new"), PLAN, ("digest",), ())
        duplicate = sent() - new
        ledger.claim(abandoned, PLAN, ("digest",), ())
        count = sent()
        handle(impatient, abandoned)
        return Trips(new, duplicate, sent() - count)


def measure(settings: Settings, count: int, run: Run) -> list[Figure]:
    blobs = AzureBlobStore(settings, "ledger")
    blobs.get("is-there")  # makes the container, which is not part of any fact
    trips = count_trips(blobs)
    sample = encode(Entry(fact(0), PLAN, "done", 1, "0" * 32, ("digest",), outcomes=DONE))
    return figures(time_pairs(Ledger(blobs, LEASE), floor_on(settings, sample), count, run), trips)


def figures(timings: Timings, trips: Trips) -> list[Figure]:
    ours, floor = median(timings.ours) * 1000, median(timings.floor) * 1000
    slow, floor_slow = quantile(timings.ours, 0.99) * 1000, quantile(timings.floor, 0.99) * 1000
    return [
        Figure("ledger.p50_ms", ours, "ms", f"claim and finish, median of {len(timings.ours):,} facts"),
        Figure("ledger.floor_p50_ms", floor, "ms", "two bare conditional PUTs of as many bytes, median"),
        Figure("ledger.p50_ratio", ours / floor, "x", "median, ours / floor", Goal("<=", 2)),
        Figure("ledger.p99_ms", slow, "ms", "claim and finish, 99th percentile"),
        Figure("ledger.floor_p99_ms", floor_slow, "ms", "two bare conditional PUTs, 99th percentile"),
        Figure("ledger.p99_ratio", slow / floor_slow, "x", "99th percentile, ours / floor"),
        Figure(
            "ledger.trips_new",
            trips.new,
            "",
            "storage round trips of a new fact, one of them its marker",
            Goal("<=", 3),
        ),
        Figure("ledger.trips_duplicate", trips.duplicate, "", "of a duplicate", Goal("<=", 2)),
        Figure("ledger.trips_takeover", trips.takeover, "", "of taking a dead worker's fact over", Goal("<=", 4)),
    ]


def run(run: Run) -> list[Figure]:
    run.progress("starting Azurite")
    with azurite_settings() as settings:
        return measure(settings, LONG_PAIRS if run.is_long else PAIRS, run)


SPEC = Benchmark("ledger", "what exactly-once costs, beside two bare conditional PUTs to the same Azurite", run)
