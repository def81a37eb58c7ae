"""False alarms on data that no rule was chosen on, through the comparison that `vigia monitor run` makes of files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.harness.alarm_tables import AROUND, neighbourhoods
from benchmarks.harness.held_out import IN_ORDER, MIXED
from benchmarks.harness.spec import Figure, Goal, NotMeasurableHereError
from shared.drift.profile import profile
from shared.drift.report import DriftRules
from shared.engine.monitor_look import compared

if TYPE_CHECKING:
    import pandas as pd

SEED = 20261130
WINDOWS = 30
HALVES = 20


def held_out_figures(say: Callable[[str], None]) -> list[Figure]:
    """Return the share of windows with an alarm against the ten around and the ten before, and of random halves."""
    around: list[bool] = []
    before: list[bool] = []
    halves: list[bool] = []
    figures: list[Figure] = []
    for name, read in {**IN_ORDER, **MIXED}.items():
        say(f"held out: {name}")
        try:
            frame = read()
        except NotMeasurableHereError as exc:
            say(f"left out: {exc}")
            continue
        if name in IN_ORDER:
            rows = len(frame) // WINDOWS
            found = [_alarms(places, window) for places, window in neighbourhoods(frame, rows, rows)]
            later = [_alarms(places, window) for places, window in _after_ten(frame, rows)]
            figures += [
                _figure(name, "around", found, f"{len(found)} windows of {rows:,} against the ten around"),
                _figure(name, "before", later, f"{len(later)} windows of {rows:,} against the ten before"),
            ]
            around, before = around + found, before + later
        halves += [_halves(frame, seed) for seed in range(HALVES)]
    return [
        *figures,
        _figure("all", "around", around, f"{len(around)} windows of all sets in order against the ten around", 5),
        _figure("all", "before", before, f"{len(before)} windows of all sets in order against the ten before", 10),
        _figure("all", "halves", halves, f"{len(halves)} random halves of all sets", 1),
    ]


def _figure(name: str, kind: str, alarms: list[bool], what: str, at_most: float | None = None) -> Figure:
    share = 100 * float(np.mean(alarms)) if alarms else float("nan")
    goal = None if at_most is None else Goal("<=", at_most)
    return Figure(f"alarms.held_out.{name}.{kind}", share, "%", f"held out, {what}: with an alarm", goal)


def _alarms(places: list[pd.DataFrame], window: pd.DataFrame) -> bool:
    import pandas as pd

    rules = DriftRules(minimum_rows=min(len(window), DriftRules().minimum_rows))
    return compared(window, profile(pd.concat(places)), rules).verdict == "drift"


def _after_ten(frame: pd.DataFrame, rows: int) -> Iterator[tuple[list[pd.DataFrame], pd.DataFrame]]:
    for start in range(AROUND * rows, len(frame) - rows + 1, rows):
        places = range(start - AROUND * rows, start, rows)
        yield [frame.iloc[each : each + rows] for each in places], frame.iloc[start : start + rows]


def _halves(frame: pd.DataFrame, seed: int) -> bool:
    order = np.random.default_rng(SEED + seed).permutation(len(frame))
    half = len(frame) // 2
    return _alarms([frame.iloc[order[:half]]], frame.iloc[order[half:]])
