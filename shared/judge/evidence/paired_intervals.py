"""Measurements of challenger and champion, side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.domain.ids import DeploymentName
from shared.domain.releases.measurement import Interval


@dataclass(frozen=True, slots=True)
class Pair:
    """Both deployments in the same interval (or the champion's, `lag` earlier)."""

    challenger: Interval
    champion: Interval


def pair(
    intervals: Iterable[Interval], challenger: DeploymentName, champion: DeploymentName, lag: timedelta = timedelta(0)
) -> tuple[Pair, ...]:
    """Return the pairs, oldest first; an interval that lacks either side, or makes no sense, is left out.

    Args:
        lag: 0 to compare within the same interval, where shared load cancels; otherwise the champion's
            interval that began so much earlier is taken.
    """
    by_start: dict[DeploymentName, dict[datetime, Interval]] = {challenger: {}, champion: {}}
    for interval in intervals:
        if interval.deployment in by_start and _is_sound(interval):
            by_start[interval.deployment][interval.start] = interval
    return tuple(_pairs(by_start[challenger], by_start[champion], lag))


def _pairs(challenger: dict[datetime, Interval], champion: dict[datetime, Interval], lag: timedelta) -> Iterator[Pair]:
    for start in sorted(challenger):
        if baseline := champion.get(start - lag):
            yield Pair(challenger[start], baseline)


def _is_sound(interval: Interval) -> bool:
    has_latency = math.isfinite(interval.mean_log_latency) or interval.served_requests == 0
    return 0 <= interval.errors <= interval.requests and interval.requests > 0 and has_latency
