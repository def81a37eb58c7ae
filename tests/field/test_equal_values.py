"""One value in two formats is one value: a data set against itself, written otherwise, has not drifted."""

from __future__ import annotations

import io
import json
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from shared.drift.comparison.verdict import compare
from shared.drift.profiles.counting import count
from shared.drift.profiles.profile import profile
from shared.drift.results.comparison import DriftReport
from shared.drift.rows.columns import named_columns
from shared.drift.rows.segments import segmentations
from shared.drift.signals.performance import PerformanceRules, judge_performance
from shared.drift.signals.quality import check_quality
from shared.drift.signals.quality_profile import profile_quality

NOW = datetime(2026, 11, 30, tzinfo=UTC)
ROWS = 4_000


def a_shop(seed: int = 1) -> pd.DataFrame:
    chance = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "price": chance.choice([9.99, 19.99, 29.99], ROWS),
            "discount": chance.choice([0.0, 0.05, 0.1, 0.15], ROWS),
            "weight": chance.lognormal(0, 1, ROWS),
            "latitude": 40 + chance.normal(0, 0.01, ROWS),
            "store": chance.integers(1, 12, ROWS),
            "member": chance.random(ROWS) < 0.3,
            "color": pd.Series(["red", "green", None]).take(chance.integers(0, 3, ROWS)).to_numpy(),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(chance.integers(0, 90, ROWS), unit="D"),
        }
    )


