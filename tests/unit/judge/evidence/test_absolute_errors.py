"""A version's own share of errors: broken, suspicious or proven, whatever the other version does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from shared.domain.ids import DeploymentName
from shared.domain.releases.measurement import Interval
from shared.judge.evidence.absolute_errors import broken, fails_alike, proven, requests_to_prove, suspicious
from shared.judge.evidence.staggered_starts import starts_for

MINUTE = timedelta(minutes=1)


def streams(rate: float, share: float, minutes: int, runs: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(20261130)
    requests = random.poisson(rate, (runs, minutes))
    return requests.astype(float), random.binomial(requests, share).astype(float)


def percent_broken(rate: float, share: float, minutes: int) -> float:
    requests, errors = streams(rate, share, minutes)
    return 100 * float(broken(requests, errors, 0.1, MINUTE, starts_for(120)).any(axis=1).mean())


@pytest.mark.parametrize(
    ("rate", "share", "minutes", "at_least"),
    [
        pytest.param(2, 0.5, 10, 75, id="half_of_two_a_minute"),
        pytest.param(5, 0.5, 10, 99, id="half_of_five_a_minute"),
        pytest.param(10, 0.3, 10, 90, id="a_third_of_ten_a_minute"),
        pytest.param(20, 0.2, 30, 99, id="a_fifth_of_twenty_a_minute"),
    ],
)
def test_a_version_that_fails_many_requests_is_broken(rate: float, share: float, minutes: int, at_least: int) -> None:
    assert percent_broken(rate, share, minutes) >= at_least


@pytest.mark.parametrize("rate", [2, 10, 100])
def test_a_version_exactly_at_the_bound_is_hardly_ever_called_broken(rate: float) -> None:
    assert percent_broken(rate, 0.1, 120) <= 1


def test_a_version_that_breaks_after_an_hour_is_broken_soon() -> None:
    requests, errors = streams(10, 0.0, 90, runs=200)
    errors[:, 60:] = np.random.default_rng(1).binomial(requests[:, 60:].astype(int), 0.5)
    is_broken = broken(requests, errors, 0.1, MINUTE, starts_for(120))
    assert not is_broken[:, :60].any()
    assert is_broken[:, 75].mean() > 0.95


def test_errors_within_one_minute_do_not_make_a_version_broken() -> None:
    requests, errors = np.full((1, 10), 100.0), np.zeros((1, 10))
    errors[0, 3:6] = 100
    assert not broken(requests, errors, 0.1, MINUTE, starts_for(10)).any()


def test_five_errors_in_three_minutes_of_fifteen_percent_are_suspicious() -> None:
    requests, errors = np.full((1, 3), 10.0), np.array([[2.0, 2.0, 1.0]])
    assert not suspicious(requests, errors, 0.1, MINUTE).any()
    errors = np.array([[2.0, 2.0, 2.0]])
    assert suspicious(requests, errors, 0.1, MINUTE)[0].tolist() == [False, False, True]


def test_29_requests_without_errors_are_proven_and_46_with_one() -> None:
    one = np.ones((1, 50))
    without = proven(one, np.zeros((1, 50)), 0.1)[0]
    first = np.zeros((1, 50))
    first[0, 0] = 1
    assert without.tolist() == [False] * 28 + [True] * 22
    assert proven(one, first, 0.1)[0].tolist() == [False] * 45 + [True] * 5
    assert requests_to_prove(0.1) == 29
    assert requests_to_prove(0.1, 0.1) == float("inf")


def test_all_requests_failing_is_no_numerical_trouble() -> None:
    requests = np.full((1, 20), 1e6)
    assert broken(requests, requests, 0.1, MINUTE, starts_for(20))[0, -1]
    assert not broken(requests, 0 * requests, 0.1, MINUTE, starts_for(20)).any()


def test_a_champion_that_failed_in_the_same_minutes_fails_alike_however_little_traffic_it_has() -> None:
    start = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)

    def minutes(name: str, requests: int, failed: range) -> list[Interval]:
        return [
            Interval(DeploymentName(name), start + minute * MINUTE, requests, requests // 2 * (minute in failed), 4.0)
            for minute in range(60)
        ]

    challenger = minutes("v-2", 600, range(50, 55))
    assert fails_alike(challenger, minutes("v-1", 6, range(50, 55)), 0.1)
    assert not fails_alike(challenger, minutes("v-1", 6, range(10, 20)), 0.1)
    assert not fails_alike(challenger, [], 0.1)
