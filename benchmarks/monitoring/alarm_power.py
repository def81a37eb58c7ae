"""Whether the whole look finds what did happen: faults put into windows where nothing else did, and a slow drift."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.harness.spec import Figure, Goal
from benchmarks.monitoring.watched_table import TableLook, WatchedTable

if TYPE_CHECKING:
    import pandas as pd

SEED = 20261130
SHIFT, POINTS = 0.25, 0.05
SLOW, LEVELS, SLOW_WINDOWS, SLOW_ROWS = 0.05, 0.1, 40, 1_000
Fault = Callable[["pd.DataFrame", str, "pd.DataFrame"], "pd.DataFrame"]


def shifted(window: pd.DataFrame, column: str, reference: pd.DataFrame) -> pd.DataFrame:
    return window.assign(**{column: window[column] + SHIFT * float(reference[column].std())})


def moved_points(window: pd.DataFrame, column: str, reference: pd.DataFrame) -> pd.DataFrame:
    """Give five rows of a hundred that had the most frequent category the next one: what is hardest to see."""
    first, second = reference[column].value_counts().index[:2]
    return _with(window, column, str(second), (window[column] == first).to_numpy())


def new_category(window: pd.DataFrame, column: str, _: pd.DataFrame) -> pd.DataFrame:
    return _with(window, column, "never seen", np.ones(len(window), dtype=bool))


def missing(window: pd.DataFrame, column: str, _: pd.DataFrame) -> pd.DataFrame:
    return _with(window, column, None, window[column].notna().to_numpy())


def _with(
    window: pd.DataFrame, column: str, value: object, among: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> pd.DataFrame:
    values = window[column].astype(object).to_numpy(copy=True)
    rows = np.random.default_rng(SEED).permutation(np.flatnonzero(among))[: round(POINTS * len(window))]
    values[rows] = value
    return window.assign(**{column: values}).infer_objects()


NUMBERS: Mapping[str, tuple[Fault, str, int]] = {
    "shift": (shifted, "moved by a quarter of a standard deviation", 95),
    "unit": (lambda rows, name, _: rows.assign(**{name: rows[name] * 1000}), "in another unit, a thousandfold", 95),
    "sign": (lambda rows, name, _: rows.assign(**{name: -rows[name] - 1}), "of another sign", 95),
    "constant": (lambda rows, name, _: rows.assign(**{name: rows[name].iloc[0]}), "always the same", 95),
    "missing": (missing, "missing in five rows of a hundred more", 95),
}
CATEGORIES: Mapping[str, tuple[Fault, str, int]] = {
    "points": (moved_points, "five points of one category are another", 80),
    "new": (new_category, "a new category in five rows of a hundred", 95),
}


@dataclass(frozen=True, slots=True)
class Case:
    """A window where nothing happened, and what it is compared with."""

    reference: pd.DataFrame
    window: pd.DataFrame


def power_figures(
    name: str, what: str, cases: Iterable[Case], numbers: Sequence[str], categories: Sequence[str], answer: str
) -> list[Figure]:
    """Return how often each fault is found in the very column that has it, whichever signal names it."""
    detected: dict[str, list[bool]] = {}
    for case in cases:
        table = WatchedTable(case.reference, answer, len(case.window))
        for faults, columns in ((NUMBERS, numbers), (CATEGORIES, categories)):
            for fault, (spoil, _, _) in faults.items():
                names = [table.look(spoil(case.window, column, case.reference)).names(column) for column in columns]
                detected.setdefault(fault, []).extend(names)
    return [
        Figure(
            f"alarms.power.{name}.{fault}",
            100 * float(np.mean(detected[fault])),
            "%",
            f"{what}, a column {words}: found",
            Goal(">=", at_least),
        )
        for fault, (_, words, at_least) in {**NUMBERS, **CATEGORIES}.items()
    ]


def slow_figures(runs: int) -> list[Figure]:
    """Return how often a drift of a twentieth standard deviation a window is found within forty, with past windows, and
    how often windows without it alarm; each window has a level of its own."""
    first = [_first_alarm(seed, SLOW) for seed in range(runs)]
    quiet = [look.alarms for seed in range(runs) for look in _windows(seed, 0.0)]
    detected = [number for number in first if number is not None]
    what = f"{runs} slow drifts of {SLOW} standard deviations a window, levels varying by {LEVELS}"
    return [
        Figure(
            "alarms.slow.found", 100 * len(detected) / runs, "%", f"{what}: found within 40 windows", Goal(">=", 75)
        ),
        Figure(
            "alarms.slow.window",
            float(np.median(detected)) if detected else float("nan"),
            "",
            "the window that does, median",
        ),
        Figure(
            "alarms.slow.quiet",
            100 * float(np.mean(quiet)),
            "%",
            "the same windows without drift: with an alarm",
            Goal("<=", 5),
        ),
    ]


def _first_alarm(seed: int, drift: float) -> int | None:
    return next((number for number, look in enumerate(_windows(seed, drift), 1) if look.alarms), None)


def _windows(seed: int, drift: float) -> Iterable[TableLook]:
    import pandas as pd

    chance = np.random.default_rng([SEED, seed])

    def rows(level: float) -> pd.DataFrame:
        values = chance.normal(level + chance.normal(0, LEVELS), 1, SLOW_ROWS)
        return pd.DataFrame({"moving": values, "answer": chance.normal(size=SLOW_ROWS)})

    table, previous = WatchedTable(pd.concat([rows(0.0) for _ in range(20)]), "answer", SLOW_ROWS), None
    for number in range(1, SLOW_WINDOWS + 1):
        previous = table.look(rows(drift * number), previous)
        yield previous
