"""No event tells of a new version of a data asset: the poll looks at what a training would read."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.hazards.test_event_never_arrives import QUARTER, Watched
from tests.unit.engine.fact_world import a_policy, data_arrived


def polled(*versions: str, policy: str = "") -> Watched:
    """Return a world in which the training's data has these versions, one after the other, each seen by a poll."""
    world = Watched(a_policy(**({"[drift, performance, new-data]": policy} if policy else {})))
    for version in versions:
        world.azureml.latest["customers"] = version
        world.clock.advance(QUARTER)
        world.poll_and_process()
    return world


def trainings(world: Watched) -> list[str]:
    return [what for call, what in world.azureml.calls if call == "submit_job"]


def test_what_was_there_at_the_first_look_starts_nothing() -> None:
    assert trainings(polled("1", "1")) == []


def test_a_new_version_starts_one_training() -> None:
    world = polled("1", "2", "2", "2")

    (job,) = trainings(world)

    assert world.azureml.jobs[job].recipe is not None
    assert world.azureml.jobs[job].recipe.inputs == {"training_data": "azureml:customers:2"}  # type: ignore[union-attr]


def test_a_policy_that_does_not_train_on_new_data_is_left_alone() -> None:
    assert trainings(polled("1", "2", policy="[drift]")) == []


@pytest.mark.parametrize("announced_first", [True, False])
def test_a_version_that_somebody_told_of_is_trained_on_once(announced_first: bool) -> None:
    world = polled("1")
    world.azureml.latest["customers"] = "2"
    if announced_first:
        world.process(data_arrived(version="2"))
    world.clock.advance(QUARTER)
    world.poll_and_process()
    if not announced_first:
        world.process(data_arrived(version="2"))

    world.clock.advance(timedelta(days=1))
    world.poll_and_process()

    assert len(trainings(world)) == 1


def test_data_that_cannot_be_looked_up_keeps_nothing_else_waiting() -> None:
    from shared.errors import RetryableError

    world = polled("1")
    world.azureml.errors = {"recipe": [RetryableError("workspace.busy", "later")]}
    world.azureml.latest["customers"] = "2"

    for _ in range(2):
        world.clock.advance(QUARTER)
        world.poll_and_process()

    assert len(trainings(world)) == 1
