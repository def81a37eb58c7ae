"""A release that is over leaves no job behind that nobody waits for."""

from __future__ import annotations

import pytest

from shared.domain.ids import ReleaseId
from shared.domain.releases.release import ReleaseState
from shared.errors import RetryableError, WorkspaceError
from tests.unit.engine.batch_world import BATCH, BatchWorld
from tests.unit.engine.release_world import World

ANA = "ana@example.com"


def canceled(world: World) -> list[str]:
    return [what for kind, what in world.workspace.calls if kind == "cancel_job"]


def evaluating() -> tuple[World, ReleaseId]:
    world = World()
    world.workspace.job_outcome = "Running"
    release = world.open()
    world.run(until=lambda: bool(world.workspace.jobs))
    return world, release


def test_an_abort_cancels_the_evaluation_and_says_so() -> None:
    world, release = evaluating()

    world.desk.request_abort(release, ANA, "wrong data")
    world.run()

    assert world.release(release).state is ReleaseState.ABORTED
    assert canceled(world) == ["eval-flight-delay-2"]
    reasons = [notice.parameters["reason"] for notice in world.outbox.notices.values()]
    assert reasons[-1] == (
        "ana@example.com asked to abort: wrong data; evaluation job eval-flight-delay-2 is canceled if it still runs"
    )


def test_an_evaluation_that_takes_too_long_is_canceled() -> None:
    world, release = evaluating()

    world.run()

    assert world.release(release).state is ReleaseState.FAILED
    assert canceled(world) == ["eval-flight-delay-2"]


@pytest.mark.parametrize(
    ("error", "times"),
    [
        pytest.param(WorkspaceError("workspace.refused", "no"), 1, id="refused"),
        pytest.param(RetryableError("workspace.busy", "later"), 3, id="not_now"),
    ],
)
def test_what_cannot_be_canceled_keeps_the_endpoint_from_nobody(error: Exception, times: int) -> None:
    world, release = evaluating()
    world.workspace.errors = {"cancel_job": [error] * times}

    world.desk.request_abort(release, ANA, "wrong data")
    world.run()

    assert world.release(release).is_settled
    assert world.endpoints.read(world.release(release).endpoint).owner is None


def test_an_evaluation_that_ended_is_left_as_it_is() -> None:
    world = World()
    release = world.open()
    world.offer_scores(release, challenger_gain=0.05)

    world.run()

    assert world.release(release).state is ReleaseState.REJECTED
    assert canceled(world) == []
    assert "canceled" not in world.release(release).reason


def test_an_abort_cancels_the_scoring_of_a_batch() -> None:
    world = BatchWorld()
    world.azure.outcome = "Running"
    release = world.open(**BATCH)
    world.run(until=lambda: len(world.azure.ran) == 2)

    world.desk.request_abort(release, ANA, "wrong data")
    world.run()

    assert world.release(release).state is ReleaseState.ABORTED
    assert len(canceled(world)) == 2
    assert world.release(release).reason.endswith("its scoring jobs are canceled if they still run")
