"""What a cold start costs: importing the app in a fresh process, beside the least that any app has to import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.harness.spec import Benchmark, BenchmarkError, Figure, Goal, Run

APP, FLOOR, RIVAL = "function_app", "azure.functions", "azure.ai.ml"
PARTS = "shared.bootstrap"
HEAVY = (
    "azure.ai.ml",
    "azure.eventgrid",
    "azure.identity",
    "azure.monitor",
    "azure.storage",
    "numpy",
    "opentelemetry",
    "pandas",
    "pyarrow",
    "scipy",
)
REPETITIONS, LONG_REPETITIONS = 7, 25
RATIO_GOAL = Goal("<=", 1.5)
ROOT = Path(__file__).resolve().parents[2]

# Linux's ru_maxrss is no use: it survives exec, so a child would report the size of whoever started it.
PROBE = """
import importlib, json, sys, time
start = time.perf_counter()
importlib.import_module(sys.argv[1])
seconds = time.perf_counter() - start
def peak_bytes():
    if sys.platform == "linux":
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    if sys.platform == "win32":
        import psutil
        return psutil.Process().memory_info().peak_wset
    import resource
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"seconds": seconds, "peak_bytes": peak_bytes(), "modules": list(sys.modules)}))
"""


@dataclass(frozen=True, slots=True)
class Import:
    """One import in a process of its own; `modules` are all that were loaded at its end."""

    seconds: float
    peak_bytes: int
    modules: tuple[str, ...]


def import_fresh(module: str) -> Import:
    """Import the module in a new process.

    Raises:
        BenchmarkError: the import failed.
    """
    environment = {name: value for name, value in os.environ.items() if name != "FUNCTIONS_WORKER_RUNTIME"}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, module],
        cwd=ROOT,
        env={**environment, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchmarkError(f"import {module} failed: {done.stderr.strip().splitlines()[-1]}")
    result = json.loads(done.stdout.splitlines()[-1])
    return Import(result["seconds"], result["peak_bytes"], tuple(result["modules"]))


def heavy_modules(modules: Sequence[str]) -> list[str]:
    """Return those that belong to an SDK or library which the app must not load when it starts."""
    return [name for name in modules if any(name == heavy or name.startswith(f"{heavy}.") for heavy in HEAVY)]


def run(run: Run) -> list[Figure]:
    repetitions = LONG_REPETITIONS if run.is_long else REPETITIONS
    for module in (FLOOR, APP, PARTS, RIVAL):
        run.progress(f"import {module} once, so that its bytecode is written")
        import_fresh(module)
    measured: dict[str, list[Import]] = {FLOOR: [], APP: [], PARTS: [], RIVAL: []}
    for number in range(repetitions):
        run.progress(f"round {number + 1} of {repetitions}")
        for module, imports in measured.items():
            imports.append(import_fresh(module))
    return figures(measured)


def figures(measured: Mapping[str, Sequence[Import]]) -> list[Figure]:
    """Return medians; repetitions were taken in turn, so that passing load hits all modules."""
    in_turn = [measured[module] for module in (APP, PARTS, FLOOR, RIVAL)]
    app_ms, parts_ms, floor_ms, rival_ms = (median(one.seconds for one in imports) * 1000 for imports in in_turn)
    app_mb, _, floor_mb, rival_mb = (median(one.peak_bytes for one in imports) / 2**20 for imports in in_turn)
    heavy = heavy_modules(measured[APP][-1].modules)
    return [
        Figure("imports.ms", app_ms, "ms", f"import {APP}"),
        Figure("imports.floor_ms", floor_ms, "ms", f"import {FLOOR}, the floor"),
        Figure("imports.rival_ms", rival_ms, "ms", f"import {RIVAL}"),
        Figure("imports.time_ratio", app_ms / floor_ms, "x", "time, ours / floor", RATIO_GOAL),
        Figure("imports.first_use_ms", parts_ms, "ms", f"import {PARTS}, which the first event waits for"),
        Figure("imports.mb", app_mb, "MB", f"peak memory of a process that imports {APP}"),
        Figure("imports.floor_mb", floor_mb, "MB", f"of one that imports {FLOOR}"),
        Figure("imports.rival_mb", rival_mb, "MB", f"of one that imports {RIVAL}"),
        Figure("imports.memory_ratio", app_mb / floor_mb, "x", "peak memory, ours / floor", RATIO_GOAL),
        Figure("imports.heavy_modules", len(heavy), "", "modules of heavy SDKs that were loaded", Goal("=", 0)),
    ]


SPEC = Benchmark("imports", "import time and peak memory of the app in a fresh process", run)
