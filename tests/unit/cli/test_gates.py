"""`vigia gates check`: a policy's gates over files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.fakes.terminal import vigia
from tests.field.test_gates import scored

POLICY = """\
model: flight-delay
kind: tabular
endpoint: {name: flight-delay, type: online}
people: {owner: ana@example.com}
evaluate: {job: azureml:evaluate@latest, data: azureml:flights@latest}
gates:
"""
METRIC = "{metric: roc_auc, at_least: 0.80}"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    table = scored(400, 200)
    table.to_parquet(tmp_path / "scores.parquet")
    table.to_csv(tmp_path / "scores.csv", index=False)
    table.to_json(tmp_path / "scores.jsonl", orient="records", lines=True)
    table.drop(columns="champion_score").to_parquet(tmp_path / "alone.parquet")
    return tmp_path


def check(files: Path, *gates: str, scores: str = "scores.parquet", options: tuple[str, ...] = ()) -> tuple[int, Any]:
    policy = files / "policy.yaml"
    policy.write_text(POLICY + "".join(f"  - {gate}\n" for gate in gates))
    arguments = ["gates", "check", str(files / scores), "--policy", str(policy), *options]
    result = vigia(*arguments, "-o", "json")
    return result.exit_code, json.loads(result.stdout) if result.stdout else result.stderr


@pytest.mark.parametrize("scores", ["scores.parquet", "scores.csv", "scores.jsonl", ""])
def test_every_kind_of_file_is_judged_alike(files: Path, scores: str) -> None:
    if not scores:  # a folder
        (files / "scores.csv").unlink()
        (files / "scores.jsonl").unlink()
        (files / "alone.parquet").unlink()
    code, results = check(files, METRIC, scores=scores)
    assert (code, [list(row) for row in results]) == (0, [["gate", "verdict", "reason", "numbers"]])
    assert (results[0]["gate"], results[0]["verdict"], results[0]["numbers"]["rows"]) == ("metric roc_auc", "pass", 400)


@pytest.mark.parametrize(
    ("gates", "code"),
    [
        pytest.param((METRIC,), 0, id="passes"),
        pytest.param((METRIC, "{metric: roc_auc, at_least: 0.999}", "{reproducibility: {}}"), 1, id="fails"),
        pytest.param((METRIC, "{reproducibility: {}}"), 3, id="cannot_tell"),
    ],
)
def test_the_exit_code_is_the_verdict(files: Path, gates: tuple[str, ...], code: int) -> None:
    assert check(files, *gates)[0] == code


@pytest.mark.parametrize(
    ("gate", "reason"),
    [
        ("{reproducibility: {}}", "looks at the version's model"),
        ("{overfitting: {metric: roc_auc, gap_at_most: 0.1}}", "looks at the version's model"),
        ("{data_quality: {label: label}}", "add --training-data FILE"),
    ],
)
def test_what_a_file_does_not_hold_is_inconclusive(files: Path, gate: str, reason: str) -> None:
    code, (results,) = check(files, gate)
    assert (code, results["verdict"], reason in results["reason"]) == (3, "inconclusive", True)


def test_training_data_is_judged_when_it_is_given(files: Path) -> None:
    options = ("--training-data", str(files / "alone.parquet"))
    code, (results,) = check(files, "{data_quality: {columns: [row_id], leakage_at_most: 1.0}}", options=options)
    assert (code, results["verdict"]) == (0, "pass")


def test_without_a_champion_the_comparison_passes_only_where_there_is_none(files: Path) -> None:
    gate = "{not_worse_than_champion: {metric: roc_auc, margin: 0.005}}"
    code, (results,) = check(files, gate, scores="alone.parquet")
    assert (code, "the evaluation lacks champion_score" in results["reason"]) == (1, True)
    assert check(files, gate, scores="alone.parquet", options=("--first-release",))[0] == 0


@pytest.mark.parametrize(
    ("gate", "scores", "message"),
    [
        ("{metric: mae, at_least: 10}", "scores.csv", "policy.yaml:7: gates[0]: for mae lower is better"),
        (METRIC, "none.csv", "there is no file"),
        ("", "scores.csv", "policy.yaml"),
    ],
)
def test_what_cannot_be_judged_is_named(files: Path, gate: str, scores: str, message: str) -> None:
    code, results = check(files, gate, scores=scores)
    assert (code, message in results) == (2, True)


def test_people_see_each_gate_with_its_reason(files: Path) -> None:
    (files / "policy.yaml").write_text(f"{POLICY}  - {METRIC}\n")
    arguments = ["gates", "check", str(files / "scores.csv"), "--policy", str(files / "policy.yaml")]
    shown = vigia(*arguments).stdout
    assert "pass  metric roc_auc" in shown
    assert "at least" in shown


def test_lists_of_classes_and_what_the_evaluation_measured_itself_are_read(tmp_path: Path) -> None:
    lists = [["red"], ["red", "round"], []] * 100
    table = pd.DataFrame({"row_id": range(300), "label": lists, "challenger_prediction": lists, "odd": lists})
    table.to_parquet(tmp_path / "scores.parquet")
    measured = [{"version": "challenger", "metric": "map", "value": 0.6, "rows": 300}]
    (tmp_path / "metrics.json").write_text(json.dumps(measured))
    code, results = check(
        tmp_path, "{metric: f1_micro, at_least: 0.9}", "{metric: map, better: higher, at_least: 0.5}", scores=""
    )
    assert (code, [result["verdict"] for result in results]) == (0, ["pass", "pass"])
    (tmp_path / "metrics.json").write_text("[1]")
    code, message = check(tmp_path, "{metric: map, better: higher, at_least: 0.5}", scores="")
    assert (code != 0, "metrics.json[0]: Input should be a valid" in message) == (True, True)


def test_results_of_the_models_own_tests_are_a_file_like_the_others(files: Path) -> None:
    (files / "tests.xml").write_text('<testsuite><testcase name="test_it"/></testsuite>', encoding="utf-8")

    code, (results,) = check(files, "{tests: {at_least: 1}}", scores="tests.xml")

    assert (code, results["verdict"]) == (0, "pass")
