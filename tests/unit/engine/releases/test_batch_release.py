"""Releases on batch endpoints: the default is swapped on a pass, and swapped back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.failure import Failure
from shared.domain.ids import ReleaseId
from shared.domain.releases.plan import KeepPlan
from shared.domain.releases.release import ReleaseState
from shared.errors import RetryableError, WorkspaceError
from shared.store.releases.batch_runs import ASK_AGAIN_AFTER
from tests.fakes.releases import a_plan
from tests.unit.engine.batch_world import BATCH, PLAN, BatchWorld
from tests.unit.engine.release_world import ENDPOINT, NO_APPROVAL, Killed
from tests.unit.engine.releases.test_retry import retried
from tests.unit.engine.releases.test_strategies import entered, wish

COMPARING, WATCHING = ReleaseState.COMPARING, ReleaseState.WATCHING


def running(world: BatchWorld, *jobs: str) -> None:
    for name in jobs:
        world.azure.outcomes[name] = "Running"


def test_a_version_that_predicts_the_same_becomes_the_default() -> None:
    world = BatchWorld()
    world.changed["v-2"] = 5
    release = world.open(**BATCH)

    world.run()

    ended = world.release(release)
    assert (ended.state, ended.traffic_steps, world.default) == (ReleaseState.FINISHED, (100,), "v-2")
    assert entered(ended)[2:6] == ["deploying", "comparing", "canary", "promoted"]
    assert ended.history[4].reason.startswith("all 1,000 rows predicted, 5 of 1,000 rows changed class")
    assert ended.history[4].evidence["changed"] == "5"
    assert ended.reason == "watched for 6 h without a failure: no job has run"
    assert world.deployments == {"v-1", "v-2"}


def test_rows_are_paired_however_a_version_writes_their_keys() -> None:
    world = BatchWorld()
    world.writes_fractions = {"v-2"}
    release = world.open(**BATCH)

    world.run()

    assert world.release(release).state is ReleaseState.FINISHED
    assert world.release(release).history[4].reason.startswith("all 1,000 rows predicted, 0 of 1,000 rows changed")


def test_both_versions_score_the_same_version_of_the_batch_once() -> None:
    world = BatchWorld()
    running(world, "v-1", "v-2")
    release = world.open(**BATCH)
    world.run(until=lambda: len(world.azure.invoked) == 2)
    world.data.latest["azureml:churn-sample@latest"] = "azureml:churn-sample:8"

    world.run(longest=timedelta(hours=1))

    assert [(invocation.deployment, invocation.data) for invocation in world.azure.invoked] == [
        ("v-1", "azureml:churn-sample:7"),
        ("v-2", "azureml:churn-sample:7"),
    ]
    assert {invocation.name for invocation in world.azure.invoked} == {f"score-{release}-v-1", f"score-{release}-v-2"}
    assert len({invocation.output for invocation in world.azure.invoked}) == 2
    assert world.release(release).sample == "azureml:churn-sample:7"


def test_the_deployment_runs_on_what_the_policy_says() -> None:
    world = BatchWorld()
    world.open(**BATCH)
    world.run()
    assert [request.batch for request in world.azure.requests] == [PLAN.resources]
    assert world.workspace.calls == [("submit_job", "eval-flight-delay-2")]


def test_a_version_that_predicts_otherwise_is_rejected_and_never_the_default() -> None:
    world = BatchWorld()
    world.changed["v-2"] = 80
    release = world.open(**BATCH)

    world.run()

    ended = world.release(release)
    assert ended.state is ReleaseState.REJECTED
    assert "80 of 1,000 rows changed class" in ended.reason
    assert (world.default, world.swaps) == ("v-1", [])


def test_what_is_not_proven_waits_for_a_person_and_is_given_up_at_the_deadline() -> None:
    world = BatchWorld()
    world.changed["v-2"] = 20
    release = world.open(**BATCH)
    world.run(until=lambda: bool(world.release(release).held_because))
    assert world.release(release).state is COMPARING

    world.run()

    ended = world.release(release)
    assert ended.state is ReleaseState.ABORTED
    assert ended.reason.startswith("no verdict within 6 h: all 1,000 rows predicted, 20 of 1,000 rows changed class")
    assert world.swaps == []


def test_a_person_may_take_what_is_not_proven() -> None:
    world = BatchWorld()
    world.changed["v-2"] = 20
    release = world.open(**BATCH)
    world.run(until=lambda: bool(world.release(release).held_because))
    world.desk.request_promotion(release, -1, "ana@example.com", "the new columns explain it")

    world.run()

    assert world.release(release).state is ReleaseState.FINISHED
    assert world.default == "v-2"


def test_a_failure_is_a_failure_whatever_a_person_asks() -> None:
    world = BatchWorld()
    world.changed["v-2"] = 80
    running(world, "v-2")
    release = world.open(**BATCH)
    world.run(until=lambda: len(world.azure.invoked) == 2)
    world.desk.request_hold(release, "ana@example.com", "wait")
    world.run(longest=timedelta(minutes=5))
    world.workspace.end_job("batchjob-2", "Completed")
    world.desk.request_promotion(release, -1, "ana@example.com", "never mind")

    world.run()

    assert world.release(release).state is ReleaseState.REJECTED
    assert world.swaps == []


@pytest.mark.parametrize(
    ("outcomes", "state", "sentence"),
    [
        pytest.param({"v-2": "Failed"}, ReleaseState.REJECTED, "which the champion could", id="the_challengers"),
        pytest.param({"v-1": "Failed"}, ReleaseState.FAILED, "could not be compared", id="the_champions"),
        pytest.param({"v-1": "Failed", "v-2": "Failed"}, ReleaseState.FAILED, "could not be compared", id="both"),
        pytest.param({"v-2": "Canceled"}, ReleaseState.FAILED, "ended as Canceled", id="canceled"),
    ],
)
def test_a_job_that_does_not_predict(outcomes: dict[str, str], state: ReleaseState, sentence: str) -> None:
    world = BatchWorld()
    world.azure.outcomes.update(outcomes)
    release = world.open(**BATCH)

    world.run()

    ended = world.release(release)
    assert ended.state is state
    assert sentence in ended.reason
    assert world.swaps == []


def test_why_a_job_did_not_predict_is_said() -> None:
    world = BatchWorld()
    world.azure.outcomes["v-2"] = "Failed"
    release = world.open(**BATCH)
    world.workspace.failures["batchjob-2"] = Failure("OutOfMemory", "scoring\nkilled")

    world.run()

    assert world.release(release).reason.endswith("ended as Failed: OutOfMemory")


@pytest.mark.parametrize("dies_after", [True, False])
def test_a_worker_that_dies_while_invoking_does_not_make_a_second_job(dies_after: bool) -> None:
    world = BatchWorld()
    release = world.open(**BATCH)
    really = world.azure.score

    def dies(request: Any, deadline: Any) -> Any:
        world.azure.score = really  # type: ignore[method-assign]
        if dies_after:
            really(request, deadline)
        raise Killed

    world.azure.score = dies  # type: ignore[assignment, method-assign]
    with pytest.raises(Killed):
        world.run()
    world.desk.wake(release)
    world.run(longest=ASK_AGAIN_AFTER - timedelta(minutes=1))
    assert world.release(release).state is COMPARING

    world.run()

    assert world.release(release).state is ReleaseState.FINISHED
    assert sorted(invocation.deployment for invocation in world.azure.invoked) == ["v-1", "v-2"]


def test_a_worker_that_was_stopped_before_it_invokes_does_not_do_so_later() -> None:
    world = BatchWorld()
    release = world.open(**BATCH)
    really = world.azure.score

    def is_stopped(request: Any, deadline: Any) -> Any:
        world.azure.score = really  # type: ignore[method-assign]
        world.desk.request_abort(release, "ben@example.com", "complaints")
        world.clock.advance(timedelta(hours=2))
        return really(request, deadline)

    world.azure.score = is_stopped  # type: ignore[assignment, method-assign]
    world.run()

    assert world.release(release).state is ReleaseState.ABORTED
    assert world.azure.invoked == []


def test_a_job_whose_name_was_never_told_is_canceled_with_its_release() -> None:
    world = BatchWorld()
    world.azure.outcome = "Running"
    release = world.open(**BATCH)
    really = world.azure.score

    def is_unheard(request: Any, deadline: Any) -> Any:
        really(request, deadline)
        raise RetryableError("workspace.retry", "no answer")

    world.azure.score = is_unheard  # type: ignore[assignment, method-assign]
    world.run(longest=timedelta(minutes=5))
    world.desk.request_abort(release, "ben@example.com", "complaints")
    world.run(longest=timedelta(minutes=5))

    assert world.release(release).state is ReleaseState.ABORTED
    assert {world.workspace.jobs[f"batchjob-{n + 1}"].status for n in range(len(world.azure.invoked))} == {"Canceled"}


def test_a_job_that_arrives_after_its_release_was_aborted_is_canceled() -> None:
    world = BatchWorld()
    world.azure.outcome = "Running"
    release = world.open(**BATCH)
    really, late = world.azure.score, []

    def is_on_its_way(request: Any, deadline: Any) -> Any:
        late.append(request)
        raise RetryableError("workspace.retry", "no answer")

    world.azure.score = is_on_its_way  # type: ignore[assignment, method-assign]
    world.run(until=lambda: bool(late))
    world.desk.request_abort(release, "ben@example.com", "complaints")
    world.run(until=lambda: world.release(release).state is ReleaseState.ABORTED)
    really(late[0])
    world.run(longest=timedelta(minutes=10))

    assert world.release(release).is_settled
    assert world.workspace.jobs["batchjob-1"].status == "Canceled"


def test_two_workers_at_once_invoke_once() -> None:
    world = BatchWorld()
    release = world.open(**BATCH)
    world.run(until=lambda: world.release(release).state is COMPARING and bool(world.release(release).sample))
    for _ in range(3):
        world.desk.wake(release)
    world.run(longest=timedelta(minutes=3))
    assert [invocation.deployment for invocation in world.azure.invoked] == ["v-1", "v-2"]


def test_trouble_on_the_way_is_tried_again_and_a_refusal_ends_it() -> None:
    world = BatchWorld()
    world.azure.errors["score"] = [RetryableError("workspace.retry", "429")]
    release = world.open(**BATCH)
    world.run()
    assert world.release(release).state is ReleaseState.FINISHED

    world = BatchWorld()
    world.azure.errors["score"] = [WorkspaceError("workspace.refused", "no such compute cpu-cluster")]
    release = world.open(**BATCH)
    world.run()
    assert (world.release(release).state, world.release(release).reason) == (
        ReleaseState.FAILED,
        "no such compute cpu-cluster",
    )


def test_jobs_that_never_end_are_given_up() -> None:
    world = BatchWorld()
    running(world, "v-1", "v-2")
    release = world.open(**BATCH)

    world.run()

    ended = world.release(release)
    assert ended.state is ReleaseState.ABORTED
    assert "v-2 scores in job batchjob-2 (Running)" in ended.reason


def test_predictions_are_read_once() -> None:
    world = BatchWorld()
    world.changed["v-2"] = 20
    release = world.open(**BATCH)
    world.run(until=lambda: bool(world.release(release).held_because))
    world.data.tables.clear()

    world.run(longest=timedelta(hours=1))

    assert "20 of 1,000" in world.release(release).held_because


def test_predictions_that_are_not_there_are_no_good_news() -> None:
    world = BatchWorld()
    world.azure.scored = lambda _: None
    release = world.open(**BATCH)

    world.run()

    assert world.release(release).state is ReleaseState.ABORTED
    assert "the predictions of deployment v-1 cannot be read" in world.release(release).reason


def test_a_job_that_fails_after_the_swap_brings_the_champion_back() -> None:
    world = BatchWorld()
    release = world.open(**BATCH)
    world.run(until=lambda: world.release(release).state is WATCHING)
    world.azure.run_default(ENDPOINT)
    world.run(longest=timedelta(hours=1))
    assert world.release(release).state is WATCHING
    world.azure.run_default(ENDPOINT, "Failed")

    world.run()

    ended = world.release(release)
    assert (ended.state, world.default) == (ReleaseState.ROLLED_BACK, "v-1")
    assert ended.reason == "1 of 2 jobs failed, 1 completed (0 may fail)"
    assert world.swaps == ["v-2", "v-1"]


def test_jobs_that_may_fail_do_not_bring_it_back() -> None:
    world = BatchWorld()
    release = world.open(**{**BATCH, "batch": replace(PLAN, failed_jobs_at_most=1)})
    world.run(until=lambda: world.release(release).state is WATCHING)
    world.azure.run_default(ENDPOINT, "Failed")
    world.run()
    assert world.release(release).state is ReleaseState.FINISHED


@pytest.mark.parametrize("state", [COMPARING, WATCHING])
def test_an_abort_leaves_or_restores_the_champion(state: ReleaseState) -> None:
    world = BatchWorld()
    running(world, *(["v-2"] if state is COMPARING else []))
    release = world.open(**BATCH)
    world.run(until=lambda: world.release(release).state is state)
    world.desk.request_abort(release, "ana@example.com", "not today")

    world.run()

    assert (world.release(release).state, world.default) == (ReleaseState.ABORTED, "v-1")
    assert world.swaps == ([] if state is COMPARING else ["v-2", "v-1"])


def test_an_earlier_version_comes_back_without_a_comparison() -> None:
    world = BatchWorld()
    world.open(**BATCH)
    world.run()
    invoked = len(world.azure.invoked)

    release = world.undoer.open(wish("1"), a_plan(approval=NO_APPROVAL, **BATCH))
    world.run()

    ended = world.release(release.id)
    assert (ended.state, world.default) == (ReleaseState.FINISHED, "v-1")
    assert entered(ended)[:3] == ["gating", "deploying", "canary"]
    assert len(world.azure.invoked) == invoked


def test_a_first_version_is_the_default_at_once() -> None:
    world = BatchWorld(champion=False)
    release = world.open("1", **BATCH)
    world.run()
    assert (world.release(release).state, world.default) == (ReleaseState.FINISHED, "v-1")
    assert world.azure.invoked == []
    assert [call for call, _ in world.azure.calls] == ["create_endpoint", "create_deployment", "set_traffic"]


@pytest.mark.parametrize(("on_hand_edit", "default"), [("hold", "v-3"), ("repair", "v-2")])
def test_a_default_that_was_changed_by_hand(on_hand_edit: str, default: str) -> None:
    world = BatchWorld()
    world.open(**BATCH)
    world.run()
    release = world.open("3", **BATCH, on_hand_edit=on_hand_edit)
    running(world, "v-3")
    world.run(until=lambda: len(world.azure.invoked) == 4)
    world.azure.set_default(ENDPOINT, "v-3")
    world.run(longest=timedelta(hours=1))
    assert world.release(release).state is COMPARING
    assert world.default == default
    assert any(notice.kind in {"release-held", "traffic-changed"} for notice in world.outbox.notices.values())


def test_a_swap_whose_write_was_lost_is_written_again() -> None:
    world = BatchWorld()
    really = world.azure.set_traffic
    world.azure.set_traffic = lambda *_: setattr(world.azure, "set_traffic", really)  # type: ignore[method-assign]
    release = world.open(**BATCH)
    world.run()
    assert (world.release(release).state, world.default) == (ReleaseState.FINISHED, "v-2")


def test_the_default_and_the_last_known_good_stay_and_what_was_before_them_goes() -> None:
    world = BatchWorld()
    for version in ("2", "3", "4"):
        world.open(version, **BATCH, keep=KeepPlan(timedelta(hours=1), "delete"))
        world.run()
        world.clock.advance(timedelta(hours=2))
        for _ in range(5):
            world.keeper.run()
    assert world.default == "v-4"
    assert world.deployments == {"v-3", "v-4"}


def test_a_rejected_challenger_is_cleared_away() -> None:
    world = BatchWorld()
    world.changed["v-2"] = 80
    world.open(**BATCH, keep=KeepPlan(timedelta(hours=1), "delete"))
    world.run()
    world.clock.advance(timedelta(hours=2))
    world.keeper.run()
    assert world.deployments == {"v-1"}


@pytest.mark.parametrize(("gone", "state"), [("v-1", ReleaseState.LOST), ("v-2", ReleaseState.LOST)])
def test_a_deployment_that_is_deleted_meanwhile_is_not_made_again(gone: str, state: ReleaseState) -> None:
    world = BatchWorld()
    running(world, "v-2")
    release = world.open(**BATCH)
    world.run(until=lambda: len(world.azure.invoked) == 2)
    world.azure.remove_deployment(ENDPOINT, gone)
    world.run()
    assert world.release(release).state is state
    assert world.swaps == []


def test_a_batch_deployment_that_did_not_come_up_makes_room_for_the_retry() -> None:
    world = BatchWorld()
    world.azure.deployment_outcome = "Failed"
    release = world.open(**BATCH)
    world.run()
    assert world.release(release).state is ReleaseState.FAILED
    world.azure.deployment_outcome = "Succeeded"

    again = retried(world, **BATCH)
    world.run()

    assert ("delete_deployment", "v-2") in world.azure.calls
    assert (world.release(again.id).state, world.default) == (ReleaseState.FINISHED, "v-2")


def failed_in_the_night(outcome: str) -> tuple[BatchWorld, ReleaseId]:
    """Return a world in which the new default failed on a folder, on which the champion's job ends so."""
    world = BatchWorld()
    release = world.open(**BATCH)
    world.run(until=lambda: world.release(release).state is WATCHING)
    world.azure.outcomes["v-1"] = outcome
    world.azure.run_default(ENDPOINT, "Failed", data="azureml://datastores/d/paths/night")
    return world, release


