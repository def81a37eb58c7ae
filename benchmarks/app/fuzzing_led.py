"""The process that Atheris fuzzes a parser in: `python -m benchmarks.app.fuzzing_led PARSER [libFuzzer options]`.

What it may import is instrumented while it is imported, so that inputs are kept which reach new code.
"""

from __future__ import annotations

import importlib
import sys


def main(argv: list[str]) -> None:
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["shared", "yaml", "json"]):
        from benchmarks.app.fuzzing import memory_mb
        from tests.fuzz.parsers import PARSERS, warm_up

        warm_up()
    parse = PARSERS[argv[1]]
    print(f"stat::before_mb: {memory_mb('VmRSS'):.0f}", flush=True)
    atheris.Setup([argv[0], *argv[2:]], lambda body: parse(body))
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)
