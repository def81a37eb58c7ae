"""A new version during a release: queue (default), replace or refuse."""

from __future__ import annotations

from typing import Any

import pytest

from shared.domain.ids import ReleaseId
from shared.domain.releases.release import ReleaseState
from tests.unit.engine.release_world import World

STAGES = [ReleaseState.DEPLOYING, ReleaseState.SHADOWING, ReleaseState.CANARY]


def during(stage: ReleaseState, **plan: Any) -> tuple[World, ReleaseId, ReleaseId]:
    world = World()
    shadow: dict[str, Any] = {"strategy": "shadow", "mirror": 50} if stage is ReleaseState.SHADOWING else {}
    first = world.open("2", **shadow)
    world.run(until=lambda: world.release(first).state is stage)
    return world, first, world.open("3", **plan)


@pytest.mark.parametrize("stage", STAGES)
def test_by_default_it_queues_and_goes_next(stage: ReleaseState) -> None:
    world, first, second = during(stage)

    world.run()

    assert [world.release(release).state for release in (first, second)] == [ReleaseState.FINISHED] * 2
    assert world.release(second).champion == world.release(first).challenger
    assert world.traffic == {"v-3": 100}


@pytest.mark.parametrize("stage", STAGES)
def test_it_may_replace_the_earlier_version(stage: ReleaseState) -> None:
    world, first, second = during(stage, on_new_version="replace")

    world.run()

    assert world.release(first).state is ReleaseState.ABORTED
    assert "Vigia asked to abort: version 3 is to take its place" in world.release(first).reason
    assert world.release(second).state is ReleaseState.FINISHED
    assert world.release(second).champion is not None
    assert world.release(second).champion.deployment == "v-1"  # type: ignore[union-attr]
    assert world.traffic == {"v-3": 100}


def test_a_promoted_version_is_not_rolled_back_to_make_room() -> None:
    world, first, second = during(ReleaseState.WATCHING, on_new_version="replace")

    world.run()

    assert [world.release(release).state for release in (first, second)] == [ReleaseState.FINISHED] * 2


def test_a_newer_version_is_not_replaced_by_an_older_one() -> None:
    world = World()
    newer = world.open("3")
    world.run(until=lambda: world.release(newer).state is ReleaseState.CANARY)
    older = world.open("2", on_new_version="replace")

    world.run()

    assert world.release(newer).state is ReleaseState.FINISHED
    assert world.release(older).state is ReleaseState.SUPERSEDED


@pytest.mark.parametrize("stage", STAGES)
def test_it_may_be_refused(stage: ReleaseState) -> None:
    world, first, second = during(stage, on_new_version="refuse")

    world.run()

    assert world.release(second).state is ReleaseState.REJECTED
    assert f"held by {first}" in world.release(second).reason
    assert world.release(first).state is ReleaseState.FINISHED
    assert world.traffic == {"v-2": 100}