def test_a_job_that_the_champion_can_do_is_blamed_on_the_new_version() -> None:
    world, release = failed_in_the_night("Completed")

    world.run()

    trial = world.azure.invoked[-1]
    assert (trial.deployment, trial.data, trial.kind) == ("v-1", "azureml://datastores/d/paths/night", "uri_folder")
    assert (world.release(release).state, world.default) == (ReleaseState.ROLLED_BACK, "v-1")


def test_an_input_that_nobody_can_score_is_blamed_on_nobody() -> None:
    world, release = failed_in_the_night("Failed")

    world.run()

    ended = world.release(release)
    assert (ended.state, world.default, len(world.azure.invoked)) == (ReleaseState.FINISHED, "v-2", 3)
    assert "1 more failed on an input that the champion cannot score, either" in ended.reason


def test_the_watch_waits_for_the_trial_and_calls_people_when_it_takes_too_long() -> None:
    world, release = failed_in_the_night("Running")

    world.run(longest=timedelta(hours=40))
    assert (world.release(release).state, world.default, len(world.azure.invoked)) == (WATCHING, "v-2", 3)
    world.run(longest=timedelta(hours=20))

    assert "the champion is tried on the same input, for too long" in world.release(release).held_because
    assert world.outbox.kinds.count("release-held") >= 1
