"""Releases among failing services and people: thousands of seeded runs of the production's controller.

A failing seed is shown, call by call, by `python -m tests.simulation.controller SEED --trace`.
"""

from __future__ import annotations

from collections import Counter

import pytest

from tests.simulation.controller.simulate import simulate
from tests.simulation.controller.variants import VARIANTS, broken
from tests.simulation.studio import shortcuts, studio

# The benchmark's long form runs 100,000. Every broken variant is caught by seed 117 at the latest, from seed 0 on.
SEEDS, LONG_SEEDS = 500, 10_000


@pytest.mark.timeout(900)  # with --long three minutes of one core; more when others want it, too
def test_releases_keep_their_promises(is_long: bool) -> None:
    states, seeds = Counter[str](), LONG_SEEDS if is_long else SEEDS
    with studio(), shortcuts():
        for seed in range(seeds):
            report = simulate(seed)
            shown_by = f"python -m tests.simulation.controller {seed} --trace"
            assert not report.violations, "\n".join([*report.violations, shown_by])
            states.update(report.states)
    # That releases went everywhere.
    assert {state for state, count in states.items() if count > seeds / 1000} >= {
        "finished",
        "aborted",
        "rolled_back",
        "rejected",
        "expired",
        "failed",
        "superseded",
        "lost",
    }


@pytest.mark.parametrize("name", VARIANTS)
def test_a_broken_controller_is_caught_within_10_seeds(name: str) -> None:
    with studio(), shortcuts(), broken(name) as parts:
        assert any(
            simulate(seed, parts).violations for seed in range(VARIANTS[name].first, VARIANTS[name].first + 10)
        ), VARIANTS[name].breaks


def test_a_seed_always_gives_the_same_run() -> None:
    traces: list[list[str]] = [[], []]
    with studio(), shortcuts():
        for trace in traces:
            simulate(2, trace=trace)
    assert traces[0] == traces[1]
    assert len(traces[0]) > 50
