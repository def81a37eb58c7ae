"""What `vigia init` writes runs: a training with the real MLflow, and an evaluation in the columns that gates read."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from local.azureml.base.environments import Environments, requirements_of
from tests.fakes.terminal import vigia
from tests.local.azureml.conftest import LAYERS


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chance = np.random.default_rng(0)
    numbers = chance.normal(size=300)
    frame = pd.DataFrame(
        {
            "row_id": [f"r{row}" for row in range(300)],
            "number": numbers,
            "empty": np.where(chance.random(300) < 0.1, np.nan, numbers),
            "town": chance.choice(["Porto", "Lisbon"], 300),
            "day": range(300),
            "horizon": [row % 3 for row in range(300)],
            "is_high": (numbers > 0).astype(int),
            "level": np.where(numbers > 0.7, "high", np.where(numbers > -0.7, "middle", "low")),
            "marks": [[name for name, sign in (("plus", 1), ("minus", -1)) if sign * x > -0.5] for x in numbers],
            "amount": 3 * numbers + 1,
        }
    )
    file = tmp_path_factory.mktemp("rows") / "rows.parquet"
    frame.to_parquet(file, index=False)
    return file


LABELS = ["is_high", "level", "marks", "amount"]
COLUMNS = {
    "binary-classification": ("is_high", {"score"}),
    "classification": ("level", {"prediction", "score_high", "score_middle", "score_low"}),
    "multilabel-classification": ("marks", {"prediction", "score_plus", "score_minus"}),
    "regression": ("amount", {"score"}),
    "forecasting": ("amount", {"score"}),
    "other": ("amount", {"score", "closeness"}),
}


@pytest.mark.parametrize("task", COLUMNS)
def test_training_and_evaluation_run_as_they_are_written(tmp_path: Path, rows: Path, task: str) -> None:
    label, columns = COLUMNS[task]
    options = ["--metric", "closeness"] if task == "other" else []
    options += ["--time", "day"] if task == "forecasting" else []
    own = tmp_path / "rows.parquet"
    pd.read_parquet(rows).drop(columns=[name for name in LABELS if name != label]).to_parquet(own, index=False)
    arguments = ["--data", str(own), "--folder", str(tmp_path), "--label", label, "--task", task, "--slice-by", "town"]
    vigia("init", "own-model", *arguments, "--owner", "ana@example.com", "--yes", *options)

    python = interpreter(tmp_path / "conda.yaml")
    run(python, tmp_path / "train" / "train.py", "--training_data", own, "--model", tmp_path / "model")
    models = ["--champion", tmp_path / "model", "--challenger", tmp_path / "model"]
    run(python, tmp_path / "evaluate" / "evaluate.py", *models, "--data", own, "--scores", tmp_path / "scores")

    scores = pd.read_parquet(tmp_path / "scores" / "scores.parquet")
    expected = {"row_id", "label", "town"} | {
        f"{side}_{name}" for side in ("champion", "challenger") for name in columns
    }
    assert set(scores.columns) == expected | ({"horizon"} if task == "forecasting" else set())
    assert len(scores) == 300
    assert not scores.isna().any().any()


def interpreter(conda: Path) -> str:
    """Return a Python with the packages of an environment file."""
    requirements = requirements_of({"condaFile": conda.read_text()})
    assert yaml.safe_load(conda.read_text())["name"] == "own-model"
    return asyncio.run(Environments(sys.executable, LAYERS).interpreter(requirements, print))


def run(python: str, *arguments: object) -> None:
    done = subprocess.run([python, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
