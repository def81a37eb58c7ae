"""Partial traffic failure: read back until equal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from shared.domain.ids import DeploymentName, EndpointName
from shared.domain.releases.release import ReleaseState
from shared.ports.clock import Deadline
from tests.unit.engine.release_world import ENDPOINT, World

V1, V2 = DeploymentName("v-1"), DeploymentName("v-2")


class Flaky(World):
    """Each traffic write is accepted, and the first `spoilt` ones of each split do not do what was asked."""

    def __init__(self, how: str, spoilt: int) -> None:
        super().__init__()
        self.how, self.spoilt = how, spoilt
        self.reads: dict[str, int] = {}
        self.write = self.workspace.set_traffic
        self.workspace.set_traffic = self.set_traffic  # type: ignore[method-assign]

    def set_traffic(
        self, endpoint: EndpointName, traffic: Mapping[DeploymentName, int], deadline: Deadline | None = None
    ) -> None:
        previous = dict(self.workspace.endpoints[endpoint].traffic)
        self.write(endpoint, traffic, deadline)
        count = self.reads[str(dict(traffic))] = self.reads.get(str(dict(traffic)), 0) + 1
        if count > self.spoilt:
            self._set(state="Succeeded")
        elif self.how == "lost":
            self._set(traffic=previous)
        else:
            self._set(state="Failed", traffic={V1: 97, V2: 3})

    def _set(self, **changes: object) -> None:
        self.workspace.endpoints[ENDPOINT] = replace(self.workspace.endpoints[ENDPOINT], **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["lost", "half_done"])
@pytest.mark.parametrize("spoilt", [1, 4])
def test_a_step_begins_when_its_split_was_read_back(how: str, spoilt: int) -> None:
    world = Flaky(how, spoilt)
    release = world.open()

    world.run()

    ended = world.release(release)
    assert (ended.state, ended.traffic_steps) == (ReleaseState.FINISHED, (10, 50, 95, 100))
    assert world.traffic == {"v-2": 100}
    assert world.reads[str({V2: 100})] >= spoilt + 1
    assert "release-held" not in world.outbox.kinds


@pytest.mark.parametrize("how", ["lost", "half_done"])
def test_a_roll_back_is_done_when_the_champion_was_read_back(how: str) -> None:
    world = Flaky(how, 6)
    world.error_share["v-2"] = 0.3
    release = world.open()

    world.run()

    assert world.release(release).state is ReleaseState.ROLLED_BACK
    assert world.traffic == {"v-1": 100}


def test_traffic_that_never_becomes_right_gives_the_step_up() -> None:
    world = World()
    release = world.open()
    write = world.workspace.set_traffic
    calls = []

    def refuses_the_challenger(
        endpoint: EndpointName, traffic: Mapping[DeploymentName, int], deadline: Deadline | None = None
    ) -> None:
        calls.append(dict(traffic))
        if V2 not in traffic:
            write(endpoint, traffic)

    world.workspace.set_traffic = refuses_the_challenger  # type: ignore[method-assign]

    world.run()

    assert world.release(release).state is ReleaseState.FAILED
    assert "the traffic did not become v-1 90 %, v-2 10 % within 30 min" in world.release(release).reason
    assert len(calls) > 10
    assert world.traffic == {"v-1": 100}
