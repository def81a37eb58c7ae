"""Hand edit in the portal: alert and hold (default) or repair."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.ids import DeploymentName, ReleaseId
from shared.domain.releases.release import ReleaseState
from shared.errors import RetryableError
from tests.unit.engine.release_world import ENDPOINT, World

V1, V2 = DeploymentName("v-1"), DeploymentName("v-2")
EDITS = [
    pytest.param({V1: 70, V2: 30}, id="another_split"),
    pytest.param({V1: 100}, id="taken_back"),
    pytest.param({V2: 100}, id="all_of_it"),
]
STAGES = [ReleaseState.SHADOWING, ReleaseState.CANARY, ReleaseState.WATCHING]


def edited(stage: ReleaseState, edit: dict[DeploymentName, int], **plan: Any) -> tuple[World, ReleaseId]:
    world = World()
    shadow: dict[str, Any] = {"strategy": "shadow", "mirror": 50} if stage is ReleaseState.SHADOWING else {}
    release = world.open(**shadow, **plan)
    world.run(until=lambda: world.release(release).state is stage and world.release(release).phase != "shifting")
    world.workspace.endpoints[ENDPOINT] = _with_traffic(world, edit)
    return world, release


@pytest.mark.parametrize("edit", EDITS)
def test_by_default_it_holds_tells_once_and_leaves_the_traffic(edit: dict[DeploymentName, int]) -> None:
    world, release = edited(ReleaseState.CANARY, edit)

    world.run(longest=timedelta(minutes=20))

    assert world.release(release).state is ReleaseState.CANARY
    assert world.release(release).held_because.startswith("the traffic was changed by hand to ")
    assert world.traffic == {str(name): share for name, share in edit.items()}
    assert world.outbox.kinds.count("release-held") == 1


@pytest.mark.parametrize("edit", EDITS)
def test_it_goes_on_when_the_split_is_put_back(edit: dict[DeploymentName, int]) -> None:
    world, release = edited(ReleaseState.CANARY, edit)
    world.run(longest=timedelta(minutes=5))
    world.workspace.set_traffic(ENDPOINT, {V1: 90, V2: 10})

    world.run()

    assert world.release(release).state is ReleaseState.FINISHED


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("stage", STAGES)
def test_a_policy_may_have_it_put_back(stage: ReleaseState, edit: dict[DeploymentName, int]) -> None:
    world, release = edited(stage, edit, on_hand_edit="repair")

    world.run()

    assert world.release(release).state is ReleaseState.FINISHED
    assert world.traffic == {"v-2": 100}
    assert world.outbox.kinds.count("traffic-changed") == 1


def test_who_keeps_changing_it_is_told_every_half_hour_and_not_every_minute() -> None:
    world, release = edited(ReleaseState.CANARY, {V1: 70, V2: 30}, on_hand_edit="repair")
    for _ in range(20):
        world.run(longest=timedelta(minutes=1))
        world.workspace.endpoints[ENDPOINT] = _with_traffic(world, {V1: 70, V2: 30})

    assert world.outbox.kinds.count("traffic-changed") == 1
    assert world.release(release).state is ReleaseState.CANARY


def test_a_hand_edit_that_stays_is_given_up_at_the_deadline() -> None:
    world, release = edited(ReleaseState.CANARY, {V1: 70, V2: 30})

    world.run()

    assert world.release(release).state is ReleaseState.ABORTED
    assert "changed by hand" in world.release(release).reason
    assert world.traffic == {"v-1": 100}


def _with_traffic(world: World, traffic: dict[DeploymentName, int]) -> Any:
    return replace(world.workspace.endpoints[ENDPOINT], traffic=traffic, mirror_traffic={})


def at_step(index: int, **plan: Any) -> tuple[World, ReleaseId]:
    """Return a release that bakes at a later step, whose earlier splits were all read back."""
    world = World()
    release = world.open(**plan)
    world.run(until=lambda: (world.release(release).step_index, world.release(release).phase) == (index, "baking"))
    return world, release


def edit_traffic(world: World, **shares: int) -> None:
    traffic = {DeploymentName(name.replace("_", "-")): share for name, share in shares.items()}
    world.workspace.endpoints[ENDPOINT] = _with_traffic(world, traffic)


def story(world: World, release: ReleaseId) -> str:
    return "\n".join(move.reason for move in world.release(release).history)


@pytest.mark.parametrize("edit", [{"v_1": 90, "v_2": 10}, {"v_1": 100}], ids=["one_step_down", "all_the_way"])
def test_lowering_the_traffic_to_an_earlier_step_is_left_held_and_told(edit: dict[str, int]) -> None:
    world, release = at_step(1)
    edit_traffic(world, **edit)

    world.run(longest=timedelta(minutes=5))

    assert world.traffic == {name.replace("_", "-"): share for name, share in edit.items()}
    assert world.outbox.kinds.count("release-held") == 1
    assert "changed by hand" in world.release(release).held_because
    assert "changed by hand" in story(world, release)


def test_lowering_the_traffic_after_the_promotion_is_left_and_told() -> None:
    world, release = edited(ReleaseState.WATCHING, {V1: 50, V2: 50})
    world.run(longest=timedelta(minutes=5))
    assert world.traffic == {"v-1": 50, "v-2": 50}
    assert "changed by hand" in world.release(release).held_because


def test_every_different_edit_is_told_and_in_the_story_also_where_it_is_put_back() -> None:
    world, release = at_step(1, on_hand_edit="repair")
    for shares in ({"v_1": 90, "v_2": 10}, {"v_1": 70, "v_2": 30}):
        edit_traffic(world, **shares)
        world.run(longest=timedelta(minutes=2))
        assert world.traffic == {"v-1": 50, "v-2": 50}
    reasons = [n.parameters["reason"] for n in world.outbox.notices.values() if n.kind == "traffic-changed"]
    assert len(reasons) == 2
    assert all(reason in story(world, release) for reason in reasons)


def test_an_edit_is_told_while_a_person_holds() -> None:
    world, release = at_step(0)
    world.desk.request_hold(release, "ana@example.com", "a hotfix")
    world.run(longest=timedelta(minutes=2))
    for shares in ({"v_1": 70, "v_2": 30}, {"v_1": 60, "v_2": 40}):
        edit_traffic(world, **shares)
        world.run(longest=timedelta(minutes=3))
    reasons = [n.parameters["reason"] for n in world.outbox.notices.values() if n.kind == "release-held"]
    assert ["hotfix" in reason for reason in reasons] == [True, False, False]
    assert ["changed by hand" in reason for reason in reasons] == [False, True, True]


def test_a_roll_back_is_told_only_when_traffic_went_back() -> None:
    world, release = edited(ReleaseState.WATCHING, {V1: 30, V2: 70})

    world.run()

    assert world.release(release).state is ReleaseState.ABORTED
    assert world.traffic == {"v-1": 30, "v-2": 70}
    assert "rolled-back" not in world.outbox.kinds
    (notice,) = (posted for posted in world.outbox.notices.values() if posted.kind == "release-aborted")
    assert notice.parameters["traffic"] == "v-1 30 %, v-2 70 %"


def test_an_abort_of_a_first_version_says_that_it_goes_on_serving() -> None:
    world = World(champion=False)
    release = world.open("1")
    world.run(until=lambda: world.release(release).state is ReleaseState.WATCHING)
    world.desk.request_abort(release, "ana@example.com", "complaints")

    world.run()

    assert world.traffic == {"v-1": 100}
    assert "rolled-back" not in world.outbox.kinds
    (notice,) = (posted for posted in world.outbox.notices.values() if posted.kind == "release-aborted")
    assert notice.parameters["traffic"] == "v-1 100 %"


def test_after_the_release_an_edit_to_one_of_its_steps_is_told() -> None:
    world = World()
    release = world.open()
    world.run()
    assert world.release(release).state is ReleaseState.FINISHED
    edit_traffic(world, v_1=50, v_2=50)
    world.keeper.run()
    assert world.traffic == {"v-1": 50, "v-2": 50}
    assert world.outbox.kinds.count("traffic-changed") == 1


def test_copies_that_were_changed_by_hand_are_put_back_and_told_once_a_change() -> None:
    world = World()
    release = world.open(strategy="shadow", mirror=50)
    world.run(until=lambda: world.release(release).phase == "baking")
    for mirror in ({V2: 20}, {}):
        world.workspace.endpoints[ENDPOINT] = replace(world.workspace.endpoints[ENDPOINT], mirror_traffic=mirror)
        world.run(longest=timedelta(minutes=2))
        assert world.workspace.endpoints[ENDPOINT].mirror_traffic == {V2: 50}
    reasons = [n.parameters["reason"] for n in world.outbox.notices.values() if n.kind == "traffic-changed"]
    assert ["v-2 20 %" in reason for reason in reasons] == [True, False]
    assert all(reason in story(world, release) for reason in reasons)


def test_a_shadow_without_data_is_told() -> None:
    world = World()
    release = world.open(strategy="shadow", mirror=50)
    world.run(until=lambda: world.release(release).phase == "baking")
    world.telemetry.errors = [RetryableError("monitor.down", "no answer")] * 10_000
    world.run(longest=timedelta(minutes=30))
    assert world.outbox.kinds.count("release-held") == 1
