"""What each benchmark exports, and what it returns."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

Sense = Literal["<=", ">=", "="]


class BenchmarkError(Exception):
    """Something could not be measured; the message says why, and what to do."""


class NotMeasurableHereError(Exception):
    """What would be measured is not part of this checkout or this machine; no figure, and no failure."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A bound on a figure, in the figure's unit."""

    sense: Sense
    bound: float

    def is_met_by(self, value: float) -> bool:
        """Return whether the value keeps to the bound; NaN never does."""
        if math.isnan(value):
            return False
        match self.sense:
            case "<=":
                return value <= self.bound
            case ">=":
                return value >= self.bound
            case "=":
                return value == self.bound

    def __str__(self) -> str:
        return f"{self.sense} {self.bound:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    Args:
        name: stays the same between versions, so that runs can be compared, e.g. "ledger.p50_ratio".
        unit: "ms", "%", "x" for a ratio, "" for a count.
        what: in words, for the table.
    """

    name: str
    value: float
    unit: str
    what: str
    goal: Goal | None = None

    @property
    def is_met(self) -> bool | None:
        """Return whether the goal is met; None when there is no goal."""
        return None if self.goal is None else self.goal.is_met_by(self.value)


@dataclass(frozen=True, slots=True)
class Run:
    """How a benchmark is to run.

    Args:
        progress: takes a line about how far it is.
        with_rivals: install other libraries first.
        is_unkind: under the emulators' unkind profile; only `real_canary` reads it.
        requested: the numbers given for its options, by name.
    """

    is_long: bool
    progress: Callable[[str], None]
    with_rivals: bool = False
    is_unkind: bool = False
    requested: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark.

    Args:
        run: raises BenchmarkError or NotMeasurableHereError.
        takes_minutes: not part of a run of all benchmarks, unless that is a long one.
        options: what may be given as `--NAME NUMBER`, in words, by name.
    """

    name: str
    summary: str
    run: Callable[[Run], Sequence[Figure]]
    takes_minutes: bool = False
    options: Mapping[str, str] = field(default_factory=dict)
