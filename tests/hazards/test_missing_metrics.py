"""Stale, missing or NaN metrics: inconclusive.

What was not measured, or cannot be right, is no good news: nothing is promoted on it, and at its deadline the step is
given up. It is no bad news either: nothing is rolled back as a failure.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.releases.measurement import Interval
from shared.domain.releases.release import ReleaseState
from shared.domain.releases.verdict import Verdict
from shared.errors import RetryableError
from tests.unit.engine.release_world import ENDPOINT, World

Spoil = Callable[[World], None]


def nan_latency(world: World) -> None:
    _distort(world, lambda interval: replace(interval, mean_log_latency=math.nan))


def infinite_latency(world: World) -> None:
    _distort(world, lambda interval: replace(interval, mean_log_latency=math.inf))


def more_errors_than_requests(world: World) -> None:
    _distort(world, lambda interval: replace(interval, errors=interval.requests + 1))


def stale(world: World) -> None:
    """What arrives is an hour old."""
    _distort(world, lambda interval: replace(interval, start=interval.start - timedelta(hours=1)))


def missing(world: World) -> None:
    world.telemetry.record = lambda endpoint, *intervals: None  # type: ignore[method-assign]


def unreadable(world: World) -> None:
    world.telemetry.errors = [RetryableError("monitor.down", "no answer")] * 10_000


@pytest.mark.parametrize(
    "spoil", [nan_latency, infinite_latency, more_errors_than_requests, stale, missing, unreadable]
)
@pytest.mark.parametrize("strategy", ["canary", "shadow"])
def test_what_is_no_measurement_promotes_nothing_and_fails_nothing(spoil: Spoil, strategy: str) -> None:
    world = World()
    release = world.open(strategy=strategy, mirror=50 if strategy == "shadow" else 0)
    world.run(until=lambda: world.release(release).phase == "baking")
    spoil(world)
    began = world.clock.now()

    world.run(until=lambda: world.clock.now() - began > timedelta(minutes=20))
    judgement = world.release(release).judgement
    assert world.release(release).phase == "baking"
    assert judgement is None or judgement.verdict is Verdict.INCONCLUSIVE

    world.run()
    ended = world.release(release)
    assert ended.state is ReleaseState.ABORTED
    assert 50 not in ended.traffic_steps
    assert world.traffic == {"v-1": 100}
    assert world.workspace.endpoints[ENDPOINT].mirror_traffic == {}


def _distort(world: World, change: Callable[[Interval], Interval]) -> None:
    record = world.telemetry.record

    def distorted(endpoint: str, *intervals: Interval) -> None:
        record(endpoint, *(change(interval) if interval.deployment == "v-2" else interval for interval in intervals))

    world.telemetry.record = distorted  # type: ignore[method-assign]
