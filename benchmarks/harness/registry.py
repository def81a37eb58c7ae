"""Finds the benchmarks: every module of a room that exports a SPEC."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from benchmarks import app, monitoring, releases
from benchmarks.harness.spec import Benchmark


@cache
def specs() -> dict[str, Benchmark]:
    """Return every benchmark by name, in the order of their names."""
    modules = (
        importlib.import_module(f"{room.__name__}.{info.name}")
        for room in (app, monitoring, releases)
        for info in pkgutil.iter_modules(room.__path__)
    )
    exported = (getattr(module, "SPEC", None) for module in modules)
    return {spec.name: spec for spec in sorted((s for s in exported if isinstance(s, Benchmark)), key=lambda s: s.name)}
