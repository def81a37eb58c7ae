"""Values of categories on both sides: cells, expectation of new values, and counts of parts that add up."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.drift.comparison.categories import PairedCounts, cells, filled_cells, new_values
from shared.drift.comparison.verdict import compare
from shared.drift.profiles import counts as counts_module
from shared.drift.profiles.counting import count
from shared.drift.profiles.counts import WindowCounts
from shared.drift.profiles.profile import profile
from shared.drift.profiles.stored import counts_from_bytes, counts_to_bytes

pairs = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=12).filter(
    lambda counts: sum(a for a, _ in counts) > 0 and sum(b for _, b in counts) > 0
)


def _paired(old: list[int], new: list[int], rest: tuple[int, int] = (0, 0)) -> PairedCounts:
    names = [f"value-{number}" for number in range(len(old))]
    return PairedCounts(names, np.array(old, dtype=float), np.array(new, dtype=float), *rest)


@given(counts=pairs, rest=st.tuples(st.integers(0, 9), st.integers(0, 9)))
def test_cells_keep_every_row_and_treat_both_sides_alike(counts: list[tuple[int, int]], rest: tuple[int, int]) -> None:
    old, new = [a for a, _ in counts], [b for _, b in counts]
    for chosen in (cells, filled_cells):
        old_cells, new_cells = chosen(_paired(old, new, rest))
        assert (old_cells.sum(), new_cells.sum()) == (sum(old) + rest[0], sum(new) + rest[1])
        other_way = chosen(_paired(new, old, (rest[1], rest[0])))
        assert [side.tolist() for side in other_way] == [new_cells.tolist(), old_cells.tolist()]


def test_rare_values_are_put_into_groups_of_about_twenty_expected_rows() -> None:
    old, new = filled_cells(_paired([500, *[2] * 200], [500, *[2] * 200]))
    # 200 values of 2 expected rows each: 400 rows, hence 20 groups beside the frequent value.
    assert (len(old), old[0], new[0]) == (21, 500, 500)


def test_as_many_new_values_as_occur_once_in_the_reference_are_expected() -> None:
    old, new = [8] * 100 + [1] * 200 + [0] * 200, [8] * 100 + [0] * 200 + [1] * 200
    values = new_values(_paired(old, new), 0.1)
    assert (values.share, values.expected, values.excess, values.is_drift) == (0.2, 0.2, 0.0, False)


def test_many_small_values_are_put_into_groups_however_many_rows_they_have() -> None:
    old, _ = cells(_paired([300] * 501, [300] * 501))
    assert len(old) == 100
    assert len(cells(_paired([300] * 500, [300] * 500))[0]) == 500


@pytest.mark.parametrize(
    ("once", "is_drift"),
    [pytest.param(0, True, id="all_values_known"), pytest.param(40, False, id="values_keep_coming")],
)
def test_new_values_count_the_less_the_more_are_expected(once: int, is_drift: bool) -> None:
    old = [8] * 200 + [1] * once + [0] * (15 + once)
    new = [8] * 200 + [0] * once + [3] * 15 + [1] * once
    values = new_values(_paired(old, new), 0.1)
    assert values.excess == pytest.approx(0.027, abs=0.002)
    assert values.is_drift == is_drift


@pytest.mark.parametrize(
    ("rows", "is_drift"),
    [pytest.param(20, True, id="two_percent"), pytest.param(5, False, id="half_a_percent")],
)
def test_one_new_value_counts_from_a_share_of_rows_on(rows: int, is_drift: bool) -> None:
    values = new_values(_paired([600, 400, 0], [600, 400 - rows, rows]), 0.1)
    assert (values.examples, values.is_drift) == (("value-2",), is_drift)
    assert values.share == rows / 1000


def test_a_few_rows_of_a_short_window_are_not_yet_a_new_value() -> None:
    assert not new_values(_paired([30, 20, 0], [30, 18, 2]), 0.1).is_drift


def test_values_that_the_profile_did_not_keep_may_be_among_the_new_ones() -> None:
    assert not new_values(_paired([800, 0, 0], [800, 100, 100], (200, 0)), 0.1).is_drift


def test_counts_of_new_values_of_parts_add_up_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts_module, "MOST_UNSEEN", 7)
    made = profile(pd.DataFrame({"x": ["known"] * 10}))
    chance = np.random.default_rng(3)
    rows = pd.DataFrame({"x": [f"new-{number}" for number in chance.zipf(1.3, 400) % 60]})
    whole = count(made, rows)
    parts = [count(made, rows.iloc[start : start + 23]) for start in range(0, 400, 23)]
    for order in (parts, parts[::-1], [parts[place] for place in chance.permutation(len(parts))]):
        total = WindowCounts(made.digest)
        for part in order:
            total += part
        assert total.to_dict() == whole.to_dict()
    stored = whole.columns["x"].unseen_values
    exact = rows["x"].value_counts()
    assert len(stored) == 7
    assert all(exact[name] == rows for name, rows in stored.items())
    assert whole.columns["x"].unseen == 400


def test_counts_are_read_back() -> None:
    made = profile(pd.DataFrame({"x": ["a"] * 10}))
    counts = count(made, pd.DataFrame({"x": ["a", "b", "b", "c"]}))
    assert dict(counts.columns["x"].unseen_values) == {"b": 2, "c": 1}
    assert counts_from_bytes(counts_to_bytes(counts)).to_dict() == counts.to_dict()


def test_counts_of_an_earlier_version_are_read_without_the_new_values_names() -> None:
    made = profile(pd.DataFrame({"x": ["a"] * 2_000}))
    counts = count(made, pd.DataFrame({"x": ["a", "b", "b", "c"] * 500}))
    stored = json.loads(gzip.decompress(counts_to_bytes(counts)))
    del stored["columns"]["x"]["unseen_values"]
    stored["columns"]["x"]["unseen_examples"] = ["b", "c"]
    read = counts_from_bytes(gzip.compress(json.dumps(stored).encode()))
    assert (read.columns["x"].unseen, dict(read.columns["x"].unseen_values)) == (1_500, {})
    (column,) = compare(made, read).columns
    assert column.is_drifted
    assert "75.0% of rows hold values that the reference never had" in column.sentence


def test_a_new_value_stands_in_the_columns_picture() -> None:
    reference = pd.DataFrame({"x": ["a", "b"] * 1_000})
    (column,) = compare(profile(reference), pd.DataFrame({"x": ["a", "b", "c", "a"] * 500})).columns
    assert column.histogram is not None
    assert column.histogram.labels == ("a", "b", "c")
    assert column.histogram.now == (0.5, 0.25, 0.25)
