"""Both run events of one run: one fact. Whichever comes first, however it is written."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest

from shared.domain.ids import JobName
from shared.ports.jobs import JobRecord
from tests.unit.engine.fact_world import World
from tests.unit.events.wire import WORKSPACE, grid

RUN = "job-0123456789abcdef-0"
TAGS = {"vigia.model": "churn", "vigia.cause": "drift"}
SUBJECT = f"experiments/x/runs/{RUN}"


def completed(**changes: Any) -> dict[str, Any]:
    """RunCompleted, Event Grid schema, camelCase."""
    data = {"experimentName": "x", "runId": RUN, "runType": None, "runTags": TAGS, "runProperties": {}, **changes}
    return grid("RunCompleted", data, id="e-1", subject=SUBJECT)


def changed(status: str = "COMPLETED", **changes: Any) -> dict[str, Any]:
    """RunStatusChanged, CloudEvents, PascalCase, another creator."""
    data = {"ExperimentName": "x", "RunId": RUN, "RunStatus": status, "CreatedBy": "fake-user", "RunTags": TAGS}
    return {
        "specversion": "1.0",
        "id": "e-2",
        "source": WORKSPACE.upper() + "/",
        "type": "microsoft.machinelearningservices.RUNSTATUSCHANGED",
        "subject": SUBJECT,
        "time": "2026-11-20T07:01:03.7654321Z",
        "data": {**data, **changes},
    }


def dead_lettered() -> dict[str, Any]:
    """The same status change out of a dead-letter blob: no specversion, further fields."""
    event = {**changed("completed"), "id": "e-2", "deadletterreason": "MaxDeliveryAttemptsExceeded"}
    del event["specversion"]
    return {**event, "deliveryattempts": 30, "lastdeliveryoutcome": "Busy", "publishtime": "2026-11-20T07:01:04Z"}


def process(*events: dict[str, Any], status: str = "Completed") -> World:
    """Have a world handle the events of a training whose job Azure ML shows with that status."""
    world = World()
    world.note_training(RUN)
    world.azureml.jobs[JobName(RUN)] = JobRecord(JobName(RUN), status, TAGS, "vigia")
    for event in events:
        world.process(json.dumps(event))
    return world


TELLERS = [completed(), changed(), dead_lettered(), changed(RunTags=None, RunProperties=None)]


@pytest.mark.parametrize("order", list(permutations(range(len(TELLERS)))), ids=str)
def test_the_end_of_a_run_is_one_fact_whoever_tells_it_first(order: tuple[int, ...]) -> None:
    world = process(*(TELLERS[number] for number in order))
    assert [(o.reaction, o.status) for o in world.entry().outcomes] == [("note-training", "done")]
    assert (world.entry().state, list(world.quarantine.items()), world.kinds) == ("done", [], [])


def test_a_failed_run_is_told_to_people_once() -> None:
    world = process(changed("Failed"), changed("failed", RunTags=None), changed("FAILED"), status="Failed")
    assert world.kinds == ["training-failed"]
    assert world.entry().state == "done"


def test_a_run_that_did_not_answer_for_a_while_contradicts_nothing() -> None:
    world = process(changed("Running"), changed("NotResponding"), changed("Running"), completed())
    assert (world.entry().state, list(world.quarantine.items())) == ("done", [])


@pytest.mark.parametrize("order", [1, -1])
def test_of_an_end_told_in_two_ways_what_the_job_shows_counts(order: int) -> None:
    world = process(*[completed(), changed("Failed")][::order])
    assert [(o.reaction, o.status) for o in world.entry().outcomes] == [("note-training", "done")]
    assert (world.entry().state, list(world.quarantine.items()), world.kinds) == ("done", [], [])
