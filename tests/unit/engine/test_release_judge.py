"""What is measured for the judgement of a release, and when that is too little."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.domain.ids import DeploymentName
from shared.domain.measurement import Interval, Predictions
from shared.domain.release import Release, Serving
from shared.domain.verdict import Judgement, Verdict
from shared.engine.release_judge import judged
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
            Predictions(T0 + minute * MINUTE - earlier, 500, mean + 0.001 * (minute % 4)) for minute in range(20)
        ]

    def judgement(self, lag: timedelta = timedelta(0)) -> Judgement:
        found = judged(self.telemetry, self.data, self.release, T0, lag, T0 + 20 * MINUTE)
        assert found
        return found


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
    found = measured.judgement()
    assert (found.verdict, found.has_data) == (Verdict.INCONCLUSIVE, False)


def test_without_a_champion_there_is_nothing_to_judge() -> None:
    measured = Measured()
    alone = replace(measured.release, champion=None)
    assert judged(measured.telemetry, measured.data, alone, T0, timedelta(0), T0 + 20 * MINUTE) is None
