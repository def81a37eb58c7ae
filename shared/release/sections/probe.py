"""The policy's key `rollout.probe`: recorded requests for when too few real ones come, and how many it takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import Field

from shared.policy.sections.quantities import AssetRef
from shared.policy.sections.section import Section

if TYPE_CHECKING:
    from shared.judge.evidence.streams import Tolerances
    from shared.judge.time_to_decide import Expected

# More would take a look longer than it may send: see shared.release.probes.
MOST_PROBES = 200


class Probe(Section):
    """Recorded requests that both versions get while they are judged, as far as real requests are fewer than
    `per_interval`."""

    sample: AssetRef
    per_interval: int = Field(default=20, ge=1, le=MOST_PROBES)


def with_probes(expected: Expected, per_interval: int) -> Expected:
    """Return what an interval holds when each version is sent what it lacks."""
    return replace(
        expected, challenger=max(expected.challenger, per_interval), champion=max(expected.champion, per_interval)
    )


def probes_that_decide(
    tolerances: Tolerances, expected: Expected, intervals: float, errors_at_most: float | None = None
) -> int | None:
    """Return the fewest probes per interval with which the middling release is decided within so many intervals; None
    when even the most are too few."""
    from shared.judge.time_to_decide import intervals_to_pass

    def decides(per_interval: int) -> bool:
        return intervals_to_pass(tolerances, with_probes(expected, per_interval), errors_at_most) <= intervals

    if not decides(MOST_PROBES):
        return None
    low, high = 0, MOST_PROBES
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high
