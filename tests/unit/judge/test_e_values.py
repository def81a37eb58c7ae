"""The e-values against their definitions."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from scipy.stats import nct, t  # type: ignore[attr-defined]

from shared.domain.ids import DeploymentName
from shared.domain.measurement import Interval
from shared.judge import errors, latency
from shared.judge.pairs import Pair
from shared.judge.starts import ONE_START, Starts, starts_for

T0 = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize("count", [2, 5, 40])
@pytest.mark.parametrize("share", [-0.6, 0.1, 0.9])
def test_the_likelihood_ratio_is_that_of_the_t_statistic(count: int, share: float) -> None:
    ratio = share * math.sqrt(count)
    # A sample with Σx² = 1 and Σx = ratio has this t statistic.
    statistic = (ratio / count) / math.sqrt((1 - ratio * ratio / count) / (count - 1) / count)
    # scipy's nct overflows for the largest effect.
    effects = latency.EFFECTS[:4]
    expected = nct.logpdf(statistic, count - 1, effects * math.sqrt(count)) - t.logpdf(statistic, count - 1)

    assert latency.log_likelihood_ratios(count, ratio)[:4] == pytest.approx(expected, abs=1e-6)


def test_identical_latencies_prove_nothing_and_equal_shifts_prove_much() -> None:
    assert latency.log_e([0.0] * 20) == 0.0
    assert latency.log_e([0.3] * 20) > math.log(1000)
    assert latency.log_e([-0.3] * 20) < 0


def _block_mean(p_c: float, p_b: float, tolerance: float, sizes: tuple[int, int], sign: int) -> float:
    """Return the exact mean, under (p_c, p_b), of the second block's e-value after a fixed first block."""
    first = _pair((50, 9 if sign > 0 else 0), (50, 1 if sign > 0 else 12))
    value = errors.log_e_above if sign > 0 else errors.log_e_below
    total = 0.0
    for k_c in range(sizes[0] + 1):
        for k_b in range(sizes[1] + 1):
            chance = _binomial(sizes[0], k_c, p_c) * _binomial(sizes[1], k_b, p_b)
            total += chance * math.exp(value([first, _pair((sizes[0], k_c), (sizes[1], k_b))], tolerance, ONE_START))
    return total


@pytest.mark.parametrize("sizes", [(1, 9), (5, 8), (12, 3)], ids=str)
@pytest.mark.parametrize("tolerance", [0.0, 0.01, 0.1])
@pytest.mark.parametrize("sign", [1, -1], ids=["fail", "pass"])
def test_under_the_null_a_block_is_worth_at_most_one_on_average(
    sizes: tuple[int, int], tolerance: float, sign: int
) -> None:
    for p_b in (0.001, 0.05, 0.3, 0.85):
        edge = p_b + tolerance
        for p_c in (edge, edge * 0.5 if sign > 0 else edge + (1 - edge) / 2):
            assert _block_mean(p_c, p_b, tolerance, sizes, sign) <= 1 + 1e-9


def test_the_mean_over_starts_counts_those_that_wait_as_one() -> None:
    assert Starts(4, 5).begun(11) == (0, 5, 10)
    assert Starts(4, 5).mean([math.log(8.0)]) == pytest.approx(math.log((8 + 3) / 4))
    assert starts_for(60) == Starts(12, 5)
    assert starts_for(10_000).count <= 48


def _pair(challenger: tuple[int, int], champion: tuple[int, int]) -> Pair:
    return Pair(
        Interval(DeploymentName("v-2"), T0, *challenger, 4.0), Interval(DeploymentName("v-1"), T0, *champion, 4.0)
    )


def _binomial(count: int, hits: int, share: float) -> float:
    return math.comb(count, hits) * share**hits * (1 - share) ** (count - hits)
