"""The minutes that a flight is in the air: a number."""

from __future__ import annotations

import pandas as pd

from tests.system.models.place import OwnModel
from tests.system.models.timetable import timetable


def rows() -> pd.DataFrame:
    return timetable(8_000).drop(columns="arr_delay")


MODEL = OwnModel(
    name="air-time",
    rows=rows,
    options="--label air_time --task regression --slice-by carrier --bound 15",
    code=(
        ("policies/air-time.yaml", "margin: 0.8", "margin: 3"),
        ("policies/air-time.yaml", "min_ratio: 0.8", "min_ratio: 0.5"),
    ),
    worse="return [minutes + 25 for minutes in answer]",
    worse_because="mae is",
    biased='return [x + 25 if carrier == "US" else x for x, carrier in zip(answer, frame["carrier"])]',
    biased_because="mae of carrier US",
    drift=lambda frame: frame.assign(distance=frame["distance"] * 1.5),
)