def in_float32(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(dict.fromkeys(frame.select_dtypes("float64"), "float32"))


def in_float16(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.astype(dict.fromkeys(frame.select_dtypes("float64"), "float16"))


def as_json(frame: pd.DataFrame) -> pd.DataFrame:
    text = frame.to_json(orient="records", lines=True, date_format="iso")
    return pd.DataFrame([json.loads(line) for line in text.splitlines()])


def as_json_with_epochs(frame: pd.DataFrame) -> pd.DataFrame:
    return as_json(frame.assign(day=(frame["day"] - pd.Timestamp(0)) // pd.Timedelta(milliseconds=1)))


def all_text(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(frame.to_csv(index=False)), dtype=str, keep_default_na=False)


def as_csv(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(frame.to_csv(index=False)))


def with_ones(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(member=frame["member"].astype(int), store=frame["store"].astype(float))


def with_bytes(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(color=frame["color"].map(lambda text: text.encode(), na_action="ignore"))


def with_words_for_nothing(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(color=frame["color"].fillna("NA"), member=frame["member"].map({True: "TRUE", False: "FALSE"}))


def as_arrow(frame: pd.DataFrame) -> Any:
    return pa.Table.from_pandas(in_float32(frame), preserve_index=False)


FORMATS: dict[str, Callable[[pd.DataFrame], Any]] = {
    pair.__name__: pair
    for pair in (
        in_float32,
        in_float16,
        as_json,
        as_json_with_epochs,
        all_text,
        as_csv,
        with_ones,
        with_bytes,
        with_words_for_nothing,
        as_arrow,
    )
}


def effects(report: DriftReport) -> dict[str, float]:
    return {column.name: column.effect or 0.0 for column in report.columns}


@pytest.mark.parametrize("written", FORMATS)
def test_the_same_rows_in_another_format_have_not_drifted(written: str) -> None:
    rows = a_shop()
    report = compare(profile(rows), FORMATS[written](rows))
    assert report.verdict == "no-drift", report.sentence
    worst = 0.02 if written == "in_float16" else 0.002
    assert {name: effect for name, effect in effects(report).items() if effect > worst} == {}
    assert not any(column.is_drifted for column in report.columns)


@pytest.mark.parametrize("written", ["in_float32", "as_json", "as_csv", "as_arrow", "with_bytes"])
def test_a_reference_in_another_format_is_the_same_reference(written: str) -> None:
    rows = a_shop()
    report = compare(profile(FORMATS[written](rows)), rows)
    assert report.verdict == "no-drift", report.sentence
    assert max(effects(report).values()) < 0.002


@pytest.mark.parametrize("written", [name for name in FORMATS if name != "as_arrow"])
def test_quality_finds_nothing_wrong_with_another_format(written: str) -> None:
    rows = a_shop()
    report = check_quality(profile_quality(in_float32(rows)), FORMATS[written](rows), NOW)
    assert report.verdict == "no-drift", report.sentence
    assert "out of 9.99" not in report.sentence


def test_what_really_moved_is_found_across_formats() -> None:
    rows = a_shop()
    moved = rows.assign(
        price=rows["price"].where(np.arange(ROWS) % 4 > 0, 39.99),
        weight=rows["weight"] * 1.5,
        member=~rows["member"],
        color=rows["color"].replace("red", "blue"),
    )
    report = compare(profile(in_float32(rows)), all_text(moved))
    assert {column.name for column in report.columns if column.is_drifted} == {"price", "weight", "member", "color"}


def test_numbers_that_a_float32_cannot_tell_apart_are_compared_as_doubles_unless_one_side_says_float32() -> None:
    chance = np.random.default_rng(4)
    reference, now = (pd.DataFrame({"x": 1e6 + chance.normal(at, 0.01, ROWS)}) for at in (0, 0.01))
    assert effects(compare(profile(reference), now))["x"] > 0.3
    same = pd.DataFrame({"x": reference["x"].astype("float32")})
    assert effects(compare(profile(reference), same))["x"] < 0.01


def test_counts_of_parts_in_several_formats_add_up() -> None:
    rows = a_shop()
    reference = profile(rows)
    half = ROWS // 2
    parts = [in_float32(rows.iloc[:half]), all_text(rows.iloc[half:])]
    total = count(reference, parts)
    assert total.columns["price"].numbers == ROWS
    assert compare(reference, total).verdict == "no-drift"


def test_codes_that_lost_their_zeros_or_got_a_point_are_the_codes_they_were() -> None:
    codes = np.random.default_rng(2).choice(["007", "012", "A1"], ROWS)
    reference = profile(pd.DataFrame({"code": codes}))
    spelled = pd.Series(codes).map({"007": 7, "012": 12.0, "A1": "A1"})
    assert effects(compare(reference, pd.DataFrame({"code": spelled})))["code"] == 0.0


def test_texts_read_the_same_with_blanks_around_them_and_in_both_forms_of_unicode() -> None:
    cities = pd.Series(np.random.default_rng(2).choice(["São Paulo", "Zürich", "Faro"], ROWS))
    padded = cities.map(lambda city: unicodedata.normalize("NFD", city).ljust(12))
    for reference, now in ((cities, padded), (padded, cities)):
        report = compare(profile(pd.DataFrame({"city": reference})), pd.DataFrame({"city": now}))
        assert (effects(report)["city"], report.columns[0].unseen_share) == (0.0, 0.0)
    lower = cities.str.lower()
    assert compare(profile(pd.DataFrame({"city": cities})), pd.DataFrame({"city": lower})).verdict == "drift"


def test_dates_as_text_move_on_without_drift() -> None:
    days = pd.date_range("2024-01-01", periods=60).repeat(50)
    report = compare(
        profile(pd.DataFrame({"day": days.strftime("%Y-%m-%d"), "x": np.arange(3000) % 7})),
        pd.DataFrame({"day": (days + pd.Timedelta(days=60)).strftime("%Y-%m-%d"), "x": np.arange(3000) % 7}),
    )
    assert report.verdict == "no-drift"
    assert "dates and times always move" in " ".join(column.sentence for column in report.columns)


@pytest.mark.parametrize(
    "day", ["%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S+0000", "%d-%b-%Y", "%Y/%m/%d", "%Y-%m"]
)
def test_dates_are_recognised_in_the_ways_people_write_them(day: str) -> None:
    days = pd.Series(pd.date_range("2024-01-01", periods=1500))
    reference = profile(pd.DataFrame({"day": days.dt.strftime(day)}))
    assert reference.columns[0].kind == "datetime"
    report = compare(reference, pd.DataFrame({"day": days + pd.Timedelta(days=600)}))
    assert not any(column.is_drifted for column in report.columns)


def test_some_placeholders_among_dates_are_no_change_of_type() -> None:
    days = pd.Series(pd.date_range("2024-01-01", periods=1000)).dt.strftime("%Y-%m-%d")
    reference, now = (pd.DataFrame({"day": days.where(np.arange(1000) % 3 > at, "unknown")}) for at in (0, 0))
    assert not compare(profile(reference), now).columns[0].is_drifted


def test_a_segment_holds_the_same_rows_in_every_format() -> None:
    rows = a_shop().drop(columns="day")
    for cut in segmentations(rows):
        expected = cut.codes(rows[cut.column])
        for written in (in_float32, as_json, as_csv, all_text):
            again = named_columns(written(rows))[cut.column]
            assert float(np.mean(cut.codes(again) != expected)) < 0.001, (cut.column, written.__name__)


@pytest.mark.parametrize(
    ("served", "labelled"),
    [
        pytest.param(lambda n: n, str, id="number_and_text"),
        pytest.param(float, lambda n: n, id="float_and_whole"),
        pytest.param(str, float, id="text_and_float"),
        pytest.param(lambda n: 10**17 + n, lambda n: str(10**17 + n), id="long_ids"),
        pytest.param(lambda n: f"a{n}", lambda n: f"a{n}".encode(), id="bytes"),
        pytest.param(lambda n: f"São {n}", lambda n: f"Sa\u0303o {n}   ", id="fixed_width_and_two_characters"),
        pytest.param(
            lambda n: pd.Timestamp("2024-01-01", tz="UTC") + pd.Timedelta(minutes=n),
            lambda n: (pd.Timestamp("2024-01-01") + pd.Timedelta(minutes=n)).isoformat(),
            id="times",
        ),
    ],
)
def test_labels_find_their_rows_whatever_the_key_is_written_as(
    served: Callable[[int], object], labelled: Callable[[int], object]
) -> None:
    rules = PerformanceRules("accuracy", 0.9, "id", "truth", minimum_rows=100)
    scored = pd.DataFrame({"id": [served(n) for n in range(300)], "prediction": [n % 2 for n in range(300)]})
    labels = pd.DataFrame({"id": [labelled(n) for n in range(300)], "truth": ["True", "false"] * 150})
    report = judge_performance(scored, labels.assign(truth=labels["truth"].iloc[::-1].to_numpy()), rules)
    assert (report.rows, report.value) == (300, 1.0)
