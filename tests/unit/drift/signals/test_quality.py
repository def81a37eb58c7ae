"""What is wrong with data as data is found; what varies by itself is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.drift.signals import quality_profile
from shared.drift.signals.quality import QualityRules, check_quality
from shared.drift.signals.quality_profile import QualityProfile, duplicate_share, profile_quality

NOW = datetime(2026, 7, 1, tzinfo=UTC)


def rows(count: int, seed: int = 1) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    times = NOW - pd.to_timedelta(chance.uniform(60, 1e6, count), unit="s")
    return pd.DataFrame(
        {
            "age": chance.integers(18, 90, count).astype(float),
            "fare": np.where(chance.random(count) < 0.1, np.nan, chance.gamma(2, 30, count)),
            "city": chance.choice(["Porto", "Lisboa", "Faro"], count),
            "booked": times,
        }
    )


@pytest.fixture(scope="module")
def reference() -> QualityProfile:
    return profile_quality(rows(20_000))


def test_data_like_the_reference_is_fine(reference: QualityProfile) -> None:
    report = check_quality(reference, rows(5_000, seed=2), NOW)
    assert (report.signal, report.verdict, report.findings) == ("data-quality", "no-drift", ())
    assert "nothing wrong in 4 columns of 5,000 rows" in report.sentence


FAULTS: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "lost_column": (lambda frame: frame.drop(columns="age"), "age: the window has no such column"),
    "text_for_numbers": (
        lambda frame: frame.assign(age=frame["age"].astype(str) + " years"),
        "age: the reference holds numbers, the window text, e.g. '",
    ),
    "some_text_among_numbers": (
        lambda frame: frame.assign(age=["?"] * 500 + frame["age"].astype(object).tolist()[500:]),
        "age: the reference holds numbers, 10.0% of the window other things, e.g. '?'",
    ),
    "numbers_for_text": (
        lambda frame: frame.assign(city=1),
        "city: the reference holds text, the window numbers, e.g. '1'",
    ),
    "more_missing": (
        lambda frame: frame.assign(fare=frame["fare"].where(np.arange(len(frame)) % 4 > 0)),
        "of its values are missing (at most 11.8%",
    ),
    "out_of_range": (
        lambda frame: frame.assign(age=frame["age"].where(np.arange(len(frame)) % 20 > 0, 999.0)),
        "age: 5.0% of its values are out of 18 to 89, e.g. 999 (at most 0.0% is expected)",
    ),
    "infinite": (
        lambda frame: frame.assign(age=frame["age"].where(np.arange(len(frame)) % 50 > 0, np.inf)),
        "age: 2.0% of its values are infinite (at most 0.0% in the reference)",
    ),
    "constant": (lambda frame: frame.assign(city="Porto"), "city: constant: every value is 'Porto'"),
    "all_missing": (lambda frame: frame.assign(city=None), "city: 100.0% of its values are missing"),
    "no_zone": (
        lambda frame: frame.assign(booked=frame["booked"].dt.tz_localize(None)),
        "booked: times without a zone; they are read as UTC, the reference's say theirs",
    ),
    "repeated": (
        lambda frame: pd.concat([frame, frame.head(1000)]),
        "16.7% of the rows repeat another (at most 0.0% in the reference)",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_said(reference: QualityProfile, fault: str) -> None:
    spoil, words = FAULTS[fault]
    report = check_quality(reference, spoil(rows(5_000, seed=2)), NOW)
    assert report.verdict == "drift"
    assert words in report.sentence


def test_a_few_odd_values_are_mentioned_without_waking_anybody(reference: QualityProfile) -> None:
    window = rows(5_000, seed=2)
    window.loc[:2, "age"] = np.inf
    window.loc[3, "age"] = -4.0
    report = check_quality(reference, window.assign(extra=1), NOW)
    assert report.verdict == "no-drift"
    assert report.columns[0].findings == (
        "3 of 5,000 of its values are infinite (at most 0.0% in the reference)",
        "1 of 4,997 of its values are out of 18 to 89, e.g. -4 (at most 0.0% is expected)",
    )
    assert report.findings == ("the reference has no column extra",)


def test_future_times_alarm_where_the_column_says_what_happened(reference: QualityProfile) -> None:
    window = rows(5_000, seed=2)
    window.loc[:499, "booked"] += timedelta(days=30)
    mentioned = check_quality(reference, window, NOW)
    assert mentioned.verdict == "no-drift"
    assert "worth a look: booked: 10.0% of the times lie in the future, up to 2026-07" in mentioned.sentence
    assert check_quality(reference, window, NOW, QualityRules(happened=frozenset({"booked"}))).verdict == "drift"


def test_a_clock_that_is_a_little_ahead_is_none_of_that(reference: QualityProfile) -> None:
    window = rows(200, seed=2).assign(booked=NOW + timedelta(minutes=4))
    assert "future" not in str(check_quality(reference, window, NOW).columns)


def test_what_varies_in_the_reference_itself_is_no_alarm() -> None:
    chance = np.random.default_rng(1)
    bad_day = np.repeat(chance.random(20) < 0.2, 1000)
    value = np.where(bad_day & (chance.random(20_000) < 0.6), np.nan, chance.normal(0, 1, 20_000))
    reference = profile_quality(
        pd.DataFrame({"value": value, "day": np.repeat(np.arange(20.0), 1000), "id": np.arange(20_000.0)})
    )
    window = pd.DataFrame({"value": value[np.flatnonzero(bad_day)[:1000]], "day": 3.0, "id": np.arange(1000.0)})
    assert window["value"].isna().mean() > 0.5
    assert check_quality(reference, window, NOW).verdict == "no-drift"


def test_a_value_that_lasts_is_no_fault_where_it_lasted_before() -> None:
    rain = pd.DataFrame({"rain": np.where(np.arange(10_000) % 1_000 < 400, 0.0, np.arange(10_000) % 7 + 1.0)})
    made = profile_quality(rain)
    assert check_quality(made, pd.DataFrame({"rain": np.zeros(800)}), NOW).verdict == "no-drift"
    assert "constant" in check_quality(made, pd.DataFrame({"rain": np.zeros(900)}), NOW).sentence


def test_missing_values_that_come_in_bouts_may_be_more_than_they_were() -> None:
    chance = np.random.default_rng(1)
    share = np.repeat(chance.uniform(0.2, 0.6, 10), 200)
    gusts = pd.DataFrame({"bouts": np.where(chance.random(2_000) < share, np.nan, 1.5 + chance.random(2_000))})
    gusts["evenly"] = np.where(chance.random(2_000) < 0.4, np.nan, 1.5 + chance.random(2_000))
    made = profile_quality(gusts)
    windy = pd.DataFrame({name: np.where(np.arange(400) < 280, np.nan, 2.0 + np.arange(400) / 1e3) for name in gusts})
    assert [column.name for column in check_quality(made, windy, NOW).columns if column.is_drifted] == ["evenly"]


@pytest.mark.parametrize(
    ("column", "change", "verdict"),
    [
        pytest.param("warmth", lambda values: values + 5, "no-drift", id="a_warmer_summer"),
        pytest.param("warmth", lambda values: values * 10, "drift", id="another_unit"),
        pytest.param("rain", lambda values: values * 1.5, "no-drift", id="a_heavier_storm"),
        pytest.param("rain", lambda values: -values, "drift", id="below_a_natural_zero"),
        pytest.param("steady", lambda values: values + 5, "drift", id="rows_that_know_no_season"),
    ],
)
def test_where_levels_change_with_time_values_may_lie_somewhat_beyond(
    column: str, change: Callable[[pd.Series[float]], pd.Series[float]], verdict: str
) -> None:
    chance, season = np.random.default_rng(1), np.sin(np.arange(10_000) / 500)
    years = pd.DataFrame(
        {
            "warmth": 20 + 10 * season + chance.normal(size=10_000),
            "rain": np.where(chance.random(10_000) < 0.1 + 0.1 * season, chance.exponential(5, 10_000), 0.0),
            "steady": 20 + chance.normal(size=10_000),
        }
    )
    window = years.iloc[500:1_500]
    report = check_quality(profile_quality(years), window.assign(**{column: change(window[column])}), NOW)
    assert report.verdict == verdict, report.sentence


def test_too_few_rows_are_not_judged_but_a_lost_column_is(reference: QualityProfile) -> None:
    few = rows(50, seed=2)
    report = check_quality(reference, few, NOW)
    assert (report.verdict, report.value) == ("insufficient-data", None)
    assert "the window has 50 rows, at least 100 are needed" in report.sentence
    assert check_quality(reference, few.drop(columns="age"), NOW).verdict == "drift"
    assert check_quality(reference, few.head(0), NOW).verdict == "insufficient-data"
    assert check_quality(profile_quality(pd.DataFrame()), few, NOW).verdict == "insufficient-data"


def test_a_profile_survives_being_stored(reference: QualityProfile) -> None:
    assert QualityProfile.from_dict(json.loads(json.dumps(reference.to_dict()))) == reference


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        ({}, "has format None"),
        ({"format": 1, "rows": 3}, "damaged"),
        ({"format": 1, "rows": 3, "columns": [{}], "duplicates": []}, "damaged"),
    ],
)
def test_a_damaged_profile_is_refused(stored: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        QualityProfile.from_dict(stored)


ODD: dict[str, object] = {
    "numbers": np.arange(120.0),
    "nullable": pd.array([None, 1, 2] * 40, dtype="Int64"),
    "truths": pd.array([None, True, False] * 40, dtype="boolean"),
    "text": ["1", "x", None] * 40,
    "category": pd.Categorical(["a", "b", None] * 40),
    "nothing": [None] * 120,
    "infinite": [np.inf, -np.inf, 1.0] * 40,
    "mixed": [1, "a", None] * 40,
    "lists": [[1], [2, 3], None] * 40,
    "dicts": [{"a": 1}] * 120,
    "decimals": [Decimal("1.5"), None, Decimal("NaN")] * 40,
    "huge": [10**30, 1, 2] * 40,
    "complex": np.ones(120) * 1j,
    "bytes": [b"a", b"b", None] * 40,
    "naive": pd.date_range("2026-01-01", periods=120, freq="h"),
    "zoned": pd.date_range("2026-01-01", periods=120, freq="h", tz="Europe/Lisbon"),
    "both": [NOW, NOW.replace(tzinfo=None), None] * 40,
    "dates": [date(2026, 1, 1), date(2027, 1, 1), None] * 40,
    "times": [time(1, 2), None, time(3)] * 40,
    "durations": pd.to_timedelta(np.arange(120), unit="s"),
    "periods": pd.period_range("2026-01", periods=120, freq="D"),
    "intervals": pd.interval_range(0, 120),
}


@pytest.mark.parametrize("previous", ODD)
def test_no_column_is_too_odd_to_be_checked(previous: str) -> None:
    reference = profile_quality(pd.DataFrame({"x": ODD[previous]}))
    for now in ODD.values():
        assert check_quality(reference, pd.DataFrame({"x": now}), NOW).sentence
    assert check_quality(reference, pd.DataFrame({"x": ODD[previous]}), NOW).verdict == "no-drift"


cells = st.sampled_from([0.0, 1.0, 2.5, float("nan")])


@given(table=st.lists(st.tuples(cells, st.sampled_from(["a", "b", None]), st.booleans()), max_size=40))
def test_duplicates_are_counted_as_pandas_does(table: list[tuple[object, ...]]) -> None:
    frame = pd.DataFrame(table, columns=["number", "text", "truth"])
    expected = float(frame.duplicated().mean()) if len(frame) else 0.0
    assert duplicate_share(frame) == pytest.approx(expected)


def test_repeats_in_many_rows_are_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality_profile, "ROWS_COMPARED", 5_000)
    frame = rows(40_000)
    repeated = pd.concat([frame, frame.sample(10_000, random_state=1)])
    assert duplicate_share(repeated) == pytest.approx(0.2, abs=0.02)


def test_lists_are_compared_by_their_text() -> None:
    assert duplicate_share(pd.DataFrame({"tags": [[1, 2], [1, 2], [3]]})) == pytest.approx(1 / 3)
