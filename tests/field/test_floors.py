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
def before(spring: pd.DataFrame) -> Profile:
    return profile(spring.iloc[: 10 * ROWS])


def look(before: Profile, window: pd.DataFrame, shift: float = 0.0) -> SignalReport:
    moved = window.assign(distance=window["distance"] + shift * window["distance"].std())
    return measure_data_drift(moved, before, DriftRules())


@pytest.mark.parametrize("number", [10, 12, 14, 16])
def test_a_window_in_a_row_after_ten_others_is_no_drift(before: Profile, spring: pd.DataFrame, number: int) -> None:
    found = look(before, spring.iloc[number * ROWS : (number + 1) * ROWS])
    assert [each.name for each in found.columns if each.is_drifted] == []
    assert "blocks of the reference" in {each.floor_reason for each in found.columns}


def test_a_restless_column_does_not_blind_the_others(before: Profile, spring: pd.DataFrame) -> None:
    found = look(before, spring.iloc[10 * ROWS : 11 * ROWS], shift=0.25)
    floors = {each.name: each.floor for each in found.columns}
    assert [each.name for each in found.columns if each.is_drifted] == ["distance"]
    assert floors["dep_delay"] > 2 * floors["distance"]
