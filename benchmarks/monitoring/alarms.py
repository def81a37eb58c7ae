"""How often the app's whole look alarms where nothing drifted, and whether it finds what did; rivals' rules beside.

Data drift, data quality and prediction drift are looked at together, as a policy has them that names nothing else: what
alarms is the look. Concept drift and estimated performance, which need labels, are counted on their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.harness.spec import Benchmark, Figure, Goal, NotMeasurableHereError, Run
from benchmarks.monitoring.alarm_held_out import held_out_figures
from benchmarks.monitoring.alarm_power import Case, power_figures, slow_figures
from benchmarks.monitoring.alarm_signals import chance_figures, concept_figures, estimated_figures, quality_figures
from benchmarks.monitoring.alarm_tables import employment, flight_year, independent, neighbourhoods, weather
from benchmarks.monitoring.watched_table import TableLook, WatchedTable
from benchmarks.rivals.drift_alarms import RIVALS
from local.flights.data import CATEGORICAL, FEATURES, NUMERIC

if TYPE_CHECKING:
    import pandas as pd

SEED = 20261120
WINDOW_ROWS, POWER_ROWS = 10_000, 3_000
# A policy that keeps quiet about smaller changes.
COARSE = 0.1
IID = Goal("<=", 1)
WEEKS = Goal("<=", 5)
# Reference and window of independent rows.
SIZES = ((100, 100), (1_000, 1_000), (10_000, 1_000), (10_000, 10_000), (100_000, 100_000))
# Of larger tables fewer: runs times rows are about the same from here on.
FULL_RUNS_ROWS = 20_000
# The columns that stand for the model's answers.
ANSWER, DELAY, EMPLOYED = "number_0", "dep_delay", "AGEP"


@dataclass(frozen=True, slots=True)
class Size:
    """Runs on independent rows, how far apart the windows of flights begin, and windows that faults are put into."""

    runs: int
    stride: int
    faults: int
    slow: int


def independent_figures(rows: tuple[int, int], runs: int) -> list[Figure]:
    """Return the share of runs with any alarm over 20 columns, none of which drifted."""
    looks = []
    for run in range(runs):
        table = WatchedTable(independent(rows[0], SEED + 2 * run), ANSWER, min(rows))
        looks.append(table.look(independent(rows[1], SEED + 2 * run + 1)))
    what = f"independent rows, 20 columns, {rows[0]:,} against {rows[1]:,}, {runs} runs: with an alarm"
    return alarm_figures(f"iid_{rows[0]}_{rows[1]}", what, looks, IID)


def halves_figures(frame: pd.DataFrame, runs: int) -> list[Figure]:
    looks = []
    for run in range(runs):
        order = np.random.default_rng(SEED + run).permutation(len(frame))
        half = len(frame) // 2
        looks.append(WatchedTable(frame.iloc[order[:half]], DELAY, half).look(frame.iloc[order[half:]]))
    return alarm_figures("flights_halves", f"flights of January, {runs} random halves: with an alarm", looks, IID)


def weeks_figures(year: pd.DataFrame, stride: int, run: Run) -> list[Figure]:
    """Return false alarms on windows of consecutive flights, each against the ten windows around it."""
    import pandas as pd

    normal: list[TableLook] = []
    coarse: list[TableLook] = []
    for number, (around, window) in enumerate(neighbourhoods(year, WINDOW_ROWS, stride)):
        run.progress(f"flights, window {number + 1}")
        whole = pd.concat(around)
        normal.append(WatchedTable(whole, DELAY, WINDOW_ROWS).look(window))
        coarse.append(WatchedTable(whole, DELAY, WINDOW_ROWS, COARSE).look(window))
    what = f"flights, {len(normal)} windows of {WINDOW_ROWS:,} in a row against the ten around: with an alarm"
    figures = alarm_figures("flights_windows", what, normal, WEEKS)
    return [*figures, Figure("alarms.flights_windows.coarse", share(coarse), "%", "the same with min_effect .1")]


def fault_figures(year: pd.DataFrame, windows: int) -> list[Figure]:
    """Return what is found of faults in flights and in independent rows."""
    numbers, categories = [name for name in NUMERIC if name != DELAY], list(CATEGORICAL)
    flights = f"flights, {windows} windows of {POWER_ROWS:,} in a row against the ten around"
    rows = f"independent rows, {windows} windows of {POWER_ROWS:,} against {10 * POWER_ROWS:,}"
    iid = [f"number_{number}" for number in (1, 2, 3)], ["category_0", "category_1", "category_2"]
    return [
        *power_figures("flights", flights, _flight_cases(year, windows), numbers, categories, DELAY),
        *power_figures("iid", rows, _independent_cases(windows), *iid, ANSWER),
    ]


def _flight_cases(year: pd.DataFrame, windows: int) -> Iterator[Case]:
    import pandas as pd

    stride = (len(year) - 11 * POWER_ROWS) // windows
    for around, window in islice(neighbourhoods(year, POWER_ROWS, stride), windows):
        yield Case(pd.concat(around), window)


def _independent_cases(windows: int) -> Iterator[Case]:
    for seed in range(SEED, SEED + 2 * windows, 2):
        yield Case(independent(10 * POWER_ROWS, seed), independent(POWER_ROWS, seed + 1))


def employment_figures() -> list[Figure]:
    reference, later = employment(WINDOW_ROWS)
    table, quiet = (WatchedTable(reference, EMPLOYED, WINDOW_ROWS, floor) for floor in (None, COARSE))
    looks = [table.look(window) for window in later]
    what = f"census of Massachusetts, 2016 to 2018 against 2015, {len(looks)} windows of {WINDOW_ROWS:,}: with an alarm"
    coarse = share([quiet.look(window) for window in later])
    text = "the same with min_effect .1: ancestry's codes did change a little in 2018"
    figures = alarm_figures("employment", what, looks, WEEKS)
    return [*figures, Figure("alarms.employment.coarse", coarse, "%", text)]


def detection_figures(year: pd.DataFrame) -> list[Figure]:
    """Return how many columns were found in what did drift, and that neighbouring months are no alarm."""
    features = [*NUMERIC, *CATEGORICAL]
    january, february, july = (year.loc[year["month"] == month, features] for month in (1, 2, 7))
    table = WatchedTable(january, DELAY, WINDOW_ROWS)
    quiet, loud = table.look(february), table.look(july)
    skies = weather()
    columns = [name for name in skies.columns if name not in ("month", "time_hour")]
    winter, summer = (skies.loc[skies["month"] == month, columns] for month in (1, 7))
    summer_look = WatchedTable(winter, "temp", len(summer)).look(summer)
    return [
        _columns("flights_jan_feb", f"February against January: {quiet.report.sentence}", quiet, Goal("=", 0)),
        _columns("flights_jan_jul", f"July against January: {loud.report.sentence}", loud, Goal(">=", 1)),
        _columns(
            "weather_jan_jul",
            f"Weather, July against January: {summer_look.report.sentence}",
            summer_look,
            Goal(">=", 5),
        ),
        *(
            Figure(f"alarms.flights_jan_jul.{rival}", float(rule(loud.compared)), "", f"July by {name}: 1 is an alarm")
            for rival, (name, rule) in RIVALS.items()
        ),
    ]


def _columns(name: str, what: str, look: TableLook, goal: Goal) -> Figure:
    return Figure(f"alarms.{name}.columns", float(len(look.drifted)), "", what, goal)


def alarm_figures(name: str, what: str, looks: Sequence[TableLook], goal: Goal) -> list[Figure]:
    """Return our share of alarms, and each rival's on the same windows."""
    figures = [Figure(f"alarms.{name}.ours", share(looks), "%", what, goal)]
    for rival, (words, rule) in RIVALS.items():
        by_them = 100 * float(np.mean([rule(look.compared) for look in looks]))
        figures.append(Figure(f"alarms.{name}.{rival}", by_them, "%", f"{words}, likewise"))
    return figures


def share(looks: Sequence[TableLook]) -> float:
    return 100 * float(np.mean([look.alarms for look in looks]))


def measure(size: Size, run: Run) -> list[Figure]:
    figures: list[Figure] = []
    for rows in SIZES:
        runs = max(5, min(size.runs, size.runs * FULL_RUNS_ROWS // sum(rows)))
        run.progress(f"{runs} runs of independent rows, {rows[0]:,} against {rows[1]:,}")
        figures += independent_figures(rows, runs)
    year = flight_year()
    figures += halves_figures(year.loc[year["month"] == 1, list(FEATURES)], size.runs)
    figures += weeks_figures(year[list(FEATURES)], size.stride, run)
    run.progress("faults, and a slow drift")
    figures += fault_figures(year[list(FEATURES)], size.faults)
    figures += slow_figures(size.slow)
    figures += detection_figures(year)
    run.progress("data quality and concept drift of flights")
    figures += quality_figures(year, WEEKS)
    figures += chance_figures(size.faults)
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
    return measure(Size(300, 2_500, 40, 100) if run.is_long else Size(40, 5_000, 10, 20), run)


SPEC = Benchmark(
    "alarms", "false alarms and power of the monitor's whole look, beside rivals' rules", run, takes_minutes=True
)
