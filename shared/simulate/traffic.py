"""How much traffic an endpoint gets over a day, and how its measurements scatter."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from shared.domain.releases.measurement import Interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

MINUTES_PER_DAY = 24 * 60
HOURS = 24


@dataclass(frozen=True, slots=True)
class Traffic:
    """An endpoint's traffic.

    Args:
        hourly: requests per minute at each full hour of the day, 24 values; between them it changes evenly.
        errors: share of the champion's requests that fail, 0 to 1.
        spread: standard deviation of one request's log latency.
        load: the same of what moves all versions' log latency from interval to interval.
        noise: the same of what moves one version's alone.
    """

    hourly: tuple[float, ...]
    errors: float = 0.002
    spread: float = 0.5
    load: float = 0.07
    noise: float = 0.03

    def per_minute(self, minutes: Numbers) -> Numbers:
        """Return requests per minute at these minutes after midnight."""
        hours = (minutes / 60) % HOURS
        return np.interp(hours, np.arange(HOURS + 1), [*self.hourly, self.hourly[0]])

    @property
    def mean(self) -> float:
        """Return requests per minute over a day."""
        return math.fsum(self.hourly) / HOURS


def constant(per_minute: float) -> Traffic:
    return Traffic((per_minute,) * HOURS)


def diurnal(lowest: float, highest: float) -> Traffic:
    """Return traffic between these requests per minute: least at four in the morning, most at four in the afternoon."""
    middle, swing = (highest + lowest) / 2, (highest - lowest) / 2
    return Traffic(tuple(middle - swing * math.cos(2 * math.pi * (hour - 4) / HOURS) for hour in range(HOURS)))


def learned(intervals: Iterable[Interval], width: timedelta) -> Traffic | None:
    """Return the traffic of measured intervals of all deployments; None when there are none.

    Hours of the day that were not measured get the mean of the others.
    """
    requests: dict[int, int] = {}
    starts: dict[int, set[object]] = {}
    errors = total = 0
    for interval in intervals:
        hour = interval.start.hour
        requests[hour] = requests.get(hour, 0) + interval.requests
        starts.setdefault(hour, set()).add(interval.start)
        errors, total = errors + interval.errors, total + interval.requests
    if not total:
        return None
    minutes = width / timedelta(minutes=1)
    per_hour = {hour: count / (len(starts[hour]) * minutes) for hour, count in requests.items()}
    mean = math.fsum(per_hour.values()) / len(per_hour)
    return Traffic(tuple(per_hour.get(hour, mean) for hour in range(HOURS)), errors=errors / total)
