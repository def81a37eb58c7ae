"""When what happened can be read: logs and metrics reach Azure Monitor minutes later, now and then fifteen.

Source: learn.microsoft.com, data-ingestion-time, read 2026-11-30 (20 s to 5 min, outliers of 15 min).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from local.profile import NONE, Profile
from local.traffic_log import Request, TrafficLog


@dataclass(frozen=True)
class Arrived:
    """The part of the traffic log that has arrived by `now`, in the table of logs or in that of metrics."""

    traffic: TrafficLog
    profile: Profile
    now: datetime
    are_metrics: bool = False

    def between(self, start: datetime, end: datetime) -> Iterator[Request]:
        """Yield requests with start <= time_generated < end that can be read."""
        delays: dict[tuple[int, str, str], timedelta] = {}
        for request in self.traffic.between(start, end):
            batch = (self._minute(request.time_generated), request.endpoint_name, request.deployment_name)
            if batch not in delays:
                delays[batch] = self._delay(batch)
            if not delays[batch] or request.time_generated + delays[batch] <= self.now:
                yield request

    def _minute(self, moment: datetime) -> int:
        """Each deployment sends a minute's rows together."""
        return int(moment.timestamp() / max(self.profile.minute_seconds, 0.001))

    def _delay(self, batch: tuple[int, str, str]) -> timedelta:
        profile = self.profile
        if self.are_metrics:
            return timedelta(seconds=profile.seconds(profile.metrics_minutes))
        if profile.ingestion_minutes == NONE:
            return timedelta()
        chance = random.Random(f"{profile.seed} {batch}")
        is_late = chance.random() < profile.late_share
        minutes = profile.late_minutes if is_late else chance.uniform(*profile.ingestion_minutes)
        return timedelta(seconds=profile.seconds(minutes))
