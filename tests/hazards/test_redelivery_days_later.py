"""Redelivery days later: the ledger is kept at least 90 days.

Event Grid tries for a day, keeps what it gave up as dead letters, and a person may put those back weeks later. Whatever
comes back then is the same fact as before, because the ledger outlives it: in its own code, which deletes nothing, and
in the rule of the storage account, which may delete after 90 days at the earliest.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from shared.adapters.storage.blobs import DEAD_LETTERS
from shared.errors import WorkspaceError
from shared.store.facts.ledger import PREFIX
from tests.unit.engine.dead_letter_world import DeadLetterWorld, given_up
from tests.unit.engine.fact_world import budget, drift, registered, requested, run_ended

LEAST_DAYS = 90
INFRA = Path(__file__).parents[2] / "infra"
STORAGE = (INFRA / "base" / "storage.bicep").read_text(encoding="utf-8")
FACTS = [
    pytest.param(registered(), id="model-registered"),
    pytest.param(drift(), id="drift"),
    pytest.param(requested(), id="retraining-requested"),
    pytest.param(budget(), id="budget"),
    pytest.param(run_ended("RunCompleted", "Completed"), id="run-ended"),
]


@pytest.mark.parametrize("days", [2, 30, LEAST_DAYS])
@pytest.mark.parametrize("body", FACTS)
def test_what_is_delivered_again_days_later_does_nothing(body: str, days: int) -> None:
    world = DeadLetterWorld()
    world.process(body)
    effects = world.effects()
    for _ in range(days):  # a sweep a day stands for one a minute
        world.clock.advance(timedelta(days=1))
        world.sweep.run()

    world.process(body)
    world.process(json.dumps([given_up(json.loads(body))]))

    assert world.effects() == effects


@pytest.mark.parametrize("body", FACTS)
def test_a_dead_letter_of_a_fact_that_was_told_otherwise_is_known_days_later(body: str) -> None:
    world = DeadLetterWorld()
    world.process(body)
    effects = world.effects()
    world.clock.advance(timedelta(days=LEAST_DAYS))
    world.give_up(body)

    assert world.item().prospect == "known"
    assert world.replay_all() == ["cleared"]
    world.work()

    assert world.effects() == effects
    assert world.items() == []


def test_a_fact_that_was_parked_long_ago_is_no_new_one() -> None:
    world = DeadLetterWorld()
    world.azureml.errors["submit_job"] = [WorkspaceError("workspace.refused", "no such component")]
    world.process(drift())
    world.clock.advance(timedelta(days=LEAST_DAYS))

    world.process(drift())

    assert world.entry().state == "parked"
    assert world.azureml.calls == []


def test_no_rule_of_the_storage_account_forgets_facts_earlier() -> None:
    rules = re.findall(r"days: (\w+), folders: \[(.+?)\] \}", STORAGE)

    assert [days for days, folders in rules if f"'{PREFIX}'" in folders] == ["ledgerDays"]
    assert [days for days, folders in rules if f"'{DEAD_LETTERS}/'" in folders] == ["deadLetterDays"]
    assert re.search(rf"@minValue\({LEAST_DAYS}\)\s+param ledgerDays int", STORAGE)


@pytest.mark.parametrize("file", sorted((INFRA / "environments").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_environment_remembers_facts_longer_than_dead_letters(file: Path) -> None:
    retention = yaml.safe_load(file.read_text(encoding="utf-8"))["retention"]

    # The day of Event Grid's own tries comes before the dead letter, and half a day for the sake of time zones.
    assert retention["ledgerDays"] >= max(LEAST_DAYS, retention["deadLetterDays"] + 2)
