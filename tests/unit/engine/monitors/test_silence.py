"""Monitors that cannot be relied on: people are notified once a day, and not before it is time."""

from __future__ import annotations

from tests.unit.engine.fact_world import a_policy
from tests.unit.engine.monitors.test_run_due import HOUR
from tests.unit.engine.signal_world import LABELLED, PERFORMANCE, SignalWorld, a_monitor


def test_a_signal_that_cannot_look_is_an_error_of_its_own_reported_once_a_day() -> None:
    world = SignalWorld("data_drift: {ignore: [id]}", "embedding_drift: {column: pixels}")
    for _ in range(3):
        world.serve_people(2000)
        world.look()
    assert world.verdict_by_signal == {"data-drift": "no-drift", "embedding-drift": "error"}
    assert "no column 'pixels'" in world.newest["embedding-drift"].sentence
    assert len({notice.key for notice in world.outbox.notices.values()}) == 1
    assert {notice.parameters["signal"] for notice in world.outbox.notices.values()} == {"embedding-drift"}


def test_answers_that_are_never_collected_do_not_keep_the_window_open_and_are_reported_after_a_day() -> None:
    world = SignalWorld("data_drift: {ignore: [id]}", "prediction_drift: {}", LABELLED)
    world.add_scored()
    for _ in range(26):
        world.serve_people(1000)
        world.data.answered.clear()
        world.look()
    assert all(run.end - run.start == HOUR for run in world.runs)
    (reason,) = set(world.troubles)
    assert reason.endswith("no answers were collected yet")


def test_nothing_collected_for_a_day_is_reported() -> None:
    world = SignalWorld("data_drift: {}")
    for _ in range(23):
        world.look()
    assert world.troubles == []
    world.look()
    world.look()
    assert {reason.rpartition("UTC: ")[2] for reason in world.troubles} == {"no rows yet"}


def test_labels_that_stay_away_are_reported_when_they_have_taken_twice_as_long_as_they_may() -> None:
    world = SignalWorld("data_drift: {ignore: [id]}", PERFORMANCE)
    world.serve_people(1000)
    world.labels_arrive(1)
    for hour in range(52):
        world.look()
        world.serve_people(1000)
        assert (hour >= 49) == bool(world.troubles)
    (reason,) = set(world.troubles)
    assert reason.startswith("no new labels have come since azureml:customers-labelled:1 (")


def test_an_endpoint_that_is_gone_is_reported_when_two_looks_are_missing() -> None:
    world = SignalWorld("data_drift: {ignore: [id]}")
    world.serve_people(2000)
    world.look()
    world.workspace.endpoints.clear()
    world.look()
    world.look()
    assert world.troubles == []
    world.look()
    assert "endpoint churn serves no version of churn" in world.troubles[0]


def test_an_endpoint_that_has_only_ever_served_another_model_is_reported() -> None:
    world = SignalWorld("data_drift: {}")
    world.workspace.endpoints.clear()  # not released yet
    world.look()
    assert world.troubles == []
    world.serve("1", model="another")
    world.look()
    assert world.troubles == ["endpoint churn serves no version of churn"]


def test_a_mistake_met_in_one_model_is_reported_and_the_next_model_is_looked_at() -> None:
    other = a_monitor("data_drift: {}").replace("churn", "other", 2).replace("name: churn", "name: other")
    world = SignalWorld("data_drift: {ignore: [id]}")
    world.policies = (a_policy(other), *world.policies)
    world.workspace.errors["endpoint"] = [UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")]
    world.serve_people(2000)
    world.look()
    assert world.verdict_by_signal == {"data-drift": "no-drift"}
    (notice,) = world.outbox.notices.values()
    assert (notice.model, "UnicodeEncodeError" in notice.parameters["reason"]) == ("other", True)
