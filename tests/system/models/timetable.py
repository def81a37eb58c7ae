"""Flights from New York with what is known at their departure, and how late and how long they were."""

from __future__ import annotations

from functools import cache

import pandas as pd

from local.flights.data import _archive

COLUMNS = ["dep_delay", "arr_delay", "air_time", "carrier", "origin", "distance", "hour"]


def timetable(rows: int) -> pd.DataFrame:
    """Return so many flights of 2013, drawn at random, always the same ones."""
    flights = whole_year()[COLUMNS].sample(rows, random_state=2013).reset_index(drop=True)
    flights.insert(0, "row_id", [f"f{number}" for number in range(rows)])
    return flights


@cache
def whole_year() -> pd.DataFrame:
    """Return the flights that have arrived; `hour_id` names the airport, day and hour."""
    flights = pd.read_csv(_archive(), usecols=[*COLUMNS, "month", "day", "dest"]).dropna()
    hours = flights["month"].map("-{:02d}-".format) + flights["day"].map("{:02d}-".format) + flights["hour"].astype(str)
    return flights.drop(columns=["month", "day"]).assign(hour_id=flights["origin"] + hours)


def departures() -> dict[str, pd.Series[float]]:
    """Return each airport's departures of each day of 2013."""
    flights = pd.read_csv(_archive(), usecols=["month", "day", "origin"])
    days = pd.to_datetime(flights[["month", "day"]].assign(year=2013))
    counts = flights.groupby(["origin", days]).size()
    return {origin: counts[origin].astype(float) for origin in sorted(set(flights["origin"]))}
