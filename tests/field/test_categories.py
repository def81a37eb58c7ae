"""Columns of many categories on which nothing happened, and on which something did."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from shared.drift.comparison.verdict import compare
from shared.drift.profiles.profile import profile
from shared.drift.results.comparison import DriftRules

WINDOWS = 20


def _draws(shares: np.ndarray, rows: int, seed: int) -> pd.DataFrame:
    codes = np.random.default_rng(seed).choice(len(shares), rows, p=shares / shares.sum())
    names = pd.Index([f"value-{number}" for number in range(len(shares))])
    return pd.DataFrame({"value": pd.Categorical.from_codes(codes.tolist(), names)})


def _long_tail(values: int, exponent: float) -> np.ndarray:
    return 1 / np.arange(1, values + 1) ** exponent


@pytest.mark.parametrize("min_effect", [0.05, 0.1])
@pytest.mark.parametrize(
    ("values", "exponent", "rows"),
    [
        pytest.param(2, 0.0, 1_000, id="two_values"),
        pytest.param(50, 1.2, 3_000, id="fifty_values"),
        pytest.param(500, 0.0, 8_000, id="five_hundred_customers"),
        pytest.param(4_000, 0.0, 8_000, id="four_thousand_customers"),
        pytest.param(50_000, 1.2, 30_000, id="fifty_thousand_values"),
    ],
)
def test_independent_rows_of_one_law_are_no_drift(values: int, exponent: float, rows: int, min_effect: float) -> None:
    shares, rules = _long_tail(values, exponent), DriftRules(min_effect=min_effect)
    reports = [
        compare(profile(_draws(shares, rows, seed)), _draws(shares, rows, 1_000 + seed), rules).verdict
        for seed in range(4 if values > 10_000 else WINDOWS)
    ]
    assert set(reports) == {"no-drift"}


@pytest.mark.parametrize("min_effect", [0.05, 0.1])
def test_random_halves_of_531_cities_are_no_drift(min_effect: float) -> None:
    cities = _draws(_long_tail(531, 1.0), 12_000, 5)
    rules = DriftRules(min_effect=min_effect)
    for seed in range(WINDOWS):
        order = np.random.default_rng(seed).permutation(len(cities))
        report = compare(profile(cities.iloc[order[:6_000]]), cities.iloc[order[6_000:]], rules)
        assert report.verdict == "no-drift", report.sentence


def test_what_is_expected_is_told_beside_what_is_new() -> None:
    shares = _long_tail(4_000, 0.0)
    report = compare(profile(_draws(shares, 8_000, 1)), _draws(shares, 8_000, 2))
    assert "12.5% of rows hold values that the reference never had (14.2% are expected)" in report.sentence


@pytest.mark.parametrize("min_effect", [0.05, 0.1])
@pytest.mark.parametrize(("values", "exponent"), [(10, 0.6), (50, 0.6), (500, 1.2)])
def test_a_new_value_in_two_percent_of_rows_is_found_and_named(values: int, exponent: float, min_effect: float) -> None:
    shares = _long_tail(values, exponent)
    reference = profile(_draws(shares, 3_000, 1))
    for seed in range(WINDOWS):
        window = _draws(shares, 3_000, 100 + seed)["value"].astype(str)
        window.iloc[::50] = "never seen"
        report = compare(reference, pd.DataFrame({"value": window}), DriftRules(min_effect=min_effect))
        assert report.verdict == "drift"
        assert "e.g. never seen" in report.sentence


@pytest.mark.parametrize("min_effect", [0.05, 0.1])
@pytest.mark.parametrize(("values", "exponent"), [(10, 0.6), (50, 0.6), (500, 1.2)])
def test_two_frequent_values_that_change_places_are_found(values: int, exponent: float, min_effect: float) -> None:
    shares = _long_tail(values, exponent)
    swapped = shares.copy()
    swapped[[0, 4]] = shares[[4, 0]]
    reference = profile(_draws(shares, 3_000, 1))
    for seed in range(WINDOWS):
        assert compare(reference, _draws(swapped, 3_000, 100 + seed), DriftRules(min_effect=min_effect)).drifted


@pytest.mark.parametrize(("values", "exponent"), [(5, 0.0), (10, 0.6), (50, 0.6), (500, 1.2)])
def test_five_points_between_two_values_are_found_at_a_floor_of_five_percent(values: int, exponent: float) -> None:
    shares = _long_tail(values, exponent)
    moved = shares / shares.sum()
    moved[0] -= 0.05
    moved[4] += 0.05
    reference = profile(_draws(shares, 10_000, 1))
    reports = [
        bool(compare(reference, _draws(moved, 3_000, 100 + seed), DriftRules(min_effect=0.05)).drifted)
        for seed in range(WINDOWS)
    ]
    assert sum(reports) >= 0.8 * WINDOWS
