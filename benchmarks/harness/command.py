"""The command: runs the benchmarks, prints each figure beside its goal, and sets the exit code."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic

from rich.console import Console

from benchmarks.harness.machine import machine
from benchmarks.harness.registry import specs
from benchmarks.harness.spec import Benchmark, BenchmarkError, Figure, NotMeasurableHereError, Run
from benchmarks.harness.table import as_json, table

ALL_GOALS_MET, GOAL_MISSED, NOT_MEASURED = 0, 1, 2
EXIT_CODES = "exit codes: 0 every goal is met, 1 one is missed, 2 something was not measured"
PLAIN_WIDTH = 120
SECONDS_BETWEEN_LINES = 5
UNKIND_ONLY = "real_canary"


def main(argv: Sequence[str], benchmarks: Mapping[str, Benchmark] | None = None) -> int:
    """Return 0; 1 when a goal is missed; 2 when something could not be measured, or the arguments are not valid."""
    benchmarks = specs() if benchmarks is None else benchmarks
    arguments = _parser(benchmarks).parse_args(argv)
    out, err = _console(), Console(stderr=True, highlight=False)
    if problem := _problem(arguments, benchmarks):
        err.print(f"[red]error:[/] {problem}", soft_wrap=True)
        return NOT_MEASURED
    name, is_long = arguments.name, arguments.long
    chosen = (
        [benchmarks[name]]
        if name
        else [benchmark for benchmark in benchmarks.values() if is_long or not benchmark.takes_minutes]
    )
    out.print(machine())
    figures: list[Figure] = []
    has_failed = False
    for benchmark in chosen:
        try:
            measured = _measure(benchmark, arguments, err)
        except NotMeasurableHereError as exc:
            out.print(f"\n[yellow]{benchmark.name}: skipped:[/] {exc}", soft_wrap=True)
            continue
        except BenchmarkError as exc:
            out.print(f"\n[red]{benchmark.name}: not measured:[/] {exc}", soft_wrap=True)
            has_failed = True
            continue
        out.print(table(benchmark, measured))
        figures += measured
    for benchmark in benchmarks.values():
        if benchmark not in chosen and not name:
            out.print(f"not run: {benchmark.name}, which takes minutes; name it, or add --long", soft_wrap=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(as_json(figures), indent=2) + "\n", encoding="utf-8")
    missed = [figure for figure in figures if figure.is_met is False]
    for figure in missed:
        out.print(f"[red]missed:[/] {figure.name} is {figure.value:.4g}, not {figure.goal}", soft_wrap=True)
    if has_failed:
        return NOT_MEASURED
    return GOAL_MISSED if missed else ALL_GOALS_MET


def _console() -> Console:
    console = Console(highlight=False)
    # In a file or a pipe there is no width to keep to, and 80 columns would break the words.
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def _measure(benchmark: Benchmark, arguments: argparse.Namespace, err: Console) -> Sequence[Figure]:
    options = {option: number for option in benchmark.options if (number := getattr(arguments, option)) is not None}

    lines_to = 0.0

    def tell(text: str) -> None:
        nonlocal lines_to
        if err.is_terminal:
            status.update(f"{benchmark.name}: {text} …")
        elif monotonic() >= lines_to:
            # Some tell many times a second how far they are; a log keeps every line.
            lines_to = monotonic() + SECONDS_BETWEEN_LINES
            err.print(f"{benchmark.name}: {text}", soft_wrap=True)

    with err.status(f"{benchmark.name} …") as status:
        return benchmark.run(Run(arguments.long, tell, arguments.rivals, arguments.unkind, options))


def _problem(arguments: argparse.Namespace, benchmarks: Mapping[str, Benchmark]) -> str:
    """Return what is wrong with the arguments, before minutes are spent on measuring."""
    if arguments.name and arguments.name not in benchmarks:
        return f"there is no benchmark {arguments.name!r}; benchmarks: {', '.join(benchmarks)}"
    if arguments.unkind and arguments.name != UNKIND_ONLY:
        return f"--unkind: only {UNKIND_ONLY} runs on the local system; name it"
    for option in {option for benchmark in benchmarks.values() for option in benchmark.options}:
        if (number := getattr(arguments, option)) is None:
            continue
        if not arguments.name or option not in benchmarks[arguments.name].options:
            able = ", ".join(benchmark.name for benchmark in benchmarks.values() if option in benchmark.options)
            return f"--{option} is understood by {able}; name it"
        if number < 1:
            return f"--{option} {number}: must be 1 or more"
    if arguments.json and not arguments.json.absolute().parent.is_dir():
        return f"--json {arguments.json}: there is no folder {arguments.json.absolute().parent}; make it first"
    if arguments.json and arguments.json.is_dir():
        return f"--json {arguments.json}: is a folder; name a file in it"
    return ""


def _parser(benchmarks: Mapping[str, Benchmark]) -> argparse.ArgumentParser:
    listed = "\n".join(f"  {benchmark.name:<10}{benchmark.summary}" for benchmark in benchmarks.values())
    parser = argparse.ArgumentParser(
        prog="dev.py bench",
        description="Measure Vigia beside a floor or a rival, with the goal beside each figure.",
        epilog=f"benchmarks:\n{listed}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", nargs="?", metavar="NAME", help="one benchmark; without it all that take seconds")
    parser.add_argument("--long", action="store_true", help="more repetitions and larger data, and the slow ones too")
    parser.add_argument(
        "--rivals", action="store_true", help="first install other libraries, pinned, in .vigia/rivals (from PyPI)"
    )
    parser.add_argument("--unkind", action="store_true", help=f"{UNKIND_ONLY} alone: as slow, late and strict as Azure")
    for benchmark in benchmarks.values():
        for option, what in benchmark.options.items():
            parser.add_argument(f"--{option}", type=int, metavar="N", help=f"{benchmark.name}: {what}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    return parser
