"""Profiling and comparing a table for drift, beside scipy's tests column by column."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.harness.spec import Benchmark, Figure, Goal, Run
from benchmarks.harness.timing import seconds

if TYPE_CHECKING:
    import pandas as pd

SEED = 20261120
CATEGORIES = 20


@dataclass(frozen=True, slots=True)
class Size:
    """A table; three columns of ten hold categories, the others numbers."""

    rows: int
    columns: int
    repetitions: int

    @property
    def categorical(self) -> int:
        return self.columns * 3 // 10

    def __str__(self) -> str:
        return f"{self.rows:,} rows x {self.columns} columns"


SHORT, LONG = Size(100_000, 20, 3), Size(1_000_000, 50, 1)


def table(size: Size, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """Return random numbers, moved by `shift` standard deviations, and evenly spread categories."""
    import numpy as np
    import pandas as pd

    random = np.random.default_rng(seed)
    names = np.array([f"category-{number}" for number in range(CATEGORIES)])
    columns: dict[str, object] = {}
    for number in range(size.columns - size.categorical):
        columns[f"number_{number}"] = random.normal(shift, 1.0, size.rows)
    for number in range(size.categorical):
        columns[f"category_{number}"] = names[random.integers(0, CATEGORIES, size.rows)]
    return pd.DataFrame(columns)


def by_scipy(reference: pd.DataFrame, window: pd.DataFrame) -> dict[str, float]:
    """Return a p-value per column: two-sample KS of numbers, chi-square of category counts."""
    import pandas as pd
    from scipy.stats import chi2_contingency, ks_2samp  # type: ignore[attr-defined]

    found: dict[str, float] = {}
    for name in reference.columns:
        before, now = reference[name], window[name]
        if pd.api.types.is_numeric_dtype(before.dtype):
            found[name] = float(ks_2samp(before.to_numpy(), now.to_numpy()).pvalue)
        else:
            counts = pd.concat([before.value_counts(), now.value_counts()], axis=1).fillna(0)
            found[name] = float(chi2_contingency(counts.to_numpy()).pvalue)
    return found


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds, one per repetition."""

    profile: list[float] = field(default_factory=list)
    compare: list[float] = field(default_factory=list)
    scipy: list[float] = field(default_factory=list)


def measure(size: Size, run: Run) -> list[Figure]:
    from shared.drift.compare import compare
    from shared.drift.profile import profile

    run.progress(f"making two tables of {size}")
    reference, window = table(size, SEED), table(size, SEED + 1, shift=0.02)
    small = Size(1000, 10, 1)
    warm = table(small, SEED)
    compare(profile(warm), warm)
    by_scipy(warm, warm)
    profiled, found = profile(reference), Timings()
    for number in range(size.repetitions):
        run.progress(f"round {number + 1} of {size.repetitions}: scipy")
        found.scipy.append(seconds(lambda: by_scipy(reference, window)))
        run.progress(f"round {number + 1} of {size.repetitions}: ours")
        found.profile.append(seconds(lambda: profile(reference)))
        found.compare.append(seconds(lambda: compare(profiled, window)))
    return figures(found, size)


def figures(found: Timings, size: Size) -> list[Figure]:
    profiled, compared, scipy = median(found.profile), median(found.compare), median(found.scipy)
    return [
        Figure("drift.profile_ms", profiled * 1000, "ms", f"profile the reference, {size}"),
        Figure("drift.compare_ms", compared * 1000, "ms", "compare a window of that size with the profile"),
        Figure("drift.scipy_ms", scipy * 1000, "ms", "ks_2samp and chi2_contingency of scipy, column by column"),
        Figure("drift.speedup", scipy / (profiled + compared), "x", "scipy / (profile + compare)", Goal(">=", 1)),
        Figure("drift.window_speedup", scipy / compared, "x", "scipy / compare: each window after the first"),
    ]


def run(run: Run) -> list[Figure]:
    return measure(LONG if run.is_long else SHORT, run)


SPEC = Benchmark("drift", "profiling and comparing a table for drift, beside scipy column by column", run)
