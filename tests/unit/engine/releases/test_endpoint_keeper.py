"""Endpoints without a release: what they serve stays, and what serves nobody goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import pytest

from shared.domain.ids import DeploymentName, EndpointName
from shared.domain.releases.plan import KeepPlan
from shared.domain.releases.release import ReleaseState
from shared.errors import WorkspaceBusyError
from shared.ports.clock import Deadline
from tests.unit.engine.release_world import ENDPOINT, World

DAY = timedelta(hours=24)
KEEP: dict[str, Any] = {"keep": KeepPlan(DAY, "delete")}


def released(*versions: str, **plan: Any) -> World:
    world = World()
    for version in versions:
        release = world.open(version, **{**KEEP, **plan})
        world.run()
        assert world.release(release).state is ReleaseState.FINISHED
    return world


def sweep(world: World, delay: timedelta = timedelta(0), times: int = 3) -> None:
    world.clock.advance(delay)
    for _ in range(times):
        world.keeper.run()


def test_the_last_known_good_stays_and_what_was_before_it_goes_when_its_time_is_over() -> None:
    world = released("2", "3")
    sweep(world)
    assert world.deployments == {"v-1", "v-2", "v-3"}

    sweep(world, delay=DAY)

    assert world.deployments == {"v-2", "v-3"}
    assert set(world.endpoints.read(ENDPOINT).idle) == {"v-2"}


@pytest.mark.parametrize("then", ["delete", "scale-down"])
def test_the_replaced_champion_goes_after_the_time_that_the_policy_names(then: Literal["delete", "scale-down"]) -> None:
    world = released("2", keep=KeepPlan(DAY, then, last_known_good_for=DAY))
    sweep(world, delay=DAY - timedelta(hours=1))
    assert world.deployments == {"v-1", "v-2"}
    world.workspace.calls.clear()

    sweep(world, delay=timedelta(hours=2))

    gone = ("delete_deployment", "v-1") if then == "delete" else ("scale_deployment", "v-1=1")
    assert world.workspace.calls == [gone]
    world.undoable("1")
    world.run()
    assert world.traffic == {"v-1": 100}


def test_a_version_that_was_rolled_back_goes_too() -> None:
    world = World()
    world.error_share["v-2"] = 0.3
    world.open(**KEEP)
    world.run()

    sweep(world, delay=DAY)

    assert (world.deployments, world.traffic) == ({"v-1"}, {"v-1": 100})


@pytest.mark.parametrize(
    ("plan", "calls"),
    [
        pytest.param({"keep": KeepPlan(DAY, "keep")}, [], id="kept"),
        pytest.param({"keep": None}, [], id="releases_of_earlier_versions"),
        pytest.param({"keep": KeepPlan(DAY, "scale-down")}, [("scale_deployment", "v-1=1")], id="scaled_down_once"),
    ],
)
def test_a_policy_may_keep_more(plan: dict[str, Any], calls: list[tuple[str, str]]) -> None:
    world = released("2", "3", **plan)
    world.workspace.calls.clear()

    sweep(world, delay=DAY)

    assert world.workspace.calls == calls
    assert world.deployments == {"v-1", "v-2", "v-3"}


def test_nothing_is_cleared_away_under_a_running_release() -> None:
    world = released("2", "3")
    world.clock.advance(DAY)
    assert world.endpoints.claim(ENDPOINT, world.open("4"))

    sweep(world)

    assert world.deployments == {"v-1", "v-2", "v-3"}


def test_a_deployment_of_somebody_else_is_left_alone() -> None:
    world = released("2", "3")
    sweep(world, delay=10 * DAY)
    world.workspace.endpoints[ENDPOINT] = _with_deployment(world, "experiment")

    sweep(world, delay=10 * DAY)

    assert "experiment" in world.deployments


def test_a_removal_that_meets_a_busy_endpoint_is_tried_again() -> None:
    world = released("2", "3")
    world.workspace.errors = {"delete_deployment": [WorkspaceBusyError("workspace.busy", "updating")]}

    sweep(world, delay=DAY)

    assert world.deployments == {"v-2", "v-3"}


def test_traffic_changed_by_hand_after_a_release_is_told_once_and_left() -> None:
    world = released("2")
    world.clock.advance(DAY)
    world.workspace.set_traffic(ENDPOINT, {DeploymentName("v-1"): 100})

    sweep(world)

    assert world.traffic == {"v-1": 100}
    notices = [notice for notice in world.outbox.notices.values() if notice.kind == "traffic-changed"]
    assert [notice.parameters["reason"] for notice in notices] == ["it is v-1 100 % now; it was v-2 100 %, and is left"]
    assert world.deployments == {"v-1", "v-2"}


def test_a_policy_may_have_it_put_back() -> None:
    world = released("2", on_hand_edit="repair")
    world.clock.advance(DAY)
    world.workspace.set_traffic(ENDPOINT, {DeploymentName("v-1"): 100})

    sweep(world)

    assert world.traffic == {"v-2": 100}
    assert world.outbox.kinds.count("traffic-changed") == 1


def test_what_a_frozen_worker_writes_after_a_later_release_is_put_back() -> None:
    world = World()
    write = world.workspace.set_traffic

    def freeze_then_write(
        endpoint: EndpointName, traffic: Mapping[DeploymentName, int], deadline: Deadline | None = None
    ) -> None:
        world.workspace.set_traffic = write  # type: ignore[method-assign]
        world.run()
        world.open("3")
        world.run()
        assert world.traffic == {"v-3": 100}
        write(endpoint, traffic)

    world.workspace.set_traffic = freeze_then_write  # type: ignore[method-assign]
    world.open("2")
    world.run()
    assert world.traffic == {"v-1": 90, "v-2": 10}

    sweep(world)

    assert world.traffic == {"v-3": 100}
    assert "traffic-changed" not in world.outbox.kinds


def _with_deployment(world: World, name: str) -> Any:
    record = world.workspace.endpoints[ENDPOINT]
    return replace(record, deployments=(*record.deployments, replace(record.deployments[0], name=DeploymentName(name))))
