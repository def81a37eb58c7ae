"""Counting around edges by a grid gives what comparing each number with each edge gives, whatever the numbers are."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.drift.profiles.counting import count
from shared.drift.profiles.counts import whole_sum
from shared.drift.profiles.grid import CELLS, FEW, Grid, Scale
from shared.drift.profiles.profile import profile
from shared.drift.profiles.reference import NumericColumn
from shared.drift.rows.equal import Precision, around, rounded

ROWS = 4 * FEW
TINY, HUGE = 5e-324, 1.7976931348623157e308
Draw = Callable[[np.random.Generator], np.ndarray]
LAWS: dict[str, Draw] = {
    "normal": lambda random: random.normal(size=ROWS),
    "lognormal": lambda random: random.lognormal(0, 4, ROWS),
    "cauchy": lambda random: random.standard_cauchy(ROWS),
    "heavier": lambda random: random.standard_cauchy(ROWS) ** 7,
    "zeros_mostly": lambda random: np.where(random.random(ROWS) < 0.9, 0.0, random.normal(size=ROWS)),
    "far_modes": lambda random: random.normal(size=ROWS) + 1e12 * random.integers(0, 2, ROWS),
    "few_integers": lambda random: random.integers(-3, 8, ROWS).astype(float),
    "many_integers": lambda random: random.integers(0, 3_000, ROWS).astype(float),
    "beyond_53_bits": lambda random: random.integers(2**53 - 3_000, 2**53 + 3_000, ROWS).astype(float),
    "rounded": lambda random: np.round(random.normal(size=ROWS), 2),
    "neighbours": lambda random: np.nextafter(np.round(random.normal(size=ROWS), 1), random.choice((-9.0, 9.0), ROWS)),
    "denormal": lambda random: random.integers(-2_000, 2_000, ROWS) * TINY,
    "whole_range": lambda random: random.choice((-1.0, 1.0), ROWS) * np.exp(random.uniform(-740, 709, ROWS)),
    "as_wide_as_can_be": lambda random: random.uniform(-1, 1, ROWS) * HUGE,
    "constant": lambda random: np.full(ROWS, 0.1),
    "on_one_far_point": lambda random: 1e15 + np.round(random.normal(size=ROWS)),
}
HOSTILE = (math.nan, math.inf, -math.inf, 0.0, -0.0, TINY, -TINY, HUGE, -HUGE, 2.0**53, 2.0**53 + 2, 0.1, 0.1 + 0.2)
some = st.lists(st.sampled_from(HOSTILE) | st.floats(), max_size=12)


def counted(edges: np.ndarray, numbers: np.ndarray, precision: Precision = "") -> tuple[list[int], list[int]]:
    """Return how many numbers are below, and up to, each edge, by comparing all with all."""
    low, high = around(edges, precision)
    numbers = rounded(numbers, precision)
    return [int(np.sum(numbers < at)) for at in low], [int(np.sum(numbers <= at)) for at in high]


@pytest.mark.parametrize("law", LAWS)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), window_law=st.sampled_from(sorted(LAWS)), hostile=some)
def test_counts_are_those_of_comparing_all_with_all(law: str, seed: int, window_law: str, hostile: list[float]) -> None:
    random = np.random.default_rng(seed)
    made = profile(pd.DataFrame({"x": LAWS[law](random)}))
    reference = made.columns[0]
    assert isinstance(reference, NumericColumn)
    edges = np.array(reference.edges)
    own = LAWS[random.choice((law, window_law))](random)
    window = random.permutation(np.concatenate((own, random.choice(edges, 50), hostile)))
    counts = count(made, pd.DataFrame({"x": window})).columns["x"]
    assert (counts.below.tolist(), counts.up_to.tolist()) == counted(edges, window)
    finite = window[np.isfinite(window)]
    assert (counts.numbers, counts.least, counts.most) == (int(np.sum(~np.isnan(window))), finite.min(), finite.max())
    assert counts.low_sum == whole_sum(finite[finite < around(edges)[0][0]])
    assert counts.high_sum == whole_sum(finite[finite > around(edges)[1][-1]])
    infinite = counts.negative_infinite, counts.positive_infinite
    assert infinite == (int(np.sum(window == -math.inf)), int(np.sum(window == math.inf)))


@pytest.mark.parametrize("kind", [pa.float32(), pa.float16(), pa.int8(), pa.uint64(), pa.int64()])
@pytest.mark.parametrize("law", ["normal", "few_integers"])
def test_numbers_of_every_width_are_counted_alike(kind: pa.DataType, law: str) -> None:
    numbers = np.abs(np.round(40 * LAWS[law](np.random.default_rng(1)))) % 100
    made = profile(pd.DataFrame({"x": np.round(40 * np.abs(LAWS["normal"](np.random.default_rng(2))), 1)}))
    column = pa.array([None if place % 7 == 0 else number for place, number in enumerate(numbers.tolist())])
    counts = count(made, pa.table({"x": column.cast(kind)})).columns["x"]
    present = np.delete(numbers, np.arange(0, ROWS, 7))
    assert (counts.numbers, counts.rows) == (len(present), ROWS)
    edges = np.array(made.columns[0].edges)  # type: ignore[union-attr]
    assert (counts.below.tolist(), counts.up_to.tolist()) == counted(edges, present, counts.precision)


@pytest.mark.parametrize("column", [[True, False] * ROWS, [None] * ROWS, [math.nan] * ROWS, [math.inf] * ROWS])
def test_columns_without_a_distribution_are_counted(column: list[object]) -> None:
    made = profile(pd.DataFrame({"x": LAWS["normal"](np.random.default_rng(1))}))
    counts = count(made, pd.DataFrame({"x": pd.Series(column)})).columns["x"]
    assert not counts.below.any()
    assert not counts.up_to.any()
    assert counts.present == int(pd.Series(column).count())


@given(numbers=st.lists(st.floats(allow_nan=False), min_size=2), bent=st.booleans(), factor=st.floats(1e-300, 1e300))
def test_a_smaller_number_is_in_no_higher_cell(numbers: list[float], bent: bool, factor: float) -> None:
    cells = Scale(numbers[0] if math.isfinite(numbers[0]) else 0.0, factor, bent).cells(np.sort(numbers))
    assert (np.diff(cells) >= 0).all()
    assert 0 <= cells.min() <= cells.max() < CELLS


@given(thresholds=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, unique=True), numbers=some)
def test_any_thresholds_are_met(thresholds: list[float], numbers: list[float]) -> None:
    ascending = np.unique(np.array(thresholds) + 0.0)
    many = np.resize([*thresholds, *(number for number in numbers if not math.isnan(number))], ROWS)
    expected, every = np.searchsorted(np.sort(many), ascending), np.array([ROWS])
    assert Grid(ascending, expected).below(many, every)[0].tolist() == [int(np.sum(many < at)) for at in ascending]
    assert Grid(ascending, np.zeros_like(expected)).below(many, every)[0].tolist() == expected.tolist()
