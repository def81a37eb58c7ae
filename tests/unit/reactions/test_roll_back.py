"""Roll back: an alert on an endpoint takes back the release that was under way when it was decided."""

from __future__ import annotations

from dataclasses import replace

from shared.domain.ids import ReleaseId
from shared.domain.releases.release import ReleaseState
from shared.domain.state import ModelState
from shared.policy.sections.model import Endpoint
from tests.unit.engine.fact_world import MODEL, World, a_policy, drift, endpoint_alert
from tests.unit.reactions.context import RELEASE, perform, proposed

NAME = "roll-back"
DURING = ModelState(MODEL, release=RELEASE)


def test_an_alert_that_fired_on_the_policys_endpoint_is_a_reason() -> None:
    (reaction,) = proposed(NAME, endpoint_alert(), DURING)
    assert reaction.why == "alert slow fired: p95 is 900 ms"
    assert reaction.arguments == {"rule": "slow", "release": "churn-7"}


def test_nothing_else_is() -> None:
    elsewhere = replace(a_policy(), endpoint=Endpoint("elsewhere", "online"))  # type: ignore[arg-type]
    assert proposed(NAME, endpoint_alert("resolved"), DURING) == []
    assert proposed(NAME, drift(), DURING) == []
    assert proposed(NAME, endpoint_alert(), DURING, elsewhere) == []


def test_repeating_it_is_one_abort() -> None:
    world = World()
    world.open_release()
    (reaction,) = proposed(NAME, endpoint_alert(), DURING)
    for _ in range(2):
        performed = perform(world, NAME, endpoint_alert(), reaction)
        assert performed.outcome.effect == "churn-7"
    request = world.releases.request(RELEASE)
    assert request is not None
    assert (request.kind, request.by, request.reason) == ("abort", "alert slow", "alert slow fired: p95 is 900 ms")


def test_without_a_release_there_is_nothing_to_take_back() -> None:
    performed = perform(World(), NAME, endpoint_alert())
    assert performed.outcome.detail == "no release was under way on endpoint churn: nothing to take back"


def test_a_release_that_came_later_is_left_alone() -> None:
    world = World()
    (reaction,) = proposed(NAME, endpoint_alert(), ModelState(MODEL, release=ReleaseId("churn-6")))
    world.open_release()
    performed = perform(world, NAME, endpoint_alert(), reaction)
    assert performed.outcome.detail == "release churn-6 has ended meanwhile: nothing to take back"
    assert world.releases.request(RELEASE) is None


def test_a_release_that_ended_meanwhile_is_left_alone() -> None:
    world = World()
    world.open_release()
    (reaction,) = proposed(NAME, endpoint_alert(), DURING)
    stored = world.releases.load(RELEASE)
    assert stored is not None
    world.releases.save(stored, replace(stored.release, state=ReleaseState.FINISHED))
    assert "has ended meanwhile" in perform(world, NAME, endpoint_alert(), reaction).outcome.detail
