"""Canary without traffic: minimum evidence, else inconclusive."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.domain.releases.measurement import Interval
from shared.domain.releases.release import ReleaseState
from shared.domain.releases.verdict import Verdict
from tests.fakes.releases import a_plan
from tests.unit.engine.release_world import World


class Quiet(World):
    """An endpoint that gets few requests: the challenger at most `most` in all."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.remaining = most
        record = self.telemetry.record

        def few(endpoint: str, *intervals: Interval) -> None:
            for interval in intervals:
                if interval.deployment == "v-1":
                    record(endpoint, interval)
                elif self.remaining > 0:
                    self.remaining -= 1
                    record(endpoint, Interval(interval.deployment, interval.start, 1, 0, interval.mean_log_latency))

        self.telemetry.record = few  # type: ignore[method-assign]


@pytest.mark.parametrize("requests", [0, 1, 4])
def test_too_few_requests_prove_nothing(requests: int) -> None:
    world = Quiet(requests)
    release = world.open()

    world.run()

    ended = world.release(release)
    assert (ended.state, ended.traffic_steps) == (ReleaseState.ABORTED, (10,))
    assert ended.judgement is not None
    assert ended.judgement.verdict is Verdict.INCONCLUSIVE
    assert ended.reason.startswith("no verdict within 40 min at 10 %")
    assert world.traffic == {"v-1": 100}


def test_a_policy_may_give_up_after_the_bake_when_there_is_nothing_at_all() -> None:
    world = Quiet(0)
    release = world.open(judge=replace(a_plan().judge, on_no_data="abort"))
    world.run(until=lambda: world.release(release).phase == "baking")
    began = world.clock.now()

    world.run()

    assert world.release(release).state is ReleaseState.ABORTED
    assert (world.release(release).history[-1].at - began).total_seconds() < 15 * 60
