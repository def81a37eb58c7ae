"""`vigia experiments`: an experiment's jobs with their metrics, and its candidates beside the best."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shared.domain.ids import JobName
from shared.ports.jobs import JobRecord
from tests.unit.cli.conftest import Run
from tests.unit.cli.world import MODEL, NOW, FakeApp

Json = Callable[..., Any]


def add(fake: FakeApp, name: str, status: str = "Completed", experiment: str = "search", **metrics: float) -> None:
    record = JobRecord(JobName(name), status, {}, "ana", experiment=experiment, created_at=NOW, metrics=metrics)
    fake.azureml.jobs[name] = record


@pytest.fixture
def search(fake: FakeApp) -> FakeApp:
    add(fake, "try-1", validation_roc_auc=0.80, validation_roc_auc_se=0.01)
    add(fake, "try-2", validation_roc_auc=0.85, validation_roc_auc_se=0.01)
    add(fake, "try-3", validation_roc_auc=0.84)
    add(fake, "try-4", "Failed", validation_roc_auc=0.99)
    add(fake, "elsewhere", experiment="other", validation_roc_auc=0.99)
    fake.azureml.register(MODEL, "8", NOW, job="try-2")
    return fake


@pytest.mark.usefixtures("search")
def test_jobs_of_an_experiment_are_listed_with_metrics_and_versions(run: Run, run_json: Json) -> None:
    shown = run("experiments", "show", "search").stdout
    jobs = {job["job"]: job for job in run_json("experiments", "show", "search")["jobs"]}

    assert "validation_roc_auc 0.85" in shown
    assert sorted(jobs) == ["try-1", "try-2", "try-3", "try-4"]
    assert (jobs["try-2"]["version"], jobs["try-1"]["version"]) == (f"{MODEL}:8", None)
    assert jobs["try-4"]["status"] == "Failed"


@pytest.mark.usefixtures("search")
def test_candidates_are_ranked_beside_the_best_and_what_failed_is_none(run: Run, run_json: Json) -> None:
    arguments = ("experiments", "compare", "search", "--metric", "validation_roc_auc")
    candidates = run_json(*arguments)["candidates"]

    assert [(entry["job"], entry["verdict"]) for entry in candidates] == [
        ("try-2", "best"),
        ("try-3", "no standard error"),
        ("try-1", "worse"),
    ]
    assert candidates[2]["interval"] == pytest.approx([0.0161, 0.0839], abs=1e-4)
    assert "0.05 (0.01614 to 0.08386)" in run(*arguments).stdout


def test_trials_of_a_job_are_compared_where_its_name_is_given(fake: FakeApp, run_json: Json) -> None:
    add(fake, "job-1", experiment="training")
    for number, loss in enumerate((0.5, 0.3)):
        add(fake, f"job-1_{number}", experiment="training", my_loss=loss)

    answer = run_json("experiments", "compare", "job-1", "--metric", "my_loss", "--better", "lower")

    assert [entry["job"] for entry in answer["candidates"]] == ["job-1_1", "job-1_0"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(("search", "--metric", "my_loss"), "write --better higher or --better lower", id="way_unknown"),
        pytest.param(("search", "--metric", "recall"), "they logged validation_roc_auc", id="not_logged"),
        pytest.param(("nobody", "--metric", "recall"), "is in an experiment nobody", id="no_experiment"),
    ],
)
@pytest.mark.usefixtures("search")
def test_what_cannot_be_compared_says_what_to_write(run: Run, arguments: tuple[str, ...], message: str) -> None:
    result = run("experiments", "compare", *arguments)

    assert result.exit_code != 0
    assert message in " ".join(result.output.split())
