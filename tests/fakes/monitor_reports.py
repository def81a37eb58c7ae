"""Monitor reports with everything in them, from flights: January as the reference, July as the window."""

from __future__ import annotations

import dataclasses
import itertools
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from local.flights.data import FEATURES, flights
from shared.drift.comparison.verdict import compare
from shared.drift.profiles.profile import profile
from shared.drift.results.assemble import ReportHeader, assemble, drift_signal, rules_in_words
from shared.drift.results.comparison import DriftRules, Histogram
from shared.drift.results.signals import MonitorReport, SignalReport

if TYPE_CHECKING:
    import pandas as pd

MONTH = timedelta(days=31)
START = datetime(2026, 7, 12, 2, tzinfo=UTC)
RULES = DriftRules(min_effect=0.1, minimum_rows=1000)
IMPORTANCES = {"dep_delay": 0.71, "dep_hour": 0.09, "arr_hour": 0.07, "dest": 0.06, "distance": 0.04, "carrier": 0.03}


@cache
def month(number: int) -> pd.DataFrame:
    return flights([number])[list(FEATURES)]


def a_histogram(reference: pd.Series, window: pd.Series) -> Histogram:
    """Return what the column looks like: 24 intervals up to the 99th percentile, or its 12 categories."""
    if reference.dtype.kind in "biuf":
        low, high = np.quantile(reference.dropna(), [0.0, 0.99])
        edges = np.linspace(low, max(high, low + 1), 25)
        shares = [
            np.histogram(np.clip(column.dropna(), edges[0], edges[-1]), edges)[0] for column in (reference, window)
        ]
        a, b = (tuple(float(share) for share in column / column.sum()) for column in shares)
        labels = tuple(f"{start:g} to {end:g}" for start, end in itertools.pairwise(edges))
        return Histogram(labels, a, b, tuple(map(float, edges)))
    counts, counts_now = reference.value_counts(normalize=True), window.value_counts(normalize=True)
    names = list(counts.index[:12])
    a, b = (tuple(float(column.get(name, 0.0)) for name in names) for column in (counts, counts_now))
    return Histogram((*map(str, names), "others"), (*a, 1 - sum(a)), (*b, 1 - sum(b)))


def a_data_drift(number: int = 7, **missing: float) -> SignalReport:
    """Return how a month compares with January; `missing` empties a share of a column, e.g. dest=0.2."""
    reference, window = month(1), month(number).copy()
    for name, share in missing.items():
        window.loc[window.index[: int(share * len(window))], name] = None
    signal = drift_signal(compare(profile(reference), window, RULES), IMPORTANCES)
    columns = tuple(
        dataclasses.replace(
            column,
            histogram=column.histogram or a_histogram(reference[column.name], window[column.name]),
            measures=column.measures
            or {column.statistic: column.effect or 0.0, "PSI": 1.7 * (column.effect or 0.0) ** 2},
        )
        for column in signal.columns
    )
    return dataclasses.replace(signal, columns=columns)


def a_performance(value: float, *, is_estimated: bool = False) -> SignalReport:
    return SignalReport(
        signal="estimated-performance" if is_estimated else "performance",
        verdict="drift" if value < 0.8 else "no-drift",
        sentence=f"roc_auc is {value:.3f} on 2,410 {'rows, estimated' if is_estimated else 'labelled rows'}; "
        "at least 0.8 is asked for",
        rows=2410,
        value=value,
        threshold=0.8,
        measure="roc_auc",
    )


def a_header(end: datetime = START + timedelta(hours=1), model: str = "flight-delay") -> ReportHeader:
    return ReportHeader(
        model=model,
        start=end - timedelta(hours=1),
        end=end,
        reference="the training data of version 3",
        model_version="3",
        endpoint="flight-delay",
        deployment="v-3",
        made_at=end + timedelta(minutes=1),
        reference_rows=len(month(1)),
        rules=rules_in_words(RULES),
        profile="profiles/flight-delay/3.json",
        policy_digest="4f1d0c8a9b7e6d5c4b3a29181706f5e4",
    )


@cache
def a_report(runs: int = 12) -> MonitorReport:
    """Return July against January, as the last of so many runs that were January and then drifted."""
    report: MonitorReport | None = None
    for number in range(1, runs):
        signals = (a_data_drift(2 + number % 5), a_performance(0.9 - 0.008 * number))
        end = START - timedelta(days=runs - number)
        report = assemble(a_header(end), (*signals, a_performance(0.89 - 0.004 * number, is_estimated=True)), report)
    quality = SignalReport(
        signal="data-quality",
        verdict="no-drift",
        sentence="No rule of data quality is broken; 2 things are odd.",
        rows=28_000,
        findings=("dep_delay: 12 rows below the smallest value that the reference had (-30)", "3 rows came twice"),
    )
    concept = SignalReport(
        signal="concept-drift",
        verdict="insufficient-data",
        sentence="180 scored rows have a label by now; 200 are needed",
        rows=180,
    )
    last = (a_data_drift(7, dest=0.2), quality, a_performance(0.78), a_performance(0.81, is_estimated=True), concept)
    return assemble(a_header(), last, report)
