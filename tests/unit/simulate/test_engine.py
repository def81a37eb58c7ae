"""Simulated releases go the way that the release's own steps go, look by look."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from shared.domain.releases.plan import JudgePlan, ProbePlan, ReleasePlan
from shared.domain.releases.release import ReleaseState
from shared.judge.evidence.streams import Tolerances, tolerances_of
from shared.simulate import engine
from shared.simulate.advice import time_needed
from shared.simulate.engine import Ended, look_by_look, simulate
from shared.simulate.measurements import Change, Measured, measure, without_scores
from shared.simulate.result import SAME
from shared.simulate.traffic import Traffic, constant
from tests.fakes.releases import a_plan

MINUTE = timedelta(minutes=1)
PLAN = a_plan(steps=(10, 100), bake=6 * MINUTE, decide_within=20 * MINUTE, watch_for=15 * MINUTE)
BUSY, QUIET = constant(1000), constant(12)


def both_ways(
    monkeypatch: pytest.MonkeyPatch, plan: ReleasePlan, traffic: Traffic, change: Change
) -> tuple[Ended, Ended]:
    """Return how one release ends in the fast and in the slow way, on the same measurements."""
    measured: list[Measured] = []

    def recorded(
        traffic: Traffic,
        change: Change,
        rates: tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], ...],
        tolerances: Tolerances,
        random: np.random.Generator,
        shares_load: bool = True,
    ) -> Measured:
        measured.append(measure(traffic, change, (rates[0], rates[1]), tolerances, random, shares_load))
        return measured[-1]

    with monkeypatch.context() as patched:
        patched.setattr(engine, "measure", recorded)
        (fast,) = simulate(plan, traffic, change, 1, seed=len(change.name))
    return fast, look_by_look(plan, iter(measured))


@pytest.mark.parametrize(
    ("plan", "traffic", "change", "state"),
    [
        pytest.param(PLAN, BUSY, SAME, ReleaseState.FINISHED, id="healthy"),
        pytest.param(PLAN, BUSY, Change("slow", latency=1.6), ReleaseState.ROLLED_BACK, id="slow"),
        pytest.param(PLAN, BUSY, Change("failing", errors=0.05), ReleaseState.ROLLED_BACK, id="failing"),
        pytest.param(PLAN, BUSY, Change("edge", errors=0.01), ReleaseState.ABORTED, id="undecided"),
        pytest.param(PLAN, QUIET, SAME, ReleaseState.ABORTED, id="little_traffic"),
        pytest.param(
            replace(PLAN, judge=replace(PLAN.judge, on_no_data="abort")),
            constant(0.01),
            SAME,
            ReleaseState.ABORTED,
            id="no_traffic",
        ),
        pytest.param(replace(PLAN, steps=(100,)), BUSY, SAME, ReleaseState.FINISHED, id="all_at_once"),
    ],
)
def test_the_short_way_tells_the_same_story_as_every_look(
    monkeypatch: pytest.MonkeyPatch, plan: ReleasePlan, traffic: Traffic, change: Change, state: ReleaseState
) -> None:
    fast, slow = both_ways(monkeypatch, plan, traffic, change)
    assert fast == slow
    assert fast.state is state


def test_the_same_seed_gives_the_same_releases() -> None:
    change = Change("edge", latency=1.25)
    assert simulate(PLAN, BUSY, change, 150, 7) == simulate(PLAN, BUSY, change, 150, 7)
    assert len(simulate(PLAN, BUSY, change, 150, 7)) == 150


def test_good_versions_are_hardly_ever_rolled_back_and_bad_ones_are() -> None:
    same = Counter(result.state for result in simulate(PLAN, BUSY, SAME, 400, 1))
    slow = Counter(result.state for result in simulate(PLAN, BUSY, Change("slow", latency=1.5), 400, 1))
    assert same[ReleaseState.ROLLED_BACK] <= 8
    assert slow[ReleaseState.ROLLED_BACK] >= 396


def test_a_version_serves_less_the_sooner_it_is_rolled_back() -> None:
    finished, failed = (simulate(PLAN, BUSY, change, 20, 1) for change in (SAME, Change("failing", errors=0.2)))
    assert max(result.requests for result in failed) < min(result.requests for result in finished) / 5
    assert all(result.promoted_after is None for result in failed)
    assert {result.promoted_after for result in finished} >= {6.0}


def test_predictions_are_left_out_without_making_the_others_bolder() -> None:
    plan = JudgePlan(0.01, 1.25, 0.01, "hold", MINUTE)
    with_scores = without_scores(tolerances_of(replace(plan, score_shift_at_most=0.1), 60))
    assert with_scores.enough_to_fail == pytest.approx(
        tolerances_of(replace(plan, score_shift_at_most=0.1), 60).enough_to_fail
    )
    assert with_scores.scores is None


def test_probes_make_a_quiet_endpoint_decidable_and_are_nobodys_requests() -> None:
    probed = replace(PLAN, probe=ProbePlan("azureml:requests@latest", 120))

    good = simulate(probed, QUIET, SAME, 60, seed=1)
    slow = simulate(probed, QUIET, Change("slow", latency=1.6), 60, seed=1)

    assert Counter(result.state for result in good)[ReleaseState.FINISHED] >= 57
    assert Counter(result.state for result in slow)[ReleaseState.ROLLED_BACK] >= 57
    assert max(result.requests for result in good) <= 1.01 * 12 * max(result.minutes for result in good)
    assert time_needed(PLAN, QUIET) != time_needed(probed, QUIET)


def test_probes_find_what_turns_bad_only_under_all_the_traffic() -> None:
    plan = replace(PLAN, steps=(100,), strategy="all-at-once", probe=ProbePlan("azureml:requests@latest", 120))
    plan = replace(plan, watch_for=30 * MINUTE)
    slow = simulate(plan, QUIET, Change("slow", latency=1.6), 60, seed=1)
    assert Counter(result.state for result in slow)[ReleaseState.ROLLED_BACK] >= 57
