"""Finds the benchmarks: every module of the package that exports a SPEC."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import benchmarks
from benchmarks.harness.spec import Benchmark


@cache
def specs() -> dict[str, Benchmark]:
    """Return every benchmark by name, in the order of their files."""
    found: dict[str, Benchmark] = {}
    for module_info in pkgutil.iter_modules(benchmarks.__path__):
        if module_info.ispkg or module_info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{benchmarks.__name__}.{module_info.name}")
        spec = getattr(module, "SPEC", None)
        if isinstance(spec, Benchmark):
            found[spec.name] = spec
    return found
