"""Windows that one process cannot read: a Spark job each, whatever crashes in between, and the same verdict."""

from __future__ import annotations

import base64
import json
from datetime import timedelta

import pytest

from shared.errors import RetryableError, WorkspaceError
from shared.policy.sections.model import Policy
from shared.store.monitors.profiles import Profiles, profile_name
from tests.unit.engine.fact_world import MODEL, POLICY, a_policy
from tests.unit.engine.monitors.test_run_due import HOUR, TRAINED_ON, WATCHED, World
from tests.unit.engine.spark_world import DRIFT, HUGE, LARGE, ON_SPARK, SPARK, TICK, SparkWorld, counted


def test_a_large_window_is_a_job_of_its_own_on_what_the_policy_names() -> None:
    world = SparkWorld()
    world.traffic(1000)
    start = world.clock.now()
    world.look()
    (request,) = world.requests
    assert (request.component, request.spark.executors if request.spark else 0) == (
        "azureml:vigia_count_window@latest",
        4,
    )
    assert request.inputs == {
        "collected": "azureml://datastores/workspaceblobstore/paths/modelDataCollector/churn/v-1/model_inputs",
        "start": start.isoformat(),
        "end": (start + HOUR).isoformat(),
        "leave_out": "vigia-probe-",
        "training_data": TRAINED_ON,
    }
    assert (world.runs, world.topic.events) == ((), [])


@pytest.mark.parametrize("shift", [0.0, 15.0], ids=["same", "drifted"])
def test_what_spark_counted_gives_the_verdict_of_one_process(shift: float) -> None:
    there, here = counted(shift), World(WATCHED)
    here.data.requests.append(("v-1", here.clock.now(), there.data.requests[0][2]))
    here.data.tables = there.data.tables
    here.look()
    (one,), (other,) = there.runs, here.runs
    assert (one.verdict, one.sentence, one.features) == (other.verdict, other.sentence, other.features)
    assert (one.start, one.end, one.rows) == (other.start, other.end, 1000)
    assert [event.data["detail"] for event in there.topic.events] == [e.data["detail"] for e in here.topic.events]
    assert len(there.topic.events) == (1 if shift else 0)


def test_the_report_says_who_counted_and_around_which_profile() -> None:
    world = counted(15)
    report = world.reports.read(MODEL, world.runs[0].report)
    assert report is not None
    assert "6GB of collected requests were counted by the Spark job count-churn-1-" in report.signals[0].findings[-1]
    assert report.profile == profile_name(MODEL, world.state.model_version, "training-spark")
    assert Profiles(world.blobs).read(MODEL, world.state.model_version, "training-spark") is not None


def test_while_a_job_runs_nothing_is_said_and_nothing_else_begins() -> None:
    world = SparkWorld()
    world.traffic(1000)
    for wait in (HOUR, TICK, HOUR, HOUR):
        world.look(wait)
    assert (len(world.requests), world.runs) == (1, ())


def test_the_next_window_begins_where_the_counted_one_ended() -> None:
    world = SparkWorld()
    world.traffic(1000)
    world.look()
    end = world.clock.now()
    world.look(wait=timedelta(minutes=20))
    world.run_job(world.customers(1000))
    world.look(wait=TICK)
    assert (world.state.window_start, world.state.looked_at, world.state.counting) == (end, end, None)
    world.look(wait=timedelta(minutes=34))
    assert len(world.requests) == 1
    world.traffic(1000)
    world.look(wait=TICK)
    assert world.requests[1].inputs["start"] == end.isoformat()


def test_a_later_job_counts_around_the_profile_of_the_first() -> None:
    world = counted()
    first = world.requests[0]
    for _ in range(2):
        world.look()
        assert world.requests[-1].inputs["profile"] == first.outputs["result"]
        assert "training_data" not in world.requests[-1].inputs
        world.run_job(world.customers(1000))
        world.look(wait=TICK)
    assert world.verdicts == ["no-drift"] * 3


def test_columns_that_were_never_served_are_not_missed() -> None:
    world = SparkWorld()
    world.data.tables[TRAINED_ON] = world.customers(5000).assign(late=1)
    world.traffic(1000)
    world.look()
    assert "ignore" not in world.requests[0].inputs
    world.run_job(world.customers(1000))
    world.look(wait=TICK)
    assert world.verdicts == ["no-drift"]


def test_a_worker_that_dies_before_submitting_leaves_the_window_to_the_next() -> None:
    world = SparkWorld()
    world.traffic(1000)
    world.workspace.errors["submit_job"] = [RetryableError("workspace.unreachable", "no answer")]
    world.look()
    frozen = world.state.counting
    assert (world.requests, frozen is not None) == ([], True)
    world.traffic(1000)
    world.look(wait=TICK)
    (request,) = world.requests
    assert frozen is not None
    assert (request.name, request.inputs["end"]) == (frozen.job, frozen.end.isoformat())


def test_a_worker_that_dies_after_submitting_does_not_submit_again() -> None:
    world = SparkWorld()
    world.traffic(1000)
    world.look()
    world.workspace.errors["job"] = [RetryableError("workspace.unreachable", "no answer")]
    for _ in range(3):
        world.look(wait=TICK)
    assert len(world.requests) == 1


