"""Many models in simulated time: a small town keeps its goals, in one workspace and in several."""

from __future__ import annotations

import pytest

from benchmarks.app.many_models import Size, measure


@pytest.mark.parametrize("workspaces", [1, 3])
def test_a_small_town_keeps_its_goals_at_a_part_of_the_earlier_cost(workspaces: int) -> None:
    size = Size(models=24, releases=3, workspaces=workspaces, hours=0.3)
    figures = {figure.name: figure for figure in measure(size)}
    assert all(figure.is_met is not False for figure in figures.values())
    assert figures["scale.looks_reads_mean"].value > 0


def test_what_was_before_cost_more_reads_of_the_same_town() -> None:
    size = Size(models=24, releases=3, hours=0.2)
    old = Size(models=24, releases=3, hours=0.2, is_old=True)
    means = [next(f.value for f in measure(s) if f.name.endswith("reads_mean")) for s in (size, old)]
    assert means[0] < means[1]
