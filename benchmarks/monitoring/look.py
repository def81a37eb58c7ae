"""One look of the app's monitor at what an endpoint collected: JSON lines, every signal, late labels, the report."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from benchmarks.harness.spec import Benchmark, BenchmarkError, Figure, Run
from benchmarks.harness.storage import azurite_settings
from benchmarks.monitoring.watched_town import HOUR, WatchedTown

HOURS_BEFORE = 20


@dataclass(frozen=True, slots=True)
class Size:
    """Requests of a window of an hour, and of each of the hours before it whose labels are late."""

    window: int
    late: int


SHORT, LONG = Size(10_000, 1_000), Size(200_000, 20_000)


def run(run: Run) -> list[Figure]:
    size = LONG if run.is_long else SHORT
    with azurite_settings() as settings:
        town = WatchedTown(settings)
        start = town.app.time.now().replace(minute=0, second=0, microsecond=0)
        for number in range(HOURS_BEFORE):
            run.progress(f"writing hour {number + 1} of {HOURS_BEFORE}")
            town.serve(size.late, start - (HOURS_BEFORE - number) * HOUR)
        for number in range(3):
            run.progress(f"writing window {number + 1} of 3")
            town.serve(size.window, start + number * HOUR)
        return _figures(town, start, size, run)


def _figures(town: WatchedTown, start: datetime, size: Size, run: Run) -> list[Figure]:
    run.progress("the first look, which makes the references")
    town.labels_arrive()
    first = _look(town, start + HOUR)
    run.progress("a look without new labels")
    plain = _look(town, start + 2 * HOUR)
    floor = _cpu_seconds(lambda: town.lines(start + HOUR))
    run.progress("a look with new labels")
    town.labels_arrive()
    labelled = _look(town, start + 3 * HOUR)
    megabytes = town.bytes_by_hour[start + HOUR] / 1e6
    rows, late = size.window, 2 * size.window + HOURS_BEFORE * size.late
    return [
        Figure("look.first_s", first, "s", "CPU of the version's first look: references are made, too"),
        Figure(
            "look.window_s",
            plain,
            "s",
            f"CPU of a look at {rows:,} requests of 10 columns, {megabytes:.0f} MB, five signals",
        ),
        Figure("look.window_mb_per_s", megabytes / plain, "MB/s", "of requests and answers"),
        Figure("look.floor_s", floor, "s", "CPU to read its files and parse each line, once"),
        Figure("look.of_floor", plain / floor, "x", "look / floor"),
        Figure("look.labelled_s", labelled, "s", f"the same with new labels for {late:,} requests of the day before"),
        Figure("look.labels_s", labelled - plain, "s", "what the labels added"),
    ]


def _look(town: WatchedTown, at: datetime) -> float:
    """Return how many seconds of CPU the look at that moment took.

    Raises:
        BenchmarkError: a signal had trouble, so that it was not measured.
    """
    town.app.time.advance(at - town.app.time.now())
    verdicts: dict[str, str] = {}
    took = _cpu_seconds(lambda: verdicts.update(town.look()))
    if trouble := sorted(signal for signal, verdict in verdicts.items() if verdict == "error"):
        raise BenchmarkError(f"{', '.join(trouble)} had trouble with the rows")
    return took


def _cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


SPEC = Benchmark(
    "look", "one look of the monitor at collected requests, with and without late labels", run, takes_minutes=True
)
