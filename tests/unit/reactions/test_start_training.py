"""Start a training: who may set it off, what holds it back, and that it is one job however often it is repeated."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from shared.bootstrap import policy_sections
from shared.domain.fact import Fact
from shared.domain.ids import JobName, ModelName
from shared.domain.state import ModelState
from shared.errors import PolicyError, RetryableError, WorkspaceError
from shared.policy.reading.load import load_policy
from shared.ports.jobs import JobRequest
from shared.reactions.registry import reactions
from shared.reactions.start_training import SCHEDULE, _forget
from tests.fakes.clock import FakeClock
from tests.unit.engine.fact_world import (
    HOME,
    MODEL,
    POLICY,
    World,
    a_policy,
    blob_created,
    budget,
    data_arrived,
    drift,
    endpoint_alert,
    registered,
    requested,
    run_ended,
)
from tests.unit.events.wire import fact_from
from tests.unit.reactions.context import a_state, context_for, perform, proposed

NAME = "start-training"


@pytest.mark.parametrize(
    ("body", "cause", "reason"),
    [
        pytest.param(drift(), "drift", "drift: data-drift: age drifted", id="drift"),
        pytest.param(drift(signal="performance"), "performance", "performance: performance: age drifted", id="perf"),
        pytest.param(data_arrived(), "new-data", "new data: customers has a new version", id="its_data"),
        pytest.param(requested(), "request", "ana@example.com asked for it: a new region", id="a_person"),
        pytest.param(requested(by=SCHEDULE), "schedule", "a new region", id="a_schedule"),
    ],
)
def test_what_sets_a_training_off(body: str, cause: str, reason: str) -> None:
    (reaction,) = proposed(NAME, body)
    assert (reaction.arguments["cause"], reaction.why, reaction.suppressed) == (cause, reason, None)


@pytest.mark.parametrize(
    "body",
    [registered(), budget(100), endpoint_alert(), run_ended("RunCompleted", "Completed"), data_arrived("others")],
    ids=["registration", "budget", "alert", "run", "other_data"],
)
def test_what_does_not(body: str) -> None:
    assert proposed(NAME, body) == []


STORE = "azureml://datastores/workspaceblobstore/paths/"
LONG = f"azureml://subscriptions/1/resourcegroups/rg/workspaces/ws/{STORE.removeprefix('azureml://')}"


@pytest.mark.parametrize(
    ("place", "path", "is_read"),
    [
        pytest.param(f"{STORE}training", "training/2026/part-0.parquet", True, id="below_the_folder"),
        pytest.param(f"{STORE}training/", "training/part-0.parquet", True, id="with_a_slash"),
        pytest.param(f"{LONG}training/", "training/part-0.parquet", True, id="workspace_written_out"),
        pytest.param(f"{STORE}new%20labels.csv", "new labels.csv", True, id="the_file_itself"),
        pytest.param(f"{STORE}training", "training-2/part-0.parquet", False, id="a_folder_that_begins_alike"),
        pytest.param(f"{STORE}training", "scored/training/part-0.parquet", False, id="another_folder"),
        pytest.param(f"{STORE}Training", "training/part-0.parquet", False, id="another_casing"),
        pytest.param(STORE, "azureml/run-1/model.pkl", False, id="the_whole_datastore_is_no_folder"),
        pytest.param("azureml:customers@latest", "customers/part-0.parquet", False, id="an_asset_is_no_place"),
    ],
)
def test_a_new_file_sets_a_training_off_where_the_policy_reads(place: str, path: str, is_read: bool) -> None:
    policy = a_policy(**{"azureml:customers@latest": place})
    fact = HOME.place(fact_from(blob_created(path.replace(" ", "%20"))))
    assert isinstance(fact, Fact)
    proposals = list(reactions()[NAME].propose(fact, policy, ModelState(MODEL), FakeClock().now()))
    assert [(reaction.arguments["cause"], reaction.why) for reaction in proposals] == (
        [("new-data", f"new data: {STORE}{path}")] if is_read else []
    )


@pytest.mark.parametrize(
    ("signal", "cause"),
    [
        ("data-drift", ["drift"]),
        ("prediction-drift", ["drift"]),
        ("embedding-drift", ["drift"]),
        ("somebody-elses-signal", ["drift"]),
        ("performance", ["performance"]),
        ("estimated-performance", ["performance"]),
        ("concept-drift", ["performance"]),
        ("data-quality", []),
    ],
)
def test_each_signal_of_a_monitor_is_a_cause_that_policies_know(signal: str, cause: list[str]) -> None:
    assert [reaction.arguments["cause"] for reaction in proposed(NAME, drift(signal=signal))] == cause


def test_a_cause_that_the_policy_does_not_name_sets_nothing_off() -> None:
    policy = a_policy(**{"[drift, performance, new-data]": "[new-data]"})
    assert proposed(NAME, drift(), policy=policy) == []
    assert proposed(NAME, requested(), policy=policy) != []  # a person may always ask


def test_a_policy_without_a_retrain_section_sets_nothing_off() -> None:
    start, end = POLICY.index("retrain:"), POLICY.index("evaluate:")
    assert proposed(NAME, requested(), policy=a_policy(POLICY[:start] + POLICY[end:])) == []


@pytest.mark.parametrize(
    ("state", "body", "reason"),
    [
        pytest.param(a_state(1), drift(), "cooldown: last training job-1 started 1 h ago", id="cooldown"),
        pytest.param(a_state(1), requested(), "cooldown: last training job-1", id="cooldown_for_people_too"),
        pytest.param(
            a_state(20, 15, 11, 7, cause="request"), data_arrived(), "at most 4 per day: 4 started already", id="rate"
        ),
        pytest.param(a_state(frozen="budget x"), requested(), "retraining is frozen: budget x", id="frozen"),
        pytest.param(a_state(7, outcome=None), drift(), "training under way: job-7 has not ended", id="training"),
        pytest.param(a_state(release=True), drift(), "release under way: churn-7 is being decided", id="release"),
        pytest.param(a_state(7, chain=1), drift(), "chain: the last 2 trainings were set off by", id="chain"),
    ],
)
def test_what_holds_a_training_back(state: ModelState, body: str, reason: str) -> None:
    (reaction,) = proposed(NAME, body, state)
    assert reaction.suppressed is not None
    assert reaction.suppressed.startswith(reason)


@pytest.mark.parametrize(
    ("state", "body"),
    [
        pytest.param(a_state(release=True), requested(), id="a_person_during_a_release"),
        pytest.param(a_state(release=True), data_arrived(), id="new_data_during_a_release"),
        pytest.param(a_state(7, chain=1), requested(), id="a_person_ends_a_chain"),
        pytest.param(a_state(7, chain=1), data_arrived(), id="new_data_ends_a_chain"),
        pytest.param(a_state(7), drift(), id="after_the_cooldown"),
        pytest.param(a_state(7, outcome=None), requested(), id="a_person_during_a_training"),
        pytest.param(a_state(25, outcome=None), drift(), id="a_training_whose_end_was_never_told"),
    ],
)
def test_what_does_not_hold_it_back(state: ModelState, body: str) -> None:
    (reaction,) = proposed(NAME, body, state)
    assert reaction.suppressed is None


@pytest.mark.parametrize("kind", ["vision", "text"])
def test_models_whose_new_data_has_no_labels_are_not_retrained_by_themselves(kind: str) -> None:
    policy = a_policy(**{"kind: tabular": f"kind: {kind}"})
    (reaction,) = proposed(NAME, drift(), policy=policy)
    assert reaction.suppressed == (
        f"{kind} models are not retrained on drift by themselves: label the drifted items first"
    )
    for body in (data_arrived(), requested()):
        assert [reaction.suppressed for reaction in proposed(NAME, body, policy=policy)] == [None]


def test_the_job_says_what_it_is_for_and_who_asked() -> None:
    world = World()
    performed = perform(world, NAME, requested())
    (job,) = world.azureml.jobs.values()
    fact = fact_from(requested())
    assert (job.name, performed.outcome.effect) == (f"job-{fact.key[:16]}-0", job.name)
    assert dict(job.tags) == {
        "vigia.model": "churn",
        "vigia.cause": "request",
        "vigia.fact": fact.key[:16],
        "vigia.correlation": fact.key[:32],
        "vigia.chain": "0",
        "vigia.submitter": "ana@example.com",
    }
    assert dict(job.inputs) == {"training_data": "azureml:customers@latest"}
    (request,) = world.azureml.requests
    assert isinstance(request, JobRequest)
    assert dict(getattr(request, "registers", {})) == {"model": "churn"}


def test_repeating_it_is_one_job_one_memory_and_one_notice() -> None:
    world = World()
    first, second = perform(world, NAME, drift()), perform(world, NAME, drift())
    assert first == second
    assert len(world.azureml.jobs) == len(world.models.read(MODEL).trainings) == 1


def test_a_worker_that_died_after_reserving_submits_the_same_job_later() -> None:
    world = World()
    world.azureml.errors["submit_job"] = [RetryableError("workspace.retry", "later")]
    with pytest.raises(RetryableError):
        perform(world, NAME, drift())
    (reserved,) = world.models.read(MODEL).trainings
    world.clock.advance(timedelta(hours=2))  # its own reservation must not hold it back
    assert perform(world, NAME, drift()).outcome.status == "done"
    assert list(world.azureml.jobs) == [reserved.job]


def test_a_refused_job_is_forgotten() -> None:
    world = World()
    world.azureml.errors["submit_job"] = [WorkspaceError("workspace.refused", "no such component")]
    with pytest.raises(WorkspaceError):
        perform(world, NAME, drift())
    assert world.models.read(MODEL).trainings == ()


def test_a_worker_that_was_overtaken_does_not_note_a_refused_job_again() -> None:
    """Its fact is parked: nobody would take the note back, and it would hold the next training back."""
    world = World()
    fact = fact_from(drift())
    (reaction,) = proposed(NAME, drift())
    overtaken = context_for(world, fact)
    world.clock.advance(timedelta(minutes=3))
    world.azureml.errors["submit_job"] = [WorkspaceError("workspace.refused", "no such component")]
    with pytest.raises(WorkspaceError):
        perform(world, NAME, drift())
    assert reactions()[NAME].perform(reaction, overtaken).outcome.status == "suppressed"
    assert world.models.read(MODEL).trainings == ()


def test_a_worker_that_was_overtaken_does_not_start_what_was_held_back() -> None:
    """The training that held it back may be gone by the time it wakes; its fact's record says that it did not start."""
    world = World()
    (reaction,) = proposed(NAME, drift("7@1"))
    overtaken = context_for(world, fact_from(drift("7@1")))
    world.models.update(MODEL, lambda _: a_state(1))
    world.clock.advance(timedelta(minutes=3))
    assert perform(world, NAME, drift("7@1")).outcome.status == "suppressed"
    world.models.update(MODEL, lambda state: replace(state, trainings=()))
    assert reactions()[NAME].perform(reaction, overtaken).outcome.status == "suppressed"
    assert world.azureml.jobs == {}


