"""Nothing lost, nothing done twice: the production code in simulated trouble, and broken variants of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from benchmarks.harness.spec import Benchmark, Figure, Goal, Run
from tests.simulation.properties import LOST, TWICE
from tests.simulation.simulate import simulate
from tests.simulation.studio import studio
from tests.simulation.variants.registry import VARIANTS, broken

SEEDS, LONG_SEEDS = 1_000, 100_000
SEEDS_PER_VARIANT = 10


@dataclass
class Tally:
    """The results of many seeds."""

    seconds: float = 0.0
    seeds: int = 0
    facts: int = 0
    messages: int = 0
    duplicates: int = 0
    troubles: Counter[str] = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    def count(self, beginning: str) -> int:
        return sum(promise.startswith(beginning) for promise in self.broken)


def tally(seeds: int, run: Run) -> Tally:
    """Run the seeds from 0 on."""
    total, began = Tally(seeds=seeds), time.perf_counter()
    with studio():
        for seed in range(seeds):
            report = simulate(seed)
            total.facts += report.facts
            total.messages += report.messages
            total.duplicates += report.duplicates
            total.troubles.update(report.injected)
            total.broken += report.violations
            if report.violations:
                run.progress(f"seed {seed}: {report.violations[0]}")
            if seed % 1000 == 0:
                run.progress(f"{seed:,} of {seeds:,} seeds")
    total.seconds = time.perf_counter() - began
    return total


def first_catch(name: str, most: int = SEEDS_PER_VARIANT) -> int | None:
    """Return after how many seeds the variant was caught; None when it was not."""
    first = VARIANTS[name].first
    with studio(), broken(name) as parts:
        return next((n + 1 for n in range(most) if simulate(first + n, parts).violations), None)


def figures(total: Tally, catches: Iterable[int | None]) -> list[Figure]:
    needed = list(catches)
    caught = [seeds for seeds in needed if seeds]
    troubles = ", ".join(f"{count:,} {kind}" for kind, count in sorted(total.troubles.items()))
    again = 100 * total.duplicates / total.messages if total.messages else 0.0
    rest = len(total.broken) - total.count(LOST) - total.count(TWICE)
    return [
        Figure("simulation.seeds", total.seeds, "", f"runs with {total.facts:,} facts"),
        Figure("simulation.seeds_per_second", total.seeds / total.seconds, "/s", "on one core"),
        Figure("simulation.troubles", total.troubles.total(), "", troubles),
        Figure("simulation.lost", total.count(LOST), "", "effects lost", Goal("=", 0)),
        Figure("simulation.twice", total.count(TWICE), "", "named effects too many", Goal("=", 0)),
        Figure("simulation.other", rest, "", "other broken promises", Goal("=", 0)),
        Figure("simulation.repeated_messages", again, "%", f"of {total.messages:,} messages to people came again"),
        Figure("simulation.caught", len(caught), "", "broken variants caught", Goal("=", len(needed))),
        Figure("simulation.caught_after", max(caught, default=0), "", "seeds that the last needed", Goal("<=", 10)),
    ]


def run(run: Run) -> list[Figure]:
    total = tally(LONG_SEEDS if run.is_long else SEEDS, run)
    return figures(total, [first_catch(name) for name in VARIANTS])


SPEC = Benchmark("simulation", "lost and doubled effects in simulated trouble, and broken variants caught", run)
