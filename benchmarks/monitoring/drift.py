"""The app's look at two tables, for drift and data quality, beside other libraries' drift on the same parquet files.

Each comparison runs in a process of its own, from the files to the verdicts; imports are measured apart.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.harness.spec import Benchmark, BenchmarkError, Figure, Goal, Run
from benchmarks.rivals.drift_tables import write_table
from benchmarks.rivals.environments import PINNED, interpreter, make

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "benchmarks" / "rivals" / "drift_runs.py"
SEED = 20261120
# Moved by a fiftieth of a standard deviation: significant in a million rows, and too little to matter.
SHIFT = 0.02
OURS = ("floor", "ours", "ours_stored")


@dataclass(frozen=True, slots=True)
class Size:
    """A table; a fifth of its columns hold categories, the others numbers."""

    rows: int
    columns: int
    repetitions: int

    def __str__(self) -> str:
        return f"{self.rows:,} rows x {self.columns} columns"


# With a hundred thousand rows Evidently takes seconds; with a million, minutes.
SHORT, LONG, STREAMED = Size(100_000, 20, 3), Size(1_000_000, 50, 3), Size(10_000_000, 50, 1)


@dataclass(frozen=True, slots=True)
class Measured:
    """One comparison: seconds of wall clock, of CPU and of imports, and the peak of memory in MB."""

    wall: float
    cpu: float
    imports: float
    peak_mb: float


def compared(library: str, reference: Path, window: Path, python: Path | str = sys.executable) -> Measured:
    """Return what a comparison by the library took, in a new process.

    Raises:
        BenchmarkError: it failed; the message ends with its output.
    """
    command = [str(python), str(PROGRAM), library, str(reference), str(window)]
    paths = {"PYTHONPATH": str(ROOT)} if str(python) == sys.executable else {}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **paths}, cwd=ROOT)
    if done.returncode:
        raise BenchmarkError(f"{library} failed: {done.stderr.strip()[-800:]}")
    return Measured(**json.loads(done.stdout.strip().splitlines()[-1]))


def measure(size: Size, run: Run, folder: Path) -> dict[str, list[Measured]]:
    """Return what each library took, ours in turn with the others."""
    reference, window = tables(size, run, folder)
    rivals = {name: python for name in PINNED if (python := interpreter(name))}
    measured: dict[str, list[Measured]] = {name: [] for name in (*OURS, *rivals)}
    for number in range(size.repetitions):
        for name in OURS:
            run.progress(f"round {number + 1} of {size.repetitions}: {name}")
            measured[name].append(compared(name, reference, window))
        # A second round of minutes would tell little more.
        for name, python in rivals.items() if number == 0 else ():
            run.progress(f"{name}, {size}")
            measured[name].append(compared(name, reference, window, python))
    return measured


def tables(size: Size, run: Run, folder: Path) -> tuple[Path, Path]:
    run.progress(f"writing two tables of {size}")
    reference, window = folder / f"reference-{size.rows}.parquet", folder / f"window-{size.rows}.parquet"
    write_table(reference, size.rows, size.columns, SEED)
    write_table(window, size.rows, size.columns, SEED + 1, SHIFT)
    return reference, window


def figures(measured: dict[str, list[Measured]], size: Size) -> list[Figure]:
    wall = {name: median(run.wall for run in runs) for name, runs in measured.items()}
    cpu = {name: median(run.cpu for run in runs) for name, runs in measured.items()}
    ours, stored, floor = wall["ours"], wall["ours_stored"], wall["floor"]
    is_long = size == LONG
    shown = [
        Figure("drift.ours_ms", ours * 1000, "ms", f"a version's first look: both files, drift and quality, {size}"),
        Figure("drift.ours_cpu_ms", cpu["ours"] * 1000, "ms", "the same, seconds of CPU"),
        Figure("drift.stored_ms", stored * 1000, "ms", "the next look: the window's file alone"),
        Figure("drift.floor_ms", floor * 1000, "ms", "both files read, each column of numbers sorted, two threads"),
        Figure("drift.of_floor", ours / floor, "x", "ours / floor", Goal("<=", 0.3 if is_long else 2)),
        Figure("drift.of_floor_cpu", cpu["ours"] / cpu["floor"], "x", "the same of CPU"),
        Figure("drift.stored_of_ours", stored / ours, "x", "the next look / the first", Goal("<=", 0.5)),
        Figure(
            "drift.peak_mb",
            max(run.peak_mb for run in measured["ours"]),
            "MB",
            "most memory of the first look",
            Goal("<=", 500),
        ),
    ]
    rivals = [name for name in measured if name not in OURS]
    for name in rivals:
        goal = Goal(">=", 150) if name == "evidently" and is_long else None
        words = f"{PINNED[name][0]}: {wall[name]:.1f} s, {measured[name][0].peak_mb:,.0f} MB"
        shown.append(Figure(f"drift.times_{name}", wall[name] / ours, "x", f"{words}; / ours", goal))
        shown.append(Figure(f"drift.times_{name}_cpu", cpu[name] / cpu["ours"], "x", "the same of CPU"))
    if rivals:
        fastest = min(wall[name] for name in rivals)
        goal = Goal(">=", 15) if is_long else None
        shown.append(Figure("drift.times_fastest", fastest / ours, "x", "fastest of them / ours", goal))
    return shown


def streamed(run: Run, folder: Path, peak_mb: float) -> list[Figure]:
    """Return what ten million rows take; `peak_mb` is the peak of memory for a million."""
    reference, window = tables(STREAMED, run, folder)
    run.progress(f"ours, {STREAMED}")
    measured = compared("ours", reference, window)
    return [
        Figure("drift.streamed_s", measured.wall, "s", f"a version's first look, {STREAMED}"),
        Figure("drift.streamed_mb", measured.peak_mb, "MB", "most memory", Goal("<=", 600)),
        Figure("drift.streamed_growth", measured.peak_mb / peak_mb, "x", "most memory / that of a million rows"),
    ]


def run(run: Run) -> list[Figure]:
    if run.with_rivals:
        make(run.progress)
    elif not any(interpreter(name) for name in PINNED):
        run.progress("no other library is installed for a comparison: --rivals installs them")
    size = LONG if run.is_long else SHORT
    with tempfile.TemporaryDirectory(prefix="vigia-drift-") as name:
        folder = Path(name)
        measured = measure(size, run, folder)
        shown = figures(measured, size)
        if run.is_long:
            shown += streamed(run, folder, max(one.peak_mb for one in measured["ours"]))
    return shown


SPEC = Benchmark("drift", "the look at two tables for drift and quality, beside other libraries and a floor", run)
