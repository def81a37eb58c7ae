"""Endpoint or deployment deleted under us: `lost`, alert, no re-creation."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.ids import ReleaseId
from shared.domain.releases.release import ReleaseState
from tests.unit.engine.release_world import ENDPOINT, World

STAGES = [ReleaseState.SHADOWING, ReleaseState.CANARY, ReleaseState.WATCHING]


def at(stage: ReleaseState) -> tuple[World, ReleaseId]:
    world = World()
    shadow: dict[str, Any] = {"strategy": "shadow", "mirror": 50} if stage is ReleaseState.SHADOWING else {}
    release = world.open(**shadow)
    world.run(until=lambda: world.release(release).state is stage and world.release(release).phase != "shifting")
    world.workspace.calls.clear()
    return world, release


@pytest.mark.parametrize("stage", [*STAGES, ReleaseState.DEPLOYING])
def test_a_deleted_endpoint_is_lost_and_not_made_again(stage: ReleaseState) -> None:
    world, release = at(stage)
    del world.workspace.endpoints[ENDPOINT]

    world.run()

    assert world.release(release).state is ReleaseState.LOST
    assert world.outbox.kinds[-1] == "release-failed"
    assert world.workspace.calls == []
    assert world.endpoints.read(ENDPOINT).owner is None


@pytest.mark.parametrize("stage", STAGES)
def test_a_deleted_challenger_is_lost_and_the_champion_serves(stage: ReleaseState) -> None:
    world, release = at(stage)
    world.workspace.remove_deployment(ENDPOINT, "v-2")

    world.run()

    assert world.release(release).state is ReleaseState.LOST
    assert world.outbox.kinds[-1] == "release-failed"
    assert world.traffic == {"v-1": 100}
    assert "create_deployment" not in {call for call, _ in world.workspace.calls}


@pytest.mark.parametrize("stage", [ReleaseState.SHADOWING, ReleaseState.CANARY])
def test_a_deleted_champion_is_lost_and_nothing_is_touched(stage: ReleaseState) -> None:
    world, release = at(stage)
    world.workspace.remove_deployment(ENDPOINT, "v-1")

    world.run()

    assert world.release(release).state is ReleaseState.LOST
    assert "v-1 was deleted" in world.release(release).reason
    assert world.workspace.calls == []


def test_a_champion_that_is_deleted_during_the_roll_back_ends_it() -> None:
    world = World()
    world.error_share["v-2"] = 0.3
    release = world.open()
    world.run(until=lambda: world.release(release).state is ReleaseState.ROLLING_BACK)
    world.workspace.remove_deployment(ENDPOINT, "v-1")

    world.run()

    assert world.release(release).state is ReleaseState.LOST
    assert "nothing can go back to it" in world.release(release).reason


def test_the_keeper_makes_nothing_again_either() -> None:
    world, release = at(ReleaseState.WATCHING)
    world.run()
    assert world.release(release).state is ReleaseState.FINISHED
    world.workspace.remove_deployment(ENDPOINT, "v-2")
    world.workspace.calls.clear()

    for _ in range(3):
        world.keeper.run()

    assert world.workspace.calls == []
    assert world.outbox.kinds.count("traffic-changed") == 1
