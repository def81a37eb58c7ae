"""How a training of ours ended: what it logged is kept and read, and one that made no version is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.domain.ids import JobName
from shared.domain.notice import NoticeKind
from shared.domain.state import ModelState
from shared.domain.training import Recipe
from shared.errors import RetryableError
from shared.ports.jobs import JobRecord
from shared.reactions.registry import reactions
from shared.reactions.spec import Performed
from tests.unit.engine.fact_world import MODEL, World, run_ended
from tests.unit.events.wire import fact_from
from tests.unit.reactions.context import NOW, a_state, context_for

RUN = JobName("job-1")


def a_world(**metrics: float) -> World:
    """A world whose newest training is job-1, started an hour ago; three earlier ones logged an AUC of 0.8."""
    world = World()
    state = a_state(40, 30, 20, 1)
    logged = {"validation_roc_auc": 0.8}
    *earlier, newest = state.trainings
    trainings = (*(replace(training, metrics=logged) for training in earlier), replace(newest, outcome=None))
    world.models.update(MODEL, lambda _: ModelState(MODEL, trainings))
    recipe = Recipe("train:1", {"rows": "azureml:rows:2"})
    world.azureml.jobs[RUN] = JobRecord(RUN, "Completed", {}, "vigia", metrics=metrics, recipe=recipe)
    return world


def note(world: World) -> Performed:
    fact = replace(fact_from(run_ended("RunCompleted", "Completed", run=RUN)), occurred_at=NOW)
    spec = reactions()["note-training"]
    (reaction,) = spec.propose(fact, world.policies[0], world.models.read(MODEL), world.clock.now())
    return spec.perform(reaction, context_for(world, fact))


def registered(world: World) -> World:
    world.azureml.register(MODEL, "8", world.clock.now(), job=RUN)
    return world


def test_no_progress_is_told_with_the_trainings_end() -> None:
    performed = note(registered(a_world(validation_roc_auc=0.79, loss=2.0)))

    (notice,) = performed.notices
    sentence = "validation_roc_auc has not improved on 0.8 in the last 3 trainings (0.8, 0.8, 0.79)"
    assert (notice.kind, notice.parameters["reason"]) == (NoticeKind.TRAINING_SIGNS, sentence)
    assert sentence in performed.outcome.detail


def test_what_it_logged_of_training_and_validation_rows_is_kept() -> None:
    world = registered(a_world(validation_roc_auc=0.9, loss=2.0))

    assert note(world).notices == ()
    assert world.models.read(MODEL).trainings[-1].metrics == {"validation_roc_auc": 0.9}


def test_data_that_the_champion_was_not_trained_on_is_recorded() -> None:
    world = registered(a_world())
    world.azureml.register(MODEL, "7", job="job-7")
    recipe = Recipe("train:1", {"rows": "azureml:rows:1"})
    world.azureml.jobs["job-7"] = JobRecord(JobName("job-7"), "Completed", {}, "vigia", recipe=recipe)

    assert "rows is azureml:rows:2, the champion's was azureml:rows:1" in note(world).outcome.detail


def test_a_training_that_registers_nothing_is_told_once_the_registry_had_its_time() -> None:
    world = a_world()
    with pytest.raises(RetryableError, match="the registry shows no version of churn from job-1 yet"):
        note(world)
    world.clock.advance(timedelta(hours=2))

    performed = note(world)

    (notice,) = performed.notices
    assert notice.kind is NoticeKind.TRAINING_FAILED
    assert notice.parameters["reason"] == "it completed, and the registry has no version of churn from it"
    assert world.models.read(MODEL).trainings[-1].outcome == "completed"