@pytest.mark.parametrize("status", ["Failed", "Canceled"])
def test_a_failed_job_is_an_error_with_its_name_and_gives_the_window_up(status: str) -> None:
    world = SparkWorld()
    world.traffic(1000)
    world.look()
    job, end = world.requests[0].name, world.clock.now()
    world.workspace.end_job(job, status)
    world.look(wait=TICK)
    (run,) = world.runs
    assert (run.verdict, run.end) == ("error", end)
    assert (world.state.counting, world.state.window_start) == (None, end)
    assert job in run.sentence
    assert status in run.sentence
    assert world.outbox.kinds == ["monitor-trouble"]
    world.traffic(1000)
    world.look()
    assert len(world.requests) == 2


def test_after_a_failed_job_the_training_data_is_profiled_again() -> None:
    world = counted()
    world.look()
    world.workspace.end_job(world.requests[-1].name, "Failed")
    world.look(wait=TICK)
    world.traffic(1000)
    world.look()
    assert "training_data" in world.requests[-1].inputs


def test_a_job_that_does_not_end_is_given_up_after_a_day() -> None:
    world = SparkWorld()
    world.traffic(1000)
    world.look()
    world.look(wait=timedelta(hours=24))
    assert world.verdicts == []
    world.look(wait=TICK)
    assert "is Running after more than a day" in world.runs[0].sentence


@pytest.mark.parametrize(
    ("part", "content", "message"),
    [
        pytest.param("counts", b"!!", "is damaged", id="no_base64"),
        pytest.param("counts", base64.b64encode(b"no gzip"), "these counts cannot be read", id="no_counts"),
        pytest.param("profile", base64.b64encode(b"no gzip"), "this profile is damaged", id="no_profile"),
    ],
)
def test_a_damaged_result_is_an_error(part: str, content: bytes, message: str) -> None:
    world = SparkWorld()
    world.traffic(1000)
    world.look()
    world.run_job(world.customers(1000))
    world.write(part, content)
    world.look(wait=TICK)
    assert world.verdicts == ["error"]
    assert message in world.runs[0].sentence


def test_a_job_without_a_result_is_an_error() -> None:
    world = SparkWorld()
    world.traffic(1000)
    world.look()
    world.workspace.end_job(world.requests[0].name, "Completed")
    world.look(wait=TICK)
    assert "there is no result in vigia/windows/churn/" in world.runs[0].sentence


def test_a_job_that_azure_refuses_is_an_error_and_not_tried_forever() -> None:
    world = SparkWorld()
    world.traffic(1000)
    world.workspace.errors["submit_job"] = [WorkspaceError("workspace.wrong_component", "it is of type command")]
    world.look()
    assert (world.verdicts, world.state.counting) == (["error"], None)


def test_without_spark_a_huge_window_is_an_error_that_says_what_to_write() -> None:
    world = SparkWorld(WATCHED, HUGE)
    world.traffic(1000)
    world.look()
    (run,) = world.runs
    assert (run.verdict, world.requests, world.state.window_start) == ("error", [], world.clock.now())
    assert "hold 11GB of collected requests; one process reads 10GB at most" in run.sentence
    assert "monitor.spark" in run.sentence


@pytest.mark.parametrize(
    ("policy", "size"), [(WATCHED, LARGE), (ON_SPARK, 5 * 10**9)], ids=["without_spark", "at_the_bound"]
)
def test_what_one_process_can_read_it_reads(policy: Policy, size: int) -> None:
    world = SparkWorld(policy, size)
    world.traffic(1000)
    world.look()
    assert (world.verdicts, world.requests) == (["no-drift"], [])


def test_hours_without_requests_of_the_window_leave_it_open() -> None:
    world = SparkWorld()
    world.look()
    start = world.state.window_start
    assert (world.verdicts, world.requests, world.state.counting) == (["insufficient-data"], [], None)
    world.traffic(1000)
    world.look()
    assert world.requests[0].inputs["start"] == start.isoformat()


def test_signals_that_need_the_rows_say_that_nobody_read_them() -> None:
    world = counted(
        policy=a_policy(POLICY + f"monitor: {{{DRIFT}, {SPARK}, data_quality: {{}}, prediction_drift: {{}}}}\n")
    )
    verdicts = {run.signal: run.verdict for run in world.runs}
    assert verdicts == {
        "data-drift": "no-drift",
        "data-quality": "insufficient-data",
        "prediction-drift": "insufficient-data",
    }
    assert "left to Spark, which counts for data-drift alone" in world.runs[1].sentence
    assert world.state.counting is None


def test_a_new_version_does_not_wait_for_the_old_ones_job() -> None:
    world = SparkWorld()
    world.traffic(1000)
    world.look()
    world.serve("2")
    world.traffic(1000, version="2")
    world.look()
    assert [request.tags["vigia.version"] for request in world.requests] == ["1", "2"]
    assert len({request.name for request in world.requests}) == 2


def test_the_job_is_read_even_when_the_policy_no_longer_asks_for_spark() -> None:
    world = SparkWorld()
    window = world.customers(1000)
    world.data.requests.append(("v-1", world.clock.now(), window))
    world.look()
    world.run_job(window)
    world.policies = (WATCHED,)
    world.look(wait=TICK)
    assert world.verdicts == ["no-drift"]


def test_a_state_of_an_earlier_version_of_the_app_is_carried_on() -> None:
    world = SparkWorld(WATCHED, 0)
    world.traffic(1000)
    world.look()
    stored = world.blobs.get(f"monitors/{MODEL}.json")
    assert stored is not None
    fields = json.loads(stored.body)
    del fields["counting"], fields["counted_by"]
    world.blobs.put(stored.name, json.dumps(fields).encode())
    world.traffic(1000)
    world.look()
    assert world.verdicts == ["no-drift"] * 2
