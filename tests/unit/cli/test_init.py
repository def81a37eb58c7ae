"""`vigia init` writes files that are whole, and never over somebody's own."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner, Result

from cli.init.answers import Task
from cli.main import app

PEOPLE = ["--owner", "ana@example.com", "--yes"]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    file = tmp_path / "visits.parquet"
    numbers = range(60)
    frame = pd.DataFrame(
        {
            "visit_id": [f"v{number}" for number in numbers],
            "age": [20 + number % 50 for number in numbers],
            "town": ["Lisbon" if number % 2 else "Porto" for number in numbers],
            "stay": [number % 9 + 0.5 for number in numbers],
            "ward": [("A", "B", "C")[number % 3] for number in numbers],
            "again": [number % 2 for number in numbers],
        }
    )
    frame.to_parquet(file, index=False)
    return file


def init(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["init", *arguments])


def policy_in(folder: Path, model: str) -> dict[str, Any]:
    policy: dict[str, Any] = yaml.safe_load((folder / "policies" / f"{model}.yaml").read_text())
    return policy


def test_two_classes_are_read_off_the_data(tmp_path: Path, rows: Path) -> None:
    result = init("stay-again", "--data", str(rows), "--folder", str(tmp_path), "--slice-by", "town", *PEOPLE)

    assert (result.exit_code, "is right. What it will do" in result.output) == (0, True), result.output
    policy = policy_in(tmp_path, "stay-again")
    assert policy["gates"][0] == {"metric": "roc_auc", "at_least": 0.7}
    assert policy["gates"][2]["slices"]["by"] == ["town"]
    assert policy["retrain"]["job"] == "azureml:train_stay_again@latest"
    assert policy["monitor"]["data_drift"]["ignore"] == ["visit_id"]
    assert 'LABEL = "again"' in (tmp_path / "train" / "train.py").read_text()
    assert 'read("visits.parquet")' in (tmp_path / "register.py").read_text()


def test_bound_of_an_error_is_what_the_median_would_do(tmp_path: Path, rows: Path) -> None:
    result = init("stay", "--data", str(rows), "--label", "stay", "--folder", str(tmp_path), *PEOPLE)

    assert result.exit_code == 0, result.output
    assert policy_in(tmp_path, "stay")["gates"] == [
        {"metric": "mae", "at_most": 2.2},
        {"not_worse_than_champion": {"metric": "mae", "margin": 0.1, "confidence": "95%"}},
    ]


@pytest.mark.parametrize("task", [task.value for task in Task])
@pytest.mark.parametrize("kind", ["online", "batch"])
def test_each_file_is_whole(tmp_path: Path, task: str, kind: str) -> None:
    options = ["--data", "azureml:visits", "--evaluation", "azureml:visits-later", "--task", task]
    result = init("stay", *options, "--endpoint-type", kind, "--folder", str(tmp_path), *PEOPLE)

    assert result.exit_code == 0, result.output
    for file in tmp_path.rglob("*.py"):
        ast.parse(file.read_text(), str(file))
    for file in tmp_path.rglob("*.yaml"):
        assert isinstance(yaml.safe_load(file.read_text()), dict)
    assert policy_in(tmp_path, "stay")["evaluate"]["data"] == "azureml:visits-later@latest"


def test_files_that_are_there_stay_as_they_are(tmp_path: Path, rows: Path) -> None:
    (tmp_path / "register.py").write_text("mine")
    arguments = ("stay-again", "--data", str(rows), "--folder", str(tmp_path), *PEOPLE)

    result = init(*arguments)

    assert (result.exit_code, "there already:" in result.output) == (2, True)
    assert (tmp_path / "register.py").read_text() == "mine"
    assert not (tmp_path / "policies").exists()
    assert init(*arguments, "--force").exit_code == 0
    assert (tmp_path / "register.py").read_text() != "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--key", "town"], "has values more than once: it cannot tell rows apart", id="key_of_many_rows"),
        pytest.param(["--label", "late"], "has no column 'late' for the label", id="unknown_label"),
        pytest.param(["--slice-by", "city"], "has no column 'city'", id="unknown_group"),
    ],
)
def test_columns_are_looked_up_before_anything_is_written(
    tmp_path: Path, rows: Path, arguments: list[str], message: str
) -> None:
    result = init("stay-again", "--data", str(rows), "--folder", str(tmp_path), *arguments, *PEOPLE)

    assert (result.exit_code, message in result.output) == (2, True), result.output
    assert list(tmp_path.iterdir()) == [rows]


def test_without_data_and_nobody_to_ask_it_says_what_is_missing(tmp_path: Path) -> None:
    result = init("stay", "--folder", str(tmp_path), *PEOPLE)

    assert (result.exit_code, "add --data" in result.output) == (2, True)


def test_name_that_cannot_be_one_is_refused(tmp_path: Path, rows: Path) -> None:
    result = init("Stay Again", "--data", str(rows), "--folder", str(tmp_path), *PEOPLE)

    assert (result.exit_code, "cannot name a model" in result.output) == (2, True)
