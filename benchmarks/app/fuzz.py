"""Every parser of outside input, fed with hostile input: what escapes, and what memory it takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.app.fuzzing import Fuzzed, engine
from benchmarks.harness.spec import Benchmark, BenchmarkError, Figure, Goal, Run

SECONDS, LONG_SECONDS = 4.0, 120.0
AT_ONCE = 2
MOST_MB = 100
ROOT = Path(__file__).resolve().parents[2]


def fuzz_apart(parser: str, seconds: float) -> Fuzzed:
    """Fuzz one parser in a process of its own, so that its memory is its own.

    Raises:
        BenchmarkError: the process ended without telling anything.
    """
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.app.fuzzing", parser, str(seconds)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchmarkError(f"fuzzing {parser} ended with exit code {done.returncode}: {done.stderr.strip()[-1000:]}")
    return Fuzzed(**json.loads(done.stdout.splitlines()[-1]))


def run(run: Run) -> list[Figure]:
    from tests.fuzz.parsers import PARSERS

    seconds = LONG_SECONDS if run.is_long else SECONDS
    run.progress(f"{len(PARSERS)} parsers, {seconds:g} s each, {AT_ONCE} at once, by {engine()}")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = dict(zip(PARSERS, pool.map(lambda parser: fuzz_apart(parser, seconds), PARSERS), strict=True))
    for parser, result in results.items():
        if result.uncaught:
            run.progress(f"{parser}: {result.uncaught}")
    return figures(results)


def figures(results: Mapping[str, Fuzzed]) -> list[Figure]:
    """Return what escaped in all, the most memory that a parser took, and the runs of each."""
    return [
        Figure("fuzz.uncaught", _uncaught(results), "", "parsers with an uncaught exception", Goal("=", 0)),
        Figure(
            "fuzz.peak_mb",
            max(result.peak_mb for result in results.values()),
            "MB",
            f"most memory that a parser took ({max(results, key=lambda parser: results[parser].peak_mb)})",
            Goal("<=", MOST_MB),
        ),
        Figure("fuzz.runs", sum(result.runs for result in results.values()), "", "inputs in all"),
        *(_runs(parser, result) for parser, result in results.items()),
    ]


def _uncaught(results: Mapping[str, Fuzzed]) -> int:
    return sum(1 for result in results.values() if result.uncaught)


def _runs(parser: str, fuzzed: Fuzzed) -> Figure:
    per_second = fuzzed.runs / fuzzed.seconds if fuzzed.seconds else 0
    what = f"inputs to {parser} by {fuzzed.engine}, {per_second:,.0f}/s, {fuzzed.peak_mb:.0f} MB"
    return Figure(f"fuzz.{parser.replace('-', '_')}_runs", fuzzed.runs, "", what)


SPEC = Benchmark("fuzz", "hostile inputs to every parser: exceptions that escape, and memory", run, takes_minutes=True)
