"""A profile survives JSON whatever the frame held."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.drift.profiles.profile import profile
from shared.drift.profiles.reference import CategoricalColumn, NumericColumn, OtherColumn, Profile

cells = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**18), 10**18),
    st.floats(),
    st.text(max_size=3),
    st.dates(),
)


@given(columns=st.lists(st.lists(cells, min_size=6, max_size=6), max_size=4))
def test_profile_of_any_frame_survives_json(columns: list[list[object]]) -> None:
    frame = pd.DataFrame({f"c{number}": pd.Series(values, dtype=object) for number, values in enumerate(columns)})
    made = profile(frame)
    # No NaN or Infinity: strict JSON readers refuse them.
    assert Profile.from_dict(json.loads(json.dumps(made.to_dict(), allow_nan=False))) == made
    assert Profile.from_bytes(made.to_bytes()) == made


def test_numeric_column_keeps_counts_around_each_value() -> None:
    column = profile(pd.DataFrame({"x": [2.0, 1.0, 2.0, math.nan, math.inf]})).columns[0]
    assert column == NumericColumn(
        name="x",
        nulls=1,
        present=4,
        infinite=1,
        edges=(1.0, 2.0),
        below=(0, 1),
        up_to=(1, 3),
        median=2.0,
        is_exact=True,
        mean=5 / 3,
        std=math.sqrt(2 / 9),
    )


def test_categories_are_text_most_frequent_first() -> None:
    column = profile(pd.DataFrame({"x": ["b", "a", "b", None, "c"]})).columns[0]
    assert column == CategoricalColumn("x", 1, 4, 3, (("b", 2), ("a", 1), ("c", 1)))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        pytest.param(pd.Series([True, False]), "categorical", id="booleans"),
        pytest.param(pd.Series([1, 2], dtype="Int64"), "numeric", id="nullable_integers"),
        pytest.param(pd.Series([1, None, 2.5], dtype=object), "numeric", id="numbers_as_objects"),
        pytest.param(pd.Series(["1", "2"]), "categorical", id="digits_as_text"),
        pytest.param(pd.Series([1, "2"], dtype=object), "categorical", id="mixed"),
        pytest.param(pd.Series([[1], {"a": 2}], dtype=object), "categorical", id="nested"),
        pytest.param(pd.Series(pd.to_datetime(["2013-01-01"])), "datetime", id="dates"),
        pytest.param(pd.Series([None, None], dtype=object), "empty", id="all_null"),
        pytest.param(pd.Series([], dtype="float64"), "empty", id="no_rows"),
        pytest.param(pd.Series(["a", "b"]).astype("category"), "categorical", id="pandas_category"),
    ],
)
def test_kind_follows_the_values(values: pd.Series, kind: str) -> None:
    assert profile(pd.DataFrame({"x": values})).columns[0].kind == kind


def test_text_that_hardly_repeats_is_an_identifier_and_keeps_no_values() -> None:
    column = profile(pd.DataFrame({"id": [f"row-{number}" for number in range(100)]})).columns[0]
    assert isinstance(column, CategoricalColumn)
    assert column.is_identifier
    assert column.categories == ()


def test_ignored_columns_and_repeated_names_are_left_out() -> None:
    frame = pd.DataFrame(np.zeros((3, 3)), columns=["a", "a", "label"])
    assert [column.name for column in profile(frame, ignore={"label"}).columns] == ["a"]


def test_empty_frame_has_a_profile() -> None:
    assert profile(pd.DataFrame({"x": []})) == Profile(0, (OtherColumn("x", 0, 0, "empty"),))


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        pytest.param({}, "format None, format 2 is read", id="no_format"),
        pytest.param({"format": 2, "rows": 3}, "damaged .KeyError: 'columns'", id="no_columns"),
        pytest.param({"format": 2, "rows": 3, "columns": [{"kind": "image"}]}, "unknown kind 'image'", id="kind"),
        pytest.param({"format": 2, "rows": 3, "columns": [{"kind": "empty"}]}, "damaged", id="incomplete_column"),
    ],
)
def test_damaged_profile_is_refused(stored: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Profile.from_dict(stored)


def test_texts_that_were_put_together_are_profiled_as_one_column() -> None:
    frame = pd.DataFrame({"carrier": pd.Series(["AA", "UA"] * 500, dtype="str")})
    twice = profile(pd.concat([frame, frame]))
    assert (twice.rows, twice.columns[0].categories) == (2000, (("AA", 1000), ("UA", 1000)))  # type: ignore[union-attr]
