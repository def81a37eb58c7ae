"""The benchmark's figures, from a handful of seeds."""

from __future__ import annotations

from benchmarks.app import simulation
from benchmarks.harness.spec import Run
from tests.simulation.properties import LOST, TWICE

TINY = Run(is_long=False, progress=lambda _: None)


def test_kept_promises_meet_every_goal() -> None:
    figures_by_name = {figure.name: figure for figure in simulation.figures(simulation.tally(3, TINY), [1, 10])}
    assert figures_by_name["simulation.seeds"].value == 3
    assert figures_by_name["simulation.troubles"].value > 0
    assert [name for name, figure in figures_by_name.items() if figure.is_met is False] == []


def test_broken_promises_and_uncaught_variants_miss_their_goals() -> None:
    tally = simulation.Tally(seconds=1, seeds=1, broken=[f"{LOST} a job", f"{TWICE} a job", f"{TWICE} b", "c"])
    figures = {figure.name: figure for figure in simulation.figures(tally, [3, None])}
    missed = {name: figure.value for name, figure in figures.items() if figure.is_met is False}
    assert missed == {"simulation.lost": 1, "simulation.twice": 2, "simulation.other": 1, "simulation.caught": 1}


def test_a_variant_is_caught_after_so_many_seeds() -> None:
    assert simulation.first_catch("done-first") == 1
    assert simulation.first_catch("contradiction-ignored", most=2) is None
