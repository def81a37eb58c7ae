"""The sweep resumes what was abandoned, and lets nothing stand in its way."""

from __future__ import annotations

import json
import logging

import pytest

from shared.errors import RetryableError
from shared.logs import dimensions
from shared.ports.queues import NOTICES, RELEASES
from tests.unit.engine.fact_world import LEASE, Killed, World, drift, registered


def leave_open(world: World, *bodies: str) -> None:
    """Have a worker die over each event, right after claiming it."""
    for body in bodies:
        world.fuse.burns_on, world.fuse.is_late = "put open/ledger/", True
        with pytest.raises(Killed):
            world.process(body)


def test_one_fact_that_cannot_be_carried_on_keeps_no_other_waiting() -> None:
    world = World()
    leave_open(world, drift("7@1"), registered())
    assert len(list(world.ledger.open_keys())) == 2
    world.azureml.errors["submit_job"] = [RetryableError("workspace.retry", "later")]

    world.sweep_after_the_lease()

    assert {entry.fact.kind: entry.state for entry in world.entries()} == {
        "drift-detected": "claimed",
        "model-registered": "done",
    }


def test_the_heartbeat_says_what_stays_open_and_since_when(caplog: pytest.LogCaptureFixture) -> None:
    world = World()
    leave_open(world, drift("7@1"), registered())
    world.azureml.errors["submit_job"] = [RetryableError("workspace.retry", "later")]

    with caplog.at_level(logging.INFO, "vigia.sweep"):
        world.sweep_after_the_lease()
        world.azureml.errors.clear()
        world.sweep_after_the_lease()

    first, second = [dimensions(record) for record in caplog.records if record.message == "heartbeat"]
    (open_one,) = [entry for entry in world.entries() if entry.fact.kind == "drift-detected"]
    assert first["open_claims"] == 1
    since_the_event = (world.clock.now() - open_one.fact.occurred_at).total_seconds()
    assert first["oldest_claim_seconds"] == since_the_event - (LEASE.total_seconds() + 1)
    assert (second["open_claims"], second["oldest_claim_seconds"]) == (0, 0)


def test_a_mistake_in_the_code_keeps_nothing_waiting_and_is_not_hidden() -> None:
    world = World()
    leave_open(world, drift("7@1"), registered())
    world.azureml.errors["submit_job"] = [KeyError("a mistake")]

    with pytest.raises(KeyError, match="a mistake"):
        world.sweep_after_the_lease()

    assert {entry.fact.kind: entry.state for entry in world.entries()} == {
        "drift-detected": "claimed",
        "model-registered": "done",
    }


def test_notices_of_a_worker_that_died_before_posting_are_posted_once() -> None:
    world = World()
    world.fuse.burns_on = "create outbox/"
    with pytest.raises(Killed):
        world.process(drift())
    assert (world.entry().state, world.notices) == ("done", [])

    world.sweep_after_the_lease()
    world.sweep.run()

    assert world.kinds == ["drift-detected", "training-started"]
    assert len(world.queues.texts(NOTICES)) == 2


def test_a_release_that_nobody_woke_is_woken() -> None:
    world = World()
    world.process(registered())
    world.queues.messages.clear()
    world.sweep.run()
    assert [json.loads(text)["release"] for text in world.queues.texts(RELEASES)] == ["churn-7"]


def test_nothing_open_costs_three_listings() -> None:
    world = World()
    world.process(drift())
    world.memory.calls.clear()
    world.sweep.run()
    assert [call.split()[0] for call in world.memory.calls] == ["list", "list", "list"]