def test_of_three_workers_that_were_refused_the_job_the_latest_word_counts() -> None:
    world = World()
    (reaction,) = proposed(NAME, drift())
    first = context_for(world, fact_from(drift()))
    world.clock.advance(timedelta(minutes=3))
    second = context_for(world, fact_from(drift()))
    world.clock.advance(timedelta(minutes=3))
    world.azureml.errors["submit_job"] = [WorkspaceError("workspace.refused", "no such component")]
    with pytest.raises(WorkspaceError):
        perform(world, NAME, drift())
    _forget(first, JobName(f"job-{first.effect_name}"))  # it was refused long ago, and stopped right then
    assert reactions()[NAME].perform(reaction, second).outcome.status == "suppressed"
    assert world.models.read(MODEL).trainings == ()


def test_a_worker_that_was_refused_long_ago_does_not_take_back_what_a_later_one_started() -> None:
    world = World()
    overtaken = context_for(world, fact_from(drift()))
    world.clock.advance(timedelta(days=1))
    assert perform(world, NAME, drift()).outcome.status == "done"
    _forget(overtaken, JobName(f"job-{overtaken.effect_name}"))
    assert {training.job for training in world.models.read(MODEL).trainings} == set(world.azureml.jobs)


def test_a_refused_job_can_be_tried_again_later() -> None:
    world = World()
    world.azureml.errors["submit_job"] = [WorkspaceError("workspace.refused", "no such component")]
    with pytest.raises(WorkspaceError):
        perform(world, NAME, drift())
    world.clock.advance(timedelta(hours=1))
    assert perform(world, NAME, drift()).outcome.status == "done"


