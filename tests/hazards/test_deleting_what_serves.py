"""Deleting a deployment that serves: refused.

Twice: what clears away never asks for it, and the port refuses whoever does.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.ids import DeploymentName
from shared.domain.releases.plan import KeepPlan
from shared.errors import WorkspaceError
from tests.unit.engine.release_world import ENDPOINT, World

NAMES = [DeploymentName(f"v-{version}") for version in (1, 2, 3)]


def released_twice() -> World:
    """Return a world in which v-3 serves, v-2 is the last known good, and v-1 is over."""
    world = World()
    for version in ("2", "3"):
        world.open(version, keep=KeepPlan(timedelta(0), "delete"))
        world.run()
    return world


def test_whatever_its_record_says_what_serves_or_is_the_last_known_good_stays() -> None:
    world = released_twice()
    claim = world.endpoints.read(ENDPOINT)
    long_ago = world.clock.now() - timedelta(days=365)
    assert world.endpoints.change(claim, replace(claim, idle=dict.fromkeys(NAMES, long_ago)))

    for _ in range(10):
        world.keeper.run()

    assert world.deployments == {"v-2", "v-3"}
    assert [call for call in world.workspace.calls if call[0] == "delete_deployment"] == [("delete_deployment", "v-1")]


def test_what_somebody_put_back_into_service_by_hand_stays() -> None:
    world = released_twice()
    world.clock.advance(timedelta(days=2))
    world.workspace.set_traffic(ENDPOINT, {DeploymentName("v-1"): 1, DeploymentName("v-3"): 99})

    for _ in range(10):
        world.keeper.run()

    assert world.deployments == {"v-1", "v-2", "v-3"}


@pytest.mark.parametrize("name", ["v-3", "v-2"])
def test_the_port_refuses_what_has_traffic_mirrored_or_not(name: str) -> None:
    world = released_twice()
    world.workspace.set_mirror(ENDPOINT, {DeploymentName("v-2"): 10})

    with pytest.raises(WorkspaceError):
        world.workspace.delete_deployment(ENDPOINT, DeploymentName(name))

    assert name in world.deployments
