"""Distances and p-values agree with scipy where both define the same thing."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
import scipy.spatial.distance
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from shared.drift.comparison.distance import (
    decile_cells,
    jensen_shannon_divergence,
    kolmogorov_smirnov,
    population_stability_index,
    wasserstein,
)
from shared.drift.comparison.significance import (
    EXACT_UP_TO,
    benjamini_hochberg,
    chi_square_p_value,
    jensen_shannon_bias,
    kolmogorov_smirnov_null_quantile,
    kolmogorov_smirnov_p_value,
)
from shared.drift.profiles.counting import count
from shared.drift.profiles.counts import ColumnCounts
from shared.drift.profiles.edges import MAXIMUM_EDGES
from shared.drift.profiles.profile import profile
from shared.drift.profiles.reference import NumericColumn, Profile

numbers = st.lists(st.sampled_from([-math.inf, -3.0, -1.5, 0.0, 0.1, 2.0, 7.0, math.inf]), min_size=1, max_size=40)
counts = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=12).filter(
    lambda cells: sum(a for a, _ in cells) > 0 and sum(b for _, b in cells) > 0
)


def _both(
    reference: Sequence[float] | np.ndarray, window: Sequence[float] | np.ndarray
) -> tuple[NumericColumn, ColumnCounts]:
    made = _profile(reference)
    column = made.columns[0]
    assert isinstance(column, NumericColumn)
    return column, count(made, pd.DataFrame({"x": np.asarray(window, dtype=np.float64)})).columns["x"]


def _profile(values: Sequence[float] | np.ndarray) -> Profile:
    return profile(pd.DataFrame({"x": np.asarray(values, dtype=np.float64)}))


@given(reference=numbers.filter(lambda values: any(map(math.isfinite, values))), window=numbers)
def test_ks_is_the_two_sample_statistic(reference: list[float], window: list[float]) -> None:
    distance, at_most = kolmogorov_smirnov(*_both(reference, window))
    assert distance == at_most == pytest.approx(_ks(reference, window), abs=1e-12)


def _ks(reference: list[float], window: list[float]) -> float:
    points = sorted({*reference, *window})
    return max(
        abs(sum(v <= at for v in reference) / len(reference) - sum(v <= at for v in window) / len(window))
        for at in points
    )


@pytest.mark.parametrize("rows", [20_000, 300_000], ids=["all_sampled", "beyond_the_sample"])
def test_ks_of_many_distinct_values_is_bounded_closely(rows: int) -> None:
    generator = np.random.default_rng(5)
    reference, window = generator.normal(size=rows), generator.normal(0.1, size=5_000)
    column, counts = _both(reference, window)
    exact = scipy.stats.ks_2samp(reference, window, method="asymp").statistic
    distance, at_most = kolmogorov_smirnov(column, counts)
    assert len(column.edges) <= MAXIMUM_EDGES
    assert distance <= exact <= at_most
    assert at_most - distance < 0.006
    assert exact - distance < 0.0005


finite = st.lists(st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, 5.0]), min_size=1, max_size=40)


@given(reference=finite, window=finite)
def test_wasserstein_lies_below_its_bound_and_near_the_exact(reference: list[float], window: list[float]) -> None:
    distance = wasserstein(*_both(reference, window))
    std = float(np.std(reference))
    if distance is None:
        assert std < 1e-150
        return
    exact = scipy.stats.wasserstein_distance(reference, window)
    assert exact <= distance[1] * std * (1 + 1e-9) + 1e-9
    assert distance[0] <= distance[1]


@pytest.mark.parametrize("shift", [0.0, 0.2, 30.0])
@pytest.mark.parametrize("rows", [30_000, 300_000], ids=["all_sampled", "beyond_the_sample"])
@pytest.mark.parametrize("law", ["normal", "lognormal", "standard_cauchy"])
def test_wasserstein_is_scipys_to_two_thousandths_of_a_standard_deviation_or_three_percent(
    law: str, rows: int, shift: float
) -> None:
    generator = np.random.default_rng(6)
    draw = getattr(generator, law)
    reference, window = draw(size=rows), draw(size=5_000) + shift
    distance = wasserstein(*_both(reference, window))
    assert distance is not None
    exact = scipy.stats.wasserstein_distance(reference, window) / np.std(reference)
    assert distance[0] == pytest.approx(exact, abs=2e-3, rel=0.03)
    assert exact <= distance[1] * (1 + 1e-9)


def test_wasserstein_is_exact_when_every_value_is_an_edge() -> None:
    reference, window = [0.0, 0.0, 1.0, 4.0], [1.0, 1.0, 9.0, -3.0]
    distance = wasserstein(*_both(reference, window))
    assert distance is not None
    exact = scipy.stats.wasserstein_distance(reference, window) / np.std(reference)
    assert list(distance) == pytest.approx([exact, exact], abs=1e-12)


def test_wasserstein_of_a_constant_reference_has_no_unit() -> None:
    assert wasserstein(*_both([3.0] * 5, [4.0, 5.0])) is None


def test_infinite_values_are_left_out_of_wasserstein() -> None:
    distance = wasserstein(*_both([0.0, 1.0, 2.0, math.inf], [1.0, 2.0, 3.0, -math.inf, math.inf]))
    assert distance is not None
    assert distance[0] == pytest.approx(1 / np.std([0.0, 1.0, 2.0]))


@given(reference=finite, window=finite)
def test_psi_counts_every_value_between_borders(reference: list[float], window: list[float]) -> None:
    old, new = decile_cells(*_both(reference, window))
    assert (old.sum(), new.sum()) == (len(reference), len(window))
    assert len(old) == len(new) <= 10
    psi = population_stability_index(old, new)
    assert psi >= 0
    assert population_stability_index(new, old) == pytest.approx(psi, abs=1e-12)


def test_psi_over_deciles_is_the_sum_of_its_definition() -> None:
    generator = np.random.default_rng(7)
    reference, window = generator.normal(size=10_000), generator.normal(0.3, size=4_000)
    borders = np.quantile(reference, np.linspace(0.1, 0.9, 9), method="inverted_cdf")
    cells = [np.bincount(np.searchsorted(borders, side), minlength=10) / len(side) for side in (reference, window)]
    p, q = cells
    expected = float(np.sum((q - p) * np.log(q / p)))
    index = population_stability_index(*decile_cells(*_both(reference, window)))
    assert index == pytest.approx(expected, abs=1e-12)


def test_psi_sees_a_constant_column_move() -> None:
    old, new = decile_cells(*_both([7.0] * 100, [7.0] * 60 + [8.0] * 40))
    assert (old.tolist(), new.tolist()) == ([0, 100, 0], [0, 60, 40])


@pytest.mark.parametrize(("reference_rows", "window_rows"), [(60, 80), (1_000, 5_000), (50_009, 3_000)])
@pytest.mark.parametrize("effect", [0.01, 0.03, 0.1, 0.4])
def test_ks_p_value_is_scipys(reference_rows: int, window_rows: int, effect: float) -> None:
    total = reference_rows * window_rows / (reference_rows + window_rows)
    expected = scipy.stats.kstwo.sf(effect, np.round(total))  # type: ignore[attr-defined]
    p_value = kolmogorov_smirnov_p_value(effect, reference_rows, window_rows)
    assert p_value == pytest.approx(expected, abs=1e-9 if total <= EXACT_UP_TO else 4e-8)


@pytest.mark.parametrize(("rows", "error"), [(1_001, 4e-8), (2_000, 1e-8), (10_000, 1e-9)])
def test_the_series_of_the_ks_law_keeps_to_its_error(rows: int, error: float) -> None:
    for z in np.linspace(0.2, 4.5, 30):
        statistic = z / math.sqrt(rows)
        expected = float(scipy.stats.kstwo.sf(statistic, rows))  # type: ignore[attr-defined]
        scipys_own_error = 2 * math.exp(-8 * z**2) if z > 0.8 else 0.0
        p_value = kolmogorov_smirnov_p_value(statistic, 2 * rows, 2 * rows)
        assert p_value == pytest.approx(expected, abs=error + scipys_own_error)


def test_ks_p_value_matches_ks_2samp_on_samples() -> None:
    generator = np.random.default_rng(6)
    reference, window = generator.normal(size=900), generator.normal(0.08, size=700)
    expected = scipy.stats.ks_2samp(reference, window, method="asymp")
    assert kolmogorov_smirnov_p_value(expected.statistic, 900, 700) == pytest.approx(expected.pvalue, abs=1e-9)


def test_ks_null_quantile_has_about_its_probability() -> None:
    quantile = kolmogorov_smirnov_null_quantile(0.01, 20_000, 5_000)
    assert kolmogorov_smirnov_p_value(quantile, 20_000, 5_000) == pytest.approx(0.01, rel=0.05)


@given(cells=counts)
def test_js_is_scipys_distance_squared(cells: list[tuple[int, int]]) -> None:
    reference, window = np.array(cells, dtype=np.float64).T
    expected = scipy.spatial.distance.jensenshannon(reference, window, base=2)
    divergence = jensen_shannon_divergence(reference, window)
    assert 0 <= divergence <= 1 + 1e-12
    # scipy takes the root of a rounding error, which may be negative: NaN where the distance is 0.
    assert divergence == pytest.approx(0.0 if math.isnan(expected) else expected**2, abs=1e-9)


@given(cells=counts)
def test_chi_square_is_scipys_contingency_test(cells: list[tuple[int, int]]) -> None:
    reference, window = np.array([cell for cell in cells if sum(cell)], dtype=np.float64).reshape(-1, 2).T
    p_value = chi_square_p_value(reference, window)
    if len(reference) < 2:
        assert p_value == 1.0
    else:
        expected = scipy.stats.contingency.chi2_contingency(np.stack([reference, window]), correction=False).pvalue
        assert p_value == pytest.approx(expected, abs=1e-9)


@given(p_values=st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_benjamini_hochberg_is_scipys(p_values: list[float]) -> None:
    expected = scipy.stats.false_discovery_control(p_values, method="bh")
    assert benjamini_hochberg(p_values) == pytest.approx(expected.tolist(), abs=1e-9)


@pytest.mark.parametrize("rows", [300, 1_000, 5_000])
@pytest.mark.parametrize("exponent", [0.0, 1.2], ids=["even", "long_tail"])
def test_js_bias_is_what_sampling_shows(rows: int, exponent: float) -> None:
    generator = np.random.default_rng(7)
    shares = 1 / np.arange(1, 151) ** exponent
    shares /= shares.sum()
    reference = generator.multinomial(50_000, shares, size=300).astype(np.float64)
    window = generator.multinomial(rows, shares, size=300).astype(np.float64)
    pairs = list(zip(reference, window, strict=True))
    measured = np.mean([jensen_shannon_divergence(*pair) for pair in pairs])
    expected = np.mean([jensen_shannon_bias(*pair) for pair in pairs])
    assert expected == pytest.approx(measured, rel=0.05)
