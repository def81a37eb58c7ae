"""Releasing a version once more that did not make it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.domain.ids import ModelName, ModelVersion, ReleaseId
from shared.domain.releases.release import Release, ReleaseState
from shared.engine.releases.reopen import Wish
from shared.engine.releases.retry import Retrier
from shared.errors import PermanentError
from tests.fakes.releases import a_plan
from tests.unit.engine.release_world import ENDPOINT, NO_APPROVAL, World


def retried(world: World, version: str = "2", **plan: Any) -> Release:
    retrier = Retrier(world.workspace, world.releases, world.endpoints, world.queue, world.clock)
    wish = Wish(ModelName("flight-delay"), ENDPOINT, ModelVersion(version), "eve@example.com", "it is fixed")
    number = sum(item.id.startswith(f"flight-delay-{version}") for item in world.releases.items()) + 1
    world.offer_scores(f"flight-delay-{version}-r{number}")
    return retrier.open(wish, a_plan(**{"approval": NO_APPROVAL, **plan}))


@pytest.fixture
def rolled_back() -> World:
    world = World()
    world.error_share["v-2"] = 0.2
    release = world.open()
    world.run()
    assert world.release(release).state is ReleaseState.ROLLED_BACK
    return world


def test_a_version_that_was_rolled_back_gets_a_fresh_release_with_its_gates(rolled_back: World) -> None:
    rolled_back.error_share["v-2"] = 0.0

    again = retried(rolled_back)
    rolled_back.run()

    assert again.id == "flight-delay-2-r2"
    assert again.cause == "retry of flight-delay-2 by eve@example.com: it is fixed"
    ended = rolled_back.release(again.id)
    assert (ended.state, ended.submitter) == (ReleaseState.FINISHED, "ana@example.com")
    assert [move.entered for move in ended.history][:2] == [ReleaseState.GATING, ReleaseState.EVALUATING]
    assert {result.gate for result in ended.gate_results} == {"metric roc_auc"}
    assert rolled_back.traffic == {"v-2": 100}
    assert rolled_back.release(ReleaseId("flight-delay-2")).state is ReleaseState.ROLLED_BACK


def test_what_is_still_bad_is_rolled_back_again_and_may_be_tried_a_third_time(rolled_back: World) -> None:
    retried(rolled_back)
    rolled_back.run()
    assert rolled_back.traffic == {"v-1": 100}
    assert retried(rolled_back).id == "flight-delay-2-r3"


def test_people_are_asked_again(rolled_back: World) -> None:
    again = retried(rolled_back, approval=a_plan().approval)
    rolled_back.run(until=lambda: rolled_back.release(again.id).state is ReleaseState.AWAITING_APPROVAL)
    assert rolled_back.approvals.requests[-1].release == again.id


def test_a_deployment_that_did_not_come_up_makes_room() -> None:
    world = World()
    world.workspace.deployment_outcome = "Failed"
    release = world.open()
    world.run()
    assert world.release(release).state is ReleaseState.FAILED
    world.workspace.deployment_outcome = "Succeeded"

    again = retried(world)
    world.run()

    assert ("delete_deployment", "v-2") in world.workspace.calls
    assert world.release(again.id).state is ReleaseState.FINISHED


def test_one_that_is_under_way_is_not_repeated() -> None:
    world = World()
    world.open()
    with pytest.raises(PermanentError, match="flight-delay-2 of it is under way"):
        retried(world)


def test_what_serves_or_served_is_not_repeated() -> None:
    world = World()
    world.open()
    world.run()
    with pytest.raises(PermanentError, match="serves already"):
        retried(world)
    world.open("3")
    world.run()
    with pytest.raises(PermanentError, match="version 3 serves, which is newer"):
        retried(world)


def test_what_served_until_it_was_undone_is_brought_back_by_undo_alone() -> None:
    world = World()
    world.open()
    world.run()
    world.undoer.open(
        Wish(ModelName("flight-delay"), ENDPOINT, ModelVersion("1"), "ana@example.com", "worse"), a_plan()
    )
    world.run()
    assert world.traffic == {"v-1": 100}
    with pytest.raises(PermanentError, match="it made it before") as refused:
        retried(world)
    assert "releases undo flight-delay --to 2" in refused.value.hint


def test_what_was_never_released_or_is_gone_is_not_repeated(rolled_back: World) -> None:
    with pytest.raises(PermanentError, match="was never released"):
        retried(rolled_back, "3")
    del rolled_back.workspace.models["flight-delay", "2"]
    with pytest.raises(PermanentError, match="the registry has no flight-delay:2"):
        retried(rolled_back)


def test_a_late_duplicate_of_the_registration_opens_nothing(rolled_back: World) -> None:
    again = retried(rolled_back)
    first = rolled_back.release(ReleaseId("flight-delay-2"))
    assert not rolled_back.desk.open(replace(first, wake_at=rolled_back.clock.now()))
    assert rolled_back.release(again.id).state is ReleaseState.OPENED
