"""What is measured for the judgement of a release, and when that is too little."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.domain.ids import DeploymentName
from shared.domain.releases.measurement import Interval, Predictions
from shared.domain.releases.release import Release, Serving
from shared.domain.releases.verdict import Judgement, Verdict
from shared.engine.releases.judge import judged
from shared.errors import RetryableError
from tests.fakes.data import FakeData
from tests.fakes.releases import a_plan, a_release
from tests.fakes.telemetry import FakeTelemetry

T0 = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CHALLENGER, CHAMPION = DeploymentName("v-2"), DeploymentName("v-1")


class Measured:
    """Twenty minutes in which both versions did equally well, and what a judge makes of them."""

    def __init__(self) -> None:
        self.telemetry, self.data = FakeTelemetry(), FakeData()
        plan = a_plan()
        self.release: Release = replace(
            a_release(),
            champion=Serving(CHAMPION, None),
            plan=replace(plan, judge=replace(plan.judge, score_shift_at_most=0.05)),
        )
        for minute in range(20):
            at = T0 + minute * MINUTE
            wobble = 0.01 * (minute % 3)
            self.telemetry.record(
                self.release.endpoint,
                Interval(CHALLENGER, at, 500, 0, 4.0 + wobble),
                Interval(CHAMPION, at, 500, 0, 4.0),
            )

    def predict(self, deployment: DeploymentName, mean: float, earlier: timedelta = timedelta(0)) -> None:
        self.data.means[self.release.endpoint, deployment] = [
            Predictions(T0 + minute * MINUTE - earlier, 500, mean + 0.001 * (minute % 4), 0.01) for minute in range(20)
        ]

    def judgement(self, lag: timedelta = timedelta(0)) -> Judgement:
        judgement = judged(self.telemetry, self.data, self.release, T0, lag, T0 + 20 * MINUTE)
        assert judgement
        return judgement


def test_predictions_that_moved_fail_a_version_that_is_otherwise_well() -> None:
    measured = Measured()
    measured.predict(CHALLENGER, 0.6)
    measured.predict(CHAMPION, 0.4)
    assert measured.judgement().verdict is Verdict.FAIL
    assert "predictions moved by +0.2 (tolerance 0.05): scores beyond the tolerance" in measured.judgement().reason


def test_predictions_that_stayed_pass() -> None:
    measured = Measured()
    measured.predict(CHALLENGER, 0.41)
    measured.predict(CHAMPION, 0.40)
    assert measured.judgement().verdict is Verdict.PASS


def test_predictions_that_are_limited_and_not_collected_hold() -> None:
    assert Measured().judgement().verdict is Verdict.INCONCLUSIVE


def test_measurements_that_cannot_be_read_are_no_data() -> None:
    measured = Measured()
    measured.telemetry.errors.append(RetryableError("telemetry.no_answer", "it is away"))
    judgement = measured.judgement()
    assert (judgement.verdict, judgement.has_data) == (Verdict.INCONCLUSIVE, False)


def alone(errors: int = 0, minutes: int = 20) -> Judgement:
    """Return the judgement of a first version with two requests a minute, of which some fail."""
    telemetry = FakeTelemetry()
    release = a_release()
    for minute in range(minutes):
        telemetry.record(release.endpoint, Interval(CHALLENGER, T0 + minute * MINUTE, 2, errors, 4.0))
    judgement = judged(telemetry, FakeData(), release, T0, timedelta(0), T0 + 20 * MINUTE)
    assert judgement
    return judgement


def test_a_first_version_that_fails_half_its_requests_is_broken() -> None:
    judgement = alone(errors=1)
    assert (judgement.verdict, judgement.is_broken, judgement.is_proven) == (Verdict.FAIL, True, False)
    assert judgement.reason.startswith("the version is broken: 20 of 40 requests failed (at most 10 % may)")


def test_a_first_version_without_errors_is_proven() -> None:
    judgement = alone()
    assert (judgement.verdict, judgement.is_proven) == (Verdict.PASS, True)
    assert judgement.reason == (
        "there is no earlier version to compare with; 0 of 40 requests failed (at most 10 % may)"
    )


def test_a_first_version_with_too_few_requests_is_not_proven() -> None:
    judgement = alone(minutes=14)
    assert (judgement.verdict, judgement.is_proven, judgement.has_data) == (Verdict.INCONCLUSIVE, False, True)


def test_a_first_version_without_requests_has_no_data() -> None:
    judgement = alone(minutes=0)
    assert (judgement.verdict, judgement.has_data) == (Verdict.INCONCLUSIVE, False)


def test_a_first_version_is_not_judged_where_errors_are_not() -> None:
    plan = a_plan()
    release = replace(a_release(), plan=replace(plan, judge=replace(plan.judge, errors_at_most=None)))
    assert judged(FakeTelemetry(), FakeData(), release, T0, timedelta(0), T0) is None


def both(challenger_errors: int, champion_errors: int) -> Judgement:
    """Return the judgement of two versions with a hundred requests a minute each, of which some fail; the challenger
    may fail 5 % more than the champion."""
    telemetry, plan = FakeTelemetry(), a_plan()
    plan = replace(plan, judge=replace(plan.judge, errors_worse_by_at_most=0.05))
    release = replace(a_release(), champion=Serving(CHAMPION, None), plan=plan)
    for minute in range(20):
        telemetry.record(
            release.endpoint,
            Interval(CHALLENGER, T0 + minute * MINUTE, 100, challenger_errors, 4.0 + 0.01 * (minute % 3)),
            Interval(CHAMPION, T0 + minute * MINUTE, 100, champion_errors, 4.0),
        )
    judgement = judged(telemetry, FakeData(), release, T0, timedelta(0), T0 + 20 * MINUTE)
    assert judgement
    return judgement


def test_two_versions_that_both_fail_half_their_requests_are_both_broken() -> None:
    judgement = both(50, 50)
    assert (judgement.verdict, judgement.is_broken, judgement.champion_is_sick) == (Verdict.FAIL, True, True)
    assert "of the champion's, 1,000 of 2,000 requests failed (at most 10 % may)" in judgement.reason


def test_a_good_version_beside_a_broken_champion_passes() -> None:
    judgement = both(0, 50)
    assert (judgement.verdict, judgement.is_broken, judgement.champion_is_sick) == (Verdict.PASS, False, True)


def test_versions_that_fail_alike_but_not_provably_within_the_bound_do_not_pass() -> None:
    judgement = both(10, 10)
    assert (judgement.verdict, judgement.is_proven, judgement.champion_is_sick) == (Verdict.INCONCLUSIVE, False, False)
    assert "200 of 2,000 requests failed (at most 10 % may): not proven yet" in judgement.reason


def test_a_challenger_is_broken_although_the_champion_has_no_traffic_to_compare_with() -> None:
    telemetry = FakeTelemetry()
    release = replace(a_release(), champion=Serving(CHAMPION, None))
    for minute in range(20):
        telemetry.record(release.endpoint, Interval(CHALLENGER, T0 + minute * MINUTE, 10, 5, 4.0))
    judgement = judged(telemetry, FakeData(), release, T0, timedelta(0), T0 + 20 * MINUTE)
    assert judgement
    assert (judgement.verdict, judgement.has_data, judgement.is_broken) == (Verdict.FAIL, True, True)
