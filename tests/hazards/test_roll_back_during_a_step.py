"""Rollback during a canary step: abort wins, the step's late write is corrected.

A worker may stall between recording the split that it wants and writing it. The endpoint's record then wants something
newer; whatever lands late is written over, while the release rolls back and after it has ended.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain.ids import DeploymentName
from shared.domain.releases.release import ReleaseState
from tests.unit.engine.release_world import ENDPOINT, World

LATE = {DeploymentName("v-1"): 90, DeploymentName("v-2"): 10}
HALF = {DeploymentName("v-1"): 50, DeploymentName("v-2"): 50}


def aborted_while_shifting() -> World:
    """Return a world in which somebody aborts at the very moment at which the second step is to be written."""
    world = World()
    release = world.open()
    world.run(until=lambda: world.release(release).step_index == 1)
    world.desk.request_abort(release, "ana@example.com", "complaints")
    world.run(until=lambda: world.release(release).state is ReleaseState.ROLLING_BACK)
    return world


def test_the_abort_wins_over_the_step() -> None:
    world = aborted_while_shifting()

    world.run()

    (item,) = world.releases.items()
    assert item.state == ReleaseState.ABORTED
    assert world.traffic == {"v-1": 100}
    assert world.release(item.id).traffic_steps == (10,)


def test_a_write_that_lands_while_rolling_back_is_corrected_before_the_release_ends() -> None:
    world = aborted_while_shifting()
    world.workspace.set_traffic(ENDPOINT, HALF)

    world.run()

    assert world.traffic == {"v-1": 100}
    assert world.endpoints.read(ENDPOINT).desired == {"v-1": 100}


@pytest.mark.parametrize("minutes", [0, 1, 7, 14])
def test_a_write_that_lands_after_the_end_is_corrected_by_the_next_sweep(minutes: int) -> None:
    world = aborted_while_shifting()
    world.run()
    world.clock.advance(timedelta(minutes=minutes))
    world.workspace.set_traffic(ENDPOINT, HALF)

    world.keeper.run()

    assert world.traffic == {"v-1": 100}
    assert "traffic-changed" not in world.outbox.kinds


def test_a_split_that_had_landed_before_is_a_persons_unless_its_writer_notes_that_it_was_frozen() -> None:
    world = aborted_while_shifting()
    world.run()
    world.workspace.set_traffic(ENDPOINT, LATE)
    world.keeper.run()
    assert (world.traffic, world.outbox.kinds.count("traffic-changed")) == ({"v-1": 90, "v-2": 10}, 1)

    world.endpoints.note_late(ENDPOINT, LATE, world.clock.now())
    world.keeper.run()
    assert world.traffic == {"v-1": 100}


def test_the_same_split_hours_later_is_a_persons_and_is_left() -> None:
    world = aborted_while_shifting()
    world.run()
    world.clock.advance(timedelta(hours=3))
    world.workspace.set_traffic(ENDPOINT, LATE)

    world.keeper.run()

    assert world.traffic == {"v-1": 90, "v-2": 10}
    assert world.outbox.kinds.count("traffic-changed") == 1


def test_a_worker_that_was_overtaken_writes_no_traffic() -> None:
    world = aborted_while_shifting()
    world.run()
    (item,) = world.releases.items()
    generation = world.endpoints.read(ENDPOINT).generation

    assert not world.endpoints.desire(ENDPOINT, item.id, HALF)
    assert world.endpoints.read(ENDPOINT).generation == generation
