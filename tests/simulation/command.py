"""The command line of both simulators: one seed, or with `--seeds N` many from SEED on."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

P = TypeVar("P")
# So often a long run says how far it is.
EVERY = 1_000


class Report(Protocol):
    @property
    def violations(self) -> tuple[str, ...]: ...


def main(
    module: str,
    simulate: Callable[[int, P, list[str] | None], Report],
    broken: Callable[[str | None], AbstractContextManager[P]],
    variants: Collection[str],
) -> int:
    """Run what the command line asks for and return its exit code: 1 for a broken promise."""
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=__doc__)
    parser.add_argument("seed", type=int)
    parser.add_argument("--seeds", type=int, default=1, help="how many, from SEED on")
    parser.add_argument("--variant", choices=sorted(variants), help="break something first")
    parser.add_argument("--trace", action="store_true", help="print every call")
    args = parser.parse_args()
    failed, began = 0, time.perf_counter()
    with broken(args.variant) as parts:
        for number, seed in enumerate(range(args.seed, args.seed + args.seeds), start=1):
            lines: list[str] | None = [] if args.trace else None
            report = simulate(seed, parts, lines)
            for line in (*(lines or ()), *(f"seed {seed}: {violation}" for violation in report.violations)):
                print(line)
            failed += bool(report.violations)
            if number % EVERY == 0 or number == args.seeds:
                took = time.perf_counter() - began
                print(f"{number:,} seeds to {seed} in {took:.1f} s, {failed} with broken promises", flush=True)
    return 1 if failed else 0
