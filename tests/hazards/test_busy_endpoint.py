"""Endpoint busy: requeue with back-off, not failure."""

from __future__ import annotations

import pytest

from shared.domain.releases.release import ReleaseState
from shared.errors import WorkspaceBusyError
from shared.ports.queues import RELEASES
from tests.unit.engine.release_world import World

BUSY = WorkspaceBusyError("workspace.busy", "still updating")


@pytest.mark.parametrize("method", ["create_deployment", "set_traffic", "set_mirror", "endpoint", "submit_job"])
def test_a_busy_endpoint_is_asked_again_later_and_fails_nothing(method: str) -> None:
    world = World()
    world.workspace.errors = {method: [BUSY] * 12}
    release = world.open(strategy="shadow", mirror=50)

    world.run()

    assert world.release(release).state is ReleaseState.FINISHED
    assert world.workspace.errors[method] == []


def test_there_is_one_message_and_it_is_for_later() -> None:
    world = World()
    release = world.open()
    world.run(until=lambda: world.release(release).phase == "shifting")
    world.workspace.errors = {"set_traffic": [BUSY] * 3, "endpoint": [BUSY] * 3}

    for _ in range(5):
        world.run(until=lambda: bool(world.queue.texts(RELEASES)))
        assert len(world.queue.texts(RELEASES)) == 1
        due = world.queue.next_at(RELEASES)
        assert due is not None
        world.pass_time(due)
        message = world.queue.take(RELEASES)
        assert message is not None
        now = world.clock.now()
        world.reconciler.handle(message)
        following = world.queue.next_at(RELEASES)
        assert following is not None
        assert following > now


def test_a_roll_back_outlasts_a_busy_endpoint() -> None:
    world = World()
    world.error_share["v-2"] = 0.3
    release = world.open()
    world.run(until=lambda: world.release(release).state is ReleaseState.ROLLING_BACK)
    world.workspace.errors = {"set_traffic": [BUSY] * 40}

    world.run()

    assert world.release(release).state is ReleaseState.ROLLED_BACK
    assert world.traffic == {"v-1": 100}