def test_what_came_up_between_deciding_and_acting_holds_it_back() -> None:
    world = World()
    frozen = a_state(frozen="budget x").freeze
    world.models.update(MODEL, lambda state: replace(state, freeze=frozen))
    performed = perform(world, NAME, drift())
    assert (performed.outcome.status, performed.outcome.detail) == ("suppressed", "retraining is frozen: budget x")
    assert [notice.kind.value for notice in performed.notices] == ["reaction-suppressed"]
    assert world.azureml.jobs == {}


def test_the_chain_is_counted_in_the_models_memory() -> None:
    world = World()
    for run in ("7@1", "7@2"):
        perform(world, NAME, drift(run))
        world.trainings_end()
        world.clock.advance(timedelta(hours=7))
    assert [training.chain for training in world.models.read(MODEL).trainings] == [0, 1]
    assert perform(world, NAME, drift("7@3")).outcome.status == "suppressed"


def test_another_models_request_is_not_this_policys() -> None:
    policy = replace(a_policy(), model=ModelName("other"))
    assert proposed(NAME, requested(), policy=policy) == []


def test_a_limit_beyond_what_is_remembered_is_refused() -> None:
    with pytest.raises(PolicyError, match="51 per day never holds: the last 50 trainings are remembered"):
        a_policy(**{"at_most: 4 per day": "at_most: 51 per day"})
    assert a_policy(**{"at_most: 4 per day": "at_most: 50 per day"}).model == MODEL


