"""Bad input gets a clear finding each: never a traceback, and never a pass that nothing supports."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from shared.drift.comparison.verdict import compare
from shared.drift.profiles.counting import count
from shared.drift.profiles.counts import MOST_UNSEEN
from shared.drift.profiles.profile import profile
from shared.drift.profiles.reference import MOST_DISTINCT, CategoricalColumn, Profile
from shared.drift.results.comparison import ColumnReport, DriftReport, DriftRules

ROWS = 2_000


def a_frame(seed: int = 1) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "amount": random.normal(size=ROWS),
            "country": random.choice(["PT", "ES", "BR"], ROWS),
            "at": pd.date_range("2026-01-01", periods=ROWS, tz="UTC"),
        }
    )


@pytest.fixture(scope="module")
def reference() -> Profile:
    return profile(a_frame())


def report_on(report: DriftReport, name: str) -> ColumnReport:
    return next(column for column in report.columns if column.name == name)


def with_some_text(frame: pd.DataFrame, share: float) -> pd.DataFrame:
    amounts = frame["amount"].astype(object)
    amounts[: int(share * ROWS)] = "tba"
    return frame.assign(amount=amounts)


@pytest.mark.parametrize(
    ("change", "column", "is_drifted", "words"),
    [
        pytest.param(lambda f: f.assign(amount=math.nan), "amount", True, "no values in the window", id="all_null"),
        pytest.param(
            lambda f: with_some_text(f, 0.01),
            "amount",
            False,
            "20 of 2000 values are no numbers, e.g. 'tba'",
            id="some",
        ),
        pytest.param(
            lambda f: with_some_text(f, 0.5),
            "amount",
            True,
            "holds numbers, the window text, e.g. 'tba'",
            id="half_text",
        ),
        pytest.param(
            lambda f: f.assign(amount=f["at"]),
            "amount",
            True,
            "holds numbers, the window dates",
            id="dates_for_numbers",
        ),
        pytest.param(
            lambda f: f.assign(at="yesterday"), "at", True, "holds dates, the window text, e.g. 'yesterday'", id="text"
        ),
        pytest.param(
            lambda f: f.assign(amount=np.where(f.index < 3, -math.inf, f["amount"])),
            "amount",
            False,
            "3 infinite values, of which the reference has none",
            id="infinite",
        ),
        pytest.param(
            lambda f: f.assign(amount=7.0), "amount", True, "always 7 now, where the reference", id="constant"
        ),
        pytest.param(lambda f: f.assign(country="PT"), "country", True, "always PT now, where", id="one_category"),
        pytest.param(lambda f: f.assign(country="XX"), "country", True, "always XX now, where", id="one_new_category"),
        pytest.param(
            lambda f: f.assign(country=[f"id-{number}" for number in range(ROWS)]),
            "country",
            True,
            "100.0% of rows hold values that the reference never had, e.g. id-0, id-1, id-10",
            id="names_of_rows",
        ),
        pytest.param(
            lambda f: f.assign(at=f["at"].dt.tz_localize(None)),
            "at",
            False,
            "times without a time zone now, with one in the reference",
            id="zone_lost",
        ),
    ],
)
def test_a_bad_column_has_a_finding(
    reference: Profile,
    change: Callable[[pd.DataFrame], pd.DataFrame],
    column: str,
    is_drifted: bool,
    words: str,
) -> None:
    report = report_on(compare(reference, change(a_frame(seed=2))), column)
    assert words in report.sentence
    assert report.is_drifted is is_drifted


@pytest.mark.parametrize(
    "window",
    [
        pytest.param(a_frame().iloc[:0], id="frame"),
        pytest.param(pd.DataFrame(), id="frame_without_columns"),
        pytest.param([], id="no_batches"),
        pytest.param(pa.table({"amount": pa.array([], pa.float64())}), id="arrow"),
    ],
)
def test_an_empty_window_is_insufficient(reference: Profile, window: Any) -> None:
    report = compare(reference, window)
    assert report.verdict == "insufficient-data"
    assert "the window has 0 rows, at least 1,000 are needed" in report.sentence
    assert report.columns == ()


def test_an_empty_reference_is_insufficient() -> None:
    report = compare(profile(pd.DataFrame()), a_frame())
    assert report.verdict == "insufficient-data"
    assert "the reference has 0 rows" in report.sentence


def test_times_without_a_zone_are_a_finding(reference: Profile) -> None:
    frame = a_frame().assign(at=a_frame()["at"].dt.tz_localize(None))
    report = report_on(compare(profile(frame), frame), "at")
    assert "times without a time zone, which UTC is taken for" in report.sentence


def test_a_million_categories_are_reported_as_not_compared() -> None:
    # Each twenty times and in every batch again: their names would be neither few nor the names of rows.
    names = pa.array([f"customer-{number}" for number in range(50_003)])
    batches = [
        pa.table({"who": names.take(pa.array(np.random.default_rng(number).permutation(50_003)))})
        for number in range(3)
    ]
    batches.append(pa.table({"who": pa.array([f"other-{number}" for number in range(60_000)])}))
    made = profile(batches)
    column = made.columns[0]
    assert isinstance(column, CategoricalColumn)
    assert (column.distinct, len(column.categories)) == (MOST_DISTINCT + 1, 0)
    report = compare(made, batches)
    assert report.verdict == "insufficient-data"
    assert "who: more than 50000 different values in 210009 rows name rows; they are not compared" in report.sentence


def test_a_repeated_window_of_names_takes_no_more_than_a_bound(reference: Profile) -> None:
    window = pa.table({"country": pa.array([f"c{number}" for number in range(200_000)])})
    counts = count(reference, window).columns["country"]
    assert (len(counts.known), counts.unseen, len(counts.unseen_values)) == (3, 200_000, MOST_UNSEEN)


def test_what_reading_found_odd_is_in_the_report(reference: Profile) -> None:
    class Batches(list[pd.DataFrame]):
        findings = ("3 requests were collected twice: they count once",)

    report = compare(reference, Batches([a_frame(seed=2)]))
    assert report.findings == Batches.findings
    assert "Also: 3 requests were collected twice" in report.sentence


def test_importance_weighs_the_order_and_names_what_matters() -> None:
    random = np.random.default_rng(3)
    reference = pd.DataFrame(random.normal(size=(ROWS, 4)), columns=list("abcd"))
    now = pd.DataFrame(random.normal([0.9, 0.7, 0.7, 0.0], size=(ROWS, 4)), columns=list("abcd"))
    plain = compare(profile(reference), now)
    assert plain.drifted[0].name == "a"
    assert all(column.importance is None for column in plain.columns)
    weighed = compare(profile(reference), now, importance={"c": 6.0, "b": 2.0, "d": 2.0})
    assert [column.name for column in weighed.drifted] == ["c", "b", "a"]
    assert "They carry 80% of the model's importance: c 60%, b 20%." in weighed.sentence
    unused = compare(profile(reference), now, importance={"d": 1.0})
    assert "The model leans on none of them." in unused.sentence


def test_every_measure_is_reported_and_drawn(reference: Profile) -> None:
    report = compare(reference, a_frame(seed=2))
    amount, country = report_on(report, "amount"), report_on(report, "country")
    assert set(amount.measures) == {"KS", "PSI", "Wasserstein"}
    assert set(country.measures) == {"JS", "PSI", "chi2_p"}
    for picture in (amount.histogram, country.histogram):
        assert picture is not None
        assert sum(picture.before) == pytest.approx(1.0)
        assert sum(picture.now) == pytest.approx(1.0)
        assert len(picture.labels) == len(picture.before) == len(picture.now) <= 30
    assert amount.histogram is not None
    assert len(amount.histogram.edges) == len(amount.histogram.labels) + 1
    assert list(amount.histogram.edges) == sorted(amount.histogram.edges)


def test_a_histogram_has_exact_shares_between_round_borders() -> None:
    frame = pd.DataFrame({"x": np.random.default_rng(4).normal(size=30_000)})
    window = pd.DataFrame({"x": np.random.default_rng(5).normal(size=20_000)})
    picture = compare(profile(frame), window).columns[0].histogram
    assert picture is not None
    assert picture.edges[1:4] == (-2.2, -2.0, -1.8)
    expected = [
        float(np.mean((window["x"] >= a) & (window["x"] < b)))
        for a, b in zip(picture.edges[1:-2], picture.edges[2:-1], strict=True)
    ]
    assert list(picture.now[1:-1]) == pytest.approx(expected, abs=1e-12)


def test_few_values_are_drawn_one_by_one() -> None:
    frame = pd.DataFrame({"stars": [1, 2, 3, 4, 5] * 300})
    picture = compare(profile(frame), pd.DataFrame({"stars": [5, 6] * 600})).columns[0].histogram
    assert picture is not None
    assert (picture.labels, picture.edges) == (("1", "2", "3", "4", "5", "all others"), ())
    assert picture.now == (0, 0, 0, 0, 0.5, 0.5)


def test_twelve_categories_and_the_rest_are_drawn() -> None:
    frame = pd.DataFrame({"x": [f"c{number % 40:02}" for number in range(4_000)]})
    picture = compare(profile(frame), frame.assign(x="new")).columns[0].histogram
    assert picture is not None
    assert (len(picture.labels), picture.labels[-1]) == (13, "all others")
    # The new value is the most frequent of the window, so that it has a place of its own.
    assert (picture.labels[-2], picture.now[-2]) == ("new", 1.0)


@pytest.mark.parametrize("scale", [1e-300, 1e300, 1e308])
def test_extreme_numbers_are_compared(scale: float) -> None:
    random = np.random.default_rng(6)
    frame = pd.DataFrame({"x": random.uniform(-1, 1, ROWS) * scale})
    report = compare(profile(frame), pd.DataFrame({"x": random.uniform(0, 1, ROWS) * scale}), DriftRules())
    assert report.columns[0].is_drifted
    assert all(math.isfinite(value) for value in report.columns[0].measures.values())
