"""RunCompleted of a job that is not ours: match tag and ledger name; otherwise observe only."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from shared.domain.ids import FactKey
from shared.errors import RetryableError
from tests.unit.engine.fact_world import MODEL, World, drift, run_ended

ENDS = [("RunCompleted", "Completed"), ("RunStatusChanged", "Failed"), ("RunStatusChanged", "Canceled")]


def training_of(world: World) -> str:
    """Have drift start a training, and return the job's name."""
    world.process(drift())
    (job,) = world.azureml.jobs
    return str(job)


def reactions_to(world: World, run: str) -> list[tuple[str, str]]:
    """Return what was done about the run's end."""
    (entry,) = [entry for entry in world.entries() if entry.fact.identity == (run,)]
    assert entry.state == "done"
    return [(outcome.reaction, outcome.status) for outcome in entry.outcomes]


@pytest.mark.parametrize(("kind", "status"), ENDS)
@pytest.mark.parametrize(
    ("run", "model"),
    [
        pytest.param("somebodys-run", None, id="no_tag"),
        pytest.param("somebodys-run", "churn", id="our_tag_copied_with_the_job"),
        pytest.param("somebodys-run", "other", id="a_model_nobody_knows"),
        pytest.param("job-0123456789abcdef-0", "churn", id="a_name_like_ours_that_we_never_gave"),
        pytest.param("job-0123456789abcdef-0", None, id="the_same_without_a_tag"),
    ],
)
def test_a_strangers_run_is_recorded_and_nothing_is_done(run: str, model: str | None, kind: str, status: str) -> None:
    world = World()
    training_of(world)
    previous = {name: value for name, value in world.effects().items() if name != "outcomes"}

    world.process(run_ended(kind, status, run=run, model=model))

    assert reactions_to(world, run) == []
    assert {name: value for name, value in world.effects().items() if name != "outcomes"} == previous


@pytest.mark.parametrize("model", ["churn", None], ids=["with_its_tag", "whose_tags_were_not_sent"])
def test_a_run_that_we_started_is_ours(model: str | None) -> None:
    world = World()
    run = training_of(world)
    assert world.ledger.entry(FactKey(world.entry().fact.key)) is not None
    world.process(run_ended("RunStatusChanged", "Failed", run=run, model=model))
    assert reactions_to(world, run) == [("note-training", "done"), ("notify", "done")]
    assert "training-failed" in world.kinds


def test_a_strangers_run_does_not_use_up_the_row_of_failures() -> None:
    world = World()
    for number in range(5):
        world.process(run_ended("RunStatusChanged", "Failed", run=f"somebodys-{number}"))
    world.process(drift())
    assert len(world.azureml.jobs) == 1


def test_the_record_says_why_nothing_was_done() -> None:
    world = World()
    world.process(run_ended("RunCompleted", "Completed", run="somebodys-run", model=None))
    assert world.entry().remarks == ("run somebodys-run is not ours: it carries no tag vigia.model",)
    assert json.loads(json.dumps(world.entry().plan)) == []


@pytest.mark.parametrize(("kind", "status"), ENDS)
def test_an_end_of_our_own_run_that_azure_ml_does_not_show_changes_nothing_and_people_hear_of_it(
    kind: str, status: str
) -> None:
    world = World()
    run = training_of(world)
    previous = world.models.read(MODEL)

    body = json.dumps(json.loads(run_ended(kind, status, run=run)) | {"eventTime": world.clock.now().isoformat()})
    with pytest.raises(RetryableError, match=f"an event says that run {run} .*, but Azure ML shows it as Running"):
        world.processor.process(body)  # it may show the end a little later than it tells it
    world.clock.advance(timedelta(days=1))
    world.processor.process(body)

    assert world.models.read(MODEL) == previous
    assert "event-quarantined" in world.kinds
    assert "training-failed" not in world.kinds
    world.process(run_ended("RunCompleted", "Completed", run=run))
    (training,) = world.models.read(MODEL).trainings
    assert training.outcome == "completed", "its true end is noted when it comes"


def test_what_the_job_shows_counts_not_what_the_event_says() -> None:
    world = World()
    run = training_of(world)
    world.azureml.end_job(run, "Completed")
    world.azureml.register("churn", "8", world.clock.now() + timedelta(minutes=1), job=run)
    world.processor.process(run_ended("RunStatusChanged", "Failed", run=run))
    (training,) = world.models.read(MODEL).trainings
    assert (training.outcome, "training-failed" in world.kinds) == ("completed", False)
