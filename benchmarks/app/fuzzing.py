"""Fuzzes one parser, and prints the result as JSON: `python -m benchmarks.app.fuzzing NAME SECONDS`.

With Atheris installed it is led by coverage; without, Hypothesis makes the inputs.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

BATCH = 300
LONGEST_INPUT = 4_096


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """`peak_mb` is how far memory grew beyond what it was before the first input; `uncaught` shows the first exception
    that is none of ours, with its input."""

    engine: str
    runs: int
    seconds: float
    peak_mb: float
    uncaught: str = ""


def engine() -> str:
    return "atheris" if importlib.util.find_spec("atheris") else "hypothesis"


def fuzz(parser: str, seconds: float) -> Fuzzed:
    """Fuzz in this process with Hypothesis, or in a further one with Atheris, which ends its process itself."""
    return _by_atheris(parser, seconds) if engine() == "atheris" else _by_hypothesis(parser, seconds)


def _by_hypothesis(parser: str, seconds: float) -> Fuzzed:
    from hypothesis import HealthCheck, given, settings
    from hypothesis import seed as seeded

    from tests.fuzz.inputs import inputs_for
    from tests.fuzz.parsers import PARSERS, warm_up

    warm_up()
    parse, inputs = PARSERS[parser], inputs_for(parser)
    inputs.validate()
    start_mb, began, runs = memory_mb("VmRSS"), time.monotonic(), 0

    def batch(number: int) -> None:
        @seeded(number)
        @settings(max_examples=BATCH, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(inputs)
        def one(body: bytes) -> None:
            nonlocal runs
            # Hypothesis ends a batch only by its count, and its examples can be slow to make.
            if not runs or time.monotonic() - began < seconds:
                runs += 1
                parse(body)

        one()

    problem, number = "", 0
    while time.monotonic() - began < seconds and not problem:
        try:
            batch(number)
        except Exception:
            problem = traceback.format_exc(limit=-4)
        number += 1
    return Fuzzed("hypothesis", runs, time.monotonic() - began, memory_mb("VmHWM") - start_mb, problem)


def _by_atheris(parser: str, seconds: float) -> Fuzzed:
    from tests.fuzz.inputs import seeds_of

    with tempfile.TemporaryDirectory(prefix="vigia-fuzz-") as folder:
        seeds = Path(folder) / "seeds"
        seeds.mkdir()
        for number, body in enumerate(seeds_of(parser)):
            (seeds / str(number)).write_bytes(body)
        options = [
            f"-max_total_time={max(1, round(seconds))}",
            f"-max_len={LONGEST_INPUT}",
            f"-artifact_prefix={folder}/",
            "-print_final_stats=1",
            "-timeout=5",
            "-rss_limit_mb=1500",
        ]
        command = [sys.executable, "-m", "benchmarks.app.fuzzing_led", parser, *options, str(seeds)]
        began = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        artifacts = sorted(Path(folder).glob("*-*"))
        culprit = artifacts[0].read_bytes()[:500] if artifacts else b""
    output = done.stdout + done.stderr
    problem = f"{output[-3000:]}\ninput: {culprit!r}" if done.returncode else ""
    runs, peak = _stat("number_of_executed_units", output), _stat("peak_rss_mb", output)
    return Fuzzed("atheris", runs, time.monotonic() - began, peak - _stat("before_mb", output), problem)


def _stat(name: str, text: str) -> int:
    match = re.search(rf"stat::{name}:\s+(\d+)", text)
    return int(match[1]) if match else 0


def memory_mb(field: str) -> float:
    """Return this process's VmRSS (now) or VmHWM (at most so far); 0 where the system does not tell."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field)) / 1024


def main(argv: list[str]) -> None:
    result: dict[str, Any] = asdict(fuzz(argv[0], float(argv[1])))
    print(json.dumps(result))


if __name__ == "__main__":
    main(sys.argv[1:])
