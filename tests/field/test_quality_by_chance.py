"""Data quality of rows on which nothing happened, and of rows on which something did, for few rows and for many."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
import sklearn.datasets

from shared.drift.results.signals import SignalReport
from shared.drift.signals.quality import check_quality
from shared.drift.signals.quality_profile import QualityProfile, profile_quality

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def _check(reference: pd.DataFrame, window: pd.DataFrame) -> SignalReport:
    return check_quality(profile_quality(reference.reset_index(drop=True)), window, NOW)


def _normal(rows: int, seed: int) -> pd.DataFrame:
    return pd.DataFrame(
        {f"x{number}": column for number, column in enumerate(np.random.default_rng(seed).normal(size=(20, rows)))}
    )


@pytest.mark.parametrize("name", ["load_breast_cancer", "load_diabetes", "load_wine", "load_iris"])
def test_random_halves_of_small_tables_are_in_order(name: str) -> None:
    table = getattr(sklearn.datasets, name)(as_frame=True).data
    for seed in range(12):
        order = np.random.default_rng(seed).permutation(len(table))
        half = len(table) // 2
        report = _check(table.iloc[order[:half]], table.iloc[order[half:]])
        assert report.verdict != "drift", report.sentence


@pytest.mark.parametrize(("base", "now"), [(50, 50), (50, 1_000), (100, 100), (100, 5_000), (500, 500), (5_000, 200)])
@pytest.mark.parametrize("law", ["normal", "lognormal", "standard_cauchy"])
def test_independent_rows_of_one_law_are_in_order(law: str, base: int, now: int) -> None:
    chance = np.random.default_rng([base, now])
    for _ in range(8):
        frames = []
        for rows in (base, now):
            values = getattr(chance, law)(size=(rows, 6))
            values[chance.random(values.shape) < 0.05] = np.nan
            frames.append(pd.DataFrame(values).rename(columns=str))
        report = _check(*frames)
        assert report.verdict != "drift", report.sentence


def _times_thousand(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[::50, "x0"] *= 1_000
    return frame


def _missing(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[::20, "x0"] = np.nan
    return frame


@pytest.mark.parametrize(
    ("spoil", "words", "rows"),
    [
        pytest.param(_times_thousand, "of its values are out of", 1_000, id="thousandfold_in_two_percent"),
        pytest.param(lambda f: f.assign(x0=f["x0"] * 1_000), "of its values are out of", 100, id="another_unit"),
        pytest.param(lambda f: f.assign(x0=7.0), "constant: every value is '7.0'", 100, id="constant"),
        pytest.param(lambda f: f.assign(x0=-f["x0"].abs() - 4), "of its values are out of", 100, id="sign"),
        pytest.param(_missing, "5.0% of its values are missing", 500, id="missing"),
        pytest.param(lambda f: f.assign(x0=f["x0"].map("{:.1f} kg".format)), "the window text", 100, id="text"),
    ],
)
def test_a_fault_is_found(spoil: Callable[[pd.DataFrame], pd.DataFrame], words: str, rows: int) -> None:
    reports = [_check(_normal(rows, seed), spoil(_normal(rows, 100 + seed))) for seed in range(10)]
    alarms = [report.verdict == "drift" and words in report.sentence for report in reports]
    assert sum(alarms) >= 0.8 * len(alarms)


def test_few_rows_say_which_faults_they_cannot_show() -> None:
    report = _check(_normal(500, 1), _normal(500, 2))
    assert report.findings == ("500 and 500 rows show values out of range from 3.6% of rows on, not fewer",)
    assert not _check(_normal(10_000, 1), _normal(10_000, 2)).findings


def test_numbers_with_a_text_among_them_are_still_numbers_when_the_window_has_none() -> None:
    reference = pd.DataFrame({"x": [*range(999), "unknown"]})
    assert _check(reference, pd.DataFrame({"x": range(1_000)})).verdict == "no-drift"


def test_more_rows_repeat_more_often_than_a_small_reference_did() -> None:
    chance = np.random.default_rng(3)

    def dice(rows: int) -> pd.DataFrame:
        return pd.DataFrame(chance.integers(0, 6, size=(rows, 3))).rename(columns=str)

    assert _check(dice(100), dice(5_000)).verdict == "no-drift"
    twice = pd.concat([_normal(1_000, 1)] * 2)
    assert "50.0% of the rows repeat another" in _check(_normal(2_000, 2), twice).sentence


def test_profiles_of_earlier_versions_are_read_and_used() -> None:
    stored = profile_quality(_normal(1_000, 1)).to_dict()
    for column in stored["columns"]:
        for name in ("present", "finite", "readable"):
            del column[name]
    earlier = QualityProfile.from_dict(stored)
    assert check_quality(earlier, _normal(1_000, 2), NOW).verdict == "no-drift"
    assert check_quality(earlier, _normal(1_000, 2).assign(x3=1e6), NOW).verdict == "drift"
