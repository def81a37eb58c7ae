"""What the benchmark of real canaries makes of what it saw."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from benchmarks.releases.canary_town import Version, seconds_in
from benchmarks.releases.real_canary import FAILING, HEALTHY, SLOW, Aborted, CanaryResult, figures
from shared.domain.releases.release import Release, ReleaseState, Serving, Transition
from tests.fakes.releases import NOW, a_release

CHAMPION = Serving(a_release("1").challenger.deployment, a_release("1").version)
SECOND = timedelta(seconds=1)


def ended(state: ReleaseState) -> Release:
    moves = (
        Transition(NOW, ReleaseState.DEPLOYING, ReleaseState.CANARY, ""),
        Transition(NOW + 20 * SECOND, ReleaseState.CANARY, ReleaseState.ROLLING_BACK, ""),
        Transition(NOW + 23 * SECOND, ReleaseState.ROLLING_BACK, state, ""),
    )
    return replace(a_release(), state=state, champion=CHAMPION, history=moves)


def canary(version: Version, state: ReleaseState, serves: str) -> CanaryResult:
    return CanaryResult(version, ended(state), {serves: 100}, 20.0, 0.0 if version is HEALTHY else 3.0)


def values(*canaries: CanaryResult, answers: dict[str, dict[int, int]] | None = None) -> dict[str, Any]:
    aborts = [Aborted(ended(ReleaseState.ABORTED), 2.5)]
    return {figure.name.partition(".")[2]: figure for figure in figures(canaries, aborts, answers or {})}


def test_versions_that_end_as_they_should_meet_the_goals() -> None:
    shown = values(
        canary(HEALTHY, ReleaseState.FINISHED, "v-2"),
        canary(SLOW, ReleaseState.ROLLED_BACK, "v-1"),
        canary(FAILING, ReleaseState.ROLLED_BACK, "v-1"),
    )
    assert {name for name, figure in shown.items() if figure.is_met is False} == set()
    assert (shown["restored_s"].value, shown["abort_s"].value, shown["slow_s"].value) == (3.0, 2.5, 20.0)


@pytest.mark.parametrize(
    ("one", "name"),
    [
        pytest.param(canary(HEALTHY, ReleaseState.ROLLED_BACK, "v-1"), "healthy_right_percent", id="false_rollback"),
        pytest.param(canary(SLOW, ReleaseState.FINISHED, "v-2"), "slow_right_percent", id="missed"),
        pytest.param(canary(FAILING, ReleaseState.ROLLED_BACK, "v-2"), "failing_right_percent", id="traffic_not_back"),
    ],
)
def test_one_that_ends_wrongly_or_leaves_the_wrong_traffic_fails(one: CanaryResult, name: str) -> None:
    assert values(one)[name].is_met is False


def test_what_was_not_played_meets_no_goal() -> None:
    assert math.isnan(values()["healthy_right_percent"].value)
    assert values()["healthy_right_percent"].is_met is False


def test_requests_without_an_answer_are_counted_and_the_models_own_errors_are_not() -> None:
    assert values(answers={"v-1": {200: 90, 502: 2}, "v-2": {424: 5}, "(unknown)": {0: 3}})["unanswered"].value == 5


def test_how_long_a_state_lasted_is_read_from_the_history() -> None:
    assert seconds_in(ended(ReleaseState.ROLLED_BACK), ReleaseState.ROLLING_BACK) == 3.0
    assert seconds_in(ended(ReleaseState.ROLLED_BACK), ReleaseState.SHADOWING) == 0.0


def test_slow_means_slower_by_its_share_of_the_whole_time() -> None:
    assert SLOW.settings["seconds"] == pytest.approx(HEALTHY.settings["seconds"] + 0.3 * 0.010)
