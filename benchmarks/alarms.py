"""How often the monitor's signals alarm where nothing drifted, and whether they find what did; rivals' rules beside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.harness.alarm_held_out import held_out_figures
from benchmarks.harness.alarm_signals import concept_figures, estimated_figures, quality_figures
from benchmarks.harness.alarm_tables import (
    employment,
    flight_year,
    independent,
    moved,
    neighbourhoods,
    weather,
)
from benchmarks.harness.spec import Benchmark, Figure, Goal, NotMeasurableHereError, Run
from benchmarks.rivals.drift_alarms import RIVALS
from local.flights.data import CATEGORICAL, FEATURES, NUMERIC
from shared.drift.compare import compare
from shared.drift.profile import profile
from shared.drift.report import DriftReport, DriftRules

if TYPE_CHECKING:
    import pandas as pd

SEED = 20261120
WINDOW_ROWS = 10_000
SHIFT = 0.25
# What a policy gets that names nothing, and one that keeps quiet about smaller changes.
DEFAULT, COARSE = DriftRules(), DriftRules(min_effect=0.1)
IID = Goal("<=", 1)
WEEKS = Goal("<=", 5)


@dataclass(frozen=True, slots=True)
class Size:
    """Runs on independent rows, and how far apart the windows of flights begin."""

    runs: int
    stride: int


def independent_figures(rows: tuple[int, int], runs: int) -> list[Figure]:
    """Return the share of runs with any alarm over 20 columns, none of which drifted."""
    reports = []
    for run in range(runs):
        reference = profile(independent(rows[0], SEED + 2 * run))
        reports.append(compare(reference, independent(rows[1], SEED + 2 * run + 1), DEFAULT))
    what = f"independent rows, 20 columns, {rows[0]:,} against {rows[1]:,}: runs with an alarm"
    return alarm_figures(f"iid_{rows[0] // 1000}k_{rows[1] // 1000}k", what, reports, IID)


def halves_figures(frame: pd.DataFrame, runs: int) -> list[Figure]:
    reports = []
    for run in range(runs):
        order = np.random.default_rng(SEED + run).permutation(len(frame))
        half = len(frame) // 2
        reports.append(compare(profile(frame.iloc[order[:half]]), frame.iloc[order[half:]], DEFAULT))
    return alarm_figures("flights_halves", "flights of January, random halves: runs with an alarm", reports, IID)


def weeks_figures(year: pd.DataFrame, stride: int, run: Run) -> list[Figure]:
    """Return false alarms and power on windows of consecutive flights, each against the ten windows around it."""
    normal: list[DriftReport] = []
    coarse: list[DriftReport] = []
    shifted: dict[str, list[DriftReport]] = {name: [] for name in NUMERIC}
    for number, (around, window) in enumerate(neighbourhoods(year, WINDOW_ROWS, stride)):
        run.progress(f"flights, window {number + 1}")
        import pandas as pd

        whole = pd.concat(around)
        reference = profile(whole)
        normal.append(compare(reference, window, DEFAULT))
        coarse.append(compare(reference, window, COARSE))
        for name, found in shifted.items():
            found.append(compare(reference, moved(window, name, SHIFT, whole), DEFAULT))
    what = f"flights, {len(normal)} windows of {WINDOW_ROWS:,} in a row against the ten around: windows with an alarm"
    figures = alarm_figures("flights_windows", what, normal, WEEKS)
    figures.append(Figure("alarms.flights_windows.coarse", share(coarse), "%", "the same with min_effect .1"))
    seen = {name: [_is_found(name, each) for each in reports] for name, reports in shifted.items()}
    for name, found_in in seen.items():
        text = f"the same, {name} moved by {SHIFT} standard deviations: found in that column"
        figures.append(Figure(f"alarms.flights_windows.power_{name}", 100 * float(np.mean(found_in)), "%", text))
    power = 100 * float(np.mean([each for found_in in seen.values() for each in found_in]))
    text = f"all of these together: {SHIFT} standard deviations found"
    return [*figures, Figure("alarms.flights_windows.power", power, "%", text, Goal(">=", 95))]


def _is_found(column: str, report: DriftReport) -> bool:
    return any(each.name == column for each in report.drifted)


def employment_figures() -> list[Figure]:
    reference, later = employment(WINDOW_ROWS)
    known = profile(reference)
    reports = [compare(known, each, DEFAULT) for each in later]
    what = (
        f"census of Massachusetts, 2016 to 2018 against 2015, {len(reports)} windows of {WINDOW_ROWS:,}: with an alarm"
    )
    coarse = share([compare(known, each, COARSE) for each in later])
    text = "the same with min_effect .1: ancestry's codes did change a little in 2018"
    figures = alarm_figures("employment", what, reports, WEEKS)
    return [*figures, Figure("alarms.employment.coarse", coarse, "%", text)]


def found_figures(year: pd.DataFrame) -> list[Figure]:
    """Return how many columns were found in what did drift, and that neighbouring months are left alone."""
    features = [*NUMERIC, *CATEGORICAL]
    january, february, july = (year.loc[year["month"] == month, features] for month in (1, 2, 7))
    known = profile(january)
    quiet, loud = compare(known, february), compare(known, july)
    skies = weather()
    columns = [name for name in skies.columns if name not in ("month", "time_hour")]
    storm = compare(profile(skies.loc[skies["month"] == 1, columns]), skies.loc[skies["month"] == 7, columns])
    return [
        Figure(
            "alarms.flights_jan_feb.columns",
            len(quiet.drifted),
            "",
            f"February against January: {quiet.sentence}",
            Goal("=", 0),
        ),
        Figure(
            "alarms.flights_jan_jul.columns",
            len(loud.drifted),
            "",
            f"July against January: {loud.sentence}",
            Goal(">=", 1),
        ),
        Figure(
            "alarms.weather_jan_jul.columns",
            len(storm.drifted),
            "",
            f"Weather, July against January: {storm.sentence}",
            Goal(">=", 5),
        ),
        *(
            Figure(f"alarms.flights_jan_jul.{rival}", float(rule(loud)), "", f"July by {name}: 1 is an alarm")
            for rival, (name, rule) in RIVALS.items()
        ),
    ]


def alarm_figures(name: str, what: str, reports: Sequence[DriftReport], goal: Goal) -> list[Figure]:
    """Return our share of alarms, and each rival's on the same windows."""
    found = [Figure(f"alarms.{name}.ours", share(reports), "%", what, goal)]
    for rival, (words, rule) in RIVALS.items():
        by_them = 100 * float(np.mean([rule(each) for each in reports]))
        found.append(Figure(f"alarms.{name}.{rival}", by_them, "%", f"{words}, likewise"))
    return found


