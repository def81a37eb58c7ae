"""A person's hold is a state of its own: no other person's request takes it back, and its end is told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.domain.ids import ReleaseId
from shared.domain.notice import NoticeKind
from shared.domain.releases.release import ReleaseState
from shared.errors import PermanentError
from tests.unit.engine.release_world import World

ANA, BEN = "ana@example.com", "ben@example.com"


@pytest.fixture
def baking() -> tuple[World, ReleaseId]:
    world = World()
    release = world.open()
    world.run(until=lambda: world.release(release).phase == "baking")
    return world, release


def sent(world: World, kind: NoticeKind) -> list[str]:
    return [notice.parameters["reason"] for notice in world.outbox.notices.values() if notice.kind is kind]


def test_anothers_promotion_leaves_a_hold_as_it_is(baking: tuple[World, ReleaseId]) -> None:
    world, release = baking
    world.desk.request_hold(release, ANA, "black friday")
    world.desk.request_promotion(release, 0, BEN, "it looks well")

    world.run(longest=timedelta(minutes=30))

    assert world.traffic == {"v-1": 90, "v-2": 10}
    assert world.release(release).held_because == "ana@example.com asked to hold: black friday"


def test_another_cannot_resume_but_an_admin_can_and_people_hear_of_it(baking: tuple[World, ReleaseId]) -> None:
    world, release = baking
    world.desk.request_hold(release, ANA, "black friday")
    world.run(longest=timedelta(minutes=5))

    with pytest.raises(PermanentError) as refused:
        world.desk.request_resume(release, BEN, "it is over")
    assert refused.value.code == "release.held"
    world.desk.request_resume(release, BEN, "it is over", is_admin=True)
    world.run()

    assert world.release(release).state is ReleaseState.FINISHED
    assert sent(world, NoticeKind.RELEASE_RESUMED) == [
        "ben@example.com asked to resume: it is over; ana@example.com asked to hold: black friday"
    ]


@pytest.mark.parametrize("by", [ANA, "Ana@Example.com"])
def test_whoever_holds_may_resume_or_promote(baking: tuple[World, ReleaseId], by: str) -> None:
    world, release = baking
    world.desk.request_hold(release, ANA, "black friday")
    world.run(longest=timedelta(minutes=2))

    world.desk.request_promotion(release, 0, by, "over")
    world.run(until=lambda: world.release(release).step_index == 1, longest=timedelta(minutes=3))

    assert world.release(release).step_index == 1


def test_an_abort_wins_over_a_hold(baking: tuple[World, ReleaseId]) -> None:
    world, release = baking
    world.desk.request_abort(release, BEN, "customers complain")
    world.desk.request_hold(release, ANA, "black friday")

    world.run()

    assert (world.release(release).state, world.traffic) == (ReleaseState.ABORTED, {"v-1": 100})


def test_who_holds_first_keeps_holding(baking: tuple[World, ReleaseId]) -> None:
    world, release = baking
    world.desk.request_hold(release, ANA, "black friday")
    world.desk.request_hold(release, BEN, "me too")

    hold = world.releases.held(release)

    assert hold is not None
    assert (hold.by, hold.reason) == (ANA, "black friday")


def test_a_hold_before_serving_can_be_taken_back_too() -> None:
    world = World()
    release = world.open()
    world.desk.request_hold(release, ANA, "not yet")
    world.run(longest=timedelta(minutes=3))
    assert world.release(release).state is ReleaseState.OPENED

    world.desk.request_resume(release, ANA, "now")
    world.run()

    assert world.release(release).state is ReleaseState.FINISHED
    assert sent(world, NoticeKind.RELEASE_RESUMED)
