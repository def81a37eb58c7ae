"""Traffic that nobody shaped: good versions on bad days, and bad ones beside bad champions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from shared.domain.ids import DeploymentName
from shared.domain.releases.measurement import Interval, Predictions
from shared.domain.releases.plan import JudgePlan
from shared.domain.releases.release import Release, ReleaseState, Serving
from shared.domain.releases.verdict import Judgement, Verdict
from shared.engine.releases.judge import judged
from tests.fakes.data import FakeData
from tests.fakes.releases import a_plan, a_release
from tests.fakes.telemetry import FakeTelemetry

T0 = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CHALLENGER, CHAMPION = DeploymentName("v-2"), DeploymentName("v-1")
# Tight tolerances; a bake of fifteen minutes leaves ten to warm up.
JUDGE = JudgePlan(0.005, 1.10, 0.01, "hold", MINUTE, latency_warm_up=10 * MINUTE)
Share = Callable[[int, np.random.Generator], float]


class Traffic:
    """Minutes of a challenger with 60 requests a minute beside a champion with 540; 1 % of them fail."""

    def __init__(self, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.telemetry, self.data = FakeTelemetry(), FakeData()
        plan = a_plan(judge=JUDGE, decide_within=60 * MINUTE)
        self.release: Release = replace(
            a_release(plan=plan), champion=Serving(CHAMPION, None), state=ReleaseState.CANARY
        )

    def record(
        self,
        minutes: int = 60,
        failing: Share = lambda _, __: 0.01,
        champion_failing: Share = lambda _, __: 0.01,
        slower: Callable[[int], float] = lambda _: 1.0,
    ) -> Traffic:
        for minute in range(minutes):
            for name, rate, share, factor in (
                (CHALLENGER, 60, failing, slower(minute)),
                (CHAMPION, 540, champion_failing, 1.0),
            ):
                requests = int(self.random.poisson(rate))
                errors = int(self.random.binomial(requests, share(minute, self.random)))
                served = requests - errors
                noise = self.random.normal(0, 0.03) + self.random.normal(0, 0.5) / math.sqrt(max(served, 1))
                latency = 4.5 + math.log(factor) + float(noise) if served else math.nan
                at = T0 + minute * MINUTE
                self.telemetry.record(
                    self.release.endpoint, Interval(name, at, requests, errors, latency, served=served)
                )
        return self

    def look(self, minute: int) -> Judgement:
        judgement = judged(self.telemetry, self.data, self.release, T0, timedelta(0), T0 + minute * MINUTE)
        assert judgement
        return judgement

    def looks(self, minutes: int = 60, every: int = 1) -> list[Judgement]:
        return [self.look(minute) for minute in range(1, minutes + 1, every)]


@pytest.mark.parametrize("share", [0.1, 0.3, 0.64])
def test_a_champion_that_answers_some_requests_by_a_quick_429_fails_no_good_version(share: float) -> None:
    looks = Traffic(1).record(champion_failing=lambda _, __: share).looks(every=4)
    assert Verdict.FAIL not in [look.verdict for look in looks]
    assert looks[-1].champion_is_sick == (share > 0.1)


def test_a_slower_version_is_found_although_a_third_of_its_requests_fail_quickly() -> None:
    traffic = Traffic(2).record(failing=lambda _, __: 0.05, champion_failing=lambda _, __: 0.05, slower=lambda _: 1.4)
    last = traffic.look(30)
    assert (last.verdict, "latency beyond the tolerance" in last.reason) == (Verdict.FAIL, True)


@pytest.mark.parametrize(
    "slower",
    [
        pytest.param(lambda minute: 2.0 if minute < 5 else 1.0, id="twice_as_slow_for_five_minutes"),
        pytest.param(lambda minute: 3.0 if minute < 10 else 1.0, id="three_times_for_ten"),
        pytest.param(lambda minute: 1 + math.exp(-minute / 8), id="decaying"),
        pytest.param(lambda minute: 2.0 if 30 <= minute < 34 else 1.0, id="a_stall"),
    ],
)
def test_a_cold_start_or_a_stall_fails_no_good_version(slower: Callable[[int], float]) -> None:
    for seed in range(4):
        assert all(look.verdict is not Verdict.FAIL for look in Traffic(seed).record(slower=slower).looks(every=2))


def test_errors_are_judged_while_a_version_warms_up() -> None:
    looks = Traffic(3).record(failing=lambda _, __: 0.2, slower=lambda _: 2.0).looks(9)
    assert looks[-1].verdict is Verdict.FAIL
    assert "errors beyond the tolerance" in looks[-1].reason
    assert "latency is not judged yet" in looks[-1].reason


def test_errors_that_come_in_clusters_fail_no_good_version() -> None:
    def clustered(_: int, random: np.random.Generator) -> float:
        # A beta-binomial of mean .01 whose requests within a minute are correlated by .05.
        return float(random.beta(0.01 * 19, 0.99 * 19))

    for seed in range(6):
        looks = Traffic(seed).record(failing=clustered, champion_failing=clustered).looks(every=3)
        assert Verdict.FAIL not in [look.verdict for look in looks]


@pytest.mark.parametrize("bad", [pytest.param({20, 21}, id="two_minutes"), pytest.param({7, 8, 40, 41}, id="twice")])
def test_minutes_in_which_half_of_the_requests_fail_fail_no_good_version(bad: set[int]) -> None:
    for seed in range(4):
        traffic = Traffic(seed).record(failing=lambda minute, _: 0.5 if minute in bad else 0.01)
        assert all(look.verdict is not Verdict.FAIL for look in traffic.looks(every=2))


def test_two_points_more_errors_are_found_beside_little_traffic() -> None:
    verdicts = [Traffic(seed).record(failing=lambda _, __: 0.03).look(30).verdict for seed in range(20)]
    assert verdicts.count(Verdict.FAIL) > len(verdicts) / 2


def test_the_first_suspicion_holds() -> None:
    looks = Traffic(4).record(minutes=40, slower=lambda _: 1.5).looks(40)
    verdicts = [look.verdict for look in looks]
    failed, suspected = verdicts.index(Verdict.FAIL), [look.suspects for look in looks].index(True)
    assert suspected < failed
    assert all(look.suspects and look.verdict is Verdict.INCONCLUSIVE for look in looks[suspected:failed])
    assert "latency may be beyond the tolerance, in too few minutes to be sure" in looks[suspected].reason


def test_both_versions_failing_is_not_a_pass() -> None:
    last = Traffic(5).record(failing=lambda _, __: 0.5, champion_failing=lambda _, __: 0.5).look(30)
    assert (last.verdict, last.is_broken, last.champion_is_sick) == (Verdict.FAIL, True, True)


@pytest.mark.parametrize("per_minute", [10, 90])
def test_rare_positive_predictions_of_the_same_model_fail_nothing(per_minute: int) -> None:
    for seed in range(8):
        traffic = Traffic(seed).record()
        judge = replace(JUDGE, score_shift_at_most=0.001)
        traffic.release = replace(traffic.release, plan=replace(traffic.release.plan, judge=judge))
        for name, rate in ((CHALLENGER, per_minute), (CHAMPION, 9 * per_minute)):
            means = []
            for minute in range(60):
                positives = int(traffic.random.binomial(rate, 0.01))
                share = positives / rate
                means.append(Predictions(T0 + minute * MINUTE, rate, share, share * (1 - share)))
            traffic.data.means[traffic.release.endpoint, name] = means
        assert all(look.verdict is not Verdict.FAIL for look in traffic.looks(every=6))


def test_a_minute_in_which_nothing_is_served_counts_for_errors_and_not_for_latency() -> None:
    last = Traffic(6).record(minutes=20, failing=lambda _, __: 1.0).look(20)
    assert last.verdict is Verdict.FAIL
    assert last.numbers["requests"] == last.numbers["errors"]


def test_false_rollbacks_are_shared_by_steps_metrics_and_the_watch() -> None:
    from shared.judge.evidence.streams import tolerances_of

    plan = a_plan()
    first, other = (tolerances_of(plan.judge, 60, plan.budget(is_first)) for is_first in (True, False))
    assert plan.stages == 3
    assert [first.enough_to_fail, other.enough_to_fail] == pytest.approx([math.log(300), math.log(1200)])


def test_measurements_that_are_minutes_late_are_still_judged() -> None:
    late = Traffic(7).record(minutes=40)
    assert late.look(52).verdict is Verdict.PASS
    assert late.look(60).has_data is False
