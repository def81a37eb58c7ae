"""`python -m tests.simulation.controller SEED [--trace] [--variant NAME] [--seeds N]`: one seed, or many."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from tests.simulation.controller.simulate import simulate
from tests.simulation.controller.variants import VARIANTS, broken
from tests.simulation.studio import studio, without_json


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.controller", description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--seeds", type=int, default=1, help="how many, from SEED on")
    parser.add_argument("--variant", choices=sorted(VARIANTS), help="break something first")
    parser.add_argument("--trace", action="store_true", help="print every call")
    asked = parser.parse_args()
    lines: list[str] | None = [] if asked.trace else None
    failed, states, began = 0, Counter[str](), time.perf_counter()
    with studio(), without_json(), broken(asked.variant) as parts:
        for seed in range(asked.seed, asked.seed + asked.seeds):
            report = simulate(seed, parts, lines)
            print(*(lines or ()), sep="\n", end="\n" if lines else "")
            for violation in report.violations:
                print(f"seed {seed}: {violation}")
            failed += bool(report.violations)
            states.update(report.states)
    took = time.perf_counter() - began
    print(f"{asked.seeds} seeds in {took:.1f} s, {failed} with broken promises; {dict(states)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
