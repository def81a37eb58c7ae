"""No traffic for a deployment that is down, whatever it was to be written for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from shared.domain.ids import DeploymentName
from shared.release.core.standing import cannot_take
from tests.unit.engine.release_world import ENDPOINT, World

V1, V2 = DeploymentName("v-1"), DeploymentName("v-2")


def baking() -> World:
    world = World()
    release = world.open(on_hand_edit="repair")
    world.run(until=lambda: world.release(release).phase == "baking")
    assert world.traffic == {"v-1": 90, "v-2": 10}
    return world


@pytest.mark.parametrize(
    ("breaks", "edit"),
    [
        pytest.param("v-2", {V1: 100}, id="the_challenger"),
        pytest.param("v-1", {V2: 100}, id="the_champion"),
    ],
)
def test_a_hand_edit_is_not_put_back_onto_a_deployment_that_is_down(
    breaks: str, edit: dict[DeploymentName, int]
) -> None:
    world = baking()
    world.workspace.set_deployment_state(ENDPOINT, breaks, "Failed")
    world.workspace.set_traffic(ENDPOINT, edit)

    world.run(longest=timedelta(minutes=10))

    assert world.traffic == {str(name): share for name, share in edit.items()}
    reasons = [notice.parameters["reason"] for notice in world.outbox.notices.values() if notice.kind == "release-held"]
    assert reasons == [f"deployment {breaks} is Failed, and gets no traffic"]
    assert "traffic-changed" not in world.outbox.kinds


def test_a_step_gives_no_more_to_a_challenger_that_is_down() -> None:
    world = baking()
    world.workspace.set_deployment_state(ENDPOINT, "v-2", "Failed")

    world.run(longest=timedelta(minutes=25))

    assert world.traffic["v-2"] == 10


def test_the_keeper_puts_nothing_back_onto_a_deployment_that_is_down() -> None:
    world = World()
    world.open(on_hand_edit="repair")
    world.run()
    assert world.traffic == {"v-2": 100}
    world.clock.advance(timedelta(days=1))
    world.workspace.set_deployment_state(ENDPOINT, "v-2", "Failed")
    world.workspace.set_traffic(ENDPOINT, {V1: 100})

    for _ in range(3):
        world.keeper.run()

    assert world.traffic == {"v-1": 100}
    (notice,) = (posted for posted in world.outbox.notices.values() if posted.kind == "traffic-changed")
    assert "is left: deployment v-2 is Failed, and gets no traffic" in notice.parameters["reason"]


@pytest.mark.parametrize(
    ("change", "split", "obstacle"),
    [
        pytest.param(lambda _: None, {V1: 100}, "", id="all_is_well"),
        pytest.param(
            lambda world: world.workspace.set_deployment_state(ENDPOINT, "v-1", "Failed"),
            {V1: 50, V2: 50},
            "",
            id="less_than_it_has",
        ),
        pytest.param(
            lambda world: world.workspace.set_deployment_state(ENDPOINT, "v-1", "Failed"),
            {V1: 100},
            "deployment v-1 is Failed, and gets no traffic",
            id="more_than_it_has",
        ),
        pytest.param(
            lambda _: None,
            {DeploymentName("v-9"): 100},
            "deployment v-9 is gone, and gets no traffic",
            id="gone",
        ),
    ],
)
def test_what_an_endpoint_cannot_take(
    change: Callable[[World], None], split: dict[DeploymentName, int], obstacle: str
) -> None:
    world = baking()
    change(world)
    assert cannot_take(world.workspace.endpoints[ENDPOINT], split) == obstacle
