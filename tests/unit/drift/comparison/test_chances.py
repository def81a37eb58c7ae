"""Chances of counts on two sides agree with scipy's laws."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from shared.drift.comparison.significance import chance_of_at_least, chance_of_none, chance_outside, least_outside


@pytest.mark.parametrize(
    ("outside", "rows", "reference_rows"),
    [(3, 100, 100), (14, 1_000, 1_000), (1, 50, 50), (20, 5_000, 300), (50, 50, 50)],
)
def test_values_outside_are_beta_binomial(outside: int, rows: int, reference_rows: int) -> None:
    expected = scipy.stats.betabinom(rows, 2, reference_rows - 1).sf(outside - 1)  # type: ignore[attr-defined]
    assert chance_outside(outside, rows, reference_rows) == pytest.approx(expected, rel=1e-6, abs=1e-20)


@pytest.mark.parametrize(
    ("count", "rows", "reference_count", "reference_rows"),
    [(10, 100, 2, 100), (500, 50_000, 300, 50_000), (3, 100, 0, 20_000), (0, 10, 5, 10)],
)
def test_shares_of_both_sides_are_hypergeometric(
    count: int, rows: int, reference_count: int, reference_rows: int
) -> None:
    law = scipy.stats.hypergeom(rows + reference_rows, count + reference_count, rows)  # type: ignore[attr-defined]
    assert chance_of_at_least(count, rows, reference_count, reference_rows) == pytest.approx(
        law.sf(count - 1), rel=1e-6
    )
    none = scipy.stats.hypergeom(rows + reference_rows, reference_count, rows).pmf(0)  # type: ignore[attr-defined]
    assert chance_of_none(rows, reference_count, reference_rows) == pytest.approx(none, rel=1e-6)


@pytest.mark.parametrize("draw", [np.random.default_rng(1).normal, np.random.default_rng(2).standard_cauchy])
def test_whatever_the_law_two_in_its_size_and_one_lie_outside(draw: object) -> None:
    assert callable(draw)
    outside = [
        np.count_nonzero((window < reference.min()) | (window > reference.max()))
        for reference, window in ((draw(size=50), draw(size=200)) for _ in range(2_000))
    ]
    assert np.mean(outside) == pytest.approx(200 * 2 / 51, rel=0.05)
    assert np.mean(np.array(outside) >= 20) == pytest.approx(chance_outside(20, 200, 50), abs=0.02)


@pytest.mark.parametrize(
    ("rows", "reference_rows", "least"), [(100, 100, 17), (1_000, 1_000, 18), (50_000_000, 50_000_000, 18), (10, 5, 11)]
)
def test_the_least_count_that_sampling_does_not_explain(rows: int, reference_rows: int, least: int) -> None:
    assert least_outside(0.00005, rows, reference_rows) == least
