"""Flights that arrive more than two and a half hours late: two classes, one of them 2 % of the rows."""

from __future__ import annotations

import pandas as pd

from tests.system.models.place import OwnModel
from tests.system.models.timetable import timetable


def rows() -> pd.DataFrame:
    flights = timetable(40_000)
    return flights.assign(very_late=(flights["arr_delay"] > 145).astype(int)).drop(columns=["arr_delay", "air_time"])


MODEL = OwnModel(
    name="very-late",
    rows=rows,
    options="--label very_late --task binary-classification --slice-by origin --bound 0.9",
    code=(
        ("policies/very-late.yaml", 'metric: "roc_auc", min_ratio', "metric: recall, min_ratio"),
        ("policies/very-late.yaml", "margin: 0.02", "margin: 0.05"),
    ),
    worse="return [0.5 for _ in answer]",
    worse_because="roc_auc is 0.5",
    # The ranking hardly suffers, but who is late in LaGuardia is no longer found.
    biased='return [0.45 * share if origin == "LGA" else share for share, origin in zip(answer, frame["origin"])]',
    biased_because="recall of origin LGA",
    drift=lambda frame: frame.assign(dep_delay=frame["dep_delay"] + 60),
)
