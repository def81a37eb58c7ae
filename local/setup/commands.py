"""The commands of dev.py."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local.setup.azurite import Azurite
from local.setup.environment import Environment
from local.setup.pythons import find_python
from local.setup.running import ROOT, SetupError, become, run_shown, say
from local.setup.supply_chain import audit, sbom

WORKER_PYTHON = "3.13"  # the one that Microsoft's worker library needs
WORKER_TEST = "tests/contract/test_python_worker.py"
LANES = 2  # of tests that mostly wait, see tests/conftest.py: they get processes beside those that the cores can feed
FORMS = ("--long", "--unkind")  # of the whole run, see tests/conftest.py
COVERAGE = "--coverage"
WITHOUT_STORAGE = ("check", "env", "sbom", "audit")
SOURCES = ("dev.py", "function_app.py", "functions", "shared", "cli", "local", "tests", "benchmarks")
HELP = """\
usage: python3 dev.py COMMAND [ARGUMENT ...]

  demo    train, release, watch, retrain, promote and roll back a model on this machine: all in three minutes
          (--serve leaves it running, --ask waits for your approval, --json FILE writes the outcome,
          --unkind has it as slow, late and strict as Azure)
  test    run the tests; arguments go to pytest, paths are relative to the repository (e.g. test tests/unit -k ledger);
          test --long repeats more: more seeds, examples and simulated looks;
          test --coverage says how much of the code the unit tests run
  check   run every check: format, lint, types, import contracts, dead code
  microsoft  run Microsoft's own live tests against the emulators, and print how they ended: microsoft [FOLDER ...]
  up      start the local system and leave it running until Ctrl-C
          (--policies DIR and --data DIR take yours, --keep goes on where the last one ended;
          --unkind: as slow, late and strict as Azure, on a scaled clock)
  env     print what has `vigia` and the Azure ML SDK find the system of `up`: eval "$(python3 dev.py env)"
  bench   measure, with the goal beside each figure: bench [NAME] [--long] [--json FILE]
  sbom    write what the app is made of as CycloneDX, from the lock (--output FILE)
  audit   look for advisories about the locked packages, over the network (exit code 2: it could not look)

Each command first installs what is missing: the locked Python packages into .venv, and Azurite (the storage emulator)
by npm. That takes about two minutes the first time, and nothing after that. `COMMAND --help` says more.
"""


def test(environment: Environment, arguments: Sequence[str]) -> int:
    """Run pytest with the arguments; where they choose no tests, every test: on all cores, and on an older Python the
    worker's test on 3.13. With --coverage the unit tests come first and are measured, which costs them half as much
    again."""
    python = str(environment.program("python"))
    if not set(arguments) <= {*FORMS, COVERAGE}:
        return run_shown([python, "-m", "pytest", *arguments])
    forms = [argument for argument in arguments if argument != COVERAGE]
    code = 0
    if COVERAGE in arguments:
        code = _in_parallel(python, 0, ["tests/unit", "--cov", "--cov-report=", *forms])
        say("of the lines of functions, shared and cli tests/unit runs, in percent:")
        run_shown([python, "-m", "coverage", "report", "--format=total"])
        forms.append("--ignore=tests/unit")
    with ThreadPoolExecutor(1) as beside:  # nobody waits for the environment of eight tests
        worker = beside.submit(_worker, environment)
        code = _in_parallel(python, LANES, forms) or code
        return _with_worker(worker.result()) or code


def _in_parallel(python: str, lanes: int, arguments: Sequence[str]) -> int:
    # Files start in the order of tests/conftest.py: in that of xdist, by number of tests, the longest come last.
    parallel = ["-n", str((os.cpu_count() or 1) + lanes), "--dist", "loadfile", "--no-loadscope-reorder"]
    return run_shown([python, "-m", "pytest", *arguments, *parallel])


def _worker(environment: Environment) -> Environment | None:
    """Return the environment that the worker's test needs besides this one, installed; None for none."""
    if environment.version == WORKER_PYTHON:
        return None
    python = find_python(WORKER_PYTHON)
    if python is None:
        say(f"not run: {WORKER_TEST} needs Python {WORKER_PYTHON}, which was found neither on the PATH nor in pyenv")
        return None
    worker = Environment(environment.root / ".venv313", python, WORKER_PYTHON, is_compiled=False)
    worker.ensure()
    return worker


def _with_worker(worker: Environment | None) -> int:
    if worker is None:
        return 0
    say(f"running {WORKER_TEST} with Microsoft's Python worker on Python {WORKER_PYTHON}")
    return run_shown([str(worker.program("python")), "-m", "pytest", WORKER_TEST])


