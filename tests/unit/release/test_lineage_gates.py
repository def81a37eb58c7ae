"""The gates that look at how a version was made, before any evaluation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from shared.domain.ids import JobName
from shared.domain.releases.plan import GatePlan
from shared.domain.releases.verdict import GateResult, Verdict
from shared.ports.jobs import JobRecord
from shared.release.gates.registry import judge, judge_lineage, training_input
from shared.release.gates.spec import Lineage
from tests.fakes.releases import a_plan, a_release

PINNED = "azureml:flights:7"
JOB = JobRecord(
    JobName("train-1"),
    "Completed",
    {"train_roc_auc": "0.80", "validation_roc_auc": "0.77"},
    "ana@example.com",
    inputs={"training_data": PINNED},
    ran={"step train": "/subscriptions/s/components/train/versions/3"},
)


def rows(count: int = 400) -> pd.DataFrame:
    random = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "hour": random.integers(0, 24, count),
            "delay": random.normal(size=count),
            "carrier": random.choice(["AA", "B6"], count),
            "late": random.integers(0, 2, count),
        }
    )


def result(kind: str, lineage: Lineage, **settings: Any) -> GateResult:
    release = a_release(plan=a_plan(gates=(GatePlan(kind, settings),)))
    assert judge(release, "evaluation", None) == ()
    (only,) = judge_lineage(release, lineage)
    return only


SOUND = {"label": "late", "columns": ["carrier"], "ranges": {"hour": [0, 23]}}


def test_sound_training_data_passes() -> None:
    gate_result = result("data_quality", Lineage(None, JOB, rows()), **SOUND)
    assert (gate_result.verdict, gate_result.reason) == (
        Verdict.PASS,
        "400 rows and 4 columns of training data are sound",
    )


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        pytest.param(rows().drop(columns="carrier"), "it lacks carrier", id="schema"),
        pytest.param(
            rows().assign(delay=lambda t: t["delay"].where(t.index > 99)), "missing in delay 25.0 %", id="missing"
        ),
        pytest.param(rows().assign(hour=lambda t: t["hour"] + 5), "are not between 0 and 23", id="ranges"),
        pytest.param(rows().assign(hour="noon"), "400 values of hour are not between", id="words"),
        pytest.param(pd.concat([rows(), rows().head(40)]), "9.1 % of the rows repeat others", id="duplicates"),
        pytest.param(
            rows().assign(arrived=lambda t: t["late"] * 30.0 + t["delay"]), "arrived alone tells the label", id="leak"
        ),
        pytest.param(
            rows().assign(status=lambda t: t["late"].map({0: "ok", 1: "delayed"})),
            "status alone tells the label",
            id="leaking_words",
        ),
        pytest.param(rows().assign(late=lambda t: t["late"].where(t.index > 3)), "4 rows have no label", id="no_label"),
    ],
)
def test_unsound_training_data_fails_and_says_why(table: pd.DataFrame, sentence: str) -> None:
    gate_result = result("data_quality", Lineage(None, JOB, table), **SOUND)
    assert gate_result.verdict is Verdict.FAIL
    assert sentence in gate_result.reason


@pytest.mark.parametrize(
    ("lineage", "sentence"),
    [
        pytest.param(Lineage(None, JOB, problem="no parquet file"), "no parquet file", id="unreadable"),
        pytest.param(Lineage(), "is not known", id="unknown"),
        pytest.param(Lineage(None, JOB, rows(20)), "20 rows of training data are too few", id="few"),
    ],
)
def test_training_data_that_cannot_be_judged_is_no_good_news(lineage: Lineage, sentence: str) -> None:
    gate_result = result("data_quality", lineage, **SOUND)
    assert gate_result.verdict is Verdict.INCONCLUSIVE
    assert sentence in gate_result.reason


def test_many_rare_categories_do_not_seem_to_know_the_label() -> None:
    table = rows().assign(tail=[f"N{i}" for i in range(400)])
    assert result("data_quality", Lineage(None, JOB, table), **SOUND).verdict is Verdict.PASS


def test_three_rows_of_a_label_do_not_show_that_a_column_tells_it() -> None:
    table = rows().assign(late=lambda t: (t.index < 3).astype(int), seat=lambda t: t.index)
    gate_result = result("data_quality", Lineage(None, JOB, table), **SOUND)
    assert (gate_result.verdict, "3 rows of one label are too few" in gate_result.reason) == (
        Verdict.INCONCLUSIVE,
        True,
    )


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [
        pytest.param({"metric": "roc_auc", "gap_at_most": 0.05}, Verdict.PASS, id="small_gap"),
        pytest.param({"metric": "roc_auc", "gap_at_most": 0.02}, Verdict.FAIL, id="large_gap"),
        pytest.param({"metric": "log_loss", "gap_at_most": 0.02}, Verdict.INCONCLUSIVE, id="not_recorded"),
        pytest.param(
            {"metric": "accuracy", "gap_at_most": 0.05, "train": "train_roc_auc", "validation": "validation_roc_auc"},
            Verdict.PASS,
            id="other_tags",
        ),
    ],
)
def test_the_gap_between_training_and_validation_is_limited(settings: dict[str, Any], verdict: Verdict) -> None:
    assert result("overfitting", Lineage(None, JOB), **settings).verdict is verdict


def test_what_the_training_logged_with_mlflow_counts_like_its_tags() -> None:
    job = replace(JOB, tags={"train_mae": "0.3"}, metrics={"train_mae": 9.0, "validation_mae": 0.5})
    assert result("overfitting", Lineage(None, job), metric="mae", gap_at_most=0.1).numbers["gap"] == pytest.approx(0.2)


def test_where_lower_is_better_the_gap_is_turned_round() -> None:
    job = replace(JOB, tags={"train_log_loss": "0.30", "validation_log_loss": "0.55"})
    gate_result = result("overfitting", Lineage(None, job), metric="log_loss", gap_at_most=0.1)
    assert gate_result.verdict is Verdict.FAIL
    assert gate_result.numbers["gap"] == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("job", "sentence"),
    [
        pytest.param(None, "no training job is recorded", id="no_job"),
        pytest.param(
            replace(JOB, inputs={"training_data": "azureml:flights@latest"}), "which is no version", id="latest"
        ),
        pytest.param(
            replace(JOB, inputs={"training_data": "azureml://datastores/a/paths/b.parquet"}), "no version", id="a_path"
        ),
        pytest.param(replace(JOB, inputs={"training_data": "azureml:flights"}), "which is no version", id="no_number"),
        pytest.param(replace(JOB, ran={}), "does not say which code and environment", id="no_code"),
        pytest.param(replace(JOB, ran={"code": "/codes/c/versions/1", "environment": ""}), "not recorded", id="no_env"),
    ],
)
def test_what_cannot_be_repeated_fails(job: JobRecord | None, sentence: str) -> None:
    gate_result = result("reproducibility", Lineage(None, job))
    assert gate_result.verdict is Verdict.FAIL
    assert sentence in gate_result.reason


@pytest.mark.parametrize("ran", ["train_churn:1", "azureml:train:1", "/subscriptions/s/components/train/versions/3"])
def test_what_is_recorded_can_be_repeated(ran: str) -> None:
    job = replace(JOB, ran={"step train": ran})
    assert result("reproducibility", Lineage(None, job)).verdict is Verdict.PASS


def test_the_training_data_is_read_only_for_a_gate_that_wants_it() -> None:
    assert training_input(a_release()) is None
    release = a_release(plan=a_plan(gates=(GatePlan("data_quality", {"input": "flights"}),)))
    assert training_input(release) == "flights"
