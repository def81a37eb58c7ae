"""Non-numeric versions: order by creation time, never by string.

Of 2026-11-09 and 10-hotfix, the one that was created later wins, whatever their names sort like and whichever was
announced first.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from tests.hazards.versions import Registry


def created(*versions: str) -> Mapping[str, datetime]:
    """Return the versions with their creation times, a day apart, in the order given."""
    return {version: datetime(2026, 11, number, tzinfo=UTC) for number, version in enumerate(versions, start=1)}


# In the order of their creation; sorted as text, none of these would come out so.
BY_CREATION = [
    pytest.param(("zeta", "beta", "alpha"), id="words"),
    pytest.param(("v9", "v10", "v11"), id="letters_and_numbers"),
    pytest.param(("2026.9", "2026.10", "2026.1"), id="dates_with_points"),
    pytest.param(("9", "10-hotfix", "1.0"), id="numbers_and_others"),
    pytest.param(("Release-B", "release-a", "RELEASE-0"), id="casing"),
]


@pytest.mark.parametrize("versions", BY_CREATION)
def test_the_latest_created_wins_in_every_order(versions: tuple[str, ...]) -> None:
    for order in itertools.permutations(versions):
        world = Registry(created(*versions))

        world.announce(order)
        world.settle()

        *older, newest = versions
        assert world.states == {newest: "finished", **dict.fromkeys(older, "superseded")}, order
        assert world.serving == [newest]


@pytest.mark.parametrize("versions", BY_CREATION)
def test_an_older_one_that_arrives_when_the_newest_serves_is_superseded(versions: tuple[str, ...]) -> None:
    *older, newest = versions
    world = Registry(created(*versions))
    world.announce([newest])
    world.settle()

    world.announce(older)
    world.settle()

    assert world.states == {newest: "finished", **dict.fromkeys(older, "superseded")}
    assert world.serving == [newest]


@pytest.mark.parametrize("versions", BY_CREATION)
def test_newer_ones_that_come_one_by_one_each_take_over(versions: tuple[str, ...]) -> None:
    world = Registry(created(*versions))
    for version in versions:
        world.announce([version])
        world.settle()
        assert world.serving == [version]

    assert set(world.states.values()) == {"finished"}


def test_numbers_are_compared_as_numbers_even_against_their_creation() -> None:
    """A version 10 registered before version 9 is the higher one: whoever numbers them says so."""
    for order in itertools.permutations(("10", "9")):
        world = Registry(created("10", "9"))

        world.announce(order)
        world.settle()

        assert world.states == {"10": "finished", "9": "superseded"}, order