def check(environment: Environment, arguments: Sequence[str], show: Callable[[Sequence[str]], int] = run_shown) -> int:
    """Run every check, also after one that failed; return 1 if any did."""
    argparse.ArgumentParser(prog="dev.py check", description="Run every check.").parse_args(arguments)
    folder = environment.root
    sources = [name for name in SOURCES if (folder / name).is_file() or any((folder / name).glob("*.py"))]
    checks = {
        "format": ["ruff", "format", "--check", "--quiet", "."],
        "lint": ["ruff", "check", "--quiet", "."],
        # The packages of this environment are checked as this Python sees them: newer stubs need newer syntax.
        "types": ["mypy", "--num-workers", "auto", "--python-version", environment.version, *sources],
        "import contracts": ["lint-imports"],
        "dead code": ["vulture"],
    }
    failed = []
    for name, (program, *options) in checks.items():
        start = time.monotonic()
        code = show([str(environment.program(program)), *options])
        say(f"{name}: {'passed' if code == 0 else 'FAILED'} in {time.monotonic() - start:.1f} s")
        if code:
            failed.append(name)
    say(f"failed: {', '.join(failed)}" if failed else "every check passed")
    return 1 if failed else 0


def bench(environment: Environment, arguments: Sequence[str]) -> int:
    """Run the benchmarks, or the named one.

    Raises:
        SetupError: there is no such benchmark.
    """
    files = (environment.root / "benchmarks").glob("*/*.py")
    stems = sorted(file.stem for file in files if "\nSPEC = Benchmark(" in file.read_text(encoding="utf-8"))
    name = arguments[0] if arguments and not arguments[0].startswith("-") else None
    if not stems or (name and name.replace("-", "_") not in stems):
        problem = f"there is no benchmark {name!r}" if name else "there are no benchmarks"
        raise SetupError(f"{problem}; benchmarks in this version: {', '.join(stems) or 'none'}")
    return become([str(environment.program("python")), "-m", "benchmarks", *arguments], Path.cwd())


def env(environment: Environment, arguments: Sequence[str]) -> int:
    """Print the settings of the system that `up` has started, and the PATH with `vigia`, as lines for the shell.

    Raises:
        SetupError: none was started.
    """
    parser = argparse.ArgumentParser(prog="dev.py env", description="Print the running system's settings for a shell.")
    parser.add_argument("--workdir", type=Path, default=environment.root / ".vigia" / "up", help="that of `up`")
    file = parser.parse_args(arguments).workdir / "local.settings.json"
    if not file.is_file():
        raise SetupError(f"there is no {file}: start the system first, with `python3 dev.py up`")
    values = json.loads(file.read_text(encoding="utf-8"))["Values"]
    values = {name: value for name, value in values.items() if name.startswith(("VIGIA_", "AzureWebJobs"))}
    for name, value in values.items():
        print(f"export {name}={shlex.quote(value)}")
    print(f'export PATH={shlex.quote(str(environment.program("vigia").parent))}:"$PATH"')
    return 0


def module(name: str) -> Callable[[Environment, Sequence[str]], int]:
    """Return a command that runs a module in the caller's folder, so that its files land there."""

    def run(environment: Environment, arguments: Sequence[str]) -> int:
        return become([str(environment.program("python")), "-m", name, *arguments], Path.cwd())

    return run


COMMANDS: dict[str, Callable[[Environment, Sequence[str]], int]] = {
    "demo": module("local.demo"),
    "test": test,
    "check": check,
    "microsoft": module("tests.microsoft"),
    "up": module("local.up"),
    "env": env,
    "bench": bench,
    "sbom": sbom,
    "audit": audit,
}


def main(argv: Sequence[str]) -> int:
    """Return the exit code: the command's own, or 2 when it could not be run."""
    if not argv or argv[0] in ("-h", "--help", "help"):
        print(HELP, end="")
        return 0 if argv else 2
    command = COMMANDS.get(argv[0])
    if command is None:
        say(f"there is no command {argv[0]!r}; commands: {', '.join(COMMANDS)}")
        return 2
    try:
        # Called by the environment's own Python, its base makes the environment: it must outlive a replacement.
        python = getattr(sys, "_base_executable", None) or sys.executable
        environment = Environment(ROOT / ".venv", python, f"{sys.version_info[0]}.{sys.version_info[1]}")
        start = time.monotonic()
        environment.ensure()
        if argv[0] not in WITHOUT_STORAGE:
            Azurite(environment).ensure()
        if time.monotonic() - start > 1:
            say(f"ready after {time.monotonic() - start:.0f} s")
        return command(environment, argv[1:])
    except SetupError as exc:
        say(f"error: {exc}")
        return 2
    except KeyboardInterrupt:
        return 130
