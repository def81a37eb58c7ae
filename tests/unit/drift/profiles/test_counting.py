"""Counts of parts add up to the counts of the whole, however the rows are cut, ordered and shared out."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as from_numpy

from shared.drift.comparison.verdict import compare
from shared.drift.profiles.counting import count
from shared.drift.profiles.counts import WindowCounts, excess, whole_sum
from shared.drift.profiles.profile import Profile, profile
from shared.drift.rows.batches import FRAME_ROWS

cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.integers(-(10**18), 10**18),
    st.floats(),
    st.sampled_from(["a", "b", "ü", "\ud800", ""]),
    st.dates(),
    st.datetimes(timezones=st.none() | st.just(dt.UTC)),
    st.decimals(allow_nan=False, places=2, min_value=-99, max_value=99),
)
KINDS = {
    "numbers": st.none() | st.floats(),
    "texts": st.none() | st.sampled_from(["a", "b", "c", "d"]),
    "anything": cells,
}
rows = st.lists(st.fixed_dictionaries(KINDS), min_size=1, max_size=40)
REFERENCE = pd.DataFrame(
    {
        "numbers": np.random.default_rng(1).normal(size=3_000),
        "texts": ["a", "b", "b"] * 1_000,
        "anything": [1.0, 2.0, math.inf, 4.0] * 750,
    }
)


@pytest.fixture(scope="module")
def reference() -> Profile:
    return profile(REFERENCE)


def frame_of(chosen: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series([row[name] for row in chosen], dtype=object) for name in KINDS})


@given(whole=rows, seed=st.integers(0, 2**32 - 1))
def test_any_split_in_any_order_gives_identical_counts(
    reference: Profile, whole: list[dict[str, Any]], seed: int
) -> None:
    random = np.random.default_rng(seed)
    expected = count(reference, frame_of(whole)).to_dict()
    shuffled = [whole[row] for row in random.permutation(len(whole))]
    cuts = sorted(random.integers(0, len(whole) + 1, 3).tolist())
    parts = [frame_of(shuffled[a:b]) for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    one_by_one = [count(reference, part) for part in parts]
    assert reduce(add, one_by_one).to_dict() == expected
    assert reduce(add, reversed(one_by_one)).to_dict() == expected
    assert count(reference, parts, threads=3).to_dict() == expected
    assert json.loads(json.dumps(expected, allow_nan=False))["rows"] == len(whole)


@given(whole=rows)
def test_what_pandas_makes_of_the_rows_changes_no_count(reference: Profile, whole: list[dict[str, Any]]) -> None:
    objects = frame_of(whole)
    inferred = objects.assign(numbers=objects["numbers"].astype("float64"), texts=objects["texts"].astype("str"))
    assert count(reference, inferred).to_dict() == count(reference, objects).to_dict()
    arrow = pa.table({name: pa.array(list(objects[name]), from_pandas=True) for name in ("numbers", "texts")})
    assert count(reference, arrow).to_dict()["columns"]["texts"] == count(reference, objects).columns["texts"].to_dict()


def test_adding_nothing_changes_nothing(reference: Profile) -> None:
    counts = count(reference, REFERENCE)
    assert (counts + WindowCounts(reference.digest)).to_dict() == counts.to_dict()
    assert (counts + count(reference, REFERENCE.iloc[:0])).rows == counts.rows


def test_counts_against_different_profiles_do_not_add_up(reference: Profile) -> None:
    other = profile(REFERENCE + REFERENCE)
    with pytest.raises(ValueError, match="counted against different profiles"):
        count(reference, REFERENCE) + count(other, REFERENCE)
    with pytest.raises(ValueError, match="counted against another profile"):
        compare(other, count(reference, REFERENCE))


@given(
    values=from_numpy.arrays(np.float64, st.integers(1, 50), elements=st.floats(allow_nan=False, allow_infinity=False))
)
def test_sums_are_exact(values: np.ndarray) -> None:
    exact = sum(map(Fraction, values.tolist()), Fraction(0))
    assert whole_sum(values) == exact * 2**1074


def test_an_excess_is_rounded_once_and_infinite_beyond_a_double() -> None:
    assert excess(whole_sum(np.array([1e16, 1.0, -1e16, 2.5])), 2, 0.25) == 3.0
    assert excess(whole_sum(np.full(16, 1.7e308)), 0, 0.0) == math.inf
    assert excess(whole_sum(np.full(16, -1.7e308)), 0, 0.0) == -math.inf


def test_a_large_frame_is_cut_and_counted_like_its_parts() -> None:
    values = np.random.default_rng(2).normal(size=2 * FRAME_ROWS + 5)
    frame = pd.DataFrame({"x": values, "y": np.where(values > 0, "up", "down")})
    made = profile(frame)
    expected = reduce(add, (count(made, frame.iloc[start : start + 999]) for start in range(0, len(frame), 999)))
    assert count(made, frame).to_dict() == expected.to_dict()
    assert count(made, pa.Table.from_pandas(frame)).to_dict() == expected.to_dict()


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(pa.array([1, 2, None], pa.int8()), id="int8"),
        pytest.param(pa.array([1, 2, None], pa.uint64()), id="uint64"),
        pytest.param(pa.array([1, 2, None], pa.float32()), id="float32"),
        pytest.param(pa.array([Decimal(1), Decimal(2), None]), id="decimal"),
        pytest.param(pa.array([1, 2, None]).dictionary_encode(), id="dictionary_of_numbers"),
    ],
)
def test_numbers_of_every_width_are_the_same_numbers(column: pa.Array) -> None:
    made = profile(pd.DataFrame({"x": [1.0, 2.0, 3.0]}))
    counts = count(made, pa.table({"x": column})).columns["x"]
    assert (counts.rows, counts.numbers, counts.below.tolist(), counts.up_to.tolist()) == (3, 2, [0, 1, 2], [1, 2, 2])


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(pa.array(["a", None, "b", "zz"]), id="string"),
        pytest.param(pa.array(["a", None, "b", "zz"], pa.large_string()), id="large_string"),
        pytest.param(pa.array(["a", None, "b", "zz"]).dictionary_encode(), id="dictionary"),
        pytest.param(
            pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, 3]), pa.array(["a", None, "b", "zz"])), id="null_inside"
        ),
        pytest.param(pd.Series(["a", None, "b", "zz"]), id="pandas"),
        pytest.param(pd.Series(["a", None, "b", "zz"], dtype="category"), id="pandas_category"),
        pytest.param(pd.Series(["a", None, "b", "zz"], dtype=object), id="objects"),
    ],
)
def test_texts_of_every_kind_are_the_same_texts(column: Any) -> None:
    made = profile(pd.DataFrame({"x": ["a", "a", "b"]}))
    window = pd.DataFrame({"x": column}) if isinstance(column, pd.Series) else pa.table({"x": column})
    counts = count(made, window).columns["x"]
    assert (counts.rows, counts.texts, counts.known.tolist()) == (4, 3, [1, 1])
    assert (counts.unseen, counts.unseen_values) == (1, {"zz": 1})


class Failing:
    """Batches that break off."""

    def __iter__(self) -> Iterator[pd.DataFrame]:
        yield REFERENCE
        raise OSError("the file ends here")


@pytest.mark.parametrize("threads", [1, 2])
def test_a_source_that_breaks_off_is_an_error_not_half_a_window(reference: Profile, threads: int) -> None:
    with pytest.raises(OSError, match="the file ends here"):
        count(reference, Failing(), threads=threads)
    with pytest.raises(OSError, match="the file ends here"):
        profile(Failing(), threads=threads)


def test_a_profile_needs_rows_that_can_be_read_again() -> None:
    with pytest.raises(TypeError, match="reads its rows twice"):
        profile(iter([REFERENCE]))


class Growing:
    """A source to which rows are written while it is read."""

    def __init__(self) -> None:
        self.batches: list[pd.DataFrame] = []

    def __iter__(self) -> Iterator[pd.DataFrame]:
        self.batches.append(REFERENCE)
        return iter(self.batches)


def test_a_reference_that_changed_in_between_is_refused() -> None:
    with pytest.raises(ValueError, match="had 3000 rows at first and 6000 then; profile again"):
        profile(Growing())


def test_a_profile_in_batches_is_the_profile_of_the_whole() -> None:
    values = np.random.default_rng(3).normal(size=90_000)
    frame = pd.DataFrame({"x": values, "y": np.where(values > 0, "up", "down"), "z": np.round(values, 1)})
    whole = profile(frame)
    batches = [frame.iloc[start : start + 7_000] for start in range(0, len(frame), 7_000)]
    assert profile(batches) == profile(batches, threads=1)
    assert [column.kind for column in profile(batches).columns] == [column.kind for column in whole.columns]
    report = compare(profile(batches), frame)
    assert [column.effect for column in report.columns] == [0.0, 0.0, 0.0]


def test_a_profile_of_forty_columns_of_numbers_takes_less_than_half_a_megabyte() -> None:
    frame = pd.DataFrame(np.random.default_rng(4).normal(size=(200_000, 40)))
    made = profile(frame)
    content = made.to_bytes()
    assert len(content) < 500_000
    assert Profile.from_bytes(content) == made
