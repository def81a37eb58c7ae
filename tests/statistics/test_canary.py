"""The canary judgement over many canaries: rarely wrong however often it is looked at, and quick where it matters."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from shared.domain.releases.verdict import Verdict
from shared.judge.canary import Comparison, judge
from shared.judge.evidence.paired_intervals import Pair
from tests.unit.judge.test_canary import MINUTE, T0, TOLERANCES, Case


def first_verdict(pairs: list[Pair], verdict: Verdict, start: int = 1) -> int | None:
    """Return the minute at which the verdict is first given, peeking every minute."""
    for count in range(start, len(pairs) + 1):
        now = pairs[count - 1].challenger.start + MINUTE
        if judge(Comparison(T0, pairs[:count]), TOLERANCES, now).verdict is verdict:
            return count
    return None


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case(latency_ratio=1.25, more_errors=0.01), id="exactly_at_the_tolerances"),
        pytest.param(Case(latency_ratio=1.25, more_errors=0.01, arm_noise=0.06), id="and_noise_of_each_arm"),
    ],
)
def test_a_challenger_within_the_tolerances_is_hardly_ever_failed(case: Case, is_long: bool) -> None:
    random = np.random.default_rng(20261120)
    runs = 120 if is_long else 24
    failed = sum(first_verdict(case.pairs(random, 30), Verdict.FAIL) is not None for _ in range(runs))
    # At most 1 % is promised; 120 runs at exactly 1 % give more than 5 failures once in 700 times.
    assert failed <= runs // 24


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case(latency_ratio=1.30), id="slower_than_tolerated"),
        pytest.param(Case(more_errors=0.02), id="failing_more_than_tolerated"),
    ],
)
def test_a_challenger_beyond_a_tolerance_is_hardly_ever_passed(case: Case, is_long: bool) -> None:
    random = np.random.default_rng(7)
    runs = 60 if is_long else 20
    passed = sum(first_verdict(case.pairs(random, 30), Verdict.PASS) is not None for _ in range(runs))
    assert passed <= runs / 10


@pytest.mark.parametrize(
    ("case", "within"),
    [
        pytest.param(Case(latency_ratio=1.25 * 1.3), 18, id="latency_a_third_beyond"),
        pytest.param(Case(more_errors=0.05), 10, id="five_percent_errors"),
        pytest.param(Case(more_errors=0.05, from_minute=30), 48, id="late_errors"),
        pytest.param(Case(latency_ratio=1.25 * 1.3, from_minute=30), 48, id="late_latency"),
    ],
)
def test_a_bad_challenger_is_failed_soon(case: Case, within: int, is_long: bool) -> None:
    random = np.random.default_rng(11)
    runs = 30 if is_long else 10
    minutes = [first_verdict(case.pairs(random), Verdict.FAIL, max(case.from_minute, 1)) for _ in range(runs)]
    assert sum(minute is not None and minute <= within for minute in minutes) >= 28 / 30 * runs


def test_a_healthy_challenger_is_passed_soon() -> None:
    random = np.random.default_rng(3)
    minutes = Counter((first_verdict(Case().pairs(random), Verdict.PASS) or 99) <= 15 for _ in range(30))
    assert minutes[True] >= 28
