"""A deployment that was scaled down gets its instances back before it gets traffic: undo, retry and roll back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.ids import DeploymentName, ModelName, ModelVersion, ReleaseId
from shared.domain.releases.plan import DeploymentPlan, KeepPlan
from shared.domain.releases.release import ReleaseState
from shared.engine.releases.reopen import Wish
from shared.engine.releases.retry import Retrier
from shared.errors import WorkspaceError
from shared.release.core.actions import ScaleDeployment
from tests.fakes.releases import a_plan
from tests.unit.engine.release_world import ENDPOINT, MINUTE, NO_APPROVAL, World

DAY = timedelta(hours=24)
THREE: dict[str, Any] = {"deployment": DeploymentPlan(instance_count=3), "keep": KeepPlan(DAY, "scale-down")}
V1, V2 = DeploymentName("v-1"), DeploymentName("v-2")


def sizes(world: World) -> dict[str, int | None]:
    return {
        str(deployment.name): deployment.instances for deployment in world.workspace.endpoints[ENDPOINT].deployments
    }


def writes(world: World) -> list[str]:
    return [f"{kind} {what}" for kind, what in world.workspace.calls if kind in {"set_traffic", "scale_deployment"}]


def a_wish(version: str) -> Wish:
    return Wish(ModelName("flight-delay"), ENDPOINT, ModelVersion(version), "eve@example.com", "the new one is worse")


def scaled_down(world: World) -> World:
    world.clock.advance(DAY)
    for _ in range(3):
        world.keeper.run()
    world.workspace.calls.clear()
    return world


@pytest.fixture
def overtaken() -> World:
    """Return a world in which version 3 serves, and version 1, which served first, was scaled down."""
    world = World()
    world.workspace.scale_deployment(ENDPOINT, V1, 3)
    for version in ("2", "3"):
        world.open(version, **THREE)
        world.run()
    return scaled_down(world)


def test_an_undo_waits_until_the_version_has_its_size(overtaken: World) -> None:
    overtaken.workspace.scaling_state = "Updating"
    assert sizes(overtaken) == {"v-1": 1, "v-2": 3, "v-3": 3}

    undone = overtaken.undoer.open(a_wish("1"), a_plan(approval=NO_APPROVAL, **THREE)).id
    overtaken.run(longest=timedelta(minutes=20))

    assert (writes(overtaken), overtaken.traffic) == (["scale_deployment v-1=3"], {"v-3": 100})
    assert overtaken.release(undone).reason == "deployment v-1 has 1 of 3 instances"

    overtaken.workspace.set_deployment_state(ENDPOINT, V1, "Succeeded")
    overtaken.run()

    assert overtaken.release(undone).state is ReleaseState.FINISHED
    assert overtaken.traffic == {"v-1": 100}


def test_an_undo_whose_size_is_refused_touches_no_traffic(overtaken: World) -> None:
    overtaken.workspace.errors = {"scale_deployment": [WorkspaceError("workspace.quota", "no quota is left")]}

    undone = overtaken.undoer.open(a_wish("1"), a_plan(approval=NO_APPROVAL, **THREE)).id
    overtaken.run()

    assert overtaken.release(undone).state is ReleaseState.FAILED
    assert "no quota is left" in overtaken.release(undone).reason
    assert overtaken.traffic == {"v-3": 100}


def test_a_retry_waits_for_the_size_too() -> None:
    world = World()
    world.error_share["v-2"] = 0.3
    world.open(**THREE)
    world.run()
    scaled_down(world)
    world.error_share["v-2"] = 0.0
    assert (sizes(world)["v-2"], world.traffic) == (1, {"v-1": 100})

    retrier = Retrier(world.workspace, world.releases, world.endpoints, world.queue, world.clock)
    world.offer_scores("flight-delay-2-r2")
    retrier.open(a_wish("2"), a_plan(approval=NO_APPROVAL, **THREE))
    world.run()

    assert writes(world)[:2] == ["scale_deployment v-2=3", "set_traffic v-1=90,v-2=10"]
    assert world.traffic == {"v-2": 100}


def in_canary(champion_instances: int) -> tuple[World, ReleaseId]:
    world = World()
    world.workspace.scale_deployment(ENDPOINT, V1, champion_instances)
    release = world.open(**THREE)
    world.run(until=lambda: world.release(release).phase == "baking")
    world.error_share["v-2"] = 0.3
    world.workspace.calls.clear()
    return world, release


def test_a_roll_back_waits_until_the_champion_has_its_size() -> None:
    world, release = in_canary(3)
    world.workspace.scale_deployment(ENDPOINT, V1, 1)
    world.workspace.calls.clear()
    world.workspace.scaling_state = "Updating"

    world.run(until=lambda: world.release(release).state is ReleaseState.ROLLING_BACK)
    world.run(longest=timedelta(minutes=5))
    assert (writes(world), world.traffic) == (["scale_deployment v-1=3"], {"v-1": 90, "v-2": 10})

    world.workspace.set_deployment_state(ENDPOINT, V1, "Succeeded")
    world.run()

    assert world.release(release).state is ReleaseState.ROLLED_BACK
    assert writes(world) == ["scale_deployment v-1=3", "set_traffic v-1=100"]


def test_a_champion_that_served_with_fewer_needs_no_more() -> None:
    world, release = in_canary(1)

    world.run()

    assert world.release(release).state is ReleaseState.ROLLED_BACK
    assert writes(world) == ["set_traffic v-1=100"]


def test_what_cannot_grow_gets_the_traffic_when_people_are_called() -> None:
    world, release = in_canary(3)
    world.workspace.scale_deployment(ENDPOINT, V1, 1)
    world.workspace.calls.clear()
    refused = WorkspaceError("workspace.quota", "no quota is left")
    world.workspace.errors = {"scale_deployment": [refused] * 1000}

    world.run(until=lambda: world.release(release).state is ReleaseState.ROLLING_BACK)
    world.run(longest=timedelta(minutes=29))
    assert world.traffic == {"v-1": 90, "v-2": 10}
    world.run(longest=2 * MINUTE)

    assert world.release(release).state is ReleaseState.ROLLED_BACK
    assert world.traffic == {"v-1": 100}


def test_what_somebody_made_larger_stays_so() -> None:
    world = World()
    release = world.open(**THREE)
    world.run(until=lambda: world.release(release).state is ReleaseState.CANARY)
    world.workspace.scale_deployment(ENDPOINT, V2, 5)
    world.workspace.calls.clear()

    world.run()

    assert sizes(world)["v-2"] == 5
    assert "scale_deployment" not in " ".join(writes(world))


def test_a_worker_that_stalled_scales_nothing_that_another_release_has(overtaken: World) -> None:
    stale = overtaken.release(ReleaseId("flight-delay-3"))

    overtaken.reconciler._actor.act(stale, ScaleDeployment(ENDPOINT, V1, 3))

    assert (writes(overtaken), sizes(overtaken)["v-1"]) == ([], 1)
