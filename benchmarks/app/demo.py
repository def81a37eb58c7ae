"""The whole story of the demo: how long it takes, and whether anything happened twice."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.harness.spec import Benchmark, BenchmarkError, Figure, Goal, NotMeasurableHereError, Run

MODULE = "local.demo"
ROOT = Path(__file__).resolve().parents[2]
# It ends by itself, when nothing moves any more.
TIMEOUT_SECONDS = 7200
LINES_SHOWN = 12


def run(run: Run) -> list[Figure]:
    if importlib.util.find_spec(f"{MODULE}.__main__") is None:
        raise NotMeasurableHereError(f"this checkout has no {MODULE}")
    with tempfile.TemporaryDirectory(prefix="vigia-bench-") as folder:
        outcome = Path(folder) / "outcome.json"
        run.progress("playing the demo, which takes about three minutes")
        return figures(play([sys.executable, "-m", MODULE, "--json", str(outcome)], outcome))


def play(command: list[str], outcome: Path) -> Mapping[str, Any]:
    """Run the demo and return what it wrote to `outcome`, also when it ended badly.

    Raises:
        BenchmarkError: it wrote nothing, or never ended.
    """
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired as exc:
        raise BenchmarkError(f"the demo had not ended after {TIMEOUT_SECONDS} s") from exc
    if not outcome.exists():
        output = "\n".join(f"  | {line}" for line in done.stdout.strip().splitlines()[-LINES_SHOWN:])
        raise BenchmarkError(f"the demo ended with exit code {done.returncode} and wrote no outcome:\n{output}")
    result: Mapping[str, Any] = json.loads(outcome.read_text(encoding="utf-8"))
    return result


def figures(outcome: Mapping[str, Any]) -> list[Figure]:
    return [
        Figure(
            "demo.duration_s", float(outcome["duration_s"]), "s", "from first training to rollback", Goal("<=", 200)
        ),
        Figure("demo.duplicate_effects", outcome["duplicate_effects"], "", "effects that happened twice", Goal("=", 0)),
        Figure("demo.ok", int(outcome["ok"]), "", "1: everything that the story promises happened", Goal("=", 1)),
    ]


SPEC = Benchmark("demo", "the whole story on this machine", run, takes_minutes=True)
