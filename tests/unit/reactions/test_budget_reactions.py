"""What a crossed budget sets off: notify, freeze-retraining and stop-compute, by the highest threshold reached."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.state import Freeze
from tests.unit.engine.fact_world import MODEL, POLICY, World, a_policy, budget
from tests.unit.events.wire import fact_from
from tests.unit.reactions.context import NOW, perform, proposed

REACTIONS = ("freeze-retraining", "notify", "stop-compute")
ALL, NOTIFIED, NONE = list(REACTIONS), ["notify"], list[str]()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(budget(79), NONE, id="below_every_threshold"),
        pytest.param(budget(80), NOTIFIED, id="at_the_first"),
        pytest.param(budget(99), NOTIFIED, id="between"),
        pytest.param(budget(100), ALL, id="at_the_second"),
        pytest.param(budget(250), ALL, id="far_above"),
        pytest.param(budget(100, "forecasted"), NOTIFIED, id="a_forecast_is_told_and_never_acted_on"),
    ],
)
def test_which_measures_a_crossed_threshold_takes(body: str, expected: list[str]) -> None:
    assert [name for name in REACTIONS for _ in proposed(name, body)] == expected


def test_a_policy_without_a_budget_takes_none() -> None:
    start, end = POLICY.index("budget:"), POLICY.index("notify:\n")
    policy = a_policy(POLICY[:start] + POLICY[end:])
    assert [reaction for name in REACTIONS for reaction in proposed(name, budget(100), policy=policy)] == []


def test_people_read_the_figures() -> None:
    (reaction,) = proposed("notify", budget(100))
    assert reaction.why == "budget ml-team: 1001.00 of 1000.00 EUR spent, 100% reached"
    (forecast,) = proposed("notify", budget(100, "forecasted"))
    assert forecast.why == "budget ml-team: 1001.00 of 1000.00 EUR forecast, 100% reached"


def test_freezing_again_is_the_same_freeze_and_the_same_notice() -> None:
    world = World()
    first = perform(world, "freeze-retraining", budget(100))
    frozen = world.models.read(MODEL).freeze
    world.clock.advance(timedelta(hours=1))
    again = perform(world, "freeze-retraining", budget(100))
    assert frozen is not None
    assert (world.models.read(MODEL).freeze, again.notices) == (frozen, first.notices)
    assert frozen.until is None  # only a person lifts it


@pytest.mark.parametrize("hours", [-1, 1], ids=["that_has_ended", "that_ends_by_itself"])
def test_a_freeze_with_an_end_does_not_stand_for_the_budgets(hours: int) -> None:
    world = World()
    ends = Freeze("holidays", NOW, fact_from(budget(80)).key, NOW + timedelta(hours=hours))
    world.models.update(MODEL, lambda state: replace(state, freeze=ends))
    perform(world, "freeze-retraining", budget(100))
    freeze = world.models.read(MODEL).freeze
    assert freeze is not None
    assert (freeze.until, freeze.reason.startswith("budget ml-team")) == (None, True)


def test_a_freeze_that_a_person_has_lifted_does_not_come_back_when_its_fact_is_taken_over() -> None:
    world = World()
    perform(world, "freeze-retraining", budget(100))
    world.models.update(MODEL, lambda state: replace(state, freeze=None))
    perform(world, "freeze-retraining", budget(100))
    assert world.models.read(MODEL).freeze is None


def test_running_instances_are_stopped_and_named() -> None:
    world = World()
    world.azureml.compute_instances = ["ci-ana", "ci-ben"]
    performed = perform(world, "stop-compute", budget(100))
    assert world.azureml.compute_instances == []
    assert performed.notices[0].parameters["instances"] == "ci-ana, ci-ben"


def test_stopping_again_tells_under_the_same_key() -> None:
    world = World()
    first = perform(world, "stop-compute", budget(100))
    again = perform(world, "stop-compute", budget(100))
    assert again.outcome.detail.startswith("compute instances stopped: none was running; budget ml-team")
    assert [notice.key for notice in again.notices] == [notice.key for notice in first.notices]
