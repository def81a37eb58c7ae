"""A release onto a Kubernetes endpoint: nothing logs its traffic, so what probes were answered is the evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from shared.domain.ids import DeploymentName
from shared.domain.releases.plan import KubernetesPlan, ProbePlan
from shared.domain.releases.release import ReleaseState
from shared.ports.workspace import Answer
from tests.fakes.workspace import FakeWorkspace
from tests.unit.engine.release_world import ENDPOINT, World

SAMPLE = "azureml:requests@latest"
PLAN: dict[str, Any] = {
    "kubernetes": KubernetesPlan("arc-factory", "small", {"cpu": "500m"}),
    "probe": ProbePlan(SAMPLE, 60),
    "decide_within": timedelta(hours=4),
    "watch_for": timedelta(minutes=30),
}


@dataclass
class ClusterWorkspace(FakeWorkspace):
    """Answers probes as the test says: seconds, and the share that fails."""

    seconds: dict[str, float] = field(default_factory=dict)
    failing: dict[str, float] = field(default_factory=dict)
    random: np.random.Generator = field(default_factory=lambda: np.random.default_rng(3))

    def answered(self, deployment: DeploymentName, request: str) -> Answer | None:
        if self.random.random() < self.failing.get(str(deployment), 0.0):
            return None if self.random.random() < 0.5 else Answer(424, 0.01, "")
        return Answer(200, self.seconds.get(str(deployment), 0.08) * float(self.random.lognormal(0, 0.1)), "[0.5]")


class ClusterWorld(World):
    """A champion that serves on a cluster, whose requests nobody logs."""

    def __init__(self, champion: bool = True) -> None:
        super().__init__(champion)
        self.cluster = ClusterWorkspace(models=self.workspace.models, endpoints=self.workspace.endpoints)
        self.workspace = self.cluster
        self.data.tables[SAMPLE] = pd.DataFrame({"request": [f"[{n}]" for n in range(100)]})

    def _measure(self) -> None:
        """Nothing is in the traffic log."""


def test_a_version_as_good_is_promoted_on_what_probes_were_answered() -> None:
    world = ClusterWorld()
    release = world.open(**PLAN)

    world.run()

    ended = world.release(release)
    assert (ended.state, ended.traffic_steps) == (ReleaseState.FINISHED, (10, 50, 95, 100))
    assert "requests were probes" in ended.reason
    assert world.cluster.requests[-1].kubernetes == PLAN["kubernetes"]  # type: ignore[union-attr]


def test_a_version_that_fails_is_rolled_back() -> None:
    world = ClusterWorld()
    world.cluster.failing["v-2"] = 0.2
    release = world.open(**PLAN)

    world.run()

    ended = world.release(release)
    assert ended.state is ReleaseState.ROLLED_BACK
    assert world.traffic == {"v-1": 100}


def test_a_version_that_is_slow_is_rolled_back() -> None:
    world = ClusterWorld()
    world.cluster.seconds["v-2"] = 0.16
    release = world.open(**PLAN)

    world.run()

    ended = world.release(release)
    assert ended.state is ReleaseState.ROLLED_BACK
    assert "latency beyond the tolerance" in ended.reason


def test_the_record_keeps_only_what_was_met_since_this_traffic() -> None:
    world = ClusterWorld()
    release = world.open(**PLAN)

    def baking() -> bool:
        record = world.release(release)
        is_baking = record.step_index == 1 and record.phase == "baking" and record.traffic_since is not None
        return is_baking and any(met.start >= record.traffic_since for met in record.probe_answers)  # type: ignore[operator]

    world.run(until=baking)
    record = world.release(release)
    assert record.traffic_since is not None
    assert min(met.start for met in record.probe_answers) >= record.traffic_since - timedelta(minutes=1)
    assert {(met.deployment, met.requests, met.probes) for met in record.probe_answers} == {
        ("v-1", 60, 60),
        ("v-2", 60, 60),
    }


def test_a_first_version_makes_the_endpoint_on_the_cluster_and_is_watched_by_probes_alone() -> None:
    world = ClusterWorld(champion=False)
    release = world.open(**PLAN)

    world.run()

    ended = world.release(release)
    assert ended.state is ReleaseState.FINISHED
    assert ("create_endpoint", f"{ENDPOINT} on arc-factory") in world.cluster.calls
    assert {deployment for deployment, _ in world.cluster.probes} == {"v-2"}


def test_without_a_cluster_to_make_it_on_a_missing_endpoint_ends_the_release() -> None:
    world = ClusterWorld(champion=False)
    release = world.open(**{**PLAN, "kubernetes": KubernetesPlan()})

    world.run()

    ended = world.release(release)
    assert ended.state is ReleaseState.FAILED
    assert "write endpoint: {…, compute: CLUSTER}" in ended.reason
