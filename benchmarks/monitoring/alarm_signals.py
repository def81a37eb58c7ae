"""How often data quality, concept drift and estimated performance alarm, and what they find."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.harness.spec import Figure, Goal
from benchmarks.monitoring.alarm_tables import employment_rows
from local.flights.data import FEATURES
from shared.drift.signals.concept import concept_reference, judge_concept
from shared.drift.signals.estimated import EstimateRules, estimate_performance, estimate_reference
from shared.drift.signals.quality import check_quality
from shared.drift.signals.quality_profile import profile_quality

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

WITHOUT_DELAY = ("dep_hour", "arr_hour", "distance", "carrier", "origin", "dest")
CODED = ("carrier", "origin", "dest")
FOLDS = 5
# Summer's storms begin in June; until then a model of January and February ranks as it did.
NORMAL_WEEKS = 20
NOW = datetime(2014, 1, 2, tzinfo=UTC)
CHUNK_ROWS = 10_000
SEED = 20261130
TABLES = ("load_breast_cancer", "load_diabetes", "load_wine", "load_iris", "load_digits", "load_linnerud")
LAWS, LAW_ROWS, COLUMNS = ("normal", "lognormal", "standard_cauchy", "poisson"), (50, 500, 5_000, 50_000), 6
THOUSANDFOLD_COLUMNS = 20


def quality_figures(year: pd.DataFrame, goal: Goal) -> list[Figure]:
    columns = [*FEATURES, "time_hour"]
    reference = profile_quality(year.loc[year["month"] <= 2, columns])
    weeks = [week[columns] for _, week in year[year["month"] > 2].groupby(year["day"] // 7)]
    alarms = [check_quality(reference, week, NOW).verdict == "drift" for week in weeks]
    what = f"data quality, {len(weeks)} weeks of flights against January and February: with an alarm"
    return [Figure("alarms.quality.weeks", _percent(alarms), "%", what, goal)]


def chance_figures(runs: int) -> list[Figure]:
    """Return how often data quality alarms where both sides are samples of one law, and finds a thousandfold value in
    two rows of a hundred, by the rows of both sides."""
    halves = [_check(*parts) for table in TABLES for parts in _parted(table, runs)]
    chance = np.random.default_rng(SEED)
    laws = [
        _check(*(_rows(getattr(chance, law), rows, COLUMNS) for rows in sizes))
        for law in LAWS
        for sizes in itertools.product(LAW_ROWS, LAW_ROWS)
        for _ in range(runs)
    ]
    what = f"data quality, {len(halves)} random parts of {len(TABLES)} of scikit-learn's tables: with an alarm"
    text = f"data quality, {len(laws)} pairs of 50 to 50,000 rows of {len(LAWS)} laws: with an alarm"
    return [
        Figure("alarms.quality.tables", _percent(halves), "%", what, Goal("<=", 1)),
        Figure("alarms.quality.laws", _percent(laws), "%", text, Goal("<=", 1)),
        *(_thousandfold_figure(chance, sizes, runs) for sizes in ((500, 500), (1_000, 1_000), (5_000, 1_000))),
    ]


def _thousandfold_figure(chance: np.random.Generator, sizes: tuple[int, int], runs: int) -> Figure:
    alarms = []
    for _ in range(runs):
        reference, now = (_rows(chance.normal, rows, THOUSANDFOLD_COLUMNS) for rows in sizes)
        now.iloc[::50, 0] *= 1_000
        alarms.append(_check(reference, now))
    text = f"data quality, a thousandfold value in 2 % of {sizes[1]:,} rows against {sizes[0]:,}, 20 columns: found"
    return Figure(f"alarms.quality.thousandfold_{sizes[0]}_{sizes[1]}", _percent(alarms), "%", text)


def _parted(table: str, runs: int) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    import sklearn.datasets

    rows = getattr(sklearn.datasets, table)(as_frame=True).data
    for run in range(runs):
        for share in (0.5, 0.8):
            order = np.random.default_rng([SEED, run]).permutation(len(rows))
            cut = round(share * len(rows))
            yield rows.iloc[order[:cut]], rows.iloc[order[cut:]]


def _rows(draw: Callable[..., NDArray[np.float64]], rows: int, columns: int) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(draw(size=(rows, columns))).rename(columns=str)


def _check(reference: pd.DataFrame, now: pd.DataFrame) -> bool:
    return check_quality(profile_quality(reference.reset_index(drop=True)), now, NOW).verdict == "drift"


def concept_figures(year: pd.DataFrame, goal: Goal) -> list[Figure]:
    """Return what is found by a model of "15 minutes late" that was trained on January and February."""
    scores = _flight_scores(year)
    labels = year["late"].to_numpy(dtype=np.float64)
    features, is_winter = year[list(WITHOUT_DELAY)], (year["month"] <= 2).to_numpy()

    def verdict(rows: NDArray[np.bool_]) -> bool:
        return judge_concept(reference, features[rows], scores[rows], labels[rows]).verdict == "drift"

    reference = concept_reference(features[is_winter], scores[is_winter], labels[is_winter])
    week = ((year["day"] - 1) // 7).to_numpy()
    normal = [verdict(week == number) for number in range(NORMAL_WEEKS)]
    september = (year["month"] == 9).to_numpy()
    report = judge_concept(reference, features[september], scores[september], labels[september])
    halves = []
    for run in range(NORMAL_WEEKS):
        order = np.random.default_rng(run).permutation(np.flatnonzero(is_winter))
        reference_rows, rows = order[:30_000], order[30_000:40_000]
        mixed = concept_reference(features.iloc[reference_rows], scores[reference_rows], labels[reference_rows])
        halves.append(judge_concept(mixed, features.iloc[rows], scores[rows], labels[rows]).verdict == "drift")
    what = f"concept drift, the first {NORMAL_WEEKS} weeks of flights: with an alarm"
    return [
        Figure("alarms.concept.weeks", _percent(normal), "%", what, goal),
        Figure(
            "alarms.concept.iid",
            _percent(halves),
            "%",
            "concept drift, random parts of winter: runs with an alarm",
            Goal("<=", 1),
        ),
        Figure(
            "alarms.concept.spring",
            _percent([verdict((year["month"] == month).to_numpy()) for month in (3, 4, 5)]),
            "%",
            "concept drift in March, April and May: with an alarm",
        ),
        Figure(
            "alarms.concept.september",
            float(report.verdict == "drift"),
            "",
            f"September: {report.sentence}",
            Goal("=", 1),
        ),
    ]


def estimated_figures(goal: Goal) -> list[Figure]:
    reference, later, labels = employment_rows()
    estimate = estimate_reference(reference["predicted_probability"], reference["employed"], EstimateRules("roc_auc"))
    scores = later["predicted_probability"].to_numpy()
    truth = later[["id"]].merge(labels, on="id", how="left")["employed"].to_numpy()
    starts = range(0, len(scores) - CHUNK_ROWS + 1, CHUNK_ROWS)
    reports = [estimate_performance(estimate, scores[start : start + CHUNK_ROWS]) for start in starts]
    shown = [_auc(truth[start : start + CHUNK_ROWS], scores[start : start + CHUNK_ROWS]) for start in starts]
    gaps = [abs((report.value or 0.0) - auc) for report, auc in zip(reports, shown, strict=True)]
    alarms = [report.verdict == "drift" for report in reports]
    what = f"estimated roc_auc, {len(reports)} windows of the census: with an alarm"
    return [
        Figure("alarms.estimated.employment", _percent(alarms), "%", what, goal),
        Figure(
            "alarms.estimated.error",
            float(np.mean(gaps)),
            "",
            "the estimate's mean distance from the roc_auc that labels showed later",
        ),
    ]


def _flight_scores(year: pd.DataFrame) -> NDArray[np.float64]:
    """Return each flight's score by a model that did not see it: of other folds in winter, of winter afterwards."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    coded = year[list(WITHOUT_DELAY)].copy()
    for name in CODED:
        coded[name] = coded[name].astype("category").cat.codes
    model = HistGradientBoostingClassifier(random_state=0, categorical_features=[3, 4])  # type: ignore[no-untyped-call]
    winter = (year["month"] <= 2).to_numpy()
    labels = year["late"].to_numpy()
    scores = np.empty(len(year))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)  # type: ignore[no-untyped-call]
    scores[winter] = cross_val_predict(model, coded[winter], labels[winter], cv=folds, method="predict_proba")[:, 1]
    scores[~winter] = model.fit(coded[winter], labels[winter]).predict_proba(coded[~winter])[:, 1]
    return scores


def _auc(labels: NDArray[np.float64], scores: NDArray[np.float64]) -> float:
    from shared.metrics.binary import roc_auc

    return roc_auc(labels, scores)


def _percent(alarms: list[bool]) -> float:
    return 100 * float(np.mean(alarms))
