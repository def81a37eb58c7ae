"""The e-values against their definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import nct, t  # type: ignore[attr-defined]

from shared.judge.evidence import errors, means
from shared.judge.evidence.errors import Bound
from shared.judge.evidence.staggered_starts import ONE_START, Starts, starts_for


@pytest.mark.parametrize("count", [3, 8, 40])
@pytest.mark.parametrize("share", [-0.6, 0.1, 0.9])
def test_the_e_value_is_the_mean_likelihood_ratio_of_the_t_statistic(count: int, share: float) -> None:
    # A sample with Σx² = 1 and Σx = ratio has this t statistic.
    ratio = share * math.sqrt(count)
    statistic = (ratio / count) / math.sqrt((1 - ratio * ratio / count) / (count - 1) / count)

    def weighed(effect: float, scale: float) -> float:
        density = math.sqrt(2 / math.pi) / scale * math.exp(-effect * effect / (2 * scale * scale))
        return density * float(nct.pdf(statistic, count - 1, effect * math.sqrt(count)))

    ratios = [
        quad(weighed, 0, min(8 * scale, 30 / math.sqrt(count)), args=(scale,), limit=200)[0]
        / t.pdf(statistic, count - 1)
        for scale in means.SCALES
    ]
    logs = means.log_e(np.array([float(count)]), np.array([ratio]), np.array([1.0]))

    assert logs[0] == pytest.approx(math.log(sum(ratios) / len(ratios)), abs=1e-3)


def test_values_that_are_all_zero_prove_nothing_and_equal_shifts_prove_much() -> None:
    def log_e(values: list[float]) -> float:
        return float(means.paths_above(np.array([values]), 0.0, ONE_START)[0, -1])

    assert log_e([0.0] * 20) == 0.0
    assert log_e([0.3] * 20) > math.log(1000)
    assert log_e([-0.3] * 20) < 0


def test_what_is_below_one_bound_is_above_its_mirror() -> None:
    values = np.random.default_rng(1).normal(0.1, 1, (3, 20))
    np.testing.assert_array_equal(
        means.paths_below(values, 0.5, starts_for(20)), means.paths_above(-values, -0.5, starts_for(20))
    )


def test_a_version_that_is_far_better_is_never_evidence_that_it_is_worse() -> None:
    # The tail of Student's law is below the smallest float there, and the power beside it beyond the largest.
    counts = np.array([50.0, 200.0, 400.0, 1000.0, 10_000.0, 1e6])
    for away in (1.0, 3.0, 7.0, 50.0):
        logs = means.log_e(counts, -away * counts, counts * (1 + away * away))
        assert bool((logs < 0).all()), away
        assert bool(np.isfinite(logs).all())


@pytest.mark.parametrize("freedom", [5.0, 40.0, 300.0, 500.0])
def test_the_far_tail_goes_on_where_the_near_one_ends(freedom: float) -> None:
    rest = np.linspace(0.02, 0.98, 400)
    logs = means.log_student(np.full_like(rest, freedom), rest, np.full_like(rest, -1.0))
    near = np.diff(logs)
    assert bool((near >= -1e-9).all()), "the nearer to the bound, the more evidence"
    assert float(np.max(np.abs(np.diff(near)))) < 0.2


def _block_mean(shares: tuple[float, float], bound: Bound, sizes: tuple[int, int], sign: int) -> float:
    """Return the exact mean, under these shares, of the second block's e-value after a fixed first block."""
    first = (50, 9, 50, 1) if sign > 0 else (50, 0, 50, 12)
    paths = errors.paths_above if sign > 0 else errors.paths_below
    outcomes = [(k_c, k_b) for k_c in range(sizes[0] + 1) for k_b in range(sizes[1] + 1)]
    streams = np.array([[first, (sizes[0], k_c, sizes[1], k_b)] for k_c, k_b in outcomes], dtype=np.float64)
    chances = [_binomial(sizes[0], k_c, shares[0]) * _binomial(sizes[1], k_b, shares[1]) for k_c, k_b in outcomes]
    return float(np.dot(chances, np.exp(paths(streams, bound, ONE_START)[:, -1])))


@pytest.mark.parametrize("sizes", [(1, 9), (5, 8), (12, 3)], ids=str)
@pytest.mark.parametrize("bound", [Bound(), Bound(1, 0.01), Bound(1, 0.1), Bound(1.2, 0), Bound(2, 0)], ids=str)
@pytest.mark.parametrize("sign", [1, -1], ids=["fail", "pass"])
def test_under_the_null_a_block_is_worth_at_most_one_on_average(
    sizes: tuple[int, int], bound: Bound, sign: int
) -> None:
    for share in (0.001, 0.05, 0.3, 0.85):
        edge = min(bound.ratio * share + bound.offset, 1.0)
        for challenger in (edge, edge * 0.5 if sign > 0 else edge + (1 - edge) / 2):
            assert _block_mean((challenger, share), bound, sizes, sign) <= 1 + 1e-9


@pytest.mark.parametrize("bound", [Bound(), Bound(1, 0.01), Bound(1.2, 0), Bound(3, 0)], ids=str)
def test_the_nearest_point_of_the_null_is_found(bound: Bound) -> None:
    random = np.random.default_rng(3)
    bet_c, bet_b = random.uniform(1e-4, 0.999, 500), random.uniform(1e-5, 0.999, 500)
    n_c, n_b = random.integers(1, 2000, 500).astype(float), random.integers(1, 20_000, 500).astype(float)
    q = errors.nearest_in_null(bet_c, bet_b, n_c, n_b, bound)

    def divergence(q: NDArray[np.float64]) -> NDArray[np.float64]:
        p = bound.ratio * q + bound.offset
        inside = (q > 0) & (q < 1) & (p > 0) & (p < 1)
        q, p = np.where(inside, q, 0.5), np.where(inside, p, 0.5)
        kl_c = bet_c * np.log(bet_c / p) + (1 - bet_c) * np.log((1 - bet_c) / (1 - p))
        kl_b = bet_b * np.log(bet_b / q) + (1 - bet_b) * np.log((1 - bet_b) / (1 - q))
        return np.where(inside, n_c * kl_c + n_b * kl_b, np.inf)

    least = divergence(q)
    assert bool(np.isfinite(least).all())
    for nearby in (q * (1 - 1e-4), q * (1 + 1e-4)):
        assert bool((divergence(nearby) >= least - 1e-9 * (1 + least)).all())


def test_the_mean_over_starts_counts_those_that_wait_as_one() -> None:
    assert Starts(4, 5).begun(11) == (0, 5, 10)
    assert Starts(4, 5).stakes.sum() == pytest.approx(1)
    assert Starts(3, 5).mean(np.log([[8.0]]))[0] == pytest.approx(math.log((2 * 8 + 1) / 3))
    assert starts_for(60) == Starts(12, 5)
    assert starts_for(10_000).count <= 12


def _binomial(count: int, hits: int, share: float) -> float:
    return math.comb(count, hits) * share**hits * (1 - share) ** (count - hits)
