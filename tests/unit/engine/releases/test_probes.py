"""An endpoint that hardly anybody asks: probes make its releases decidable, and people are told so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from shared.domain.ids import DeploymentName, EndpointName
from shared.domain.releases.measurement import Interval
from shared.domain.releases.plan import ProbePlan
from shared.domain.releases.release import ReleaseState
from shared.errors import RetryableError, WorkspaceError
from shared.ports.queues import RELEASES
from shared.ports.workspace import Answer
from tests.fakes.workspace import FakeWorkspace
from tests.unit.engine.release_world import ENDPOINT, MINUTE, Killed, World

SAMPLE = "azureml:requests@latest"
PLAN: dict[str, Any] = {
    "probe": ProbePlan(SAMPLE, 60),
    "decide_within": timedelta(hours=4),
    "watch_for": timedelta(minutes=30),
}


@dataclass
class ProbedWorkspace(FakeWorkspace):
    """Hands over what it is sent; `dies_after` requests the worker is killed."""

    world: Any = None
    dies_after: int | None = None

    def probe(
        self,
        endpoint: EndpointName,
        requests: Sequence[tuple[DeploymentName, str]],
        within: timedelta,
        per_second: float = 0.0,
    ) -> tuple[Answer | None, ...]:
        answers = super().probe(endpoint, requests[: self.dies_after], within, per_second)
        self.world.scored(requests[: self.dies_after])
        if self.dies_after is not None:
            self.dies_after = None
            raise Killed
        return answers


class QuietWorld(World):
    """One real request a minute in every split; the traffic log counts the probes as what they are."""

    def __init__(self) -> None:
        super().__init__()
        models, endpoints = self.workspace.models, self.workspace.endpoints
        self.probed = ProbedWorkspace(models=models, endpoints=endpoints, world=self)
        self.workspace = self.probed
        self.data.tables[SAMPLE] = pd.DataFrame({"request": [f"[{n}]" for n in range(100)]})

    def _measure(self) -> None:
        if self._into_minute():
            return
        for name, share in self.traffic.items():
            self._add(DeploymentName(name), int(share >= 50), 0)

    def scored(self, requests: Sequence[tuple[DeploymentName, str]]) -> None:
        for name in {deployment for deployment, _ in requests}:
            count = sum(deployment == name for deployment, _ in requests)
            self._add(name, count, count)

    def _add(self, name: DeploymentName, requests: int, probes: int) -> None:
        start = self.clock.now().replace(second=0, microsecond=0)
        recorded = self.telemetry.recorded.setdefault(ENDPOINT, [])
        interval = next((i for i in recorded if (i.deployment, i.start) == (name, start)), None)
        if interval is None:
            noise = float(self.random.normal(0, 0.03)) + 4.4
            interval = Interval(name, start, 0, 0, noise * self.slowdown.get(str(name), 1.0))
        else:
            recorded.remove(interval)
        errors = int(self.random.binomial(requests, self.error_share.get(str(name), 0.0)))
        recorded.append(
            replace(
                interval,
                requests=interval.requests + requests,
                errors=interval.errors + errors,
                probes=interval.probes + probes,
            )
        )


def test_without_probes_a_quiet_endpoint_gives_no_verdict() -> None:
    world = QuietWorld()
    release = world.open(**{**PLAN, "probe": None})
    world.run()
    assert world.release(release).state is ReleaseState.ABORTED


def test_with_probes_a_good_version_is_promoted_and_the_evidence_says_what_was_a_probe() -> None:
    world = QuietWorld()
    release = world.open(**PLAN)

    world.run()

    ended = world.release(release)
    assert (ended.state, ended.traffic_steps) == (ReleaseState.FINISHED, (10, 50, 95, 100))
    assert "requests were probes" in ended.reason
    probes = [i.probes for i in world.telemetry.recorded[ENDPOINT]]
    assert 0 < max(probes) <= 60
    assert sum(probes) == len(world.workspace.probes)


def test_with_probes_a_failing_version_is_rolled_back() -> None:
    world = QuietWorld()
    world.error_share["v-2"] = 0.1
    release = world.open(**PLAN)
    world.run()
    assert (world.release(release).state, world.traffic) == (ReleaseState.ROLLED_BACK, {"v-1": 100})


def test_with_probes_a_version_that_turns_bad_after_the_promotion_is_rolled_back() -> None:
    world = QuietWorld()
    release = world.open(**PLAN)
    world.run(until=lambda: world.release(release).state is ReleaseState.WATCHING)
    world.error_share["v-2"] = 0.3
    world.run()
    assert (world.release(release).state, world.traffic) == (ReleaseState.ROLLED_BACK, {"v-1": 100})


def test_looks_out_of_turn_send_no_more() -> None:
    world = QuietWorld()
    release = world.open(**PLAN)
    world.run(until=lambda: bool(world.workspace.probes))
    sent = len(world.workspace.probes)
    for _ in range(5):
        world.reconciler.reconcile(release)
    assert len(world.workspace.probes) == sent <= 120


def test_a_worker_killed_in_the_middle_does_no_harm() -> None:
    world = QuietWorld()
    release = world.open(**PLAN)
    world.run(until=lambda: world.release(release).phase == "baking")
    world.probed.dies_after = 7
    with pytest.raises(Killed):
        world.run()
    assert len(world.workspace.probes) == 7

    world.clock.advance(MINUTE)
    world.sweep()
    assert world.queue.texts(RELEASES)
    world.run()

    ended = world.release(release)
    assert ended.state is ReleaseState.FINISHED
    assert sum(i.probes for i in world.telemetry.recorded[ENDPOINT]) == len(world.workspace.probes)


@pytest.mark.parametrize(
    "error", [WorkspaceError("workspace.no_keys", "this endpoint has no keys"), RetryableError("x", "not now")]
)
def test_probes_that_cannot_be_sent_take_no_version_back(error: Exception) -> None:
    world = QuietWorld()
    release = world.open(**PLAN)
    world.workspace.errors["probe"] = [error]
    world.run()
    assert world.release(release).state is ReleaseState.FINISHED


def test_a_sample_that_is_missing_is_part_of_the_evidence() -> None:
    world = QuietWorld()
    del world.data.tables[SAMPLE]
    release = world.open(**PLAN)
    world.run()
    assert "probes cannot be sent: there is nothing at azureml:requests@latest" in world.release(release).reason
