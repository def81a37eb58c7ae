"""Releases in simulated trouble: the whole controller among failing services and people, and broken variants of it."""

from __future__ import annotations

import time
from collections import Counter

from benchmarks.harness.spec import Benchmark, Figure, Goal, Run
from tests.simulation.controller.simulate import simulate
from tests.simulation.controller.variants import VARIANTS, broken
from tests.simulation.studio import shortcuts, studio

SEEDS, LONG_SEEDS = 1_000, 100_000
SEEDS_PER_VARIANT = 10


def first_catch(name: str, most: int = SEEDS_PER_VARIANT) -> int | None:
    """Return after how many seeds the variant was caught; None when it was not."""
    first = VARIANTS[name].first
    with studio(), shortcuts(), broken(name) as parts:
        return next((n + 1 for n in range(most) if simulate(first + n, parts).violations), None)


def run(run: Run) -> list[Figure]:
    seeds = LONG_SEEDS if run.is_long else SEEDS
    promises, looks, states = 0, 0, Counter[str]()
    began = time.perf_counter()
    with studio(), shortcuts():
        for seed in range(seeds):
            report = simulate(seed)
            promises, looks = promises + len(report.violations), looks + report.looks
            states.update(report.states)
            if report.violations:
                run.progress(f"seed {seed}: {report.violations[0]}")
            if seed % 1000 == 0:
                run.progress(f"{seed:,} of {seeds:,} seeds")
    took = time.perf_counter() - began
    caught = [catch for name in VARIANTS if (catch := first_catch(name))]
    ended = ", ".join(f"{count:,} {state}" for state, count in sorted(states.items()))
    return [
        Figure("controller.seeds", seeds, "", f"runs with {looks:,} looks at releases"),
        Figure("controller.seeds_per_second", seeds / took, "/s", "on one core"),
        Figure("controller.releases", states.total(), "", ended),
        Figure("controller.broken", promises, "", "broken promises", Goal("=", 0)),
        Figure("controller.caught", len(caught), "", "broken variants caught", Goal("=", len(VARIANTS))),
        Figure("controller.caught_after", max(caught, default=0), "", "seeds that the last needed", Goal("<=", 10)),
    ]


SPEC = Benchmark("controller", "broken promises of releases in simulated trouble, and broken variants caught", run)
