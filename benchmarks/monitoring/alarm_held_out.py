"""False alarms of the whole look on data that no rule was chosen on, beside those of rivals' rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.harness.spec import Figure, Goal, NotMeasurableHereError
from benchmarks.monitoring.alarm_tables import AROUND, neighbourhoods
from benchmarks.monitoring.held_out import IN_ORDER, MIXED, HeldOut
from benchmarks.monitoring.watched_table import TableLook, WatchedTable
from benchmarks.rivals.drift_alarms import RIVALS

if TYPE_CHECKING:
    import pandas as pd

SEED = 20261130
WINDOWS = 30
HALVES = 20


def held_out_figures(say: Callable[[str], None]) -> list[Figure]:
    """Return the share of windows with an alarm against the ten around and the ten before, and of random halves."""
    figures: list[Figure] = []
    looks: dict[str, list[TableLook]] = {"around": [], "before": [], "halves": []}
    for name, held_out in {**IN_ORDER, **MIXED}.items():
        say(f"held out: {name}")
        try:
            frame = held_out.read()
        except NotMeasurableHereError as exc:
            say(f"left out: {exc}")
            continue
        if name in IN_ORDER:
            rows = len(frame) // WINDOWS
            what = f"{held_out.what}, {len(frame):,} rows, {len(frame.columns)} columns, windows of {rows:,}"
            for kind, places in (("around", neighbourhoods), ("before", _after_ten)):
                looks_around = [_look(held_out, *place) for place in places(frame, rows, rows)]
                looks[kind] += looks_around
                figures.append(_figure(f"{name}.{kind}", looks_around, f"{what}, against the ten {kind}"))
        looks["halves"] += [_halves(held_out, frame, seed) for seed in range(HALVES)]
    words = {
        "around": "windows of all sets against the ten around",
        "before": "windows of all sets against the ten before",
    }
    for kind, goal in (("around", 5), ("before", 10)):
        figures += _all_figures(kind, looks[kind], words[kind], goal)
    return [*figures, *_all_figures("halves", looks["halves"], "random halves of all sets", 1)]


def _figure(name: str, looks: Sequence[TableLook], what: str, goal: Goal | None = None) -> Figure:
    share = 100 * float(np.mean([look.alarms for look in looks])) if looks else float("nan")
    return Figure(f"alarms.held_out.{name}", share, "%", what, goal)


def _all_figures(kind: str, looks: Sequence[TableLook], words: str, at_most: float) -> list[Figure]:
    """Return our share over all sets, that of each signal, and each rival's."""
    figures = [_figure(f"all.{kind}", looks, f"held out, {len(looks)} {words}: with an alarm", Goal("<=", at_most))]
    for signal in ("data-drift", "data-quality", "prediction-drift"):
        shares = 100 * float(np.mean([look.verdict(signal) == "drift" for look in looks]))
        figures.append(Figure(f"alarms.held_out.all.{kind}.{signal}", shares, "%", f"of these, {signal} did"))
    for rival, (text, rule) in RIVALS.items():
        by_them = 100 * float(np.mean([rule(look.compared) for look in looks]))
        figures.append(Figure(f"alarms.held_out.all.{kind}.{rival}", by_them, "%", f"{text}, likewise"))
    return figures


def _look(held_out: HeldOut, places: Sequence[pd.DataFrame], window: pd.DataFrame) -> TableLook:
    import pandas as pd

    return WatchedTable(pd.concat(places), held_out.answer, len(window)).look(window)


def _after_ten(frame: pd.DataFrame, rows: int, stride: int) -> Iterator[tuple[list[pd.DataFrame], pd.DataFrame]]:
    for start in range(AROUND * rows, len(frame) - rows + 1, stride):
        places = range(start - AROUND * rows, start, rows)
        yield [frame.iloc[place : place + rows] for place in places], frame.iloc[start : start + rows]


def _halves(held_out: HeldOut, frame: pd.DataFrame, seed: int) -> TableLook:
    order = np.random.default_rng(SEED + seed).permutation(len(frame))
    half = len(frame) // 2
    return _look(held_out, [frame.iloc[order[:half]]], frame.iloc[order[half:]])
