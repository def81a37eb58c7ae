"""Nothing lost, nothing done twice: thousands of seeded runs of the production code among failing services.

A failing seed is shown, call by call, by `python -m tests.simulation SEED --trace`.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.run import TROUBLES
from tests.simulation.simulate import simulate
from tests.simulation.studio import studio
from tests.simulation.variants.registry import VARIANTS, broken

# Every broken variant is caught by seed 83 at the latest, from seed 0 on.
SEEDS, LONG_SEEDS = 500, 10_000
SEEDS_PER_VARIANT = 10


@pytest.mark.timeout(900)  # with --long two minutes of one core; more when others want it, too
def test_nothing_is_lost_and_nothing_is_done_twice(is_long: bool) -> None:
    injected, facts, jobs = Counter[str](), 0, 0
    seeds = LONG_SEEDS if is_long else SEEDS
    with studio():
        for seed in range(seeds):
            report = simulate(seed)
            shown_by = f"python -m tests.simulation {seed} --trace"
            assert not report.violations, "\n".join([*report.violations, shown_by])
            facts, jobs = facts + report.facts, jobs + report.jobs
            injected.update(report.injected)
    # That there was work to lose, and trouble enough to lose it in.
    assert facts > 2 * seeds
    assert jobs > seeds
    assert {kind for kind, count in injected.items() if count > seeds / 10} == set(TROUBLES)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_broken_variant_is_caught_within_10_seeds(name: str) -> None:
    with studio(), broken(name) as parts:
        seeds = range(VARIANTS[name].first, VARIANTS[name].first + SEEDS_PER_VARIANT)
        assert any(simulate(seed, parts).violations for seed in seeds), VARIANTS[name].breaks


def test_a_seed_always_gives_the_same_run() -> None:
    traces: list[list[str]] = [[], []]
    with studio():
        for trace in traces:
            simulate(9, trace=trace)
    assert traces[0] == traces[1]
    assert len(traces[0]) > 50
