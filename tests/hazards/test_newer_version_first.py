"""v7 arrives before v6: per-model high-water mark, v6 recorded as superseded; all permutations of 5 versions
give one end state.

The higher version wins, whichever was announced first and however far it has come when the other one arrives.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from shared.domain.releases.release import ReleaseState
from tests.hazards.versions import Registry
from tests.unit.engine.release_world import World

CREATED = {str(number): datetime(2026, 11, number, tzinfo=UTC) for number in range(3, 8)}
VERSIONS = tuple(CREATED)


def test_v6_that_arrives_after_v7_is_recorded_as_superseded() -> None:
    world = Registry(CREATED)

    world.announce(["7", "6"])
    world.settle()

    assert world.states == {"6": "superseded", "7": "finished"}
    assert world.ended["6"].reason == "version 7 is on its way, which is newer than 6"
    assert world.serving == ["7"]


def test_v6_that_arrives_days_after_v7_serves_is_recorded_as_superseded() -> None:
    world = Registry(CREATED)
    world.announce(["7"])
    world.settle()

    world.announce(["6"])
    world.settle()

    assert world.states == {"6": "superseded", "7": "finished"}
    assert world.ended["6"].reason == "version 7 serves already, which is newer than 6"


@pytest.mark.parametrize("looks", range(12))
def test_v6_is_superseded_wherever_v7_is_when_it_arrives(looks: int) -> None:
    world = Registry(CREATED)
    world.announce(["7"])
    for _ in range(looks):
        world.look()

    world.announce(["6"])
    world.settle()

    assert world.states == {"6": "superseded", "7": "finished"}
    assert world.serving == ["7"]


@pytest.mark.parametrize("looks", range(12))
def test_v7_ends_up_serving_wherever_v6_is_when_it_arrives(looks: int) -> None:
    world = Registry(CREATED)
    world.announce(["6"])
    for _ in range(looks):
        world.look()

    world.announce(["7"])
    world.settle()

    assert world.states["7"] == "finished"
    assert world.states["6"] in {"superseded", "finished"}
    assert world.serving == ["7"]


def test_all_orders_of_five_registrations_end_the_same() -> None:
    ends = set()
    for order in itertools.permutations(VERSIONS):
        world = Registry(CREATED)
        world.announce(order)
        world.settle()
        ends.add((tuple(sorted(world.states.items())), tuple(world.traffic.items())))

    assert ends == {
        (
            (
                ("3", "superseded"),
                ("4", "superseded"),
                ("5", "superseded"),
                ("6", "superseded"),
                ("7", "finished"),
            ),
            (("v-7", 100),),
        )
    }


def test_all_orders_of_five_registrations_that_come_one_by_one_end_with_the_same_traffic() -> None:
    for order in itertools.permutations(VERSIONS):
        world = Registry(CREATED)
        for version in order:
            world.announce([version])
            world.look()
            world.look()
        world.settle()

        assert (world.serving, world.states["7"]) == (["7"], "finished"), order
        assert set(world.states.values()) <= {"superseded", "finished"}, order


def test_a_newest_version_that_fails_its_gates_leaves_the_good_one_its_turn() -> None:
    world = World()
    world.workspace.register("flight-delay", "4")
    first = world.open("2")
    world.run(until=lambda: world.release(first).state is ReleaseState.CANARY)
    good, bad = world.open("3"), world.open("4")
    world.offer_scores(bad, challenger_gain=0.05)

    world.run()

    assert [world.release(release).state for release in (first, good, bad)] == ["finished", "finished", "rejected"]
    assert world.traffic == {"v-3": 100}


def test_a_newer_version_that_a_person_holds_keeps_nobody_waiting() -> None:
    world = World()
    world.workspace.register("flight-delay", "4")
    first = world.open("2")
    world.run(until=lambda: world.release(first).state is ReleaseState.CANARY)
    held = world.open("4")
    world.desk.request_hold(held, "ana@example.com", "not before Monday")
    good = world.open("3")

    world.run(until=lambda: world.release(good).state is ReleaseState.FINISHED)

    assert world.traffic == {"v-3": 100}
    assert world.release(held).state is ReleaseState.OPENED
