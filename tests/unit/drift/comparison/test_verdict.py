"""Verdicts: real change is found, sampling noise is not, and bad data is told in words."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.drift.comparison.verdict import compare
from shared.drift.profiles.profile import profile
from shared.drift.results.comparison import ColumnReport, DriftReport, DriftRules, PastWindow

ROWS = 4_000


def a_frame(seed: int = 1, rows: int = ROWS, shift: float = 0.0) -> pd.DataFrame:
    generator = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "delay": generator.normal(shift, 1.0, rows),
            "hour": generator.integers(5, 23, rows),
            "carrier": generator.choice(["AA", "B6", "UA"], rows, p=[0.2, 0.3, 0.5]),
        }
    )


def report_on(report: DriftReport, name: str) -> ColumnReport:
    return next(column for column in report.columns if column.name == name)


def test_sample_of_the_same_data_is_no_drift() -> None:
    report = compare(profile(a_frame()), a_frame(seed=2))
    assert report.verdict == "no-drift"
    assert report.drifted == ()
    assert report.sentence.startswith("No drift in 3 columns over 4,000 rows; nearest is ")


def test_shifted_column_is_drift_and_comes_first() -> None:
    report = compare(profile(a_frame()), a_frame(seed=2, shift=0.5))
    assert report.verdict == "drift"
    assert [column.name for column in report.drifted] == ["delay"]
    assert report.columns[0].name == "delay"
    assert report.sentence.startswith("Drift in 1 of 3 columns over 4,000 rows: delay: KS 0.")


def test_significant_but_small_change_is_no_drift() -> None:
    report = compare(profile(a_frame(rows=50_000)), a_frame(seed=2, rows=50_000, shift=0.1))
    delay = report_on(report, "delay")
    assert report.verdict == "no-drift"
    assert delay.adjusted_p_value is not None
    assert delay.adjusted_p_value < 1e-6
    assert delay.effect == pytest.approx(0.04, abs=0.01)


def test_moved_categories_are_drift_in_base_2() -> None:
    reference = pd.DataFrame({"carrier": ["AA"] * 5_000 + ["UA"] * 5_000})
    window = pd.DataFrame({"carrier": ["AA"] * 2_000 + ["UA"] * 8_000})
    carrier = report_on(compare(profile(reference), window), "carrier")
    assert carrier.is_drifted
    # scipy.spatial.distance.jensenshannon([.5, .5], [.2, .8], base=2) = 0.27038, less what sampling shows.
    assert carrier.effect == pytest.approx(0.27038, abs=0.0002)
    assert carrier.sentence == "carrier: JS 0.270 against a floor of 0.05; AA moved most, from 50.0% to 20.0% of rows"


@pytest.mark.parametrize("values", [4, 10, 50])
def test_five_points_between_categories_are_found_but_for_two_or_three(values: int) -> None:
    names = np.array([f"c{number}" for number in range(values)])

    def rows(count: int, seed: int) -> pd.DataFrame:
        return pd.DataFrame({"kind": np.random.default_rng(seed).choice(names, count)})

    reference, effects = profile(rows(30_000, 0)), []
    for seed in range(1, 31):
        window = rows(3_000, seed)
        assert compare(reference, window).verdict == "no-drift"
        window.loc[window.index[window["kind"] == "c0"][:150], "kind"] = "c1"
        effects.append(compare(reference, window).verdict == "drift")
    assert sum(effects) >= 0.8 * len(effects)


def test_missing_values_are_drift_of_their_own() -> None:
    window = a_frame(seed=2)
    window.loc[: ROWS // 5, "delay"] = math.nan
    report = compare(profile(a_frame()), window)
    assert [column.name for column in report.drifted] == ["delay"]
    assert "missing values rose from 0.0% to 20.0%" in report.sentence


def test_unseen_categories_are_named() -> None:
    window = a_frame(seed=2)
    window.loc[: ROWS // 4, "carrier"] = "ZZ"
    carrier = report_on(compare(profile(a_frame()), window), "carrier")
    assert carrier.is_drifted
    assert carrier.unseen_share == pytest.approx(0.25, abs=0.001)
    assert "25.0% of rows hold values that the reference never had, e.g. ZZ" in carrier.sentence


@pytest.mark.parametrize(
    ("reference_rows", "window_rows", "sentence"),
    [
        pytest.param(4_000, 0, "the window has 0 rows, at least 1,000 are needed", id="empty_window"),
        pytest.param(4_000, 999, "the window has 999 rows, at least 1,000 are needed", id="short_window"),
        pytest.param(0, 4_000, "the reference has 0 rows, at least 1,000 are needed", id="empty_reference"),
    ],
)
def test_too_few_rows_are_insufficient(reference_rows: int, window_rows: int, sentence: str) -> None:
    report = compare(profile(a_frame(rows=reference_rows)), a_frame(rows=window_rows))
    assert report.verdict == "insufficient-data"
    assert sentence in report.sentence


def test_too_few_rows_still_tell_of_a_lost_column() -> None:
    report = compare(profile(a_frame()), a_frame(rows=10).drop(columns="hour"))
    assert report.verdict == "insufficient-data"
    assert "hour: the window has no such column" in report.sentence


@pytest.mark.parametrize(
    ("change", "is_drifted", "words"),
    [
        pytest.param(lambda f: f.drop(columns="hour"), True, "hour: the window has no such column", id="lost"),
        pytest.param(
            lambda f: f.assign(hour="h" + f["hour"].astype(str)),
            True,
            "reference holds numbers, the window text",
            id="text",
        ),
        pytest.param(lambda f: f.assign(hour=f["hour"].astype(str)), False, "No drift", id="numbers_as_text"),
        pytest.param(
            lambda f: f.assign(carrier=1), True, "reference holds text, the window numbers, e.g. '1'", id="numbers"
        ),
        pytest.param(lambda f: f.assign(hour=None), True, "missing values rose from 0.0% to 100.0%", id="all_null"),
        pytest.param(lambda f: f.assign(gate=1), False, "the reference has no column gate: not compared", id="new"),
        pytest.param(
            lambda f: pd.concat([f, f[["hour"]]], axis=1), False, "the window has hour more than once", id="twice"
        ),
        pytest.param(lambda f: f.assign(delay=math.inf), True, "4000 infinite values, of which the ref", id="inf"),
        pytest.param(lambda f: f.assign(carrier="UA"), True, "UA moved most", id="one_category"),
    ],
)
def test_odd_windows_are_described(
    change: Callable[[pd.DataFrame], pd.DataFrame], is_drifted: bool, words: str
) -> None:
    report = compare(profile(a_frame()), change(a_frame(seed=2)))
    assert report.verdict == ("drift" if is_drifted else "no-drift")
    sentences = " ".join([report.sentence, *(column.sentence for column in report.columns)])
    assert words in sentences


def test_constant_columns_are_no_drift() -> None:
    frame = pd.DataFrame({"text": ["same"] * 1_500, "number": [7.0] * 1_500})
    report = compare(profile(frame), frame)
    assert report.verdict == "no-drift"
    assert [column.effect for column in report.columns] == [0.0, 0.0]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        pytest.param([f"id-{number}" for number in range(1_500)], "name rows; they are not compared", id="identifier"),
        pytest.param(pd.date_range("2013-01-01", periods=1_500), "dates and times always move", id="dates"),
        pytest.param([None] * 1_500, "no values in the reference nor in the window", id="always_null"),
    ],
)
def test_nothing_comparable_is_insufficient_not_a_pass(column: list[object], words: str) -> None:
    frame = pd.DataFrame({"x": column})
    report = compare(profile(frame), frame)
    assert report.verdict == "insufficient-data"
    assert words in report.sentence


def test_ignored_columns_are_neither_compared_nor_reported_as_new() -> None:
    report = compare(profile(a_frame()), a_frame(shift=9).assign(row=1), DriftRules(ignore=frozenset({"delay", "row"})))
    assert report.verdict == "no-drift"
    assert {column.name for column in report.columns} == {"hour", "carrier"}
    assert report.findings == ()


QUIET = (0.05, 0.06, 0.07, 0.08, 0.05, 0.06, 0.07, 0.08, 0.05, 0.06)
# mean .063 + t(9; .998) 3.83 * std .01160 * sqrt(1 + 1 / 10)
QUIET_FLOOR = 0.1096


def past_windows(*effects: float, rows: int = ROWS + 100) -> list[PastWindow]:
    return [PastWindow(rows, {"delay": effect}) for effect in effects]


def delay_after(past: Sequence[PastWindow], shift: float = 0.2) -> ColumnReport:
    rules = DriftRules(min_effect=0.08)
    return report_on(compare(profile(a_frame()), a_frame(seed=2, shift=shift), rules, past=past), "delay")


def test_quiet_past_windows_of_the_same_length_set_the_floor() -> None:
    delay = delay_after(past_windows(*QUIET))
    assert delay.floor == pytest.approx(QUIET_FLOOR, abs=0.0005)
    assert delay.floor_reason == "past windows"
    assert "(set by past windows)" in delay.sentence


@pytest.mark.parametrize(
    "past", [past_windows(*QUIET[:9]), past_windows(*QUIET, rows=ROWS // 2)], ids=["too_few", "too_short"]
)
def test_other_past_windows_do_not(past: list[PastWindow]) -> None:
    assert delay_after(past).floor_reason != "past windows"


def test_only_the_newest_twenty_past_windows_count() -> None:
    assert delay_after(past_windows(*(0.0, 0.2) * 10, *QUIET, *QUIET)).floor == pytest.approx(0.1009, abs=0.0005)


def test_past_windows_raise_the_floor_to_twice_that_of_the_blocks_at_most() -> None:
    delay = delay_after(past_windows(*(0.1, 0.4) * 10), shift=0.6)
    assert delay.floor == pytest.approx(0.16)
    assert delay.is_drifted


def test_sampling_sets_the_floor_when_windows_are_short() -> None:
    rules = DriftRules(min_effect=0.02, minimum_rows=100)
    delay = report_on(compare(profile(a_frame()), a_frame(seed=2, rows=200), rules), "delay")
    assert delay.floor_reason == "sampling"
    assert delay.floor == pytest.approx(0.118, abs=0.001)


def test_blocks_of_the_reference_set_the_floor_where_its_rows_have_seasons() -> None:
    seasons = 0.5 * np.sin(np.arange(ROWS) / 50)
    reference, window = a_frame(), a_frame(seed=2, rows=200, shift=0.3)
    reference["delay"] += seasons
    delay = report_on(compare(profile(reference), window, DriftRules(minimum_rows=100)), "delay")
    assert delay.floor_reason == "blocks of the reference"
    assert "(set by blocks of the reference)" in delay.sentence
    assert not delay.is_drifted


@pytest.mark.parametrize(("factor", "is_drifted"), [(1, False), (-1, True), (10, True)])
def test_what_rises_by_itself_drifts_in_another_unit_or_sign_only(factor: float, is_drifted: bool) -> None:
    def risen(first: int, rows: int) -> pd.DataFrame:
        noise = np.random.default_rng(first).normal(size=rows)
        return pd.DataFrame({"delay": 30 + np.arange(first, first + rows) / 500 + noise})

    delay = report_on(compare(profile(risen(0, 10_000)), factor * risen(10_000, 1_000)), "delay")
    assert [delay.effect, delay.floor] == pytest.approx([1, 1], abs=0.1)
    assert delay.is_drifted == is_drifted


def test_sampling_sets_the_floor_where_the_reference_knows_no_blocks() -> None:
    made = profile(a_frame())
    old = replace(
        made, columns=tuple(replace(column, variation=()) for column in made.columns if column.kind == "numeric")
    )
    rules = DriftRules(min_effect=0.02, minimum_rows=100)
    delay = report_on(compare(old, a_frame(seed=2, rows=200), rules), "delay")
    assert delay.floor_reason == "sampling"
    assert delay.floor == pytest.approx(0.118, abs=0.001)


@pytest.mark.parametrize(
    "rules",
    [{"min_effect": 0.0}, {"min_effect": 1.5}, {"false_alarms": 1.0}, {"minimum_rows": 0}],
    ids=lambda rules: next(iter(rules)),
)
def test_impossible_rules_are_refused(rules: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(rules))):
        DriftRules(**rules)


cells = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.floats(), st.sampled_from("ab"), st.dates())
columns = st.dictionaries(st.sampled_from("xyz"), st.lists(cells, min_size=5, max_size=5), max_size=3)


@given(reference=columns, window=columns, times=st.integers(1, 30))
def test_any_pair_of_frames_gets_an_answer(
    reference: dict[str, list[object]], window: dict[str, list[object]], times: int
) -> None:
    def frame(values: dict[str, list[object]]) -> pd.DataFrame:
        return pd.DataFrame({name: pd.Series(column * times, dtype=object) for name, column in values.items()})

    report = compare(profile(frame(reference)), frame(window), DriftRules(minimum_rows=1))
    assert report.sentence
    for column in report.columns:
        assert column.effect is None or 0 <= column.effect <= 1
        assert column.p_value is None or 0 <= column.p_value <= 1
        assert column.sentence.startswith(column.name)


def test_small_categories_are_grouped_only_where_there_are_very_many() -> None:
    names = [f"name-{number}" for number in range(2000)]
    chance = np.random.default_rng(7)
    reference = pd.DataFrame({"who": chance.choice(names, 20_000)})
    # Each name comes in bouts: a quarter of them is away today.
    here = [name for number, name in enumerate(names) if number % 4]
    today = pd.DataFrame({"who": chance.choice(here, 20_000)})
    (who,) = compare(profile(reference), today, DriftRules(min_effect=0.1)).columns
    assert not who.is_drifted
    # A few large ones beside the many small ones are still compared by themselves.
    mixed = pd.DataFrame({"who": [*reference["who"], *["large"] * 20_000]}).sample(frac=1, random_state=1)
    fewer = pd.DataFrame({"who": [*reference["who"], *["large"] * 5_000]})
    (who,) = compare(profile(mixed), fewer).columns
    assert who.is_drifted


def test_a_window_of_nothing_but_unseen_values_is_drift_however_many_categories_there_were() -> None:
    reference = pd.DataFrame({"who": [f"name-{number % 2000}" for number in range(20_000)]})
    (who,) = compare(profile(reference), pd.DataFrame({"who": ["other"] * 2_000})).columns
    assert who.is_drifted
    assert who.unseen_share == 1.0
