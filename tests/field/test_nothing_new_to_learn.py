"""A training that would repeat one that was done is held back, and so is one whose answer is on its way."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from cli.why.report import Answer
from cli.why.view import answer_tree
from shared.domain.ids import DeploymentName, JobName, ModelVersion, ReleaseId
from shared.domain.reaction import ReactionResult
from shared.domain.releases.release import ReleaseState
from shared.domain.training import Recipe
from shared.errors import RetryableError, WorkspaceError
from shared.ports.endpoints import DeploymentRecord, EndpointRecord
from shared.ports.jobs import JobRecord
from shared.reactions.start_training import SCHEDULE
from tests.unit.engine.fact_world import (
    ENDPOINT,
    MODEL,
    POLICY,
    World,
    a_policy,
    data_arrived,
    drift,
    registered,
    requested,
    run_ended,
)

FIRST_RUN = JobName("run-of-ana")
RECIPE = Recipe("train_churn:3", {"training_data": "azureml:customers:5", "rounds": "40"})
TWO_INPUTS = a_policy(POLICY.replace('{training_data: "azureml:customers@latest"}', (
    '{training_data: "azureml:customers@latest", rounds: "40"}'
)))  # fmt: skip


def a_world(recipe: Recipe | None = RECIPE, policy: object = TWO_INPUTS) -> World:
    """Return a workspace whose version 7 serves, and was made by a job of that recipe."""
    world = World(policy)  # type: ignore[arg-type]
    world.azureml.latest = {"train_churn": "3", "customers": "5"}
    world.azureml.register(MODEL, "7", job=FIRST_RUN)
    world.azureml.jobs[FIRST_RUN] = JobRecord(FIRST_RUN, "Completed", {}, "ana", recipe=recipe)
    name = DeploymentName("v-7")
    serving = DeploymentRecord(name, MODEL, ModelVersion("7"), "Succeeded")
    world.azureml.endpoints[ENDPOINT] = EndpointRecord(ENDPOINT, "Succeeded", {name: 100}, {}, (serving,), "")
    return world


def came_of(world: World, body: str) -> ReactionResult:
    """Return what came of the training that the event set off."""
    previous = set(world.ledger.keys())
    world.process(body)
    (key,) = set(world.ledger.keys()) - previous
    (outcome,) = [outcome for outcome in world.entry_of(key).outcomes if outcome.reaction == "start-training"]
    return outcome


def completed(world: World, job: str) -> str:
    """Return the event of a training that ends now."""
    return json.dumps(json.loads(run_ended("RunCompleted", "Completed", job)) | {"eventTime": str(world.clock.now())})


def ends(world: World, job: str) -> None:
    """Have the training end; its version is not registered yet, so that its event comes again later."""
    with pytest.raises(RetryableError, match="shows no version"):
        world.process(completed(world, job))


def trained(world: World) -> int:
    return sum(call == "submit_job" for call, _ in world.azureml.calls)


SAME = (
    "nothing new to learn: run-of-ana, which made version 7 that serves, ran train_churn:3 with rounds 40, "
    "training_data azureml:customers:5, and so would this training; register a new version of the data or the "
    "component, change the inputs, or ask: vigia events trigger retraining-requested"
)


@pytest.mark.parametrize(
    "body", [drift(), drift(signal="performance"), requested(by=SCHEDULE)], ids=["drift", "performance", "schedule"]
)
def test_the_same_training_again_is_held_back_and_told(body: str) -> None:
    world = a_world()
    assert came_of(world, body) == ReactionResult("start-training", "suppressed", SAME)
    assert trained(world) == 0
    assert "reaction-suppressed" in world.kinds


def test_drift_that_lasts_is_held_back_window_after_window() -> None:
    world = a_world()
    for window in range(3):
        assert came_of(world, drift(f"{window}@1")).status == "suppressed"
        world.clock.advance(timedelta(days=2))
    assert trained(world) == 0


@pytest.mark.parametrize("body", [requested(), data_arrived(version="5")], ids=["a_person", "new_data"])
def test_a_person_and_new_data_go_through(body: str) -> None:
    assert came_of(a_world(), body).status == "done"


@pytest.mark.parametrize(
    ("newest", "recipe"),
    [
        pytest.param({"customers": "6"}, RECIPE, id="a_new_version_of_the_data"),
        pytest.param({"train_churn": "4"}, RECIPE, id="a_new_version_of_the_component"),
        pytest.param({}, replace(RECIPE, inputs={**RECIPE.inputs, "rounds": "80"}), id="another_parameter"),
        pytest.param({}, replace(RECIPE, inputs={"training_data": "azureml:customers:5"}), id="one_input_more"),
        pytest.param({}, replace(RECIPE, inputs={**RECIPE.inputs, "depth": "3"}), id="one_input_less"),
        pytest.param({}, None, id="nobody_knows_what_the_run_was_made_of"),
    ],
)
def test_another_training_starts(newest: dict[str, str], recipe: Recipe | None) -> None:
    world = a_world(recipe)
    world.azureml.latest |= newest
    assert came_of(world, drift()).status == "done"


@pytest.mark.parametrize(
    "inputs",
    [
        pytest.param(
            '{folder: "azureml://datastores/workspaceblobstore/paths/churn"}', id="a_place_may_hold_new_files"
        ),
        pytest.param('{rounds: "40"}', id="a_component_that_finds_its_data_itself"),
        pytest.param('{training_data: "azureml:customers@latest", more: "https://x.example/y"}', id="one_is_a_place"),
    ],
)
def test_data_that_nobody_knows_to_be_the_same_is_trained_on(inputs: str) -> None:
    policy = a_policy(POLICY.replace('{training_data: "azureml:customers@latest"}', inputs))
    world = a_world(policy=policy)
    made = world.azureml.recipe("azureml:train_churn@latest", policy.sections["retrain"].inputs)  # type: ignore[attr-defined]
    world.azureml.jobs[FIRST_RUN] = replace(world.azureml.jobs[FIRST_RUN], recipe=made)
    assert came_of(world, drift()).status == "done"


def test_a_version_that_was_rejected_is_not_trained_a_second_time() -> None:
    """What serves is older; the last training had the newest data, and would give the rejected version again."""
    world = a_world()
    world.azureml.latest["customers"] = "6"
    job = JobName(came_of(world, drift("7@1")).effect)
    ends(world, job)
    world.clock.advance(timedelta(hours=7))
    again = came_of(world, drift("7@2"))
    assert (again.status, again.detail.partition(" ran ")[0]) == ("suppressed", f"nothing new to learn: {job}")


def test_from_the_end_of_a_training_to_the_end_of_its_release_the_same_drift_starts_nothing() -> None:
    policy = a_policy(POLICY.replace("cooldown: 6h", "cooldown: 1s"))
    world = a_world(policy=policy)
    job = JobName(came_of(world, drift("7@1")).effect)
    world.azureml.latest["customers"] = "6"  # so that a training would not be the same again

    def held(window: str) -> str:
        world.clock.advance(timedelta(minutes=1))
        outcome = came_of(world, drift(window))
        return outcome.detail if outcome.status == "suppressed" else ""

    assert held("7@2") == f"training under way: {job} has not ended"
    ends(world, job)
    assert held("7@3").startswith(f"release under way: {job} has completed, and its version is about to be registered")
    world.azureml.register(MODEL, "8", created_at=world.clock.now(), job=job)
    assert held("7@4").startswith("release under way: version 8 is registered, and its release is about to be opened")
    world.process(registered("8"))
    assert held("7@5").startswith("release under way: churn-8 is being decided")
    stored = world.releases.load(ReleaseId("churn-8"))
    assert stored
    world.releases.save(stored, replace(stored.release, state=ReleaseState.REJECTED, is_settled=True))
    assert held("7@6") == ""


def test_a_training_that_takes_days_is_not_joined_by_another() -> None:
    world = a_world()
    world.azureml.latest["customers"] = "6"
    job = came_of(world, drift("7@1")).effect
    world.clock.advance(timedelta(days=3))
    assert came_of(world, drift("7@2")).detail == f"training under way: {job} has not ended"


def test_a_completed_training_that_registers_nothing_holds_back_for_an_hour_only() -> None:
    policy = a_policy(POLICY.replace("cooldown: 6h", "cooldown: 1s"))
    world = a_world(policy=policy)
    job = came_of(world, drift("7@1")).effect
    ends(world, job)
    world.azureml.latest["customers"] = "6"
    world.clock.advance(timedelta(minutes=59))
    assert came_of(world, drift("7@x")).status == "suppressed"
    world.clock.advance(timedelta(minutes=2))
    assert came_of(world, drift("7@2")).status == "done"


def test_what_cannot_be_read_for_now_is_asked_again_and_what_is_refused_is_told_by_the_training() -> None:
    world = a_world()
    world.azureml.errors["recipe"] = [RetryableError("workspace.retry", "later")]
    with pytest.raises(RetryableError):
        world.process(drift())
    assert trained(world) == 0
    world.sweep_after_the_lease()
    assert [outcome.status for outcome in world.entry().outcomes][-1] == "suppressed"

    refused = a_world()
    refused.azureml.errors["recipe"] = [WorkspaceError("workspace.unknown_input", "it has no input rounds")]
    refused.azureml.errors["submit_job"] = [WorkspaceError("workspace.unknown_input", "it has no input rounds")]
    assert came_of(refused, drift()).status == "failed"


def test_why_tells_what_held_it_back() -> None:
    from rich.console import Console

    world = a_world()
    came_of(world, drift())
    console = Console(width=400)
    with console.capture() as shown:
        console.print(answer_tree(Answer("7@1", world.entry().fact.key, world.entry(), None)))
    assert SAME in shown.get()
