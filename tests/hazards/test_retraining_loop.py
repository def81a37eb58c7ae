"""Retraining loop: chain counter.

Drift starts a training, its model drifts again, and so on: from the third such training in a row on, a person must
agree. What a person asks for, or a week of quiet, restarts the count.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.engine.fact_world import World, a_policy, drift, requested, run_ended

NEXT = timedelta(hours=25)


def loop(world: World, start: int, times: int) -> list[str]:
    """Have it drift and be trained again; return the jobs that were submitted."""
    jobs = list(world.azureml.jobs)
    for number in range(start, start + times):
        world.process(drift(run=f"7@{number}"))
        for job in [job for job, record in world.azureml.jobs.items() if record.status == "Running"]:
            world.azureml.end_job(job, "Completed")
            world.process(run_ended("RunCompleted", "Completed", run=job))
        world.clock.advance(NEXT)
    return [job for job in world.azureml.jobs if job not in jobs]


def reasons(world: World) -> list[str]:
    return [reaction.suppressed for entry in world.entries() for reaction in entry.plan if reaction.suppressed]


def test_the_third_training_that_answers_the_one_before_waits_for_a_person() -> None:
    world = World(a_policy())

    assert len(loop(world, 0, 5)) == 2
    assert all(reason.startswith("chain: the last 2 trainings") for reason in reasons(world))
    assert len(reasons(world)) == 3


def test_the_lineage_is_written_on_the_jobs() -> None:
    world = World(a_policy())
    loop(world, 0, 2)

    chains = [request.tags["vigia.chain"] for request in world.azureml.requests if hasattr(request, "tags")]
    assert chains == ["0", "1"]


@pytest.mark.parametrize("freshness", ["a_person", "a_week_of_quiet"])
def test_fresh_evidence_begins_the_count_anew(freshness: str) -> None:
    world = World(a_policy())
    loop(world, 0, 3)
    if freshness == "a_person":
        world.process(requested("again"))
        for job in [job for job, record in world.azureml.jobs.items() if record.status == "Running"]:
            world.azureml.end_job(job, "Completed")
            world.process(run_ended("RunCompleted", "Completed", run=job))
        world.clock.advance(NEXT)
    else:
        world.clock.advance(timedelta(days=8))

    assert loop(world, 10, 1)
