"""Code deployed during a release: stored states of every past version still load.

Each release that an earlier version stored, in whatever state, is taken up by today's code and comes to its end.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shared.domain.ids import DeploymentName
from shared.domain.releases.release import Release, ReleaseState
from shared.ports.endpoints import DeploymentRecord
from shared.store.codec import decode
from tests.unit.engine.release_world import ENDPOINT, World

BEFORE_DEPLOYING = {
    ReleaseState.OPENED,
    ReleaseState.GATING,
    ReleaseState.EVALUATING,
    ReleaseState.AWAITING_APPROVAL,
}

GOLDEN = Path(__file__).parents[1] / "golden" / "releases"
FILES = sorted(file for file in GOLDEN.glob("*/*.json") if file.stem != "endpoint")


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_release_of_an_earlier_version_comes_to_its_end(file: Path) -> None:
    release = decode(Release, file.read_bytes())
    world = World(champion=release.champion is not None)
    _deploy(world, release)
    world.clock.advance(max(release.wake_at - world.clock.now(), timedelta(0)))
    world.memory_of(release, file.read_bytes())

    world.desk.wake(release.id)
    world.run()

    ended = world.release(release.id)
    assert ended.state.is_terminal
    assert ended.is_settled
    if release.state.is_terminal:
        assert ended.state is release.state
    if ENDPOINT in world.workspace.endpoints:
        assert sum(world.traffic.values()) in {0, 100}


def _deploy(world: World, release: Release) -> None:
    """Have the world be as the release left it."""
    world.offer_scores(release.id)
    if release.state in BEFORE_DEPLOYING or ENDPOINT not in world.workspace.endpoints:
        return
    endpoint = world.workspace.endpoints[ENDPOINT]
    name = release.challenger.deployment
    deployment = DeploymentRecord(name, release.model, release.version, "Succeeded")
    traffic = {DeploymentName(name): share for name, share in release.traffic_at(_step(release)).items()}
    world.workspace.endpoints[ENDPOINT] = replace(
        endpoint, deployments=(*endpoint.deployments, deployment), traffic=traffic
    )


def _step(release: Release) -> int:
    if release.state in {ReleaseState.WATCHING, ReleaseState.PROMOTED, ReleaseState.FINISHED}:
        return len(release.steps) - 1
    return release.step_index if release.state is ReleaseState.CANARY and release.phase == "baking" else -1
