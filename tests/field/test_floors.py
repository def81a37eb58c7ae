"""Windows of flights in a row, as files are compared: what neighbours differ by is no drift, and what moved is."""

from __future__ import annotations

import pandas as pd
import pytest

from local.flights.data import FEATURES, flights
from shared.drift.profiles.profile import Profile, profile
from shared.drift.results.comparison import DriftRules
from shared.drift.results.signals import SignalReport
from shared.engine.monitors.window_signals import measure_data_drift

ROWS = 3_000


@pytest.fixture(scope="module")
def spring() -> pd.DataFrame:
    return flights((2, 3))[list(FEATURES)]


@pytest.fixture(scope="module")
def reference(spring: pd.DataFrame) -> Profile:
    return profile(spring.iloc[: 10 * ROWS])


def look(reference: Profile, window: pd.DataFrame, shift: float = 0.0) -> SignalReport:
    moved = window.assign(distance=window["distance"] + shift * window["distance"].std())
    return measure_data_drift(moved, reference, DriftRules())


@pytest.mark.parametrize("number", [10, 12, 14, 16])
def test_a_window_in_a_row_after_ten_others_is_no_drift(reference: Profile, spring: pd.DataFrame, number: int) -> None:
    report = look(reference, spring.iloc[number * ROWS : (number + 1) * ROWS])
    assert [column.name for column in report.columns if column.is_drifted] == []
    assert "blocks of the reference" in {column.floor_reason for column in report.columns}


def test_a_restless_column_does_not_blind_the_others(reference: Profile, spring: pd.DataFrame) -> None:
    report = look(reference, spring.iloc[10 * ROWS : 11 * ROWS], shift=0.25)
    floors = {column.name: column.floor for column in report.columns}
    assert [column.name for column in report.columns if column.is_drifted] == ["distance"]
    assert floors["dep_delay"] > 2 * floors["distance"]
