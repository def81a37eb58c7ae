"""Every signal by policy: what each needs and says, that none stops another, and how long drift has to last."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import pandas as pd
import pytest

from shared.domain.ids import DeploymentName, ModelVersion
from shared.engine.monitors.look import MonitorLook
from shared.engine.monitors.subject import Subject
from shared.engine.monitors.window_signals import OF_FIRST_WINDOW
from shared.policy.sections.monitoring import Monitor
from shared.store.monitors.monitors import MonitorState, last_look
from shared.store.monitors.profiles import Profiles
from tests.unit.engine.fact_world import MODEL
from tests.unit.engine.monitors.test_run_due import HOUR, TRAINED_ON
from tests.unit.engine.signal_world import ALL, LABELLED, PERFORMANCE, SCORED, SignalWorld


def test_all_signals_on_ordinary_windows_say_no_drift_and_nothing_is_announced() -> None:
    world = SignalWorld(*ALL)
    world.add_scored()
    for version in (1, 2):
        world.serve_people(3000)
        world.labels_arrive(version)
        world.look()
    assert set(world.verdict_by_signal.values()) == {"no-drift"}
    assert len(world.verdict_by_signal) == 7
    assert (world.announced, world.troubles) == ([], [])
    report = world.reports.last(MODEL)
    assert report is not None
    assert {signal.signal for signal in report.signals} == set(world.verdict_by_signal)


def test_each_signal_that_drifts_is_an_event_of_its_own_with_the_same_report() -> None:
    world = SignalWorld(*ALL)
    world.add_scored()
    world.serve_people(3000)
    world.labels_arrive(1)
    world.look()
    world.serve_people(3000, shift=15, turned=0.5)
    world.labels_arrive(2)
    world.look()
    assert sorted(world.announced) == [
        "concept-drift",
        "data-drift",
        "embedding-drift",
        "prediction-drift",
    ]
    assert len({event.id for event in world.topic.events}) == 4
    assert {event.data["report"] for event in world.topic.events} == {world.runs[-1].report}


class Killed(BaseException):
    """The process ends here: nobody may catch it."""


def test_a_look_that_is_killed_over_labels_does_not_keep_the_window_from_being_looked_at() -> None:
    world = SignalWorld("data_drift: {ignore: [id, vector]}", PERFORMANCE)
    world.serve_people(3000)
    world.look()
    world.serve_people(3000)
    world.labels_arrive(1)
    table, is_deadly = world.data.table, True

    def deadly(uri: str, lists: Collection[str] = ()) -> pd.DataFrame:
        if is_deadly and "labelled" in uri:
            raise Killed
        return table(uri, lists)

    world.data.table = deadly  # type: ignore[method-assign]
    with pytest.raises(Killed):
        world.look()
    earlier = len(world.runs)

    with pytest.raises(Killed):  # the labels, in a look of their own
        world.look()
    assert [run.signal for run in world.runs[earlier:]] == ["data-drift"]

    is_deadly = False
    world.look()
    assert {run.signal for run in world.runs[earlier + 1 :]} == {"data-drift", "performance"}


def test_what_a_library_cannot_take_is_that_signals_error_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: object) -> None:
        raise ZeroDivisionError("odd rows")

    monkeypatch.setattr("shared.drift.signals.quality.check_quality", breaks)
    world = SignalWorld("data_drift: {ignore: [id]}", "data_quality: {}")
    world.serve_people(2000)
    world.look()
    assert world.verdict_by_signal == {"data-drift": "no-drift", "data-quality": "error"}
    assert "ZeroDivisionError: odd rows" in world.newest["data-quality"].sentence


def test_of_a_look_the_signal_that_says_the_worst_speaks_for_it() -> None:
    world = SignalWorld("data_drift: {ignore: [id]}", "data_quality: {ignore: [id]}")
    world.serve_people(2000)
    world.look()
    world.serve_people(2000, shift=15)
    world.look()
    assert world.verdict_by_signal == {"data-drift": "drift", "data-quality": "no-drift"}
    assert last_look(world.state) == world.newest["data-drift"]
    world.look()  # no signal is asked for any more
    newest = last_look(world.state)
    assert newest is not None
    assert newest.verdict == "insufficient-data"


def test_broken_data_is_reported_as_such() -> None:
    world = SignalWorld("data_quality: {ignore: [id]}")
    world.serve_people(2000)
    world.data.requests[-1][2].loc[:500, "age"] = None
    world.look()
    assert world.announced == ["data-quality"]
    assert "age" in world.newest["data-quality"].sentence


def test_without_labelled_rows_the_first_window_is_what_predictions_are_held_to() -> None:
    world = SignalWorld("prediction_drift: {}", PERFORMANCE)
    world.labels_arrive(1)
    for shift in (0, 0, 15):
        world.serve_people(2000, shift)
        world.look()
    runs = [run for run in world.runs if run.signal == "prediction-drift"]
    assert [run.verdict for run in runs] == ["insufficient-data", "no-drift", "drift"]
    assert runs[0].sentence == "the first window: later ones are compared with it"


def test_an_estimate_that_is_no_worse_than_before_is_quiet_beyond_the_owners_bound() -> None:
    world = SignalWorld("estimated_performance: {metric: accuracy, at_least: 0.9}", LABELLED)
    world.add_scored()
    world.serve_people(3000)
    world.look()
    assert world.announced == []
    assert world.verdict_by_signal["estimated-performance"] == "no-drift"
    assert "in the reference; within" in world.newest["estimated-performance"].sentence


def test_the_first_labels_of_served_rows_calibrate_estimates_and_concept() -> None:
    world = SignalWorld("estimated_performance: {}", "concept_drift: {}", PERFORMANCE)
    world.labels_arrive(1)
    world.serve_people(3000)
    world.look()
    assert world.verdict_by_signal["estimated-performance"] == "insufficient-data"
    assert "monitor.labelled" in world.newest["estimated-performance"].sentence
    world.labels_arrive(2)
    world.serve_people(3000)
    world.look()
    assert world.newest["concept-drift"].sentence == "the first window: later ones are compared with it"
    world.serve_people(3000, turned=0.6)
    world.labels_arrive(3)
    world.look()
    assert world.verdict_by_signal["estimated-performance"] == "no-drift"  # blind to it by construction
    assert world.verdict_by_signal["concept-drift"] == "drift"
    assert world.newest["concept-drift"].rows == 3000  # without those that it is held to


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda frame: frame.drop(columns="prediction"), "has no column prediction", id="no_scores"),
        pytest.param(lambda frame: frame.assign(model_version="7"), "no rows scored by version 1", id="other_version"),
        pytest.param(lambda frame: frame.head(500), "at least 2,000 are needed", id="too_few"),
    ],
)
def test_labelled_rows_that_will_not_do_say_what_to_write(change: object, message: str) -> None:
    world = SignalWorld("estimated_performance: {}", LABELLED)
    world.add_scored()
    world.data.tables[SCORED] = change(world.data.tables[SCORED])  # type: ignore[operator]
    world.serve_people(2000)
    world.look()
    assert message in world.newest["estimated-performance"].sentence
    assert world.announced == []


def test_references_are_made_once_per_version() -> None:
    world = SignalWorld(*ALL)
    world.add_scored()
    world.serve_people(3000)
    world.labels_arrive(1)
    world.look()
    for uri in (SCORED, TRAINED_ON):
        del world.data.tables[uri]
    world.serve_people(3000)
    world.labels_arrive(2)
    world.look()
    assert set(world.verdict_by_signal.values()) == {"no-drift"}


def test_drift_that_has_to_last_is_announced_when_it_has() -> None:
    world = SignalWorld("persistence: {alarms: 2, of: 3}", "data_drift: {ignore: [id]}")
    for shift, announced in ((15, 0), (0, 0), (15, 1), (15, 2), (0, 2), (0, 2), (15, 2)):
        world.serve_people(2000, shift)
        world.look()
        assert len(world.announced) == announced
    report = world.reports.last(MODEL)
    assert report is not None
    assert (report.verdict, report.signals[0].findings[-1]) == (
        "drift",
        "not announced yet: 2 of the last 3 windows have to drift",
    )


def test_a_window_that_is_looked_at_again_counts_once_towards_lasting() -> None:
    world = SignalWorld(
        "persistence: {alarms: 2, of: 2}",
        "data_quality: {ignore: [id]}",
        "data_drift: {ignore: [id], minimum_rows: 5000}",
    )
    for _ in range(3):  # 1,000 broken rows an hour: enough for quality, too few for drift, so the window stays open
        world.serve_people(1000)
        world.data.requests[-1][2].loc[:500, "age"] = None
        world.look()
    assert world.announced == []


def test_importance_weighs_and_top_bounds_what_is_announced() -> None:
    world = SignalWorld("top: 1", "importance: {age: 3, other: 1}", "data_drift: {ignore: [id]}")
    frame = world.data.tables[TRAINED_ON]
    world.data.tables[TRAINED_ON] = frame.assign(other=frame["age"])
    world.serve_people(2000, shift=15)
    world.data.requests[-1][2]["other"] = world.data.requests[-1][2]["age"]
    world.look()
    (run,) = world.runs
    assert [feature.feature for feature in run.features] == ["age"]
    report = world.reports.last(MODEL)
    assert report is not None
    assert [column.importance for column in report.signals[0].columns] == [0.75, 0.25]


def test_labels_of_other_rows_are_too_little_data() -> None:
    world = SignalWorld("concept_drift: {}", PERFORMANCE)
    world.serve_people(1000, is_labelled=False)
    world.labels_arrive(1)
    world.look()
    assert world.newest["performance"].sentence == "0 scored rows have a label by now; 200 are needed"
    assert set(world.verdict_by_signal.values()) == {"insufficient-data"}


def test_rows_that_repeat_without_the_columns_left_out_did_so_in_the_reference() -> None:
    world = SignalWorld("data_quality: {ignore: [id]}")

    def whole_ages(rows: int) -> pd.DataFrame:
        return world.customers(rows).round().assign(id=range(rows))

    world.data.tables[TRAINED_ON] = whole_ages(5000)
    world.data.requests.append(("v-1", world.clock.now(), whole_ages(2000)))
    world.look()
    assert world.verdict_by_signal == {"data-quality": "no-drift"}


@pytest.mark.parametrize(
    "kind", ["quality-a56145270ce6", "predictions", "estimate-roc_auc-0.5", "concept", "embedding-dmVjdG9y"]
)
def test_a_reference_that_is_damaged_is_made_again(kind: str) -> None:
    world = SignalWorld(*ALL)
    world.add_scored()
    world.serve_people(3000)
    world.labels_arrive(1)
    world.look()
    name = f"profiles/churn/1/{kind}.json.gz"
    stored = world.blobs.get(name)
    assert stored is not None
    world.blobs.put(name, b"damaged")
    world.serve_people(3000)
    world.labels_arrive(2)
    world.look()
    made = world.blobs.get(name)
    assert made is not None
    assert made.body != b"damaged"
    assert "error" not in world.verdict_by_signal.values()


def test_a_persons_look_makes_no_window_the_reference_of_later_ones() -> None:
    world = SignalWorld("prediction_drift: {}", "embedding_drift: {column: vector}", "concept_drift: {}", PERFORMANCE)
    world.serve_people(3000)
    world.labels_arrive(1)
    (policy,) = world.policies
    monitor = policy.section(Monitor)
    assert monitor is not None
    looking = MonitorLook(world.workspace, world.data, Profiles(world.blobs))
    deployment = looking.deployment(policy)
    assert deployment is not None
    assert deployment.version is not None
    start = world.clock.now()
    state = MonitorState(MODEL, deployment.version, start, start)
    look = looking.look(Subject(policy, monitor, deployment.name, state, start + HOUR))
    verdicts = {signal.signal: (signal.verdict, signal.sentence) for signal in look.report.signals}
    assert verdicts["performance"][0] == "no-drift"
    waits = "the app takes the version's first window as the reference, and has not yet"
    assert verdicts["prediction-drift"] == verdicts["embedding-drift"] == ("insufficient-data", waits)
    assert verdicts["concept-drift"][0] == "insufficient-data"
    assert [item.name for item in world.blobs.list("profiles/")] == []


def floors(world: SignalWorld, signal: str) -> set[str]:
    report = world.reports.last(MODEL)
    assert report is not None
    return {
        column.floor_reason for measured in report.signals if measured.signal == signal for column in measured.columns
    }


@pytest.mark.parametrize("signal", ["data-drift", "prediction-drift"])
def test_ten_quiet_windows_set_the_floor_of_the_next(signal: str) -> None:
    parts = ("data_drift: {ignore: [id, vector], min_effect: 0.06}", "prediction_drift: {min_effect: 0.06}", LABELLED)
    world = SignalWorld(*parts)
    world.add_scored()
    for number in range(10):
        world.serve_people(6000, shift=0.45 * (number % 3))
        world.look()
        assert world.verdict_by_signal == {"data-drift": "no-drift", "prediction-drift": "no-drift"}
    assert floors(world, signal) == {"smallest effect that matters"}
    world.serve_people(6000, shift=0.45)
    world.look()
    assert world.verdict_by_signal == {"data-drift": "no-drift", "prediction-drift": "no-drift"}
    assert floors(world, signal) == {"past windows"}


@pytest.mark.parametrize(
    ("parts", "signal", "is_mentioned"),
    [
        (["embedding_drift: {column: vector}"], "embedding-drift", True),
        (["prediction_drift: {}"], "prediction-drift", True),
        (["prediction_drift: {}", LABELLED], "prediction-drift", False),
    ],
    ids=["vectors", "predictions", "predictions_of_labelled_rows"],
)
def test_what_was_compared_with_the_first_window_says_so(parts: list[str], signal: str, is_mentioned: bool) -> None:
    world = SignalWorld("data_drift: {ignore: [id, vector]}", *parts)
    world.add_scored()
    for _ in range(2):
        world.serve_people(3000)
        world.look()

    assert world.newest[signal].verdict == "no-drift"
    assert (OF_FIRST_WINDOW in world.newest[signal].sentence) == is_mentioned


def test_windows_of_another_length_or_version_are_no_past() -> None:
    world = SignalWorld("embedding_drift: {column: vector}", "data_drift: {ignore: [id, vector]}")
    for _ in range(3):
        world.serve_people(2000)
        world.look()
    report = world.reports.last(MODEL)
    assert report is not None
    (policy,) = world.policies
    monitor = policy.section(Monitor)
    assert monitor is not None
    now = world.clock.now()
    state = MonitorState(MODEL, ModelVersion("1"), now, now)
    subject = Subject(policy, monitor, DeploymentName("v-1"), state, now + HOUR, report)
    assert [window.rows for window in subject.past("data-drift")] == [2000, 2000, 2000]
    assert len(subject.past_values("embedding-drift", 2000)) == 2
    assert subject.past_values("embedding-drift", 200) == ()
    other = replace(state, model_version=ModelVersion("2"))
    assert replace(subject, state=other).past("data-drift") == ()


def test_a_column_that_one_window_lacks_is_watched_again_in_the_next() -> None:
    world = SignalWorld("data_drift: {}")
    world.data.tables[TRAINED_ON] = world.customers(5000).assign(income=world.random.normal(size=5000), label=1)
    for income in (False, True):
        rows = world.customers(2000)
        world.data.requests.append(("v-1", world.clock.now(), rows.assign(income=3.0) if income else rows))
        world.look()
    assert world.verdicts == ["no-drift", "drift"]


def test_a_column_that_was_served_and_is_no_more_is_drift() -> None:
    world = SignalWorld("data_drift: {}")
    world.data.tables[TRAINED_ON] = world.customers(5000).assign(income=world.random.normal(size=5000), label=1)
    for income in (True, False):
        rows = world.customers(2000)
        served = rows.assign(income=world.random.normal(size=2000)) if income else rows
        world.data.requests.append(("v-1", world.clock.now(), served))
        world.look()
    assert world.verdicts == ["no-drift", "drift"]


def test_a_version_that_leans_on_other_features_than_when_it_was_evaluated_is_announced() -> None:
    world = SignalWorld("attribution_drift: {}")
    world.look_with_attributions(age=3.0, income=1.0)
    assert world.verdict_by_signal == {"attribution-drift": "error"}
    assert "no attributions are kept of version 1" in world.newest["attribution-drift"].sentence
    evaluated = {"version": "challenger", "method": "shap", "features": {"age": 0.6, "income": 0.2, "city": 0.02}}
    Profiles(world.blobs).save_reference(MODEL, ModelVersion("1"), "attributions", evaluated)
    world.look_with_attributions(age=3.0, income=1.0)
    assert world.verdict_by_signal == {"attribution-drift": "no-drift"}
    world.look_with_attributions(age=0.1, income=3.0)
    assert world.verdict_by_signal == {"attribution-drift": "drift"}
    assert world.announced == ["attribution-drift"]
