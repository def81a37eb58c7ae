"""The five flights of an hour in the order in which they will be late: a ranking, judged by its user's own metric."""

from __future__ import annotations

import pandas as pd

from tests.system.models.place import OwnModel
from tests.system.models.timetable import whole_year

FLIGHTS, HOURS = 5, 1600
NDCG = """\
    table = frame[["hour_id", LABEL]].assign(score=predicted.to_numpy()).reset_index(drop=True)
    own = table.groupby("hour_id", group_keys=False)[["score", LABEL]].apply(gains).reindex(table.index)
"""
GAINS = '''

def gains(flights: pd.DataFrame) -> "pd.Series[float]":
    """Return the normalized discounted gain of the first two of an hour's order, for each of its flights."""
    discounts = [1 / math.log2(place + 2) for place in range(2)]
    ideal, answered = (
        sum(map(float.__mul__, flights.sort_values(by, ascending=False)[LABEL].astype(float), discounts))
        for by in (LABEL, "score")
    )
    return pd.Series(answered / ideal if ideal else 1.0, flights.index)


def load('''


def rows() -> pd.DataFrame:
    flights = whole_year()
    flights = flights[flights.groupby("hour_id")["hour"].transform("size") >= FLIGHTS].groupby("hour_id").head(FLIGHTS)
    flights = flights[flights.groupby("hour_id")["arr_delay"].transform("max") > 30]
    chosen = flights["hour_id"].drop_duplicates().sample(HOURS, random_state=0)
    flights = flights[flights["hour_id"].isin(chosen)].reset_index(drop=True)
    flights.insert(0, "row_id", [f"f{number}" for number in range(len(flights))])
    return flights.assign(late=flights["arr_delay"].clip(lower=0) / 30).drop(columns=["arr_delay", "air_time"])


MODEL = OwnModel(
    name="latest-first",
    rows=rows,
    options="--label late --task other --time hour_id --slice-by origin --metric late_gain --bound 0.4",
    code=(
        ("policies/latest-first.yaml", "margin: 0.02", "margin: 0.3"),
        ("register.py", "rows[KEY].astype(str).map(", 'rows["hour_id"].astype(str).map('),
        ("evaluate/evaluate.py", "import argparse\n", "import argparse\nimport math\n"),
        (
            "evaluate/evaluate.py",
            "    own = 1 / (1 + (predicted - frame[LABEL].reset_index(drop=True)).abs())\n",
            NDCG,
        ),
        ("evaluate/evaluate.py", "\n\ndef load(", GAINS),
        # A row per hour, not per flight: the flights of an hour are one ranking.
        (
            "evaluate/evaluate.py",
            "pd.DataFrame(scores).to_parquet(",
            'pd.DataFrame(scores)[~frame["hour_id"].duplicated()].to_parquet(',
        ),
    ),
    worse="return [-x for x in answer]",
    worse_because="late_gain is",
    biased='return [-x if origin == "LGA" else x for x, origin in zip(answer, frame["origin"])]',
    biased_because="late_gain of origin LGA",
    drift=lambda frame: frame.assign(dep_delay=frame["dep_delay"] + 60),
)