def test_a_jobs_file_is_submitted_with_the_policys_literals(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "train.yml").write_text("type: command")
    text = POLICY.replace(
        "job: azureml:train_churn@latest", "job: jobs/train.yml\n  hyperparameters: {lr: 0.1, deep: true}"
    )
    policy = load_policy(text, str(tmp_path / "churn.yaml"), policy_sections(), tuple(reactions().values()))
    world = World(policy)

    perform(world, NAME, drift())

    (request,) = world.azureml.requests
    assert isinstance(request, JobRequest)
    assert request.component == str(tmp_path / "jobs" / "train.yml")
    assert dict(request.inputs) == {"training_data": "azureml:customers@latest", "lr": "0.1", "deep": "true"}
    assert dict(request.registers) == {"model": "churn"}


def test_a_job_that_registers_its_model_itself_is_asked_for_no_output() -> None:
    world = World(a_policy(**{"  cooldown: 6h": "  registered_by: job\n  cooldown: 6h"}))

    perform(world, NAME, drift())

    (request,) = world.azureml.requests
    assert isinstance(request, JobRequest)
    assert dict(request.registers) == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param("jobs/train.yml", "there is no file 'jobs/train.yml' beside the policy", id="no_file"),
        pytest.param(
            "azureml:train@latest\n  hyperparameters: {training_data: 1}",
            "'training_data' is among the inputs, too; write it once",
            id="twice",
        ),
    ],
)
def test_a_training_that_cannot_be_submitted_is_refused_with_the_policy(change: str, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        a_policy(**{"azureml:train_churn@latest": change})


def test_a_commit_is_told_and_becomes_tags_of_the_job() -> None:
    world = World()
    run = "https://ci.example/runs/7"
    body = requested(commit="1a2b3c4d5e6f7890", repository="acme/churn", runUrl=run)

    performed = perform(world, NAME, body)

    (request,) = world.azureml.requests
    assert isinstance(request, JobRequest)
    assert (
        request.tags.items()
        >= {
            "vigia.commit": "1a2b3c4d5e6f7890",
            "vigia.repository": "acme/churn",
            "vigia.run_url": run,
            "vigia.submitter": "ana@example.com",
        }.items()
    )
    sentence = f"ana@example.com asked for it: a new region (commit 1a2b3c4d5e6f of acme/churn {run})"
    assert performed.notices[0].parameters["reason"] == sentence
