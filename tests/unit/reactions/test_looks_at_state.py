"""What a reaction says of itself, that it looks at the state for some facts only, holds for every kind of fact."""

from __future__ import annotations

from typing import NoReturn, get_args

import pytest

from shared.domain.fact import FactBody, FeatureDrift
from shared.domain.ids import JobName
from shared.domain.state import ModelState
from shared.events.monitor_breach import BREACH_TAG, breach_text
from shared.events.sent.polled import run_status_changed
from shared.policy.deciding.decide import needs_state
from shared.ports.jobs import JobRecord
from shared.reactions.registry import reactions
from shared.reactions.spec import ReactionSpec
from tests.unit.engine.fact_world import (
    World,
    a_policy,
    blob_created,
    budget,
    data_arrived,
    drift,
    endpoint_alert,
    policy_state,
    registered,
    requested,
    run_ended,
)
from tests.unit.events.wire import WORKSPACE, fact_from
from tests.unit.reactions.context import NOW

GOOD_NEWS = breach_text("churn_monitor_quality", (FeatureDrift("", "Accuracy", 0.95, 0.9),))
BODIES = (
    run_status_changed(WORKSPACE, JobRecord(JobName("run-1"), "Completed", {BREACH_TAG: GOOD_NEWS}, ""), NOW),
    blob_created("customers/part-0.parquet"),
    budget(),
    data_arrived(),
    drift(),
    drift(signal="performance"),
    endpoint_alert(),
    policy_state("NonCompliant"),
    registered(),
    requested(),
    run_ended("RunCompleted", "Completed"),
    run_ended("RunStatusChanged", "Failed"),
)
SPECS = tuple(reactions().values())


class Untouchable(ModelState):
    """A state that nobody may look at."""

    def __init__(self) -> None:
        pass

    def __getattribute__(self, name: str) -> NoReturn:
        raise AssertionError(f"the state was looked at: {name}")


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_reaction_looks_at_the_state_for_no_other_facts(spec: ReactionSpec) -> None:
    others = [fact for fact in map(fact_from, BODIES) if not isinstance(fact.body, spec.looks_at_state)]
    for fact in others:
        list(spec.propose(fact, a_policy(), Untouchable(), NOW))


def test_reading_would_be_noticed() -> None:
    with pytest.raises(AssertionError, match="looked at"):
        list(reactions()["start-training"].propose(fact_from(drift()), a_policy(), Untouchable(), NOW))


def test_nearly_every_kind_of_fact_is_tried() -> None:
    tried = {type(fact_from(body).body).__name__ for body in BODIES}
    assert {body.__name__ for body in get_args(FactBody)} - tried <= {"ModelDeployed", "ImagePushed"}


def test_storage_is_read_for_these_facts_only() -> None:
    assert needs_state(fact_from(drift()), a_policy())
    assert not needs_state(fact_from(registered()), a_policy())


def test_a_fact_that_asks_for_nothing_costs_one_write() -> None:
    world = World(a_policy())
    world.process(budget(percent=1, spent=1))
    assert [call.partition("/")[0] for call in world.memory.calls] == ["create ledger"]
