"""A release stuck: its own deadline.

Whatever never comes, each state ends by itself. Only a roll back never gives up; it calls people instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.ids import ReleaseId
from shared.domain.releases.plan import SmokeTestPlan
from shared.domain.releases.release import ReleaseState
from shared.errors import RetryableError
from tests.fakes.releases import a_plan
from tests.unit.engine.release_world import ENDPOINT, World

LONGEST = timedelta(days=9)


def endpoint_never_free(world: World) -> None:
    owner = world.open("3", approval=replace(a_plan().approval, expires=timedelta(days=60)))
    world.run(until=lambda: world.release(owner).state is ReleaseState.AWAITING_APPROVAL)


def job_never_ends(world: World) -> None:
    world.workspace.job_outcome = "Running"


def deployment_never_up(world: World) -> None:
    world.workspace.deployment_outcome = "Creating"


def nobody_answers_the_smoke_test(world: World) -> None:
    world.workspace.errors = {"score": [RetryableError("workspace.no_answer", "nothing")] * 10_000}


def traffic_never_moves(world: World) -> None:
    world.workspace.set_traffic = lambda *_: None  # type: ignore[method-assign]


def copies_never_begin(world: World) -> None:
    world.workspace.set_mirror = lambda *_: None  # type: ignore[method-assign]


def nothing_is_measured(world: World) -> None:
    world.telemetry.errors = [RetryableError("monitor.down", "no answer")] * 100_000


CASES: list[Any] = [
    pytest.param(job_never_ends, {}, ReleaseState.FAILED, "is still Running", id="evaluating"),
    pytest.param(None, {"approval": a_plan().approval}, ReleaseState.EXPIRED, "nobody decided", id="awaiting_approval"),
    pytest.param(deployment_never_up, {}, ReleaseState.FAILED, "is still Creating after 2 h", id="deploying"),
    pytest.param(
        nobody_answers_the_smoke_test,
        {"smoke_test": SmokeTestPlan("[]")},
        ReleaseState.FAILED,
        "does not answer the smoke test",
        id="smoke_test",
    ),
    pytest.param(copies_never_begin, {"mirror": 50}, ReleaseState.FAILED, "within 30 min", id="shadow_shifting"),
    pytest.param(nothing_is_measured, {"mirror": 50}, ReleaseState.ABORTED, "no verdict", id="shadow_baking"),
    pytest.param(traffic_never_moves, {}, ReleaseState.FAILED, "the traffic did not become", id="canary_shifting"),
    pytest.param(nothing_is_measured, {}, ReleaseState.ABORTED, "no verdict within 40 min", id="canary_baking"),
]


@pytest.mark.parametrize(("break_", "plan", "state", "sentence"), CASES)
def test_each_state_ends_by_its_own_deadline(
    break_: Callable[[World], None] | None, plan: dict[str, Any], state: ReleaseState, sentence: str
) -> None:
    world = World()
    if break_:
        break_(world)
    release = world.open(**plan)

    world.run(longest=LONGEST)

    assert world.release(release).state is state
    assert sentence in world.release(release).reason
    assert world.traffic == {"v-1": 100}
    assert world.endpoints.read(ENDPOINT).owner is None


def test_a_release_does_not_wait_for_its_endpoint_for_ever() -> None:
    world = World()
    endpoint_never_free(world)
    # An older version would give way to the newer one at once; this one may wait.
    release = world.undoable("2")

    world.run(until=lambda: world.release(release).reason.startswith("waiting for endpoint"))
    world.clock.advance(timedelta(days=7))
    world.run(until=lambda: world.release(release).state.is_terminal)

    assert world.release(release).state is ReleaseState.FAILED
    assert world.release(release).reason == "endpoint flight-delay was not free for 7 d"


def test_a_held_release_is_given_up_at_its_deadline() -> None:
    world = World()
    release = world.open()
    world.run(until=lambda: world.release(release).state is ReleaseState.DEPLOYING)
    world.desk.request_hold(release, "ana@example.com", "month-end")

    world.run(longest=LONGEST)

    assert world.release(release).state is ReleaseState.ABORTED
    assert world.release(release).reason == "ana@example.com asked to hold: month-end"


def test_a_roll_back_never_gives_up_and_calls_people_every_half_hour() -> None:
    world = World()
    world.error_share["v-2"] = 0.3
    release = world.open()
    world.run(until=lambda: world.release(release).phase == "baking")
    traffic_never_moves(world)
    world.run(until=lambda: world.release(release).state is ReleaseState.ROLLING_BACK)
    previous = world.outbox.kinds.count("release-held")

    world.run(longest=timedelta(hours=5, minutes=5))

    assert world.release(release).state is ReleaseState.ROLLING_BACK
    assert 9 <= world.outbox.kinds.count("release-held") - previous <= 11
    assert world.release(ReleaseId(release)).deadline is not None
