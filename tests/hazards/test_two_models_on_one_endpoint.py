"""Two models on one endpoint: one owner; the second is queued or refused, naming the holder."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.ids import ModelName, ModelVersion, ReleaseId
from shared.domain.releases.release import ReleaseState
from tests.fakes.releases import a_plan, a_release
from tests.unit.engine.release_world import NO_APPROVAL, World

CHURN = ReleaseId("churn-2")


def both(**plan: Any) -> tuple[World, ReleaseId]:
    """Return a world in which flight-delay holds the endpoint and churn wants it."""
    world = World()
    first = world.open("2")
    world.run(until=lambda: world.release(first).state is ReleaseState.CANARY)
    world.workspace.register("churn", "2")
    release = a_release("2", a_plan(approval=NO_APPROVAL, evaluation=None, gates=(), **plan), world.clock.now())
    assert world.desk.open(replace(release, id=CHURN, model=ModelName("churn"), version=ModelVersion("2")))
    return world, first


def test_the_second_model_is_queued_naming_the_holder() -> None:
    world, first = both()

    world.run(until=lambda: bool(world.release(CHURN).reason.startswith("waiting")))

    assert world.release(CHURN).reason == f"waiting for endpoint flight-delay, held by {first}"
    assert world.endpoints.read(world.release(CHURN).endpoint).owner == first


def test_a_policy_may_refuse_instead_naming_the_holder() -> None:
    world, first = both(on_new_version="refuse")

    world.run(until=lambda: world.release(CHURN).state.is_terminal)

    assert world.release(CHURN).state is ReleaseState.REJECTED
    assert world.release(CHURN).reason == f"endpoint flight-delay is held by {first}, and the policy refuses to wait"
    assert "release-rejected" in world.outbox.kinds


@pytest.mark.parametrize("on_new_version", ["queue", "replace"])
def test_another_model_is_never_pushed_off_its_endpoint(on_new_version: str) -> None:
    world, first = both(on_new_version=on_new_version)

    world.run()

    assert world.release(first).state is ReleaseState.FINISHED
    assert world.release(CHURN).state is ReleaseState.FAILED
    assert world.release(CHURN).reason == "endpoint flight-delay serves another model, flight-delay"
    assert world.traffic == {"v-2": 100}