def share(reports: Sequence[DriftReport]) -> float:
    return 100 * float(np.mean([each.verdict == "drift" for each in reports]))


def measure(size: Size, run: Run) -> list[Figure]:
    figures: list[Figure] = []
    for rows in ((10_000, 1_000), (10_000, 10_000)):
        run.progress(f"{size.runs} runs of independent rows, {rows[0]:,} against {rows[1]:,}")
        figures += independent_figures(rows, size.runs)
    year = flight_year()
    figures += halves_figures(year.loc[year["month"] == 1, list(FEATURES)], size.runs)
    figures += weeks_figures(year[list(FEATURES)], size.stride, run)
    figures += found_figures(year)
    run.progress("data quality and concept drift of flights")
    figures += quality_figures(year, WEEKS)
    figures += concept_figures(year, WEEKS)
    figures += held_out_figures(run.progress)
    figures += _if_there(run, employment_figures)
    return figures + _if_there(run, lambda: estimated_figures(WEEKS))


def _if_there(run: Run, figures: Callable[[], list[Figure]]) -> list[Figure]:
    try:
        return figures()
    except NotMeasurableHereError as exc:
        run.progress(f"left out: {exc}")
        return []


def run(run: Run) -> Sequence[Figure]:
    return measure(Size(500, 2_500) if run.is_long else Size(60, 5_000), run)


SPEC = Benchmark(
    "alarms", "false alarms and power of the monitor's signals, beside four rivals' rules", run, takes_minutes=True
)
