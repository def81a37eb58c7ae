"""What the benchmark of outcomes measures is there, and its goals would notice a rule that errs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.harness.spec import Run
from benchmarks.releases import outcomes, undecided_ends
from shared.domain.releases.release import ReleaseState
from shared.simulate.engine import simulate
from shared.simulate.traffic import constant

QUIET = Run(is_long=False, progress=lambda _: None)


@pytest.mark.parametrize("name", ["accuracy", "log_loss"])
def test_looking_at_every_arrival_errs_hardly_ever_and_naively_often(name: str) -> None:
    ours, naive = outcomes.first_looks(outcomes.SAME[name], 100, np.random.default_rng(1))
    assert np.isfinite(ours).mean() <= 0.05
    assert np.isfinite(naive).mean() >= 0.1


def test_worse_answers_are_found() -> None:
    ours, _ = outcomes.first_looks(outcomes.WORSE["accuracy_10"], 50, np.random.default_rng(1))
    assert np.isfinite(ours).all()


def test_every_case_has_its_figure() -> None:
    names = [figure.name for figure in outcomes.quality_figures(2, 2, QUIET)]
    tests = [figure.name for figure in outcomes.test_figures(2, QUIET)]
    assert {name.split(".")[1] for name in names} == {*outcomes.SAME, *outcomes.WORSE}
    assert [name.split(".")[1] for name in tests] == [*outcomes.TESTS]


def test_nothing_keeps_a_broken_version_and_a_plan_that_finishes_undecided_does() -> None:
    result = undecided_ends.ends("at_once", undecided_ends.BROKEN, 5, 40, 1)
    assert (result.finished, result.taken_back > 50) == (0, True)
    # Under a plan of before, which ends undecided as if it were well, some would be.
    plan = replace(undecided_ends.plan_of("at_once"), on_undecided="finish")
    ended = simulate(plan, constant(0.2), undecided_ends.BROKEN, 20, 1)
    assert ReleaseState.FINISHED in {release.state for release in ended}
