"""Departures from New York's airports one, two and three days ahead."""

from __future__ import annotations

import pandas as pd

from tests.system.models.place import OwnModel
from tests.system.models.timetable import departures

HORIZONS = (1, 2, 3, 7)
DAYS_BACK = 14


def rows() -> pd.DataFrame:
    """Return a row per airport, day and horizon: the last two weeks' counts, and the count that came."""
    parts = []
    for origin, counts in departures().items():
        scale = counts.diff().abs().mean()
        past = pd.DataFrame({f"back_{back}": counts.shift(back) for back in range(DAYS_BACK)})
        for horizon in HORIZONS:
            part = past.assign(origin=origin, day=counts.index, horizon=horizon, departures=counts.shift(-horizon))
            part["weekday"] = (pd.DatetimeIndex(counts.index).day_of_week + horizon) % 7
            parts.append(part.assign(scale=scale))
    frame = pd.concat(parts).dropna().reset_index(drop=True)
    frame.insert(
        0, "row_id", frame["origin"] + frame["day"].dt.strftime("-%m-%d-") + frame["horizon"].astype(int).astype(str)
    )
    frame["horizon"] = frame["horizon"].astype(int)
    return frame.assign(day=frame["day"].dt.strftime("%Y-%m-%d"))


MODEL = OwnModel(
    name="departures",
    rows=rows,
    options="--label departures --task forecasting --time day --slice-by horizon --metric mase --bound 1",
    code=(
        ("policies/departures.yaml", "margin: 0.05", "margin: 0.5"),
        ("policies/departures.yaml", "min_ratio: 0.8", "min_ratio: 0.5"),
    ),
    worse='return [frame["back_0"].iloc[0]] * len(answer)',
    worse_because="mase is",
    biased='return [x + 25 if horizon == 7 else x for x, horizon in zip(answer, frame["horizon"])]',
    biased_because="mase of horizon 7",
    drift=lambda frame: frame.assign(**{f"back_{back}": frame[f"back_{back}"] * 0.5 for back in range(DAYS_BACK)}),
)
