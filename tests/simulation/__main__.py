"""`python -m tests.simulation SEED [--trace] [--variant NAME]`: one seed, or with `--seeds N` many from SEED on."""

from __future__ import annotations

import argparse
import sys
import time

from tests.simulation.simulate import simulate
from tests.simulation.studio import studio
from tests.simulation.variants.registry import VARIANTS, broken


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--seeds", type=int, default=1, help="how many, from SEED on")
    parser.add_argument("--trace", action="store_true", help="print every call")
    parser.add_argument("--variant", choices=sorted(VARIANTS), help="break something first")
    asked = parser.parse_args()
    lines: list[str] | None = [] if asked.trace else None
    failed, began = 0, time.perf_counter()
    with studio(), broken(asked.variant) as parts:
        for seed in range(asked.seed, asked.seed + asked.seeds):
            report = simulate(seed, parts, lines)
            print(*(lines or ()), sep="\n", end="\n" if lines else "")
            for violation in report.violations:
                print(f"seed {seed}: {violation}")
            failed += bool(report.violations)
    took = time.perf_counter() - began
    print(f"{asked.seeds} seeds in {took:.1f} s, {failed} with broken promises")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
