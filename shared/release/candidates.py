"""Candidates of one experiment, compared by what their jobs logged. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist

from shared.domain.ids import JobName


@dataclass(frozen=True, slots=True)
class Candidate:
    """A job with its value of the metric, and that value's standard error: None when the job logged none."""

    job: JobName
    value: float
    error: float | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """A candidate beside the best: how far `behind` it is, and within which interval, None without standard errors."""

    candidate: Candidate
    behind: float
    interval: tuple[float, float] | None

    @property
    def is_apart(self) -> bool:
        """Return whether it is worse than the best beyond chance."""
        return self.interval is not None and self.interval[0] > 0


def compared(candidates: Iterable[Candidate], is_higher_better: bool, confidence: float = 0.95) -> tuple[Compared, ...]:
    """Return the candidates, best first, each beside the best.

    The best is chosen by the very values that are compared, and the best of many is lucky, too: the intervals hold for
    all pairs at once (Bonferroni), whichever is the best. Errors are taken as independent, which makes them too wide
    for candidates that were measured on the same rows.
    """
    sign = 1 if is_higher_better else -1
    ranked = sorted(candidates, key=lambda candidate: (-sign * candidate.value, candidate.job))
    pairs = math.comb(len(ranked), 2) or 1
    quantile = NormalDist().inv_cdf(1 - (1 - confidence) / (2 * pairs))

    def beside_best(candidate: Candidate) -> Compared:
        behind = sign * (ranked[0].value - candidate.value)
        if candidate is ranked[0] or candidate.error is None or ranked[0].error is None:
            return Compared(candidate, behind, None)
        half = quantile * math.hypot(candidate.error, ranked[0].error)
        return Compared(candidate, behind, (behind - half, behind + half))

    return tuple(beside_best(candidate) for candidate in ranked)
