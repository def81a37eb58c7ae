"""Hazard 26: "Hand edit in the portal: alert and hold (default) or repair." """

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.ids import DeploymentName, ReleaseId
from shared.domain.release import ReleaseState
from tests.unit.engine.release_world import ENDPOINT, World

V1, V2 = DeploymentName("v-1"), DeploymentName("v-2")
EDITS = [
    pytest.param({V1: 70, V2: 30}, id="another_split"),
    pytest.param({V1: 100}, id="taken_back"),
    pytest.param({V2: 100}, id="all_of_it"),
]
STAGES = [ReleaseState.SHADOWING, ReleaseState.CANARY, ReleaseState.WATCHING]


def edited(stage: ReleaseState, edit: dict[DeploymentName, int], **plan: Any) -> tuple[World, ReleaseId]:
    world = World()
    shadow: dict[str, Any] = {"strategy": "shadow", "mirror": 50} if stage is ReleaseState.SHADOWING else {}
    release = world.open(**shadow, **plan)
    world.run(until=lambda: world.release(release).state is stage and world.release(release).phase != "shifting")
    world.workspace.endpoints[ENDPOINT] = _with_traffic(world, edit)
    return world, release


@pytest.mark.parametrize("edit", EDITS)
def test_by_default_it_holds_tells_once_and_leaves_the_traffic(edit: dict[DeploymentName, int]) -> None:
    world, release = edited(ReleaseState.CANARY, edit)

    world.run(longest=timedelta(minutes=20))

    assert world.release(release).state is ReleaseState.CANARY
    assert world.release(release).held_because.startswith("the traffic was changed by hand to ")
    assert world.traffic == {str(name): share for name, share in edit.items()}
    assert world.outbox.kinds.count("release-held") == 1


@pytest.mark.parametrize("edit", EDITS)
def test_it_goes_on_when_the_split_is_put_back(edit: dict[DeploymentName, int]) -> None:
    world, release = edited(ReleaseState.CANARY, edit)
    world.run(longest=timedelta(minutes=5))
    world.workspace.set_traffic(ENDPOINT, {V1: 90, V2: 10})

    world.run()

    assert world.release(release).state is ReleaseState.FINISHED


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("stage", STAGES)
def test_a_policy_may_have_it_put_back(stage: ReleaseState, edit: dict[DeploymentName, int]) -> None:
    world, release = edited(stage, edit, on_hand_edit="repair")

    world.run()

    assert world.release(release).state is ReleaseState.FINISHED
    assert world.traffic == {"v-2": 100}
    is_as_it_was = stage is ReleaseState.SHADOWING and edit == {V1: 100}
    assert world.outbox.kinds.count("traffic-changed") == (0 if is_as_it_was else 1)


def test_who_keeps_changing_it_is_told_every_half_hour_and_not_every_minute() -> None:
    world, release = edited(ReleaseState.CANARY, {V1: 70, V2: 30}, on_hand_edit="repair")
    for _ in range(20):
        world.run(longest=timedelta(minutes=1))
        world.workspace.endpoints[ENDPOINT] = _with_traffic(world, {V1: 70, V2: 30})

    assert world.outbox.kinds.count("traffic-changed") == 1
    assert world.release(release).state is ReleaseState.CANARY


def test_a_hand_edit_that_stays_is_given_up_at_the_deadline() -> None:
    world, release = edited(ReleaseState.CANARY, {V1: 70, V2: 30})

    world.run()

    assert world.release(release).state is ReleaseState.ABORTED
    assert "changed by hand" in world.release(release).reason
    assert world.traffic == {"v-1": 100}


def _with_traffic(world: World, traffic: dict[DeploymentName, int]) -> Any:
    return replace(world.workspace.endpoints[ENDPOINT], traffic=traffic, mirror_traffic={})
