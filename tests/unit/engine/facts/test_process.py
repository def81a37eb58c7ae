"""From an event body to its effects: each fact's effects happen once, whoever repeats, reorders, lies or dies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from shared.domain.failure import Failure
from shared.domain.ids import ModelName
from shared.domain.releases.release import ReleaseState
from shared.engine.facts import process
from shared.errors import PermanentError, RetryableError, WorkspaceBusyError, WorkspaceError
from shared.store.notices.outbox import OutboxStore
from tests.unit.engine.fact_world import (
    LEASE,
    MODEL,
    Killed,
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
from tests.unit.events.wire import grid

Outcomes = list[tuple[str, str]]


def outcomes(world: World) -> Outcomes:
    return [(outcome.reaction, outcome.status) for outcome in world.entry().outcomes]


@pytest.mark.parametrize(
    ("body", "expected", "kinds"),
    [
        pytest.param(
            drift(),
            [("notify", "done"), ("start-training", "done")],
            ["drift-detected", "training-started"],
            id="drift_trains",
        ),
        pytest.param(registered(), [("open-release", "done")], [], id="registration_opens_a_release"),
        pytest.param(
            budget(100),
            [("freeze-retraining", "done"), ("notify", "done"), ("stop-compute", "done")],
            ["budget-crossed", "compute-stopped", "retraining-frozen"],
            id="spent_budget_freezes",
        ),
        pytest.param(budget(80), [("notify", "done")], ["budget-crossed"], id="lower_threshold_only_tells"),
        pytest.param(budget(100, "forecasted"), [("notify", "done")], ["budget-crossed"], id="forecast_only_tells"),
        pytest.param(
            run_ended("RunStatusChanged", "Failed"),
            [("note-training", "done"), ("notify", "done")],
            ["training-failed"],
            id="failed_run_is_told",
        ),
        pytest.param(
            run_ended("RunCompleted", "Completed"), [("note-training", "done")], [], id="completed_run_is_noted"
        ),
        pytest.param(
            endpoint_alert(),
            [("notify", "done"), ("roll-back", "done")],
            ["endpoint-degraded"],
            id="endpoint_alert_is_told",
        ),
        pytest.param(endpoint_alert("resolved"), [], [], id="resolved_alert_needs_nothing"),
        pytest.param(data_arrived(), [("start-training", "done")], ["training-started"], id="its_data_trains"),
        pytest.param(data_arrived("others"), [], [], id="other_data_does_not"),
        pytest.param(requested(), [("start-training", "done")], ["training-started"], id="a_person_asks"),
        pytest.param(policy_state("NonCompliant"), [("notify", "done")], ["policy-non-compliant"], id="policy_is_told"),
        pytest.param(policy_state("Compliant"), [], [], id="a_kept_policy_needs_nothing"),
        pytest.param(blob_created("elsewhere/a.parquet"), [], [], id="other_files_train_nothing"),
    ],
)
def test_a_fact_has_its_effects_once_however_often_it_is_told(body: str, expected: Outcomes, kinds: list[str]) -> None:
    world = World()
    world.note_training("job-1")
    world.process(body)
    assert (outcomes(world), world.kinds) == (expected, kinds)
    effects = world.effects()

    world.process(body)
    world.process(json.dumps([json.loads(body)] * 2))
    world.sweep_after_the_lease()

    assert world.effects() == effects
    assert world.entry().state == "done"


def test_reordered_duplicates_do_nothing_more() -> None:
    bodies = [drift(), registered(), budget(80), data_arrived(), requested()]
    orders = World(), World()
    for body in bodies:
        orders[0].process(body)
    for body in [*bodies, *reversed(bodies), *bodies]:
        orders[1].process(body)
    assert orders[1].effects() == orders[0].effects()


def test_two_event_types_that_tell_one_end_of_a_run_are_one_fact() -> None:
    world = World()
    world.process(run_ended("RunStatusChanged", "completed"))
    world.process(run_ended("RunCompleted", "Completed"))
    assert world.entry().state == "done"
    assert list(world.quarantine.items()) == []


def test_one_fact_told_in_two_ways_is_set_aside_and_people_hear_it() -> None:
    world = World()
    world.process(run_ended("RunCompleted", "Completed"))
    world.process(run_ended("RunStatusChanged", "Failed"))
    ((_, item),) = world.quarantine.items()
    assert item.code == "event.contradiction"
    assert "('failed',) now, ('completed',) before" in item.reason
    assert world.kinds == ["event-quarantined"]
    assert json.loads(item.body)["data"]["runStatus"] == "Failed"


FACTS: Mapping[str, str] = {
    "drift": drift(),
    "registration": registered(),
    "budget": budget(100),
    "failed_run": run_ended("RunStatusChanged", "Failed"),
    "new_data": data_arrived(),
    "policy_state": policy_state("NonCompliant"),
    "contradiction": run_ended("RunStatusChanged", "Failed", run="job-told-twice"),
    "malformed": "{",
}


def fresh(body: str) -> World:
    world = World()
    world.note_training("job-1")
    if "job-told-twice" in body:
        world.process(run_ended("RunCompleted", "Completed", run="job-told-twice"))
        world.fuse.calls = 0
    return world


@pytest.mark.parametrize("is_late", [False, True], ids=["before_the_call", "after_the_call"])
@pytest.mark.parametrize("body", FACTS.values(), ids=FACTS.keys())
def test_a_death_at_any_call_changes_nothing_in_the_end(body: str, is_late: bool) -> None:
    calm = fresh(body)
    calm.process(body)
    expected, calls = calm.effects(), calm.fuse.calls
    assert calls >= 3

    for number in range(1, calls + 1):
        world = fresh(body)
        world.fuse.burns_at, world.fuse.is_late = number, is_late
        with pytest.raises(Killed):
            world.process(body)
        # The queue gives the message again while the claim is still held; later the sweep finds what lies open.
        world.process(body)
        world.sweep_after_the_lease()
        assert world.effects() == expected, f"died at call {number} of {calls}"
        assert list(world.ledger.open_keys()) == []


def test_the_sweep_alone_ends_what_a_dead_worker_began() -> None:
    world = World()
    world.fuse.burns_on = "submit_job"
    with pytest.raises(Killed):
        world.process(drift())
    assert world.entry().state == "claimed"
    world.sweep.run()
    assert world.entry().state == "claimed"  # within the lease somebody may still be at work
    world.sweep_after_the_lease()
    assert (world.entry().state, world.entry().epoch) == ("done", 2)


def test_passing_trouble_gives_the_claim_back_and_the_retry_completes() -> None:
    world = World()
    world.azureml.errors["submit_job"] = [WorkspaceBusyError("workspace.busy", "later")]
    with pytest.raises(RetryableError, match="later"):
        world.process(drift())
    assert (world.entry().state, world.entry().is_released, world.kinds) == ("claimed", True, [])

    world.process(drift())

    assert (world.entry().state, world.entry().epoch) == ("done", 2)
    assert world.kinds == ["drift-detected", "training-started"]
    assert len(world.azureml.jobs) == len(world.models.read(MODEL).trainings) == 1


def test_what_can_never_be_done_is_parked_with_its_reason_and_calls_a_person() -> None:
    world = World()
    world.azureml.errors["submit_job"] = [WorkspaceError("workspace.refused", "no component train_churn")]
    world.process(drift())
    entry = world.entry()
    assert entry.state == "parked"
    assert [(o.reaction, o.status) for o in entry.outcomes] == [("notify", "done"), ("start-training", "failed")]
    assert entry.outcomes[1].detail == "no component train_churn"
    assert world.kinds == ["drift-detected", "event-quarantined"]

    world.process(drift())
    world.sweep_after_the_lease()
    assert (world.entry(), world.azureml.jobs) == (entry, {})


def test_a_training_that_was_refused_does_not_hold_the_next_one_back() -> None:
    world = World()
    world.azureml.errors["submit_job"] = [WorkspaceError("workspace.refused", "no component train_churn")]
    world.process(drift("7@1"))
    world.process(drift("7@2"))
    assert len(world.azureml.jobs) == 1


def test_trouble_that_does_not_pass_is_parked_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MOST_EPOCHS", 3)
    world = World()
    world.azureml.errors["submit_job"] = [RetryableError("workspace.retry", "still down") for _ in range(9)]
    for _ in range(2):
        with pytest.raises(RetryableError):
            world.process(drift())
    world.process(drift())
    assert world.entry().state == "parked"
    assert outcomes(world) == [("notify", "done"), ("start-training", "failed")]
    assert world.kinds == ["drift-detected", "event-quarantined"]


def test_a_plan_that_kills_every_worker_is_parked_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MOST_EPOCHS", 2)
    world = World()
    deaths: list[Any] = [Killed() for _ in range(9)]
    world.azureml.errors["submit_job"] = deaths
    with pytest.raises(Killed):
        world.process(drift())
    with pytest.raises(Killed):
        world.sweep_after_the_lease()
    world.sweep_after_the_lease()
    assert world.entry().state == "parked"
    assert "given up after 2 attempts" in world.entry().outcomes[0].detail


def test_a_policy_that_is_gone_when_the_claim_is_taken_over_is_said() -> None:
    world = World()
    world.azureml.errors["submit_job"] = [RetryableError("workspace.retry", "later")]
    with pytest.raises(RetryableError):
        world.process(drift())
    other = a_policy(**{"model: churn": "model: other", "name: churn": "name: other"})
    world.policies = (other,)
    for _ in range(process.MOST_WITHOUT_POLICY):
        world.sweep.run()
    assert [(o.status, o.detail) for o in world.entry().outcomes] == [
        ("suppressed", "the policy of model churn is gone"),
        ("suppressed", "the policy of model churn is gone"),
    ]
    assert world.azureml.jobs == {}


def test_the_recorded_plan_is_carried_out_whatever_the_policy_became() -> None:
    world = World()
    world.azureml.errors["submit_job"] = [RetryableError("workspace.retry", "later")]
    with pytest.raises(RetryableError):
        world.process(drift())
    decided_by = world.entry().policy_digests
    world.policies = (a_policy(**{"[drift, performance, new-data]": "[new-data]"}),)
    world.process(drift())
    assert world.entry().policy_digests == decided_by == (a_policy().digest,)
    assert len(world.azureml.jobs) == 1


@pytest.mark.parametrize(
    ("body", "code", "reason"),
    [
        pytest.param("", "event.not_json", "the event is not JSON", id="empty"),
        pytest.param("{broken", "event.not_json", "at line 1, column 2", id="no_json"),
        pytest.param("[1, 2", "event.not_json", "the event is not JSON", id="half_a_batch"),
        pytest.param('{"id": "1"}', "event.envelope", "has neither eventType nor type", id="no_event"),
        pytest.param("7", "event.envelope", "is not an object", id="a_number"),
        pytest.param("[[1, 2]]", "event.envelope", "is not an object", id="a_batch_in_a_batch"),
        pytest.param(json.dumps(grid("ModelRegistered", {})), "event.", "ModelName", id="no_model"),
    ],
)
def test_what_cannot_be_understood_is_kept_whole_and_people_hear_it(body: str, code: str, reason: str) -> None:
    world = World()
    world.process(body)
    world.process(body)
    ((_, item),) = world.quarantine.items()
    assert item.code.startswith(code)
    assert reason in item.reason
    assert item.body in {body, body[1:-1]}
    assert world.kinds == ["event-quarantined"]
    assert world.entries() == []


BAD_ELEMENTS = [
    pytest.param('{"id": "e9", "id": "e9"}', "event.duplicate_key", id="duplicate_key"),
    pytest.param('{"id": "e9", "eventType": "x", "n": NaN}', "event.not_a_number", id="not_a_number"),
    pytest.param("[" * 80 + "]" * 80, "event.too_deep", id="too_deep"),
    pytest.param("[]", "event.envelope", id="an_empty_batch"),
    pytest.param('{"id": "e9"}', "event.envelope", id="no_type"),
    pytest.param('{"n": ' + "9" * 5000 + "}", "event.number", id="too_long_a_number"),
]


@pytest.mark.parametrize(("bad", "code"), BAD_ELEMENTS)
def test_one_bad_event_of_a_batch_keeps_none_of_the_others(bad: str, code: str) -> None:
    world = World()
    world.process(f"[ {drift()},\n{bad}, {budget(80)} ]")
    assert sorted(entry.fact.kind for entry in world.entries()) == ["budget-crossed", "drift-detected"]
    ((_, item),) = world.quarantine.items()
    assert (item.code, item.body) == (code, bad)


def test_one_delayed_event_of_a_batch_keeps_none_of_the_others() -> None:
    world = World()
    world.azureml.errors["submit_job"] = [RetryableError("workspace.retry", "later")]
    batch = f"[{drift()},{registered()}]"
    with pytest.raises(RetryableError, match="later"):
        world.process(batch)
    assert {entry.fact.kind: entry.state for entry in world.entries()} == {
        "drift-detected": "claimed",
        "model-registered": "done",
    }
    world.process(batch)
    assert {entry.state for entry in world.entries()} == {"done"}


def test_a_damaged_record_of_one_model_keeps_no_other_event_waiting() -> None:
    world = World()
    world.memory.put("models/churn.json", b"{}")
    other = a_policy(**{"model: churn": "model: other", "name: churn": "name: other"})
    world.policies = (*world.policies, other)
    with pytest.raises(PermanentError, match="a stored ModelState cannot be read"):
        world.process(f"[{drift()},{drift(model=ModelName('other'))}]")
    assert [entry.fact.kind for entry in world.entries()] == ["drift-detected"]


def test_an_unknown_type_is_noted_not_lost() -> None:
    world = World()
    body = json.dumps(grid("SomethingNew", {"x": 1}))
    world.process(body)
    world.process(body)
    ((_, note),) = world.quarantine.ignored()
    assert note.reason.endswith("Microsoft.MachineLearningServices.SomethingNew")
    assert (note.body, world.entries(), world.kinds) == (body, [], [])


def test_an_unknown_model_is_done_with_the_reason_in_its_record() -> None:
    world = World()
    world.process(registered(model="nobody-knows"))
    assert (world.entry().state, world.entry().remarks) == ("done", ("no policy is about model 'nobody-knows'",))


def test_a_storm_of_drift_starts_one_training() -> None:
    world = World()
    for number in range(1000):
        world.process(drift(run=f"7@{number}"))
    assert len(world.azureml.jobs) == 1
    held = [o.detail for entry in world.entries() for o in entry.outcomes if o.status == "suppressed"]
    assert len(held) == 999
    assert all(detail.startswith("cooldown: last training job-") for detail in held)
    assert world.kinds == ["drift-detected", "reaction-suppressed", "training-started"]


def test_a_storm_of_drift_during_a_release_starts_no_training() -> None:
    world = World()
    world.open_release()
    for number in range(1000):
        world.process(drift(run=f"7@{number}"))
    assert world.azureml.jobs == {}
    assert len([e for e in world.entries() if e.fact.kind == "drift-detected"]) == 1000
    assert world.kinds == ["drift-detected", "reaction-suppressed"]


def test_two_workers_that_decide_at_once_start_one_training(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    slow = world.processor
    claim = slow.ledger.claim

    def claim_late(*args: Any) -> Any:
        # Between the slow worker's decision and its claim, a quick one does all of its work.
        world.process(drift("7@2"))
        return claim(*args)

    monkeypatch.setattr(slow.ledger, "claim", claim_late)
    slow.process(drift("7@1"))
    assert len(world.azureml.jobs) == 1
    statuses = sorted(o.status for e in world.entries() for o in e.outcomes if o.reaction == "start-training")
    assert statuses == ["done", "suppressed"]


def test_a_spent_budget_holds_the_next_drift_back_and_says_so() -> None:
    world = World()
    world.process(budget(100))
    world.process(drift())
    (held,) = [o for e in world.entries() for o in e.outcomes if o.status == "suppressed"]
    assert held.detail == ("retraining is frozen: budget ml-team: 1001.00 of 1000.00 EUR spent, 100% reached")
    assert (world.azureml.jobs, world.azureml.compute_instances) == ({}, [])
    assert "reaction-suppressed" in world.kinds


def test_an_alert_takes_the_release_back_that_was_under_way_when_it_was_decided() -> None:
    world = World()
    world.open_release(state=ReleaseState.CANARY)
    world.process(endpoint_alert())
    assert world.effects()["aborts"] == [("abort", "alert slow")]


@pytest.mark.parametrize(
    ("body", "trips"),
    [
        pytest.param(drift(), ["create", "replace", "replace"], id="with_effects_and_news"),
        pytest.param(budget(10), ["create"], id="nothing_to_do"),
    ],
)
def test_what_a_new_fact_and_its_duplicate_cost_the_ledger(body: str, trips: list[str]) -> None:
    world = World()
    world.process(body)
    assert [call.split()[0] for call in world.memory.calls if " ledger/" in call] == trips
    world.memory.calls.clear()
    world.process(body)
    assert [call.split()[0] for call in world.memory.calls if " ledger/" in call] == ["create", "get"]


def test_a_fact_that_concerns_no_policy_is_kept_apart_and_a_duplicate_stays_one() -> None:
    world = World()
    world.process(registered(model="nobody-knows"))
    world.process(registered(model="nobody-knows", id="event-2"))
    (name,) = world.memory._blobs
    assert name.startswith("passing/")
    assert world.entry().remarks == ("no policy is about model 'nobody-knows'",)
    assert world.entry().fact.event_id == "event-1"


def test_a_fact_that_passed_is_acted_on_once_when_it_is_told_again_and_a_policy_is_concerned() -> None:
    world, policies = World(), (a_policy(),)
    world.policies = ()
    world.process(drift())
    assert (world.entry().is_passing, world.azureml.jobs) == (True, {})
    world.policies = policies
    world.process(drift())
    effects = world.effects()
    assert len(world.azureml.jobs) == 1
    for current in ((), policies):
        world.policies = current
        world.process(drift())
        assert world.effects() == effects
    assert world.entry().state == "done"


def test_a_claim_whose_worker_crashed_is_brought_back_by_its_event_though_its_policy_is_gone() -> None:
    world = World()
    world.fuse.burns_on = "put open/ledger/"
    with pytest.raises(Killed):
        world.process(drift())
    world.policies = ()
    world.process(drift())
    world.sweep_after_the_lease()
    assert (world.entry().state, world.entry().epoch) == ("claimed", 2)
    for _ in range(process.MOST_WITHOUT_POLICY):
        world.sweep.run()
    assert [outcome.status for outcome in world.entry().outcomes] == ["suppressed", "suppressed"]
    assert not any(name.startswith("passing/") for name in world.memory._blobs)


@pytest.mark.parametrize(
    ("is_first_try", "minutes_later", "calls"),
    [(True, 0, ["create"]), (True, 3, ["get", "create"]), (False, 0, ["get", "create"])],
)
def test_what_passes_is_looked_up_where_a_worker_may_have_crashed_over_its_message(
    is_first_try: bool, minutes_later: int, calls: list[str]
) -> None:
    world = World()
    happened = world.clock.now() - timedelta(minutes=minutes_later)
    world.processor.process(registered(model="nobody-knows", eventTime=happened.isoformat()), is_first_try)
    assert [call.split()[0] for call in world.memory.calls if "/" in call] == calls


def test_a_worker_that_misses_a_policy_leaves_what_another_began_to_those_who_have_it() -> None:
    world = World()
    policies = world.policies
    world.fuse.burns_on, world.fuse.is_late = "submit_job", True
    with pytest.raises(Killed):
        world.process(drift())
    world.policies = ()
    world.sweep_after_the_lease()
    world.policies = policies
    world.sweep.run()
    assert outcomes(world) == [("notify", "done"), ("start-training", "done")]
    assert len(world.azureml.jobs) == 1


def test_a_claim_is_not_taken_over_within_its_lease() -> None:
    world = World()
    world.fuse.burns_on = "submit_job"
    with pytest.raises(Killed):
        world.process(drift())
    world.clock.advance(LEASE - timedelta(seconds=1))
    world.process(drift())
    assert world.entry().epoch == 1


def test_why_a_training_failed_is_told_remembered_and_in_the_record() -> None:
    world = World()
    world.note_training("job-1")
    link = "https://ml.azure.com/runs/job-1"
    world.azureml.failures["job-1"] = Failure("no quota for Standard_F4s_v2", "reading\nValueError: no rows", link)

    world.process(run_ended("RunStatusChanged", "Failed"))

    (record,) = OutboxStore(world.memory).records()
    assert record.notice.kind == "training-failed"
    assert record.notice.parameters["reason"] == "run job-1 failed: no quota for Standard_F4s_v2"
    assert record.notice.parameters["log"] == "reading · ValueError: no rows"
    assert record.notice.parameters["studio"] == link
    (training,) = world.models.read(MODEL).trainings
    assert (training.outcome, training.problem, training.link) == ("failed", "no quota for Standard_F4s_v2", link)
    assert all("no quota" in outcome.detail for outcome in world.entry().outcomes)
